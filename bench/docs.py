"""`make bench B=docs`: inbox, register page, search and counters of docs, with up to a million documents in its database.

For each size a database with 231 agencies, loaded by bench/docs_load.py; then, all being loaded, the real API in real processes
and twenty people over HTTP on loopback, without a pause between answer and next request, and with one.
ARGS="--sizes 10000,100000"; with --keep what was loaded stays for the next run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from bench import docs_kept, docs_load, docs_report, docs_rows, docs_users, docs_words, load, machine
from bench.docs_kept import Kept
from bench.docs_rows import Home
from bench.docs_users import Visit
from deploy.demo import province
from services.docs import store_registry
from services.docs.text import fold
from shared import db
from shared.events import registry
from shared.ids import new_id
from shared.tokens import Principal
from tests.support.http import Issuer
from tests.support.parts import free_ports
from tests.support.postgres import Database

ROOT = Path(__file__).resolve().parents[1]
SIZES = (10_000, 100_000, 1_000_000)
USERS = 20
API_PROCESSES = 2
WARM, SECONDS = 2.0, 10.0
GOAL = 100.0  # ms, p99
SINCE = date(2020, 7, 1)
OFFICERS = 6  # people of an agency beside its clerk and its leader


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has logged in, and where."""

    principal: Principal
    home: Home


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench B=docs")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--quick", action="store_true", help="10,000 documents only")
    parser.add_argument(
        "--keep", action="store_true", help="take what an earlier --keep loaded, leave what is loaded (var/bench)"
    )
    parser.add_argument("--anew", action="store_true", help="with --keep: load it again")
    parser.add_argument("--load", action="store_true", help="with --keep: load only, measure another time")
    parser.add_argument("--only", default="", help="tasks whose name begins so; writes no results")
    arguments = parser.parse_args()
    sizes = [SIZES[0]] if arguments.quick else [int(size) for size in arguments.sizes.split(",")]
    with load.clients(1) as clients, docs_kept.serving(stays=arguments.keep) as server:
        loaded = {size: provide(server, size, anew=arguments.anew) for size in sizes}
        if arguments.load:
            return
        results: dict[str, Any] = {"machine": machine.facts(), "users": USERS, "processes": API_PROCESSES, "sizes": {}}
        results |= {"postgres": docs_kept.POSTGRES, "seconds": arguments.seconds, "goal_ms": GOAL}
        for size, database in loaded.items():
            results["sizes"][str(size)] = measure(database, clients, arguments.seconds, arguments.only)
            if not arguments.only:
                docs_report.write(ROOT / "bench" / "results", results)


def provide(server: Kept, size: int, *, anew: bool) -> Database:
    """A database with so many documents, loaded unless an earlier run left it."""
    found = None if anew else server.find(size)
    if found is not None:
        return found
    made = server.begin(size)
    make_province(made)
    loaded = docs_load.load(made.admin, size)
    print(f"bench docs: {loaded.documents:,} documents in {loaded.seconds:.0f} s", flush=True)
    with psycopg.connect(made.admin) as connection:
        connection.execute("CREATE TABLE bench_loaded AS SELECT %s::jsonb AS said", [Jsonb(asdict(loaded))])
    return server.finish(size)


def measure(database: Database, clients: ProcessPoolExecutor, seconds: float, only: str) -> dict[str, Any]:
    """Ask for everything."""
    issuer = Issuer()
    with psycopg.connect(database.admin) as connection:
        connection.execute("DELETE FROM token_key")
        issuer.trust(connection)  # type: ignore[arg-type,unused-ignore]
        row = connection.execute("SELECT said FROM bench_loaded").fetchone()
        assert row
    users = choose_users(database)
    found = {}
    with tempfile.TemporaryDirectory(prefix="vanthu-bench-") as blobs, served(database, blobs) as ports:
        for name, requests in tasks(users, issuer).items():
            if not name.startswith(only):
                continue
            others = machine.Others()
            docs_users.measure(clients, ports, requests(), Visit(WARM))
            timed = docs_users.measure(clients, ports, requests(), Visit(seconds))
            paced = docs_users.measure(clients, ports, requests(), Visit(seconds, pause=1.0))
            found[name] = asdict(timed) | {"paced": asdict(paced), "others": others.cores()}
            print(
                f"bench docs: {database.name} {name}: p50 {timed.p50:.1f} ms, p99 {timed.p99:.1f} ms, {timed.per_second:.0f}/s;"
                f" as people are p50 {paced.p50:.1f} ms, p99 {paced.p99:.1f} ms",
                flush=True,
            )
    return {"loaded": row[0], "tasks": found, "space": space(database)}


# --- the province


def make_province(database: Database) -> None:
    """231 agencies with a clerk, a leader and officers each, as registry states them."""
    pool = db.open_pool(database.app, max_size=1, name="bench")
    dice = Random(7)
    try:
        with db.transaction(pool) as tx:
            for row in province.directory()["agencies"]:
                if row["level"] == "outside":
                    continue
                agency = registry.AgencyStated(
                    agency_id=new_id(),
                    identifier=row["identifier"],
                    name=row["name"],
                    level=row["level"],
                    valid_from=SINCE,
                )
                store_registry.put_agency(tx, agency)
                for n in range(OFFICERS + 2):
                    store_registry.put_person(tx, _person(agency.agency_id, n, dice))
            tx.execute(
                "INSERT INTO registry_copy SELECT t, now() + interval '1 day' FROM unnest(%s::text[]) t", [_COPIES]
            )
    finally:
        pool.close()


