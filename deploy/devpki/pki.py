"""The whole development PKI without its HTTP: hierarchy, store, CRLs, OCSP, TSA and the switches of tests."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import tempfile
import threading
from pathlib import Path

from cryptography import x509

from deploy.devpki import issuing, store
from deploy.devpki.crl import CrlPublisher
from deploy.devpki.hierarchy import DEFAULT_KEYS, Hierarchy, load_or_create
from deploy.devpki.issuing import Issued, Subject
from deploy.devpki.ocsp import OcspResponder
from deploy.devpki.shapes import OUTAGES
from deploy.devpki.store import Status, Store
from deploy.devpki.tsa import TimeStampAuthority


class Pki:
    """State lives in `var`/devpki, the bearer secret in `var`/secrets/devpki; `close` it when done."""

    def __init__(self, var: Path, base_url: str, keys: str = DEFAULT_KEYS) -> None:
        self.var = var
        self.hierarchy: Hierarchy = load_or_create(var / "devpki", base_url, keys)
        self.secret = load_secret(var / "secrets" / "devpki")
        self.database = Store(var / "devpki" / "state.sqlite")
        self._add_own_certificates()
        self.crls = {one.name: CrlPublisher(one, self.database) for one in self.hierarchy.authorities}
        self.ocsp = OcspResponder(self.hierarchy, self.database)
        self.tsa = TimeStampAuthority(self.hierarchy, self.database)
        self._outages: frozenset[str] = frozenset()
        self._outage_lock = threading.Lock()

    def issue(
        self,
        key: issuing.PublicKey,
        *,
        subject: Subject,
        profile: str,
        days: int = issuing.DEFAULT_DAYS,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Issued:
        return issuing.issue(
            self.hierarchy,
            self.database,
            key,
            subject=subject,
            profile=profile,
            days=days,
            not_before=not_before,
            not_after=not_after,
            idempotency_key=idempotency_key,
        )

    def revoke(self, serial: str, reason: str, *, at: dt.datetime | None = None) -> Status:
        return issuing.revoke(self.database, serial, reason, at=at)

    def is_out(self, what: str) -> bool:
        return what in self._outages

    def switch(self, changes: dict[str, bool]) -> dict[str, bool]:
        """Which parts answer 503; returns all switches."""
        with self._outage_lock:
            now = {what: what in self._outages for what in OUTAGES} | changes
            self._outages = frozenset(what for what, out in now.items() if out)
            return now

    def close(self) -> None:
        self.database.close()

    def _add_own_certificates(self) -> None:
        """OCSP answers for the issuing CA, the TSA and the signers as for everybody else."""
        root, issuing_ca = self.hierarchy.authorities
        own = (
            (issuing_ca.ca, "root"),
            (root.ocsp, "root"),
            (issuing_ca.ocsp, "issuing"),
            (self.hierarchy.tsa, "issuing"),
        )
        with self.database.transaction() as tx:
            for identity, issuer in own:
                certificate: x509.Certificate = identity.certificate
                store.add(
                    tx,
                    issuing.serial_text(certificate.serial_number),
                    issuer=issuer,
                    profile="infrastructure",
                    der=identity.der,
                    at=int(dt.datetime.now(dt.UTC).timestamp()),
                )


def load_secret(path: Path) -> str:
    """The bearer secret, made at the first start; only the owner may read the file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        handle, fresh = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # 0600
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        try:
            Path(path).hardlink_to(fresh)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        finally:
            Path(fresh).unlink()
    return path.read_text().strip()
