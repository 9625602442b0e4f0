"""Every endpoint of registry × everybody who might try it × whose object it is, against the table of expectations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from deploy.devpki.server import Running
from services.registry import directory, store
from services.registry.person import Person
from services.registry.scope import EVERYWHERE, NOWHERE, Scope
from shared import db
from shared.ids import new_id
from tests.registry.conftest import SINCE, Office, a_post, person_facts
from tests.registry.districts import Districts, settle_districts
from tests.registry.expectations import DISTRICT, PROVINCE, TABLE, Line, relation
from tests.support.postgres import Database
from tests.support.told import mark, told_since

ROOT = "/registry/v1"
UUID_TEXT = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def districts(office: Office, pki: Running) -> Districts:
    return settle_districts(office, pki)


# --- what is offered, and what is expected


def test_every_endpoint_has_a_line_in_the_table(office: Office) -> None:
    """A new endpoint is open to nobody's oversight until somebody has said who may use it."""
    offered = set(_offered(office))
    assert offered - set(TABLE) == set(), "add lines to tests/registry/expectations.py"
    assert set(TABLE) - offered == set(), "these endpoints are gone"


def _offered(office: Office) -> list[tuple[str, str]]:
    spec = office.http.get(f"{ROOT}/openapi.json").json()
    found = [(method, path.removeprefix(ROOT)) for path, methods in spec["paths"].items() for method in methods]
    assert len(found) >= 20
    return found


# --- the generated test


@dataclass(frozen=True, slots=True)
class Question:
    """One endpoint about one side's objects, asked by anybody."""

    all: Districts
    method: str
    path: str
    side: str

    @property
    def line(self) -> Line:
        return TABLE[self.method, self.path]

    def __str__(self) -> str:
        return f"{self.method} {self.path} of {self.side}"

    def _parameter(self, name: str) -> str:
        found = self.all.side(self.side).objects.get(name) or self.all.common.get(name)
        assert found, f"path parameter {name} needs a real object: see Side.objects in tests/registry/districts.py"
        return str(found)

    def ask(self, caller: str) -> tuple[int, str]:
        """Each time a new question (its own Idempotency-Key) about the version that stands.

        Status and text of the answer; a refusal that repeats the ids asked about tells nothing new.
        """
        send, asked = self.prepare(caller)
        answer = send()
        told = asked if answer.is_error else ""
        return answer.status_code, re.sub(UUID_TEXT, lambda id_: "" if id_[0] in told else id_[0], answer.text)

    def prepare(self, caller: str) -> tuple[Callable[[], httpx.Response], str]:
        """To send it, once more by a second click, and what it says."""
        whose = self.all.side(self.side)
        url = ROOT + re.sub(r"\{(\w+)\}", lambda found: self._parameter(found[1]), self.path)
        headers = self.all.callers[caller] | {"Idempotency-Key": str(new_id())}
        extra: dict[str, Any] = {}
        if self.method in {"post", "put", "patch"}:
            extra["json"] = self.line.body(self.all, whose) if self.line.body else {}
        if self.method == "put":
            headers["If-Match"] = self.all.office.http.get(url, headers=self.all.office.officer).headers["ETag"]
        return lambda: self.all.office.http.request(self.method, url, headers=headers, **extra), f"{url} {extra}"


def test_nobody_gets_further_than_the_table_says(districts: Districts) -> None:
    """Endpoint × caller × side: those who may are let in; those who may not are refused, learn and change nothing."""
    wrong: list[str] = []
    asked = 0
    for method, path in TABLE:
        for side in ("A", "B"):
            question = Question(districts, method, path, side)
            wrong += _refused(question) + _let_in(question)
            asked += len(districts.callers)
    assert wrong == []
    assert asked == len(TABLE) * 2 * len(districts.callers)


AGAIN = {"/certificates/challenge": "each click gets a challenge of its own, to be answered once"}


def test_what_succeeds_is_told_once(districts: Districts, registry_database: Database) -> None:
    """Every endpoint that changes something, sent twice by one who may: the first leaves an act, the second none."""
    wrong: list[str] = []
    told: set[str] = set()
    with psycopg.connect(registry_database.admin, autocommit=True) as admin:
        for method, path in TABLE:
            if method == "get":
                continue
            question = Question(districts, method, path, "A")
            send, _ = question.prepare(min(_may(question)))
            stood, before = _state(districts), mark(admin)
            send()
            said, changed = told_since(admin, before), _state(districts) != stood
            if changed != bool(said):
                wrong.append(f"{question}: changed {changed}, told {said}")
            told |= {path} if changed else set()
            stood, between = _state(districts), mark(admin)
            send()
            again = told_since(admin, between)
            if path not in AGAIN and (again or _state(districts) != stood):
                wrong.append(f"a second {question} told {again}")
    assert wrong == [], "\n".join(wrong)
    assert len(told) > 15, "most are allowed as the table writes them"


