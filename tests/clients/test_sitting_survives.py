"""What breaks in the middle of a sitting, on the real parts: nothing is lost, nothing is signed twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from vanthu_sign import pile
from vanthu_sign.device import Device, choose
from vanthu_sign.pile import Ended, Item, Result
from vanthu_sign.pin import Why
from vanthu_sign.sitting import Progress, Sitting, Step
from vanthu_sign.words import Refused

from shared import db
from shared.events import signing
from tests.clients.signing_desk import Desk
from tests.signing import office as world
from tests.signing.desktop import sign as sign_by_software
from tests.support.parts import free_port

Step_ = Callable[[], None]


def at(desk: Desk, done: int, act: Step_) -> Callable[[Progress], None]:
    """Listens to a sitting and acts once, when so many signatures are made."""

    def told(progress: Progress) -> None:
        desk.told.append(progress)
        if progress.step is Step.SIGNING and progress.done == done:
            act()

    return told


def sitting(desk: Desk, told: Callable[[Progress], None], **more: float) -> Sitting:
    return Sitting(desk.server(**more), desk.home, told=told)


def signed_once(desk: Desk, count: int) -> None:
    """Every document is signed, and the service stated each signature exactly once."""
    assert desk.states() == {"signed": count}
    facts = [event.document_id for event in desk.office.stated() if isinstance(event, signing.DocumentSigned)]
    assert sorted(Counter(facts).values()) == [1] * count


def codes(results: list[Result]) -> list[str | None]:
    return [result.refused.code if result.refused else None for result in results]


def test_a_crashed_driver_is_started_again_and_the_rest_is_signed(desk: Desk) -> None:
    desk.order(6)
    holding: list[Device] = []

    def crash() -> None:
        os.kill(holding[0]._process.pid, signal.SIGKILL)

    with sitting(desk, at(desk, 2, crash)) as open_sitting, desk.opened() as token:
        holding.append(token)
        items = desk.prepare(open_sitting, token)
        results = open_sitting.sign(token, items, ask=desk.ask)
    assert [each.ended for each in results] == [Ended.SIGNED] * 6
    assert [ask.why for ask in desk.asked] == [Why.BATCH, Why.AGAIN]
    assert 1 <= desk.asked[1].documents <= 4, "what was signed is not signed again"
    said = [step.words.code for step in desk.told if step.words is not None]
    assert said == ["driver_restarted"]
    signed_once(desk, 6)


def test_a_token_pulled_out_leaves_the_rest_for_the_next_sitting(desk: Desk) -> None:
    desk.order(8)
    tokens = desk.store.conf.parent / "tokens"
    holding: list[Device] = []

    def pull_out() -> None:
        driver = holding[0]._process.pid
        os.kill(driver, signal.SIGSTOP)  # a signature made while the folder moves would be answered with token_gone
        shutil.move(tokens, tokens.with_name("gone"))
        tokens.mkdir()
        os.kill(driver, signal.SIGKILL)

    with sitting(desk, at(desk, 2, pull_out)) as open_sitting, desk.opened() as token:
        holding.append(token)
        items = desk.prepare(open_sitting, token)
        results = open_sitting.sign(token, items, ask=desk.ask)
    done = sum(each.good for each in results)
    assert 2 <= done < 8
    assert set(codes(results)) == {None, "token_missing"}
    assert {each.ended for each in results if not each.good} == {Ended.LEFT}
    assert desk.states() == {"signed": done, "awaiting_signature": 8 - done}

    tokens.rmdir()
    shutil.move(tokens.with_name("gone"), tokens)
    desk.told.clear()
    assert [each.ended for each in desk.sign()] == [Ended.SIGNED] * (8 - done)
    signed_once(desk, 8)


def test_what_was_signed_while_the_line_was_cut_is_handed_in_by_the_next_run_without_a_token(desk: Desk) -> None:
    desk.order(4)
    with sitting(desk, at(desk, 1, desk.relay.cut), patience=0.5) as open_sitting, desk.opened() as token:
        items = desk.prepare(open_sitting, token)
        results = open_sitting.sign(token, items, ask=desk.ask)
    assert [each.ended for each in results] == [Ended.KEPT] * 4
    assert desk.states() == {"awaiting_signature": 4}
    assert (desk.home / "signatures.jsonl").exists()

    desk.relay.mend()
    with desk.sitting() as later:
        assert [each.ended for each in later.take_up()] == [Ended.SIGNED] * 4
        assert later.tasks() == []
    assert not (desk.home / "signatures.jsonl").exists()
    signed_once(desk, 4)


class Service:
    """The API of signing as a process of its own, on the desk's database and files."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        service = desk.office.desk
        (trust := folder / "root.pem").write_bytes(desk.pki.root_pem)
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.environment = os.environ | {
            "VANTHU_SERVICE": "signing",
            "VANTHU_DATABASE": str(service.pool.conninfo),
            "VANTHU_KAFKA": "127.0.0.1:1",
            "VANTHU_KAFKA_USER": "signing",
            "VANTHU_KAFKA_PASSWORD": "none",
            "VANTHU_BLOBS": desk.office.folder.as_uri(),
            "VANTHU_PORT": str(port),
            "VANTHU_WORKER_PORT": str(free_port()),
            "VANTHU_PORTAL_URL": "http://portal.example",
            "VANTHU_TRUST": str(trust),
            "VANTHU_TSA_URL": desk.pki.tsa_url,
            "VANTHU_REGISTRY_STALE_AFTER": "600",
        }
        self.lives: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        command = [sys.executable, "-m", "services.signing", "api"]
        self.lives.append(subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL))

    def kill(self) -> None:
        for life in self.lives:
            life.kill()
            life.wait()

    def kill_and_start_again(self) -> None:
        self.kill()
        self.start()

    def wait(self, desk: Desk) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{self.url}/readyz", timeout=5).raise_for_status()
            except httpx.HTTPError:
                assert self.lives[-1].poll() is None, "the service ended"
                assert time.monotonic() < until
                desk.pause()
            else:
                return


