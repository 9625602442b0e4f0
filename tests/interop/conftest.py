"""One development PKI for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.devpki.server import Running, running


@pytest.fixture(scope="session")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server
