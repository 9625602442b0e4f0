"""One development PKI on a free port for the tests of this folder, and OpenSSL to judge it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from deploy.devpki.server import Running, running
from tests.devpki.tools import Openssl


@pytest.fixture(scope="session")
def shared_pki() -> Iterator[Running]:
    with running() as pki:
        yield pki


@pytest.fixture
def pki(shared_pki: Running) -> Iterator[Running]:
    """One PKI for all tests: each makes its own certificates; outages end with the test."""
    yield shared_pki
    shared_pki.outage(ocsp=False, crl=False, tsa=False, issue=False)


@pytest.fixture
def openssl(tmp_path: Path, shared_pki: Running) -> Openssl:
    """With root.pem and issuing.pem in place."""
    tool = Openssl(tmp_path)
    tool.write("root.pem", shared_pki.root_pem)
    tool.write("issuing.pem", shared_pki.issuing.public_bytes(serialization.Encoding.PEM))
    return tool
