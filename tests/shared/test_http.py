"""HTTP as every service speaks it: commit before the answer, refusals in two languages, once per key, who may."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, Depends, Response
from joserfc.jwk import OKPKey
from pydantic import BaseModel

from shared import db, tokens
from shared.errors import FORBIDDEN, Rejected
from shared.http import MAX_BODY, OnceOnly, Tx, Who, answer, create_app, decode_cursor, encode_cursor, require
from shared.ids import new_id
from shared.tokens import Principal

router = APIRouter()
KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "test"})
CLERK = Principal(
    "person", "Lường Thị Hoa", frozenset({"clerk"}), person_id=new_id(), agency_id=new_id(), post_id=new_id()
)


class Made(BaseModel):
    n: int


class Wanted(BaseModel):
    what: str


@router.post("/effects", status_code=201)
def make(body: Wanted, tx: Tx, who: Who, once: OnceOnly) -> Made:
    def act() -> Made:
        row = tx.execute("INSERT INTO effect (key, what) VALUES (%s, %s) RETURNING n", [who.id, body.what]).fetchone()
        assert row
        return Made(n=row["n"])

    return once.run(act, Made)


@router.post("/late-failures")
def fail_at_commit(tx: Tx) -> dict[str, str]:
    tx.execute("CREATE TEMP TABLE late (a int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP")
    tx.execute("INSERT INTO late VALUES (1), (1)")
    return {"all": "well"}


@router.post("/deadlocks")
def deadlock(tx: Tx) -> None:
    tx.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected'; END $$")


@router.get("/agency")
def whose(tx: Tx) -> dict[str, str]:
    row = tx.execute("SELECT current_setting('vanthu.agency', true) AS agency").fetchone()
    assert row
    return {"agency": row["agency"]}


class Told(BaseModel):
    at: datetime
    name: str
    who: UUID | None
    parts: tuple[str, ...]


TOLD = Told(at=datetime(2026, 3, 2, 7, 30, tzinfo=UTC), name="Lường Thị Hoa", who=None, parts=("a", "b"))


@router.get("/told")
def tell(_who: Who) -> Told:
    return TOLD


@router.get("/told-at-once", response_model=Told)
def tell_at_once(_who: Who) -> Response:
    return answer(TOLD)


@router.get("/officers-only")
def officers(_who: Annotated[Principal, Depends(require("officer"))]) -> dict[str, str]:
    return {}


@pytest.fixture
def api(pool: db.Pool) -> Iterator[httpx.Client]:
    with db.transaction(pool) as tx:
        _trust(tx)
    server = uvicorn.Server(uvicorn.Config(create_app("docs", pool, router), port=0, http="h11", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/docs/v1", timeout=60) as client:
        yield client
    server.should_exit = True
    thread.join()


def _trust(tx: db.Tx) -> None:
    tx.execute(
        "INSERT INTO token_key VALUES ('test', %s, 'active', now() + interval '1 day')",
        [KEY.as_dict(private=False)["x"]],
    )


def bearer(who: Principal = CLERK, audience: str = "docs", at: float | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.mint(who, audience, KEY, at or time.time())}"}


def test_a_commit_that_fails_is_not_answered_with_200(api: httpx.Client, expected_errors: list[str]) -> None:
    expected_errors.append("late-failures failed")
    answer = api.post("/late-failures", headers=bearer())
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["trace_id"]


def test_the_transaction_acts_for_the_bearers_agency(api: httpx.Client) -> None:
    assert api.get("/agency", headers=bearer()).json() == {"agency": str(CLERK.agency_id)}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic Y2xlcms6eA=="},
        bearer(audience="signing"),
        bearer(at=time.time() - 3600),
    ],
    ids=["none", "garbage", "basic", "another service's", "expired"],
)
def test_without_a_valid_token_of_ours_nobody_comes_in(api: httpx.Client, headers: dict[str, str]) -> None:
    answer = api.get("/agency", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "login_required")


def test_a_token_of_a_foreign_key_is_refused(api: httpx.Client) -> None:
    foreign = OKPKey.generate_key("Ed25519", parameters={"kid": "test"})
    token = tokens.mint(CLERK, "docs", foreign, time.time())
    assert api.get("/agency", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_withdrawn_key_stops_its_tokens(api: httpx.Client, pool: db.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CACHE", 0.0)
    with db.transaction(pool) as tx:
        tx.execute("UPDATE token_key SET status = 'withdrawn'")
    assert api.get("/agency", headers=bearer()).status_code == 401


def test_a_token_that_was_let_in_before_stops_with_its_key_and_its_time(
    pool: db.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.transaction(pool) as tx:
        _trust(tx)
    verifier = tokens.Verifier(pool, "docs")
    token, foreign = (bearer(audience=each)["Authorization"].removeprefix("Bearer ") for each in ("docs", "signing"))
    monkeypatch.setattr(tokens, "CACHE", 600.0)  # not two seconds, which a busy machine needs between two lines
    assert [verifier.verify(token) for _ in range(2)] == [CLERK, CLERK]  # the first one read the keys
    assert verifier.recall(token) == CLERK
    with pytest.raises(Rejected):
        verifier.verify(foreign)
    assert verifier.recall(foreign) is None
    with monkeypatch.context() as later:
        later.setattr("shared.tokens.time.time", lambda at=time.time(): at + tokens.LIFETIME + 1)
        assert verifier.recall(token) is None
    monkeypatch.setattr(tokens, "CACHE", 0.0)
    with db.transaction(pool) as tx:
        tx.execute("UPDATE token_key SET status = 'withdrawn'")
    assert verifier.recall(token) is None
    with pytest.raises(Rejected) as refused:
        verifier.verify(token)
    assert refused.value.code == "login_required"


def test_a_connection_forgets_whom_it_served(schema: Any) -> None:
    agency, person, key = new_id(), new_id(), new_id()
    one = db.open_pool(schema.app, max_size=1)
    none = {"agency": "", "person": "", "keys": ""}
    mine = {"agency": str(agency), "person": str(person), "keys": "{}"}
    try:
        with db.transaction(one, agency=agency, person=person) as tx:
            assert _limits(tx) == mine
            db.know_as(tx, person, [key])
            assert _limits(tx) == mine | {"keys": f"{{{key}}}"}
        with db.transaction(one) as tx:
            assert _limits(tx) == none
        with db.transaction(one, agency=agency) as tx:
            assert _limits(tx) == none | {"agency": str(agency)}
        with pytest.raises(Rejected):
            _refuse(one, agency, person, key)
        with db.transaction(one, agency=agency, person=person) as tx:
            assert _limits(tx) == mine
        with db.transaction(one, person=person) as tx:
            assert _limits(tx) == mine | {"agency": ""}
    finally:
        one.close()


def _refuse(pool: db.Pool, agency: UUID, person: UUID, key: UUID) -> None:
    with db.transaction(pool, agency=agency, person=person) as tx:
        db.know_as(tx, person, [key])
        raise Rejected(FORBIDDEN)


def _limits(tx: db.Tx) -> dict[str, str]:
    names = ("agency", "person", "keys")
    found = (
        tx.execute(f"SELECT coalesce(current_setting('vanthu.{name}', true), '') AS said").fetchone() for name in names
    )
    return {name: row["said"] for name, row in zip(names, found, strict=True) if row}


def test_an_answer_made_at_once_is_the_one_that_the_framework_makes(api: httpx.Client) -> None:
    both = [api.get(path, headers=bearer()) for path in ("/told", "/told-at-once")]
    assert both[0].content == both[1].content
    assert [each.headers["content-type"] for each in both] == ["application/json"] * 2
    schema = api.get("/openapi.json").json()["paths"]
    said = [schema[f"/docs/v1{path}"]["get"]["responses"]["200"]["content"] for path in ("/told", "/told-at-once")]
    assert said[0] == said[1]


def test_a_role_that_is_missing_is_said(api: httpx.Client) -> None:
    answer = api.get("/officers-only", headers=bearer())
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_refusals_speak_two_languages_with_one_code(api: httpx.Client) -> None:
    vietnamese = api.get("/nowhere", headers=bearer())
    english = api.get("/nowhere", headers=bearer() | {"Accept-Language": "en-GB"})
    assert vietnamese.headers["content-type"] == "application/problem+json"
    assert vietnamese.json()["code"] == english.json()["code"] == "not_found"
    assert vietnamese.json()["detail"].startswith("Không tìm thấy")
    assert english.json()["detail"].startswith("Not found")


def test_a_wrong_field_is_pointed_at(api: httpx.Client) -> None:
    answer = api.post("/effects", json={"what": 5}, headers=bearer() | {"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/body/what"


def test_a_huge_body_is_refused_before_anything_of_it_is_kept(api: httpx.Client) -> None:
    """Nobody has logged in: a body is read before a token is looked at."""
    answer = api.post("/effects", content=b" " * (MAX_BODY + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")
    pieces = (b" " * 65536 for _ in range(MAX_BODY // 65536 + 1))  # chunked: its length is not announced
    assert api.post("/effects", content=pieces).status_code in {400, 413}


def test_what_no_database_takes_is_a_fault_of_the_request(api: httpx.Client) -> None:
    answer = api.post("/effects", json={"what": "a\u0000b"}, headers=bearer() | {"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_transaction_that_was_undone_for_anothers_sake_may_be_sent_again(api: httpx.Client) -> None:
    answer = api.post("/deadlocks", headers=bearer())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_twenty_clicks_make_one_effect(api: httpx.Client, pool: db.Pool) -> None:
    headers = bearer() | {"Idempotency-Key": "same"}
    with ThreadPoolExecutor(10) as clicks:
        answers = list(clicks.map(lambda _: api.post("/effects", json={"what": "x"}, headers=headers), range(20)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["n"] for a in answers}) == 1
    with db.transaction(pool) as tx:
        assert tx.execute("SELECT count(*) AS n FROM effect").fetchone() == {"n": 1}


def test_a_key_used_for_something_else_is_refused(api: httpx.Client) -> None:
    headers = bearer() | {"Idempotency-Key": "k"}
    assert api.post("/effects", json={"what": "x"}, headers=headers).status_code == 201
    answer = api.post("/effects", json={"what": "y"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_creating_request_without_a_key_is_told_so(api: httpx.Client) -> None:
    assert api.post("/effects", json={"what": "x"}, headers=bearer()).json()["code"] == "idempotency_key_required"


def test_the_trace_goes_on_and_its_id_comes_back(api: httpx.Client) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = api.get("/agency", headers=bearer() | {"traceparent": parent})
    assert answer.headers["x-trace-id"] == "0af7651916cd43dd8448eb211c80319c"


def test_cursors_come_back_as_they_were_and_forged_ones_are_refused() -> None:
    assert decode_cursor(encode_cursor("2026-11-22", "đ"), 2) == ["2026-11-22", "đ"]
    assert decode_cursor(None, 2) is None
    for forged in ("!!!", encode_cursor("one"), "e30"):
        with pytest.raises(Rejected) as refused:
            decode_cursor(forged, 2)
        assert refused.value.code == "invalid_request"


def test_parked_events_are_for_operators_only(api: httpx.Client) -> None:
    operator = Principal("person", "Vi Văn Nam", frozenset({"operator"}), person_id=new_id())
    assert api.get("/parked", headers=bearer()).status_code == 403
    assert api.get("/parked", headers=bearer(operator)).json() == []


def test_a_database_that_is_gone_is_said_as_503() -> None:
    broken = db.open_pool("host=127.0.0.1 port=1 dbname=x user=x connect_timeout=1", max_size=1)
    broken.timeout = 0.2
    with pytest.raises(Rejected) as refused, db.transaction(broken):
        pass
    assert refused.value.refusal.status == 503
    broken.close()
