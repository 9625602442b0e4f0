"""The parts of a deployment as the tests of signing meet them: PKI, seal device, processes, database, HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from vanthu_verify import policy

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running, running
from deploy.local import softhsm
from services.signing import validation_rules
from services.signing.craft import Network
from services.signing.desk import Desk, SealDevice
from services.signing.judges import Judges
from services.signing.keys import KeyStore
from shared import db
from shared.blobs import Blobs
from shared.workshop import Workshop
from tests.signing import office as world
from tests.signing.desktop import Desktop
from tests.signing.office import SOURCE, Leader, Office
from tests.support.postgres import Database

RULES = validation_rules.read(
    Path(validation_rules.__file__).with_name("data").joinpath("validation_rules.toml").read_text(encoding="utf-8"),
    policy.names(),
)


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def seal_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyStore]:
    """A SoftHSM2 token of this run; processes started from here on find it by their environment."""
    store = softhsm.open_store(softhsm.provide(), tmp_path_factory.mktemp("softhsm"))
    store.provide("seals", pin="1357", so_pin="2468")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        keys = KeyStore(str(store.softhsm.module), "seals", "1357")
        yield keys
        keys.close()


@pytest.fixture(scope="module")
def seal(seal_token: KeyStore, pki: Running) -> Issued:
    """The certificate of a seal key in the token."""
    seal_token.generate("H50.10")
    return pki.issue(seal_token.csr("H50.10", common_name="H50.10"), common_name="UBND xã Đông Hà", profile="agency")


@pytest.fixture(scope="module")
def workshop(seal_token: KeyStore) -> Iterator[Workshop]:  # noqa: ARG001  its processes inherit the environment
    made = Workshop(size=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges]:
    made = Judges()
    yield made
    made.close()


@pytest.fixture(scope="module")
def leader(pki: Running) -> Leader:
    return world.leader(pki)


@pytest.fixture(scope="module")
def deputy(pki: Running) -> Leader:
    return world.leader(pki, "Phạm Thị Phó")


@pytest.fixture(autouse=True)
def _all_in_service(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test took out of service is there again for the next one."""
    yield
    if "pki" in request.fixturenames:
        request.getfixturevalue("pki").outage(tsa=False, ocsp=False, crl=False)


@pytest.fixture
def office(
    *,
    database: Callable[[str], Database],
    pki: Running,
    seal_token: KeyStore,
    workshop: Workshop,
    judges: Judges,
    tmp_path: Path,
) -> Iterator[Office]:
    made = database("signing")
    pool = db.open_pool(made.app)
    blobs = tmp_path.joinpath("blobs").as_uri()
    # Tests take CAs out of service, so nothing that a CA said for an earlier one may stand in for it.
    network = Network(roots=(world.root_der(pki),), tsa=(pki.tsa_url,), timeout=30.0, reuse=timedelta(0))
    desk = Desk(
        pool=pool,
        blobs=Blobs(blobs, "signing"),
        workshop=workshop,
        network=lambda: network,
        keys=SealDevice(seal_token),
        source=SOURCE,
        stale_after=600.0,  # not 60: a busy machine needs longer for some tests, and states nothing meanwhile
        ledger_sealer="H50.10",
        judges=judges,
        rules=RULES,
    )
    yield Office(desk, blobs, admin=made.admin)
    pool.close()


@pytest.fixture
def desktop(office: Office) -> Iterator[Desktop]:
    with ExitStack() as stack:
        yield Desktop(office, stack)
