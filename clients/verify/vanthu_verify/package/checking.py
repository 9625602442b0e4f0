"""Checking a work file's package with nothing but the package: what is missing, changed, left out, or not proven.

1. The ZIP: safe names, each once. 2. Every file against the manifest, and none beside it.
3. The metadata: JSON and XML say the same, and name the files as they are.
4. The ledger's evidence: the head's seal, each entry's path to its root.
5. The content against what the sealed entries state, and everything that was put into the file is there.
6. Every PDF's signatures.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree as ET

from vanthu_verify.bounded import Failure
from vanthu_verify.ledger import seals
from vanthu_verify.ledger.findings import Weight
from vanthu_verify.ledger.reading import Head
from vanthu_verify.ledger.seals import Believed
from vanthu_verify.ledger.tree import climbs, leaf_of
from vanthu_verify.package.findings import Finding
from vanthu_verify.report import Indication, ValidationReport

MANIFEST = "manifest-sha256.txt"
HEAD, ENTRIES = "evidence/ledger/head.json", "evidence/ledger/entries.ndjson"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_SHA = re.compile(r"[0-9a-f]{64}")
# What zipfile says of an entry that can't be read; a damaged packed one is zlib's own.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
MOST_TEXT = 512 * 1024 * 1024  # bytes of metadata
Validate = Callable[[Path], ValidationReport | Failure]


@dataclass(slots=True)
class Result:
    """`files` were named by the manifest, `pdfs` validated, `entries` proven; `withheld`: how many documents the package
    says that it lacks.
    """

    findings: list[Finding] = field(default_factory=list)
    files: int = 0
    pdfs: int = 0
    entries: int = 0
    withheld: int = 0
    title: str = ""

    def say(self, code: str, name: str = "", why: str = "") -> None:
        self.findings.append(Finding(code, name, why))

    @property
    def weight(self) -> Weight | None:
        return next((w for w in Weight if any(f.weight is w for f in self.findings)), None)


@dataclass(slots=True)
class _Stated:
    """What sealed entries state: digests of a document's content, and what is in the file."""

    content: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    filed: dict[str, tuple[int, bool]] = field(default_factory=dict)
    subjects: set[str] = field(default_factory=set)


def check(path: Path, validate: Validate, believed: Believed) -> Result:
    result = Result()
    try:
        with zipfile.ZipFile(path) as package:
            _check(package, validate, believed, result)
    except (zipfile.BadZipFile, OSError):
        result.say("not_a_zip")
    return result


def _check(package: zipfile.ZipFile, validate: Validate, believed: Believed, result: Result) -> None:
    names = _names(package, result)  # 1
    digests = _check_manifest(package, names, result)  # 2
    metadata = _read_metadata(package, names, result)  # 3
    parts = _check_parts(metadata, digests, result)
    if result.withheld:
        result.say("documents_withheld", str(result.withheld))
    stated = _check_ledger(package, names, believed, result)  # 4
    if stated:
        _compare(package, metadata, stated, result)  # 5
    with TemporaryDirectory(prefix="vanthu-verify-") as folder:  # 6
        for name in parts:
            if name.lower().endswith(".pdf") and name in names:
                _check_pdf(package, name, Path(folder) / "one.pdf", validate, result)
    if not believed.roots:
        result.say("no_trust")


# --- files


def _names(package: zipfile.ZipFile, result: Result) -> set[str]:
    found: set[str] = set()
    for info in package.infolist():
        at = PurePosixPath(info.filename)
        if info.is_dir():
            continue
        if info.filename in found or at.is_absolute() or ".." in at.parts or "\\" in info.filename:
            result.say("name_unsafe", info.filename)
        found.add(info.filename)
    return found


def _check_manifest(package: zipfile.ZipFile, names: set[str], result: Result) -> dict[str, str]:
    if MANIFEST not in names:
        result.say("no_manifest")
        return {}
    wanted: dict[str, str] = {}
    for line in _text(package, MANIFEST, result).splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            result.say("manifest_broken", line[:80])
        else:
            wanted[found[2]] = found[1]
    result.files = len(wanted)
    real: dict[str, str] = {}
    for name in sorted(names - {MANIFEST}):
        digest = _digest(package, name)
        if digest is None:
            result.say("zip_broken", name)
        elif name not in wanted:
            result.say("file_added", name)
        elif digest != wanted[name]:
            result.say("file_changed", name)
        real[name] = digest or ""
    for name in sorted(wanted.keys() - names):
        result.say("file_missing", name)
    return real


