"""A mail as it came: its sender, subject and attachments, however badly it is made. No IO."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.errors import MessageDefect
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser, BytesParser
from email.utils import getaddresses, parseaddr
from typing import Literal

from services.docs.intake import refusals
from services.docs.text import clean
from shared.errors import Rejected

_PLUS = re.compile(r"^[^+@]+\+([A-Za-z0-9.]+)@")
_MACHINES = re.compile(
    r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|owner-.*|.*-(request|bounces?|owner|relay))([+=].*)?@",
    re.IGNORECASE,
)
_PASSED = re.compile(r"\b(dmarc|dkim|spf)\s*=\s*pass\b", re.IGNORECASE)
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
MAX_ATTACHMENTS = 50
MAX_LINE = 300


Silence = Literal["no_address", "automatic", "list", "bounce", "machine", "own", "virus"]
"""Why a mail is not answered (RFC 3834 §2): who sent it is no person who waits, or would answer in turn."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail's header says. `digest` is of the header's bytes: it finds the mail again without its body."""

    sender: str
    sender_name: str
    subject: str
    message_id: str
    digest: str
    agencies: tuple[str, ...]  # identifiers named by `box+IDENTIFIER@…`, as it was addressed
    answer_to: str = ""
    references: str = ""
    silence: Silence | None = None
    vouched: bool = False  # the receiving server says that it comes from where it says


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    data: bytes


def envelope(header: bytes, own: str = "-") -> Envelope:
    """Whatever can be read of a header; nothing raises. `own`: the address of the mailbox itself."""
    message = BytesHeaderParser(policy=policy.compat32).parsebytes(header)
    name, address = parseaddr(_decoded(message.get("From", "")))
    named = [
        found[1].upper()
        for field in _ADDRESSED
        for _, each in getaddresses([_decoded(value) for value in message.get_all(field, [])])
        if (found := _PLUS.match(each))
    ]
    answer_to = _answer_to(message, address)
    return Envelope(
        sender=_line(address) or "—",
        sender_name=_line(name) or _line(address) or "—",
        subject=_line(_decoded(message.get("Subject", ""))),
        message_id=_line(str(message.get("Message-ID", ""))),
        digest=hashlib.sha256(header).hexdigest(),
        agencies=tuple(dict.fromkeys(named)),
        answer_to=answer_to,
        references=_line(str(message.get("References", ""))),
        silence=_silence(message, {_line(address), answer_to} if answer_to else set(), own),
        vouched=bool(_PASSED.search(_decoded(message.get("Authentication-Results", "")))),
    )


def _answer_to(message: Message, sender: str) -> str:
    """Where the mail came from by its envelope, which the receiving server wrote down, else by its header (RFC 3834 §4)."""
    came_from = parseaddr(str(message.get("Return-Path", "")))[1]
    address = _line(came_from or _decoded(sender))
    return address if re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address) else ""


def _silence(message: Message, addresses: set[str], own: str) -> Silence | None:
    """The first that holds of a numbered list: what RFC 3834 §2 names, and what the large programs really write."""
    kind = str(message.get("Content-Type", "")).lower().lstrip()
    automatic = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower() != "no"
    bulk = str(message.get("Precedence", "")).strip().lower() in {"bulk", "list", "junk"}
    found: dict[Silence, bool] = {
        "bounce": kind.startswith("multipart/report")
        or ("Return-Path" in message and not parseaddr(str(message["Return-Path"]))[1]),
        "automatic": automatic
        or any(name in message for name in ("X-Auto-Response-Suppress", "X-Autoreply", "X-Loop")),
        "list": bulk or any(name.lower().startswith("list-") for name in message.keys()),  # noqa: SIM118  no dict
        "no_address": not any(addresses),
        "machine": any(_MACHINES.match(each) for each in addresses),
        "own": own.lower() in {each.lower() for each in addresses},
    }
    return next((why for why, holds in found.items() if holds), None)


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
