"""Need to know within an agency: whoever is not to read a document finds it at no endpoint and in no table."""

from __future__ import annotations

from typing import Any

import pytest

from services.docs.standing import keys_of
from shared import db
from shared.events.docs import ArrivalAccessChanged, DocsAct, DocumentAccessChanged
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import Person, validated
from tests.docs.test_handling import Office
from tests.docs.test_isolation import ask, routes

UNSEEN = {"not_found", "forbidden"}


@pytest.fixture
def office(docs: Docs) -> Office:
    return Office(docs)


def restrict(docs: Docs, who: Person, path: str, **more: Any) -> dict[str, Any]:
    return ok(docs.post(who, f"{path}/access", {"restricted": True} | more))


def found_by(docs: Docs, who: Person) -> set[str]:
    return {str(each["id"]) for each in docs.get(who, "/search?q=phong chong")["items"]}


@pytest.mark.parametrize("kind", ["incoming", "document"])
def test_a_restricted_document_is_there_for_those_who_have_to_do_with_it(docs: Docs, office: Office, kind: str) -> None:
    if kind == "incoming":
        found = office.registered()
        office.slip(found, joint=[])
        path, colleague = f"/incoming/{found}", office.head
    else:
        found = docs.submitted(docs.b)
        path, colleague = f"/documents/{found}", docs.b.clerk
    restrict(docs, docs.b.clerk, path)
    for reader in (docs.b.clerk, docs.b.leader, colleague):
        assert docs.get(reader, path)["id"] == str(found)
        assert str(found) in found_by(docs, reader)
    for stranger in (office.other, docs.a.leader):
        for route in routes(docs, f"{kind}_id"):
            answer = ask(docs, stranger, route, **{f"{kind}_id": found})
            assert refusal(answer) in UNSEEN, route.path
        assert docs.get(stranger, f"/{path.split('/')[1]}")["items"] == []
        assert str(found) not in found_by(docs, stranger)

    # Named as a reader, or given work on it, somebody reads it; and no more when it is taken from them.
    restrict(docs, docs.b.clerk, path, people=[str(office.other.person_id)])
    assert docs.get(office.other, path)["id"] == str(found)
    assert str(found) in found_by(docs, office.other)
    restrict(docs, docs.b.clerk, path, units=[office.unit("Phòng Tài chính")])
    assert docs.get(office.officer, path)["id"] == str(found)
    assert refusal(docs.http(office.other.principal).get(path)) == "not_found"
    ok(docs.post(docs.b.clerk, f"{path}/access", {"restricted": False}))
    assert docs.get(office.other, path)["id"] == str(found)
    assert str(found) in found_by(docs, office.other)


def test_who_gets_work_on_it_reads_it_and_who_loses_it_does_not(docs: Docs, office: Office) -> None:
    found = office.registered()
    restrict(docs, docs.b.clerk, f"/incoming/{found}")
    assert refusal(docs.http(office.officer.principal).get(f"/incoming/{found}")) == "not_found"
    lead = office.slip(found, joint=[])["leader"][0]["id"]
    given = office.do(office.head, lead, "give", 201, person_id=str(office.officer.person_id))
    child = given["beneath"][0]["id"]
    assert docs.get(office.officer, f"/incoming/{found}")["id"] == str(found)
    assert [each["id"] for each in docs.get(office.officer, "/tasks")["items"]] == [child]
    office.do(office.head, child, "reassign", person_id=str(office.other.person_id), reason="Đi học")
    assert docs.get(office.other, f"/incoming/{found}")["id"] == str(found)
    for path in (f"/incoming/{found}", f"/tasks/{child}", f"/tasks/{lead}"):
        assert refusal(docs.http(office.officer.principal).get(path)) == "not_found"


