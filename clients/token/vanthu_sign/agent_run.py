"""One sitting that a page asked for, as the page may see it: states and sentences, never a PIN and never a token."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from vanthu_sign.agent_pairing import b64
from vanthu_sign.words import Refused

# asked: waits for its ticket · checking: documents are fetched and checked · window: the person looks, in our window ·
# signing · done · refused: nothing (more) is signed, `problem` says why
State = Literal["asked", "checking", "window", "signing", "done", "refused"]
OVER = frozenset({"done", "refused"})
# of one document: waiting · checked · left_out by the person · and how it ended (pile.Ended): signed, taken, kept, left,
# refused


@dataclass(slots=True)
class Item:
    """One document of the ticket."""

    document_id: str
    sha256: str
    state: str = "waiting"
    problem: Refused | None = None


@dataclass(slots=True)
class Run:
    """`verifier` never leaves this program before the ticket is redeemed; the page gets its digest (RFC 7636)."""

    origin: str
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: State = "asked"
    problem: Refused | None = None
    items: dict[str, Item] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def challenge(self) -> str:
        return b64(hashlib.sha256(self.verifier.encode()).digest())

    def end(self, document_id: str, state: str, said: Refused | None) -> None:
        item = self.items[document_id]
        item.state, item.problem = state, said

    def fail(self, refused: Refused) -> None:
        """The whole of it; what is signed stays signed."""
        self.state, self.problem = "refused", refused

    def told(self) -> dict[str, Any]:
        """For the page."""
        return {
            "sitting": self.id,
            "state": self.state,
            "problem": problem(self.problem),
            "items": [
                {"document_id": each.document_id, "state": each.state, "problem": problem(each.problem)}
                for each in self.items.values()
            ],
        }


def problem(refused: Refused | None) -> dict[str, str] | None:
    return {"code": refused.code, "vi": refused.vi, "en": refused.en} if refused else None
