"""Reading an export of the ledger and heads that somebody kept: lines of JSON, in one file or in a folder of them.

Nothing here is believed: what the lines say is only taken apart.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from vanthu_verify.ledger.tree import WIDTH

PUBLISHED = "vn.vanthu.docs.treehead.published."
SEALED = "vn.vanthu.signing.treehead.sealed."
ENDINGS = (".ndjson", ".jsonl", ".json")
_TEXT = re.compile(r"vanthu tree head 1\n([0-9a-f-]{36})\n(\d{1,18})\n([0-9a-f]{64})\n(\S+)\n")


class Unreadable(Exception):
    """A file that is no export and no list of heads; `line` counts from 1, 0 for the whole file."""

    def __init__(self, file: Path, line: int, code: str) -> None:
        self.file, self.line, self.code = file, line, code
        super().__init__(f"{file}:{line}: {code}")


@dataclass(frozen=True, slots=True)
class Said:
    """What a head's sealed text says."""

    log_id: str
    size: int
    root: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """A tree head; `origin` is "export", "kept" or "entry" (the sealing is an act, so an entry tells of it).

    `size` and `root` are what stands beside the text and ought to be the same; None where nothing does.
    """

    origin: str
    text: str
    signature: bytes | None
    size: int | None = None
    root: bytes | None = None
    head_id: str | None = None
    position: int | None = None

    @property
    def said(self) -> Said | None:
        found = _TEXT.fullmatch(self.text)
        if found is None:
            return None
        try:
            at = datetime.fromisoformat(found[4])
        except ValueError:
            return None
        if at.tzinfo is None:
            return None
        return Said(found[1], int(found[2]), bytes.fromhex(found[3]), at)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an export; `event` are the bytes whose hash is the leaf."""

    position: int
    topic: str | None
    event: bytes


@dataclass(slots=True)
class Export:
    """An export as its lines say; entries are read again from the files when asked for."""

    files: list[Path] = field(default_factory=list)
    log_id: str | None = None
    size: int | None = None
    exported_at: datetime | None = None
    heads: list[Head] = field(default_factory=list)

    def entries(self) -> Iterator[Entry]:
        for file in self.files:
            for number, line in _lines(file):
                if line.startswith(b'{"position"'):
                    yield _entry(file, number, _object(file, number, line))

    def nodes(self) -> Iterator[tuple[int, int, list[bytes]]]:
        """The stored roots of subtrees: level, index of the first, hashes."""
        for file in self.files:
            for number, line in _lines(file):
                if line.startswith(b'{"nodes"'):
                    found = _object(file, number, line)["nodes"]
                    try:
                        hashes = [bytes.fromhex(each) for each in found["hashes"]]
                        if any(len(each) != WIDTH for each in hashes):
                            raise Unreadable(file, number, "line_broken")
                        yield int(found["level"]), int(found["first"]), hashes
                    except (KeyError, TypeError, ValueError) as error:
                        raise Unreadable(file, number, "line_broken") from error


def read_export(paths: Iterable[Path], *, origin: str = "export") -> Export:
    """Headers and heads of all files; those with entries in the order of their first one."""
    made, starts = Export(), list[tuple[int, Path]]()
    for file in files_of(paths):
        first: int | None = None
        for number, line in _lines(file):
            if line.startswith(b'{"position"'):
                if first is None:
                    first = _entry(file, number, _object(file, number, line)).position
            elif not line.startswith(b'{"nodes"'):
                _take(made, file, number, _object(file, number, line), origin)
        starts.append((first if first is not None else -1, file))
    made.files = [file for _, file in sorted(starts, key=lambda each: each[0])]
    return made


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Files themselves, and those in folders; Unreadable for what is not there."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.suffix in ENDINGS) if path.is_dir() else [path]
        if not inside or not inside[0].is_file():
            raise Unreadable(path, 0, "nothing_there")
        found += inside
    return found


def _take(made: Export, file: Path, number: int, value: dict[str, Any], origin: str) -> None:
    try:
        if "log_id" in value and "size" in value:
            made.log_id = str(value["log_id"])
            made.size = max(made.size or 0, int(value["size"]))
            if value.get("exported_at"):
                made.exported_at = datetime.fromisoformat(value["exported_at"])
        elif "head" in value:
            made.heads.append(_head(value["head"], "signature_b64", origin))
        elif str(value.get("type", "")).startswith(PUBLISHED):
            made.heads.append(_head(value["data"], "signature", "kept"))
        else:
            raise Unreadable(file, number, "line_unknown")
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(file, number, "line_broken") from error


def _head(value: dict[str, Any], signature: str, origin: str) -> Head:
    sealed = value.get(signature)
    return Head(
        origin=origin,
        text=str(value["text"]),
        signature=base64.b64decode(sealed, validate=True) if sealed else None,
        size=int(value["size"]),
        root=bytes.fromhex(value["root"]),
        head_id=str(value["head_id"]) if value.get("head_id") else None,
    )


def head_in(event: dict[str, Any], position: int) -> Head | None:
    """The head that an entry tells of, when it is the fact that one was sealed."""
    if not str(event.get("type", "")).startswith(SEALED):
        return None
    try:
        data = event["data"]
        signature = base64.b64decode(data["signature"], validate=True)
        return Head("entry", str(data["text"]), signature, head_id=str(data["head_id"]), position=position)
    except (KeyError, TypeError, ValueError):
        return None


def _entry(file: Path, number: int, value: dict[str, Any]) -> Entry:
    try:
        topic = value.get("topic")
        return Entry(
            int(value["position"]),
            str(topic) if topic else None,
            base64.b64decode(value["event_b64"], validate=True),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(file, number, "line_broken") from error


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise Unreadable(file, 0, "nothing_there") from error


def _object(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unreadable(file, number, "line_broken") from error
    if not isinstance(value, dict):
        raise Unreadable(file, number, "line_broken")
    return value
