"""64 issuers on one register, with random crashes of processes and connections: numbers 1…n without a gap (invariant 4)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from services.docs import store
from services.docs.document import Document
from shared import db
from shared.events.docs import DocumentNumbered, SealDocument
from shared.ids import new_id
from tests.docs.conftest import Docs, ok
from tests.docs.issuers import Office64


def signed_documents(docs: Docs, count: int) -> list[UUID]:
    """Documents that wait for their number, as many as are needed."""
    first = docs.signed(docs.a)
    made = [first]
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        pattern: Document = store.get(tx, first)
        for _ in range(count - 1):
            made.append(new_id())
            store.add(tx, replace(pattern, id=made[-1], version=0))
    return made


def issued_without_a_gap(docs: Docs, documents: list[UUID]) -> None:
    count = len(documents)
    rows = docs.rows(docs.a.agency_id, "SELECT number, subject_id, void_reason FROM book ORDER BY number")
    assert [row["number"] for row in rows] == list(range(1, count + 1)), "numbers 1…n without a gap"
    assert {row["subject_id"] for row in rows} == set(documents), "each document once"
    (register,) = docs.rows(docs.a.agency_id, "SELECT last FROM register")
    assert register["last"] == count
    held = docs.rows(docs.a.agency_id, "SELECT id, number, state FROM document")
    assert {row["id"]: row["number"] for row in held} == {row["subject_id"]: row["number"] for row in rows}
    assert {row["state"] for row in held} == {"sealing"}
    stated = [e.data for e in docs.outbox(after=0)]
    for kind in (DocumentNumbered, SealDocument):
        told = [each for each in stated if isinstance(each, kind)]
        assert sorted(each.number for each in told) == list(range(1, count + 1)), f"{kind.__name__} once a number"


@pytest.mark.parametrize(
    ("count", "desks", "crashes"),
    [
        pytest.param(96, (8, 8), (4, 16), id="quick"),
        pytest.param(2500, (16, 4), (100, 400), id="long", marks=pytest.mark.full),
    ],
)
def test_64_issuers_with_random_crashes_leave_no_gap(
    docs: Docs, count: int, desks: tuple[int, int], crashes: tuple[int, int]
) -> None:
    """`desks`: processes, and clerks in each; `crashes`: processes killed, connections cut."""
    processes, clerks = desks
    documents = signed_documents(docs, count)
    office = Office64(
        docs.database.app,
        docs.database.admin,
        docs.settings.blobs,
        docs.a.clerk.principal,
        documents,
        processes=processes,
        clerks=clerks,
    )
    assert processes * clerks == 64
    office.work(kills=crashes[0], cuts=crashes[1])
    assert office.killed > 0, "nobody was killed: the test shows nothing"
    assert office.cut > 0, "no connection was cut: the test shows nothing"
    issued_without_a_gap(docs, documents)
    again = ok(docs.post(docs.a.clerk, f"/documents/{documents[0]}/issue"))
    assert again["number"] <= count, "a further click takes no further number"
