"""A pile of documents signed with a SoftHSM2 token by `vanthu-sign`'s own library, against the token's own raw rate.

The signing service runs in a process of its own (`serve`): its real application over HTTP, PostgreSQL, a real PKI and TSA, and a worker.
The client prepares the pile, logs in once, and then the clock runs: until the token has made the last signature (the leader may pull it
out), until the last one was taken by the service, and until the last document was finished with its time stamp. Service and client share
this machine's cores, which in an office they do not: so the service has the lower priority.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from vanthu_sign.device import Certificate, Device, choose, opened
from vanthu_sign.pile import Ended
from vanthu_sign.pin import PinAsk
from vanthu_sign.server import Server
from vanthu_sign.sitting import Sitting

from bench import signing_papers
from deploy.local import softhsm

ROOT = Path(__file__).resolve().parents[1]
PILE, QUICK_PILE = 200, 50
PIN, LABEL = "13572468", "leader"
KEY = "rsa-3072"
STARTED, RAW_SECONDS = 240.0, 2.0
ALL_CORES = range(os.cpu_count() or 1)


def measure(*, quick: bool) -> dict[str, Any]:
    """Signatures and documents a second; a failure is written down with its reason."""
    pile = QUICK_PILE if quick else PILE
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if before is not None:
        os.sched_setaffinity(0, ALL_CORES)
    try:
        with tempfile.TemporaryDirectory(prefix="vanthu-bench-") as home:
            return _measure(Path(home), pile)
    except Exception as error:  # noqa: BLE001  the other figures shall not be lost
        return {"pile": pile, "error": f"{type(error).__name__}: {error}"[:400]}
    finally:
        if before is not None:
            os.sched_setaffinity(0, before)


def _measure(home: Path, pile: int) -> dict[str, Any]:
    store = softhsm.open_store(softhsm.provide(), home / "softhsm")
    store.provide(LABEL, pin=PIN, so_pin="24681357")
    os.environ.update(store.environment)
    module = str(store.softhsm.module)
    with opened(module, LABEL) as device:
        device.log_in(PIN, writing=True)
        key_id, spki = device.make_key(KEY)
        with _serving(home, spki, pile) as (serving, told):
            device.write_certificate(key_id, b64decode(told["certificate"]))
            certificate = choose(device.certificates(), None)
            pss = device.about().pss
            raw = [_raw_rate(module, key_id, pss=pss)]
            found = _sign(home, device, certificate, told)
            raw.append(_raw_rate(module, key_id, pss=pss))
            assert serving.poll() is None, "the signing service died"
    signed = pile / found["until signed"]
    return {
        "pile": pile,
        "key": f"RSA-3072, {found['mechanism']}",
        "raw": sum(raw) / 2,
        "signed": signed,
        "taken": pile / found["until taken"],
        "finished": pile / found["until finished"],
        "of raw": signed / (sum(raw) / 2),
        **found,
    }


def _sign(home: Path, device: Device, certificate: Certificate, told: dict[str, Any]) -> dict[str, Any]:
    server = _server(home, told)
    taken: list[float] = []
    complete = server.complete

    def completing(items: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
        answered = complete(items)
        taken.append(time.monotonic())
        return answered

    server.complete = completing  # type: ignore[method-assign]
    made: list[float] = []
    sign_many = device.sign_many

    def signing(*asked: Any) -> Iterator[bytes]:
        for signature in sign_many(*asked):
            made.append(time.monotonic())
            yield signature

    device.sign_many = signing  # type: ignore[method-assign,assignment]
    entered: list[float] = []

    def enter(_question: PinAsk) -> str:
        entered.append(time.monotonic())
        return PIN

    with Sitting(server, home / "client") as sitting:
        began = time.monotonic()
        items = sitting.prepare(sitting.tasks(), device, certificate)
        prepared = time.monotonic() - began
        against = [item.against for item in items if not item.ready]
        assert (len(items), against) == (told["pile"], []), "the pile could not be prepared"
        results = sitting.sign(device, items, ask=enter)
        finished = time.monotonic()
    failed = [one for one in results if one.ended is not Ended.SIGNED]
    assert not failed, f"{len(failed)} not signed: {failed[0]}"
    return {
        "mechanism": items[0].mechanism,
        "prepared in": prepared,
        "until signed": made[-1] - entered[0],
        "until taken": taken[-1] - entered[0],
        "until finished": finished - entered[0],
    }


def _server(home: Path, told: dict[str, Any]) -> Server:
    """Logged in already: log-in is no part of what is measured."""
    server = Server(home / "client")
    about = {"token_endpoint": told["url"], "vanthu_services": {"signing": told["url"]}}
    server._session = {"portal": about}  # noqa: SLF001
    server._access["signing"] = (told["token"], float("inf"))  # noqa: SLF001
    return server


def _raw_rate(module: str, key_id: bytes, *, pss: bool) -> float:
    """Signatures a second of the device, one after the other in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return float(pool.apply(_raw, (module, key_id, pss)))


