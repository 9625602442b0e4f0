"""What goes to a CA by hand and comes back from it, as files. Pure: bytes in, bytes out.

Out goes one ZIP: the requests, a list of them, a list of certificates to end, and a manifest with the digest of each.
Back comes whatever the CA's people send: a ZIP, PEM, DER or PKCS#7.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from services.registry.refusals import CERTIFICATE_UNREADABLE, PRIVATE_KEY_SENT
from services.registry.refusals_ca import ANSWERS_TOO_MANY, ANSWERS_UNREADABLE
from shared.errors import Rejected

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
MAX_FILE = 10 * 1024 * 1024  # bytes; a certificate has about two thousand
MAX_UNPACKED = 40 * 1024 * 1024
MAX_ENTRIES = 5000
CERTIFICATE_NAMES = (".cer", ".crt", ".der", ".p7b", ".p7c", ".pem")
KEY_NAMES = (".key", ".p12", ".pfx")
LIST, ENDS, MANIFEST = "danh-sach.csv", "thu-hoi.csv", "manifest.json"
LIST_HEAD = (
    "STT",
    "Mã yêu cầu",
    "Loại",
    "Tên trên chứng thư",
    "Chức vụ",
    "Cơ quan",
    "Mã định danh",
    "Thư điện tử",
    "Tệp CSR",
    "SHA-256 khóa công khai",
)
ENDS_HEAD = ("STT", "Mã yêu cầu", "Tên trên chứng thư", "Số hiệu chứng thư", "Việc", "Ngày yêu cầu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One order in a batch. `asked`: subject and `csr_pem` of an order to issue; serial and reason of one to end."""

    line: int
    order_id: UUID
    kind: str  # issue | end
    name: str
    spki_sha256: str | None
    asked: Mapping[str, Any]
    entered_at: datetime


def write_batch(batch_id: UUID, made_at: datetime, lines: Sequence[Line]) -> bytes:
    """The ZIP. The same batch gives the same bytes."""
    issues, ends = ([line for line in lines if line.kind == kind] for kind in ("issue", "end"))
    files = {_csr_name(line): line.asked["csr_pem"].encode() for line in issues}
    files[LIST] = _csv(LIST_HEAD, (_issue_row(line) for line in issues))
    if ends:
        files[ENDS] = _csv(ENDS_HEAD, (_end_row(line) for line in ends))
    manifest = {
        "batch": str(batch_id),
        "made_at": made_at.astimezone(HANOI).isoformat(timespec="seconds"),
        "issue": len(issues),
        "end": len(ends),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    files[MANIFEST] = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, made_at.astimezone(HANOI).timetuple()[:6])
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _csr_name(line: Line) -> str:
    return f"csr/{line.line:04d}-{line.order_id}.csr"


def _issue_row(line: Line) -> tuple[object, ...]:
    asked = line.asked
    kind = "Cá nhân" if asked["profile"] == "person" else "Cơ quan, tổ chức"
    names = (asked.get(name) for name in ("title", "organisation", "organisation_id", "email"))
    return (line.line, line.order_id, kind, line.name, *names, _csr_name(line), line.spki_sha256)


def _end_row(line: Line) -> tuple[object, ...]:
    day = line.entered_at.astimezone(HANOI).strftime("%d/%m/%Y")
    return (line.line, line.order_id, line.name, line.asked["serial"], line.asked["reason"], day)


def _csv(head: Sequence[str], rows: Iterable[tuple[object, ...]]) -> bytes:
    """With a byte order mark: without it Excel takes Vietnamese for something else."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe, as a person would type it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


# --- what comes back


@dataclass(frozen=True, slots=True)
class Found:
    """One certificate that is no CA's, and in which file it stood; `spki_sha256` as in `trust`."""

    file: str
    pem: str
    spki_sha256: str
    fingerprint: str
    serial: str
    name: str


@dataclass(slots=True)
class Answers:
    """`issuers_pem`: the CAs' certificates that came along; `unread`: files that hold no certificate, with why."""

    found: list[Found] = field(default_factory=list)
    issuers_pem: str = ""
    unread: list[tuple[str, Rejected]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def read_answers(name: str, content: bytes) -> Answers:
    """Every certificate in what the CA sent. Raises Rejected when it is none of the formats, too large, or has a key."""
    if len(content) > MAX_FILE:
        raise Rejected(ANSWERS_TOO_MANY, limit=f"{MAX_FILE // 1024 // 1024} MB")
    answers, seen, issuers = Answers(), set[str](), dict[str, str]()
    packed = zipfile.is_zipfile(io.BytesIO(content))
    for file, part in _unpack(content) if packed else [(name, content)]:
        _refuse_keys(file, part)
        try:
            certificates = _read_certificates(part)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            if not packed:
                raise Rejected(ANSWERS_UNREADABLE, why=_first_line(error)) from error
            if file.lower().endswith(CERTIFICATE_NAMES):
                answers.unread.append((file, Rejected(CERTIFICATE_UNREADABLE)))
            else:
                answers.ignored.append(file)
            continue
        for certificate in certificates:
            _sort(file, certificate, answers, seen=seen, issuers=issuers)
    answers.issuers_pem = "".join(issuers.values())
    if packed and not answers.found and not answers.unread:
        raise Rejected(ANSWERS_UNREADABLE, why="ZIP: 0 × .cer .crt .der .pem .p7b")
    return answers


def _sort(
    file: str, certificate: x509.Certificate, answers: Answers, *, seen: set[str], issuers: dict[str, str]
) -> None:
    """A CA's certificate to the issuers, any other to what is found, each once."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    fingerprint = hashlib.sha256(der).hexdigest()
    if fingerprint in seen:
        return
    seen.add(fingerprint)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    try:
        if _is_ca(certificate):
            issuers[fingerprint] = pem
            return
        key = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        answers.unread.append((file, Rejected(CERTIFICATE_UNREADABLE)))
        return
    answers.found.append(
        Found(
            file=file,
            pem=pem,
            spki_sha256=hashlib.sha256(key).hexdigest(),
            fingerprint=fingerprint,
            serial=f"{certificate.serial_number:x}",
            name=str(names[0].value) if names else "",
        )
    )


def _unpack(content: bytes) -> Iterator[tuple[str, bytes]]:
    """What is in a ZIP, in memory and bounded: names in it are only said, never used as paths."""
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MAX_ENTRIES:
                raise Rejected(ANSWERS_TOO_MANY, limit=f"{MAX_ENTRIES} × …")
            for entry in entries:
                with archive.open(entry) as opened:
                    part = opened.read(left + 1)
                left -= len(part)
                if left < 0:
                    raise Rejected(ANSWERS_TOO_MANY, limit=f"{MAX_UNPACKED // 1024 // 1024} MB")
                yield entry.filename, part
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise Rejected(ANSWERS_UNREADABLE, why=f"ZIP: {_first_line(error)}") from error


def _read_certificates(part: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN" in part:
        if b"-----BEGIN PKCS7-----" in part:
            return list(pkcs7.load_pem_pkcs7_certificates(part))
        return x509.load_pem_x509_certificates(part)
    try:
        return [x509.load_der_x509_certificate(part)]
    except ValueError:
        return list(pkcs7.load_der_pkcs7_certificates(part))


def _refuse_keys(file: str, part: bytes) -> None:
    if b"PRIVATE KEY-----" in part or file.lower().endswith(KEY_NAMES):
        raise Rejected(PRIVATE_KEY_SENT)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
