"""A service's three roles, the same for all: `migrate`, `api` (HTTP) and `worker` (consumer, relay, jobs).

No Kafka in the API process and no web framework in the worker: each role imports what it needs.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from shared import db, telemetry
from shared.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from shared.inbox import Follower, Taker
    from shared.jobs import Kind

log = logging.getLogger(__name__)

Loop = Callable[[threading.Event], None]


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker process runs beside the relay."""

    follower: Follower | None = None
    jobs: Mapping[str, Kind] = field(default_factory=dict)
    job_threads: int = 2
    loops: Mapping[str, Loop] = field(default_factory=dict)  # own threads; each ends when the event is set
    also: tuple[Taker, ...] = ()  # further consumer groups, each in a thread of its own


@dataclass(frozen=True, slots=True)
class Service:
    """How a service is composed; the functions import what they need when they are called."""

    name: str
    settings: Callable[[], Settings]
    api: Callable[[Any, db.Pool], FastAPI]
    worker: Callable[[Any, db.Pool], Worker]
    commands: Mapping[str, Callable[[list[str]], None]] = field(default_factory=dict)  # the operator's own


def main(service: Service) -> None:
    """Run one role, or one of the service's operator commands."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name}")
    parser.add_argument("role", choices=["migrate", "api", "worker", *service.commands])
    arguments, rest = parser.parse_known_args()
    if command := service.commands.get(arguments.role):
        logging.basicConfig(level="WARNING")
        command(rest)
        return
    settings = service.settings()
    telemetry.start(service.name, arguments.role, traces=settings.traces)
    try:
        {"migrate": _migrate, "api": _api, "worker": _worker}[arguments.role](service, settings)
    finally:
        telemetry.stop()


def _migrate(service: Service, settings: Settings) -> None:
    if settings.database_owner is None:
        sys.exit("VANTHU_DATABASE_OWNER is needed to migrate")
    db.migrate(settings.database_owner.get_secret_value(), service.name)


def _open(service: Service, settings: Settings, *, size: int) -> db.Pool:
    pool = db.open_pool(settings.database.get_secret_value(), max_size=size, name=service.name)
    if pending := db.pending_migrations(pool, service.name):
        sys.exit(
            f"{service.name}: the database lacks migrations {', '.join(pending)}; run `python -m services.{service.name} migrate`"
        )
    return pool


def _api(service: Service, settings: Settings) -> None:
    import uvicorn

    pool = _open(service, settings, size=20)
    app = service.api(settings, pool)
    # What was imported and wired stays: the collector need not walk through it again and again, while a request waits.
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http="h11",  # one parser everywhere: what is refused must not depend on what else is installed
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    try:
        uvicorn.Server(config).run()
    finally:
        pool.close()


def _worker(service: Service, settings: Settings) -> None:
    from shared import sweep
    from shared.bus import KafkaConsumer, KafkaPublisher
    from shared.jobs import Runner
    from shared.outbox import Relay

    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    pool = _open(service, settings, size=12)
    parts = service.worker(settings, pool)
    relay = Relay(settings.database.get_secret_value(), KafkaPublisher(settings, stop=stop), stop=stop)
    loops: dict[str, Callable[[], None]] = {
        "relay": relay.run,
        "gauges": lambda: _gauges(pool, stop),
        "sweep": lambda: sweep.loop(pool, stop),
    }
    if parts.follower:
        loops["consumer"] = KafkaConsumer(settings, pool, parts.follower, stop=stop).run
    loops |= {f"consumer {each.group}": KafkaConsumer(settings, pool, each, stop=stop).run for each in parts.also}
    loops |= {name: lambda loop=loop: loop(stop) for name, loop in parts.loops.items()}  # type: ignore[misc]
    threads = [threading.Thread(target=_guarded, args=(name, loop), name=name) for name, loop in loops.items()]
    health = _health(settings)
    runner = Runner(pool, parts.jobs, stop=stop, threads=parts.job_threads) if parts.jobs else None
    for thread in threads:
        thread.start()
    if runner:
        runner.start()
    log.info("%s worker runs", service.name)
    stop.wait()
    for thread in threads:
        thread.join()
    if runner:
        runner.join()
    health.shutdown()
    pool.close()


def _guarded(name: str, loop: Callable[[], None]) -> None:
    """A loop that dies takes the process with it: half a worker would look alive."""
    try:
        loop()
    except BaseException:
        log.critical("%s died, the worker ends itself", name, exc_info=True)
        logging.shutdown()
        os._exit(1)


def _gauges(pool: db.Pool, stop: threading.Event) -> None:
    from shared import outbox

    while not stop.wait(5.0):
        try:
            with db.transaction(pool) as tx:
                found = outbox.backlog(tx)
                parked = tx.execute("SELECT count(*) AS n FROM parked").fetchone()
        except Exception as error:  # noqa: BLE001  figures are missing while the database is; the loops say so themselves
            log.debug("no figures: %s", error)
            continue
        telemetry.outbox_unpublished.set(found["unpublished"])
        telemetry.outbox_oldest.set(found["oldest_seconds"])
        telemetry.parked_events.set(parked["n"] if parked else 0)


def _health(settings: Settings) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer((settings.host, settings.worker_port), _Health)
    threading.Thread(target=server.serve_forever, daemon=True, name="health").start()
    return server


class _Health(BaseHTTPRequestHandler):
    """/healthz from the loops' heartbeats, /metrics for Prometheus."""

    def do_GET(self) -> None:
        from prometheus_client import generate_latest

        if self.path == "/metrics":
            self._answer(200, generate_latest())
        elif self.path in {"/healthz", "/readyz"}:
            stalled = telemetry.stalled()
            self._answer(503 if stalled else 200, ("; ".join(stalled) or "ok").encode() + b"\n")
        else:
            self._answer(404, b"not found\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Probes every few seconds are not worth a line."""
