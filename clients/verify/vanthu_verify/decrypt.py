"""The standard security handler (ISO 32000-2, 7.6): reading what a password, often the empty one, opens.

Old ciphers are here because old files use them; nothing is ever encrypted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from vanthu_verify.objects import Damaged, Ref, Stream

_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


@dataclass(slots=True)
class Key:
    """A file's key and for which method: "V2" (RC4), "AESV2", "AESV3" or "Identity"."""

    secret: bytes
    strings: str
    streams: str
    metadata: bool
    exempt: int = -1

    def opened(self, ref: Ref, value: Any) -> Any:
        """The object with every string decrypted, in place."""
        if ref.num == self.exempt or self.strings == "Identity":
            return value
        if isinstance(value, bytes):
            return self._decrypt(ref, value, self.strings)
        stack = [value.entries if isinstance(value, Stream) else value]
        while stack:
            one = stack.pop()
            # 7.6.2: a signature's value is not encrypted.
            sealed = isinstance(one, dict) and "ByteRange" in one
            items: list[tuple[Any, Any]] = (
                list(one.items()) if isinstance(one, dict) else list(enumerate(one)) if isinstance(one, list) else []
            )
            for key, inner in items:
                if isinstance(inner, bytes) and not (sealed and key == "Contents"):
                    one[key] = self._decrypt(ref, inner, self.strings)
                elif isinstance(inner, dict | list):
                    stack.append(inner)
        return value

    def opened_stream(self, stream: Stream, raw: bytes) -> bytes:
        kind = stream.entries.get("Type")
        names = stream.entries.get("Filter")
        own = names == "Crypt" or (isinstance(names, list) and "Crypt" in names)
        if kind == "XRef" or own or (kind == "Metadata" and not self.metadata):
            return raw
        return self._decrypt(stream.owner, raw, self.streams)

    def _decrypt(self, ref: Ref, data: bytes, method: str) -> bytes:
        if method == "Identity":
            return data
        if method == "AESV3":
            return _aes(self.secret, data)
        salt = ref.num.to_bytes(4, "little")[:3] + ref.gen.to_bytes(4, "little")[:2]
        salt += b"sAlT" if method == "AESV2" else b""
        key = _md5(self.secret + salt)[: min(16, len(self.secret) + 5)]
        return _aes(key, data) if method == "AESV2" else _rc4(key, data)


def open_with(encrypt: dict[str, Any], identity: bytes, password: str) -> Key | None:
    """The key that a password (user's or owner's) gives; None when it does not open; Damaged for another handler."""
    if encrypt.get("Filter") != "Standard":
        return None
    version, revision = encrypt.get("V", 0), encrypt.get("R", 0)
    if version not in (1, 2, 4, 5) or revision not in (2, 3, 4, 5, 6):
        raise Damaged("encryption not known")
    strings, streams = (_method(encrypt, name) for name in ("StrF", "StmF"))
    metadata = encrypt.get("EncryptMetadata", True) is not False
    if revision >= 5:
        secret = _newer(encrypt, password.encode()[:127], revision)
    else:
        secret = _older(encrypt, identity, password.encode("latin-1", "replace"), metadata=metadata)
    return None if secret is None else Key(secret, strings, streams, metadata)


def _method(encrypt: dict[str, Any], which: str) -> str:
    if encrypt["V"] < 4:
        return "V2"
    name = str(encrypt.get(which, "Identity"))
    if name == "Identity":
        return name
    method = str(encrypt["CF"][name].get("CFM", "None"))
    if method not in ("V2", "AESV2", "AESV3"):
        raise Damaged("encryption not known")
    return method


def _older(encrypt: dict[str, Any], identity: bytes, password: bytes, *, metadata: bool) -> bytes | None:
    """Algorithms 2, 4 to 7."""
    revision = encrypt["R"]
    length = encrypt.get("Length", 40 if encrypt["V"] < 4 else 128) // 8 if revision > 2 else 5
    if encrypt["V"] == 4:
        length = 16
    if not 5 <= length <= 16:
        raise Damaged("encryption broken")
    for candidate in (password, _owners(encrypt, password, length)):
        permissions = (encrypt["P"] & 0xFFFFFFFF).to_bytes(4, "little")
        padded = (candidate + _PADDING)[:32]
        key = _md5(
            padded + encrypt["O"][:32] + permissions + identity + (b"" if metadata or revision < 4 else b"\xff" * 4)
        )
        for _ in range(50 if revision > 2 else 0):
            key = _md5(key[:length])
        key = key[:length]
        if revision == 2:
            expected, size = _rc4(key, _PADDING), 32
        else:
            expected, size = _rc4(key, _md5(_PADDING + identity)), 16
            for turn in range(1, 20):
                expected = _rc4(bytes(b ^ turn for b in key), expected)
        if expected[:size] == encrypt["U"][:size]:
            return key
    return None


def _owners(encrypt: dict[str, Any], password: bytes, length: int) -> bytes:
    """The user's password, by the owner's."""
    key = _md5((password + _PADDING)[:32])
    for _ in range(50 if encrypt["R"] > 2 else 0):
        key = _md5(key)
    key, found = key[:length], encrypt["O"][:32]
    for turn in range(19 if encrypt["R"] > 2 else 0, -1, -1):
        found = _rc4(bytes(b ^ turn for b in key), found)
    return bytes(found)


def _newer(encrypt: dict[str, Any], password: bytes, revision: int) -> bytes | None:
    """Algorithm 2.A."""
    user, owner = encrypt["U"][:48], encrypt["O"][:48]
    for value, more, sealed in ((owner, user, "OE"), (user, b"", "UE")):
        if _hash(password, value[32:40], more, revision) == value[:32]:
            key = _hash(password, value[40:48], more, revision)
            decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
            return decryptor.update(encrypt[sealed][:32]) + decryptor.finalize()
    return None


def _hash(password: bytes, salt: bytes, more: bytes, revision: int) -> bytes:
    """Algorithm 2.B."""
    key = hashlib.sha256(password + salt + more).digest()
    if revision == 5:
        return key
    turn, last = 0, 0
    while turn < 64 or last > turn - 32:
        encryptor = Cipher(algorithms.AES(key[:16]), modes.CBC(key[16:32])).encryptor()
        long = encryptor.update((password + key + more) * 64) + encryptor.finalize()
        name = ("sha256", "sha384", "sha512")[sum(long[:16]) % 3]
        key, last, turn = hashlib.new(name, long).digest(), long[-1], turn + 1
    return key[:32]


def _aes(key: bytes, data: bytes) -> bytes:
    if len(data) < 32 or len(data) % 16:
        data = data[: len(data) // 16 * 16]
        if len(data) < 32:
            return b""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(data[:16])).decryptor()
    plain = decryptor.update(data[16:]) + decryptor.finalize()
    return plain[: -plain[-1]] if 1 <= plain[-1] <= 16 else plain


def _rc4(key: bytes, data: bytes) -> bytes:
    return Cipher(ARC4(key), mode=None).encryptor().update(data)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
