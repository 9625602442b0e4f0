"""A work file as a package that needs no Vanthu to be read and checked: a ZIP with a manifest for `sha256sum -c`.

The same content gives the same bytes: entries in one order, no clock, fixed times. Files go through the disk, never
whole through memory.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from shared.events import BlobRef

MANIFEST = "manifest-sha256.txt"
FORMAT = "vanthu work file 1"
_BAD = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]+')
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

README = """HỒ SƠ {code}: {title}
{agency}

Gói này là bản xuất của một hồ sơ công việc, gồm mọi văn bản mà người xuất gói được xem; số văn bản không đưa vào
(nếu có) ghi ở metadata, mục Withheld. Không cần phần mềm Vanthu để đọc và kiểm tra.

  documents/            tệp của từng văn bản, đúng từng byte như khi ký và gửi
  drafts/               các bản dự thảo trước của từng văn bản, theo số lần sửa
  discussion/           góp ý, câu hỏi xin ý kiến và ý kiến đã cho về từng văn bản
  contents.csv          mục lục văn bản (Nghị định 30/2020, phụ lục V)
  metadata.json, .xml   thông tin của hồ sơ và văn bản (Nghị định 30/2020, phụ lục VI)
  evidence/reports/     báo cáo kiểm tra chữ ký của văn bản đến
  evidence/receipts/    biên nhận có dấu của nơi nhận
  evidence/ledger/      các mục của sổ cái về hồ sơ này, bằng chứng và bản niêm phong của sổ cái
  {manifest}   mã SHA-256 của mọi tệp trong gói

Kiểm tra: giải nén, vào thư mục đó rồi chạy  sha256sum -c {manifest}
Chữ ký:   pdfsig TỆP.pdf, hoặc vanthu-sign verify TỆP.pdf
Tất cả:   python -m vanthu_verify.package GÓI.zip --trust CHUNG-THU-GOC.pem

----

FILE {code}: {title}

This package is the export of one work file: every document that whoever ordered it may know of; of how many that is not
so stands in the metadata, as Withheld. Nothing of Vanthu is needed to read or to check it.

  documents/            the files of each document, byte for byte as they were signed and sent
  drafts/               earlier drafts of each document, by the number of the version
  discussion/           what was said about each document: remarks, opinions asked for, opinions given
  contents.csv          the contents list (Decree 30/2020, annex V)
  metadata.json, .xml   the data of the file and its documents (Decree 30/2020, annex VI)
  evidence/reports/     validation reports of documents that arrived
  evidence/receipts/    sealed receipts of recipients
  evidence/ledger/      the ledger's entries about this file, with inclusion proofs and the sealed tree head:
                        SHA-256(0x00 || event) is a leaf, RFC 6962 section 2.1.1 leads from it to the head's root
  {manifest}   SHA-256 of every file in the package

Check:       unpack, go into that folder and run  sha256sum -c {manifest}
Signatures:  pdfsig FILE.pdf, or vanthu-sign verify FILE.pdf
Everything:  python -m vanthu_verify.package PACKAGE.zip --trust ROOT.pem
"""


class Package:
    """A package that is being made at `path`; `scratch` is a folder for one file at a time."""

    def __init__(self, path: Path, scratch: Path, fetch: Callable[[BlobRef, Path], None]) -> None:
        self.scratch, self.fetch = scratch / "one", fetch
        self.zip = zipfile.ZipFile(path, "w", allowZip64=True)
        self.digests: dict[str, str] = {}

    def add(self, name: str, data: bytes) -> str:
        """The SHA-256 that the manifest names."""
        self.digests[name] = hashlib.sha256(data).hexdigest()
        self.zip.writestr(_entry(name, zipfile.ZIP_DEFLATED), data)
        return self.digests[name]

    def add_lines(self, name: str, lines: Iterable[bytes]) -> int:
        """Line by line; how many."""
        digest, count = hashlib.sha256(), 0
        with self.zip.open(_entry(name, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as out:
            for each in lines:
                digest.update(each)
                out.write(each)
                count += 1
        self.digests[name] = digest.hexdigest()
        return count

    def add_blob(self, name: str, ref: BlobRef) -> None:
        """Bytes as they are stored, checked against their digest on the way, and not compressed."""
        self.fetch(ref, self.scratch)
        info = _entry(name, zipfile.ZIP_STORED)
        info.file_size = ref.size
        with self.scratch.open("rb") as file, self.zip.open(info, "w", force_zip64=ref.size >= 2**31) as out:
            while chunk := file.read(1024 * 1024):
                out.write(chunk)
        self.digests[name] = ref.sha256

    def close(self) -> int:
        """Write the manifest; how many files it names."""
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(self.digests.items()))
        self.zip.writestr(_entry(MANIFEST, zipfile.ZIP_DEFLATED), lines.encode())
        self.zip.close()
        return len(self.digests)


def _entry(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type, info.create_system, info.external_attr = kind, 3, 0o100644 << 16
    return info


def safe_name(ordinal: int, filename: str) -> str:
    """A name that every system unpacks, and that sorts in the parts' order."""
    stem = _BAD.sub("_", unicodedata.normalize("NFC", filename)).strip(" .")[-120:] or "tep"
    return f"{ordinal + 1:02}-{stem}"


def to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def to_xml(name: str, value: Any) -> bytes:
    """The same as the JSON: a key is an element, a list repeats it, nothing is an empty element."""
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(_xml(name, value, 0))).encode()


def _xml(name: str, value: Any, deep: int) -> Iterable[str]:
    pad = " " * deep
    if isinstance(value, Mapping):
        yield f"{pad}<{name}>\n"
        for key in sorted(value):
            yield from _xml(key, value[key], deep + 1)
        yield f"{pad}</{name}>\n"
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _xml(name, each, deep)
    else:
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        yield f"{pad}<{name}>{escape(_NOT_XML.sub('�', text))}</{name}>\n"
