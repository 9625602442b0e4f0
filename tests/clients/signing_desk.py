"""A leader's desk: a SoftHSM2 token, the client's library, and behind a line that can be cut the real signing service.

The portal is a token issuer and the way to the service; it can be made evil: what it answers passes through `tamper`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
from cryptography.hazmat.primitives import serialization
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from vanthu_sign import device, folder
from vanthu_sign.pile import Item, Result
from vanthu_sign.pin import PinAsk
from vanthu_sign.server import Server
from vanthu_sign.sitting import Progress, Sitting

from deploy.devpki.server import Running
from deploy.local import softhsm
from services.signing.work import kinds
from shared.jobs import Runner
from tests.signing.desktop import Desktop
from tests.signing.office import Leader, Office
from tests.support.http import serve

PIN = "20261124"
LABEL = "lanh-dao"
Tamper = Callable[[Request, httpx.Response], Response | None]


class Relay:
    """A TCP line to a server: it can be cut, also after so many bytes of an answer, and mended."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self.up = True
        self.cuts = 0  # how many connections still die before they carry an answer
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def cut(self) -> None:
        self.up = False
        for each in list(self._open):
            self._close(each)

    def mend(self) -> None:
        self.up = True

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self.up:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # the server ended before the line did
                near.close()
                continue
            self._open |= {near, far}
            for source, sink, answers in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pump, args=(source, sink, answers), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001
        try:
            while data := source.recv(65536):
                if answers and self.cuts > 0:
                    self.cuts -= 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        finally:
            self._close(source)
            self._close(sink)

    def _close(self, each: socket.socket) -> None:
        self._open.discard(each)
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@dataclass
class Desk:
    """Everything that one leader and one deployment need for a test."""

    pki: Running
    office: Office
    desktop: Desktop
    leader: Leader
    module: str
    store: softhsm.Store
    home: Path
    url: str = ""
    relay: Relay = field(init=False)
    tamper: Tamper = lambda _request, _answer: None
    seen: list[str] = field(default_factory=list)  # method and path of each request that came through
    told: list[Progress] = field(default_factory=list)
    asked: list[PinAsk] = field(default_factory=list)
    _servers: list[Server] = field(default_factory=list)
    _pause: threading.Event = field(default_factory=threading.Event)
    pins: list[str | None] = field(default_factory=lambda: [PIN])  # answers in turn, the last one again and again

    def order(self, count: int = 1, **more: Any) -> list[UUID]:
        """So many documents that wait for the leader."""
        before = self.states().get("awaiting_signature", 0)
        made = [self.office.order(self.leader, **more) for _ in range(count)]
        self.wait_for("awaiting_signature", before + count)
        return made

    def wait_for(self, state: str, count: int = 1) -> None:
        """Until the service's worker has brought so many documents there."""
        until = time.monotonic() + 120 + 2 * count
        while self.states().get(state, 0) < count:
            assert time.monotonic() < until, self.states()
            self.pause()

    def pause(self) -> None:
        """For another process or thread to come further, within a bounded wait."""
        self._pause.wait(0.05)

    def sitting(self, **more: Any) -> Sitting:
        return Sitting(self.server(**more), self.home, told=self.told.append, **more)

    def server(self, **more: Any) -> Server:
        self._servers.append(Server(self.home, **more))
        return self._servers[-1]

    def opened(self) -> Any:
        return device.opened(self.module, LABEL)

    def ask(self, question: PinAsk) -> str | None:
        self.asked.append(question)
        return self.pins.pop(0) if len(self.pins) > 1 else self.pins[0]

    def sign(self, *documents: UUID, sitting: Sitting | None = None) -> list[Result]:
        """A whole sitting over these documents, or over everything that waits."""
        with ExitStack() as stack:
            at = stack.enter_context(sitting or self.sitting())
            results = at.take_up()
            token = stack.enter_context(self.opened())
            items = self.prepare(at, token, *documents)
            return results + at.sign(token, items, ask=self.ask)

    def prepare(self, sitting: Sitting, token: device.Device, *documents: UUID) -> list[Item]:
        wanted = {str(each) for each in documents}
        tasks = [task for task in sitting.tasks() if not wanted or task["document_id"] in wanted]
        return sitting.prepare(tasks, token, device.choose(token.certificates(), None))

    def run(self, *arguments: str, said: str = f"{PIN}\n", **environment: str) -> tuple[int, str, str]:
        """`vanthu-sign` as it runs; exit code, output, errors."""
        done = subprocess.run(
            [sys.executable, "-m", "vanthu_sign", *arguments],
            env=self.environment | environment,
            input=said,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout, done.stderr

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"VANTHU_SIGN_HOME": str(self.home), "VANTHU_SIGN_MODULE": self.module}

    def states(self) -> dict[str, int]:
        """How many documents are in which state at the service."""
        with self.office.pool.connection() as connection:
            connection.execute("SELECT set_config('vanthu.person', %s, true)", [str(self.leader.id)])
            rows = connection.execute("SELECT state, count(*) AS n FROM document GROUP BY state").fetchall()
        return {row["state"]: row["n"] for row in rows}

    @contextmanager
    def worker(self) -> Iterator[None]:
        """The service's worker beside the test, as it runs."""
        stop = threading.Event()
        runner = Runner(self.office.pool, kinds(self.office.desk), stop=stop, threads=1, interval=0.02)
        runner.start()
        try:
            yield
        finally:
            stop.set()
            runner.join()

    def _portal(self) -> FastAPI:
        app = FastAPI()

        @app.post("/oauth/token")
        def token() -> dict[str, Any]:
            made = self.desktop.issuer.token(self.leader.principal, "signing")
            return {"access_token": made, "expires_in": 300, "refresh_token": "again"}

        @app.api_route("/signing/v1/{path:path}", methods=["GET", "POST"])
        async def forward(path: str, request: Request) -> Response:
            self.seen.append(f"{request.method} {path}")
            kept = {
                n: v for n, v in request.headers.items() if n in ("authorization", "idempotency-key", "content-type")
            }
            try:
                async with httpx.AsyncClient(timeout=120) as http:
                    answer = await http.request(
                        request.method,
                        f"{self.desktop.url}/signing/v1/{path}",
                        content=await request.body(),
                        params=request.query_params,
                        headers=kept,
                    )
            except httpx.TransportError:  # as a gateway says it
                return Response(status_code=503)
            tampered = await run_in_threadpool(self.tamper, request, answer)
            if tampered is not None:
                return tampered
            return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))

        return app

    @contextmanager
    def at_work(self) -> Iterator[Desk]:
        with serve(self._portal()) as url, self.worker():
            self.relay = Relay(int(url.rpartition(":")[2]))
            self.url = f"http://127.0.0.1:{self.relay.port}"
            about = {"token_endpoint": f"{self.url}/oauth/token", "vanthu_services": {"signing": self.url}}
            session = {"portal": about, "address": self.url, "refresh_token": "first"}
            folder.write_private(self.home / "session.json", _json(session))
            try:
                yield self
            finally:
                for each in self._servers:
                    each.close()
                self.relay.close()