def test_the_database_itself_keeps_it(docs: Docs, office: Office) -> None:
    """Whatever the code asks: the role of the service can't bypass the policies, and the index stays in use."""
    found = office.registered()
    office.slip(found, joint=[])
    restrict(docs, docs.b.clerk, f"/incoming/{found}")
    agency, stranger = docs.b.agency_id, office.other

    def seen(person: Person | None, query: str) -> list[dict[str, Any]]:
        with db.transaction(docs.pool, agency=agency, person=person.person_id if person else None) as tx:
            if person:
                post = next(p for p in posts(tx) if p.person_id == person.person_id)
                db.know_as(tx, person.person_id, keys_of(post))
            return tx.execute(query).fetchall()  # type: ignore[arg-type,unused-ignore]

    def posts(tx: db.Tx) -> Any:
        from services.docs import store_registry

        return store_registry.list_posts(tx, agency, office.today)

    for table in ("incoming", "history", "task", "search_entry", "access_change"):
        query = f"SELECT 1 FROM {table}"  # noqa: S608  own names
        assert seen(office.head, query), table
        assert seen(None, query), table
        assert seen(stranger, query) == [], table
        with db.transaction(docs.pool, agency=agency, person=stranger.person_id) as tx:  # no keys set: closed
            assert tx.execute(query).fetchall() == [], table  # type: ignore[arg-type,unused-ignore]
    with db.transaction(docs.pool, agency=agency, person=stranger.person_id) as tx:
        tx.execute("SET LOCAL enable_seqscan = off")
        plan = tx.execute("EXPLAIN SELECT id FROM incoming WHERE status = '04' ORDER BY id DESC LIMIT 50").fetchall()
    assert any("incoming_status" in str(line) and "Index" in str(line) for line in plan), plan


def test_who_may_read_what_is_restricted_is_stated_by_name(docs: Docs, office: Office) -> None:
    """For services that hold the document's bytes and know nothing of units and functions."""
    found = docs.submitted(docs.b)
    path = f"/documents/{found}"
    restrict(docs, docs.b.clerk, path, units=[office.unit("Phòng Tài chính")])
    ok(docs.post(docs.b.clerk, f"{path}/access", {"restricted": False}))
    said, opened = (each.data for each in docs.outbox(after=0) if isinstance(each.data, DocumentAccessChanged))
    everybody = {each.person_id for each in (docs.b.clerk, docs.b.leader, office.head, office.officer, office.other)}
    may = {who for who in everybody if who in said.readers}
    assert may == {docs.b.clerk.person_id, docs.b.leader.person_id, office.officer.person_id, office.head.person_id}
    assert (opened.restricted, opened.readers) == (False, ())


def test_a_change_of_access_is_warned_of_until_another_confirms_it(docs: Docs, office: Office) -> None:
    found = office.registered()
    path = f"/incoming/{found}"
    assert refusal(docs.post(office.officer, f"{path}/access", {"restricted": True})) == "forbidden"
    changed = restrict(docs, docs.b.clerk, path)
    assert (changed["unconfirmed"][0]["said"], changed["may_confirm"]) == ("Hạn chế", False)
    assert refusal(docs.post(docs.b.clerk, f"{path}/access/confirm")) == "own_change"
    assert [each["subject_id"] for each in docs.get(docs.b.leader, "/access/changes")] == [str(found)]
    assert docs.get(office.other, "/access/changes") == []
    assert ok(docs.post(docs.b.leader, f"{path}/access/confirm"))["unconfirmed"] == []
    said = [each.data for each in docs.outbox(after=0)][-2:]
    assert isinstance(said[0], ArrivalAccessChanged)
    assert (said[0].restricted, said[0].incoming_id) == (True, found)
    assert isinstance(said[1], DocsAct)
    assert said[1].act == "access_confirmed"
    unknown = {"restricted": True, "people": [str(docs.a.clerk.person_id)]}
    assert refusal(docs.post(docs.b.clerk, f"{path}/access", unknown)) == "holder_unknown"


def test_by_policy_what_arrives_is_for_those_it_is_given_to(docs: Docs, office: Office) -> None:
    leader = docs.http(docs.b.leader.principal)
    assert refusal(docs.http(docs.b.clerk.principal).put("/access/policy", json={"need_to_know": True})) == "forbidden"
    ok(leader.put("/access/policy", json={"need_to_know": True}))
    found = office.registered()
    assert docs.get(office.other, "/incoming")["items"] == []
    assert found_by(docs, office.other) == set()
    assert docs.get(docs.b.clerk, f"/incoming/{found}/access")["restricted"] is True
    ok(docs.post(docs.b.leader, f"/incoming/{found}/assign", {"person_id": str(office.other.person_id)}))
    assert [each["id"] for each in docs.get(office.other, "/incoming")["items"]] == [str(found)]
    assert found_by(docs, office.other) == {str(found)}
    # What the service itself does goes on.
    docs.hear(validated(found, docs.b.agency_id))
