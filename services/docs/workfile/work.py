"""What the worker does for work files: makes ordered packages, warns before a file is due."""

from __future__ import annotations

import base64
import json
import logging
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from services.docs import numbering, sheets, standing, store_registry
from services.docs import store as documents
from services.docs.circulation import store as circulation
from services.docs.document import Document
from services.docs.incoming import Incoming
from services.docs.ledger import domain as ledger
from services.docs.ledger import merkle
from services.docs.ledger import store as entries
from services.docs.review import store_talk
from services.docs.review.drafts import Draft
from services.docs.standing import Post
from services.docs.step import ourselves
from services.docs.workfile import domain, packing, printing, store, subjects
from services.docs.workfile.domain import WorkFile
from services.docs.workfile.listing import retention
from services.docs.workfile.packing import Package
from services.docs.workfile.store import Export, Member
from services.docs.workfile.subjects import Line
from shared import db, jobs, telemetry
from shared.blobs import Blobs
from shared.errors import Rejected
from shared.events import BlobRef

log = logging.getLogger(__name__)

EXPORT = "export_work_file"  # its subject is the order's id
ZIP = "application/zip"
BATCH = 200
INTERVAL = 300.0  # seconds between two looks at what is due
WARN = 0x77666475  # "wfdu": one worker warns at a time


def order(tx: db.Tx, wanted: Export, post: Post) -> None:
    """What is packed is what this post may know."""
    store.add_export(tx, wanted)
    jobs.put(tx, EXPORT, str(wanted.id), {"agency_id": str(wanted.agency_id), "post_id": str(post.post_id)})


