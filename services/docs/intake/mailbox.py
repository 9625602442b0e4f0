"""Mailboxes that people send documents to (IMAP4rev1): each mail is taken once, its attachments become items, and it is
moved to a folder that says how it ended. What is secret is erased there too.
"""

from __future__ import annotations

import hashlib
import imaplib
import logging
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from services.docs import numbering, store_registry
from services.docs.intake import answering, letter, refusals, secrecy, store
from services.docs.intake import desk as desks
from services.docs.intake.account import Mailbox
from services.docs.intake.desk import Desk
from services.docs.intake.domain import Item, Origin
from services.docs.intake.letter import Attachment, Envelope
from shared import telemetry
from shared.db import transaction
from shared.errors import Rejected, Sentence
from shared.events.docs import Party
from shared.ids import new_id

log = logging.getLogger(__name__)

INBOX, PROCESSING, DONE, REFUSED = "INBOX", "Vanthu-Processing", "Done", "Refused"
TIMEOUT = 30.0  # seconds without an answer
AT_ONCE = 20  # mails of one look
imaplib._MAXLINE = max(imaplib._MAXLINE, 1_000_000)  # type: ignore[attr-defined]  # noqa: SLF001  long UID lists are one line


@dataclass(frozen=True, slots=True)
class Post:
    """The carrier of one mailbox."""

    desk: Desk
    box: Mailbox

    def poll(self) -> None:
        """Take what lies in the inbox; put away what has passed its steps."""
        with _connected(self.box) as line:
            for uid in _uids(line, INBOX)[:AT_ONCE]:
                self._take(line, uid)
            for uid in _uids(line, PROCESSING)[:200]:
                self._put_away(line, uid)

    # --- taking

    def _take(self, line: imaplib.IMAP4, uid: str) -> None:
        size, header = _header(line, uid)
        said = letter.envelope(header, self.box.user)
        agency = self._agency(said)
        if agency is None or agency.agency_id is None:
            if not self._knows_agencies():
                return  # it stays where it is, and nobody is told that their address is wrong
            log.warning("mail %s: %s", said.message_id, refusals.AGENCY_OF_MAIL_UNKNOWN.en)
            self._refuse(None, said, f"{said.digest}:{size}", Rejected(refusals.AGENCY_OF_MAIL_UNKNOWN))
            _move(line, uid, REFUSED)
            return
        # Base64 makes four bytes of three, and breaks lines.
        most = self.box.limit_mb * 1024 * 1024 * 14 // 10
        if size > most:
            too_large = Rejected(
                refusals.MAIL_TOO_LARGE, size_mb=size // 1024 // 1024, limit_mb=self.box.limit_mb
            )  # it is never fetched
            self._refuse(agency, said, f"{said.digest}:{size}", too_large)
            _move(line, uid, REFUSED)
            return
        raw = _body(line, uid)
        key = hashlib.sha256(raw).hexdigest()
        try:
            taken, left = letter.attachments(raw, self.box.limit_mb * 1024 * 1024)
        except Rejected as error:
            self._refuse(agency, said, key, error)
            _erase(line, uid) if secrecy.in_title(said.subject) else _move(line, uid, REFUSED)
            return
        if not taken:
            self._refuse(agency, said, key, left[0])
            _move(line, uid, REFUSED)
            return
        self._begin(agency.agency_id, said, key, taken, left)
        _move(line, uid, PROCESSING)

    def _agency(self, said: Envelope) -> Party | None:
        wanted = [self.box.agency] if self.box.agency else list(said.agencies)
        with transaction(self.desk.pool) as tx:
            found = store_registry.find_agencies(tx, wanted, numbering.today(datetime.now(UTC)))
        return next((found[each].party for each in wanted if each in found), None)

    def _knows_agencies(self) -> bool:
        with transaction(self.desk.pool) as tx:
            return store_registry.agencies_are_known(tx)

    def _refuse(self, agency: Party | None, said: Envelope, digest: str, error: Rejected) -> None:
        """Once: recorded, and told to the sender."""
        at, key = datetime.now(UTC), _key(said, digest)
        agency_id = agency.agency_id if agency else None
        with transaction(self.desk.pool, agency=agency_id) as tx:
            if agency_id is not None:
                detail = _detail(said, [], [error.sentence])
                store.take_once(tx, agency_id, key, outcome=error.code, at=at, detail=detail)
            answering.tell(tx, agency, key, said, [error.sentence], outcome="refused", at=at, source=self.desk.source)

    def _begin(
        self, agency_id: UUID, said: Envelope, digest: str, taken: list[Attachment], left: list[Rejected]
    ) -> None:
        """All attachments or none: the mail's row and its items commit together."""
        at = datetime.now(UTC)
        made = [(new_id(), each) for each in taken]
        stored = [(i, each, self.desk.quarantine(i).put(each.data, desks.UNKNOWN_TYPE)) for i, each in made]
        with transaction(self.desk.pool, agency=agency_id) as tx:
            detail = _detail(said, [i for i, _ in made], [each.sentence for each in left])
            if not store.take_once(tx, agency_id, _key(said, digest), outcome="taken", at=at, detail=detail):
                desks.purge(tx, [content for _, _, content in stored])
                return
            for item_id, each, content in stored:
                origin = Origin(said.sender_name, subject=said.subject or None, reference=said.sender)
                desks.begin(
                    tx,
                    item_id=item_id,
                    agency_id=agency_id,
                    channel="mail",
                    filename=each.filename,
                    origin=origin,
                    at=at,
                    source=content,
                )

    # --- putting away

    def _put_away(self, line: imaplib.IMAP4, uid: str) -> None:
        """Once all of its attachments have ended: what the sender is answered is recorded, once."""
        _, header = _header(line, uid)
        said = letter.envelope(header, self.box.user)
        agency = self._agency(said)
        agency_id = agency.agency_id if agency else None
        if agency is None or agency_id is None:
            return
        with transaction(self.desk.pool, agency=agency_id) as tx:
            row = store.find_mail(tx, agency_id, said.digest)
            if row is None:
                _move(line, uid, INBOX)  # taken by nobody: as if it came now
                return
            items = [store.get(tx, UUID(each)) for each in row["detail"]["items"]]
            if any(item.state == "working" for item in items):
                return
            where = _ending(items)
            detail = row["detail"]
            left = [Sentence(*each) for each in zip(detail["left"], detail.get("left_en", detail["left"]), strict=True)]
            lines, outcome, infected = answering.lines_of(items, left)
            answering.tell(
                tx, agency, row["key"], said, lines,
                outcome=outcome, at=datetime.now(UTC), source=self.desk.source, infected=infected,
            )  # fmt: skip
        _erase(line, uid) if where is None else _move(line, uid, where)