def _digest(package: zipfile.ZipFile, name: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with package.open(name) as file:
            while chunk := file.read(1024 * 1024):
                digest.update(chunk)
    except _BROKEN:
        return None
    return digest.hexdigest()


def _text(package: zipfile.ZipFile, name: str, result: Result) -> str:
    try:
        with package.open(name) as file:
            data = file.read(MOST_TEXT + 1)
        return data.decode() if len(data) <= MOST_TEXT else ""
    except _BROKEN:
        result.say("zip_broken", name)
        return ""


# --- metadata


def _read_metadata(package: zipfile.ZipFile, names: set[str], result: Result) -> dict[str, Any]:
    told: dict[str, Any] = {}
    try:
        told = json.loads(_text(package, "metadata.json", result)) if "metadata.json" in names else {}
        result.title = f"{told['File']['FileCode']['FileNotation']} {told['File']['Title']}"
        result.withheld = max(0, int(told["File"].get("Withheld") or 0))
        documents = [(str(d["Id"]), [str(p["SHA256"]) for p in d["Part"]]) for d in told["Document"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        result.say("metadata_broken", "metadata.json")
        return {}
    said = _text(package, "metadata.xml", result) if "metadata.xml" in names else ""
    try:
        # Without a document type nothing expands; where somebody put one, nothing is read.
        root = ET.fromstring("" if "<!" in said else said)  # noqa: S314
        other = [
            (each.findtext("Id") or "", [p.findtext("SHA256") or "" for p in each.iterfind("Part")])
            for each in root.iterfind("Document")
        ]
    except ET.ParseError:
        result.say("metadata_broken", "metadata.xml")
        return told
    if other != documents:
        unlike = next((a[0] for a, b in zip(documents, other, strict=False) if a != b), "Document")
        result.say("metadata_differ", unlike)
    elif root.findtext("File/Title") != str(told["File"]["Title"]):
        result.say("metadata_differ", "Title")
    elif (root.findtext("File/Withheld") or "0") != str(result.withheld):
        result.say("metadata_differ", "Withheld")
    return told


def _check_parts(metadata: dict[str, Any], digests: dict[str, str], result: Result) -> list[str]:
    """Where the documents' files are; each is what the metadata say, earlier drafts and discussions too, and no other
    lies beside them.
    """
    named: list[str] = []
    beside: list[dict[str, Any]] = []
    for document in metadata.get("Document", []):
        named += [str(part.get("Path")) for part in document["Part"]]
        beside += document["Part"]
        beside += [part for edition in document.get("Edition") or () for part in edition["Part"]]
        beside += [document["Discussion"]] if document.get("Discussion") else []
    for part in beside:
        if digests.get(str(part.get("Path"))) != part.get("SHA256"):
            result.say("part_differs", str(part.get("Path")))
    known = {str(part.get("Path")) for part in beside}
    for name in digests:
        if name.startswith(("documents/", "drafts/", "discussion/")) and name not in known:
            result.say("part_differs", name)
    return named


# --- the ledger


def _check_ledger(package: zipfile.ZipFile, names: set[str], believed: Believed, result: Result) -> _Stated | None:
    if not {HEAD, ENTRIES} <= names:
        result.say("no_ledger")
        return None
    try:
        told = json.loads(_text(package, HEAD, result))
        head = Head(
            origin="export",
            text=str(told["text"]),
            signature=base64.b64decode(told["signature_b64"]),
            size=int(told["size"]),
            root=bytes.fromhex(told["root"]),
        )
    except (ValueError, KeyError, TypeError):
        result.say("ledger_broken", HEAD)
        return None
    judged = seals.judge(head, believed)
    problems = [judged] if not isinstance(judged, seals.Judged) else list(judged.findings)
    for each in problems:
        if each.weight is Weight.TAMPERED:
            result.say("head_bad", why=each.vi)
    said = head.said
    stated = _Stated()
    if said is None:
        return stated
    for number, line in enumerate(_lines(package), 1):
        try:
            entry = json.loads(line)
            event, path = base64.b64decode(entry["event_b64"]), [bytes.fromhex(each) for each in entry["path"]]
            position = int(entry["position"])
        except (ValueError, KeyError, TypeError):
            result.say("ledger_broken", f"{ENTRIES}:{number}")
            continue
        if climbs(leaf_of(event), position, said.size, path) != said.root:
            result.say("proof_failed", str(position))
            continue
        result.entries += 1
        _take(event, position, stated)
    return stated


def _lines(package: zipfile.ZipFile) -> Iterator[bytes]:
    try:
        with package.open(ENTRIES) as file:
            yield from file
    except _BROKEN:
        return  # said already: the manifest does not fit


def _take(event: bytes, position: int, stated: _Stated) -> None:
    try:
        told = json.loads(event)
        kind, data = str(told["type"]), told["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if not isinstance(data, dict):
        return
    if kind.startswith("vn.vanthu.docs.workfile.filed."):
        subject = str(data.get("subject_id"))
        if position > stated.filed.get(subject, (-1, False))[0]:
            stated.filed[subject] = position, not data.get("taken_out")
    document = data.get("document_id")
    for name in ("document_id", "incoming_id", "subject_id"):
        if data.get(name):
            stated.subjects.add(str(data[name]))
    if document and kind.startswith(_CONTENT):
        stated.content.setdefault(str(document), set()).update(_digests_in(data))


_CONTENT = (
    "vn.vanthu.docs.document.issued.",
    "vn.vanthu.docs.delivery.dispatched.",
    "vn.vanthu.docs.delivery.renewed.",
    "vn.vanthu.signing.document.sealed.",
    "vn.vanthu.signing.document.augmented.",
)


def _digests_in(value: Any) -> Iterator[tuple[str, int]]:
    """References to content: digest and size."""
    if isinstance(value, dict):
        if _SHA.fullmatch(str(value.get("sha256"))) and isinstance(value.get("size"), int):
            yield value["sha256"], value["size"]
        for each in value.values():
            yield from _digests_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _digests_in(each)


def _compare(package: zipfile.ZipFile, metadata: dict[str, Any], stated: _Stated, result: Result) -> None:
    here = {str(each["Id"]): each for each in metadata.get("Document", [])}
    missing = [subject for subject, (_, inside) in sorted(stated.filed.items()) if inside and subject not in here]
    for subject in missing[result.withheld :]:  # more than the package owns up to
        result.say("document_left_out", subject)
    for subject, each in here.items():
        document = str(each.get("DocumentId") or subject)
        if not {subject, document} & stated.subjects:
            result.say("not_proven", subject)
        known = stated.content.get(document)
        for part in each["Part"][:1] if known else ():
            if known and not _continues(package, str(part.get("Path")), known):
                result.say("content_unlike_ledger", str(part.get("Path")))


def _continues(package: zipfile.ZipFile, name: str, known: set[tuple[str, int]]) -> bool:
    """Whether a file is one that was stated, or begins with one: proof that is added later stands after the bytes."""
    sizes = sorted({size for _, size in known})
    digest, read = hashlib.sha256(), 0
    try:
        with package.open(name) as file:
            for size in sizes:
                while read < size and (chunk := file.read(min(1024 * 1024, size - read))):
                    digest.update(chunk)
                    read += len(chunk)
                if (digest.hexdigest(), size) in known:
                    return True
    except (KeyError, *_BROKEN):
        return False
    return False


# --- signatures


def _check_pdf(package: zipfile.ZipFile, name: str, path: Path, validate: Validate, result: Result) -> None:
    try:
        with package.open(name) as source, path.open("wb") as target:
            while chunk := source.read(1024 * 1024):
                target.write(chunk)
    except _BROKEN:
        return
    found = validate(path)
    result.pdfs += 1
    if isinstance(found, Failure):
        result.say("pdf_unreadable", name, found.code)
        return
    if not found.signatures:
        result.say("unsigned", name)
    for one in found.signatures:
        why = f"{one.field}: {one.subindication or one.indication.value}"
        if one.indication is Indication.FAILED:
            result.say("signature_failed", name, why)
        elif one.indication is not Indication.PASSED:
            result.say("signature_unsure", name, why)
