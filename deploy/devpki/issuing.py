"""Issuing and revoking: which certificates this CA makes, for whom, and how one stops being good."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import unicodedata
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.devpki import store
from deploy.devpki.hierarchy import ARC, MARK, Hierarchy, add_pointers, builder, key_usage, policies
from deploy.devpki.refusals import (
    ALREADY_REVOKED,
    CERTIFICATE_UNKNOWN,
    CSR_SIGNATURE,
    CSR_UNREADABLE,
    KEY_WEAK,
    VALIDITY,
)
from deploy.devpki.store import Status, Store
from shared.errors import INVALID_REQUEST, Rejected

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
HOLD, RELEASE = "certificateHold", "removeFromCRL"
REASONS = frozenset(flag.value for flag in x509.ReasonFlags) - {"aACompromise"}
DEFAULT_DAYS = 730
# Clocks of other machines lag; a certificate is not refused as "not yet valid" in its first minute.
BACKDATE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Profile:
    """`commitment` is contentCommitment (nonRepudiation): the key signs documents that bind its owner."""

    policy: x509.ObjectIdentifier
    commitment: bool
    extended: tuple[x509.ObjectIdentifier, ...]


PROFILES = {
    "person": Profile(
        x509.ObjectIdentifier(f"{ARC}.1.1"),
        commitment=True,
        extended=(ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING),
    ),
    "agency": Profile(
        x509.ObjectIdentifier(f"{ARC}.1.2"),
        commitment=True,
        extended=(ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING),
    ),
    "service": Profile(
        x509.ObjectIdentifier(f"{ARC}.1.3"),
        commitment=False,
        extended=(ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
    ),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the certificate names. X.520 bounds each of the names to 64 characters; `email` goes into the SAN."""

    common_name: str
    organisation: str | None = None
    organisation_id: str | None = None
    locality: str | None = None
    title: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """An issued certificate. `serial` is lower-case hexadecimal of even length."""

    certificate: x509.Certificate
    chain_pem: bytes

    @property
    def serial(self) -> str:
        return serial_text(self.certificate.serial_number)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


def serial_text(serial: int) -> str:
    text = f"{serial:x}"
    return text if len(text) % 2 == 0 else "0" + text


def read_csr(pem: str | bytes) -> PublicKey:
    """The key of a PKCS#10 request, its possession proved by the request's own signature (RFC 2986 §3)."""
    try:
        csr = x509.load_pem_x509_csr(pem.encode() if isinstance(pem, str) else pem)
        proved, key = csr.is_signature_valid, csr.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Rejected(CSR_UNREADABLE) from error
    if not proved:
        raise Rejected(CSR_SIGNATURE)
    return accept_key(key)


def accept_key(key: object) -> PublicKey:
    """Only what the national rules allow for signing: RSA of 2048 bits or more, ECDSA of 256 or more."""
    if isinstance(key, rsa.RSAPublicKey):
        if 2048 <= key.key_size <= 8192:
            return key
        raise Rejected(KEY_WEAK, key=f"RSA-{key.key_size}")
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1):
            return key
        raise Rejected(KEY_WEAK, key=key.curve.name)
    raise Rejected(KEY_WEAK, key=type(key).__name__.removesuffix("PublicKey"))


def issue(
    hierarchy: Hierarchy,
    database: Store,
    key: PublicKey,
    *,
    subject: Subject,
    profile: str = "person",
    days: int = DEFAULT_DAYS,
    not_before: dt.datetime | None = None,
    not_after: dt.datetime | None = None,
    idempotency_key: str | None = None,
) -> Issued:
    """A certificate under the issuing CA, known to OCSP before the caller gets it.

    Explicit times (aware) win over `days`, and may lie wholly in the past. The same idempotency key with the
    same request returns the certificate made the first time.
    """
    if profile not in PROFILES:
        raise Rejected(INVALID_REQUEST, where=f"profile ({', '.join(PROFILES)})")
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    start = (not_before or now - BACKDATE).astimezone(dt.UTC).replace(microsecond=0)
    end = (not_after or start + dt.timedelta(days=days)).astimezone(dt.UTC).replace(microsecond=0)
    _check_validity(hierarchy, start, end)
    digest = _digest(key, subject, profile, [days, str(not_before), str(not_after)])
    if idempotency_key and (der := database.find_repeat(idempotency_key, digest)):
        return Issued(x509.load_der_x509_certificate(der), hierarchy.chain_pem)
    # Signed before the transaction, which all others wait for. Of two that bring one key at once the later one's
    # certificate is thrown away unseen, and both get the first one's.
    made = Issued(_certificate(hierarchy, key, subject, PROFILES[profile], (start, end)), hierarchy.chain_pem)
    der = made.der
    first = database.write(
        lambda tx: store.add_once(
            tx,
            made.serial,
            issuer="issuing",
            profile=profile,
            der=der,
            at=int(now.timestamp()),
            idempotency_key=idempotency_key,
            request_digest=digest,
        )
    )
    return made if first == der else Issued(x509.load_der_x509_certificate(first), hierarchy.chain_pem)


