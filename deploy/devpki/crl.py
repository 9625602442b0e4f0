"""Certificate revocation lists (RFC 5280 §5): complete, one per CA, numbered without ever going back."""

from __future__ import annotations

import datetime as dt
import threading

from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from deploy.devpki import store
from deploy.devpki.hierarchy import DAY, Authority
from deploy.devpki.store import Status, Store

EXPIRED_CERTS_ON_CRL = x509.ObjectIdentifier("2.5.29.60")  # X.509 §9.5.2.8


class CrlPublisher:
    """Makes a list when somebody asks, at most one a second while nothing was revoked: always true, never stale."""

    def __init__(self, authority: Authority, database: Store) -> None:
        self._authority = authority
        self._database = database
        self._lock = threading.Lock()
        self._made: tuple[dt.datetime, int, bytes] | None = None

    def current(self) -> bytes:
        """The list, DER."""
        with self._lock:
            now = dt.datetime.now(dt.UTC).replace(microsecond=0)
            version = self._database.revocation_version(self._authority.name)
            if self._made is None or self._made[:2] != (now, version):
                self._made = (now, version, self._make())
            return self._made[2]

    def _make(self) -> bytes:
        # Number, time and entries are taken in one transaction: a higher number never knows less.
        with self._database.transaction() as tx:
            number = store.advance(tx, f"crl number of {self._authority.name}")
            revoked = store.list_revoked(tx, self._authority.name)
            now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        ca = self._authority.ca
        ski = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        # Revoked certificates stay listed after they expire: signatures are checked years later.
        since = core.GeneralizedTime(ca.certificate.not_valid_before_utc).dump()
        made = (
            x509.CertificateRevocationListBuilder(revoked_certificates=[_entry(one) for one in revoked])
            .issuer_name(ca.certificate.subject)
            .last_update(now)
            .next_update(now + DAY)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(x509.UnrecognizedExtension(EXPIRED_CERTS_ON_CRL, since), critical=False)
            .sign(ca.key, ca.digest)
        )
        return made.public_bytes(serialization.Encoding.DER)


def _entry(status: Status) -> x509.RevokedCertificate:
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(int(status.serial, 16))
        .revocation_date(dt.datetime.fromtimestamp(status.revoked_at or 0, dt.UTC))
    )
    # "unspecified" is said by leaving the extension out (§5.3.1).
    if status.reason and status.reason != "unspecified":
        reason = x509.CRLReason(x509.ReasonFlags(status.reason))
        entry = entry.add_extension(reason, critical=False)
    return entry.build()
