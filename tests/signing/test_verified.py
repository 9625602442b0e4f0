"""A good signature over a certificate is computed once in a process; a bad one is bad however often it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from asn1crypto import x509
from cryptography.exceptions import InvalidSignature
from pyhanko_certvalidator import sig_validate

from deploy.devpki.pki import Pki
from deploy.devpki.server import Running, running
from services.signing import pdf_verified


@pytest.fixture(scope="module")
def pki() -> Any:
    with running() as server:
        yield server


def test_only_what_was_good_is_remembered_and_by_all_that_goes_into_it(
    pki: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[bytes] = []
    compute = sig_validate._validate_raw

    def counted(signature: bytes, *more: Any) -> None:
        computed.append(signature)
        compute(signature, *more)

    monkeypatch.setattr(sig_validate, "_validate_raw", counted)
    authority: Pki = pki.pki
    issuing, root = (
        x509.Certificate.load(each.ca.der) for each in (authority.hierarchy.issuing, authority.hierarchy.root)
    )
    signature, signed = issuing.signature, issuing["tbs_certificate"].dump()
    algorithm, key = issuing["signature_algorithm"], root.public_key
    verify = pdf_verified.Remembering().validate_signature
    for _ in range(3):
        verify(signature, signed, key, algorithm)
    assert len(computed) == 1
    for _ in range(2):
        with pytest.raises(InvalidSignature):
            verify(signature, signed[:-1] + bytes((signed[-1] ^ 1,)), key, algorithm)
        with pytest.raises(InvalidSignature):
            verify(signature, signed, issuing.public_key, algorithm)
    assert len(computed) == 5, "a bad one is computed each time"
    verify(signature, signed, key, algorithm)
    assert len(computed) == 5
