"""Whose word on a revocation counts (RFC 6960, 4.2.2.2.1), and one signer in a signature (EN 319 142-1; RFC 3161)."""

from __future__ import annotations

from typing import Any

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from vanthu_verify import Indication, Source, Trust, paths, policy, validate
from vanthu_verify.candidates import collect
from vanthu_verify.certificates import load
from vanthu_verify.document import Document
from vanthu_verify.process import Bench, Verdict
from vanthu_verify.revocation import Evidence, ocsp_certificates

from tests.registry.keys import now
from tests.registry.test_revocation import CA, responder, said, subject
from tests.verify import forge

Signer = tuple[x509.Certificate, Any]
ITSELF: Signer = (CA.certificate, CA.key)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def judged(about: x509.Certificate, *answers: bytes, fetched: dict[bytes, bytes] | None = None) -> Verdict:
    """The certificate's standing by these answers, and by those that can be asked for, by certificate."""
    pool, evidence = paths.Pool(), Evidence()
    for answer in (*answers, *(fetched or {}).values()):
        pool.add(ocsp_certificates(answer))
    evidence.add(Source("ocsp", answer, "kept") for answer in answers)
    roots = paths.Anchors.of((der(CA.certificate),))

    def fetch(certificate: Any, _issuer: Any) -> list[Source]:
        return [Source("ocsp", found, "fetched") for one, found in (fetched or {}).items() if one == certificate.der]

    bench = Bench(now(), policy.get("default"), roots, roots, pool, evidence, fetch)
    one = load(der(about))
    assert one is not None
    return bench.judge(one, now(), proof_of=lambda _offset: None)


def test_a_responder_that_needs_no_check_is_believed() -> None:
    one = subject()
    assert judged(one, said(one, responder())).failure is None
    assert judged(one, said(one, ITSELF)).failure is None


def test_a_responder_that_has_to_be_checked_is_believed_once_somebody_else_vouches_for_it() -> None:
    one, delegate = subject(), responder(nocheck=False)
    alone = judged(one, said(one, delegate))
    assert (alone.failure, alone.why) == ("TRY_LATER", "revocation_unknown")
    assert judged(one, said(one, delegate), said(delegate[0], ITSELF)).failure is None
    asked = judged(one, said(one, delegate), fetched={der(delegate[0]): said(delegate[0], ITSELF)})
    assert asked.failure is None, "it is asked for like any certificate"


def test_a_revoked_responder_is_not_believed() -> None:
    one, delegate = subject(), responder(nocheck=False)
    ended = said(delegate[0], ITSELF, status=ocsp.OCSPCertStatus.REVOKED)
    assert judged(one, said(one, delegate), ended).failure == "TRY_LATER"


def test_responders_that_vouch_for_each_other_are_not_believed() -> None:
    one, first, second = subject(), responder(nocheck=False), responder(nocheck=False)
    assert judged(one, said(one, first), said(first[0], first)).failure == "TRY_LATER"
    round_trip = (said(one, first), said(first[0], second), said(second[0], first))
    assert judged(one, *round_trip).failure == "TRY_LATER"


def test_bad_news_counts_whoever_brings_it() -> None:
    one, delegate = subject(), responder(nocheck=False)
    news = said(one, delegate, status=ocsp.OCSPCertStatus.REVOKED)
    assert judged(one, news).failure == "REVOKED_NO_POE"


@pytest.mark.parametrize("twice", [True, False])
def test_a_signature_of_several_signers_is_refused_by_name(signed: bytes, trust: Trust, *, twice: bool) -> None:
    """The first one alone would hold."""
    [found] = collect(Document(signed))[0]
    (start, length), (second, _) = found.covered.parts
    room = second - (start + length) - 2
    info = cms.ContentInfo.load(bytes.fromhex(signed[start + length + 1 : second - 1].decode()), strict=False)
    data = info["content"]
    if twice:
        one = cms.SignerInfo.load(data["signer_infos"][0].dump())
        one["unsigned_attrs"] = []
        data["signer_infos"] = [data["signer_infos"][0], one]
    value = info.dump().hex().encode()
    assert len(value) <= room
    forged = signed[: start + length + 1] + value.ljust(room, b"0") + signed[second - 1 :]
    report = validate(forged, trust, policy_name="foreign")
    if twice:
        assert (report.indication, report.subindication) == (Indication.FAILED, "FORMAT_FAILURE")
        assert report.signatures[0].reasons == ("several_signers",)
        assert "nhiều người" in report.sentence.vi
    else:
        assert report.indication is Indication.PASSED


def test_objects_between_two_signatures_that_no_table_names_are_found(pki: Any, signed: bytes, trust: Trust) -> None:
    """The second signature covers them, the first signer never saw them."""
    from tests.interop import paper

    ref, page = forge.first_page(signed)
    number = forge.next_number(signed)
    honest = forge.update(signed, {number: b"<</Harmless true>>"})
    at = honest.rindex(b"\nxref\n")
    shift = b"\n%d 0 obj\n%b\nendobj" % (ref.num, page)
    start = forge.start_of(honest)
    evil = honest[:at] + shift + honest[at:].replace(b"startxref\n%d" % start, b"startxref\n%d" % (start + len(shift)))
    sealed = paper.seal(evil, paper.agency(pki), pki)
    report = validate(sealed, trust)
    leader, seal = report.signatures[:2]
    assert (leader.indication, leader.reasons[0]) == (Indication.FAILED, "trailing_bytes")
    assert seal.reasons == ()
    assert (report.indication, report.problems) == (Indication.FAILED, ("trailing_bytes",))
