"""The search index in PostgreSQL, and saved searches. How the table is laid out, and why: migrations 0009 and 0010."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.docs.document import Document
from services.docs.finding import domain, lexemes
from services.docs.finding.domain import Entry, Source, Wanted
from services.docs.finding.lexemes import Text
from services.docs.incoming import Incoming
from services.docs.step import Reason
from services.docs.text import sort_key, sort_text
from shared import jobs
from shared.db import Tx, act_for
from shared.errors import NotFound
from shared.events import BlobRef

Row = dict[str, Any]
READ, INDEX = "read_text", "index_agency"  # kinds of jobs; work.py does them
SAID = ("number_symbol", "abstract", "party", "signer", "type_name", "author", "issuer", "handler")
KEPT = (
    *("id", "agency_id", "kind", "type_code", "state", "urgency", "day", "number", "register_code", "issued_on"),
    *("arrived_on", "arrival_number", "abstract_order", "party_order", "signer_order", "files", "text_state", "layout"),
    *SAID,
)


def put_document(tx: Tx, document: Document) -> None:
    """What is said of a document follows it in the same transaction."""
    row = tx.execute(
        "SELECT string_agg(receiver ->> 'name', ', ' ORDER BY receiver_identifier) AS names FROM delivery WHERE document_id = %s",
        [document.id],
    ).fetchone()
    entry = domain.of_document(document, (row and row["names"]) or "")
    put(tx, entry)
    for each in document.terms.co_issuers:
        if each.agency.agency_id is not None:
            with _acting_for(tx, each.agency.agency_id, back=document.agency_id):
                if document.state in domain.DRAFTS:
                    tx.execute("DELETE FROM search_entry WHERE id = %s", [document.id])
                else:
                    put(tx, replace(entry, agency_id=each.agency.agency_id))


@contextmanager
def _acting_for(tx: Tx, agency: UUID, *, back: UUID) -> Iterator[None]:
    """Who issues a document too finds it among its own, once it is a draft no more: an entry in that agency's rows."""
    act_for(tx, agency)
    yield
    act_for(tx, back)


def put_incoming(tx: Tx, incoming: Incoming) -> None:
    put(tx, domain.of_incoming(incoming))


def values_of(entry: Entry) -> Row:
    """The columns of an entry."""
    return {
        **{name: getattr(entry, name) for name in KEPT if hasattr(entry, name)},
        "files": Jsonb([asdict(each) for each in entry.files]),
        "abstract_order": sort_text(entry.abstract),
        "party_order": sort_text(entry.party),
        "signer_order": sort_text(entry.signer),
        "text_state": "waiting" if entry.files else "none",
        "layout": domain.LAYOUT,
        "words": entry.about,
    }


_UPSERT = (
    f"INSERT INTO search_entry AS e ({', '.join(KEPT)}, words) VALUES ({', '.join(f'%({name})s' for name in KEPT)},"  # noqa: S608  own names
    " %(words)s::tsvector) ON CONFLICT (agency_id, id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in KEPT if name not in {"id", "agency_id", "kind", "text_state"})
    + ", text_state = CASE WHEN e.files = excluded.files THEN e.text_state ELSE excluded.text_state END"
    # The index is left alone when only the state is new, which is most often.
    f", words = CASE WHEN e.layout = excluded.layout AND ({', '.join(f'e.{name}' for name in SAID)}) IS NOT DISTINCT FROM"
    f" ({', '.join(f'excluded.{name}' for name in SAID)}) THEN e.words ELSE excluded.words END"
    " RETURNING old.files IS DISTINCT FROM new.files AS unread,"
    " CASE WHEN old.words IS DISTINCT FROM new.words THEN new.body END AS behind"
)


def put(tx: Tx, entry: Entry) -> None:
    """Its metadata; the text of its files, once it is there, stays until other files are there, which are read then."""
    row = tx.execute(_UPSERT, values_of(entry)).fetchone()
    if row and row["behind"]:
        # The words of the text stand behind those of the metadata: their places are counted anew.
        vector = lexemes.vector([Text(row["behind"], "D")])
        tx.execute("UPDATE search_entry SET words = words || %s::tsvector WHERE id = %s", [vector, entry.id])
    if row and row["unread"] and entry.files:
        order_text(tx, entry.agency_id, entry.id, entry.kind)


# --- the text of files


def order_text(tx: Tx, agency_id: UUID, subject: UUID, kind: str) -> None:
    """Order that the files of a document are read, one order at a time for each."""
    payload = {"agency_id": str(agency_id), "id": str(subject), "kind": kind}
    jobs.put(tx, READ, f"text:{subject}", payload)


def order_again(tx: Tx, row: Row) -> None:
    """As `order_text`, of a document as `text_of` gives it; it is seen to wait at once."""
    tx.execute("UPDATE search_entry SET text_state = 'waiting' WHERE id = %s", [row["id"]])
    order_text(tx, row["agency_id"], row["id"], row["kind"])


def files_of(tx: Tx, subject: UUID) -> tuple[Source, ...]:
    """What is to be read of a document; nothing when it is not in the index."""
    row = tx.execute("SELECT files FROM search_entry WHERE id = %s", [subject]).fetchone()
    return tuple(Source(**{**each, "before": tuple(each["before"])}) for each in row["files"]) if row else ()


def put_text(tx: Tx, subject: UUID, body: str, vector: str) -> bool:
    """The text of a thing's files; False when the thing itself is not here."""
    done = tx.execute(
        "UPDATE search_entry SET body = %s, words = ts_filter(words, '{a,b,c}') || %s::tsvector, text_state = %s,"
        " text_reason = NULL WHERE id = %s",
        [body, vector, "read" if body else "empty", subject],
    )
    return done.rowcount == 1


