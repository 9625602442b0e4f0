"""A time-stamping authority lies: nothing of it is embedded, the refusal says why, the next one in the list is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from deploy.devpki.hierarchy import TSA_POLICY
from deploy.devpki.server import Running, running
from services.signing import pdf
from shared.errors import Rejected
from tests.interop import liars, paper
from tests.interop.liars import Answering, answering, off_by, stamped

TEN_MINUTES = timedelta(minutes=10)
HASTY = 2.0  # seconds for a server that never answers
# The lie, the code of the refusal and what its sentence names.
LIES: dict[str, tuple[Callable[[Running], Answering], str, str]] = {
    "wrong digest": (lambda p: stamped(p, message_imprint=liars.other_digest), "tsa_not_believed", "another digest"),
    "wrong nonce": (lambda p: stamped(p, nonce=1), "tsa_not_believed", "nonce"),
    "no nonce": (lambda p: stamped(p, nonce=None), "tsa_not_believed", "nonce"),
    "wrong policy": (lambda p: stamped(p, policy=liars.OTHER_POLICY), "tsa_not_believed", "policy"),
    "wrong signature": (liars.wrong_signature, "tsa_not_believed", "signature"),
    "expired certificate": (lambda p: stamped(p, liars.expired_tsa(p)), "tsa_not_believed", "expired"),
    "revoked certificate": (lambda p: stamped(p, liars.revoked_tsa(p)), "tsa_not_believed", "revoked"),
    "wrong purpose": (lambda p: stamped(p, liars.person_as_tsa(p)), "tsa_not_believed", "not for time stamps"),
    "rejected": (lambda _: liars.rejecting, "tsa_not_believed", "refused"),
    "garbage": (lambda _: lambda _request: b"\x30\x82\xff\xffgarbage", "tsa_not_believed", "unreadable"),
    "nothing": (lambda _: lambda _request: b"", "tsa_not_believed", "unreadable"),
    "ahead": (lambda p: stamped(p, gen_time=off_by(TEN_MINUTES)), "clock_differs", "+10"),
    "behind": (lambda p: stamped(p, gen_time=off_by(-TEN_MINUTES)), "clock_differs", "-10"),
    "huge": (lambda _: liars.huge, "tsa_unavailable", ""),
    "slow": (lambda _: liars.trickle, "tsa_unavailable", ""),
}


@pytest.fixture(scope="module")
def stranger() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def prepared() -> bytes:
    draft = paper.sample("01")
    return pdf.prepare(draft, paper.plan(draft))


def service(pki: Running, *urls: str, timeout: float = paper.PATIENT) -> pdf.TimeStampService:
    policy = TSA_POLICY.dotted_string
    return pdf.TimeStampService(urls, timeout=timeout, tries=1, trust=paper.trust(pki), policy=policy)


def finish(prepared: bytes, pki: Running, stamps: pdf.TimeStampService) -> bytes:
    key = paper.person(pki, pdf.Mechanism.ECDSA)
    begun = paper.begin(prepared, key)
    return pdf.finish_signature(prepared, begun, key.sign(begun.digest_to_sign), time_stamps=stamps)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_with_its_reason_and_the_next_server_is_asked(pki: Running, prepared: bytes, lie: str) -> None:
    answer, code, why = LIES[lie]
    timeout = HASTY if lie == "slow" else paper.PATIENT
    with answering(answer(pki)) as liar:
        with pytest.raises(Rejected) as refused:
            finish(prepared, pki, service(pki, liar.url, timeout=timeout))
        assert refused.value.code == code
        assert why in refused.value.sentence.en
        assert refused.value.refusal.status == 503, "it waits; the signature itself is good"
        signed = finish(prepared, pki, service(pki, liar.url, pki.tsa_url))
        # One that did not answer in time is left alone for a while.
        assert len(liar.asked) == 2 or (code == "tsa_unavailable" and len(liar.asked) == 1)
    [signature] = pdf.validate(signed, paper.trust(pki)).signatures
    assert (signature.indication, signature.level) == (pdf.Indication.PASSED, pdf.Level.B_T)


def test_a_stranger_is_not_believed(pki: Running, prepared: bytes, stranger: Running) -> None:
    """An honest authority under a root of its own."""
    with pytest.raises(Rejected) as refused:
        finish(prepared, pki, service(pki, stranger.tsa_url))
    assert (refused.value.code, refused.value.params["why"]) == ("tsa_not_believed", "untrusted")


def test_a_root_that_is_believed_for_documents_only_stamps_nothing(pki: Running, prepared: bytes) -> None:
    import hashlib
    from dataclasses import replace

    root = hashlib.sha256(pki.pki.hierarchy.root.ca.der).hexdigest()
    trust = replace(paper.trust(pki), limits={root: frozenset({pdf.SIGN_DOCUMENTS})})
    with pytest.raises(Rejected) as refused:
        finish(prepared, pki, pdf.TimeStampService((pki.tsa_url,), trust=trust))
    assert (refused.value.code, refused.value.params["why"]) == ("tsa_not_believed", "untrusted")


def test_the_archive_stamp_is_looked_at_too(pki: Running, prepared: bytes) -> None:
    signed = finish(prepared, pki, service(pki, pki.tsa_url))
    with answering(stamped(pki, nonce=1)) as liar, pytest.raises(Rejected) as refused:
        pdf.extend(signed, level=pdf.Level.LTA, trust=paper.trust(pki), time_stamps=service(pki, liar.url))
    assert refused.value.code == "tsa_not_believed"


def test_one_server_with_a_wrong_clock_among_good_ones_does_no_harm(pki: Running, prepared: bytes) -> None:
    with answering(stamped(pki, gen_time=off_by(TEN_MINUTES))) as liar:
        signed = finish(prepared, pki, service(pki, liar.url, pki.tsa_url))
    assert pdf.validate(signed, paper.trust(pki)).indication is pdf.Indication.PASSED


def test_neither_a_caught_liar_nor_a_silent_server_is_asked_again_at_once(pki: Running, prepared: bytes) -> None:
    stamps = pdf.TimeStampService(("", ""), tries=3, timeout=HASTY, trust=paper.trust(pki))
    with answering(stamped(pki, nonce=1)) as liar, answering(liars.trickle) as silent:
        from dataclasses import replace

        with pytest.raises(Rejected):
            finish(prepared, pki, replace(stamps, urls=(liar.url, silent.url)))
        assert (len(liar.asked), len(silent.asked)) == (1, 1)
