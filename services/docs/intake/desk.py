"""What the steps of intake work with: database, file stores, quarantine, programs; and how items are put on their way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from services.docs import store_incoming
from services.docs.intake import clamd, domain, refusals, secrecy, store
from services.docs.intake.domain import Channel, Item, Origin
from services.docs.intake.programs import Programs
from services.docs.intake.secrecy import Level, Where
from shared import jobs
from shared.blobs import Blobs
from shared.db import Pool, Tx
from shared.errors import Rejected
from shared.events import BlobRef
from shared.ids import new_id
from shared.workshop import Workshop

STEP, PURGE, EXPIRE = "intake_step", "intake_purge", "intake_expire"
KEPT_REFUSED = timedelta(days=7)  # what was refused stays in quarantine so long, for another try
UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Desk:
    """`store` is the file store's URL: each item and upload has a prefix of its own in it."""

    pool: Pool
    blobs: Blobs
    store: str
    workshop: Workshop
    programs: Programs
    source: str

    def quarantine(self, owner: UUID) -> Blobs:
        """Where the bytes of one item or upload lie until they have passed: nothing else refers to what is there, so it
        can be erased at once.
        """
        return Blobs(self.store, quarantine_of(owner))


def quarantine_of(owner: UUID) -> str:
    return f"docs/quarantine/{owner}"


def begin(
    tx: Tx,
    *,
    item_id: UUID,
    agency_id: UUID,
    channel: Channel,
    filename: str,
    origin: Origin,
    at: datetime,
    source: BlobRef | None = None,
    upload_id: UUID | None = None,
    kind: str = "intake",
    said: tuple[Level, Where] | None = None,
    used_for: UUID | None = None,
) -> Item:
    """The item of something that came in, on its way; refused with its bytes erased when whoever sent it says that it
    is secret, or its title or subject says so.
    """
    marked = said or _marked(filename, origin)
    item = Item(
        id=item_id,
        agency_id=agency_id,
        channel=channel,
        filename=filename,
        origin=origin,
        received_at=at,
        source=source,
        upload_id=upload_id,
        kind=kind,
        used_for=used_for,
    )
    if marked:
        item = domain.purged(domain.refused(item, "received", at, secrecy.reason(*marked)))
        # What such a thing is called is content too.
        stamp = f"[{secrecy.LEVELS[marked[0]][0]}]"
        item = replace(item, filename=stamp, origin=replace(origin, subject=None))
    elif source is not None:
        item = domain.passed(item, "received", at)
    store.add(tx, item)
    if marked:
        purge(tx, [source])
        tell_arrival(tx, item)
    else:
        put_on(tx, item)
    return item


def _marked(filename: str, origin: Origin) -> tuple[Level, Where] | None:
    if level := secrecy.in_title(Path(filename).stem):
        return level, "name"
    if origin.subject and (level := secrecy.in_title(origin.subject)):
        return level, "subject"
    return None


ERASED = frozenset({refusals.SECRET_DOCUMENT.code, refusals.VIRUS_FOUND.code})
"""What erases the bytes at once when it is found."""


def tell_arrival(tx: Tx, item: Item) -> None:
    """What came with a partner's message and is refused: the whole arrival goes back."""
    if item.state != "refused" or item.channel != "kafka" or item.used_for is None or item.reason is None:
        return
    why = item.reason
    store_incoming.order_to_send_back(
        tx, item.used_for, item.agency_id, why, filename=item.filename, forget=why.code in ERASED
    )


def put_on(tx: Tx, item: Item) -> None:
    """Order the next step, if there is one."""
    if item.next_step is not None:
        jobs.put(tx, STEP, subject_of(item.id), {"item_id": str(item.id), "agency_id": str(item.agency_id)})


def subject_of(item_id: UUID) -> str:
    return f"intake:{item_id}"


def purge(
    tx: Tx, refs: Iterable[BlobRef | None], *, delay: timedelta | None = None, unless: Item | None = None
) -> None:
    """Have bytes in quarantine erased once this transaction stands; `unless`: that item still needs them then."""
    lying = [ref.model_dump(mode="json") for ref in refs if ref and ref.prefix.startswith("docs/quarantine/")]
    if not lying:
        return
    unless_of = {"item_id": str(unless.id), "agency_id": str(unless.agency_id)} if unless else {}
    # A subject of its own: it waits for nothing.
    jobs.put(tx, PURGE, f"purge:{new_id()}", {"refs": lying, **unless_of}, delay=delay)


def contents_of(item: Item) -> tuple[BlobRef | None, ...]:
    return (item.source, item.pdf, item.reading)


def scan(programs: Programs, path: Path, name: str) -> bool:
    """True when the scanner found nothing, False when none is configured; raises Rejected otherwise."""
    if not programs.clamd:
        return False
    found = clamd.scan(programs.clamd, path)
    if found is not None:
        raise Rejected(refusals.VIRUS_FOUND, name=name, virus=found[:200])
    return True