def _refused(question: Question) -> list[str]:
    """What is wrong with the answers to those who may not ask."""
    may, wrong = _may(question), []
    before = _state(question.all) if question.method != "get" else []
    for caller in sorted(question.all.callers.keys() - may):
        status, text = question.ask(caller)
        if status not in ({401} if caller == "nobody" else {401, 403, 404}) or '"code"' not in text:
            wrong.append(f"{caller} gets {status} from {question}: {text[:300]}")
        wrong += _leaks(question, caller, text)
    if question.method != "get" and _state(question.all) != before:
        wrong.append(f"{question} changed something for somebody whom it refused")
    return wrong


def _let_in(question: Question) -> list[str]:
    wrong = []
    for caller in sorted(_may(question)):
        status, text = question.ask(caller)
        if status in {401, 403, 404} or status >= 500:
            wrong.append(f"{caller} is refused by {question}: {status} {text[:300]}")
        wrong += _leaks(question, caller, text)
    return wrong


def _may(question: Question) -> set[str]:
    callers = question.all.callers
    relations = {relation(caller, side) for caller in callers for side in ("A", "B")}
    assert question.line.may <= relations, f"{question}: the table names somebody who is nobody"
    return {caller for caller in callers if relation(caller, question.side) in question.line.may}


def _leaks(question: Question, caller: str, text: str) -> list[str]:
    """Whoever has nothing to do with a side reads nothing of it, in no answer."""
    found = []
    for name in ("A", "B"):
        if not _belongs(caller, name):
            private = question.all.side(name).private
            found += [
                f"{caller} reads the {each} of {name} in {question}" for each, id_ in private.items() if id_ in text
            ]
    return found


def _belongs(caller: str, side: str) -> bool:
    return relation(caller, side) in {"leader there", "clerk there", DISTRICT, PROVINCE}


