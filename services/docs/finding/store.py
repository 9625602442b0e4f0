"""The search index in PostgreSQL, and saved searches. How the table is laid out, and why: migrations/0009_search.sql."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.document import Document
from services.docs.finding import domain
from services.docs.finding.domain import Entry, Wanted
from services.docs.incoming import Incoming
from services.docs.text import sort_key
from shared.db import Tx
from shared.errors import NotFound

Row = dict[str, Any]


def put_document(tx: Tx, document: Document) -> None:
    """What is said of a document follows it in the same transaction."""
    row = tx.execute(
        "SELECT string_agg(receiver ->> 'name', ', ' ORDER BY receiver_identifier) AS names FROM delivery WHERE document_id = %s",
        [document.id],
    ).fetchone()
    put(tx, domain.of_document(document, (row and row["names"]) or ""))


def put_incoming(tx: Tx, incoming: Incoming) -> None:
    put(tx, domain.of_incoming(incoming))


def put(tx: Tx, entry: Entry) -> None:
    """Its metadata; the text of its files, once it is there, stays."""
    values = asdict(entry) | {"words": entry.about}
    tx.execute(
        "INSERT INTO search_entry AS e (agency_id, id, kind, type_code, number_symbol, abstract, party, signer, state,"
        " urgency, day, words) VALUES (%(agency_id)s, %(id)s, %(kind)s, %(type_code)s, %(number_symbol)s, %(abstract)s,"
        " %(party)s, %(signer)s, %(state)s, %(urgency)s, %(day)s, %(words)s::tsvector)"
        " ON CONFLICT (agency_id, id) DO UPDATE SET number_symbol = excluded.number_symbol, type_code = excluded.type_code,"
        " abstract = excluded.abstract, party = excluded.party, signer = excluded.signer, state = excluded.state,"
        " urgency = excluded.urgency, day = excluded.day,"
        # The index is left alone when only the state is new, which is most often.
        " words = CASE WHEN (e.number_symbol, e.abstract, e.party, e.signer, e.type_code) IS NOT DISTINCT FROM"
        " (excluded.number_symbol, excluded.abstract, excluded.party, excluded.signer, excluded.type_code) THEN e.words"
        " ELSE excluded.words || ts_filter(e.words, '{d}') END",
        values,
    )


def put_text(tx: Tx, subject: UUID, body: str, vector: str) -> bool:
    """The text of a thing's files; False when the thing itself is not here."""
    done = tx.execute(
        "UPDATE search_entry SET body = %s, words = ts_filter(words, '{a,b,c}') || %s::tsvector WHERE id = %s",
        [body, vector, subject],
    )
    return done.rowcount == 1


def find(tx: Tx, wanted: Wanted, tsquery: str | None, *, reader: UUID, skip: int, most: int) -> list[Row]:
    """Best first, or newest first; of the agency that the transaction acts for, as far as the reader may see it."""
    return tx.execute(
        "SELECT f.* FROM find_entries(%s, %s, %s::text[], %s::text[], %s::text[], %s, %s::date, %s::date, %s, %s, %s) f",
        [
            reader,
            tsquery,
            list(wanted.kinds) or None,
            list(wanted.types) or None,
            list(wanted.states) or None,
            wanted.urgent,
            wanted.since,
            wanted.until,
            wanted.by_rank,
            skip,
            most,
        ],
    ).fetchall()


def bodies(tx: Tx, ids: list[UUID]) -> dict[UUID, str]:
    """The beginning of the files' text of things found, for what is shown of them."""
    rows = tx.execute("SELECT id, left(body, 200000) AS body FROM search_entry WHERE id = ANY(%s)", [ids]).fetchall()
    return {row["id"]: row["body"] for row in rows}


# --- saved searches


def save_search(tx: Tx, row: Row) -> None:
    tx.execute(
        "INSERT INTO saved_search (id, agency_id, person_id, person_name, name, query, shared)"
        " VALUES (%(id)s, %(agency_id)s, %(person_id)s, %(person_name)s, %(name)s, %(query)s, %(shared)s)",
        row | {"query": Jsonb(row["query"])},
    )


def list_searches(tx: Tx, person_id: UUID) -> list[Row]:
    """One's own and those that colleagues share, by name in the order of Vietnamese."""
    rows = tx.execute("SELECT * FROM saved_search WHERE person_id = %s OR shared", [person_id]).fetchall()
    return sorted(rows, key=lambda row: (sort_key(row["name"]), row["id"]))


def remove_search(tx: Tx, search_id: UUID, person_id: UUID) -> None:
    """One's own only."""
    done = tx.execute("DELETE FROM saved_search WHERE id = %s AND person_id = %s", [search_id, person_id])
    if done.rowcount == 0:
        raise NotFound("saved search")