_COPIES = ["registry.person", "registry.authority", "registry.agency"]


def _person(agency: UUID, n: int, dice: Random) -> registry.PersonStated:
    roles: tuple[registry.Role, ...] = ("leader",) if n == 1 else ("clerk",)
    post = registry.Post(
        post_id=new_id(),
        agency_id=agency,
        title="Lãnh đạo" if n == 1 else "Chuyên viên",
        roles=roles,
        valid_from=SINCE,
        valid_until=None,
    )
    person_id = new_id()
    return registry.PersonStated(
        person_id=person_id,
        name=docs_words.person(dice),
        login=f"nguoi.{person_id.hex}",
        email="nguoi.dung@example.vn",
        active=True,
        posts=(post,),
    )


def choose_users(database: Database) -> list[User]:
    """Half of them in the agencies with most documents, half anywhere."""
    with psycopg.connect(database.admin) as connection:
        homes = {home.agency_id: home for home in docs_rows.homes_of(connection, Random(1))}
        busy = [
            row[0] for row in connection.execute("SELECT agency_id FROM search_entry GROUP BY 1 ORDER BY count(*) DESC")
        ]
        dice = Random(11)
        chosen = busy[: USERS // 2] + dice.sample(busy[USERS // 2 :], USERS - USERS // 2)
        posts = {
            (row[0], row[1]): row[2] for row in connection.execute("SELECT agency_id, person_id, post_id FROM post")
        }
    users = []
    for agency in chosen:
        person, name = homes[agency].clerk
        principal = Principal(
            kind="person",
            name=name,
            roles=frozenset({"clerk"}),
            person_id=person,
            post_id=posts[agency, person],
            post="Chuyên viên",
            agency_id=agency,
        )
        users.append(User(principal, homes[agency]))
    return users


# --- the API


@contextmanager
def served(database: Database, blobs: str) -> Iterator[list[int]]:
    """The real processes on ports of their own; ended at the end."""
    ports = free_ports(API_PROCESSES)
    base = {
        "VANTHU_SERVICE": "docs",
        "VANTHU_DATABASE": database.app,
        "VANTHU_KAFKA": "unused:1",
        "VANTHU_KAFKA_USER": "docs",
        "VANTHU_KAFKA_PASSWORD": "unused",
        "VANTHU_BLOBS": Path(blobs).as_uri(),
        "VANTHU_WORKER_PORT": "0",
        "VANTHU_PORTAL_URL": "http://portal.example",
    }
    with ExitStack() as stack:
        for port in ports:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.docs", "api"],
                cwd=ROOT,
                env=os.environ | base | {"VANTHU_PORT": str(port)},
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        for port in ports:
            _wait(port)
        yield ports


def _wait(port: int) -> None:
    until = time.monotonic() + 180
    while True:
        try:
            with urllib.request.urlopen(f"http://{load.LOOPBACK}:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < until, "the API did not begin to listen"
            time.sleep(0.1)


# --- what people do


def tasks(users: Sequence[User], issuer: Issuer) -> dict[str, Callable[[], list[list[bytes]]]]:
    """By name, the requests of each user; called anew for each measurement, since tokens end after five minutes."""

    def of(paths: Callable[[User, Random], list[str]]) -> Callable[[], list[list[bytes]]]:
        def requests() -> list[list[bytes]]:
            dice = Random(5)
            shares = []
            for user in users:
                token = issuer.token(user.principal, "docs")
                shares.append([docs_users.get(path, token) for path in paths(user, dice)])
            return shares

        return requests

    year = datetime.now(UTC).year
    return {
        "inbox": of(lambda _u, _d: ["/incoming", "/incoming?status=01", "/incoming?status=03"]),
        "outgoing list": of(lambda _u, _d: ["/documents", "/documents?state=issued"]),
        "register page": of(lambda _u, _d: [f"/books/{kind}?year={year}" for kind in ("out", "in")]),
        "search, three words": of(lambda _u, dice: [_search(dice) for _ in range(40)]),
        "search, a name in the text": of(lambda _u, dice: [_name(dice) for _ in range(40)]),
        "search, by fields": of(lambda user, dice: [_fields(user, dice) for _ in range(20)]),
        "counters": of(lambda _u, _d: ["/counters"]),
    }


def _search(dice: Random) -> str:
    """Three words of some matter as they are typed on any keyboard, the common ones as often as they are common."""
    words = fold(docs_words.matter(dice)).replace(",", "").split()
    at = dice.randrange(max(1, len(words) - 2))
    return "/search?q=" + "+".join(words[at : at + 3])


def _name(dice: Random) -> str:
    return "/search?q=" + fold(docs_words.person(dice)).replace(" ", "+")


def _fields(user: User, dice: Random) -> str:
    signer = fold(user.home.leader[1]).replace(" ", "+")
    return f"/search?kind=document&signer={signer}&type={dice.choice(('CV', 'BC', 'KH'))}&sort=abstract"


def space(database: Database) -> dict[str, int]:
    """Megabytes of the largest tables with their indexes."""
    with psycopg.connect(database.admin) as connection:
        rows = connection.execute(
            "SELECT regexp_replace(relname, '_[0-9]+$', '') AS name, sum(pg_total_relation_size(oid)) / 1048576 FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY 1 ORDER BY 2 DESC LIMIT 8"
        ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


if __name__ == "__main__":
    main()
