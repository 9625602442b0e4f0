"""A real IMAP server on loopback: Dovecot with one mailbox, TLS, and a certificate of its own."""

from __future__ import annotations

import imaplib
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.parts import free_port, scratch

PROGRAM = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
ABSENT = "no Dovecot here, or not root, which it wants to be: apt-get install dovecot-imapd"
USER, PASSWORD = "vanban@tinh.example.vn", "mat-khau-hop-thu"

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
default_vsz_limit = 0
mail_max_userip_connections = 1000
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
"""


def is_here() -> bool:
    return PROGRAM is not None and os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class PostOffice:
    port: int
    ca: str

    @contextmanager
    def line(self) -> Iterator[imaplib.IMAP4]:
        context = ssl.create_default_context(cafile=self.ca)
        line = imaplib.IMAP4_SSL("127.0.0.1", self.port, ssl_context=context, timeout=60)
        try:
            line.login(USER, PASSWORD)
            yield line
        finally:
            line.logout()

    def deliver(self, mail: bytes) -> None:
        with self.line() as line:
            assert line.append("INBOX", "", "", mail)[0] == "OK"

    def count(self, folder: str) -> int:
        with self.line() as line:
            answer, found = line.select(folder, readonly=True)
            return int(found[0] or 0) if answer == "OK" else 0

    def empty(self) -> None:
        with self.line() as line:
            for folder in ("INBOX", "Vanthu-Processing", "Done", "Refused"):
                answer, found = line.select(folder)
                if answer == "OK" and int(found[0] or 0):
                    line.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
                    line.expunge()


@contextmanager
def serving() -> Iterator[PostOffice]:
    with scratch("imap") as folder:
        folder.chmod(0o755)
        (folder / "run").mkdir()
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", "mail", "mail")
        _certificate(folder)
        port = free_port()
        config = folder / "dovecot.conf"
        config.write_text(_CONFIG.format(folder=folder, port=port, password=PASSWORD), encoding="utf-8")
        process = subprocess.Popen([str(PROGRAM), "-F", "-c", str(config)], stdin=subprocess.DEVNULL)
        try:
            office = PostOffice(port, str(folder / "cert.pem"))
            _wait(office, process, folder / "dovecot.log")
            yield office
        finally:
            process.terminate()
            process.wait(60)


def _wait(office: PostOffice, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            office.count("INBOX")
        except (OSError, imaplib.IMAP4.error):
            said = log.read_text(encoding="utf-8") if log.exists() else ""
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.05)  # nobody tells when it listens
        else:
            return


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    (folder / "key.pem").chmod(0o600)