def _state(all_: Districts) -> list[Any]:
    """A digest of every table of the service; that somebody was refused is told, and no change."""
    with db.transaction(all_.office.pool) as tx:
        store.act_within(tx, EVERYWHERE)
        tables = tx.execute("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        digest = SQL("SELECT {}, md5(string_agg(t::text, chr(10) ORDER BY t::text)) AS d FROM {} t WHERE {}")
        every, others = SQL("true"), SQL("convert_from(payload, 'UTF8') NOT LIKE '%\"act\":\"refused\"%'")
        of_all = SQL(" UNION ALL ").join(
            digest.format(Literal(name), Identifier(name), others if name == "outbox" else every)
            for name in (table["name"] for table in tables)
            if name not in {"outbox_sequence", "idempotency"}  # that somebody asked, no change
        )
        return tx.execute(of_all).fetchall()


# --- what an officer of a district may not do within the district either


def test_an_officer_of_a_district_gives_no_rights_that_are_not_theirs_to_give(districts: Districts) -> None:
    office, x = districts.office, districts.callers["officer of X"]

    def refused(method: str, path: str, body: dict[str, Any], **headers: str) -> str:
        fresh = x | {"Idempotency-Key": str(new_id())} | headers
        answer = office.http.request(method, f"{ROOT}{path}", json=body, headers=fresh)
        assert answer.status_code == 403, answer.text
        assert answer.json()["detail_vi"]
        return str(answer.json()["code"])

    someone = TABLE["post", "/people"].body
    assert someone is not None
    body = someone(districts, districts.a)
    post = body["posts"][0]
    province, other = str(office.province.ubnd.id), str(districts.b.commune.id)
    for at in (province, other):
        assert refused("POST", "/people", body | {"posts": [post | {"agency_id": at}]}) == "out_of_scope"
        assert refused("POST", "/people", body | {"posts": [post, post | {"agency_id": at}]}) == "out_of_scope"
    assert refused("POST", "/people", body | {"posts": []}) == "out_of_scope"
    assert refused("POST", "/people", body | {"posts": [post | {"roles": ["operator"]}]}) == "role_not_yours"
    agency = TABLE["post", "/agencies"].body
    assert agency is not None
    higher = agency(districts, districts.a) | {"level": "province"}
    assert refused("POST", "/agencies", higher) == "level_not_yours"
    outside = agency(districts, districts.a) | {"level": "outside", "partner": "motcua"}
    assert refused("POST", "/agencies", outside) == "level_not_yours"


def test_nobody_changes_their_own_roles(districts: Districts) -> None:
    office = districts.office
    for who in (districts.a.officer, office.province.officer):
        body = _as_said(who)
        body["posts"].append(
            {
                "agency_id": str(who.facts.posts[0].agency_id),
                "title": "Lãnh đạo",
                "roles": ["leader"],
                "valid_from": "2025-07-01",
            }
        )
        answer = _put(office, who, who, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "own_roles")
        assert _put(office, who, who, _as_said(who) | {"active": False}).json()["code"] == "own_roles"
        renamed = _put(office, who, who, _as_said(who) | {"email": "moi@langson.example"})
        assert (renamed.status_code, renamed.json().get("email")) == (200, "moi@langson.example")


def test_who_also_works_elsewhere_is_not_switched_off_by_one_district(districts: Districts) -> None:
    """The officer of X ends the post at X; what reaches the post at Y is not theirs to decide."""
    office, officer = districts.office, districts.a.officer
    with office.desk() as desk:
        posts = (a_post(districts.a.commune.id, "clerk"), a_post(districts.b.commune.id, "clerk"))
        both = directory.enter_person(desk, person_facts("haichuc", "Hoàng Văn Hai", *posts))
    body = _as_said(both)
    assert _put(office, officer, both, body | {"active": False}).json()["code"] == "out_of_scope"
    assert _put(office, officer, both, body | {"name": "Khác"}).json()["code"] == "out_of_scope"
    there = body | {"posts": [body["posts"][0], body["posts"][1] | {"roles": ["clerk", "leader"]}]}
    assert _put(office, officer, both, there).json()["code"] == "out_of_scope"
    ended = body | {"posts": [body["posts"][0] | {"valid_until": SINCE.isoformat()}, body["posts"][1]]}
    assert _put(office, officer, both, ended).status_code == 200


def _as_said(person: Person) -> dict[str, Any]:
    facts = person.facts
    posts = [
        {
            "post_id": str(post.id),
            "agency_id": str(post.agency_id),
            "title": post.title,
            "roles": list(post.roles),
            "valid_from": post.period.start.isoformat(),
        }
        for post in facts.posts
    ]
    return {"name": facts.name, "login": facts.login, "email": facts.email, "posts": posts}


def _put(office: Office, by: Person, person: Person, body: dict[str, Any]) -> Any:
    headers = office.headers(by) | {"If-Match": '"1"'}
    return office.http.put(f"{ROOT}/people/{person.id}", json=body, headers=headers)


# --- the same line in the database


def test_the_database_hides_what_another_agency_manages(districts: Districts) -> None:
    """Every table with rows that an agency manages: whoever oversees A sees nothing of B's, says nothing, sees nothing."""
    office, a, b = districts.office, districts.a, districts.b
    with db.transaction(office.pool) as tx:
        guarded = tx.execute(
            "SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced FROM pg_class c"
            " JOIN pg_attribute m ON m.attrelid = c.oid AND m.attname = 'managed_by' WHERE c.relkind = 'r'"
        ).fetchall()
    assert {"certificate", "certificate_request"} <= {row["name"] for row in guarded}
    for table in guarded:
        assert table["forced"], f"{table['name']} has managed_by and no forced row-level security"
        of_b = SQL("SELECT count(*) AS n FROM {} WHERE managed_by = %s").format(Identifier(table["name"]))
        for scope, sees in (
            (_of(a.commune.facts.identifier), False),
            (Scope((a.district.facts.identifier, f"{a.district.facts.identifier}.*")), False),
            (NOWHERE, False),
            (None, False),
            (EVERYWHERE, True),
        ):
            with db.transaction(office.pool) as tx:
                if scope is not None:
                    store.act_within(tx, scope, a.leader.id)
                [row] = tx.execute(of_b, [b.commune.id]).fetchall()
            if table["name"].startswith("certificate"):
                assert (row["n"] > 0) == sees, (table["name"], scope)
            else:
                assert sees or row["n"] == 0, (table["name"], scope)


def _of(identifier: str) -> Scope:
    return Scope((identifier,))


def test_the_database_lets_nobody_write_into_another_agencys_rows(districts: Districts) -> None:
    office, a, b = districts.office, districts.a, districts.b
    own, foreign = a.objects["certificate_id"], b.objects["certificate_id"]
    with db.transaction(office.pool) as tx:
        store.act_within(tx, _of(a.commune.facts.identifier), a.clerk.id)
        assert tx.execute("UPDATE certificate SET reason = 'x' WHERE id = %s", [foreign]).rowcount == 0
        assert tx.execute("DELETE FROM certificate WHERE id = %s", [foreign]).rowcount == 0
    clerks = _of(a.commune.facts.identifier)
    move = "UPDATE certificate SET managed_by = %s WHERE id = %s"
    # The leader's own certificate is theirs to be read, not to be changed.
    note = "UPDATE certificate SET reason = %s WHERE id = %s"
    for scope, who, change, value in ((clerks, a.clerk, move, b.commune.id), (NOWHERE, a.leader, note, "x")):
        with db.transaction(office.pool) as tx:
            store.act_within(tx, scope, who.id)
            with pytest.raises(psycopg.errors.InsufficientPrivilege), tx.transaction():
                tx.execute(change, [value, own])


def test_a_stranger_is_told_the_same_of_what_is_hidden_and_of_what_is_not_there(districts: Districts) -> None:
    office = districts.office
    for name, id_ in districts.b.objects.items():
        path = next((path for method, path in TABLE if method == "get" and path.endswith(f"{{{name}}}")), None)
        if name == "agency_id" or path is None:
            continue
        hidden, absent = (
            office.http.get(ROOT + path.replace(f"{{{name}}}", str(which)), headers=districts.callers["clerk of A"])
            for which in (id_, new_id())
        )
        assert (hidden.status_code, hidden.json()["code"]) == (absent.status_code, absent.json()["code"]), name
