"""Our tables: documents with their signers and revisions, validations and reports. The only SQL on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from services.signing import store_seal
from services.signing.domain import CoIssuer, Document, Numbering, Signer, State
from shared.db import Tx, act_for
from shared.errors import NotFound
from shared.events import Actor, BlobRef
from shared.events.docs import Descriptor, Part


class Superseded(Exception):
    """The row is no longer what the decision was made on; whoever decided has to look again."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A document and whose it is: what must be known to act for its agency."""

    agency_id: UUID
    document_id: UUID


def act_for_person(tx: Tx, person_id: UUID | None) -> None:
    """From here on in this transaction also documents that this person shall sign or has signed are visible."""
    tx.execute("SELECT set_config('vanthu.person', %s, true)", [str(person_id) if person_id else ""])


def now(tx: Tx) -> datetime:
    """The database's clock, one for all processes."""
    row = tx.execute("SELECT clock_timestamp() AS at").fetchone()
    assert row is not None  # noqa: S101  a function call gives one row
    at: datetime = row["at"]
    return at


# --- documents


def get(tx: Tx, document_id: UUID) -> Document:
    return _or_not_found(find(tx, document_id))


def find(tx: Tx, document_id: UUID) -> Document | None:
    row = tx.execute("SELECT * FROM document WHERE id = %s", [document_id]).fetchone()
    return _document(tx, row) if row else None


def lock(tx: Tx, document_id: UUID) -> Document:
    """The document, locked until the end of the transaction."""
    return _or_not_found(find_and_lock(tx, document_id))


def find_and_lock(tx: Tx, document_id: UUID) -> Document | None:
    row = tx.execute("SELECT * FROM document WHERE id = %s FOR UPDATE", [document_id]).fetchone()
    return _document(tx, row) if row else None


def add(tx: Tx, document: Document) -> None:
    tx.execute(
        "INSERT INTO document (id, agency_id, state, version, descriptor, filename, author_id, ordered_at, content,"
        " waiting_since, terms) VALUES (%s, %s, %s, 1, %s, %s, %s, %s, %s, %s, %s)",
        [
            document.id,
            document.agency_id,
            document.state,
            _json(document.descriptor),
            document.filename,
            document.author_id,
            document.ordered_at,
            _json(document.content),
            document.waiting_since,
            store_seal.terms_row(document.terms),
        ],
    )
    _save_signers(tx, document)


def save(tx: Tx, document: Document, *, stage: str | None = None) -> None:
    """Write the next state over the version that it was made from; with `stage` its content is a new revision."""
    done = tx.execute(
        "UPDATE document SET state = %s, version = version + 1, descriptor = %s, filename = %s, author_id = %s,"
        " ordered_at = %s, content = %s, page_count = %s, numbered = %s, completing = %s, numbering = %s, level = %s,"
        " delayed = %s, waiting_since = %s, terms = %s WHERE id = %s AND version = %s",
        [
            document.state,
            _json(document.descriptor),
            document.filename,
            document.author_id,
            document.ordered_at,
            _json(document.content),
            document.page_count,
            document.numbered,
            document.completing,
            _numbering_json(document.numbering),
            document.level,
            document.delayed,
            document.waiting_since,
            store_seal.terms_row(document.terms),
            document.id,
            document.version,
        ],
    )
    if done.rowcount == 0:
        raise Superseded
    _save_signers(tx, document)
    if stage:
        tx.execute(
            "INSERT INTO revision (document_id, sha256, agency_id, content, stage) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [document.id, document.content.sha256, document.agency_id, _json(document.content), stage],
        )


def list_waiting_for(tx: Tx, person_id: UUID) -> list[Document]:
    """Documents that this person has not signed yet, whoever's turn it is, longest waiting first.

    Each is read as its own agency sees it: a signer at a post elsewhere would see no other signer, and take every turn
    for theirs. The transaction acts for one of these agencies afterwards.
    """
    rows = tx.execute(
        "SELECT d.* FROM document d WHERE d.state = 'awaiting_signature' AND EXISTS (SELECT FROM signer s"
        "  WHERE s.document_id = d.id AND s.person_id = %s AND s.signed_at IS NULL)"
        " ORDER BY d.waiting_since, d.id LIMIT 500",
        [person_id],
    ).fetchall()
    whole = _whole(tx, rows)
    return [whole[row["id"]] for row in rows]


def lock_all(tx: Tx, documents: Iterable[UUID]) -> dict[UUID, Document]:
    """Those of these that the transaction sees, locked in the order of Place, each read as its own agency sees it.

    The transaction acts for one of these agencies afterwards.
    """
    rows = tx.execute(
        "SELECT * FROM document WHERE id = ANY(%s) ORDER BY agency_id, id FOR UPDATE", [list(documents)]
    ).fetchall()
    return _whole(tx, rows)


def begin_completions(tx: Tx, taken: Sequence[Document]) -> None:
    """domain.begin_completion of these, which are locked: nothing else of them changes."""
    done = tx.execute(
        "UPDATE document d SET state = t.state, completing = t.completing, version = d.version + 1"
        " FROM unnest(%s::uuid[], %s::integer[], %s::text[], %s::uuid[]) AS t (id, version, state, completing)"
        " WHERE d.id = t.id AND d.version = t.version",
        [[d.id for d in taken], [d.version for d in taken], [d.state for d in taken], [d.completing for d in taken]],
    )
    if done.rowcount != len(taken):
        raise Superseded


