"""Signature algorithms: verifying a value, and until when an algorithm is believed (ETSI TS 119 312)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, utils

_RSA = "1.2.840.113549.1.1."
_SHA3 = "2.16.840.1.101.3.4.3."
_PLAIN = "0.4.0.127.0.7.1.1.4.1."
PSS_OID = _RSA + "10"
# Object identifier to family and hash; None: the hash is said elsewhere.
SIGNATURES: dict[str, tuple[str, str | None]] = {
    _RSA + "1": ("rsa", None),
    _RSA + "2": ("rsa", "md2"),
    _RSA + "4": ("rsa", "md5"),
    _RSA + "5": ("rsa", "sha1"),
    "1.3.14.3.2.29": ("rsa", "sha1"),
    _RSA + "11": ("rsa", "sha256"),
    _RSA + "12": ("rsa", "sha384"),
    _RSA + "13": ("rsa", "sha512"),
    _RSA + "14": ("rsa", "sha224"),
    _RSA + "15": ("rsa", "sha512_224"),
    _RSA + "16": ("rsa", "sha512_256"),
    "1.3.36.3.3.1.2": ("rsa", "ripemd160"),
    PSS_OID: ("pss", None),
    "1.2.840.10045.2.1": ("ecdsa", None),
    "1.2.840.10045.4.1": ("ecdsa", "sha1"),
    "1.2.840.10045.4.3.1": ("ecdsa", "sha224"),
    "1.2.840.10045.4.3.2": ("ecdsa", "sha256"),
    "1.2.840.10045.4.3.3": ("ecdsa", "sha384"),
    "1.2.840.10045.4.3.4": ("ecdsa", "sha512"),
    "1.2.840.10040.4.1": ("dsa", None),
    "1.2.840.10040.4.3": ("dsa", "sha1"),
    _SHA3 + "1": ("dsa", "sha224"),
    _SHA3 + "2": ("dsa", "sha256"),
    "1.3.101.112": ("ed25519", None),
    "1.3.101.113": ("ed448", None),
    **{_SHA3 + str(9 + i): ("ecdsa", f"sha3_{n}") for i, n in enumerate((224, 256, 384, 512))},
    **{_SHA3 + str(13 + i): ("rsa", f"sha3_{n}") for i, n in enumerate((224, 256, 384, 512))},
    **{_PLAIN + str(1 + i): ("ecdsa_plain", n) for i, n in enumerate(("sha1", "sha224", "sha256", "sha384", "sha512"))},
}
DIGESTS = {
    "1.2.840.113549.2.2": "md2",
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "1.3.36.3.2.1": "ripemd160",
    **{
        "2.16.840.1.101.3.4.2." + str(1 + i): n
        for i, n in enumerate(
            [
                "sha256",
                "sha384",
                "sha512",
                "sha224",
                "sha512_224",
                "sha512_256",
                "sha3_224",
                "sha3_256",
                "sha3_384",
                "sha3_512",
                "shake128",
                "shake256",
            ]
        )
    },
    "2.16.840.1.101.3.4.2.18": "shake256",  # with its length said
}
HASHES: dict[str, Any] = {
    "md5": hashes.MD5,
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha512_224": hashes.SHA512_224,
    "sha512_256": hashes.SHA512_256,
    "sha3_224": hashes.SHA3_224,
    "sha3_256": hashes.SHA3_256,
    "sha3_384": hashes.SHA3_384,
    "sha3_512": hashes.SHA3_512,
}
# RFC 8419, 3.1: which digest goes with which curve when there are signed attributes.
EDWARDS = {"ed25519": "sha512", "ed448": "shake256"}


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A signature algorithm: family, hash, and for PSS what its parameters say beside the hash."""

    family: str
    hash: str | None
    mask_hash: str | None = None
    salt: int = 0

    @property
    def name(self) -> str:
        return f"{self.family}-{self.hash}" if self.hash else self.family


class Unsupported(Exception):
    """An algorithm that can't be computed here, by its name."""


