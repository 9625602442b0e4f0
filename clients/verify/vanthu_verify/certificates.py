"""X.509 certificates as the engine uses them: parsed once per process, names without identity numbers."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from asn1crypto import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

# What asn1crypto and cryptography raise on broken structures.
BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, UnsupportedAlgorithm)
# Identity and tax numbers stand in names too, with a letter behind in some countries.
_NUMBERS = re.compile(r"[0-9][0-9 .-]{4,}[0-9][A-Z]?\b")
_KNOWN_CRITICAL = frozenset(
    {
        "basic_constraints",
        "key_usage",
        "extended_key_usage",
        "certificate_policies",
        "policy_constraints",
        "policy_mappings",
        "inhibit_any_policy",
        "name_constraints",
        "subject_alt_name",
        "issuer_alt_name",
        "crl_distribution_points",
        "authority_key_identifier",
        "key_identifier",
        "1.3.6.1.5.5.7.1.3",  # qcStatements say what the certificate is, not what it must not be used for
        "qc_statements",
    }
)
_OF_A_PERSON = (
    "given_name",
    "surname",
    "pseudonym",
    "title",
    "serial_number",
    "user_id",
    "organizational_unit_name",
)
SIGNING = frozenset({"digital_signature", "non_repudiation"})


class Certificate:
    """One certificate; everything beyond the DER is computed when first asked for."""

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.sha256 = hashlib.sha256(der).hexdigest()
        self.asn1 = x509.Certificate.load(der)
        self.subject: bytes = self.asn1.subject.dump()
        self.issuer: bytes = self.asn1.issuer.dump()
        self.serial: int = self.asn1.serial_number
        validity = self.asn1["tbs_certificate"]["validity"]
        self.not_before: datetime = _aware(validity["not_before"].native)
        self.not_after: datetime = _aware(validity["not_after"].native)

    @cached_property
    def spki(self) -> bytes:
        return bytes(self.asn1.public_key.dump())

    @cached_property
    def key(self) -> Any:
        """Cryptography's public key, None for a kind that it does not know."""
        return public_key_of(self.spki)

    @cached_property
    def key_sha1(self) -> bytes:
        """As OCSP names an issuer's key (RFC 6960, 4.1.1)."""
        return bytes(self.asn1.public_key.sha1)

    @cached_property
    def issuer_name(self) -> str:
        return str(self.asn1.issuer.hashable)

    @cached_property
    def subject_name(self) -> str:
        """The name in a form that is equal for equal names (RFC 5280, 7.1)."""
        return str(self.asn1.subject.hashable)

    def named_by(self, other: Certificate) -> bool:
        """Whether `other` bears the name of this certificate's issuer."""
        return self.issuer == other.subject or self.issuer_name == other.subject_name

    @cached_property
    def key_usage(self) -> frozenset[str] | None:
        value = self.asn1.key_usage_value
        return None if value is None else frozenset(value.native)

    @cached_property
    def extended_usage(self) -> frozenset[str] | None:
        value = self.asn1.extended_key_usage_value
        return None if value is None else frozenset(value.native)

    @cached_property
    def is_authority(self) -> bool:
        constraints = self.asn1.basic_constraints_value
        if constraints is None:
            # Version 1 and 2 know no such extension; only an anchor may be so old.
            return False
        usage = self.key_usage
        return bool(constraints["ca"].native) and (usage is None or "key_cert_sign" in usage)

    @cached_property
    def path_length(self) -> int | None:
        constraints = self.asn1.basic_constraints_value
        value = None if constraints is None else constraints["path_len_constraint"].native
        return value if isinstance(value, int) else None

    @cached_property
    def unknown_critical(self) -> bool:
        """Whether a critical extension is in it that we don't know (RFC 5280, 6.1.4 o)."""
        return bool(set(self.asn1.critical_extensions) - _KNOWN_CRITICAL)

    @cached_property
    def key_identifier(self) -> bytes | None:
        value = self.asn1.key_identifier
        return None if value is None else bytes(value)

    @cached_property
    def authority_key_identifier(self) -> bytes | None:
        value = self.asn1.authority_key_identifier
        return None if value is None else bytes(value)

    @cached_property
    def needs_no_check(self) -> bool:
        """id-pkix-ocsp-nocheck (RFC 6960, 4.2.2.2.1), or a validity so short that nobody revokes (EN 319 412-1, 5.2)."""
        return self.asn1.ocsp_no_check_value is not None or self.extension("0.4.0.194121.2.1") is not None

    def extension(self, oid: str) -> Any:
        for one in self.asn1["tbs_certificate"]["extensions"] or ():
            if one["extn_id"].dotted == oid:
                return one["extn_value"]
        return None

    @cached_property
    def is_agency(self) -> bool:
        """Whether it names an organisation rather than a person: its common name is the organisation's, or it has an
        identifier of an organisation (EN 319 412-3 §4.2.1) and nothing that only a person has, nor a unit to be in.
        """
        subject = self.asn1.subject
        organisation = {*_all(subject, "organization_name"), *_all(subject, "organizational_unit_name")}
        if set(_all(subject, "common_name")) & organisation:
            return True
        return bool(_all(subject, "organization_identifier")) and not any(_all(subject, one) for one in _OF_A_PERSON)


def named(name: Any, attribute: str) -> str:
    """One attribute of a name for people, composed, with numbers that identify a person left out."""
    return redacted(", ".join(_all(name, attribute)))


def redacted(text: str) -> str:
    text = "".join(c for c in unicodedata.normalize("NFC", text) if c.isprintable())
    return _NUMBERS.sub("…", text)[:200]


def _all(name: Any, attribute: str) -> list[str]:
    try:
        value = name.native.get(attribute, [])
    except BROKEN:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@lru_cache(maxsize=2048)
def public_key_of(spki: bytes) -> Any:
    try:
        return load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return None


@lru_cache(maxsize=2048)
def load(der: bytes) -> Certificate | None:
    """The certificate, or None for what is none."""
    try:
        found = Certificate(der)
        _ = found.subject_name, found.issuer_name, found.key_usage, found.extended_usage, found.unknown_critical
    except BROKEN:
        return None
    return found
