"""The use cases of a CA that is asked by hand: making a batch of what waits, and taking in the certificates that come.

A file of certificates is one transaction. What is wrong with any of them stops all, unless the officer says to take the
good ones; each certificate then stands by itself, whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from services.registry import ca_files, entry, issuance, store, store_batches, trust
from services.registry import store_certificates as certificates
from services.registry.ca_files import Answers, Found, Line
from services.registry.directory import Desk
from services.registry.refusals import CA_REFUSED
from services.registry.refusals_ca import ANSWER_REPEATED, NOT_ORDERED, NOTHING_WAITS, ORDER_ENDED
from services.registry.refusals_lifecycle import words
from services.registry.revocation import Reach
from services.registry.scope import EVERYWHERE
from services.registry.store_batches import Batch, CaOrder
from shared import db
from shared.errors import Rejected, Sentence
from shared.ids import new_id

ACCEPTED, REFUSED, KNOWN = "accepted", "refused", "known"


def make(desk: Desk, ca: str) -> Batch:
    """One file of all that waits for this CA. Raises Rejected(batch_nothing_waits)."""
    waiting = store_batches.lock_waiting(desk.tx, ca)
    if not waiting:
        raise Rejected(NOTHING_WAITS)
    made_at = datetime.now(UTC).replace(microsecond=0)
    batch_id = new_id()
    lines = [_line(number, order) for number, order in enumerate(waiting, start=1)]
    file = ca_files.write_batch(batch_id, made_at, lines)
    batch = Batch(
        id=batch_id,
        ca=ca,
        made_at=made_at,
        made_by=desk.by,
        orders=len(lines),
        sha256=hashlib.sha256(file).hexdigest(),
    )
    store_batches.add_batch(desk.tx, batch, file)
    store_batches.mark_sent(desk.tx, batch_id, lines)
    for order in waiting:
        if order.kind == "end" and order.certificate_id:
            certificates.note_ca(desk.tx, order.certificate_id, problem=None)
    desk.record("make_ca_batch", "ca_batch", batch_id, ca=ca, orders=str(len(lines)), sha256=batch.sha256)
    return batch


def _line(number: int, order: CaOrder) -> Line:
    return Line(
        line=number,
        order_id=order.id,
        kind=order.kind,
        name=order.name,
        spki_sha256=order.spki_sha256,
        asked=order.asked,
        entered_at=order.entered_at,
    )


# --- what comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one certificate in the file. `known`: it was registered before, nothing is to be done."""

    file: str
    serial: str
    name: str
    outcome: str
    order_id: UUID | None = None
    certificate_id: UUID | None = None
    code: str | None = None
    why: Sentence | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """`taken` says whether anything was kept; `missing` how many orders still wait for their certificate."""

    taken: bool
    rows: tuple[Row, ...]
    ignored: tuple[str, ...]
    missing: int


class _Undo(Exception):
    """Leaves the savepoint without keeping what was done in it."""


