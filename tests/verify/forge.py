"""What a forger does to a signed file: raw incremental updates, written byte by byte."""

from __future__ import annotations

import re

from vanthu_verify.document import Document
from vanthu_verify.objects import Ref


def update(pdf: bytes, objects: dict[int, bytes], *, freed: tuple[int, ...] = (), trailer: bytes = b"") -> bytes:
    """The file with an update of well-formed objects, a table and a trailer (ISO 32000-2, 7.5.6)."""
    view = Document(pdf).current
    size = max([*view.table.entries, *objects]) + 1
    root = view.trailer["Root"]
    out, places = pdf + b"\n", {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n"
    for number in sorted({*places, *freed}):
        row = b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
        out += b"%d 1\n%b" % (number, row)
    keys = b"/Size %d /Prev %d " % (size, start_of(pdf))
    keys += b"" if b"/Root" in trailer else b"/Root %d 0 R " % root.num
    return out + b"trailer\n<<%b%b>>\nstartxref\n%d\n%%%%EOF\n" % (keys, trailer, table)


def start_of(pdf: bytes) -> int:
    return int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])


def next_number(pdf: bytes) -> int:
    return max(Document(pdf).current.table.entries) + 1


def root(pdf: bytes) -> Ref:
    found = Document(pdf).current.trailer["Root"]
    assert isinstance(found, Ref)
    return found


def first_page(pdf: bytes) -> tuple[Ref, bytes]:
    """The first page and its dictionary as it stands, brackets included."""
    from vanthu_verify.fields import read_pages

    ref, _ = read_pages(Document(pdf).current).leaves[0]
    assert ref is not None
    return ref, written(pdf, ref)


def written(pdf: bytes, ref: Ref) -> bytes:
    """An object's dictionary, written anew from what was read."""
    return dump(Document(pdf).current.get(ref))


def dump(value: object) -> bytes:
    """PDF syntax for a value as the engine reads it; no streams."""
    from vanthu_verify.objects import Name

    if value is None or isinstance(value, bool | Ref):
        return (
            {None: b"null", True: b"true", False: b"false"}[value] if not isinstance(value, Ref) else b"%d %d R" % value
        )
    if isinstance(value, Name):
        return b"/" + re.sub(r"[^A-Za-z0-9.,+_-]", lambda m: f"#{ord(m[0]):02x}", value).encode("latin-1")
    if isinstance(value, bytes):
        return b"<" + value.hex().encode() + b">"
    if isinstance(value, dict):
        return b"<<" + b" ".join(dump(Name(key)) + b" " + dump(one) for key, one in value.items()) + b">>"
    if isinstance(value, list):
        return b"[" + b" ".join(map(dump, value)) + b"]"
    assert isinstance(value, int | float)
    return str(value).encode()


def stream(content: bytes, keys: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (keys, len(content), content)


def with_key(dictionary: bytes, key: bytes, value: bytes) -> bytes:
    """A written dictionary with one more key, which stands last and so counts."""
    return dictionary[:-2] + b" " + key + b" " + value + b">>"


def byte_range(pdf: bytes, field: str) -> tuple[int, int, int, int]:
    from vanthu_verify.candidates import collect

    one = next(c for c in collect(Document(pdf))[0] if c.name == field)
    (zero, a), (b, c) = one.covered.parts
    return zero, a, b, c
