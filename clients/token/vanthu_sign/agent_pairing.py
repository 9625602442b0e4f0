"""Pairing a portal's page in one browser with this program, and the proofs that both give from then on.

The two agree on a secret by Diffie-Hellman and compare six digits, as Bluetooth does ("numeric comparison"): the
program commits itself to its half before it has seen the page's, so nobody in between can make the digits agree by
trying. The secret never travels; the browser keeps it as a key that scripts can use but not read, we in a file of the
person's own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vanthu_sign.agent_words import PAIRINGS_EXPOSED
from vanthu_sign.words import Refused

POINT = 65  # bytes of an uncompressed point of P-256
NONCE = 16
SKEW = 30.0  # seconds between the browser's clock and ours, which are one machine's
REMEMBERED = 10_000  # proofs within that time
INFO = b"vanthu-sign pairing 1"


@dataclass(frozen=True, slots=True)
class Pairing:
    """One browser's page of one portal. `key` is the shared secret, 32 bytes, base64url."""

    id: str
    origin: str
    key: str
    paired_at: str

    def proof(self, *parts: str) -> str:
        return hmac.new(unb64(self.key), "\n".join(parts).encode(), hashlib.sha256).hexdigest()


@dataclass(slots=True)
class Offer:
    """A pairing under way: our half of it, and then the code that the person compares."""

    origin: str
    page_point: bytes
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(NONCE))
    state: str = "begun"  # begun → asking → paired | refused
    _private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def point(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def commitment(self) -> bytes:
        """What our half is, without telling it."""
        return hashlib.sha256(self.point + self.nonce).digest()

    def agree(self, page_nonce: bytes) -> tuple[str, Pairing]:
        """The six digits, and the pairing if the person finds them equal. ValueError for a point off the curve."""
        page = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.page_point)
        said = hashlib.sha256(
            b"\n".join([self.origin.encode(), self.id.encode(), self.page_point + self.point + page_nonce + self.nonce])
        ).digest()
        code = int.from_bytes(hashlib.sha256(b"code" + said).digest()[:8], "big") % 1_000_000
        shared = self._private.exchange(ec.ECDH(), page)
        key = HKDF(algorithm=SHA256(), length=32, salt=said, info=INFO).derive(shared)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return f"{code:06d}", Pairing(self.id, self.origin, b64(key), at)


class Pairings:
    """Those that stand, in a file that only the person can read."""

    def __init__(self, home: Path) -> None:
        self._file = home / "pairings.json"
        self._lock = threading.Lock()

    def every(self) -> list[Pairing]:
        if not self._file.exists():
            return []
        if hasattr(os, "getuid"):
            found = self._file.stat()
            if found.st_uid != os.getuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise Refused(PAIRINGS_EXPOSED, file=self._file)
        return [Pairing(**each) for each in json.loads(self._file.read_text())]

    def origins(self) -> set[str]:
        return {each.origin for each in self.every()}

    def find(self, pairing_id: str, origin: str) -> Pairing | None:
        return next((each for each in self.every() if each.id == pairing_id and each.origin == origin), None)

    def add(self, pairing: Pairing) -> None:
        with self._lock:
            self._write([*self.every(), pairing])

    def forget(self, origin: str) -> int:
        """Every browser's pairing with this portal ends; how many there were."""
        with self._lock:
            before = self.every()
            kept = [each for each in before if each.origin != origin]
            self._write(kept)
        return len(before) - len(kept)

    def _write(self, pairings: list[Pairing]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._file.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump([asdict(each) for each in pairings], file)
        new.replace(self._file)


class Seen:
    """Each proof counts once: the nonces of the last minute."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._lock = threading.Lock()

    def first_time(self, nonce: str, said_at: float) -> bool:
        """True once for each nonce, and only near its time; by then it may be forgotten."""
        now = time.time()
        if abs(now - said_at) > SKEW:
            return False
        with self._lock:
            self._at = {old: at for old, at in self._at.items() if now - at <= 2 * SKEW}
            if nonce in self._at or len(self._at) >= REMEMBERED:
                return False
            self._at[nonce] = now
        return True


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """ValueError for anything that is not base64url."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
