"""Circulation in PostgreSQL: groups, dispatches, recalls, relations. Rows of the agency that the transaction acts for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from services.docs import store, store_registry
from services.docs.circulation import refusals
from services.docs.circulation.addressing import Choice, Group, Known
from services.docs.circulation.asking import Recall, is_frozen
from services.docs.circulation.duplicates import Twin
from services.docs.circulation.receipts import Receipt
from services.docs.circulation.relations import Kept, Named
from services.docs.document import Document
from services.docs.finding import store as finding
from services.docs.incoming import Incoming
from services.docs.store import json_of
from shared.db import Tx, itself
from shared.errors import STALE_VERSION, NotFound, Rejected
from shared.events import Actor
from shared.ids import new_id

Row = dict[str, Any]

# --- groups

GROUP = "SELECT id, agency_id, agency_name, name, shared, members, version FROM address_group"


def list_groups(tx: Tx) -> list[Group]:
    """One's own and those shared with everybody, by name."""
    return sorted(map(_group, tx.execute(GROUP).fetchall()), key=lambda each: (each.shared, each.name.lower()))


def get_group(tx: Tx, group_id: UUID) -> Group:
    row = tx.execute(f"{GROUP} WHERE id = %s", [group_id]).fetchone()
    if row is None:
        raise NotFound("nhóm nơi nhận")
    return _group(row)


def add_group(tx: Tx, group: Group) -> None:
    try:
        with tx.transaction():
            tx.execute(
                "INSERT INTO address_group (id, agency_id, agency_name, name, shared, members, version)"
                " VALUES (%s, %s, %s, %s, %s, %s, 0)",
                [group.id, group.agency_id, group.agency_name, group.name, group.shared, list(group.members)],
            )
    except psycopg.errors.UniqueViolation as error:
        raise Rejected(refusals.GROUP_NAME_TAKEN, name=group.name) from error


def save_group(tx: Tx, group: Group) -> None:
    """Raises Rejected(stale_version) when somebody else has changed it since it was read."""
    try:
        with tx.transaction():
            done = tx.execute(
                "UPDATE address_group SET name = %s, shared = %s, members = %s, version = version + 1"
                " WHERE id = %s AND agency_id = %s AND version = %s",
                [group.name, group.shared, list(group.members), group.id, group.agency_id, group.version],
            )
    except psycopg.errors.UniqueViolation as error:
        raise Rejected(refusals.GROUP_NAME_TAKEN, name=group.name) from error
    if done.rowcount == 0:
        raise Rejected(STALE_VERSION)


def remove_group(tx: Tx, group: Group) -> None:
    tx.execute("DELETE FROM address_group WHERE id = %s AND agency_id = %s", [group.id, group.agency_id])


def _group(row: Row) -> Group:
    return Group(**{**row, "members": tuple(row["members"])})


def known_about(tx: Tx, choice: Choice, day: date) -> Known:
    """What the copy of the registry and the groups say about a choice, as of the day."""
    identifiers = [*choice.named, *choice.trees]
    standing = store_registry.find_agencies(tx, identifiers, day)
    missing = [each for each in choice.named if each not in standing]
    ended = store_registry.find_ended_agencies(tx, missing, day) if missing else {}
    rows = tx.execute(f"{GROUP} WHERE id = ANY(%s)", [list(choice.groups)]).fetchall() if choice.groups else []
    groups = {row["id"]: _group(row) for row in rows}
    members = {member for group in groups.values() for member in group.members}
    by_id = store_registry.find_agencies_by_id(tx, list(members)) if members else {}
    gone = [*ended.values(), *(each for each in by_id.values() if not each.stands(day))]
    while gone:  # whoever came after them, through every reorganisation
        following = {s for each in gone for s in each.successor_ids} - by_id.keys()
        found = store_registry.find_agencies_by_id(tx, list(following)) if following else {}
        by_id |= found
        gone = [each for each in found.values() if not each.stands(day)]
    trees = store_registry.find_tree(tx, choice.trees, day) if choice.trees else {}
    return Known(standing=standing, ended=ended, groups=groups, trees=trees, by_id=by_id)


