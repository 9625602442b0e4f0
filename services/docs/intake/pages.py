"""What is done to pages in processes of their own, since a hostile file may crash or hang the libraries: text taken out,
pages drawn for the recogniser, images bound into a PDF. Every function is a task of the workshop.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from services.docs.intake import refusals
from shared.errors import Rejected

DPI = 300  # what Tesseract's models were trained on
MAX_PIXELS = 60_000_000  # of one page; A3 at 400 dpi is 31 million
MAX_EDGE = 10_000
# What the picture libraries raise at a file that ends in its middle.
_BROKEN = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, struct.error)
FEW = 12  # characters: a page with fewer has no text layer worth the name (a stamp, a page number)


def texts(pdf: Path) -> list[str]:
    """The text layer of each page, in order."""
    import pypdfium2

    found = []
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            layer = page.get_textpage()
            found.append(layer.get_text_bounded())
            layer.close()
            page.close()
    finally:
        document.close()
    return found


def first_text(pdf: Path) -> str:
    """The text layer of the first page."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        page = document[0]
        layer = page.get_textpage()
        text: str = layer.get_text_bounded()
        layer.close()
        page.close()
        return text
    finally:
        document.close()


def draw(pdf: Path, number: int, target: Path) -> None:
    """One page (counted from 0) as a grey PNG at DPI, or at fewer where the page is very large."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        page = document[number]
        width, height = page.get_size()
        scale = min(DPI / 72, MAX_EDGE / max(width, height, 1))
        page.render(scale=scale, grayscale=True).to_pil().save(target, dpi=(scale * 72, scale * 72))
        page.close()
    finally:
        document.close()


def bind(images: Sequence[Path], target: Path, name: str) -> None:
    """Images, in order, as one PDF; every picture's own bytes stay where PDF can hold them (JPEG, fax TIFF).

    Raises Rejected(image_damaged) for a picture that is not whole.
    """
    import img2pdf

    try:
        plain = [_plain(image) for image in images]
        target.write_bytes(img2pdf.convert([str(image) for image in plain], rotation=img2pdf.Rotation.ifvalid))
    except _BROKEN as error:
        raise Rejected(refusals.IMAGE_DAMAGED, name=name) from error
    except Exception as error:  # img2pdf's own, which have no common class
        if type(error).__module__.startswith(("img2pdf", "PIL")):
            raise Rejected(refusals.IMAGE_DAMAGED, name=name) from error
        raise


def _plain(image: Path) -> Path:
    """The picture itself, or one without transparency, which paper does not have."""
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with Image.open(image) as opened:
        for frame in ImageSequence.Iterator(opened):
            frame.load()
        if opened.mode not in {"RGBA", "LA", "PA"} and "transparency" not in opened.info:
            return image
        over = opened.convert("RGBA")
        page = Image.new("RGB", over.size, "white")
        page.paste(over, mask=over.getchannel("A"))
        made = image.with_suffix(".plain.png")
        page.save(made, dpi=opened.info.get("dpi", (DPI, DPI)))
        return made


def whole_image(path: Path) -> bool:
    """Whether all pictures in the file can be read to their last line."""
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(path) as opened:
            for frame in ImageSequence.Iterator(opened):
                frame.load()
    except (*_BROKEN, Image.DecompressionBombError):
        return False
    return True
