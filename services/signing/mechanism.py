"""How a key signs: the three ways that TT 15/2025 and the tokens in use leave us."""

from __future__ import annotations

from enum import StrEnum


class Mechanism(StrEnum):
    """With SHA-256 in every case; PSS has a salt of 32 bytes and MGF1 with SHA-256."""

    RSA_PKCS1 = "rsa_pkcs1"
    RSA_PSS = "rsa_pss"
    ECDSA = "ecdsa"