# --- dispatches and recalls


def add_dispatch(tx: Tx, dispatch: Row) -> None:
    """id, agency_id, document_id, at, by, note, chosen, recipients."""
    tx.execute(
        "INSERT INTO dispatch (id, agency_id, document_id, at, actor, note, chosen, recipients)"
        " VALUES (%(id)s, %(agency_id)s, %(document_id)s, %(at)s, %(actor)s, %(note)s, %(chosen)s, %(recipients)s)",
        dispatch | {"actor": json_of(dispatch["by"]), "chosen": Jsonb(dispatch["chosen"])},
    )


def list_dispatches(tx: Tx, document_id: UUID) -> list[Row]:
    rows = tx.execute(
        "SELECT id, at, actor, note, chosen, recipients FROM dispatch WHERE document_id = %s ORDER BY at, id",
        [document_id],
    ).fetchall()
    return [row | {"by": Actor.model_validate(row["actor"])} for row in rows]


def add_recall(tx: Tx, document_id: UUID, agency_id: UUID, recall: Recall) -> None:
    tx.execute(
        "INSERT INTO recall (id, agency_id, document_id, at, actor, reason, whole, recipients)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            new_id(),
            agency_id,
            document_id,
            recall.at,
            json_of(recall.by),
            recall.reason,
            recall.whole,
            recall.recipients,
        ],
    )


def list_recalls(tx: Tx, document_ids: Sequence[UUID]) -> dict[UUID, list[Recall]]:
    """Of each document, the oldest first."""
    rows = tx.execute(
        "SELECT document_id, at, actor, reason, whole, recipients FROM recall WHERE document_id = ANY(%s) ORDER BY at, id",
        [list(document_ids)],
    ).fetchall()
    found: dict[UUID, list[Recall]] = {each: [] for each in document_ids}
    for row in rows:
        by = Actor.model_validate(row.pop("actor"))
        found[row.pop("document_id")].append(Recall(by=by, **row))
    return found


# --- relations

RELATION = "SELECT id, document_id, kind, target, incoming_id, reason, complete, at, actor FROM document_relation"


def add_relation(tx: Tx, agency_id: UUID, kept: Kept) -> None:
    done = tx.execute(
        "INSERT INTO document_relation (id, agency_id, document_id, kind, target, incoming_id, reason, complete, at, actor)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (document_id, target) DO NOTHING",
        [
            kept.id,
            agency_id,
            kept.document_id,
            kept.kind,
            kept.target,
            kept.incoming_id,
            kept.reason,
            kept.complete,
            kept.at,
            json_of(kept.by),
        ],
    )
    if done.rowcount == 0:
        raise Rejected(refusals.RELATED_ALREADY)


def remove_relation(tx: Tx, relation_id: UUID) -> None:
    tx.execute("DELETE FROM document_relation WHERE id = %s", [relation_id])


def relations_of(tx: Tx, document_id: UUID) -> list[Kept]:
    """What a document of ours is to others."""
    return _kept(tx.execute(f"{RELATION} WHERE document_id = %s ORDER BY at, id", [document_id]).fetchall())


def relations_to(tx: Tx, targets: Sequence[UUID]) -> list[Kept]:
    """What documents of ours are to these, by the id that their sender gave them."""
    return _kept(tx.execute(f"{RELATION} WHERE target = ANY(%s) ORDER BY at, id", [list(targets)]).fetchall())


def _kept(rows: Sequence[Row]) -> list[Kept]:
    return [Kept(by=Actor.model_validate(row.pop("actor")), **row) for row in rows]


def replacements_of(tx: Tx, document_id: UUID) -> dict[UUID, Document]:
    """From a document of ours to the one that stands now: what each was replaced by. A recalled one replaces nothing."""
    found: dict[UUID, Document] = {}
    here: UUID | None = document_id
    while here is not None and here not in found:
        following = None
        for each in relations_to(tx, [here]):
            if each.kind == "replaces":
                recalls = list_recalls(tx, [each.document_id])[each.document_id]
                if not is_frozen(recalls, store.list_deliveries(tx, each.document_id)):
                    following = each.document_id
                    found[here] = store.get(tx, following)
        here = following
    return found