def _undo_unless(good: bool) -> None:  # noqa: FBT001
    if not good:
        raise _Undo


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that came from a CA: its certificates, and which of them their CA does not stand by, by fingerprint."""

    sha256: str
    answers: Answers
    refused: Mapping[str, Rejected]


def read(pool: db.Pool, name: str, content: bytes, reach: Reach) -> Brought:
    """Open what the CA sent, and ask what it says of each certificate now. Waits for CAs: never within a transaction."""
    answers = ca_files.read_answers(name, content)
    with db.transaction(pool) as tx:
        store.act_within(tx, EVERYWHERE)
        known = store_batches.registered(tx, [found.fingerprint for found in answers.found])
    asked = {found.fingerprint: found.pem for found in answers.found if found.fingerprint not in known}
    refused = entry.ask_cas(pool, asked, answers.issuers_pem, reach)
    return Brought(hashlib.sha256(content).hexdigest(), answers, refused)


def take_in(desk: Desk, brought: Brought, *, only_good: bool = False, preview: bool = False) -> Report:
    """Match what the CA sent to the orders, by key; each passes the checks that every certificate passes on entry."""
    answers = brought.answers
    rows: tuple[Row, ...] = ()
    missing = 0
    taken = False
    try:
        with desk.tx.transaction():
            rows = tuple(_take_each(desk, brought))
            missing = store_batches.count_sent(desk.tx)
            if preview or not only_good:
                _undo_unless(not preview and all(row.outcome != REFUSED for row in rows))
            taken = any(row.outcome == ACCEPTED for row in rows)
    except _Undo:
        # Ids of what is undone would lead nowhere.
        rows = tuple(_without_id(row) for row in rows)
        missing = store_batches.count_sent(desk.tx)
    if taken:
        counts = Counter(row.outcome for row in rows)
        desk.record(
            "take_in_certificates", "file", brought.sha256, **{key: str(count) for key, count in counts.items()}
        )
    return Report(taken, rows, tuple(answers.ignored), missing)


def _take_each(desk: Desk, brought: Brought) -> list[Row]:
    answers = brought.answers
    orders = store_batches.lock_sent(desk.tx, [found.spki_sha256 for found in answers.found])
    known = store_batches.registered(desk.tx, [found.fingerprint for found in answers.found])
    times = Counter(found.spki_sha256 for found in answers.found)
    rows = [
        Row(file=file, serial="", name="", outcome=REFUSED, code=why.code, why=why.sentence)
        for file, why in answers.unread
    ]
    for found in answers.found:
        order = orders.get(found.spki_sha256)
        row = Row(file=found.file, serial=found.serial, name=found.name, outcome=REFUSED)
        if found.fingerprint in known:
            rows.append(replace(row, outcome=KNOWN, certificate_id=known[found.fingerprint]))
            continue
        try:
            sole = _the_one_ordered(order, found, times)
            if why := brought.refused.get(found.fingerprint):
                raise why
            with desk.tx.transaction():
                made = _take_one(desk, sole, found, answers.issuers_pem)
            rows.append(replace(row, outcome=ACCEPTED, order_id=sole.id, certificate_id=made))
        except Rejected as error:
            rows.append(replace(row, order_id=order.id if order else None, code=error.code, why=error.sentence))
    return rows


def _the_one_ordered(order: CaOrder | None, found: Found, times: Counter[str]) -> CaOrder:
    if order is None:
        raise Rejected(NOT_ORDERED, serial=found.serial)
    if times[found.spki_sha256] > 1:
        raise Rejected(ANSWER_REPEATED)
    return order


def _take_one(desk: Desk, order: CaOrder, found: Found, issuers_pem: str) -> UUID:
    assert order.request_id is not None  # noqa: S101  an order to issue
    wanted = certificates.lock_request(desk.tx, order.request_id)
    whose = issuance.holder(desk.tx, wanted.person_id, wanted.agency_id)
    checked = trust.check(found.pem, issuers_pem, certificates.list_anchors(desk.tx, wanted.kind), datetime.now(UTC))
    made = issuance.register_answer(desk, order.request_id, checked, whose, order.ca)
    store_batches.mark_answered(desk.tx, order.id, made.id)
    return made.id


def refuse(desk: Desk, order: CaOrder, reason: str) -> CaOrder:
    """The CA's people say no, by letter or telephone: the request ends with their words. `order` is locked."""
    if order.kind != "issue" or order.state not in {"waiting", "sent"} or order.request_id is None:
        raise Rejected(ORDER_ENDED, **words("state", order.state))
    why = Rejected(CA_REFUSED, code=order.ca, reason_vi=reason, reason_en=reason)
    issuance.note_problem(desk.tx, order.request_id, why, final=True)
    store_batches.mark_refused(desk.tx, order.id)
    desk.record("refuse_ca_order", "ca_order", order.id, reason=reason)
    return store_batches.lock_order(desk.tx, order.id)


def _without_id(row: Row) -> Row:
    return row if row.outcome == KNOWN else replace(row, certificate_id=None)