def test_a_service_that_is_killed_in_the_middle_and_started_again_goes_on_where_it_was(
    desk: Desk, tmp_path: Path
) -> None:
    """What was prepared before is completed after: nothing of a sitting lives in the service's memory."""
    service = Service(desk, tmp_path)
    service.start()
    try:
        service.wait(desk)
        desk.desktop.url = service.url
        desk.order(6)
        told = at(desk, 2, service.kill_and_start_again)
        with sitting(desk, told, patience=120) as open_sitting, desk.opened() as token:
            items = desk.prepare(open_sitting, token)
            results = open_sitting.sign(token, items, ask=desk.ask)
        assert [each.ended for each in results] == [Ended.SIGNED] * 6
        assert len(service.lives) == 2
        assert [ask.why for ask in desk.asked] == [Why.BATCH], "one PIN for all of it"
        signed_once(desk, 6)
    finally:
        service.kill()


def test_a_line_that_comes_back_is_waited_for(desk: Desk) -> None:
    desk.order(3)

    def cut_for_a_moment() -> None:
        desk.relay.cut()
        threading.Timer(1.5, desk.relay.mend).start()

    with sitting(desk, at(desk, 1, cut_for_a_moment)) as open_sitting, desk.opened() as token:
        items = desk.prepare(open_sitting, token)
        results = open_sitting.sign(token, items, ask=desk.ask)
    assert [each.ended for each in results] == [Ended.SIGNED] * 3
    signed_once(desk, 3)


def test_an_answer_lost_on_the_way_is_asked_for_again_and_counts_once(desk: Desk) -> None:
    desk.order(3)

    def lose_the_next_answer() -> None:
        desk.relay.cuts = 1

    with sitting(desk, at(desk, 3, lose_the_next_answer)) as open_sitting, desk.opened() as token:
        desk.relay.cuts = 1  # the answer that brings a token
        tasks = open_sitting.tasks()
        desk.relay.cuts = 1  # the answer that brings what was prepared
        items = open_sitting.prepare(tasks, token, choose(token.certificates(), None))
        results = open_sitting.sign(token, items, ask=desk.ask)
    assert [each.ended for each in results] == [Ended.SIGNED] * 3
    signed_once(desk, 3)


def test_an_interruption_goes_on_where_it_stopped(desk: Desk) -> None:
    desk.order(8)
    with desk.sitting() as open_sitting, desk.opened() as token:
        open_sitting._told = at(desk, 2, open_sitting.interrupt)
        items = desk.prepare(open_sitting, token)
        results = open_sitting.sign(token, items, ask=desk.ask)
    done = sum(each.good for each in results)
    assert 2 <= done < 8, "the signatures under way are finished, the others not begun"
    assert {each.ended for each in results if not each.good} == {Ended.LEFT}
    desk.told.clear()
    rest = desk.sign()
    assert len([each for each in rest if each.ended is Ended.SIGNED]) >= 8 - done
    signed_once(desk, 8)