def list_places(tx: Tx, person_id: UUID) -> list[Place]:
    """Where documents wait, at this turn or a later one, for this person's signature."""
    rows = tx.execute(
        "SELECT d.agency_id, d.id AS document_id FROM document d WHERE d.state = 'awaiting_signature' AND EXISTS ("
        " SELECT FROM signer s WHERE s.document_id = d.id AND s.person_id = %s AND s.signed_at IS NULL)"
        " ORDER BY 1, 2",
        [person_id],
    ).fetchall()
    return [Place(**row) for row in rows]


def forget_delay(tx: Tx, person_id: UUID, code: str) -> None:
    """The reason why documents waited for this person is gone; when it comes again it is stated again."""
    tx.execute(
        "UPDATE document d SET delayed = NULL, version = version + 1 WHERE d.state = 'awaiting_signature' AND delayed = %s"
        " AND EXISTS (SELECT FROM signer s WHERE s.document_id = d.id AND s.person_id = %s AND s.signed_at IS NULL)",
        [code, person_id],
    )


def _save_signers(tx: Tx, document: Document) -> None:
    store_seal.save_co_issuers(tx, document)
    tx.execute(
        "DELETE FROM signer WHERE document_id = %s AND ordinal > %s",
        [document.id, len(document.signers)],
    )
    for s in document.signers:
        tx.execute(
            "INSERT INTO signer (document_id, ordinal, agency_id, person_id, post_id, authority_id, name, post,"
            " capacity, block, signed_at, certificate_serial, for_agency_id)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (document_id, ordinal) DO UPDATE SET"
            " person_id = excluded.person_id, post_id = excluded.post_id, authority_id = excluded.authority_id,"
            " name = excluded.name, post = excluded.post, capacity = excluded.capacity, block = excluded.block,"
            " signed_at = excluded.signed_at, certificate_serial = excluded.certificate_serial,"
            " for_agency_id = excluded.for_agency_id",
            [
                document.id,
                s.ordinal,
                document.agency_id,
                s.person_id,
                s.post_id,
                s.authority_id,
                s.name,
                s.post,
                s.capacity,
                list(s.block),
                s.signed_at,
                s.certificate_serial,
                s.for_agency_id,
            ],
        )


def _whole(tx: Tx, rows: list[dict[str, Any]]) -> dict[UUID, Document]:
    """By id, each with all its signers, whoever asks."""
    found: dict[UUID, Document] = {}
    for agency_id in dict.fromkeys(row["agency_id"] for row in rows):
        act_for(tx, agency_id)
        found |= {d.id: d for d in _documents(tx, [row for row in rows if row["agency_id"] == agency_id])}
    return found


def _documents(tx: Tx, rows: list[dict[str, Any]]) -> list[Document]:
    signers = tx.execute(
        "SELECT * FROM signer WHERE document_id = ANY(%s) ORDER BY ordinal", [[row["id"] for row in rows]]
    ).fetchall()
    co_issuers = store_seal.list_co_issuers(tx, [row["id"] for row in rows])
    return [
        _made(row, (s for s in signers if s["document_id"] == row["id"]), co_issuers.get(row["id"], ())) for row in rows
    ]


def _document(tx: Tx, row: dict[str, Any]) -> Document:
    return _documents(tx, [row])[0]


def _made(row: dict[str, Any], signers: Iterable[dict[str, Any]], co_issuers: tuple[CoIssuer, ...]) -> Document:
    return Document(
        id=row["id"],
        agency_id=row["agency_id"],
        state=State(row["state"]),
        descriptor=Descriptor.model_validate(row["descriptor"]),
        filename=row["filename"],
        author_id=row["author_id"],
        signers=tuple(_signer(s) for s in signers),
        content=BlobRef.model_validate(row["content"]),
        ordered_at=row["ordered_at"],
        waiting_since=row["waiting_since"],
        page_count=row["page_count"],
        numbered=row["numbered"],
        completing=row["completing"],
        numbering=_numbering(row["numbering"]),
        level=row["level"],
        delayed=row["delayed"],
        version=row["version"],
        terms=store_seal.terms(row["terms"], co_issuers),
    )


def _signer(row: dict[str, Any]) -> Signer:
    return Signer(
        ordinal=row["ordinal"],
        person_id=row["person_id"],
        post_id=row["post_id"],
        authority_id=row["authority_id"],
        name=row["name"],
        post=row["post"],
        capacity=row["capacity"],
        block=tuple(row["block"]),
        signed_at=row["signed_at"],
        certificate_serial=row["certificate_serial"],
        for_agency_id=row["for_agency_id"],
    )


def _numbering_json(numbering: Numbering | None) -> Jsonb | None:
    if numbering is None:
        return None
    return Jsonb(
        {
            "number": numbering.number,
            "number_symbol": numbering.number_symbol,
            "issued_on": numbering.issued_on.isoformat(),
            "by": numbering.by.model_dump(mode="json", exclude_none=True),
            "at": numbering.at.isoformat() if numbering.at else None,
        }
    )