def algorithm_of(identifier: Any) -> Algorithm:
    """From an asn1crypto AlgorithmIdentifier; Unsupported with the object identifier for one we don't know."""
    oid = identifier["algorithm"].dotted
    if oid not in SIGNATURES:
        raise Unsupported(oid)
    family, digest = SIGNATURES[oid]
    if family != "pss":
        return Algorithm(family, digest)
    return _pss(identifier["parameters"].dump())


@lru_cache(maxsize=64)
def _pss(encoded: bytes) -> Algorithm:
    from asn1crypto.algos import RSASSAPSSParams

    parameters = RSASSAPSSParams.load(encoded)
    digest = DIGESTS.get(parameters["hash_algorithm"]["algorithm"].dotted)
    mask = DIGESTS.get(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].dotted)
    return Algorithm("pss", digest, mask, int(parameters["salt_length"].native))


def digest_name(identifier: Any) -> str:
    oid = identifier["algorithm"].dotted
    if oid not in DIGESTS:
        raise Unsupported(oid)
    return DIGESTS[oid]


def hasher(name: str) -> Any:
    """Hashlib's object; Unsupported where this machine has none."""
    try:
        return hashlib.new(name, usedforsecurity=False)
    except ValueError:
        raise Unsupported(name) from None


def finished(digest: Any) -> bytes:
    """The value; SHAKE256 gives 64 bytes and SHAKE128 32 (RFC 8419, RFC 8702)."""
    if digest.name.startswith("shake"):
        return bytes(digest.digest(64 if digest.name.endswith("256") else 32))
    return bytes(digest.digest())


def verify(key: Any, algorithm: Algorithm, signature: bytes, message: bytes, *, default_hash: str) -> bool:
    """Whether the value is the key's over the message. `default_hash` is for algorithms that name none."""
    name = algorithm.hash or default_hash
    try:
        return _verified(key, algorithm, name, signature, message)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError) as error:
        raise Unsupported(algorithm.name) from error


def _verified(key: Any, algorithm: Algorithm, name: str, signature: bytes, message: bytes) -> bool:
    family = algorithm.family
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        if family != ("ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "ed448"):
            return False
        key.verify(signature, message)
        return True
    if name not in HASHES:
        raise Unsupported(name)
    digest = HASHES[name]()
    if isinstance(key, rsa.RSAPublicKey) and family in ("rsa", "pss"):
        if family == "rsa":
            key.verify(signature, message, padding.PKCS1v15(), digest)
        else:
            if algorithm.mask_hash not in HASHES:
                raise Unsupported(algorithm.name)
            mask = padding.MGF1(HASHES[algorithm.mask_hash]())
            key.verify(signature, message, padding.PSS(mask, algorithm.salt), digest)
        return True
    if isinstance(key, ec.EllipticCurvePublicKey) and family in ("ecdsa", "ecdsa_plain"):
        if family == "ecdsa_plain":
            half = len(signature) // 2
            signature = utils.encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
        key.verify(signature, message, ec.ECDSA(digest))
        return True
    if isinstance(key, dsa.DSAPublicKey) and family == "dsa":
        key.verify(signature, message, digest)
        return True
    return False


def strength(key: Any) -> tuple[str, int]:
    """Kind and size in bits of a key."""
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "dsa", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ec", key.curve.key_size
    return ("ed", 256) if key is not None else ("unknown", 0)


@dataclass(frozen=True, slots=True)
class Constraints:
    """Until when hashes and keys are believed: hash to date, ("rsa", bits) to date; None for without end."""

    hashes: dict[str, datetime]
    keys: tuple[tuple[str, int, datetime | None], ...]

    def too_weak(self, name: str | None, key: Any, at: datetime) -> str | None:
        """What was no longer believed at that time, by name."""
        if name is not None and at >= self.hashes.get(name, datetime.max.replace(tzinfo=UTC)):
            return name
        kind, bits = strength(key)
        for family, least, until in self.keys:
            if kind == family and bits < least and (until is None or at >= until):
                return f"{kind}-{bits}"
        return None