def followed_by(tx: Tx, document_id: UUID) -> set[UUID]:
    """The documents of ours that this one updates or replaces, and those that these do, however far back."""
    rows = tx.execute(
        "WITH RECURSIVE before (id) AS ("
        "  SELECT target FROM document_relation WHERE document_id = %s AND kind <> 'answers'"
        "  UNION SELECT r.target FROM before b JOIN document_relation r ON r.document_id = b.id AND r.kind <> 'answers')"
        " SELECT id FROM before",
        [document_id],
    ).fetchall()
    return {row["id"] for row in rows}


def arrived_relations_to(tx: Tx, targets: Sequence[UUID]) -> list[Row]:
    """Arrivals that say they update, replace or answer one of these: incoming_id, kind, target, in order of arrival."""
    return tx.execute(
        "SELECT r.incoming_id, r.kind, r.target, i.status FROM incoming_relation r JOIN incoming i ON i.id = r.incoming_id"
        " WHERE r.target = ANY(%s) ORDER BY i.id",
        [list(targets)],
    ).fetchall()


def arrived_replacements(tx: Tx, document_id: UUID) -> list[UUID]:
    """From a document to the one that stands now, as far as the agency was told: ids that their senders gave them.

    Who replaced it counts while its delivery stands here; a refused or recalled one replaces nothing.
    """
    found = [document_id]
    while True:
        row = tx.execute(
            "SELECT i.document_id FROM incoming_relation r JOIN incoming i ON i.id = r.incoming_id"
            " WHERE r.target = %s AND r.kind = 'replaces' AND i.status NOT IN ('02', '15') AND i.document_id <> ALL(%s)"
            " ORDER BY i.id DESC LIMIT 1",
            [found[-1], found],
        ).fetchone()
        if row is None:
            return found
        found.append(row["document_id"])


def arrivals_of(tx: Tx, document_ids: Sequence[UUID]) -> list[UUID]:
    """The incoming documents by the ids that their senders gave them; the newest first."""
    rows = tx.execute(
        "SELECT id FROM incoming WHERE document_id = ANY(%s) ORDER BY id DESC", [list(document_ids)]
    ).fetchall()
    return [row["id"] for row in rows]


def incoming_of(tx: Tx, delivery_id: UUID) -> UUID | None:
    row = tx.execute("SELECT id FROM incoming WHERE delivery_id = %s", [delivery_id]).fetchone()
    return row["id"] if row else None


def named_documents(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Named]:
    """Documents by the id that their sender gave them, wherever the agency has them: its own first, else as they came."""
    wanted = list(ids)
    rows = tx.execute(
        "SELECT document_id, descriptor ->> 'number_symbol' AS number_symbol,"
        " (descriptor ->> 'issued_on')::date AS issued_on, sender ->> 'name' AS agency_name,"
        " descriptor ->> 'abstract' AS abstract, id FROM incoming WHERE document_id = ANY(%s) ORDER BY id",
        [wanted],
    ).fetchall()
    found = {row["document_id"]: Named(own=False, page_id=row.pop("id"), **row) for row in rows}
    owned = tx.execute(
        "SELECT id AS document_id, number_symbol, issued_on, agency_name, abstract FROM document WHERE id = ANY(%s)",
        [wanted],
    ).fetchall()
    return found | {row["document_id"]: Named(own=True, page_id=row["document_id"], **row) for row in owned}


def hidden_among(tx: Tx, ids: Sequence[UUID]) -> set[UUID]:
    """Of documents by the id that their sender gave them: those that the agency has and the transaction's person may not
    know.
    """
    with itself(tx):
        here = named_documents(tx, ids)
    return set(here) - set(named_documents(tx, ids))


# --- arriving twice


