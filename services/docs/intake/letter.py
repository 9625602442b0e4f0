"""A mail as it came: its sender, subject and attachments, however badly it is made. No IO."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.errors import MessageDefect
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.utils import getaddresses, parseaddr

from services.docs.intake import refusals
from services.docs.text import clean
from shared.errors import Rejected

_PLUS = re.compile(r"^[^+@]+\+([A-Za-z0-9.]+)@")
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
MAX_ATTACHMENTS = 50
MAX_LINE = 300


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail's header says. `digest` is of the header's bytes: it finds the mail again without its body."""

    sender: str
    sender_name: str
    subject: str
    message_id: str
    digest: str
    agencies: tuple[str, ...]  # identifiers named by `box+IDENTIFIER@…`, as it was addressed


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    data: bytes


def envelope(header: bytes) -> Envelope:
    """Whatever can be read of a header; nothing raises."""
    message = BytesHeaderParser(policy=policy.compat32).parsebytes(header)
    name, address = parseaddr(_decoded(message.get("From", "")))
    named = [
        found[1].upper()
        for field in _ADDRESSED
        for _, each in getaddresses([_decoded(value) for value in message.get_all(field, [])])
        if (found := _PLUS.match(each))
    ]
    return Envelope(
        sender=_line(address) or "—",
        sender_name=_line(name) or _line(address) or "—",
        subject=_line(_decoded(message.get("Subject", ""))),
        message_id=_line(str(message.get("Message-ID", ""))),
        digest=hashlib.sha256(header).hexdigest(),
        agencies=tuple(dict.fromkeys(named)),
    )


def attachments(raw: bytes, limit: int) -> tuple[list[Attachment], list[Rejected]]:
    """Those that may be taken, and why others are not: too large, or broken on their way.

    Raises Rejected(mail_broken) when nothing of it can be read, Rejected(nothing_attached) when it brings none.
    """
    try:
        message = BytesParser(policy=policy.default).parsebytes(raw)
        parts = list(_parts(message))
    except (ValueError, LookupError, AttributeError, TypeError, IndexError) as error:
        raise Rejected(refusals.MAIL_BROKEN) from error  # what the parser makes of mails that no program writes
    taken: list[Attachment] = []
    left: list[Rejected] = []
    for n, part in enumerate(parts[:MAX_ATTACHMENTS], 1):
        name = _name(part) or f"tep-dinh-kem-{n}"
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes) or not data or _is_broken(part.defects):
            left.append(Rejected(refusals.MAIL_BROKEN))
        elif len(data) > limit:
            left.append(Rejected(refusals.ATTACHMENT_TOO_LARGE, name=name, limit_mb=limit // 1024 // 1024))
        else:
            taken.append(Attachment(name, data))
    if not taken and not left:
        broken = message.defects or any(part.defects for part in message.walk())
        raise Rejected(refusals.MAIL_BROKEN if broken else refusals.NOTHING_ATTACHED)
    return taken, left


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    for part in message.walk():
        if part.is_multipart():
            continue
        inline = part.get_content_disposition() != "attachment"
        if inline and (part.get("Content-ID") or part.get_filename() is None):
            continue  # the text itself, and pictures of its letterhead
        yield part


def _is_broken(defects: list[MessageDefect]) -> bool:
    return any("Base64" in type(each).__name__ or "Boundary" in type(each).__name__ for each in defects)


def _name(part: EmailMessage) -> str:
    given = (part.get_filename() or "").replace("\\", "/").rpartition("/")[2]
    return _line(given)[-200:]


def _decoded(value: object) -> str:
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(str(value))))
    except (ValueError, LookupError, UnicodeError):
        return str(value)


def _line(text: str) -> str:
    readable = text.encode("utf-8", "replace").decode()
    try:
        return clean(readable)[:MAX_LINE]
    except ValueError:
        return clean("".join(c if c.isprintable() else " " for c in readable))[:MAX_LINE]
