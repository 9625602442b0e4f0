"""What a person can see of a document before the PIN: its first page as a picture, to whom it goes, which pages differ.

Works with the optional extra `preview` (pypdfium2, Pillow); without it there is only the path of the file. What a
hostile PDF does to PDFium it does to a process of its own.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import re
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from vanthu_sign.folder import write_private
from vanthu_sign.words import Refused, shown

PATIENCE = 60.0  # seconds for one look at one document
MOST_PAGES = 300  # beyond these a comparison is left to the reader
BULLETS = ("-", "–", "•", "+")
TO = re.compile(r"K[íi]nh g[ửử]i\s*:?\s*(.*)", re.IGNORECASE)


def available() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("pypdfium2", "PIL"))


class Viewer:
    """A process that draws and reads pages; started at the first question, and again after a file has killed it."""

    def __init__(self) -> None:
        self._pipe: Connection | None = None
        self._process: Any = None
        self._lock = threading.Lock()

    def first_page(self, file: Path, picture: Path, *, width: int = 900) -> Path | None:
        """The first page as a PNG of this width in pixels at `picture`; None when it cannot be drawn here."""
        return picture if self._ask("draw", str(file), str(picture), width) else None

    def addressees(self, file: Path) -> str:
        """Whom the document names after "Kính gửi", read from its own text, not from what a server says; may be empty."""
        return shown(self._ask("addressees", str(file)) or "", 500)

    def differing(self, old: Path, new: Path) -> tuple[int, ...] | None:
        """The pages (from 1) that look different, added and removed ones included; None when that can't be told here."""
        found = self._ask("compare", str(old), str(new))
        return None if found is None else tuple(cast("list[int]", found))

    def close(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
            self._pipe = None

    def _ask(self, what: str, *arguments: object) -> Any:
        """None when there is no PDFium here, or the file was too much for it."""
        if not available():
            return None
        with self._lock:
            if self._pipe is None:
                context = multiprocessing.get_context("spawn")
                self._pipe, theirs = context.Pipe()
                self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
                self._process.start()
                theirs.close()
            try:
                self._pipe.send((what, arguments))
                if self._pipe.poll(PATIENCE):
                    return self._pipe.recv()
            except (EOFError, OSError):
                pass
            self.close()
            return None


# In a process of its own


def _serve(pipe: Connection) -> None:
    import pypdfium2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work: dict[str, Callable[..., Any]] = {"draw": _draw, "addressees": _read_addressees, "compare": _compare}
    while True:
        try:
            what, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(work[what](*arguments))
        except (pypdfium2.PdfiumError, Refused, OSError, ValueError):
            pipe.send(None)


def _draw(file: str, picture: str, width: int) -> bool:
    with _open(file) as pdf:
        write_private(Path(picture), _png(pdf[0], width))
    return True


def _png(page: Any, width: int) -> bytes:
    import io

    out = io.BytesIO()
    _picture(page, width).save(out, "PNG")
    return out.getvalue()


def _picture(page: Any, width: int) -> Any:
    return page.render(scale=min(width / max(page.get_width(), 1.0), 4.0), may_draw_forms=True).to_pil()


def _read_addressees(file: str) -> str:
    with _open(file) as pdf:
        text = pdf[0].get_textpage().get_text_range()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if found := TO.match(line):
            named = [found.group(1)] if found.group(1).strip(" :.") else []
            for more in lines[number + 1 :]:
                if not named or more.startswith(BULLETS):
                    named.append(more.lstrip("-–•+ "))
                elif more[0].islower() and not named[-1].endswith((";", ".")):
                    named[-1] += f" {more}"  # a name that is broken over lines
                else:
                    break
            return "; ".join(each.strip(" ;.") for each in named)
    return ""


def _compare(old: str, new: str) -> list[int] | None:
    from PIL import ImageChops

    with _open(old) as before, _open(new) as after:
        if max(len(before), len(after)) > MOST_PAGES:
            return None
        both = min(len(before), len(after))
        found = [
            number + 1
            for number in range(both)
            if before[number].get_size() != after[number].get_size()
            or ImageChops.difference(_picture(before[number], 500), _picture(after[number], 500)).getbbox()
        ]
        return [*found, *range(both + 1, max(len(before), len(after)) + 1)]


def _open(file: str) -> Any:
    import pypdfium2

    pdf = pypdfium2.PdfDocument(file)
    pdf.init_forms()  # fields are part of what is seen
    return pdf
