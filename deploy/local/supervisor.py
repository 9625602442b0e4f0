"""The order in which the embedded stack starts, what it waits for, and the order in which it stops."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local import environment, java, kafka, layout, postgres, refusals, softhsm, topics
from deploy.local.console import SHOWN, Console
from deploy.local.process import Command, Processes, Running, Stopping
from shared.errors import Rejected, Sentence

READY_BOUND = 120.0  # seconds until a process answers
GIVE_UP = 3  # restarts before a process has ever answered
PATIENCE = 15.0  # seconds that a service may take to finish what it is doing
LOOK = 0.25  # seconds between two looks at what has changed
PYTHON = sys.executable

Started = concurrent.futures.Future[None]


class Stack:
    """One embedded stack; `up` starts it, `watch` stays until somebody asks it to stop, `stop` ends everything."""

    def __init__(self, place: layout.Layout, console: Console, *, demo: bool = True) -> None:
        self.place = place
        self.console = console
        self.processes = Processes(place.var, console.say)
        self.services = environment.known_services(layout.ROOT)
        self.asked = threading.Event()  # somebody asked to stop
        self._demo = demo
        self._ready = False
        self._stated = ""
        self._broker: Started = concurrent.futures.Future()
        self._database: Started = concurrent.futures.Future()
        self._devpki: Started = concurrent.futures.Future()
        self._hsm: concurrent.futures.Future[softhsm.SoftHsm] = concurrent.futures.Future()

    def up(self) -> None:
        """Until everything answers; Stopping when somebody asked to stop meanwhile, Rejected when it cannot."""
        began = time.monotonic()
        if self.processes.sweep() + postgres.clear_leftovers(self.place.var / "postgres"):
            self._say("đã dọn tiến trình còn sót của lần chạy trước", "removed what an earlier run left behind")
        self.place.check_ports()
        self._say(f"đang khởi động, dữ liệu ở {self.place.var}", f"starting, state in {self.place.var}")
        steps: list[Callable[[], None]] = [
            lambda: _settle(self._broker, self._start_broker),
            lambda: _settle(self._database, self._start_database),
            lambda: _settle(self._hsm, softhsm.provide),
            lambda: _settle(self._devpki, self._start_devpki),
            self._start_mail,
        ]
        steps += [lambda name=name: self._start_service(name) for name in self.services]  # type: ignore[misc]
        self._together(steps)
        if self._demo and (layout.ROOT / "deploy" / "demo" / "load.py").exists():
            self._say("đang nạp dữ liệu mẫu", "loading the demo province")
            self._together([self._load_demo])
        self._ready = True
        self._state()
        self._banner(time.monotonic() - began)

    def watch(self) -> None:
        """Until somebody asks to stop."""
        while not self.asked.wait(LOOK):
            self._state()

    def stop(self) -> None:
        """Services first, so that they can finish on a broker and a database that still answer."""
        began = time.monotonic()
        self.console.closing = True
        if self.processes.running:
            self._say("đang dừng", "stopping")
        names = [name for name in self.processes.running if name not in {"kafka", "postgres"}]
        self.processes.stop([names, ["kafka", "postgres"]])
        postgres.clear_leftovers(self.place.var / "postgres")
        if self.processes.running:
            seconds = time.monotonic() - began
            self._say(f"đã dừng ({seconds:.1f} giây)", f"stopped ({seconds:.1f} s)")

    def explain(self, refused: Rejected) -> None:
        """Why the stack did not start, after the last lines of a log that the console does not show."""
        name = str(refused.params.get("name"))
        if refused.refusal is refusals.PROCESS_FAILED and name in SHOWN:
            for line in self.processes.tail(name):
                self.console.tell(line, name)
        self.console.both(refused.sentence)

    def _together(self, steps: list[Callable[[], None]]) -> None:
        """Runs the steps at once; the first failure, or somebody's wish to stop, ends the waiting."""
        pool = concurrent.futures.ThreadPoolExecutor(len(steps))
        waiting = {pool.submit(step) for step in steps}
        while waiting:
            done, waiting = concurrent.futures.wait(
                waiting, timeout=LOOK, return_when=concurrent.futures.FIRST_EXCEPTION
            )
            for future in done:
                future.result()
            if self.asked.is_set():
                raise Stopping
            self._state()

    # --- the parts

    def _start_broker(self) -> None:
        broker = environment.broker(self.place, java.find())
        self.processes.keep(kafka.prepare(broker, self.processes, self._fetched))
        kafka.wait_ready(broker, self.processes)
        topics.apply(broker.client(), lambda user: environment.kafka_password(self.place, user))

    def _fetched(self, done: int, count: int) -> None:
        if done == count or done % 10 == 0:
            self._say(f"đã tải {done}/{count} tệp của Kafka", f"{done}/{count} of Kafka's files are here")

    def _start_database(self) -> None:
        server = environment.server(self.place)
        self.processes.keep(postgres.prepare(server, self.processes))
        postgres.wait_ready(server, self.processes)

    def _start_devpki(self) -> None:
        """Where the government's CA and time-stamping authority stand in production."""
        arguments = [PYTHON, "-m", "deploy.devpki", "serve"]
        command = Command(name="devpki", arguments=arguments, environment=environment.everywhere(self.place))
        self._wait_ready(self.processes.keep(command), "devpki")

    def _start_mail(self) -> None:
        arguments = [PYTHON, "-m", "deploy.local.mail"]
        command = Command(name="mail", arguments=arguments, environment=environment.everywhere(self.place))
        self._wait_ready(self.processes.keep(command), "mail")

    def _start_service(self, service: str) -> None:
        """Its API needs its database only, so it starts while the broker is still starting; its worker needs both."""
        self._database.result()
        server = environment.server(self.place)
        postgres.provide(server, service, lambda role: environment.role_password(self.place, role))
        program = [PYTHON, "-m", f"services.{service}"]
        # A look instead of a whole process, which takes a second of a start in which nothing has changed.
        if postgres.lacks_migrations(server, service):
            migration = environment.of_migration(self.place, service)
            name = f"{service}-migrate"
            self.processes.run(Command(name=name, arguments=[*program, "migrate"], environment=migration))
        self._devpki.result()  # its trust anchor is what signing reads when it starts
        hsm = self._hsm.result() if service == "signing" else None
        settings = environment.of_service(self.place, service, hsm)
        api = Command(name=service, arguments=[*program, "api"], environment=settings, patience=PATIENCE)
        worker = Command(
            name=f"{service}-worker", arguments=[*program, "worker"], environment=settings, patience=PATIENCE
        )
        running = self.processes.keep(api)
        self._broker.result()
        running_worker = self.processes.keep(worker)
        self._wait_ready(running, service)
        self._wait_ready(running_worker, f"{service}_worker")

    def _load_demo(self) -> None:
        everywhere = environment.everywhere(self.place)
        self.processes.run(Command(name="demo", arguments=[PYTHON, "-m", "deploy.demo.load"], environment=everywhere))

    def _wait_ready(self, running: Running, port: str) -> None:
        """Until GET /healthz answers 200."""
        until = time.monotonic() + READY_BOUND
        while not _healthy(self.place.ports[port]):
            if running.restarts >= GIVE_UP:
                self.processes.failed(running.command.name, f"{GIVE_UP} ×")
            if time.monotonic() > until:
                self.processes.failed(running.command.name, f"> {READY_BOUND:.0f} s")
            self.processes.wait(LOOK)

    # --- what people and other programs see

    def _say(self, vi: str, en: str) -> None:
        self.console.both(Sentence(vi=vi, en=en))

    def _banner(self, seconds: float) -> None:
        self._say(f"sẵn sàng sau {seconds:.1f} giây", f"ready after {seconds:.1f} s")
        for line in addresses(self.place):
            self.console.tell(line)
        for line in logins(self.place.var / "demo" / "logins.json"):
            self.console.tell(line)

    def _state(self) -> None:
        """var/run/state.json, for `status`, `kill` and the tests; replaced, never half-written."""
        state = {
            "pid": os.getpid(),
            "ready": self._ready,
            "processes": {
                name: {"pid": running.pid, "restarts": running.restarts}
                for name, running in sorted(self.processes.running.copy().items())
            },
        }
        text = json.dumps(state, indent=1)
        if text == self._stated:
            return
        draft = self.place.directory("run") / "state.json.new"
        draft.write_text(text, encoding="utf-8")
        draft.replace(draft.with_suffix(""))
        self._stated = text


