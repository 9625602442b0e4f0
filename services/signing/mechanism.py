"""How a key signs: the three ways that TT 15/2025 and the tokens in use leave us."""

from __future__ import annotations

from enum import StrEnum

# Names as hashlib knows them; a digest's length says which one it is.
DIGESTS = ("sha256", "sha384", "sha512")
DIGEST_OF_SIZE = {32: "sha256", 48: "sha384", 64: "sha512"}


class Mechanism(StrEnum):
    """With any of DIGESTS; PSS has a salt of the digest's length and MGF1 with the same digest (RFC 8017)."""

    RSA_PKCS1 = "rsa_pkcs1"
    RSA_PSS = "rsa_pss"
    ECDSA = "ecdsa"
