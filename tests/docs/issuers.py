"""Clerks' programs that issue documents of one agency: processes of their own, with several clerks each, and somebody who kills them.

A process is given its documents and issues each through the very code of the endpoint, again and again until it has an
answer for every one. It may die at any moment; the one that takes its place begins anew with the same documents.
"""

from __future__ import annotations

import logging
import multiprocessing
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any
from uuid import UUID

import psycopg

from services.docs import access, api
from services.docs.access import Office
from shared import db
from shared.blobs import Blobs
from shared.errors import STALE_VERSION, UNAVAILABLE, Rejected
from shared.tokens import Principal

GAP = 0.02  # seconds between two blows, while the issuers work
PATIENCE = 240.0 / GAP


def issue_all(conninfo: str, blobs: str, clerk: Principal, documents: Sequence[UUID], clerks: int) -> None:
    """A process's work; returns when every document has its number."""
    logging.disable(logging.CRITICAL)  # connections break all the time here, and the pool says so
    office = Office("urn:vanthu:test", Blobs(blobs, "docs"), 3600)
    with db.open_pool(conninfo, max_size=clerks) as pool:

        def one(document: UUID) -> int:
            while True:
                try:
                    with db.transaction(pool, agency=clerk.agency_id) as tx:
                        acting = access.act(tx, clerk, access.clock, office, ("clerk",))
                        number = api.issue(document, acting).number
                except psycopg.OperationalError:
                    continue
                except Rejected as error:
                    if error.code not in {UNAVAILABLE.code, STALE_VERSION.code}:
                        raise
                    continue
                assert number is not None
                return number

        with ThreadPoolExecutor(clerks) as desks:
            list(desks.map(one, documents))


@dataclass
class Office64:
    """`processes` of `clerks` each, at work on all documents, every document at two desks."""

    conninfo: str
    admin: str
    blobs: str
    clerk: Principal
    documents: list[UUID]
    processes: int
    clerks: int
    seed: int = 7
    killed: int = 0
    cut: int = 0
    running: dict[int, Any] = field(default_factory=dict)

    def work(self, *, kills: int, cuts: int) -> None:
        """Until all have ended by themselves; meanwhile processes are killed and connections cut at random."""
        chance = random.Random(self.seed)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.docs.issuers"])
        piles = self._piles(chance)
        for n in range(self.processes):
            self._start(context, n, piles[n])
        blows = ["kill"] * kills + ["cut"] * cuts
        chance.shuffle(blows)
        patience = int(PATIENCE)
        with psycopg.connect(self.admin, autocommit=True) as admin:
            while self.running:
                wait([process.sentinel for process in self.running.values()], timeout=GAP)
                self._gather()
                patience -= 1
                assert patience > 0, f"{len(self.running)} processes have not ended"
                if blows and self.running and self._strike(blows[-1], chance, admin, context, piles):
                    blows.pop()  # what hit nobody is kept: in the first moments no connection is at work yet

    def _piles(self, chance: random.Random) -> list[list[UUID]]:
        """Each document lies on two piles: whoever comes second gets the first one's number."""
        piles: list[list[UUID]] = [[] for _ in range(self.processes)]
        for n, document in enumerate(self.documents):
            piles[n % self.processes].append(document)
            piles[(n + 1) % self.processes].append(document)
        for pile in piles:
            chance.shuffle(pile)
        return piles

    def _start(self, context: Any, n: int, pile: list[UUID]) -> None:
        arguments = (self.conninfo, self.blobs, self.clerk, pile, self.clerks)
        self.running[n] = context.Process(target=issue_all, args=arguments, daemon=True)
        self.running[n].start()

    def _gather(self) -> None:
        for n, process in list(self.running.items()):
            if process.exitcode is not None:
                assert process.exitcode == 0, f"issuers {n} ended with {process.exitcode}"
                del self.running[n]

    def _strike(
        self, blow: str, chance: random.Random, admin: psycopg.Connection[Any], context: Any, piles: list[list[UUID]]
    ) -> bool:
        """Whether it hit somebody."""
        if blow == "kill":
            n = chance.choice(sorted(self.running))
            process = self.running.pop(n)
            process.kill()
            process.join()
            self.killed += 1
            self._start(context, n, piles[n])
            return True
        cut = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND usename = 'docs' AND state <> 'idle' ORDER BY random() LIMIT 1"
        )
        self.cut += cut.rowcount
        return cut.rowcount > 0
