"""The text of a document's files, read once per file in a deployment, and pictures of their pages.

A text is kept by the digest of its file; a signed file says what it said before it was signed.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.docs import pdf
from services.docs.finding import store
from services.docs.finding.domain import MAX_TEXT, Source
from services.docs.finding.refusals import DRAWING_BUSY, NOT_DRAWN
from shared import db
from shared.blobs import Blobs
from shared.errors import PROCESS_DIED, Rejected
from shared.events import BlobRef
from shared.workshop import Workshop

PDF = "application/pdf"
TEXT = "text/plain; charset=utf-8"
WIDTHS = (160, 480, 720, 1080)  # pixels
SCANNED = 30  # characters a page; with fewer there is no text layer worth the name
_drawing = threading.BoundedSemaphore(6)  # requests that wait for pictures; others are still to be answered


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading needs: rows, files, and processes for hostile ones."""

    pool: db.Pool
    blobs: Blobs
    workshop: Workshop


def text_of(reader: Reader, source: Source, content: BlobRef) -> str:
    """The text of one file: its layer, or where it has none what OCR saw; "" for neither. Rejected when unreadable."""
    digests = (source.sha256, *source.before)
    if content.media_type != PDF:
        return _kept(reader, digests, "ocr") or ""  # what intake read of it
    found = _kept(reader, digests, "text")
    if found is None:
        with on_disk(reader.blobs.get(content)) as path:
            found, pages = reader.workshop.run(pdf.read_text, path, MAX_TEXT)
        ref = reader.blobs.put(found.encode(), TEXT)
        with db.transaction(reader.pool) as tx:
            store.put_rendition(tx, source.sha256, "text", ref, pages=pages)
    if len(found) >= SCANNED * (found.count("\f") + 1):
        return found
    seen = _kept(reader, digests, "ocr")
    return seen if seen is not None and len(seen) > len(found) else found


def _kept(reader: Reader, digests: Iterable[str], kind: str) -> str | None:
    """What is kept of the file, else of what it was before; the latter is then its own too, for those who get it."""
    for n, digest in enumerate(digests):
        with db.transaction(reader.pool) as tx:
            ref = store.find_rendition(tx, digest, kind)
            if ref is None:
                continue
            if n:
                store.put_rendition(tx, next(iter(digests)), kind, ref)
        return reader.blobs.get(ref).decode()
    return None


@contextmanager
def on_disk(data: bytes) -> Iterator[Path]:
    """A file for another process, which is handed a path and not a copy of the bytes."""
    with tempfile.NamedTemporaryFile(prefix="vanthu-read-") as file:
        file.write(data)
        file.flush()
        yield Path(file.name)


def picture_of(reader: Reader, content: BlobRef, page: int, width: int, kind: pdf.Format) -> BlobRef:
    """A page of a file as a picture, drawn when it is first asked for. Rejected(page_missing) and others."""
    with db.transaction(reader.pool) as tx:
        kept = store.find_rendition(tx, content.sha256, kind, page=page, width=width)
    if kept:
        return kept
    with _a_place(), on_disk(reader.blobs.get(content)) as path:
        data, pages = reader.workshop.run(pdf.draw_page, path, page, width, kind)
    ref = reader.blobs.put(data, f"image/{kind}")
    with db.transaction(reader.pool) as tx:
        store.put_rendition(tx, content.sha256, kind, ref, page=page, width=width, pages=pages)
    return ref


@contextmanager
def _a_place() -> Iterator[None]:
    """Among those who wait for the processes that draw; Rejected(drawing_busy) when there is none left."""
    if not _drawing.acquire(blocking=False):
        raise Rejected(DRAWING_BUSY)
    try:
        yield
    except Rejected as error:
        if error.code == PROCESS_DIED.code:
            raise Rejected(NOT_DRAWN) from error
        raise
    finally:
        _drawing.release()


def pages_of(reader: Reader, content: BlobRef) -> int:
    """How many pages a file has; counted when nobody has read or drawn it yet."""
    with db.transaction(reader.pool) as tx:
        known = store.find_pages(tx, content.sha256)
    if known is not None:
        return known
    with _a_place(), on_disk(reader.blobs.get(content)) as path:
        return reader.workshop.run(pdf.count_pages, path)