def _raw(module: str, key_id: bytes, pss: bool) -> float:  # noqa: FBT001  goes to the other process by position
    import pkcs11

    from bench.loop import repeat

    how: dict[str, Any] = {"mechanism": pkcs11.Mechanism.SHA256_RSA_PKCS}
    if pss:
        parameters = (pkcs11.Mechanism.SHA256, pkcs11.MGF.SHA256, 32)
        how = {"mechanism": pkcs11.Mechanism.SHA256_RSA_PKCS_PSS, "mechanism_param": parameters}
    with pkcs11.lib(module).get_token(token_label=LABEL).open(user_pin=PIN) as session:
        wanted = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.Attribute.ID: key_id}
        key: Any = next(iter(list(session.get_objects(wanted))))
        return repeat(lambda _n: key.sign(b"attributes" * 30, **how), RAW_SECONDS)


@contextmanager
def _serving(home: Path, spki: bytes, pile: int) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "bench.signing_token", str(home / "service"), b64encode(spki).decode(), str(pile)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        try:
            assert process.stdout
            ready, _, _ = select.select([process.stdout], [], [], STARTED)
            line = process.stdout.readline() if ready else ""
            assert line, "the signing service did not get ready"
            yield process, json.loads(line)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(30)


# --- the service's process


def serve(home: Path, spki: bytes, pile: int) -> None:
    """Prepare the pile, say where and as whom to sign, and serve until our input is closed."""
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    from deploy.devpki.server import running
    from services.signing.craft import Network
    from services.signing.desk import Desk, SealDevice
    from services.signing.keys import KeyStore
    from shared import db
    from shared.blobs import Blobs
    from shared.workshop import Workshop
    from tests.signing import office as world
    from tests.signing.desktop import Desktop
    from tests.support.postgres import serving

    home.mkdir()
    os.nice(10)
    with ExitStack() as stack:
        pki = stack.enter_context(running())
        pool = db.open_pool(stack.enter_context(serving()).database("signing").app)
        stack.callback(pool.close)
        workshop = Workshop(size=2)
        stack.callback(workshop.close)
        network = Network(roots=(world.root_der(pki),), tsa=(pki.tsa_url,), timeout=5.0)
        desk = Desk(
            pool=pool,
            blobs=Blobs((home / "blobs").as_uri(), "signing"),
            workshop=workshop,
            network=lambda: network,
            keys=SealDevice(KeyStore("", "", "")),
            source=world.SOURCE,
            stale_after=3600.0,
        )
        office = world.Office(desk, (home / "blobs").as_uri())
        issued = pki.issue(cast(Any, load_der_public_key(spki)), common_name="Nguyễn Văn Bình")
        leader = world.Leader("Nguyễn Văn Bình", cast(Any, None), issued)
        office.found(leader)
        draft = signing_papers.small()
        for _ in range(pile):
            office.order(leader, pdf=draft)
        office.work()
        desktop = Desktop(office, stack)
        stop = threading.Event()
        workers = [threading.Thread(target=_work, args=(office, stop)) for _ in range(2)]
        for worker in workers:
            worker.start()
        told = {
            "url": desktop.url,
            "token": desktop.issuer.token(leader.principal, "signing"),
            "certificate": b64encode(issued.der).decode(),
            "pile": pile,
        }
        print(json.dumps(told), flush=True)
        sys.stdin.read()
        stop.set()
        for worker in workers:
            worker.join()


def _work(office: Any, stop: threading.Event) -> None:
    while not stop.is_set():
        if not office.runner.run_one():
            stop.wait(0.02)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), b64decode(sys.argv[2]), int(sys.argv[3]))
