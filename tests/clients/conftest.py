"""The leader's desk for each test, on the signing service's own parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.devpki.server import Running, running
from services.signing.craft import Network
from services.signing.desk import Desk as ServiceDesk
from services.signing.desk import SealDevice
from services.signing.keys import KeyStore
from shared import db
from shared.blobs import Blobs
from shared.workshop import Workshop
from tests.clients.signing_desk import Desk, leader_with_token
from tests.signing import office as world
from tests.signing.desktop import Desktop
from tests.support.postgres import Database


@pytest.fixture(scope="session")
def signing_pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def signing_workshop() -> Iterator[Workshop]:
    made = Workshop(size=1)
    yield made
    made.close()


@pytest.fixture
def desk_of(
    database: Callable[[str], Database],
    signing_pki: Running,
    signing_workshop: Workshop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Desk]]:
    """Makes the desk of a leader; `kind` of key and validity of the certificate as asked."""
    monkeypatch.setenv("SOFTHSM2_CONF", "")  # put back afterwards
    with ExitStack() as stack:
        pool = db.open_pool(database("signing").app, max_size=12)
        stack.callback(pool.close)
        blobs = tmp_path.joinpath("blobs").as_uri()
        network = Network(roots=(world.root_der(signing_pki),), tsa=(signing_pki.tsa_url,), timeout=30.0)
        service = ServiceDesk(
            pool=pool,
            blobs=Blobs(blobs, "signing"),
            workshop=signing_workshop,
            network=lambda: network,
            keys=SealDevice(KeyStore("", "", "")),
            source=world.SOURCE,
            stale_after=600.0,
        )
        office = world.Office(service, blobs)

        def make(**asked: object) -> Desk:
            leader, store = leader_with_token(signing_pki, tmp_path / "token", **asked)  # type: ignore[arg-type]
            office.found(leader)
            office.stated()
            made = Desk(
                signing_pki, office, Desktop(office, stack), leader, str(store.softhsm.module), store, tmp_path / "home"
            )
            return stack.enter_context(made.at_work())

        yield make


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of()
