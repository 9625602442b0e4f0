"""Anybody may have a file checked: visitors, too; nothing is kept of what they hand in, and nobody is kept from signing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from deploy.devpki.server import Running
from services.signing import pdf
from services.signing.appearance import SignatureLook
from services.signing.checking import AT_ONCE, MAX_BYTES, WAITING, Counter
from shared import db
from shared.errors import Rejected
from shared.tokens import Principal
from tests.interop import paper
from tests.signing.desktop import Desktop
from tests.signing.office import Office, leader

VISITOR = Principal(kind="visitor", name="Khách", roles=frozenset())


@pytest.fixture(scope="module")
def issued(pki: Running) -> bytes:
    return paper.issue(paper.sample("01"), pki)


def kept(office: Office) -> list[dict[str, Any]]:
    with db.transaction(office.pool) as tx:
        return tx.execute("SELECT * FROM report").fetchall()


@pytest.fixture
def visitor(desktop: Desktop) -> httpx.Client:
    return desktop.of(VISITOR)


def test_a_visitor_learns_that_a_paper_is_authentic_and_leaves_nothing(
    office: Office, visitor: httpx.Client, issued: bytes
) -> None:
    report = visitor.post("/checks", content=issued).raise_for_status().json()
    assert report["indication"] == "TOTAL_PASSED"
    assert {s["level"] for s in report["signatures"] if s["kind"] == "signature"} == {"PAdES-BASELINE-LTA"}
    assert report["sentence"]["vi"].startswith("Văn bản nguyên vẹn")
    assert kept(office) == []


def test_a_person_s_report_is_kept_and_shared(
    office: Office, desktop: Desktop, visitor: httpx.Client, pki: Running, issued: bytes
) -> None:
    person = desktop.of(leader(pki).principal)
    first = person.post("/checks", content=issued).raise_for_status().json()
    assert len(kept(office)) == 1
    again = visitor.post("/checks", content=issued).raise_for_status().json()
    assert again == first, "the very report, with its time"
    by_another_policy = visitor.post("/checks?policy=archive", content=issued).raise_for_status().json()
    assert by_another_policy["policy"].startswith("archive-")


def test_a_changed_paper_fails(visitor: httpx.Client, issued: bytes) -> None:
    report = visitor.post("/checks", content=paper.change_number(issued)).raise_for_status().json()
    assert report["indication"] == "TOTAL_FAILED"


def test_a_past_time_is_judged_and_a_coming_one_refused(visitor: httpx.Client, issued: bytes) -> None:
    before = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    report = visitor.post("/checks", params={"at": before}, content=issued).raise_for_status().json()
    assert (report["past"], report["indication"]) == (True, "INDETERMINATE")
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for query, code in (
        ({"at": ahead}, "moment_ahead"),
        ({"policy": "kind"}, "policy_unknown"),
        ({"at": "x"}, "invalid_request"),
    ):
        answer = visitor.post("/checks", params=query, content=issued)
        assert answer.json()["code"] == code, answer.text


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "empty_file"), (b"PK\x03\x04 docx", "not_a_pdf"), (b"%PDF-1.7\nhello", "pdf_damaged")],
)
def test_what_is_no_pdf_is_said(visitor: httpx.Client, body: bytes, code: str) -> None:
    answer = visitor.post("/checks", content=body)
    problem = answer.json()
    assert (answer.status_code, problem.get("code")) == (422, code), problem


def test_a_file_over_the_limit_is_refused_while_it_comes(visitor: httpx.Client) -> None:
    chunk = b"%PDF-1.7\n".ljust(1024 * 1024, b" ")
    answer = visitor.post("/checks", content=(chunk for _ in range(MAX_BYTES // len(chunk) + 1)))
    assert answer.json()["code"] == "check_too_large"


def test_a_visitor_has_no_other_right(visitor: httpx.Client) -> None:
    for path in ("/tasks", "/reports/" + "0" * 64, "/clients", "/at-risk"):
        assert visitor.get(path).status_code in {403, 404}, path
    assert visitor.get("/policies").json()["items"][0]["name"] == "default"


def test_without_a_token_nothing_is_read(desktop: Desktop, issued: bytes) -> None:
    answer = httpx.post(f"{desktop.url}/signing/v1/checks", content=issued, timeout=30)
    assert answer.status_code == 401


def test_more_than_a_few_at_once_are_told_to_come_back() -> None:
    counter, entered, release = Counter(), threading.Barrier(AT_ONCE + 1), threading.Event()

    def hold() -> None:
        with counter.place():
            entered.wait(60)
            release.wait(60)

    def wait() -> None:
        with counter.place():
            pass

    threads = [threading.Thread(target=hold) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    entered.wait(60)
    for _ in range(WAITING):
        threads.append(threading.Thread(target=wait))
        threads[-1].start()
    refused = 0
    while not refused:  # as soon as the last of those who wait has taken its place
        try:
            threads.append(threading.Thread(target=wait))
            with counter.place(patience=0.01):
                pass
        except Rejected as error:
            refused += error.code == "checks_busy"
    release.set()
    for thread in threads:
        if thread.ident:
            thread.join()
    with counter.place():
        pass


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that notes who asks it."""
    seen: list[str] = []

    class Notes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815  the name that http.server calls

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_addresses_in_a_stranger_s_certificate_are_not_asked(
    visitor: httpx.Client, asked: tuple[str, list[str]]
) -> None:
    """A visitor must not make us call whom they like: who is not trusted says nothing that we look up."""
    url, seen = asked
    signed = signed_by_a_stranger(url)
    report = visitor.post("/checks", content=signed).raise_for_status().json()
    assert (report["indication"], report["subindication"]) == ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND")
    assert seen == []


def signed_by_a_stranger(url: str) -> bytes:
    now = datetime.now(UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def build(name: str, issuer: str, of: ec.EllipticCurvePrivateKey, *more: x509.ExtensionType) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
        )
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(authority_key, hashes.SHA256())

    root = build("Lạ", "Lạ", authority_key, x509.BasicConstraints(ca=True, path_length=None))
    places = [
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(f"{url}/ocsp")),
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(f"{url}/ca")),
    ]
    lists = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{url}/crl")], None, None, None)
    leaf = build("Người lạ", "Lạ", key, x509.AuthorityInformationAccess(places), x509.CRLDistributionPoints([lists]))
    base = pdf.prepare(paper.sample("01"), paper.plan(paper.sample("01")))
    half = pdf.begin_signature(
        base,
        paper.SIGNER,
        certificate=leaf.public_bytes(Encoding.DER),
        chain=(root.public_bytes(Encoding.DER),),
        look=SignatureLook(name="Người lạ", post="", signed_at=now.replace(microsecond=0)),
        signed_at=now.replace(microsecond=0),
        mechanism=pdf.Mechanism.ECDSA,
    )
    return pdf.finish_signature(
        base, half, key.sign(half.signed_attributes, ec.ECDSA(hashes.SHA256())), time_stamps=None
    )
