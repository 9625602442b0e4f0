"""The documents that `bench.signing` signs: the same bytes on every machine, from a sample and made-up pictures."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name

SAMPLE = Path(__file__).parents[1] / "tests" / "data" / "01-cong-van.pdf"
FIELD = "bench_signature"
PICTURE = 180, 260  # pixels of one grey picture that does not compress: 46 KB
PLAIN_PAGES = 19
PARTS, PART = 199, 1_000_000  # of the large one


def small() -> bytes:
    """One page, 50 KB: an official letter."""
    return SAMPLE.read_bytes()


def large() -> bytes:
    """20 pages, 1 MB: that letter with 19 pages of text around a picture each."""
    with pikepdf.open(SAMPLE) as document:
        noise = random.Random(20)  # noqa: S311  the same noise on every machine
        for number in range(PLAIN_PAGES):
            _add_page(document, number, noise)
        return _saved(document)


def huge() -> bytes:
    """20 pages, 200 MB: the same with streams as scanners leave them."""
    with pikepdf.open(io.BytesIO(large())) as document:
        noise = random.Random(200)  # noqa: S311  likewise
        document.Root.BenchParts = document.make_indirect(Array())
        for _ in range(PARTS):
            document.Root.BenchParts.append(document.make_stream(noise.randbytes(PART)))
        return _saved(document)


def with_field(draft: bytes) -> bytes:
    """The draft with an empty, invisible signature field, which all sides sign."""
    with pikepdf.open(io.BytesIO(draft)) as document:
        page = document.pages[0].obj
        field = document.make_indirect(
            Dictionary(
                Type=Name.Annot, Subtype=Name.Widget, FT=Name.Sig, T=FIELD, F=132, Rect=Array([0, 0, 0, 0]), P=page
            )
        )
        page.Annots = Array([*page.get("/Annots", ()), field])
        document.Root.AcroForm = document.make_indirect(Dictionary(Fields=Array([field]), SigFlags=1))
        return _saved(document)


def _add_page(document: pikepdf.Pdf, number: int, noise: random.Random) -> None:
    document.add_blank_page(page_size=(595, 842))
    page = document.pages[-1]
    width, height = PICTURE
    picture = document.make_stream(noise.randbytes(width * height))
    picture.stream_dict = Dictionary(
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=Name.DeviceGray,
        BitsPerComponent=8,
        Length=width * height,
    )
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    page.obj.Resources = Dictionary(Font=Dictionary(F1=font), XObject=Dictionary(I1=picture))
    lines = "".join(f"(Phu luc {number + 1}, dong {line}: so lieu trong bang kem theo.) Tj T* " for line in range(30))
    text = f"BT /F1 12 Tf 16 TL 85 780 Td {lines} ET q {width} 0 0 {height} 85 30 cm /I1 Do Q"
    page.obj.Contents = document.make_stream(text.encode())


def _saved(document: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    document.save(out, deterministic_id=True)
    return out.getvalue()
