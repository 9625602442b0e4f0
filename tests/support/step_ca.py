"""The real step-ca, built from its published source once and kept in the download cache."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from deploy.local.jars import cache_directory
from deploy.local.layout import ROOT
from tests.support.parts import free_port, until

VERSION = "v0.30.2"
MODULE = f"github.com/smallstep/certificates/cmd/step-ca@{VERSION}"
BUILD_BOUND = 1200.0  # seconds; two minutes on two cores, most of it once per machine
TEMPLATE = ROOT / "services" / "registry" / "data" / "step_ca_template.json"
NO_GO = "step-ca is built from source, and there is no Go here (1.25 or newer): https://go.dev/dl, then run again"
DAY = timedelta(days=1)


def program() -> Path | None:
    """The built program; None where there is neither it nor Go."""
    home = cache_directory(ROOT / "var") / "step-ca" / VERSION
    built = home / "step-ca"
    if built.exists():
        return built
    go = shutil.which("go")
    if go is None:
        return None
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as fresh:
        # Without cgo it needs no smart card library of the system; Go checks every module against its checksum database.
        environment = os.environ | {"CGO_ENABLED": "0", "GOBIN": fresh, "GOFLAGS": "-trimpath -buildvcs=false"}
        command = ["nice", "-n", "10", go, "install", "-ldflags=-s -w", MODULE]
        done = subprocess.run(
            command, cwd=fresh, env=environment, capture_output=True, text=True, check=False, timeout=BUILD_BOUND
        )
        assert done.returncode == 0, done.stderr[-4000:]
        Path(fresh, "step-ca").replace(built)  # under its name it is always whole
    return built


@dataclass(frozen=True, slots=True)
class Authority:
    """The keys and certificates of a step-ca, and its provisioner's key (a private JWK)."""

    home: Path
    port: int
    provisioner_key: ECKey
    root: x509.Certificate

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def root_pem(self) -> str:
        return self.root.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        return self.root.fingerprint(hashes.SHA256()).hex()

    def revoked(self) -> set[int]:
        """The serials on the CRL that the CA publishes."""
        context = ssl.create_default_context(cadata=self.root_pem)
        crl = x509.load_der_x509_crl(httpx.get(f"{self.url}/1.0/crl", verify=context, timeout=60).content)
        return {each.serial_number for each in crl}


def make(home: Path) -> Authority:
    """A configuration with the template that Vanthu documents, under which certificates live up to five years."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _ca("Step Root", root_key.public_key(), "Step Root", root_key, length=1)
    issuing = _ca("Step Issuing", key.public_key(), "Step Root", root_key, length=0)
    (home / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (home / "issuing.pem").write_bytes(issuing.public_bytes(serialization.Encoding.PEM))
    (home / "issuing.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    provisioner = ECKey.generate_key("P-256", private=True)
    public = provisioner.as_dict(private=False) | {"kid": provisioner.thumbprint(), "use": "sig", "alg": "ES256"}
    made = Authority(home, free_port(), provisioner, root)
    jwk: dict[str, Any] = {
        "type": "JWK",
        "name": "vanthu",
        "key": public,
        "claims": {"minTLSCertDuration": "5m", "maxTLSCertDuration": "43800h", "disableRenewal": True},
        "options": {"x509": {"templateFile": str(TEMPLATE)}},
    }
    configuration = {
        "root": str(home / "root.pem"),
        "crt": str(home / "issuing.pem"),
        "key": str(home / "issuing.key"),
        "address": f"127.0.0.1:{made.port}",
        "dnsNames": ["127.0.0.1"],
        "logger": {"format": "text"},
        "db": {"type": "badgerv2", "dataSource": str(home / "db")},
        "crl": {"enabled": True, "generateOnRevoke": True},
        "authority": {"provisioners": [jwk]},
    }
    (home / "ca.json").write_text(json.dumps(configuration))
    return made


@contextmanager
def serving(authority: Authority) -> Iterator[None]:
    """The program at work; killed at the end. Its state stays, so it can be started again."""
    built = program()
    assert built, NO_GO
    with (authority.home / "log").open("ab") as log:
        process = subprocess.Popen([built, authority.home / "ca.json"], stdout=log, stderr=log, cwd=authority.home)
    try:
        context = ssl.create_default_context(cadata=authority.root_pem)

        def healthy() -> bool:
            assert process.poll() is None, (authority.home / "log").read_text()
            try:
                return httpx.get(f"{authority.url}/health", verify=context).status_code == 200
            except httpx.TransportError:
                return False

        until(healthy, bound=90, what="step-ca")
        yield
    finally:
        process.kill()
        process.wait()


def _ca(
    name: str, key: ec.EllipticCurvePublicKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey, *, length: int
) -> x509.Certificate:
    ski = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 3650 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
