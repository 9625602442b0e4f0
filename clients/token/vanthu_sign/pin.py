"""How often a PIN was wrong, per token, so that this program never uses up a token's tries.

A token tells only "few tries left" or "last try"; makers allow five to ten. We stop after three, whatever it says.
Nothing here ever sees a PIN.
"""

from __future__ import annotations

import json
from pathlib import Path

from vanthu_sign.words import PIN_TRIES_USED, PIN_WRONG, Refused

TRIES = 3


class Counter:
    """Wrong tries of each token by its serial, in a small file of the person's own."""

    def __init__(self, home: Path) -> None:
        self._file = home / "wrong-pins.json"

    def check(self, token: str) -> None:
        """Refused once the tries are used up."""
        if (count := self._read().get(token, 0)) >= TRIES:
            raise Refused(PIN_TRIES_USED, count=count)

    def wrong(self, token: str) -> Refused:
        """Count one more; what to tell the person."""
        counts = self._read()
        counts[token] = counts.get(token, 0) + 1
        self._write(counts)
        left = TRIES - counts[token]
        return Refused(PIN_WRONG, left=left) if left > 0 else Refused(PIN_TRIES_USED, count=counts[token])

    def right(self, token: str) -> None:
        """A right PIN, or the person's word that it is known: begin anew."""
        counts = self._read()
        if counts.pop(token, None):
            self._write(counts)

    def _read(self) -> dict[str, int]:
        return dict(json.loads(self._file.read_text())) if self._file.exists() else {}

    def _write(self, counts: dict[str, int]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(counts))