def leader_with_token(
    pki: Running, place: Path, *, kind: str = "ec-p256", **validity: Any
) -> tuple[Leader, softhsm.Store]:
    """A new token with a key made on it, and a leader whose certificate is beside it. SOFTHSM2_CONF has to name it.

    `kind` "each": a key that wants its PIN for every signature.
    """
    store = softhsm.open_store(softhsm.provide(), place)
    store.provide(LABEL, pin=PIN, so_pin="87654321")
    os.environ["SOFTHSM2_CONF"] = str(store.conf)
    module = str(store.softhsm.module)
    made = _made_apart(module) if kind == "each" else None
    with device.opened(module, LABEL) as token:
        token.log_in(PIN, writing=True)
        key_id, spki = made or token.make_key(kind)
        public = cast("Any", serialization.load_der_public_key(spki))
        issued = pki.issue(public, common_name="Nguyễn Văn Bình", organisation="UBND xã Đông Hà", **validity)
        token.write_certificate(key_id, issued.der)
    return Leader("Nguyễn Văn Bình", cast("Any", None), issued), store


def _made_apart(module: str) -> tuple[bytes, bytes]:
    filled = subprocess.run(
        [sys.executable, "-m", "tests.clients.fill_always", module, LABEL, PIN],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        check=True,
        capture_output=True,
        text=True,
    )
    key_id, spki = filled.stdout.split()
    return bytes.fromhex(key_id), bytes.fromhex(spki)


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()
