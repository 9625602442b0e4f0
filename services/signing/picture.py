"""The picture of a handwritten signature or of a seal as the decree wants it: PNG, transparent, blue or red, nothing but
ink. Runs in the workshop's processes, since a picture is a stranger's file.

NĐ 30/2020, annex I: II.7d (the person's, blue, no size fixed) and II.8a (the agency's seal, red, at its actual size).
"""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image

from services.signing.refusals_picture import (
    PICTURE_EMPTY,
    PICTURE_NOT_OPAQUE_ENOUGH,
    PICTURE_NOT_PNG,
    PICTURE_NOT_ROUND,
    PICTURE_NOT_TRANSPARENT,
    PICTURE_SIZE,
    PICTURE_WRONG_COLOUR,
)
from shared.errors import Rejected

Kind = Literal["signature", "seal"]
LEAST, MOST, KEPT = 80, 4000, 800  # pixels of a side: taken from, up to, and kept at most
FAINT = 48  # alpha up to which nothing is seen
LEAST_EMPTY = 0.2  # of the whole: more ink than that is a background
LEAST_COLOURED = 0.75  # of the ink
ROUND = 1.15  # a seal's longer side by its shorter one
COLOURS = {"signature": ("xanh", "blue"), "seal": ("đỏ", "red")}


def checked(png: bytes, kind: Kind) -> bytes:
    """The picture cut to its ink, at most KEPT pixels wide and high, as a PNG that holds nothing else.

    1. A PNG of a sensible size. 2. A background that is transparent. 3. Ink, in the decree's colour.
    4. A seal is round, so that cut to its ink it is printed at its actual size.
    """
    image = _opened(png)  # 1
    alpha = image.getchannel("A")
    clear = sum(alpha.histogram()[: FAINT + 1]) / (image.width * image.height)
    dots = alpha.tobytes()
    corners = (dots[0], dots[image.width - 1], dots[-image.width], dots[-1])
    if clear < LEAST_EMPTY or min(corners) > FAINT:  # 2
        raise Rejected(PICTURE_NOT_TRANSPARENT)
    box = alpha.point(lambda a: 255 if a > FAINT else 0).getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < LEAST // 4:  # 3
        raise Rejected(PICTURE_EMPTY)
    cut = image.crop(box)
    _check_colour(cut, kind)
    width, height = cut.size
    if kind == "seal" and max(width, height) > ROUND * min(width, height):  # 4
        raise Rejected(PICTURE_NOT_ROUND)
    cut.thumbnail((KEPT, KEPT), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    cut.save(out, "PNG", optimize=True)
    return out.getvalue()


def _opened(png: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            if not all(LEAST <= side <= MOST for side in image.size):
                raise Rejected(PICTURE_SIZE, least=LEAST, most=MOST, width=image.width, height=image.height)
            made = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Rejected(PICTURE_NOT_PNG) from error
    made.info.clear()
    return made


def _check_colour(cut: Image.Image, kind: Kind) -> None:
    """Most of what is seen has the hue of the ink: blue is more blue than anything, red more red."""
    small = cut.copy()
    small.thumbnail((200, 200), Image.Resampling.BOX)
    dots = small.tobytes()
    rgba = zip(dots[::4], dots[1::4], dots[2::4], dots[3::4], strict=True)
    seen = [(r, g, b) for r, g, b, a in rgba if a > 2 * FAINT]
    if len(seen) < LEAST:
        raise Rejected(PICTURE_NOT_OPAQUE_ENOUGH)
    if kind == "signature":
        coloured = sum(b >= r + 25 and b >= g for r, g, b in seen)
    else:
        coloured = sum(r >= g + 40 and r >= b + 40 for r, g, b in seen)
    if coloured < LEAST_COLOURED * len(seen):
        vi, en = COLOURS[kind]
        raise Rejected(PICTURE_WRONG_COLOUR, vi=vi, en=en)