def _numbering(value: dict[str, Any] | None) -> Numbering | None:
    if value is None:
        return None
    return Numbering(
        number=value["number"],
        number_symbol=value["number_symbol"],
        issued_on=datetime.fromisoformat(value["issued_on"]).date(),
        by=Actor.model_validate(value["by"]),
        at=datetime.fromisoformat(value["at"]) if value.get("at") else None,
    )


def _json(value: Descriptor | BlobRef) -> Jsonb:
    return Jsonb(value.model_dump(mode="json", exclude_none=True), dumps=_dumps)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _or_not_found(document: Document | None) -> Document:
    if document is None:
        raise NotFound("văn bản", "document")
    return document


# --- withdrawals that may come before what they withdraw


def add_withdrawal(tx: Tx, document_id: UUID, agency_id: UUID, *, number: int = 0, at: datetime) -> None:
    """Docs has taken the document (number 0) or one number of it back at `at`."""
    tx.execute(
        "INSERT INTO withdrawal (document_id, agency_id, number, at) VALUES (%s, %s, %s, %s) ON CONFLICT"
        " (document_id, number) DO UPDATE SET at = greatest(withdrawal.at, excluded.at)",
        [document_id, agency_id, number, at],
    )


def find_withdrawal(tx: Tx, document_id: UUID, *, number: int = 0) -> datetime | None:
    row = tx.execute(
        "SELECT at FROM withdrawal WHERE document_id = %s AND number = %s", [document_id, number]
    ).fetchone()
    return row["at"] if row else None


def drop_jobs(tx: Tx, subject: UUID, *kinds: str) -> None:
    """Take waiting work back. A worker that has it under lease finds its job gone and commits nothing.

    Called before the document is locked: workers take the two locks in the same order.
    """
    tx.execute("DELETE FROM job WHERE subject = %s AND kind = ANY(%s)", [str(subject), list(kinds)])


# --- validations and reports


def add_validation(
    tx: Tx,
    incoming_id: UUID,
    agency_id: UUID,
    content: BlobRef,
    *,
    at: datetime,
    annexes: Sequence[Part] = (),
    type_code: str | None = None,
    came_by: str | None = None,
) -> None:
    """An order to validate; a later order for the same incoming document asks anew."""
    parts = Jsonb([p.model_dump(mode="json") for p in annexes])
    tx.execute(
        "INSERT INTO validation (incoming_id, agency_id, content, ordered_at, annexes, type_code, came_by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (incoming_id) DO UPDATE SET content = excluded.content, ordered_at = excluded.ordered_at,"
        " annexes = excluded.annexes, type_code = excluded.type_code, came_by = excluded.came_by,"
        " outcome = NULL, delayed = NULL",
        [incoming_id, agency_id, _json(content), at, parts, type_code, came_by],
    )


def find_validation(tx: Tx, incoming_id: UUID) -> dict[str, Any] | None:
    """incoming_id, agency_id, content (BlobRef as JSON), ordered_at, annexes, type_code, came_by, outcome, delayed."""
    return tx.execute("SELECT * FROM validation WHERE incoming_id = %s FOR UPDATE", [incoming_id]).fetchone()


def save_outcome(tx: Tx, incoming_id: UUID, outcome: dict[str, Any]) -> None:
    tx.execute(
        "UPDATE validation SET outcome = %s, delayed = NULL WHERE incoming_id = %s",
        [Jsonb(outcome, dumps=_dumps), incoming_id],
    )


def set_validation_delayed(tx: Tx, incoming_id: UUID, code: str) -> bool:
    """Whether this reason was not the last one stated."""
    done = tx.execute(
        "UPDATE validation SET delayed = %s WHERE incoming_id = %s AND delayed IS DISTINCT FROM %s",
        [code, incoming_id, code],
    )
    return done.rowcount == 1


def find_report(tx: Tx, sha256: str, policy: str, trust: str) -> dict[str, Any] | None:
    """The outcome kept for these bytes under this policy and these roots."""
    row = tx.execute(
        "SELECT outcome FROM report WHERE sha256 = %s AND policy = %s AND trust = %s", [sha256, policy, trust]
    ).fetchone()
    return row["outcome"] if row else None


def add_report(tx: Tx, sha256: str, policy: str, trust: str, outcome: dict[str, Any]) -> None:
    """The first report of these bytes stays; two workers may have made the same one."""
    tx.execute(
        "INSERT INTO report (sha256, policy, trust, outcome) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [sha256, policy, trust, Jsonb(outcome, dumps=_dumps)],
    )


def latest_outcome(tx: Tx, sha256: str) -> dict[str, Any] | None:
    """The newest outcome for bytes that the reader's agency received, or None."""
    row = tx.execute(
        "SELECT outcome FROM validation WHERE sha256 = %s AND outcome IS NOT NULL ORDER BY ordered_at DESC LIMIT 1",
        [sha256],
    ).fetchone()
    return row["outcome"] if row else None
