"""Files as people bring them to an office, made here: DOCX, ODT, scans, and what is wrong with some of them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import fontpkg_noto_serif
from PIL import Image, ImageDraw, ImageFont

WORDS = "V/v tăng cường phòng chống dịch bệnh mùa mưa lũ năm 2026"
_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="word/document.xml"/></Relationships>'
)


def docx(*lines: str, more: Mapping[str, bytes] | None = None, types: str = _TYPES) -> bytes:
    """A DOCX with a paragraph for each line, and more entries."""
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines or (WORDS,))
    document = (
        '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/'
        f'wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>'
    )
    entries = {"[Content_Types].xml": types.encode(), "_rels/.rels": _RELATIONS.encode()}
    return packed(entries | {"word/document.xml": document.encode()} | dict(more or {}))


def odt(*lines: str, more: Mapping[str, bytes] | None = None, manifest: str = "") -> bytes:
    body = "".join(f"<text:p>{line}</text:p>" for line in lines or (WORDS,))
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.2" xmlns:office='
        '"urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    declared = manifest or (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    entries = {
        "mimetype": b"application/vnd.oasis.opendocument.text",
        "content.xml": content.encode(),
        "META-INF/manifest.xml": declared.encode(),
    }
    return packed(entries | dict(more or {}))


def packed(entries: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in entries.items():
            package.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else None)
    return made.getvalue()


def bomb() -> bytes:
    """A megabyte that says that it is a gigabyte, and is: the deflated zeros are written without ever being unpacked."""
    return docx(more={"word/media/image1.bmp": b"\0" * (64 * 1024 * 1024)})


def liar() -> bytes:
    """An entry that claims a hundred bytes and unpacks to sixteen megabytes."""
    data = docx(more={"word/huge.xml": b" " * (16 * 1024 * 1024)})
    real, claimed = struct.pack("<L", 16 * 1024 * 1024), struct.pack("<L", 100)
    crc = struct.pack("<L", zlib.crc32(b" " * (16 * 1024 * 1024)))
    assert crc in data
    return data.replace(real, claimed)


def overlapping() -> bytes:
    """Many names in the list of entries that all point to the same bytes."""
    made = io.BytesIO(docx(more={"word/a.xml": b"<a>" + b"x" * 4_000_000 + b"</a>"}))
    with zipfile.ZipFile(made, "a") as package:
        shared = package.getinfo("word/a.xml")
        for n in range(50):
            twin = zipfile.ZipInfo(f"word/b{n}.xml")
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(twin, name, getattr(shared, name))
            package.filelist.append(twin)
        package.comment = b" "  # so that the list of entries is written anew
    return made.getvalue()


def nested() -> bytes:
    """A package in a package in a package."""
    inner = packed({"x.txt": b"x" * 100})
    return docx(more={"word/embeddings/a.xlsx": packed({"b.zip": packed({"c.zip": inner})})})


def crowd() -> bytes:
    return docx(more={f"word/{n}.xml": b"" for n in range(6000)})


def scan(*lines: str, kind: str = "PNG", pages: int = 1) -> bytes:
    """A page of paper as a scanner delivers it, without any text layer."""
    sheets = []
    for n in range(pages):
        sheet = Image.new("L", (1240, 1754), 255)
        pen = ImageDraw.Draw(sheet)
        font = ImageFont.truetype(_font(), 40)
        for row, line in enumerate(lines or (WORDS,)):
            pen.text((120, 160 + 70 * row), line if n == 0 else f"{line} {n}", fill=0, font=font)
        sheets.append(sheet)
    made = io.BytesIO()
    more = {"save_all": True, "append_images": sheets[1:]} if kind == "TIFF" else {}
    sheets[0].save(made, kind, dpi=(150, 150), **more)
    return made.getvalue()


def _font() -> str:
    """The typeface that signing ships, which has every Vietnamese letter."""
    files = Path(fontpkg_noto_serif.__file__).parent / "files"
    return str(files / "NotoSerif[wdth,wght].ttf")