def twins_of(tx: Tx, incoming: Incoming) -> list[Twin]:
    """Other arrivals at the same agency that look like this one, the oldest first; those as well that the transaction's
    person may not know, marked as hidden.
    """
    with itself(tx):
        found = [Twin(like=_likeness(row, incoming), **row) for row in _alike(tx, incoming)]
    rows = tx.execute("SELECT id FROM incoming WHERE id = ANY(%s)", [[each.incoming_id for each in found]]).fetchall()
    seen = {row["id"] for row in rows}
    return [replace(each, hidden=each.incoming_id not in seen) for each in found]


def _alike(tx: Tx, incoming: Incoming) -> list[Row]:
    about = incoming.descriptor
    number = (about.number_symbol or "").lower()
    year = about.issued_on.isoformat()[:4] if about.issued_on else None
    return tx.execute(
        "SELECT id AS incoming_id, document_id, descriptor ->> 'number_symbol' AS number_symbol,"
        " (descriptor ->> 'issued_on')::date AS issued_on, descriptor ->> 'abstract' AS abstract, status, arrival_number,"
        " arrived_at, coalesce(assignee_name || ' hoặc văn thư', 'văn thư') AS ask FROM incoming WHERE id <> %(id)s AND agency_id = %(agency)s AND (document_id = %(document)s"
        " OR (number_key = %(number)s AND sender_identifier = %(sender)s AND issued_year = %(year)s)) ORDER BY id",
        {
            "id": incoming.id,
            "agency": incoming.agency_id,
            "document": incoming.document_id,
            "number": number,
            "sender": about.agency_identifier,
            "year": year,
        },
    ).fetchall()


def _likeness(row: Row, incoming: Incoming) -> Any:
    same = row["document_id"] == incoming.document_id or row["issued_on"] == incoming.descriptor.issued_on
    return "identifier" if same else "number"


def file_notation(tx: Tx, incoming_id: UUID) -> str:
    """Number and notation of the work file that a document lies in, of the first when there are several; none: empty."""
    row = tx.execute(
        "SELECT f.code FROM work_file_member m JOIN work_file f ON f.id = m.file_id WHERE m.subject_id = %s"
        " ORDER BY m.filed_at, f.id LIMIT 1",
        [incoming_id],
    ).fetchone()
    return row["code"] if row else ""


# --- what stays of what was destroyed


def forget_content(tx: Tx, incoming_id: UUID) -> None:
    """Earlier versions and the text for the search go with the content of a document that was taken back."""
    tx.execute("DELETE FROM earlier_version WHERE subject_id = %s", [incoming_id])
    finding.put_text(tx, incoming_id, "", "")


# --- receipts

RECEIPT = "SELECT receipt_id, delivery_id, document_id, kind, given, text, made_at, signature, stamped_at FROM receipt"


def put_receipt(tx: Tx, agency_id: UUID, receipt: Receipt) -> None:
    """The same receipt again brings its seal, or its time stamp; neither is ever lost again."""
    tx.execute(
        "INSERT INTO receipt AS r (agency_id, receipt_id, delivery_id, document_id, kind, given, text, made_at, signature,"
        " stamped_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (agency_id, receipt_id) DO UPDATE"
        " SET signature = excluded.signature, stamped_at = excluded.stamped_at"
        " WHERE excluded.signature IS NOT NULL AND r.stamped_at IS NULL AND r.text = excluded.text",
        [
            agency_id,
            receipt.receipt_id,
            receipt.delivery_id,
            receipt.document_id,
            receipt.kind,
            receipt.given,
            receipt.text,
            receipt.made_at,
            receipt.signature,
            receipt.stamped_at,
        ],
    )


def find_receipt(tx: Tx, receipt_id: UUID) -> Receipt | None:
    row = tx.execute(f"{RECEIPT} WHERE receipt_id = %s", [receipt_id]).fetchone()
    return Receipt(**row) if row else None


def receipts_of(tx: Tx, document_id: UUID) -> list[Receipt]:
    """Those given to this agency for a document of its own, sealed ones only."""
    rows = tx.execute(
        f"{RECEIPT} WHERE document_id = %s AND NOT given AND signature IS NOT NULL ORDER BY made_at, receipt_id",
        [document_id],
    ).fetchall()
    return [Receipt(**row) for row in rows]
