"""EU DSS builds the chains of the development PKI's certificates by itself, and judges what was sealed in an outage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki.server import Running
from services.registry import revocation, status_data
from services.registry.revocation import Reach
from services.registry.status_data import Question
from services.signing import pdf
from services.signing.kept import Kept
from tests.interop import paper
from tests.interop.judge import ChainVerdict, judge, judge_certificates

KEY = ec.generate_private_key(ec.SECP256R1()).public_key()


@pytest.fixture(autouse=True)
def _all_in_service(pki: Running) -> Iterator[None]:
    yield
    pki.outage(ocsp=False, crl=False)


def chains(pki: Running, folder: Path, **certificates: bytes) -> dict[str, ChainVerdict]:
    trust = folder / "trust.pem"
    trust.write_bytes(pki.root_pem)
    for name, content in certificates.items():
        (folder / f"{name}.cer").write_bytes(content)
    found = judge_certificates([folder / f"{name}.cer" for name in certificates], trust)
    return {name.removesuffix(".cer"): verdict for name, verdict in found.items()}


def test_dss_builds_the_chain_from_the_certificate_alone_over_loopback(pki: Running, tmp_path: Path) -> None:
    """Issuer by AIA, status by OCSP; the time-stamping authority's and the CA's own certificates likewise."""
    good = pki.issue(KEY, common_name="Bế Thị Hồng Nguyệt")
    revoked = pki.issue(KEY, common_name="Người bị thu hồi")
    pki.revoke(revoked.serial, "keyCompromise")
    found = chains(pki, tmp_path, good=good.der, revoked=revoked.der, tsa=pki.pki.hierarchy.tsa.der)

    chain = found["good"].chain
    assert [one.indication for one in chain] == ["PASSED", "PASSED", "PASSED"], found["good"]
    assert chain[0].name == "Bế Thị Hồng Nguyệt"
    assert [one.errors for one in chain] == [(), (), ()]
    assert f"OCSP GOOD {pki.ocsp_url}" in chain[0].revocation
    assert f"OCSP GOOD {pki.ocsp_url}" in chain[1].revocation
    assert {url.rpartition("/")[0] for url in found["good"].asked} == {pki.url}
    assert f"{pki.url}/issuing.crt" in found["good"].asked
    assert [one.indication for one in found["tsa"].chain] == ["PASSED", "PASSED", "PASSED"]
    bad = found["revoked"].chain[0]
    assert (bad.indication, bad.reason) == ("INDETERMINATE", "KEY_COMPROMISE")
    assert f"OCSP REVOKED {pki.ocsp_url}" in bad.revocation


@pytest.mark.full
def test_dss_goes_by_the_lists_while_the_responder_is_out(pki: Running, tmp_path: Path) -> None:
    good = pki.issue(KEY, common_name="Bế Thị Hồng Nguyệt")
    revoked = pki.issue(KEY, common_name="Người bị thu hồi")
    pki.revoke(revoked.serial, "superseded")
    pki.outage(ocsp=True)
    found = chains(pki, tmp_path, good=good.der, revoked=revoked.der)
    chain = found["good"].chain
    assert [one.indication for one in chain] == ["PASSED", "PASSED", "PASSED"], found["good"]
    assert chain[0].revocation == (f"CRL GOOD {pki.crl_url}",)
    assert chain[1].revocation == (f"CRL GOOD {pki.url}/root.crl",)
    assert found["revoked"].chain[0].revocation == (f"CRL REVOKED {pki.crl_url}",)
    assert found["revoked"].chain[0].indication == "INDETERMINATE"


def kept(question: Question, pki: Running) -> Kept:
    """As registry fetches it, verifies it and hands it to signing."""
    answer = revocation.fetch(question, Reach(frozenset({"127.0.0.1"}), timeout=30.0))
    serial = f"{question.certificate.serial_number:x}" if question.certificate else None
    assert question.url.startswith(pki.url)
    issuer = status_data.fingerprint(question.issuer)
    return Kept(question.kind, question.url, issuer, serial, answer.content, answer.this_update, answer.next_update)


@pytest.mark.full
def test_dss_accepts_what_was_sealed_with_kept_revocation_data(pki: Running, tmp_path: Path) -> None:
    """Nothing but lists and answers fetched ahead is in the document; DSS judges it while the CA is still silent."""
    tsa = pki.pki.hierarchy.tsa.certificate
    pairs = ((tsa, pki.issuing), (pki.issuing, pki.root))
    data = [kept(one, pki) for pair in pairs for one in status_data.questions(*pair)]
    draft = paper.sample("01")
    signed = paper.sign(pdf.prepare(draft, paper.plan(draft)), paper.person(pki), pki)
    seal_key = paper.agency(pki)
    data += [kept(Question("crl", pki.crl_url, pki.issuing), pki)]
    pki.outage(ocsp=True, crl=True)
    trust = replace(paper.trust(pki), kept=tuple(data))
    sealed = paper.seal(signed, seal_key, pki, trust=trust)
    assert trust.used

    (tmp_path / "trust.pem").write_bytes(pki.root_pem)
    (tmp_path / "sealed.pdf").write_bytes(sealed)
    verdict = judge([tmp_path / "sealed.pdf"], tmp_path / "trust.pem")["sealed.pdf"]
    assert verdict.accepted, verdict
    assert [one.level for one in verdict.signatures] == ["PAdES-BASELINE-LTA", "PAdES-BASELINE-LTA"]