def _key(said: Envelope, digest: str) -> str:
    return f"mail:{said.message_id}:{digest}"[:500]


def _detail(said: Envelope, items: list[UUID], left: list[Sentence]) -> dict[str, Any]:
    secret = secrecy.in_title(said.subject) is not None
    return {
        "header": said.digest,
        "sender": said.sender,
        "subject": "" if secret else said.subject,
        "items": [str(each) for each in items],
        "left": [each.vi for each in left],
        "left_en": [each.en for each in left],
    }


def _ending(items: list[Item]) -> str | None:
    """The folder that it goes to; None: it is erased, since something in it may not be kept."""
    codes = {item.reason.code for item in items if item.reason}
    if codes & {refusals.SECRET_DOCUMENT.code, refusals.VIRUS_FOUND.code}:
        return None
    return DONE if any(item.state in {"ready", "used", "discarded"} for item in items) else REFUSED


# --- IMAP


@contextmanager
def _connected(box: Mailbox) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context(cafile=box.ca)
    line: imaplib.IMAP4
    if box.tls == "tls":
        line = imaplib.IMAP4_SSL(box.host, box.port, ssl_context=context, timeout=TIMEOUT)
    else:
        line = imaplib.IMAP4(box.host, box.port, timeout=TIMEOUT)
    try:
        if box.tls == "starttls":
            line.starttls(context)
        line.login(box.user, box.password.get_secret_value())
        for name in (PROCESSING, DONE, REFUSED):
            line.create(name)  # says no where there is one
        yield line
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            line.logout()


def _uids(line: imaplib.IMAP4, folder: str) -> list[str]:
    _ok(line.select(folder))
    return [each.decode() for each in (_ok(line.uid("SEARCH", "ALL"))[0] or b"").split()]


def _header(line: imaplib.IMAP4, uid: str) -> tuple[int, bytes]:
    """The mail's size in bytes and its header; nothing is marked as read."""
    answer = _ok(line.uid("FETCH", uid, "(RFC822.SIZE BODY.PEEK[HEADER])"))
    told = next(each for each in answer if isinstance(each, tuple))
    size = re.search(
        rb"RFC822\.SIZE (\d+)", b" ".join(each[0] if isinstance(each, tuple) else each for each in answer if each)
    )
    return int(size[1]) if size else 0, told[1]


def _body(line: imaplib.IMAP4, uid: str) -> bytes:
    answer = _ok(line.uid("FETCH", uid, "(BODY.PEEK[])"))
    found: bytes = next(each for each in answer if isinstance(each, tuple))[1]
    return found


def _move(line: imaplib.IMAP4, uid: str, folder: str) -> None:
    if "MOVE" in line.capabilities:
        _ok(line.uid("MOVE", uid, folder))
        return
    _ok(line.uid("COPY", uid, folder))
    _erase(line, uid)


def _erase(line: imaplib.IMAP4, uid: str) -> None:
    _ok(line.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
    _ok(line.uid("EXPUNGE", uid) if "UIDPLUS" in line.capabilities else line.expunge())


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(f"{answer[0]} {answer[1][:1]!r}")
    return answer[1]


def loop(desk: Desk, boxes: tuple[Mailbox, ...], every: float) -> Callable[[threading.Event], None]:
    """The worker's loop; a mailbox that does not answer is asked again, the others go on."""

    def run(stop: threading.Event) -> None:
        beat = telemetry.Heartbeat("mailboxes", limit=900)
        while not stop.wait(every):
            for box in boxes:
                beat.touch()
                try:
                    Post(desk, box).poll()  # of several workers at one mail the row of the first one counts
                except (imaplib.IMAP4.error, OSError, psycopg.OperationalError, Rejected) as error:
                    log.warning("mailbox %s: %s", box.user, str(error).splitlines()[0])

    return run
