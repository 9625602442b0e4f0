"""What a browser posted, read once and kept whole: a form is never lost because a session ended or a rule said no."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from services.portal.refusals import FOREIGN_FORM, FORM_TOO_LARGE
from shared.errors import IDEMPOTENCY_KEY_REUSED, Rejected

MAX_FORM = 1000  # MB; beyond it nothing is read at all. What a document may weigh is said with the form kept
WITH_FILES = r"/intake|/documents/(new|[^/]+/resubmit)|/drafts/[^/]+|/copies/new|/directory/imports|/ca/answers|/file-list/[0-9]+/import|/certificates/new"  # paths of the forms that bring files; the others take what all requests may
PUBLIC, MAX_PUBLIC = "/verify", 51  # what nobody has to log in for takes one file, and no more MB than that may weigh
OWN_FIELDS = frozenset({"csrf", "once", "reopen"})  # never carried over: they belong to one rendering


def is_id(text: str) -> bool:
    """Whether a service can be asked for something by it."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class Form:
    """Text fields in their order and files by field name."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), files: Iterable[tuple[str, UploadFile]] = ()) -> None:
        self.pairs = list(pairs)
        self._files = list(files)

    def get(self, name: str, default: str = "") -> str:
        """The first value, without blanks around."""
        return next((value.strip() for key, value in self.pairs if key == name), default)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name and value]

    def files(self, name: str) -> list[UploadFile]:
        """The files that were chosen; a file field left empty gives none."""
        return [file for key, file in self._files if key == name and file.filename]

    def once(self, error: Rejected | None) -> str:
        """The Idempotency-Key for the same form shown again: the first try may have been taken in although its answer
        was lost. Nothing when that key will not do any more.
        """
        return "" if error and error.code == IDEMPOTENCY_KEY_REUSED.code else self.get("once")

    def kept(self) -> str:
        """The text fields for a round trip through the log-in page."""
        return json.dumps([pair for pair in self.pairs if pair[0] not in OWN_FIELDS], ensure_ascii=False)


def unkeep(kept: str) -> list[tuple[str, str]]:
    """The fields of `Form.kept`; none for anything else."""
    try:
        found = json.loads(kept)
        return [(str(name), str(value)) for name, value in found][:500]
    except (ValueError, TypeError):
        return []


async def _read(request: Request) -> AsyncIterator[Form]:
    # The browser says where a form comes from; SameSite=Lax already keeps the cookie away, this keeps the fields away.
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Rejected(FOREIGN_FORM)
    limit = MAX_PUBLIC if request.url.path == PUBLIC else MAX_FORM
    if int(request.headers.get("content-length") or 0) > limit * 1024 * 1024:
        raise Rejected(FORM_TOO_LARGE, limit=limit)
    async with request.form(max_files=50, max_fields=2000, max_part_size=1024 * 1024) as data:
        items = data.multi_items()
        yield Form(
            [(name, value) for name, value in items if isinstance(value, str)],
            [(name, value) for name, value in items if isinstance(value, UploadFile)],
        )


Posted = Annotated[Form, Depends(_read)]


def local_path(path: str) -> str | None:
    """A path of this site to go to; None for anything that could lead elsewhere."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(c) < 32 for c in path):
        return None
    return path
