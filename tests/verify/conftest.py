"""One PKI and a few signed documents for all tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from vanthu_verify import Trust

from deploy.devpki.server import Running, running
from services.signing import pdf
from tests.interop import paper


@pytest.fixture(scope="package")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="package")
def trust(pki: Running) -> Trust:
    return Trust(roots=(pki.pki.hierarchy.root.ca.der,))


@pytest.fixture(scope="package")
def signed(pki: Running) -> bytes:
    """Signed and certified by the leader (DocMDP 2), with a time stamp; number and seal are still to come."""
    draft = paper.sample("01")
    return paper.sign(pdf.prepare(draft, paper.plan(draft)), paper.person(pki), pki)


@pytest.fixture(scope="package")
def issued(pki: Running, signed: bytes) -> bytes:
    """Numbered, sealed, archived: LTA."""
    return paper.seal(signed, paper.agency(pki), pki)


@pytest.fixture(scope="package")
def approved(pki: Running) -> bytes:
    """An approval signature by somebody else's software, without certification or lock."""
    return paper.as_signed_elsewhere(pki)
