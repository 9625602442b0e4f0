"""`vanthu-sign` as it is typed: the pile, its table and JSON, the self-test, the token's list, and what the fleet view hears."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from uuid import UUID

import pytest
from vanthu_sign import report, selftest
from vanthu_sign.__main__ import main
from vanthu_sign.device import About

from services.signing import fleet
from tests.clients.signing_desk import PIN, Desk
from tests.signing import office as world
from tests.signing.office import AGENCY, OTHER, PARENT

AT_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "vanthu_sign", *sys.argv[1:]])
"""


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_pile_is_listed_signed_and_told_of_one_by_one(desk: Desk) -> None:
    documents = [str(each) for each in desk.order(3)]
    code, said, errors = desk.run("list")
    assert code == 0, errors
    assert "3 văn bản chờ ký" in said
    code, said, errors = desk.run("sign", "--all", "--yes", "--pin-stdin", "--json")
    assert code == 0, errors
    results = lines(said)
    assert {str(each["document_id"]) for each in results} == set(documents)
    assert {each["result"] for each in results} == {"signed"}
    assert desk.run("sign", "--all", "--yes", "--pin-stdin") == (0, "Không có văn bản nào được ký.\n", "")


def test_some_are_left_out_and_the_table_tells_of_the_others(desk: Desk) -> None:
    desk.order(3)
    code, said, errors = desk.run("sign", "--all", "--pin-stdin", said=f"2\nc\n{PIN}\n")
    assert code == 0, errors
    assert said.count("trang đầu:") == 3
    assert "Ký 3 văn bản?" in said
    assert "Ký 2 văn bản?" in said
    assert "2 đã ký." in said
    assert desk.states() == {"signed": 2, "awaiting_signature": 1}


def test_one_by_one_asks_for_each_and_a_no_signs_nothing(desk: Desk) -> None:
    desk.order(2)
    code, _said, errors = desk.run("sign", "--all", "--one-by-one", "--pin-stdin", said=f"k\nc\n{PIN}\n")
    assert code == 0, errors
    assert desk.states() == {"signed": 1, "awaiting_signature": 1}
    code, said, _errors = desk.run("sign", "--all", "--pin-stdin", said="k\n")
    assert (code, "Không có văn bản nào được ký." in said) == (0, True)
    assert desk.states() == {"signed": 1, "awaiting_signature": 1}


def test_ctrl_c_stops_after_the_signature_under_way_and_the_next_run_goes_on(desk: Desk) -> None:
    desk.order(30)
    program = subprocess.Popen(
        [sys.executable, "-m", "vanthu_sign", "sign", "--all", "--yes", "--pin-stdin"],
        env=desk.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # the whole group gets it, as at a terminal
    )
    assert program.stdin is not None
    program.stdin.write(f"{PIN}\n")
    program.stdin.flush()
    until = time.monotonic() + 120
    while not any(path.startswith("POST completions") for path in desk.seen):
        assert time.monotonic() < until
        desk.pause()
    os.killpg(program.pid, signal.SIGINT)
    _said, errors = program.communicate(timeout=120)
    assert program.returncode in (0, 130), errors
    code, _said, errors = desk.run("sign", "--all", "--yes", "--pin-stdin")
    assert code == 0, errors
    assert desk.states() == {"signed": 30}


def test_a_pin_typed_at_a_terminal_is_never_shown(desk: Desk) -> None:
    desk.order()
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, "sign", "--all"],
        env=desk.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = _until(ours, "văn bản? [c")
    os.write(ours, b"c\n")
    seen += _until(ours, "Mã PIN")
    os.write(ours, f"{PIN}\n".encode())
    seen += _until(ours, "đã ký")
    assert program.wait(60) == 0
    os.close(ours)
    assert PIN not in seen
    assert desk.states() == {"signed": 1}


def _until(terminal: int, wanted: str) -> str:
    seen = b""
    while wanted not in seen.decode(errors="replace"):
        seen += os.read(terminal, 4096)
    return seen.decode(errors="replace")


# --- self-test


def test_a_self_test_says_each_point_and_signs_what_no_document_is(desk: Desk) -> None:
    code, said, errors = desk.run("selftest", "--pin-stdin", "--json")
    points = {str(each["point"]): each for each in lines(said)}
    assert code == 0, said + errors
    assert {"program", "disk", "server", "clock", "driver", "token", "certificate", "chain", "signature"} <= set(points)
    assert all(each["ok"] for each in points.values())
    assert points["certificate_end"]["code"] == "certificate_ends_soon" if "certificate_end" in points else True
    assert selftest.TEXT[:1] != b"\x31", "signed attributes are a SET"

    code, said, _ = desk.run("selftest", "--pin-stdin", said="00000000\n")
    assert code == 1
    assert "[pin_wrong]" in said
    assert "chữ ký thử" in said
    assert "PIN: chưa nhập sai" in said
    code, said, _ = desk.run("selftest", "--offline", VANTHU_SIGN_MODULE="/không/có.so")
    assert (code, "[module_broken]" in said) == (1, True)