def revoke(database: Store, serial: str, reason: str, *, at: dt.datetime | None = None) -> Status:
    """Revoke, suspend (`certificateHold`) or release (`removeFromCRL`); RFC 5280 §5.3.1 names the reasons.

    Saying the same again changes nothing. `at` (aware, not in the future) backdates, for tests of documents
    that were signed before or after. Raises `Rejected` for an unknown serial and after a final revocation.
    """
    if reason not in REASONS:
        raise Rejected(INVALID_REQUEST, where=f"reason ({', '.join(sorted(REASONS))})")
    now = dt.datetime.now(dt.UTC)
    if at is not None and at > now:
        raise Rejected(INVALID_REQUEST, where="revoked_at")
    serial = serial.replace(":", "").lower()
    serial = serial if len(serial) % 2 == 0 else "0" + serial
    with database.transaction() as tx:
        found = store.find(tx, serial)
        if found is None:
            raise Rejected(CERTIFICATE_UNKNOWN, serial=serial)
        issuer, before = found
        after = _next_status(before, reason, int((at or now).timestamp()))
        if after != before:
            store.save_status(tx, issuer, after)
    return after


def _next_status(before: Status, reason: str, at: int) -> Status:
    if before.reason not in (None, HOLD):
        if before.reason == reason:
            return before
        when = dt.datetime.fromtimestamp(before.revoked_at or 0, dt.UTC)
        raise Rejected(ALREADY_REVOKED, serial=before.serial, at=when.isoformat(), reason=before.reason)
    if reason == RELEASE:
        return Status(before.serial, None, None)
    # Revoked while on hold: it was not good since the hold began, so that date stays.
    return Status(before.serial, reason, at if before.revoked_at is None else before.revoked_at)


def _check_validity(hierarchy: Hierarchy, start: dt.datetime, end: dt.datetime) -> None:
    ca = hierarchy.issuing.ca.certificate
    if not ca.not_valid_before_utc <= start < end <= ca.not_valid_after_utc:
        raise Rejected(
            VALIDITY,
            start=start.isoformat(),
            end=end.isoformat(),
            ca_start=ca.not_valid_before_utc.isoformat(),
            ca_end=ca.not_valid_after_utc.isoformat(),
        )


def _certificate(
    hierarchy: Hierarchy,
    key: PublicKey,
    subject: Subject,
    profile: Profile,
    validity: tuple[dt.datetime, dt.datetime],
) -> x509.Certificate:
    ca = hierarchy.issuing.ca
    made = builder(key, subject=_subject_name(subject), issuer=ca.certificate, validity=validity)
    made = (
        add_pointers(made, hierarchy.base_url, "issuing")
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signature=True, commitment=profile.commitment), critical=True)
        .add_extension(x509.ExtendedKeyUsage(profile.extended), critical=False)
        .add_extension(policies(profile.policy), critical=False)
    )
    if subject.email:
        try:
            address = x509.RFC822Name(subject.email)
        except ValueError as error:
            raise Rejected(INVALID_REQUEST, where="subject.email") from error
        made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return made.sign(ca.key, ca.digest)


def _subject_name(subject: Subject) -> x509.Name:
    """O is always the mark; the agency stands in OU, as the government's CA has its own name in O."""
    parts = [(NameOID.COUNTRY_NAME, "VN", "country"), (NameOID.ORGANIZATION_NAME, MARK, "mark")]
    optional = (
        (NameOID.ORGANIZATIONAL_UNIT_NAME, subject.organisation, "organisation"),
        (NameOID.ORGANIZATION_IDENTIFIER, subject.organisation_id, "organisation_id"),
        (NameOID.LOCALITY_NAME, subject.locality, "locality"),
        (NameOID.TITLE, subject.title, "title"),
    )
    parts += [(oid, value, field) for oid, value, field in optional if value]
    parts.append((NameOID.COMMON_NAME, subject.common_name, "common_name"))
    attributes = []
    for oid, value, field in parts:
        text = unicodedata.normalize("NFC", value).strip()
        if not 1 <= len(text) <= 64 or not text.isprintable():
            raise Rejected(INVALID_REQUEST, where=f"subject.{field} (1–64)")
        attributes.append(x509.NameAttribute(oid, text))
    return x509.Name(attributes)


def _digest(key: PublicKey, subject: Subject, profile: str, rest: list[object]) -> str:
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    said = json.dumps(
        [spki.hex(), {name: getattr(subject, name) for name in Subject.__slots__}, profile, rest], sort_keys=True
    )
    return hashlib.sha256(said.encode()).hexdigest()
