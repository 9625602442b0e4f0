"""What the generator of `make load` copies in is what docs itself would have written."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import psycopg
import pytest

from bench import docs_again, docs_load
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


@pytest.mark.parametrize("today", [date(2026, 11, day) for day in (23, 29)], ids=lambda day: f"{day:%a}")
def test_what_is_copied_into_later_years_is_whole_on_any_day_and_once_only(
    docs: Docs, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs_load, "TOLD", 80)
    monkeypatch.setattr(docs_load, "PER_YEAR", 2_000)
    docs_load.load(docs.database.admin, 400, processes=1, today=today)
    with psycopg.connect(docs.database.admin) as connection:
        copies = connection.execute(
            "SELECT count(*), count(DISTINCT id), count(DISTINCT substr(id::text, 15)) FROM document WHERE submitted_at < %s",
            [today - timedelta(days=docs_load.LATELY + 7)],
        ).fetchone()
        assert copies
        assert copies[0] == copies[1] > copies[2], "the same documents again, under other ids"
        lost = connection.execute(
            "SELECT count(*) FROM document d LEFT JOIN search_entry e USING (agency_id, id) WHERE e.id IS NULL"
        ).fetchone()
        assert lost == (0,)
    with pytest.raises(docs_again.LoadedBefore, match="once only"):
        docs_load.load(docs.database.admin, 400, processes=1, today=today)
