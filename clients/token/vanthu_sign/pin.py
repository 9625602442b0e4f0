"""Asking for a PIN: what the person is told when they are asked, and how often it was wrong.

A token tells only "few tries left" or "last try"; makers allow five to ten. We stop after three, whatever it says, so
that this program never locks one. A PIN is passed on to the token's process and kept nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vanthu_sign.device import Device
from vanthu_sign.folder import write_private
from vanthu_sign.words import PIN_EMPTY, PIN_TRIES_USED, PIN_WRONG, Refused
from vanthu_sign.words_device import PIN_CANCELLED

TRIES = 3


class Why(StrEnum):
    """Why the PIN is asked for now."""

    BATCH = "batch"  # once, for all
    AGAIN = "again"  # the driver crashed and was started again
    EACH = "each"  # the key wants it for every signature


@dataclass(frozen=True, slots=True)
class PinAsk:
    """One question. `documents`: how many signatures this PIN is for (EACH: how many remain, this one included).

    `tries` as the token tells them (full, low); `wrong`: how often it was wrong in this program; `title`: the document,
    for EACH. `on_reader`: it is typed on the reader's keys; the answer is any text, None still means no.
    """

    token: str
    serial: str
    why: Why
    documents: int
    tries: str
    wrong: int
    on_reader: bool = False
    title: str = ""


# Returns the PIN, "" for nothing typed, None when the person wants to stop.
AskPin = Callable[[PinAsk], str | None]


class Counter:
    """Wrong tries of each token by its serial, in a small file of the person's own."""

    def __init__(self, home: Path) -> None:
        self._file = home / "wrong-pins.json"

    def check(self, token: str) -> None:
        """Refused once the tries are used up."""
        if (count := self.count(token)) >= TRIES:
            raise Refused(PIN_TRIES_USED, count=count)

    def count(self, token: str) -> int:
        return self._read().get(token, 0)

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
        write_private(self._file, json.dumps(counts).encode())


def enter(
    device: Device,
    counter: Counter,
    ask: AskPin,
    *,
    why: Why = Why.BATCH,
    documents: int = 1,
    writing: bool = False,
) -> None:
    """Ask once and log in; a wrong PIN is counted and said, and never tried a second time by itself.

    Refused: pin_wrong, pin_tries_used, pin_empty, pin_cancelled, or what is wrong with the token. A token that needs
    no PIN is not asked for one.
    """
    about = device.about()
    if not about.needs_pin:
        return
    counter.check(device.serial)
    pin = ask(
        PinAsk(
            token=about.label,
            serial=device.serial,
            why=why,
            documents=documents,
            tries=about.tries,
            wrong=counter.count(device.serial),
            on_reader=about.on_reader,
        )
    )
    if about.on_reader and pin is not None:
        pin = pin or "-"  # typed on the reader: what was typed here means only that the person goes on
    _use(counter, device, pin, lambda given: device.log_in(None if about.on_reader else given, writing=writing))


def enter_for_one(counter: Counter, device: Device, pin: str | None, sign: Callable[[str], bytes]) -> bytes:
    """One signature by a key that wants the PIN each time; counted as any other."""
    made: list[bytes] = []
    counter.check(device.serial)
    _use(counter, device, pin, lambda given: made.append(sign(given)))
    return made[0]


def _use(counter: Counter, device: Device, pin: str | None, act: Callable[[str], None]) -> None:
    if pin is None:
        raise Refused(PIN_CANCELLED)
    if not pin:
        raise Refused(PIN_EMPTY)
    try:
        act(pin)
    except Refused as refused:
        raise (counter.wrong(device.serial) if refused.code == "pin_wrong" else refused) from None
    counter.right(device.serial)