def reviewer(seen: list[Item], *, accept: bool) -> Callable[[list[Item]], Collection[str]]:
    def review(items: list[Item]) -> Collection[str]:
        seen.extend(items)
        assert all(item.change is not None and item.change.before.exists() for item in items)
        return [item.document_id for item in items] if accept else []

    return review


@pytest.mark.parametrize("who_notices", ["client", "server"])
def test_what_ran_out_while_it_was_read_is_prepared_again_and_looked_at(desk: Desk, who_notices: str) -> None:
    desk.order(2)
    seen: list[Item] = []
    with desk.sitting() as open_sitting, desk.opened() as token:
        items = desk.prepare(open_sitting, token)
        if who_notices == "client":
            items = [replace(item, expires_at=datetime.now(UTC)) for item in items]
        else:
            with db.transaction(desk.office.pool, agency=world.AGENCY) as tx:
                tx.execute("UPDATE preparation SET expires_at = now() - interval '1 second'")
        results = open_sitting.sign(token, items, ask=desk.ask, review=reviewer(seen, accept=True))
    assert [each.ended for each in results] == [Ended.SIGNED] * 2
    assert len(desk.asked) == 1
    assert [(item.change.words.code, item.change.text_changed) for item in seen if item.change] == [
        ("prepared_again", False)
    ] * 2
    signed_once(desk, 2)


@pytest.mark.parametrize("accept", [True, False])
def test_a_document_that_changed_after_it_was_shown_is_signed_only_after_a_second_look(
    desk: Desk,
    accept: bool,  # noqa: FBT001  a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pile, "EMBEDDED", 120.0)  # the other signature is embedded by then, however busy the machine
    deputy = world.leader(desk.pki, "Phạm Thị Phó")
    desk.office.found(desk.leader, deputy)
    document_id: UUID = desk.office.order(deputy, desk.leader)
    desk.wait_for("awaiting_signature")
    seen: list[Item] = []
    with desk.sitting() as open_sitting, desk.opened() as token:
        items = desk.prepare(open_sitting, token)
        sign_by_software(desk.desktop.of(deputy.principal), deputy, document_id)
        results = open_sitting.sign(token, items, ask=desk.ask, review=reviewer(seen, accept=accept))
    [changed] = seen
    assert changed.change is not None
    assert (changed.change.words.code, changed.change.text_changed) == ("document_changed", True)
    assert changed.change.pages == (1,)
    if accept:
        assert [each.ended for each in results] == [Ended.SIGNED]
        assert desk.states() == {"signed": 1}
    else:
        assert codes(results) == ["not_reviewed"]
        assert desk.states() == {"awaiting_signature": 1}


def test_a_certificate_revoked_in_the_middle_stops_the_rest_and_says_so_for_each(desk: Desk) -> None:
    desk.order(6)

    def revoke() -> None:
        desk.wait_for("signed", 2)
        desk.office.take(world.certificate(desk.leader, status="revoked"))

    # One at a time, so that it is known which come before.
    with desk.sitting() as open_sitting, desk.opened() as token:
        items = desk.prepare(open_sitting, token)
        first = open_sitting.sign(token, items[:2], ask=desk.ask)
        open_sitting._told = at(desk, 1, revoke)
        rest = open_sitting.sign(token, items[2:], ask=desk.ask)
    assert [each.ended for each in first] == [Ended.SIGNED] * 2
    assert {each.ended for each in rest} == {Ended.REFUSED}
    assert set(codes(rest)) == {"certificate_revoked"}
    assert desk.states() == {"signed": 2, "awaiting_signature": 4}
    with desk.sitting() as later:
        problems = {problem["code"] for task in later.tasks() for problem in task["problems"]}
    assert problems == {"certificate_revoked"}


def test_a_key_that_wants_its_pin_each_time_is_asked_for_each_with_the_count(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(kind="each")
    desk.order(3)
    assert [each.ended for each in desk.sign()] == [Ended.SIGNED] * 3
    assert [(ask.why, ask.documents) for ask in desk.asked] == [
        (Why.BATCH, 3),
        (Why.EACH, 3),
        (Why.EACH, 2),
        (Why.EACH, 1),
    ]
    said = [step.words for step in desk.told if step.words is not None]
    assert [words.code for words in said] == ["pin_for_each"]
    assert "3" in said[0].vi


def test_one_sitting_at_a_time_on_a_machine(desk: Desk) -> None:
    with desk.sitting(), pytest.raises(Refused) as refused, desk.sitting():
        pass
    assert refused.value.code == "sitting_busy"
