"""The watched scan folder: `<root>/<agency identifier>/`, where a scanner writes. A file is taken once it is whole, stays
in `processing` while its steps are done, and ends in `done` or `failed` beside a sentence in a .txt. Nothing is lost and
nothing taken twice, whenever a worker dies and however many there are: a rename decides who takes, a row whether it was.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

from services.docs import numbering, pdf, store_registry
from services.docs.intake import desk as desks
from services.docs.intake import domain, media, office, pages, refusals, store
from services.docs.intake.desk import Desk
from services.docs.intake.domain import Item, Origin
from services.docs.intake.secrecy import in_title
from services.docs.step import Reason
from shared import telemetry
from shared.db import act_for, transaction
from shared.errors import NotFound, Rejected
from shared.ids import new_id

log = logging.getLogger(__name__)

PROCESSING, DONE, FAILED = "processing", "done", "failed"
OWN = frozenset({PROCESSING, DONE, FAILED})
UNFINISHED = (
    ".tmp",
    ".part",
    ".partial",
    ".crdownload",
    ".txt",
)  # what programs call what they still write, and our own
PATIENCE = 600.0  # seconds in which a file that stands still has to become readable
ERASED = frozenset({refusals.SECRET_DOCUMENT.code, refusals.VIRUS_FOUND.code})
BETWEEN = "__"
SHORT = 16  # bytes; of fewer nobody can say what they will be
NOTE = "CHƯA NHẬN"  # beside scans of nobody: whoever scans there sees why nothing happens


@dataclass(slots=True)
class _Sight:
    """What a file or batch looked like when it was last seen, and since when it has."""

    looks: tuple[tuple[str, int, int], ...]
    since: float


@dataclass(slots=True)
class Watch:
    """One worker's look at the folder; what it remembers is only how long files have been standing still."""

    desk: Desk
    root: Path
    seen: dict[Path, _Sight] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def poll(self, now: float) -> None:
        """Look once; `now` is a monotonic time in seconds. A file is judged at the second look that finds it unchanged."""
        there: set[Path] = set()
        for home in sorted(each for each in self.root.iterdir() if each.is_dir() and not each.name.startswith(".")):
            agency_id = self._agency(home)
            if agency_id is None:
                continue
            for name in OWN:
                (home / name).mkdir(exist_ok=True)
            for path in _candidates(home):
                there.add(path)
                with suppress(FileNotFoundError):  # another worker took it
                    self._look(home, path, now)
            for path in sorted((home / PROCESSING).iterdir()):
                with suppress(FileNotFoundError):
                    self._go_on(home, agency_id, path)
        self.seen = {path: sight for path, sight in self.seen.items() if path in there}

    def _agency(self, home: Path) -> UUID | None:
        """Whose folder it is. One of nobody's says so itself, once the registry has told all agencies."""
        identifier = home.name
        with transaction(self.desk.pool) as tx:
            found = store_registry.find_agencies(tx, [identifier], numbering.today(datetime.now(UTC)))
            known = identifier in found or store_registry.agencies_are_known(tx)
        if identifier in found:
            (home / f"{NOTE}.txt").unlink(missing_ok=True)
            return found[identifier].agency_id
        if known and identifier not in self.unknown:
            self.unknown.add(identifier)
            log.warning("scan folder: no agency has the identifier %s; nothing is taken from there", identifier)
            with suppress(OSError):  # nobody may write there: the other folders are looked at all the same
                _say(home, NOTE, _told(domain.reason_of(refusals.SCAN_FOLDER_UNKNOWN, identifier=identifier)))
        return None

    def _look(self, home: Path, path: Path, now: float) -> None:
        looks = tuple(_look_of(path))
        before = self.seen.get(path)
        if before is None or before.looks != looks or not looks:
            self.seen[path] = _Sight(looks, now)
            return
        try:
            if self._is_whole(path):
                _take(home, path)
            elif now - before.since > PATIENCE:
                never = domain.reason_of(refusals.SCAN_NEVER_WHOLE, name=path.name, minutes=int(PATIENCE // 60))
                _put_away(path, home / FAILED, path.name, _told(never))
        except Rejected as error:
            if error.refusal.status == 503:
                raise
            _put_away(path, home / FAILED, path.name, _told(domain.reason_from(error)))

    def _is_whole(self, path: Path) -> bool:
        """Readable to its end; of a batch, every picture. Rejected for what no waiting makes a document of."""
        if path.is_dir():
            return all(self.desk.workshop.run(pages.whole_image, each) for each in _pictures(path))
        with path.open("rb") as file:
            head = file.read(media.HEAD)
        if len(head) < SHORT:
            return False
        kind = media.sniff(head, path.name)
        if kind == media.PDF:
            return _ends_as_pdf(path)
        if kind in media.IMAGES:
            return self.desk.workshop.run(pages.whole_image, path)
        try:
            office.type_of(path, path.name)
        except Rejected as error:
            if error.code == refusals.OFFICE_DAMAGED.code:
                return False  # a package has its list at its end: it may still be on its way
            raise
        return True

    def _go_on(self, home: Path, agency_id: UUID, path: Path) -> None:
        """What lies in processing becomes an item, if it is none yet; when its steps are over it is put away."""
        key, _, name = path.name.partition(BETWEEN)
        item_id = UUID(key)
        with transaction(self.desk.pool, agency=agency_id) as tx:
            try:
                item: Item | None = store.get(tx, item_id)
            except NotFound:
                item = None
        if item is None:
            self._begin(agency_id, item_id, path, name)
        elif item.state != "working":
            self._end(home, path, name, item)

    def _begin(self, agency_id: UUID, item_id: UUID, path: Path, name: str) -> None:
        with tempfile.TemporaryDirectory(prefix="vanthu-scan-") as folder:
            source = path
            if path.is_dir():
                source = Path(folder) / "bound.pdf"
                self.desk.workshop.run(pages.bind, _pictures(path), source, name)
                name = f"{name}.pdf"
            # The same bytes for whichever worker comes here: the place in quarantine is the item's.
            content = self.desk.quarantine(item_id).put(source.read_bytes(), desks.UNKNOWN_TYPE)
        at = datetime.now(UTC)
        with transaction(self.desk.pool) as tx:
            act_for(tx, agency_id)
            detail = {"name": name}
            if store.take_once(tx, agency_id, f"scan:{item_id}", outcome="taken", at=at, detail=detail):
                desks.begin(
                    tx,
                    item_id=item_id,
                    agency_id=agency_id,
                    channel="folder",
                    filename=name,
                    origin=Origin("Thư mục quét", reference=None if in_title(name) else name),
                    at=at,
                    source=content,
                )

    def _end(self, home: Path, path: Path, name: str, item: Item) -> None:
        why = item.reason
        if item.state in {"ready", "used", "discarded"}:
            said = f"Đã tiếp nhận; xem ở trang Tiếp nhận, mã {item.id}.\nTaken in; see the intake page, item {item.id}."
            _put_away(path, home / DONE, name, said)
        elif why and why.code in ERASED:
            _erase(path)
            _say(home / FAILED, f"{item.id}" if why.code == refusals.SECRET_DOCUMENT.code else name, _told(why))
        else:
            _put_away(path, home / FAILED, name, _told(why or domain.reason_of(refusals.NOT_READY)))


def _told(why: Reason) -> str:
    """For whoever stands at the scanner: why and what to do, in both languages, with the code that support asks for."""
    return f"{why.vi}\n{why.en}\nMã / code: {why.code}"


def _candidates(home: Path) -> Iterator[Path]:
    """Files, and folders of pictures that together are one document. No links: they could lead anywhere."""
    for path in sorted(home.iterdir()):
        if path.name.startswith(".") or path.is_symlink() or path.name in OWN:
            continue
        if path.is_dir() or (path.is_file() and not path.name.lower().endswith(UNFINISHED)):
            yield path


def _pictures(batch: Path) -> list[Path]:
    return sorted(each for each in batch.iterdir() if each.is_file() and not each.name.startswith("."))


def _look_of(path: Path) -> Iterator[tuple[str, int, int]]:
    for each in _pictures(path) if path.is_dir() else [path]:
        found = each.stat()
        yield each.name, found.st_size, found.st_mtime_ns


def _ends_as_pdf(path: Path) -> bool:
    """With its last line, and readable; a password or a restriction is for the steps to tell."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2048))
        if b"%%EOF" not in file.read():
            return False
    try:
        pdf.count_pages(path)
    except Rejected as error:
        return error.code not in {"pdf_damaged", "empty_file"}
    return True


def _take(home: Path, path: Path) -> None:
    """Whoever renames it has it; for all others it is gone."""
    path.rename(home / PROCESSING / f"{new_id()}{BETWEEN}{path.name}")


def _put_away(path: Path, folder: Path, name: str, said: str) -> None:
    target = folder / name
    if target.exists():
        target = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{new_id().hex[-6:]}-{name}"
    path.rename(target)
    _say(folder, target.name, said)


def _say(folder: Path, name: str, said: str) -> None:
    (folder / f"{name}.txt").write_text(f"{said}\n", encoding="utf-8")


def _erase(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def loop(desk: Desk, root: Path, every: float) -> Callable[[threading.Event], None]:
    """The worker's loop; a folder or database that is away is looked for again."""

    def run(stop: threading.Event) -> None:
        beat = telemetry.Heartbeat("scan folder", limit=900)
        watch = Watch(desk, root)
        while not stop.wait(every):
            beat.touch()
            try:
                watch.poll(time.monotonic())
            except (OSError, psycopg.OperationalError, Rejected) as error:
                log.warning("scan folder: %s", str(error).splitlines()[0])

    return run
