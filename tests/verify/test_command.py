"""`vanthu-sign verify`: offline, one object a line, bounds that nothing in a file moves."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from vanthu_verify import Trust
from vanthu_verify.bounded import Failure, Worker

from tests.interop import paper


def _verify(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vanthu_sign", "verify", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def _lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, issued: bytes, signed: bytes, trust: Trust) -> Path:
    (tmp_path / "root.pem").write_text(ssl.DER_cert_to_PEM_cert(trust.roots[0]))
    (tmp_path / "issued.pdf").write_bytes(issued)
    (tmp_path / "signed.pdf").write_bytes(signed)
    (tmp_path / "forged.pdf").write_bytes(paper.draw_over(issued))
    (tmp_path / "unsigned.pdf").write_bytes(paper.sample("01"))
    (tmp_path / "letter.txt").write_text("Kính gửi")
    return tmp_path


def test_one_object_a_line_for_every_file(folder: Path) -> None:
    names = ["issued.pdf", "signed.pdf", "forged.pdf", "unsigned.pdf", "letter.txt", "missing.pdf"]
    done = _verify("--trust", folder / "root.pem", "--json", *(folder / name for name in names))
    assert done.returncode == 1
    issued, signed, forged, unsigned, letter, missing = _lines(done)
    assert (issued["indication"], issued["sub_indication"], issued["error"]) == ("TOTAL_PASSED", None, None)
    leader, seal = issued["signatures"]
    assert (leader["level"], leader["signer"], leader["modifications"]) == ("B-LTA", paper.NAME, "permitted")
    assert (seal["field"], seal["modifications"], len(issued["timestamps"])) == ("vanthu_seal", "permitted", 1)
    assert {"field", "level", "indication", "sub_indication", "signer", "signed_at", "modifications"} <= leader.keys()
    assert (signed["indication"], signed["sub_indication"]) == ("INDETERMINATE", "TRY_LATER")
    assert signed["signatures"][0]["modifications"] == "none"
    assert (forged["indication"], forged["signatures"][1]["modifications"]) == ("TOTAL_FAILED", "forbidden")
    assert (unsigned["indication"], unsigned["sub_indication"]) == ("INDETERMINATE", "NO_SIGNATURE")
    assert (unsigned["error"], unsigned["signatures"]) == (None, [])
    assert [letter["error"]["code"], missing["error"]["code"]] == ["not_a_pdf", "unreadable_file"]
    assert letter["error"]["vi"]


def test_the_exit_code_is_zero_when_everything_passed(folder: Path) -> None:
    # A file right behind --trust is told from a certificate by its content.
    done = _verify("--trust", folder / "root.pem", folder / "issued.pdf")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()[:2]
    assert "nguyên vẹn" in first
    assert "intact" in second


def test_the_detailed_report_says_each_block_and_each_change(folder: Path) -> None:
    done = _verify("--trust", folder / "root.pem", "--report", folder / "forged.pdf")
    assert "[5.2.7] cryptographic_verification: PASSED" in done.stdout
    assert "annotation added" in done.stdout
    (whole,) = _lines(_verify("--trust", folder / "root.pem", "--json", "--report", folder / "forged.pdf"))
    assert not whole["report"]["revisions"][-1]["allowed"]


def test_at_a_past_time_and_by_policy(folder: Path) -> None:
    trust = ("--trust", folder / "root.pem", "--json")
    (line,) = _lines(_verify(*trust, "--at", "2001-02-03", folder / "issued.pdf"))
    assert (line["indication"], line["at"]) == ("INDETERMINATE", "2001-02-03T23:59:59+07:00")
    (line,) = _lines(_verify(*trust, "--policy", "incoming", folder / "issued.pdf"))
    assert (line["indication"], line["policy"]) == ("TOTAL_PASSED", "incoming-1")


def test_an_encrypted_file_asks_for_its_password(tmp_path: Path) -> None:
    import pikepdf

    path = tmp_path / "locked.pdf"
    with pikepdf.open(paper.DATA / "01-cong-van.pdf") as plain:
        plain.save(path, encryption=pikepdf.Encryption(user="mật khẩu", owner="chủ", R=6))
    (line,) = _lines(_verify("--json", path))
    assert (line["indication"], line["error"]["code"]) == ("INDETERMINATE", "encrypted")
    (line,) = _lines(_verify("--json", "--password", "mật khẩu", path))
    assert (line["sub_indication"], line["error"]) == ("NO_SIGNATURE", None)


def test_wrong_use_is_said_in_a_sentence(folder: Path) -> None:
    done = _verify("--trust", folder / "letter.txt", folder / "issued.pdf")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"chứng thư gốc {folder / 'letter.txt'}" in done.stderr
    done = _verify("--at", "hôm qua", folder / "issued.pdf")
    assert (done.returncode, "2026-01-31" in done.stderr) == (2, True)


def test_broken_files_right_behind_trust_are_files_too(folder: Path) -> None:
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "zeros.pdf").write_bytes(b"0000")
    names = ["issued.pdf", "letter.txt", "empty.pdf", "zeros.pdf", "missing.pdf"]
    done = _verify("--json", "--trust", folder / "root.pem", *(folder / name for name in names))
    assert done.returncode == 1
    issued, *broken = _lines(done)
    assert issued["indication"] == "TOTAL_PASSED"
    assert [each["error"]["code"] for each in broken] == ["not_a_pdf", "empty_file", "not_a_pdf", "unreadable_file"]


def _forever(_: Path) -> None:
    while True:
        pass


def _greedy(_: Path) -> int:
    return len(bytearray(1 << 30))


def _named(path: Path) -> str:
    return path.name


def test_a_file_that_takes_too_long_or_too_much_is_given_up_and_the_next_is_read() -> None:
    slow = Worker(_forever, seconds=0.2)
    assert slow.run(Path("a.pdf")) == Failure("too_slow")
    greedy = Worker(_greedy)
    assert greedy.run(Path("a.pdf")) == Failure("too_large")
    greedy.close()
    worker = Worker(_named)
    assert [worker.run(Path("a.pdf")), worker.run(Path("b.pdf"))] == ["a.pdf", "b.pdf"]
    worker.close()
