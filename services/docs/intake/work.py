"""The steps of intake as jobs: each does one step outside of any transaction and commits it with the next one's order.

A worker that is killed loses nothing but the step that it was at, which is done again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from services.docs import pdf
from services.docs.finding import store as finding
from services.docs.intake import (
    desk as desks,
)
from services.docs.intake import (
    domain,
    media,
    office,
    pages,
    programs,
    refusals,
    secrecy,
    store,
    store_upload,
)
from services.docs.intake.desk import Desk
from services.docs.intake.domain import Item, reason_from, reason_of
from services.docs.intake.upload import LIFETIME
from services.docs.step import Reason
from services.docs.store import StoredFile, add_file
from shared import jobs
from shared.blobs import BLOB_DAMAGED, BLOB_MISSING
from shared.db import Tx, act_for, transaction
from shared.errors import PROCESS_DIED, Rejected
from shared.events import BlobRef
from shared.ids import new_id

MAX_FILE = 256 * 1024 * 1024  # bytes, as everywhere in docs
LONGEST_PAUSE = 60.0  # seconds: longer, and people wait for us after the scanner is back
MAX_READ_PAGES = 300  # recognised; of longer scans the first ones are

Change = Callable[[Tx, Item, datetime], Item]
"""What a step makes of its item, in the transaction that records it."""

# Refusals that are not the file's fault: the step can be done again once somebody has seen to it.
_OURS = {
    each.code
    for each in (
        refusals.CONVERTER_ABSENT,
        refusals.CONVERTER_FAILED,
        refusals.SCANNER_LIMIT,
        BLOB_DAMAGED,
        BLOB_MISSING,
    )
}


def kinds(desk: Desk) -> Mapping[str, jobs.Kind]:
    """The kinds of job that the worker of docs runs for intake."""

    def kind(run: Callable[[Desk, jobs.Job], jobs.Commit], on_failure: jobs.OnFailure) -> jobs.Kind:
        return jobs.Kind(
            run=partial(run, desk), on_failure=on_failure, max_attempts=1_000_000, longest_pause=LONGEST_PAUSE
        )

    return {
        desks.STEP: kind(run_step, partial(on_failure)),
        desks.PURGE: kind(run_purge, _tell_nobody),
        desks.EXPIRE: kind(run_expire, _tell_nobody),
    }


def _tell_nobody(_tx: Tx, _job: jobs.Job, _error: Exception, _final: bool) -> None:  # noqa: FBT001  as jobs calls it
    """The log has it; the job comes again."""


# --- one step


def run_step(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Do the item's next step; what the file itself is refused for is recorded, what is away comes again."""
    agency_id, item_id = UUID(job.payload["agency_id"]), UUID(job.payload["item_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        item = store.get(tx, item_id)
    name = item.next_step
    if name is None:
        return lambda _tx: None
    try:
        change = _STEPS[name](desk, item)
    except Rejected as error:
        if error.refusal.status == 503:
            raise
        change = _stopping(name, error)
    return partial(_commit, agency_id, item_id, name, change)


def _commit(agency_id: UUID, item_id: UUID, name: str, change: Change, tx: Tx) -> None:
    act_for(tx, agency_id)
    item = store.lock(tx, item_id)
    if item.next_step != name:  # somebody discarded it meanwhile
        return
    after = change(tx, item, datetime.now(UTC))
    store.save(tx, after)
    desks.tell_arrival(tx, after)
    desks.put_on(tx, after)


def _stopping(name: str, error: Rejected) -> Change:
    def change(tx: Tx, item: Item, at: datetime) -> Item:
        if error.code in _OURS:
            return domain.failed(item, name, at, reason_from(error))
        after = domain.refused(item, name, at, reason_from(error))
        if error.code not in desks.ERASED:
            desks.purge(tx, desks.contents_of(item), delay=desks.KEPT_REFUSED, unless=item)
            return after
        desks.purge(tx, desks.contents_of(item))
        return domain.purged(after)

    return change


def on_failure(tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  as jobs calls it
    """The step says that it waits, and for what; a step that broke off too often waits for a person."""
    del final
    act_for(tx, UUID(job.payload["agency_id"]))
    item = store.lock(tx, UUID(job.payload["item_id"]))
    name = item.next_step
    if name is None:
        return
    at = datetime.now(UTC)
    if isinstance(error, Rejected) and error.code != PROCESS_DIED.code:
        store.save(tx, domain.waits(item, name, at, reason_from(error)))
        return
    store.save(tx, domain.stumbled(item, name, at, reason_of(refusals.PROGRAM_FAILED, name=item.filename)))


# --- the steps


def _receive(desk: Desk, item: Item) -> Change:
    """The pieces of an upload become one file in the item's quarantine; then they are erased."""
    if item.upload_id is None:
        raise Rejected(BLOB_MISSING)
    with transaction(desk.pool, agency=item.agency_id) as tx:
        refs = store_upload.pieces(tx, item.upload_id)
    lying = desk.quarantine(item.upload_id)
    source = desk.quarantine(item.id).put(b"".join(lying.get(ref) for ref in refs), desks.UNKNOWN_TYPE)

    def change(tx: Tx, held: Item, at: datetime) -> Item:
        if held.upload_id is not None:
            store_upload.remove_pieces(tx, held.upload_id)
        desks.purge(tx, refs)
        return domain.passed(replace(held, source=source, upload_id=None), "received", at)

    return change


def _tell_type(desk: Desk, item: Item) -> Change:
    """By content: what the name ends in, or what the sender says, counts for nothing."""
    with _on_disk(desk, item.source) as path:
        found = office.type_of(path, item.filename)
        count = pdf.count_pages(path) if found == media.PDF else None
        if found in media.IMAGES and not desk.workshop.run(pages.whole_image, path):
            raise Rejected(refusals.IMAGE_DAMAGED, name=item.filename)

    def change(_tx: Tx, held: Item, at: datetime) -> Item:
        return domain.passed(replace(held, media_type=found, page_count=count), "type", at)

    return change


def _check_size(_desk: Desk, item: Item) -> Change:
    size = item.source.size if item.source else 0
    if size > MAX_FILE:
        # In quarantine it is at most as long as it comes in; what LibreOffice makes of it is measured later.
        raise Rejected(refusals.ATTACHMENT_TOO_LARGE, name=item.filename, limit_mb=MAX_FILE // 1024 // 1024)
    return lambda _tx, held, at: domain.passed(held, "size", at)


def _scan(desk: Desk, item: Item) -> Change:
    with _on_disk(desk, item.source) as path:
        scanned = desks.scan(desk.programs, path, item.filename)
    if scanned:
        return lambda _tx, held, at: domain.passed(held, "virus", at)
    return lambda _tx, held, at: domain.skipped(held, "virus", at, reason_of(refusals.SCANNER_NOT_SET))


def _convert(desk: Desk, item: Item) -> Change:
    """DOCX and ODT by LibreOffice, pictures bound as they are. What came stays beside it, byte for byte."""
    if item.media_type == media.PDF:
        return lambda _tx, held, at: domain.skipped(held, "convert", at, reason_of(refusals.NOT_NEEDED))
    suffix = {media.DOCX: ".docx", media.ODT: ".odt"}.get(item.media_type or "", "")
    with _on_disk(desk, item.source, suffix=suffix) as path:
        made = path.with_suffix(".made.pdf")
        if item.media_type in media.IMAGES:
            desk.workshop.run(pages.bind, [path], made, item.filename)
        elif desk.programs.soffice is None:
            raise Rejected(refusals.CONVERTER_ABSENT)
        else:
            made.write_bytes(programs.convert(desk.programs.soffice, path, item.filename))
        count = pdf.count_pages(made)
        content = desk.quarantine(item.id).put(made.read_bytes(), media.PDF)

    def change(_tx: Tx, held: Item, at: datetime) -> Item:
        return domain.passed(replace(held, pdf=content, page_count=count), "convert", at)

    return change


def _check_secrecy(desk: Desk, item: Item) -> Change:
    """In the text that the first page has; of scans it is looked for again in what was recognised."""
    with _on_disk(desk, item.usable) as path:
        _refuse_secret(desk.workshop.run(pages.first_text, path))
    return lambda _tx, held, at: domain.passed(held, "secrecy", at)


def _refuse_secret(text: str) -> None:
    if level := secrecy.on_page(text):
        raise Rejected(refusals.SECRET_DOCUMENT, **secrecy.params(level, "page"))


def _read(desk: Desk, item: Item) -> Change:
    """Pages without a text layer are recognised; the text is kept beside the file, which stays as it is."""
    with _on_disk(desk, item.usable) as path:
        layers = desk.workshop.run(pages.texts, path)
        bare = [n for n, text in enumerate(layers) if len("".join(text.split())) < pages.FEW]
        if not bare:
            return _kept_text(desk, item, layers, skip=reason_of(refusals.HAS_TEXT))
        if desk.programs.tesseract is None:
            return _kept_text(desk, item, layers, skip=reason_of(refusals.READER_ABSENT))
        try:
            for n in bare[:MAX_READ_PAGES]:
                drawn = path.with_name(f"page-{n}.png")
                desk.workshop.run(pages.draw, path, n, drawn)
                layers[n] = programs.read(desk.programs.tesseract, drawn, item.filename)
                drawn.unlink()
        except Rejected as error:
            if error.code != refusals.READER_FAILED.code or item.step("text").attempts + 1 < domain.PATIENCE:
                raise Rejected(refusals.PROGRAM_FAILED, name=item.filename) from error
            return _kept_text(desk, item, layers, skip=reason_of(refusals.READER_GAVE_UP, name=item.filename))
    _refuse_secret(layers[0])
    return _kept_text(desk, item, layers)


def _kept_text(desk: Desk, item: Item, layers: list[str], *, skip: Reason | None = None) -> Change:
    text = "\f".join(layers)
    content = desk.quarantine(item.id).put(text.encode(), "text/plain; charset=utf-8") if text.strip() else None

    def change(_tx: Tx, held: Item, at: datetime) -> Item:
        after = replace(held, reading=content)
        return domain.skipped(after, "text", at, skip) if skip else domain.passed(after, "text", at)

    return change


def _finish_arrival(desk: Desk, item: Item) -> Change:
    """What was signed elsewhere stays what it is; only the text that was read of it is kept beside it."""
    reading = _moved(desk, item, item.reading) if item.reading else None

    def change(tx: Tx, held: Item, at: datetime) -> Item:
        if reading is not None and item.source and (held.step("text").state == "done" or held.pdf):
            finding.offer_ocr(tx, item.source.sha256, reading)
        desks.purge(tx, desks.contents_of(held))
        return domain.passed(replace(held, pdf=None, reading=reading), "ready", at)

    return change


def _finish(desk: Desk, item: Item) -> Change:
    """Out of quarantine: the file that drafts and arrivals may use, what it was made of, and its text."""
    if item.used_for is not None:
        return _finish_arrival(desk, item)
    kept = {ref.sha256: _moved(desk, item, ref) for ref in desks.contents_of(item) if ref}
    source, made, reading = (kept[ref.sha256] if ref else None for ref in desks.contents_of(item))
    usable = made or source
    if usable is None:
        raise Rejected(BLOB_MISSING)
    usable = usable.model_copy(update={"media_type": media.PDF})

    def change(tx: Tx, held: Item, at: datetime) -> Item:
        file = StoredFile(
            id=new_id(),
            agency_id=held.agency_id,
            person_id=held.origin.person_id,
            filename=pdf_name(held.filename),
            content=usable,
            page_count=held.page_count or 1,
            uploaded_at=at,
        )
        add_file(tx, file)
        if reading is not None and held.step("text").state == "done":
            finding.put_rendition(tx, usable.sha256, "ocr", reading)  # where the search looks for it
        desks.purge(tx, desks.contents_of(held))
        after = replace(held, source=source, pdf=made, reading=reading, file_id=file.id)
        return domain.passed(after, "ready", at)

    return change


def _moved(desk: Desk, item: Item, ref: BlobRef) -> BlobRef:
    kind = item.media_type if item.source and ref.sha256 == item.source.sha256 else ref.media_type
    return desk.blobs.put(desk.blobs.get(ref), kind or ref.media_type)


def pdf_name(name: str) -> str:
    """`công văn.docx` becomes `công văn.pdf`."""
    stem, dot, ending = name.rpartition(".")
    return name if ending.lower() == "pdf" else f"{stem if dot and len(ending) <= 5 else name}.pdf"


_STEPS: Mapping[str, Callable[[Desk, Item], Change]] = {
    "received": _receive,
    "type": _tell_type,
    "size": _check_size,
    "virus": _scan,
    "convert": _convert,
    "secrecy": _check_secrecy,
    "text": _read,
    "ready": _finish,
}


@contextmanager
def _on_disk(desk: Desk, ref: BlobRef | None, *, suffix: str = "") -> Iterator[Path]:
    """The bytes as a file in a folder of its own, which goes afterwards with all that was made in it."""
    if ref is None:
        raise Rejected(BLOB_MISSING)
    with tempfile.TemporaryDirectory(prefix="vanthu-intake-") as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(desk.blobs.get(ref))
        yield path


# --- what is erased, and when


def run_purge(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Erase bytes in quarantine, unless the item is on its way again."""
    if "item_id" in job.payload:
        with transaction(desk.pool, agency=UUID(job.payload["agency_id"])) as tx:
            if store.get(tx, UUID(job.payload["item_id"])).state != "refused":
                return lambda _tx: None
    for raw in job.payload["refs"]:
        ref = BlobRef.model_validate(raw)
        desk.quarantine(UUID(ref.prefix.rpartition("/")[2])).drop(ref)

    def commit(tx: Tx) -> None:
        if "item_id" in job.payload:
            act_for(tx, UUID(job.payload["agency_id"]))
            store.save(tx, domain.purged(store.lock(tx, UUID(job.payload["item_id"]))))

    return commit


def run_expire(_desk: Desk, job: jobs.Job) -> jobs.Commit:
    """An upload that nobody continued goes with its pieces; one that went on is looked at again later."""

    def commit(tx: Tx) -> None:
        act_for(tx, UUID(job.payload["agency_id"]))
        upload = store_upload.find_for_update(tx, UUID(job.payload["upload_id"]))
        if upload is None:
            return
        left = upload.expires_at - datetime.now(UTC)
        if left.total_seconds() > 0:
            jobs.put(tx, desks.EXPIRE, job.subject, job.payload, delay=left)
            return
        if upload.is_whole and store_upload.pieces(tx, upload.id):
            jobs.put(tx, desks.EXPIRE, job.subject, job.payload, delay=LIFETIME)  # its item waits to be received
            return
        desks.purge(tx, store_upload.pieces(tx, upload.id))
        store_upload.remove(tx, upload.id)

    return commit