def put_text_failure(tx: Tx, subject: UUID, reason: Reason, *, final: bool) -> None:
    """Why the files could not be read; what was known of them before stays."""
    tx.execute(
        "UPDATE search_entry SET text_state = %s, text_reason = %s WHERE id = %s",
        ["failed" if final else "waiting", Jsonb(asdict(reason)), subject],
    )


def text_of(tx: Tx, subject: UUID) -> Row:
    """How it stands with the text of a document's files, as far as whoever asks may know of it; NotFound."""
    row = tx.execute(
        "SELECT id, kind, agency_id, text_state, text_reason, length(body) AS characters FROM search_entry WHERE id = %s",
        [subject],
    ).fetchone()
    if row is None:
        raise NotFound("văn bản")
    return row


def list_unread(tx: Tx, limit: int) -> list[Row]:
    """Documents of the agency whose files could not be read, newest first, as far as whoever asks may know of them."""
    return tx.execute(
        "SELECT id, kind, abstract, number_symbol, day, text_reason FROM search_entry"
        " WHERE agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid AND text_state = 'failed'"
        " ORDER BY day DESC, id DESC LIMIT %s",
        [limit],
    ).fetchall()


def offer_ocr(tx: Tx, sha256: str, text: BlobRef) -> None:
    """The text that OCR saw in a scanned file, UTF-8, pages divided by form feeds; whatever has this file is read again."""
    put_rendition(tx, sha256, "ocr", text)
    known = tx.execute(
        "SELECT agency_id, id, kind FROM search_entry WHERE files @> %s OR files @> %s",
        [Jsonb([{"sha256": sha256}]), Jsonb([{"before": [sha256]}])],
    ).fetchall()
    for row in known:
        order_text(tx, row["agency_id"], row["id"], row["kind"])


# --- what was made of files


def find_rendition(tx: Tx, sha256: str, kind: str, *, page: int = 0, width: int = 0) -> BlobRef | None:
    row = tx.execute(
        "SELECT content FROM rendition WHERE sha256 = %s AND kind = %s AND page = %s AND width = %s",
        [sha256, kind, page, width],
    ).fetchone()
    return BlobRef.model_validate(row["content"]) if row else None


def put_rendition(
    tx: Tx, sha256: str, kind: str, content: BlobRef, *, page: int = 0, width: int = 0, pages: int | None = None
) -> None:
    """The newest counts: a better OCR takes the place of one before. `pages`: how many the file has."""
    tx.execute(
        "INSERT INTO rendition (sha256, kind, page, width, content, pages) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (sha256, kind, page, width) DO UPDATE SET content = excluded.content, made_at = now()",
        [sha256, kind, page, width, Jsonb(content.model_dump(mode="json")), pages],
    )


def find_pages(tx: Tx, sha256: str) -> int | None:
    """How many pages a file has, when somebody has counted them."""
    row = tx.execute("SELECT pages FROM rendition WHERE sha256 = %s AND pages IS NOT NULL LIMIT 1", [sha256]).fetchone()
    return row["pages"] if row else None


# --- finding


def find(tx: Tx, wanted: Wanted, tsquery: str | None, *, reader: UUID, skip: int, most: int) -> list[Row]:
    """In the order asked for; of the agency that the transaction acts for, as far as the reader may see it.

    Each row says in `total` how many there are, counted up to one more than may be shown.
    """
    cap = max(domain.MAX_RESULTS + 1, skip + most)
    return tx.execute(
        "SELECT f.* FROM find_in_agency(%s, %s, %s, %s, %s, %s, %s, %s) f",
        [reader, tsquery, wanted.fields_query, Jsonb(wanted.conditions), wanted.sort, skip, most, cap],
    ).fetchall()


def bodies(tx: Tx, ids: list[UUID]) -> dict[UUID, str]:
    """The beginning of the files' text of things found, for what is shown of them."""
    rows = tx.execute(
        "SELECT id, left(body, 40000) AS body FROM search_entry WHERE id = ANY(%s)"
        " AND agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid",
        [ids],
    ).fetchall()
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
    rows = tx.execute(
        "SELECT id, person_id, person_name, name, query, shared FROM saved_search WHERE person_id = %s OR shared",
        [person_id],
    ).fetchall()
    return sorted(rows, key=lambda row: (sort_key(row["name"]), row["id"]))


def remove_search(tx: Tx, search_id: UUID, person_id: UUID) -> None:
    """One's own only."""
    done = tx.execute("DELETE FROM saved_search WHERE id = %s AND person_id = %s", [search_id, person_id])
    if done.rowcount == 0:
        raise NotFound("saved search")


# --- entries of an earlier layout


def outdated(tx: Tx, after: UUID | None, limit: int) -> list[Row]:
    """The agency's documents whose entry is missing or of an earlier layout, by id: their ids and kinds."""
    return tx.execute(
        "SELECT t.id, t.kind FROM ("
        "  SELECT id, agency_id, 'document' AS kind FROM document UNION ALL SELECT id, agency_id, 'incoming' FROM incoming) t"
        " LEFT JOIN search_entry e ON e.agency_id = t.agency_id AND e.id = t.id"
        " WHERE t.agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid"
        " AND (e.id IS NULL OR e.layout < %s) AND (%s::uuid IS NULL OR t.id > %s) ORDER BY t.id LIMIT %s",
        [domain.LAYOUT, after, after, limit],
    ).fetchall()
