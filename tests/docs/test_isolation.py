"""Invariant 8: an agency sees its own documents and what was sent to it, nothing else, whatever endpoint is asked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.routing import APIRoute

from shared.db import transaction
from tests.docs.conftest import Docs, ok, refusal

TABLES = ["file", "document", "history", "register", "book", "delivery", "incoming"]
PARTNER_TABLES = ["partner_file", "exchange_in", "exchange_out"]

SOMEBODY = "0199c0de-0000-7000-8000-000000000001"
BODIES: dict[str, Any] = {
    "return": {"reason": "x"},
    "void-number": {"reason": "x"},
    "refuse": {"reason": "x"},
    "dispatch": {"recipients": ["H37.01"]},
    "resubmit": {"parts": [{"file_id": "0199c0de-0000-7000-8000-000000000001", "kind": "main"}]},
    "replace-reviewer": {"stage": "xem-xet", "seat": 0, "person_id": SOMEBODY, "reason": "x"},
    "remarks": {"text": "x"},
    "opinions": {"question": "x", "asked": [{"kind": "role", "role": "leader"}]},
    "answer": {"verdict": "agreed"},
    "recipients": {"recipients": ["H37.01"]},
    "recall": {"reason": "x"},
    "chase": {"note": "x"},
    "relations": {"kind": "replaces", "document_id": SOMEBODY},
    "withdraw": {"reason": "x"},
    "recall-answer": {"agreed": True},
    "assign": {"person_id": "0199c0de-0000-7000-8000-000000000001"},
    "access": {"restricted": True},
    "slip": {"lead": {"person_id": SOMEBODY}},
}


def routes(docs: Docs, parameter: str) -> list[APIRoute]:
    """Every endpoint of people that names a document or an incoming document."""
    found = [r for r in all_routes(docs.app.router.routes) if f"{{{parameter}}}" in r.path]
    assert len(found) >= 8
    return found


def all_routes(found: Any) -> list[APIRoute]:
    flat: list[APIRoute] = []
    for route in found:
        if isinstance(route, APIRoute):
            flat.append(route)
        elif inner := getattr(route, "original_router", None):
            flat += all_routes(inner.routes)
    return flat


def ask(docs: Docs, person: Any, route: APIRoute, **ids: object) -> Any:
    more = {"ordinal": 0, "page": 1, "form": "png", "sha256": "c" * 64, "number": 1}
    path = route.path.format_map(defaultdict(lambda: SOMEBODY, more | ids)).removeprefix("/docs/v1")
    for method in {"GET", "DELETE"} & (route.methods or set()):
        return docs.http(person.principal).request(method, path)
    return docs.post(person, path, BODIES.get(path.rsplit("/", 1)[-1]))


def test_a_clerk_of_another_agency_finds_nothing_at_any_endpoint(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    incoming = UUID(docs.arrived(docs.b)["id"])
    for person in (docs.b.clerk, docs.b.leader):
        for route in routes(docs, "document_id"):
            answer = ask(docs, person, route, document_id=document)
            assert refusal(answer) in ({"not_found"} if person is docs.b.clerk else {"not_found", "forbidden"}), (
                route.path
            )
        assert docs.get(person, "/documents")["items"] == []
    for person in (docs.a.clerk, docs.a.leader):
        for route in routes(docs, "incoming_id"):
            answer = ask(docs, person, route, incoming_id=incoming)
            assert refusal(answer) in ({"not_found"} if person is docs.a.clerk else {"not_found", "forbidden"}), (
                route.path
            )
        assert docs.get(person, "/incoming")["items"] == []


def test_nobody_uses_another_agencys_file(docs: Docs) -> None:
    file_id = ok(docs.upload(docs.b.clerk), 201)["file_id"]
    body = docs.draft(docs.a) | {"parts": [{"file_id": file_id, "kind": "main"}]}
    assert refusal(docs.post(docs.a.clerk, "/documents", body)) == "file_unknown"
    body = docs.draft(docs.a) | {"authority_id": str(docs.b.authority_id)}
    assert refusal(docs.post(docs.a.clerk, "/documents", body)) == "authority_unknown"


def test_roles_without_documents_have_no_way_in(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    incoming = UUID(docs.arrived(docs.b)["id"])
    officer = docs.a.person("officer")
    for route in routes(docs, "document_id") + routes(docs, "incoming_id"):
        assert refusal(ask(docs, officer, route, document_id=document, incoming_id=incoming)) == "forbidden", route.path
    for path in ("/documents", "/incoming", "/choices", "/agencies"):
        assert refusal(docs.http(officer.principal).get(path)) == "forbidden"
    for act in ("issue", "void-number", "resubmit", "dispatch"):
        answer = docs.post(docs.a.leader, f"/documents/{document}/{act}", BODIES.get(act))
        assert refusal(answer) == "forbidden", act


def test_a_token_for_another_agencys_post_is_worth_nothing(docs: Docs) -> None:
    document = docs.issued(docs.a)
    forged = replace(docs.b.clerk.principal, agency_id=docs.a.agency_id)
    token = docs.issuer.token(forged, "docs")
    answer = docs.http(docs.b.clerk.principal).get(
        f"/documents/{document}", headers={"Authorization": f"Bearer {token}"}
    )
    assert refusal(answer) == "not_in_post"


def test_the_database_itself_shows_no_row_without_an_agency(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b, docs.p)
    ok(docs.partner().post("/exchange/files?filename=x.pdf", content=b"%PDF-1.7"), 201)
    for table in TABLES:
        query = f"SELECT agency_id FROM {table}"  # noqa: S608  names of this list
        assert docs.rows(None, query) == [], table
        own = {row["agency_id"] for row in docs.rows(docs.a.agency_id, query)}
        theirs = {row["agency_id"] for row in docs.rows(docs.b.agency_id, query)}
        assert own <= {docs.a.agency_id}, table
        assert theirs <= {docs.b.agency_id}, table
        assert own | theirs, f"{table} was not filled by this test"
    for table in PARTNER_TABLES:
        for agency_id in (None, docs.a.agency_id):
            assert docs.rows(agency_id, f"SELECT 1 FROM {table}") == [], table  # noqa: S608  names of this list


def test_every_table_with_an_owner_has_a_forced_policy(docs: Docs) -> None:
    rows = docs.rows(
        None,
        "SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS guarded"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind = 'r' AND a.attname IN ('agency_id', 'partner') AND c.relnamespace = 'public'::regnamespace"
        # The partitions of search_entry are the owner's alone; the table itself is guarded (test_finding.py).
        " AND has_table_privilege(c.oid, 'SELECT')",
    )
    # Copies of the registry are everybody's, `whereabouts` holds ids only, `figure_touched` ids and days to count again.
    open_to_all = {"agency", "post", "authority", "seal_certificate", "whereabouts", "figure_touched"}
    assert {row["name"] for row in rows if not row["guarded"]} == open_to_all
    (role,) = docs.rows(None, "SELECT rolsuper OR rolbypassrls AS passes FROM pg_roles WHERE rolname = current_user")
    assert role == {"passes": False}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO register (agency_id, code, year, last) VALUES (%s, 'VB', 2026, 0)",
        "INSERT INTO history (agency_id, subject_id, at, act, actor) VALUES (%s, gen_random_uuid(), now(), 'x', '{}')",
    ],
)
def test_no_row_can_be_written_into_another_agency(docs: Docs, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(docs.pool, agency=docs.b.agency_id) as tx:
        tx.execute(statement, [docs.a.agency_id])  # type: ignore[arg-type,unused-ignore]
