"""What a file is, and the inside of DOCX and ODT, looked at before any program opens them: abnormal size, passwords,
macros.

Nothing is unpacked to disk; what an entry claims to be is compared with what comes out of it, under a budget.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from services.docs.intake import media, refusals
from shared.errors import Rejected

MAX_ENTRIES = 5000
MAX_DIRECTORY = 4 * 1024 * 1024  # bytes of the list of entries
MAX_UNPACKED = 300 * 1024 * 1024  # bytes, all entries together, those of packages inside included
MAX_RATIO = 120  # of an entry that unpacks to more than RATIO_FROM; text compresses tenfold, pictures hardly
RATIO_FROM = 8 * 1024 * 1024
MAX_DEPTH = 2  # a chart in a document is a package in a package; there is no honest third one
CHUNK = 1024 * 1024
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_ZIP64 = 0xFFFF

ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")  # how Office keeps an OOXML file with a password, in OLE


@dataclass(slots=True)
class _Budget:
    left: int


def type_of(path: Path, name: str) -> str:
    """PDF, a picture, DOCX or ODT that may be opened; Rejected for anything else, saying what it is."""
    with path.open("rb") as file:
        found = media.sniff(file.read(media.HEAD), name)
        if found == media.OLE:
            judge_old(file, name)
        return judge(file, name) if found == media.ZIP else found


def judge(file: BinaryIO, name: str) -> str:
    """DOCX or ODT, if it is one that may be opened; raises Rejected with what is wrong with it otherwise."""
    try:
        return _judge(file, name, _Budget(MAX_UNPACKED), 0)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, UnicodeDecodeError, OSError) as error:
        raise Rejected(refusals.OFFICE_DAMAGED, name=name) from error
    except (NotImplementedError, ValueError) as error:  # a compression that no office program writes
        raise Rejected(refusals.OFFICE_DAMAGED, name=name) from error


def judge_old(file: BinaryIO, name: str) -> None:
    """An OLE file is never taken; what is said tells a password apart from an old format."""
    file.seek(0)
    encrypted = any(ENCRYPTED_PACKAGE in block for block in iter(lambda: file.read(CHUNK), b""))
    raise Rejected(refusals.OFFICE_ENCRYPTED if encrypted else refusals.OLD_OFFICE_FILE, name=name)


def _judge(file: BinaryIO, name: str, budget: _Budget, depth: int) -> str:
    """1. the list of entries itself, 2. what the entries claim, 3. what they are, 4. which kind of document."""
    size = file.seek(0, io.SEEK_END)
    _check_directory(file, size, name)  # 1
    with zipfile.ZipFile(file) as package:
        entries = package.infolist()
        _check_claims(entries, size, name, budget)  # 2
        for entry in entries:  # 3
            _check_content(file, entry, name, budget, depth)
        return _kind_of(package, name) if depth == 0 else media.ZIP  # 4


def _check_directory(file: BinaryIO, size: int, name: str) -> None:
    start = max(0, size - _END.size - 0xFFFF)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise Rejected(refusals.OFFICE_DAMAGED, name=name)
    _, _, _, _, count, directory, _, _ = _END.unpack_from(tail, at)
    if count == _ZIP64 or count > MAX_ENTRIES or directory > MAX_DIRECTORY:
        raise Rejected(refusals.OFFICE_BOMB, name=name, why=f"{count} > {MAX_ENTRIES}")


def _check_claims(entries: list[zipfile.ZipInfo], size: int, name: str, budget: _Budget) -> None:
    if len(entries) > MAX_ENTRIES:
        raise Rejected(refusals.OFFICE_BOMB, name=name, why=f"{len(entries)} > {MAX_ENTRIES}")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Rejected(refusals.OFFICE_ENCRYPTED, name=name)
    claimed = sum(entry.file_size for entry in entries)
    if claimed > budget.left:
        raise Rejected(refusals.OFFICE_BOMB, name=name, why=f"{claimed // 1024 // 1024} MB")
    packed = sum(entry.compress_size for entry in entries)
    if packed > size or len({entry.header_offset for entry in entries}) != len(entries):
        # Entries that share their bytes: a few kilobytes become terabytes without any ratio being odd.
        raise Rejected(refusals.OFFICE_BOMB, name=name, why="overlap")
    for entry in entries:
        if entry.file_size > RATIO_FROM and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise Rejected(refusals.OFFICE_BOMB, name=name, why=f"1:{entry.file_size // max(entry.compress_size, 1)}")


def _check_content(file: BinaryIO, entry: zipfile.ZipInfo, name: str, budget: _Budget, depth: int) -> None:
    """Unpack it into nothing and count: what comes out must be what was claimed."""
    file.seek(entry.header_offset)
    header = _LOCAL.unpack(file.read(_LOCAL.size))
    file.seek(header[9] + header[10], io.SEEK_CUR)
    inner = bytearray()
    out = 0
    for block in _blocks(file, entry):
        if out == 0 and block.startswith(b"PK\x03\x04"):
            inner += b"\0"  # marks it: a package inside
        if inner:
            inner += block
        out += len(block)
        if out > entry.file_size or out > budget.left:
            raise Rejected(refusals.OFFICE_BOMB, name=name, why=f"> {entry.file_size} byte")
    budget.left -= out
    if inner:
        if depth + 1 >= MAX_DEPTH:
            raise Rejected(refusals.OFFICE_BOMB, name=name, why="ZIP trong ZIP (nested)")
        _judge(io.BytesIO(memoryview(inner)[1:]), name, budget, depth + 1)


def _blocks(file: BinaryIO, entry: zipfile.ZipInfo) -> list[bytes] | _Inflating:
    if entry.compress_type == zipfile.ZIP_STORED:
        return _Inflating(file, entry.compress_size, None)
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        return _Inflating(file, entry.compress_size, zlib.decompressobj(-15))
    raise NotImplementedError(entry.compress_type)


class _Inflating:
    """The unpacked bytes in blocks of at most CHUNK."""

    def __init__(self, file: BinaryIO, size: int, inflater: zlib._Decompress | None) -> None:
        self.file, self.left, self.inflater, self.pending = file, size, inflater, b""

    def __iter__(self) -> _Inflating:
        return self

    def __next__(self) -> bytes:
        while True:
            if self.inflater is not None and self.pending:
                block = self.inflater.decompress(self.pending, CHUNK)
                self.pending = self.inflater.unconsumed_tail
                if block:
                    return block
                continue
            read = self.file.read(min(CHUNK, self.left))
            if not read:
                raise StopIteration
            self.left -= len(read)
            if self.inflater is None:
                return read
            self.pending = read


def _kind_of(package: zipfile.ZipFile, name: str) -> str:
    names = {each.filename for each in package.infolist()}
    if "[Content_Types].xml" in names:
        return _office_open(package, names, name)
    if "mimetype" in names:
        return _open_document(package, names, name)
    raise Rejected(refusals.ARCHIVE_ATTACHED, name=name)


def _office_open(package: zipfile.ZipFile, names: set[str], name: str) -> str:
    types = package.read("[Content_Types].xml").decode("utf-8", "replace")
    macro = next((each for each in sorted(names) if each.lower().endswith(("vbaproject.bin", "vbadata.xml"))), None)
    if macro or "macroenabled" in types.lower():
        raise Rejected(refusals.OFFICE_MACROS, name=name, part=macro or "macroEnabled")
    if "wordprocessingml.document.main+xml" in types or "wordprocessingml.template.main+xml" in types:
        return media.DOCX
    found = "XLSX" if "spreadsheetml" in types else "PPTX" if "presentationml" in types else "OOXML"
    raise Rejected(refusals.TYPE_NOT_TAKEN, name=name, found=found)


def _open_document(package: zipfile.ZipFile, names: set[str], name: str) -> str:
    kind = package.read("mimetype").decode("ascii", "replace").strip()
    manifest = package.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in names else b""
    if b"encryption-data" in manifest:
        raise Rejected(refusals.OFFICE_ENCRYPTED, name=name)
    macro = next((each for each in sorted(names) if each.startswith(("Basic/", "Scripts/")) and each[-1] != "/"), None)
    if macro:
        raise Rejected(refusals.OFFICE_MACROS, name=name, part=macro)
    if kind in {media.ODT, f"{media.ODT}-template"}:
        return media.ODT
    raise Rejected(refusals.TYPE_NOT_TAKEN, name=name, found=kind[:80] or "ZIP")
