"""The development PKI as a process: it starts, is killed at the worst moment, and remembers what it told."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from deploy.devpki.hierarchy import load_or_create
from deploy.devpki.server import running
from tests.devpki.test_devpki_status import question
from tests.devpki.test_devpki_tsa import query, token_of
from tests.devpki.tools import call
from tests.support.parts import free_port

ROOT = Path(__file__).parents[2]
KEY = ec.generate_private_key(ec.SECP256R1())
CSR = (
    x509.CertificateSigningRequestBuilder()
    .subject_name(x509.Name([]))
    .sign(KEY, hashes.SHA256())
    .public_bytes(serialization.Encoding.PEM)
    .decode()
)


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    var: Path
    process: subprocess.Popen[str]

    def post(self, path: str, data: dict[str, Any], key: str = "") -> Any:
        secret = (self.var / "secrets" / "devpki").read_text().strip()
        reply = call(
            self.url + path,
            json.dumps(data).encode(),
            Authorization=f"Bearer {secret}",
            Idempotency_Key=key or str(uuid.uuid4()),
        )
        assert reply.status in (200, 201), reply.body
        return reply.json

    def issue(self, key: str = "") -> x509.Certificate:
        request = {"csr": CSR, "profile": "person", "subject": {"common_name": "A"}}
        return x509.load_pem_x509_certificate(self.post("/ca/issue", request, key)["certificate"].encode())

    def ask(self, certificate: x509.Certificate) -> ocsp.OCSPResponse:
        issuer = x509.load_der_x509_certificate(call(f"{self.url}/issuing.crt").body)
        asked = question(certificate, issuer)
        return ocsp.load_der_ocsp_response(
            call(f"{self.url}/ocsp", asked, Content_Type="application/ocsp-request").body
        )

    def stamp_serial(self) -> int:
        reply = call(f"{self.url}/tsa", query(), Content_Type="application/timestamp-query")
        return int(token_of(reply.body)[1]["serial_number"].native)

    def crl_number(self) -> int:
        crl = x509.load_der_x509_crl(call(f"{self.url}/issuing.crl").body)
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def start(var: Path, port: int, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.devpki", "serve"],
        cwd=ROOT,
        env=os.environ | {"VANTHU_VAR": str(var), "VANTHU_DEVPKI_PORT": str(port)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def served(var: Path, port: int) -> Iterator[Served]:
    """The real process, ready; killed with SIGKILL at the end."""
    with start(var, port) as process:
        try:
            assert process.stdout
            assert process.stderr
            ready, _, _ = select.select([process.stdout], [], [], 90)
            line = process.stdout.readline() if ready else ""
            assert line.startswith("devpki: http://"), line or process.stderr.read()
            yield Served(line.split()[1], var, process)
        finally:
            process.kill()


@pytest.fixture
def port() -> int:
    return free_port()  # none that the system gives to connections meanwhile: it is listened on twice


def test_after_sigkill_the_process_still_knows_what_it_told(tmp_path: Path, port: int) -> None:
    with served(tmp_path, port) as before:
        assert call(f"{before.url}/healthz").json == {"status": "ok"}
        root = call(f"{before.url}/root.pem").body
        good, bad = before.issue("once"), before.issue()
        told = before.post("/ca/revoke", {"serial": f"{bad.serial_number:x}", "reason": "keyCompromise"})
        serial, number = before.stamp_serial(), before.crl_number()
    with served(tmp_path, port) as after:
        assert call(f"{after.url}/root.pem").body == root
        assert after.ask(good).certificate_status == ocsp.OCSPCertStatus.GOOD
        revoked = after.ask(bad)
        assert revoked.revocation_reason == x509.ReasonFlags.key_compromise
        assert revoked.revocation_time_utc
        assert revoked.revocation_time_utc.isoformat() == told["revoked_at"]
        assert after.issue("once") == good
        assert after.stamp_serial() > serial
        assert after.crl_number() > number


def test_killed_while_it_issues_it_has_forgotten_no_certificate_that_it_gave(tmp_path: Path, port: int) -> None:
    given: list[x509.Certificate] = []
    enough = threading.Event()

    def issue_until_it_dies(server: Served) -> None:
        try:
            while True:
                given.append(server.issue())
                if len(given) >= 40:
                    enough.set()
        except (OSError, http.client.HTTPException):
            enough.set()  # refused, reset or cut short: the process is gone

    with served(tmp_path, port) as server, ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(issue_until_it_dies, server)
        assert enough.wait(60)
        server.process.send_signal(signal.SIGKILL)
    assert len(given) >= 40
    with served(tmp_path, port) as server:
        states = [server.ask(certificate).certificate_status for certificate in given]
    assert set(states) == {ocsp.OCSPCertStatus.GOOD}


def test_sigterm_ends_it_cleanly_though_a_client_keeps_its_connection(tmp_path: Path, port: int) -> None:
    with served(tmp_path, port) as server, socket.create_connection(("127.0.0.1", port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert server.process.stderr
        assert "Traceback" not in server.process.stderr.read()


def test_a_taken_port_and_a_changed_address_are_said_in_one_sentence(tmp_path: Path, port: int) -> None:
    with served(tmp_path, port):
        for var, at, environment, word in (
            (tmp_path / "other", port, {}, "VANTHU_DEVPKI_PORT"),
            (tmp_path, 0, {"VANTHU_DEVPKI_URL": "http://127.0.0.1:1"}, "VANTHU_DEVPKI_URL"),
        ):
            with start(var, at, **environment) as second:
                _, said = second.communicate(timeout=60)
            assert second.returncode == 1
            assert word in said
            assert len(said.strip().splitlines()) == 2  # Vietnamese, English


def test_processes_that_start_at_once_make_one_hierarchy(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_or_create(tmp_path, "http://127.0.0.1:1"), range(8)))
    assert len({one.root.ca.der for one in made}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["hierarchy"]


def test_a_server_in_a_test_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())  # some of which others may end meanwhile
    with running(port=free_port()) as pki:
        var, port = pki.var, int(pki.url.rpartition(":")[2])
        assert call(f"{pki.url}/healthz").status == 200
    assert not var.exists()
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


def test_a_server_in_a_test_restarts_on_kept_state(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port=port) as pki:
        issued = pki.issue(KEY.public_key(), common_name="A", idempotency_key="once")
        root = pki.root_pem
    with running(tmp_path, port=port) as again:
        assert again.root_pem == root
        assert again.issue(KEY.public_key(), common_name="A", idempotency_key="once").pem == issued.pem
