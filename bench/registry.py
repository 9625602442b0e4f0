"""`make bench B=registry`: how fast the development PKI answers and issues, against the bare signing rate of its keys.

For each key type, in the same run on the same machine and in turns, so that a slow moment hits both sides alike:
`openssl speed`, the responder and the CA as functions of this process, and over HTTP on loopback against the real process
with keep-alive connections. The figure is the median of the rounds. Written to bench/results/registry.{json,md}.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from bench import load, machine, registry_report
from bench.loop import profile, repeat
from deploy.devpki import issuing
from deploy.devpki.issuing import Issued, Subject
from deploy.devpki.pki import Pki
from deploy.devpki.server import Request, answer
from shared.ids import new_id
from tests.support.parts import free_port

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
SECONDS = 1.0  # of each measurement in each round
CERTIFICATES = 200  # that are asked about in turns
CSRS = 64
FRESH_ORDERS = 20_000  # per client, made before the clock runs; nobody issues that many in a round
CONNECTIONS_TO_ISSUE = 4
OCSP_GOAL, ISSUE_GOAL = 3.0, 0.5  # times the raw signing rate
IMPORT = "bench.registry_import"
# Key type of the PKI: what signs certificates, what signs OCSP answers, as `openssl speed` names them.
KEYS = {"p384": ("ecdsap384", "ecdsap256"), "p256": ("ecdsap256", "ecdsap256"), "rsa3072": ("rsa3072", "rsa3072")}

Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Subjects:
    """What the questions and orders are about, the same for function and HTTP."""

    issued: list[Issued]
    questions: list[bytes]
    csrs: list[str]


def main() -> None:
    results: dict[str, Any] = {"machine": machine.facts(), "rounds": ROUNDS, "seconds": SECONDS, "keys": {}}
    with load.clients() as clients:
        for keys in KEYS:
            print(f"bench registry: {keys}", flush=True)
            results["keys"][keys] = measure(keys, clients)
    results["import"] = measure_import()
    registry_report.write(ROOT / "bench" / "results", results)


def measure(keys: str, clients: ProcessPoolExecutor) -> dict[str, Any]:
    """All figures of one key type, per second."""
    ca_key, ocsp_key = KEYS[keys]
    with tempfile.TemporaryDirectory(prefix="vanthu-bench-") as home, served(Path(home), keys) as (url, port):
        # The same state, opened a second time: what the process serves is what the functions here answer from.
        pki = Pki(Path(home), url, keys)
        try:
            subjects = prepare(pki)
            warm = load.post("/ocsp", subjects.questions[0], Content_Type="application/ocsp-request")
            assert ocsp.load_der_ocsp_response(load.ask(port, warm)).certificate_status == ocsp.OCSPCertStatus.GOOD
            measures: dict[str, Measure] = {
                "raw, CA": lambda: machine.openssl_signs(ca_key, 1),
                "raw, OCSP": lambda: machine.openssl_signs(ocsp_key, 1),
                "raw in cryptography, CA": lambda: repeat(lambda _: sign(pki.hierarchy.issuing.ca.key), SECONDS),
                "raw in cryptography, OCSP": lambda: repeat(lambda _: pki.hierarchy.issuing.ocsp.sign(b"tbs"), SECONDS),
                "OCSP function": lambda: repeat(ask_kept(pki, subjects), SECONDS),
                "OCSP function, nonce": lambda: repeat(ask_with_nonce(pki, subjects), SECONDS),
                "OCSP HTTP": lambda: over_http(clients, port, subjects.questions),
                "OCSP HTTP, nonce": lambda: over_http(clients, port, list(nonces(pki, subjects, 2000))),
                "issue function": lambda: repeat_together(order(pki, subjects)),
                "issue HTTP": lambda: issue_over_http(clients, port, pki, subjects),
            }
            rounds = [{name: run() for name, run in measures.items()} for _ in range(ROUNDS)]
            figures = {name: median(each[name] for each in rounds) for name in measures}
            spread = {
                name: [min(each[name] for each in rounds), max(each[name] for each in rounds)] for name in measures
            }
            return {
                "figures": figures,
                "spread": spread,
                "goals": goals(figures),
                "profiles": {
                    "OCSP function": profile(ask_kept(pki, subjects), 20_000),
                    "OCSP over HTTP, below the parser": profile(handle(pki, subjects.questions), 20_000),
                    "issue function": profile(order(pki, subjects), 400),
                },
            }
        finally:
            pki.close()


def goals(figures: dict[str, float]) -> list[dict[str, Any]]:
    """Each goal against the raw rate of the program `openssl`; a missed one is written down as missed."""
    wanted = (
        ("OCSP function", "raw, OCSP", OCSP_GOAL),
        ("OCSP HTTP", "raw, OCSP", OCSP_GOAL),
        ("issue function", "raw, CA", ISSUE_GOAL),
        ("issue HTTP", "raw, CA", ISSUE_GOAL),
    )
    return [
        {"what": what, "against": raw, "goal": goal, "times": times, "met": times >= goal}
        for what, raw, goal in wanted
        for times in (figures[what] / figures[raw],)
    ]


def prepare(pki: Pki) -> Subjects:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    issued = [pki.issue(key, subject=Subject(f"Người {n}"), profile="person") for n in range(CERTIFICATES)]
    return Subjects(issued, [question(pki, one) for one in issued], [csr() for _ in range(CSRS)])


def question(pki: Pki, issued: Issued, nonce: bytes | None = None) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        issued.certificate,
        pki.hierarchy.issuing.ca.certificate,
        hashes.SHA1(),  # noqa: S303  as most clients name certificates
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def nonces(pki: Pki, subjects: Subjects, count: int) -> Iterator[bytes]:
    return (question(pki, subjects.issued[n % CERTIFICATES], os.urandom(16)) for n in range(count))


def csr() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def sign(key: Any) -> None:
    """As a certificate is signed: P-384 with SHA-384, the others with SHA-256."""
    from cryptography.hazmat.primitives.asymmetric import padding

    if isinstance(key, ec.EllipticCurvePrivateKey):
        key.sign(b"tbs", ec.ECDSA(hashes.SHA384() if key.key_size > 256 else hashes.SHA256()))
    else:
        key.sign(b"tbs", padding.PKCS1v15(), hashes.SHA256())


def ask_kept(pki: Pki, subjects: Subjects) -> Callable[[int], object]:
    questions, responder = subjects.questions, pki.ocsp
    return lambda n: responder.answer(questions[n % CERTIFICATES])


def ask_with_nonce(pki: Pki, subjects: Subjects) -> Callable[[int], object]:
    asked, responder = list(nonces(pki, subjects, 2000)), pki.ocsp
    return lambda n: responder.answer(asked[n % len(asked)])


def handle(pki: Pki, questions: list[bytes]) -> Callable[[int], object]:
    headers = {"content-type": "application/ocsp-request"}
    return lambda n: answer(pki, Request("POST", "/ocsp", questions[n % len(questions)], headers))


def order(pki: Pki, subjects: Subjects) -> Callable[[int], object]:
    """From a CSR to a certificate on disk, as POST /ca/issue does it."""

    def issue(n: int) -> Issued:
        key = issuing.read_csr(subjects.csrs[n % CSRS])
        return pki.issue(key, subject=Subject("Người"), profile="person", idempotency_key=str(new_id()))

    return issue


def over_http(clients: ProcessPoolExecutor, port: int, questions: list[bytes]) -> float:
    messages = [load.post("/ocsp", asked, Content_Type="application/ocsp-request") for asked in questions]
    return load.rate(clients, port, [messages[n :: load.CLIENTS] for n in range(load.CLIENTS)], SECONDS)


def issue_over_http(clients: ProcessPoolExecutor, port: int, pki: Pki, subjects: Subjects) -> float:
    most = int(FRESH_ORDERS * SECONDS / CONNECTIONS_TO_ISSUE)
    shares = [[order_message(pki, subjects, n) for n in range(most)] for _ in range(CONNECTIONS_TO_ISSUE)]
    return load.rate(clients, port, shares, SECONDS)


def order_message(pki: Pki, subjects: Subjects, n: int) -> bytes:
    """With an idempotency key of its own: each order gets a new certificate."""
    body = {"csr": subjects.csrs[n % CSRS], "profile": "person", "subject": {"common_name": "Người"}}
    return load.post(
        "/ca/issue",
        json.dumps(body, ensure_ascii=False).encode(),
        Authorization=f"Bearer {pki.secret}",
        Idempotency_Key=str(new_id()),
    )


def repeat_together(work: Callable[[int], object]) -> float:
    """The same on as many threads as there are connections: they share the waiting for the disk."""
    with ThreadPoolExecutor(CONNECTIONS_TO_ISSUE) as threads:
        return sum(threads.map(lambda _: repeat(work, SECONDS), range(CONNECTIONS_TO_ISSUE)))


@contextmanager
def served(var: Path, keys: str) -> Iterator[tuple[str, int]]:
    """The real process on a port of its own; ended at the end."""
    port = free_port()
    url = f"http://{load.LOOPBACK}:{port}"
    environment = os.environ | {"VANTHU_VAR": str(var), "VANTHU_DEVPKI_PORT": str(port), "VANTHU_DEVPKI_KEYS": keys}
    environment.pop("VANTHU_DEVPKI_URL", None)
    command = [sys.executable, "-m", "deploy.devpki", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready, "the development PKI did not start"
            assert process.stdout.readline().startswith("devpki: ")
            yield url, port
        finally:
            process.terminate()


def measure_import() -> dict[str, Any]:
    """Import of 231 agencies and 15,630 people, measured where its code is; none: said to be not measured."""
    if importlib.util.find_spec(IMPORT) is None:
        return {"measured": False}
    found: dict[str, Any] = importlib.import_module(IMPORT).measure()
    return {"measured": True} | found


if __name__ == "__main__":
    main()