def test_a_token_is_listed_with_the_drivers_that_see_it(desk: Desk) -> None:
    code, said, errors = desk.run("token")
    assert code == 0, errors
    assert "Nguyễn Văn Bình" in said
    code, said, errors = desk.run("token", "--list")
    assert code == 0, said + errors
    assert "lanh-dao" in said
    assert "softhsm" in said.lower()


# --- the fleet view


def watcher(desk: Desk, role: str, agency: UUID) -> int:
    """What somebody with this role there gets from the fleet view: the status, or how many programs they see."""
    principal, stated = world.clerk_of(agency)
    post = stated.posts[0].model_copy(update={"roles": (role,)})
    desk.office.take(stated.model_copy(update={"posts": (post,)}))
    answer = desk.desktop.of(principal).get("/clients")
    return len(answer.json()["items"]) if answer.status_code == 200 else answer.status_code


def test_the_operator_sees_the_programs_and_nobody_elses_eyes_do(desk: Desk) -> None:
    desk.order()
    assert desk.run("sign", "--all", "--yes", "--pin-stdin")[0] == 0
    desk.run("selftest", "--pin-stdin")
    assert watcher(desk, "operator", OTHER) == 1
    assert watcher(desk, "officer", PARENT) == 1, "the leader's agency is beneath theirs"
    assert watcher(desk, "officer", AGENCY) == 1
    assert watcher(desk, "officer", OTHER) == 0
    assert watcher(desk, "leader", AGENCY) == 403
    principal, stated = world.clerk_of(OTHER)
    post = stated.posts[0].model_copy(update={"roles": ("operator",)})
    desk.office.take(stated.model_copy(update={"posts": (post,)}))
    [client] = desk.desktop.of(principal).get("/clients").json()["items"]
    assert (client["person_id"], client["occasion"]) == (str(desk.leader.id), "selftest")
    assert "SoftHSM" in client["token_model"]
    assert client["tested_failed"] == []
    assert client["problem"] is None

    desk.run("selftest", "--pin-stdin", said="00000000\n")
    listed = desk.desktop.of(principal).get("/clients").json()
    [client] = listed["items"]
    assert client["problem"] == "pin_wrong"
    assert client["attention"][:2] == ["token_problem", "selftest_failed"]
    assert [(row["clients"], row["failing"]) for row in listed["drivers"]] == [(1, 1)]


def test_a_report_says_nothing_more_than_it_may(desk: Desk) -> None:
    about = About("nhãn", "SERIAL", "model", "maker", "driver", "1.2", True, True, False, "full")
    facts = report.facts(desk.home, "sign", about=about, problem="pin_wrong")
    assert set(facts) <= {
        "client_id", "occasion", "version", "system", "problem", "driver", "driver_version", "token_model",
        "certificate_not_after", "selftest",
    }  # fmt: skip
    assert "SERIAL" not in json.dumps(facts)
    http = desk.desktop.of(desk.leader.principal)
    assert http.post("/clients", json=facts).status_code == 200
    assert http.post("/clients", json=facts | {"name": "Nguyễn Văn Bình"}).status_code == 422


def test_reports_are_kept_once_a_program_and_for_ninety_days(desk: Desk) -> None:
    http = desk.desktop.of(desk.leader.principal)
    facts = report.facts(desk.home, "login")
    for occasion in ("login", "sign", "login"):
        assert http.post("/clients", json=facts | {"occasion": occasion}).status_code == 200
    for _ in range(fleet.MOST_OF_ONE + 5):
        made = report.facts(desk.home / "x" / os.urandom(4).hex(), "login")
        assert http.post("/clients", json=made).status_code == 200
    assert watcher(desk, "operator", OTHER) == fleet.MOST_OF_ONE
    with desk.office.pool.connection() as connection:
        connection.execute("SELECT set_config('vanthu.person', %s, true)", [str(desk.leader.id)])
        connection.execute("UPDATE client SET reported_at = now() - interval '91 days'")
    assert watcher(desk, "operator", OTHER) == 0
    assert http.post("/clients", json=facts).status_code == 200
    with desk.office.pool.connection() as connection:
        connection.execute("SELECT set_config('vanthu.person', %s, true)", [str(desk.leader.id)])
        rows = connection.execute("SELECT count(*) AS n FROM client").fetchall()
    assert rows == [{"n": 1}]


def test_the_program_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("vanthu-sign 0.2.")


def test_a_key_that_wants_its_pin_each_time_reads_a_line_for_each(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(kind="each")
    desk.order(2)
    code, _said, errors = desk.run("sign", "--all", "--yes", "--pin-stdin", said=f"{PIN}\n" * 3)
    assert code == 0, errors
    assert "[pin_for_each]" in errors
    assert desk.states() == {"signed": 2}
