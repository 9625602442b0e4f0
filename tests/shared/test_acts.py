"""Whatever a request changes is told: by the service's own fact, or else by an act in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from shared import db, jobs, outbox
from shared.acts import REFUSALS, WINDOW, Throttle
from shared.errors import NotFound
from shared.events import decode
from shared.events.docs import DocsAct
from shared.http import OnceOnly, Tx, Who, create_app, require
from shared.ids import new_id
from shared.tokens import Principal
from tests.support.http import Issuer, serve

SOURCE = "urn:vanthu:test"
THING = new_id()
CLERK = Principal("person", "Lường Thị Hoa", frozenset({"clerk"}), person_id=new_id(), agency_id=new_id())
router = APIRouter()


class Answer(BaseModel):
    done: bool = True


def write(tx: db.Tx, what: str) -> None:
    tx.execute("INSERT INTO effect (key, what) VALUES ('x', %s)", [what])


@router.post("/things/{thing_id}/silent")
def change_without_a_word(thing_id: UUID, tx: Tx) -> None:
    write(tx, str(thing_id))


@router.put("/things/{thing_id}/told")
def change_and_tell(thing_id: UUID, tx: Tx, who: Who) -> None:
    write(tx, str(thing_id))
    act = DocsAct(act="changed", object_kind="thing", object_id=str(thing_id), by=who.actor(), at=store_now(tx))
    outbox.put(tx, act, source=SOURCE)


@router.post("/own")
def change_in_ones_own_transactions(request: Request, _who: Who) -> None:
    """The first tells, the second does not."""
    with db.transaction(request.app.state.pool) as tx:
        act = DocsAct(act="one", object_kind="x", object_id="x", by=CLERK.actor(), at=store_now(tx))
        outbox.put(tx, act, source=SOURCE)
    with db.transaction(request.app.state.pool) as tx:
        write(tx, "two")


@router.delete("/things/{thing_id}")
def fail(thing_id: UUID, tx: Tx) -> None:
    write(tx, str(thing_id))
    raise NotFound("x")


@router.post("/preview")
def look(tx: Tx) -> None:
    tx.execute("SELECT 1")


@router.post("/locks")
def lock(tx: Tx) -> None:
    tx.execute("SELECT * FROM effect FOR UPDATE")
    tx.execute("UPDATE effect SET what = what WHERE key = 'nobody'")


@router.post("/clicks")
def click(once: OnceOnly) -> Answer:
    """What is done once, and locks the second time."""

    def do() -> Answer:
        write(once.tx, "once")
        return Answer()

    return once.run(do, Answer)


@router.post("/orders")
def order(tx: Tx) -> None:
    jobs.put(tx, "work", "x", {})


@router.post("/nested")
def write_within_a_query(tx: Tx) -> None:
    tx.execute("WITH made AS (INSERT INTO effect (key, what) VALUES ('y', 'z') RETURNING 1) SELECT * FROM made")


@router.post("/files")
def upload(tx: Tx) -> None:
    write(tx, "file")


@router.get("/things")
def read_and_count(tx: Tx) -> None:
    write(tx, "reading")


@router.post("/officers")
@router.get("/officers")
def for_officers(tx: Tx, _who: Annotated[Principal, Depends(require("officer"))]) -> None:
    write(tx, "never")


def store_now(tx: db.Tx) -> Any:
    row = tx.execute("SELECT now() AS at").fetchone()
    assert row
    return row["at"]


@pytest.fixture
def api(pool: db.Pool) -> Iterator[httpx.Client]:
    issuer = Issuer()
    app = create_app("docs", pool, router, source=SOURCE, silent={"POST /files": "no act"})
    with db.transaction(pool) as tx:
        key = issuer.stated()
        tx.execute("INSERT INTO token_key VALUES (%s, %s, 'active', %s)", [key.kid, key.x, key.not_after])
    with serve(app) as url:
        headers = {"Authorization": f"Bearer {issuer.token(CLERK, 'docs')}"}
        with httpx.Client(base_url=f"{url}/docs/v1", headers=headers, timeout=60) as client:
            yield client


def acts(pool: db.Pool) -> list[DocsAct]:
    with db.transaction(pool) as tx:
        rows = tx.execute("SELECT topic, payload FROM outbox ORDER BY pos").fetchall()
        tx.execute("DELETE FROM outbox")
    found = [decode(bytes(row["payload"]), topic=row["topic"]).data for row in rows]
    assert all(isinstance(each, DocsAct) for each in found)
    return [each for each in found if isinstance(each, DocsAct)]


def test_a_change_without_a_word_is_told(api: httpx.Client, pool: db.Pool) -> None:
    assert api.post(f"/things/{THING}/silent").status_code == 200
    [act] = acts(pool)
    assert (act.act, act.object_kind, act.object_id) == ("post /things/{thing_id}/silent", "thing", str(THING))
    assert (act.by.person_id, act.by.agency_id) == (CLERK.person_id, CLERK.agency_id)


def test_what_the_service_tells_itself_is_told_once(api: httpx.Client, pool: db.Pool) -> None:
    api.put(f"/things/{THING}/told")
    assert [act.act for act in acts(pool)] == ["changed"]
    api.post("/own")
    assert [act.act for act in acts(pool)] == ["one", "post /own"], "each transaction by itself"


@pytest.mark.parametrize(("method", "path"), [("POST", "/preview"), ("POST", "/files"), ("GET", "/things")])
def test_what_is_no_act_is_not_told(api: httpx.Client, pool: db.Pool, method: str, path: str) -> None:
    assert api.request(method, path).status_code == 200
    assert acts(pool) == []


def test_a_second_click_is_no_second_act(api: httpx.Client, pool: db.Pool) -> None:
    """On the same connection too, right after a transaction that wrote: only what this one wrote counts."""
    for _ in range(2):
        assert api.post("/clicks", headers={"Idempotency-Key": "k"}).status_code == 200
    assert api.post("/locks").status_code == 200
    assert [act.act for act in acts(pool)] == ["post /clicks"]


@pytest.mark.parametrize("path", ["/orders", "/nested"])
def test_whatever_way_it_is_written(api: httpx.Client, pool: db.Pool, path: str) -> None:
    assert api.post(path).status_code == 200
    assert [act.act for act in acts(pool)] == [f"post {path}"]


def test_what_came_to_nothing_leaves_nothing(api: httpx.Client, pool: db.Pool) -> None:
    assert api.delete(f"/things/{THING}").status_code == 404
    assert acts(pool) == []


def test_a_try_at_what_one_may_not_do_is_told(api: httpx.Client, pool: db.Pool) -> None:
    assert api.post("/officers").status_code == 403
    [act] = acts(pool)
    assert (act.act, act.object_id) == ("refused", str(CLERK.person_id))
    assert act.detail == {"code": "forbidden", "request": "POST /officers"}
    assert api.post("/officers", headers={"Authorization": ""}).status_code == 401
    assert acts(pool) == [], "nobody that we know"


def test_nobody_floods_the_ledger_with_tries(api: httpx.Client, pool: db.Pool) -> None:
    for _ in range(REFUSALS + 5):
        assert api.post("/officers").status_code == 403
    told = acts(pool)
    assert len(told) == REFUSALS
    assert "further" in told[-1].detail


def test_those_not_told_are_counted_later() -> None:
    throttle = Throttle()
    said = [throttle.say("one", 10.0 + n) for n in range(REFUSALS + 3)]
    assert said[0] == {}
    assert said[REFUSALS:] == [None] * 3
    assert throttle.say("other", 20.0) == {}
    assert throttle.say("one", 10.0 + WINDOW) == {"not_told_before": "3"}
    assert throttle.say("one", 11.0 + WINDOW) == {}


def test_reading_what_one_may_not_is_told_too(api: httpx.Client, pool: db.Pool) -> None:
    assert api.get("/officers").status_code == 403
    [act] = acts(pool)
    assert (act.act, act.detail["request"]) == ("refused", "GET /officers")