class Packer:
    """Makes ordered packages."""

    def __init__(self, pool: db.Pool, blobs: Blobs) -> None:
        self.pool = pool
        self.blobs = blobs

    @property
    def kinds(self) -> dict[str, jobs.Kind]:
        return {
            EXPORT: jobs.Kind(run=self.run, on_failure=self.tell, max_attempts=5),
        }

    def run(self, job: jobs.Job) -> jobs.Commit:
        agency_id, export_id = UUID(job.payload["agency_id"]), UUID(job.subject)
        with db.transaction(self.pool, agency=agency_id) as tx:
            wanted = store.get_export(tx, export_id)
            file_id, reader = wanted.file_id, _reader(tx, job, wanted)
        with tempfile.TemporaryDirectory(prefix="vanthu-package-") as folder:
            path = Path(folder) / "package.zip"
            count, holds = self.pack(agency_id, file_id, path, Path(folder), reader=reader)
            content = self.blobs.put_file(path, ZIP)

        def commit(tx: db.Tx) -> None:
            db.act_for(tx, agency_id)
            store.end_export(tx, export_id, content=content, entries=count, reason=None, holds=holds)

        return commit

    def tell(self, tx: db.Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  shared.jobs' shape
        """Whoever ordered it sees why there is none."""
        if not final:
            return
        said = error.sentence if isinstance(error, Rejected) else None
        reason = {
            "code": error.code if isinstance(error, Rejected) else "export_failed",
            "vi": said.vi if said else "Không tạo được gói; hãy đặt xuất lại, nếu vẫn lỗi hãy báo quản trị.",
            "en": said.en if said else "The package could not be made; order it again, then tell the operator.",
        }
        db.act_for(tx, UUID(job.payload["agency_id"]))
        store.end_export(tx, UUID(job.subject), content=None, entries=None, reason=reason)

    def pack(
        self, agency_id: UUID, file_id: UUID, path: Path, scratch: Path, *, reader: Post | None = None
    ) -> tuple[int, list[UUID]]:
        """The package at `path`; how many files it has, and of which subjects it tells. One member at a time, each in a short transaction.

        `reader`: what this post may not know is withheld, and the package says of how many that is so.
        """
        with db.transaction(self.pool, agency=agency_id) as tx:
            file = store.get(tx, file_id)
            members = store.list_members(tx, file_id)
            agency = store_registry.find_agency(tx, agency_id)
            if reader:
                db.know_as(tx, reader.person_id, standing.keys_of(reader))
            history = _history(tx, file_id)
        name = agency.name if agency else ""
        package = Package(path, scratch, self.blobs.copy)
        told, listed = [], []
        for number, member in enumerate(members, 1):
            line, about = self._add_member(package, agency_id, number, member, reader)
            listed.append(line)
            told += [about] if about else []
        about_file = _file(file, agency, listed, history) | {"Withheld": len(listed) - len(told)}
        whole = {"Format": packing.FORMAT, "File": about_file, "Document": told}
        package.add("metadata.json", packing.to_json(whole))
        package.add("metadata.xml", packing.to_xml("WorkFile", whole))
        package.add("contents.csv", sheets.to_csv(printing.contents(file, name, listed)))
        shown = [each.member.subject_id for each in listed if each.abstract != subjects.HIDDEN]
        self._add_ledger(package, agency_id, [file_id, *shown])
        words = {"code": file.place.code, "title": file.title, "agency": name, "manifest": packing.MANIFEST}
        package.add("README.txt", packing.README.format(**words).encode())
        return package.close(), shown

    def _add_member(
        self, package: Package, agency_id: UUID, number: int, member: Member, reader: Post | None
    ) -> tuple[Line, dict[str, Any] | None]:
        """Its files, what was said of it and how it was drafted; None where it is withheld."""
        with db.transaction(self.pool, agency=agency_id) as tx:
            if reader:
                db.know_as(tx, reader.person_id, standing.keys_of(reader))
            gone = bool(documents.find_disposal(tx, member.subject_id))
            line = subjects.line(tx, member, destroyed=gone)
            if line.abstract == subjects.HIDDEN:
                return line, None
            about, report = _about(tx, line)
            receipts = _receipts(tx, member.subject_id)
            said = _said(tx, member.subject_id)
            editions = [] if gone else subjects.earlier(tx, member.kind, member.subject_id)
        about["DocOrdinal"] = number
        about["Part"] = _add_parts(package, f"documents/{number:04}", () if gone else line.parts)
        about["Edition"] = [
            {
                "Number": each.number,
                "At": each.at.isoformat(),
                "By": each.by.name,
                "Act": each.act,
                "Part": _add_parts(
                    package, f"drafts/{number:04}/{each.number:03}", [(p.filename, p.content) for p in each.parts]
                ),
            }
            for each in editions
        ]
        if said:
            path = f"discussion/{number:04}.json"
            digest = package.add(path, packing.to_json({"Subject": about["Id"], "Said": said}))
            about["Discussion"] = {"Path": path, "SHA256": digest, "Count": len(said)}
        if report:
            package.add_blob(f"evidence/reports/{number:04}.json", report)
        for n, receipt in enumerate(receipts, 1):
            package.add(f"evidence/receipts/{number:04}-{n:03}.json", packing.to_json(receipt))
        return line, about

    def _add_ledger(self, package: Package, agency_id: UUID, about: list[UUID]) -> None:
        with db.transaction(self.pool) as tx:
            head, log_id = entries.latest_head(tx, sealed=True), entries.get_tree(tx).log_id
        if head is None or head.signature is None:
            return
        text = ledger.head_text(log_id, head.size, head.root, head.ordered_at).decode()
        said = {
            "log_id": str(log_id),
            "head_id": str(head.id),
            "size": head.size,
            "root": head.root.hex(),
            "text": text,
            "signature_b64": base64.b64encode(head.signature).decode(),
            "stamped_at": head.stamped_at.isoformat() if head.stamped_at else None,
        }
        package.add("evidence/ledger/head.json", packing.to_json(said))
        package.add_lines("evidence/ledger/entries.ndjson", self._entries(agency_id, about, head.size))

    def _entries(self, agency_id: UUID, about: list[UUID], size: int) -> Iterator[bytes]:
        """Entries about the file and its members under the head, each with its path to the root; each once."""
        seen: set[int] = set()
        for subject in about:
            before: int | None = size
            while before:
                with db.transaction(self.pool, agency=agency_id) as tx:
                    rows = entries.find_entries(tx, entries.Wanted(subject=subject), before=before, limit=BATCH)
                    fresh = [row for row in rows if row["pos"] not in seen]
                    lines = [_proven(tx, row, size) for row in fresh]
                seen.update(row["pos"] for row in fresh)
                yield from lines
                before = rows[-1]["pos"] if len(rows) == BATCH else None


def _reader(tx: db.Tx, job: jobs.Job, wanted: Export) -> Post | None:
    """Who ordered it, at their post, even if they have left it since; none of orders from before this was kept."""
    if "post_id" not in job.payload or wanted.ordered_by.person_id is None:
        return None
    return store_registry.find_post(tx, wanted.ordered_by.person_id, UUID(job.payload["post_id"]))


def _add_parts(package: Package, folder: str, parts: Iterable[tuple[str, BlobRef]]) -> list[dict[str, Any]]:
    told = []
    for n, (filename, ref) in enumerate(parts):
        at = f"{folder}/{packing.safe_name(n, filename)}"
        package.add_blob(at, ref)
        told.append({"Path": at, "FileName": filename, "SHA256": ref.sha256, "Size": ref.size})
    return told


def _proven(tx: db.Tx, row: dict[str, Any], size: int) -> bytes:
    event = bytes(row["event"])
    path = merkle.inclusion(row["pos"], size, lambda nodes: entries.hashes(tx, nodes))
    said = {
        "position": row["pos"],
        "topic": row["topic"],
        "event_b64": base64.b64encode(event).decode(),
        "path": [each.hex() for each in path],
    }
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


# --- what is said of the file and its documents, by the names of annex VI


def _history(tx: db.Tx, subject: UUID) -> list[dict[str, Any]]:
    return [
        {
            "At": each.at.isoformat(),
            "Act": each.act,
            "By": each.by.name,
            "Capacity": each.by.post,
            "Detail": each.detail,
        }
        for each in documents.histories(tx, [subject])[subject]
    ]


def _file(file: WorkFile, agency: Any, listed: list[Line], history: list[dict[str, Any]]) -> dict[str, Any]:
    days = sorted(each.dated for each in listed if each.dated)
    return {
        "Id": str(file.id),
        "FileCode": {
            "OrganId": agency.identifier if agency else "",
            "FileCatalog": file.year,
            "FileNotation": file.place.code,
        },
        "OrganName": agency.name if agency else "",
        "Heading": file.place.heading,
        "Title": file.title,
        "Maintenance": retention(file.place.years),
        "MaintenanceBasis": file.place.basis,
        "Creator": file.keeper,
        "Language": "Tiếng Việt",
        "StartDate": _iso(days[0] if days else file.opened_on),
        "EndDate": _iso(file.ended_on or (days[-1] if days else None)),
        "DocTotal": len(listed),
        "PageTotal": sum(each.pages or 0 for each in listed),
        "Description": file.note,
        "State": file.state,
        "History": history,
    }


def _about(tx: db.Tx, line: Line) -> tuple[dict[str, Any], Any]:
    """What the metadata say of a member, and the validation report of an arrived one."""
    found = subjects.get(tx, line.member.kind, line.member.subject_id)
    about: dict[str, Any] = {
        "Kind": line.member.kind,
        "Id": str(line.member.subject_id),
        "Subject": line.abstract,
        "OrganName": line.author,
        "PageAmount": line.pages,
        "Description": line.member.note,
        "Language": "Tiếng Việt",
        "FiledAt": line.member.filed_at.isoformat(),
        "FiledBy": line.member.filed_by.name,
        "Destroyed": line.destroyed,
        "History": _history(tx, line.member.subject_id),
    }
    if isinstance(found, Draft):
        return about, None
    of = found.descriptor
    number, _, notation = (of.number_symbol or "").partition("/")
    about |= {
        "DocumentId": str(found.document_id if isinstance(found, Incoming) else found.id),
        "TypeName": of.type_name,
        "Subject": of.abstract,
        "CodeNumber": number,
        "CodeNotation": notation,
        "IssuedDate": _iso(of.issued_on),
        "OrganId": of.agency_identifier,
        "Priority": of.urgency,
    }
    if isinstance(found, Document):
        about["SignerInfo"] = [{"Position": each.post, "FullName": each.name} for each in found.signers]
        about["To"] = [
            {"OrganId": each.receiver.identifier, "OrganName": each.receiver.name, "Status": each.status}
            for each in documents.list_deliveries(tx, found.id)
        ]
        return about, None
    about |= {
        "ArrivalDate": _iso(numbering.today(found.arrived_at)),
        "ArrivalNumber": found.arrival_number,
        "SignerInfo": [{"FullName": found.signer_name}],
        "Validation": found.validation.indication if found.validation else None,
    }
    return about, found.validation.report if found.validation and not line.destroyed else None


def _receipts(tx: db.Tx, subject: UUID) -> list[dict[str, Any]]:
    """Sealed receipts of recipients, as files that stand by themselves (`vanthu_verify.receipt` checks them)."""
    return [
        {"form": "vanthu receipt 1", "text": each.text, "signature": each.signature}
        for each in circulation.receipts_of(tx, subject)
        if each.signature
    ]


def _said(tx: db.Tx, subject: UUID) -> list[dict[str, Any]]:
    """The discussion, in its order: remarks, what opinions were asked for, and each as it was given."""
    said = [
        {"Kind": "remark", "At": each.at.isoformat(), "By": each.by.name, "Capacity": each.by.post, "Text": each.text}
        for each in store_talk.list_remarks(tx, subject)
    ]
    requests = store_talk.list_requests(tx, subject)
    said += [
        {
            "Kind": "asked",
            "At": each.at.isoformat(),
            "By": each.by.name,
            "Capacity": each.by.post,
            "Text": each.question,
        }
        for each in requests
    ]
    said += [
        {
            "Kind": "opinion",
            "At": each.at.isoformat(),
            "By": each.by.name,
            "Capacity": each.by.post,
            "Verdict": each.verdict,
            "Text": each.text,
        }
        for each in store_talk.list_opinions(tx, [each.id for each in requests])
    ]
    return sorted(said, key=lambda each: str(each["At"]))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


# --- warnings


def warn_all(pool: db.Pool, source: str, now: datetime) -> int:
    """Whose file has to be in the archive within 30 days is told, once (annex VI.III.5b). How many files."""
    today, told = numbering.today(now), 0
    with db.transaction(pool) as tx:
        if not store.try_lock(tx, WARN):
            return 0
        for agency_id in store_registry.list_own_agencies(tx):
            db.act_for(tx, agency_id)
            for file_id in store.list_to_warn(tx, agency_id, today + domain.WARNED_AHEAD, BATCH):
                step = domain.warn(store.get(tx, file_id, lock=True), ourselves(), now, today)
                if step:
                    store.keep(tx, step, source=source)
                    told += 1
    return told


def loop(pool: db.Pool, source: str) -> Callable[[threading.Event], None]:
    """The worker's loop."""

    def run(stop: threading.Event) -> None:
        alive = telemetry.Heartbeat("work files due", limit=INTERVAL * 3)
        while not stop.is_set():
            alive.touch()
            try:
                warn_all(pool, source, datetime.now(UTC))
            except (psycopg.OperationalError, Rejected) as error:
                log.warning("work files due: database not reachable, trying again: %s", str(error).splitlines()[0])
            stop.wait(INTERVAL)

    return run
