"""The ledger's sequencer, and what it does when signing states something about a head.

A consumer group of its own: what docs can't handle is an act all the same, and a ledger that stands still must not
keep documents from moving.
"""

from __future__ import annotations

import base64
import logging
from dataclasses import replace
from datetime import UTC, datetime

import psycopg

from services.docs import store as documents
from services.docs.ledger import domain, store
from services.docs.ledger.domain import Entry
from services.docs.step import Reason, fact_of, ourselves
from shared import outbox
from shared.db import Tx, act_for
from shared.events import Envelope, signing
from shared.events.docs import TreeHeadPublished
from shared.inbox import Record

log = logging.getLogger(__name__)


class Sequencer:
    """What the consumer loop hands records to."""

    group = "docs-ledger"
    topics = domain.FOLLOWED

    def take(self, tx: Tx, record: Record) -> str:
        """Append one record in the caller's transaction. None is ever put aside: a ledger that can't grow waits."""
        act_for(tx, None)
        entry = domain.entry_of(record.value or b"", record.topic, datetime.now(UTC))
        try:
            appended = store.append(tx, [_owned(tx, entry)])
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            log.exception("the ledger can't grow")
            # Of the kind that the consumer loop waits for: whatever else it is, it would put the record aside.
            raise psycopg.OperationalError(f"the ledger can't grow: {error}") from error
        return "appended" if appended else "duplicate"


def _owned(tx: Tx, entry: Entry) -> Entry:
    """What one of our workers did is its agency's to read, whose document it did it to."""
    if entry.agency_id is not None:
        return entry
    for subject in entry.subjects:
        for kind in ("document", "incoming"):
            if agency := documents.find_agency_of(tx, subject, kind):
                return replace(entry, agency_id=agency)
    return entry


def receive_sealed_head(tx: Tx, envelope: Envelope, *, source: str) -> None:
    """The head is sealed, or time-stamped after all: kept, and published for whoever wants to keep it, too."""
    fact = fact_of(envelope, signing.TreeHeadSealed)
    head = store.lock_head(tx, fact.head_id)
    if head is None or (head.signature and (head.stamped_at or not fact.stamped_at)):
        return
    store.seal_head(tx, head.id, base64.b64decode(fact.signature), fact.stamped_at)
    tree = store.get_tree(tx)
    told = TreeHeadPublished(
        log_id=tree.log_id,
        head_id=head.id,
        size=head.size,
        root=head.root.hex(),
        text=domain.head_text(tree.log_id, head.size, head.root, head.ordered_at).decode(),
        signature=fact.signature,
        stamped_at=fact.stamped_at,
        by=ourselves(),
        at=fact.at,
    )
    outbox.put(tx, told, source=source)


def receive_delayed_head(tx: Tx, fact: signing.DocumentDelayed | signing.DocumentRefused) -> bool:
    """Signing says why a head is not sealed; False when it is about something else."""
    return store.delay_head(tx, fact.document_id, Reason(fact.code, fact.reason_vi, fact.reason_en))
