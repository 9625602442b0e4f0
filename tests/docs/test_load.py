"""What the generator of `make load` copies in is what docs itself would have written."""

from __future__ import annotations

from uuid import UUID

from bench import docs_load
from services.docs import store, store_incoming
from services.docs.finding import store as finding
from shared import db
from tests.docs.conftest import Docs, ok

ENTRY = "SELECT to_jsonb(e) - 'body' AS entry, body <> '' AS told FROM search_entry e WHERE id = %s"


def test_loaded_documents_are_documents(docs: Docs) -> None:
    loaded = docs_load.load(docs.database.admin, 80, processes=1)
    assert loaded.documents >= 80
    for agency in (docs.a, docs.b):
        clerk = agency.clerk
        for page, path in ((docs.get(clerk, "/documents"), "documents"), (docs.get(clerk, "/incoming"), "incoming")):
            assert page["items"], f"{agency.name}: {path}"
            for item in page["items"][:10]:
                one = docs.get(clerk, f"/{path}/{item['id']}")
                assert one["history"]
                assert kept(docs, agency.agency_id, UUID(item["id"]), path), (
                    f"{path}/{item['id']} is found as docs wrote it"
                )
        books = docs.rows(
            agency.agency_id,
            "SELECT r.last, count(*) AS n, max(b.number) AS highest FROM register r JOIN book b ON b.agency_id = r.agency_id"
            " AND b.register_code = r.code AND b.year = r.year GROUP BY r.code, r.year, r.last",
        )
        assert books
        assert all(row["last"] == row["n"] == row["highest"] for row in books), "no number left out"
    ready = docs.signed(docs.a)
    year = docs.rows(docs.a.agency_id, "SELECT last FROM register WHERE code = 'VB' ORDER BY year DESC LIMIT 1")
    assert ok(docs.post(docs.a.clerk, f"/documents/{ready}/issue"))["number"] in {1, year[0]["last"] + 1}


def kept(docs: Docs, agency: UUID, subject: UUID, path: str) -> bool:
    """Written once more by docs, the entry of the index is what it was."""
    (before,) = docs.rows(agency, ENTRY, subject)
    with db.transaction(docs.pool, agency=agency) as tx:
        tx.execute("UPDATE search_entry SET layout = 0 WHERE id = %s", [subject])
        if path == "incoming":
            finding.put_incoming(tx, store_incoming.get(tx, subject))
        else:
            finding.put_document(tx, store.get(tx, subject))
    (after,) = docs.rows(agency, ENTRY, subject)
    return before == after and bool(before["told"])