def _settle(future: concurrent.futures.Future[Any], step: Callable[[], Any]) -> None:
    """Those who wait for the step hear of its failure too."""
    try:
        future.set_result(step())
    except BaseException as error:
        future.set_exception(error)
        raise


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(layout.LOOPBACK, port, timeout=5.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False  # not there yet
    finally:
        connection.close()


def addresses(place: layout.Layout) -> list[str]:
    named = {
        "portal": "trang làm việc / for people",
        "mail": "hộp thư thử nghiệm / mails that were sent",
        "devpki": "PKI thử nghiệm / development CA, OCSP, CRL, TSA",
    }
    lines = [f"  {place.url(port):<24} {what}" for port, what in named.items()]
    lines += [f"  {place.url(name):<24} API {name}" for name in layout.SERVICES if name != "portal"]
    lines.append(f"  {layout.LOOPBACK}:{place.ports['kafka']:<14} Kafka (SASL SCRAM-SHA-512)")
    lines.append(
        f"  {place.var / 'scan'}  thư mục quét, mỗi cơ quan một thư mục con / what scanners write, a folder for each agency"
    )
    lines.append(f"  {place.var / 'log'}")
    return lines


def logins(path: Path) -> list[str]:
    """The demo's log-ins as it wrote them: a JSON list of objects, one person each."""
    try:
        people = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return ["  " + " · ".join(str(value) for value in person.values() if value is not None) for person in people]
