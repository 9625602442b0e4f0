"""`make load N=1000000`: documents of a province, out and in, into docs' database, as docs itself would have written them.

The years are told first in short (who sends what to whom on which day, with the numbers of every register), then two
processes make the rows of it, through the service's own rules and stores where these make rows, and COPY them in. Of more
than a quarter of a million the years after the first nine months are copies of these (docs_again.py).
Into the running stack's database, whose agencies and people they are then; `make bench B=docs` loads its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg

from bench import docs_again, docs_rows, docs_words
from bench.docs_rows import Home, Out, Sent
from services.docs.catalogue import ARRIVALS, OUTGOING

PER_YEAR = 333_000  # documents out and in: 250,000 exchanged in eight months
LEVELS = {"province": 9.0, "district": 6.0, "commune": 1.0}  # how much an agency writes, against others
# How many agencies get a document, and how often that is so.
SPREAD = ((1, 58), (2, 12), (3, 8), (5, 7), (8, 5), (12, 5), (21, 4), (231, 0.35))
TOLD = 250_000  # of more documents than these the others are the same again, in later years
LATELY = 20  # days at the end that are always told: in them things are open
CHUNK = 400  # outgoing documents that a process makes at a time
BULK = 30_000  # from so many on, indexes are made afterwards


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load took: seconds, rows by table."""

    documents: int
    seconds: float
    rows: dict[str, int]
    index_seconds: float


def load(admin: str, wanted: int, *, seed: int = 1, processes: int = 2, today: date | None = None) -> Loaded:
    """`admin`: conninfo of the super user on docs' database, since COPY does not work under row-level security.

    Raises docs_again.LoadedBefore.
    """
    began = time.monotonic()
    day = today or datetime.now(UTC).date()
    first = _monday(day - timedelta(days=round(365 * wanted / PER_YEAR)))
    with psycopg.connect(admin, autocommit=True) as connection:
        indexes = _take_indexes_away(connection) if wanted >= BULK else []
        if wanted <= TOLD:
            _tell(admin, wanted, (first, day, day), seed=seed, processes=processes)
        else:  # a first period, the same again and again until lately, and the last weeks, of which some is open
            days, lately = 7 * round(365 * TOLD / PER_YEAR / 7), _monday(day - timedelta(days=LATELY))
            docs_again.assert_empty(connection, first, days)
            _tell(admin, TOLD, (first, first + timedelta(days=days), day), seed=seed, processes=processes)
            docs_again.again(admin, first, days, lately)
            _tell(admin, round(PER_YEAR * LATELY / 365), (lately, day, day), seed=seed + 1, processes=processes)
        at = time.monotonic()
        connection.execute("SET maintenance_work_mem = '700MB'")
        for index in indexes:
            connection.execute(index)
        connection.execute("VACUUM ANALYZE")
        rows = {name: _count(connection, name) for name in docs_rows.TABLES}
    total = rows["document"] + rows["incoming"]
    return Loaded(total, time.monotonic() - began, rows, time.monotonic() - at)


def _monday(day: date) -> date:
    """Of its week: what is written at a weekend counts for the Friday before, which is within a period that begins so."""
    return day - timedelta(days=day.weekday())


def _count(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608  own names
    return int(row[0]) if row else 0


def _tell(admin: str, wanted: int, days: tuple[date, date, date], *, seed: int, processes: int) -> None:
    """So many documents of a period: its first day, the day after its last, and the day that is today."""
    began = time.monotonic()
    with psycopg.connect(admin) as connection:
        homes = docs_rows.homes_of(connection, Random(seed))
        story = list(Story(homes, days, Random(seed), docs_rows.last_numbers(connection)).tell(wanted))
    chunks = [story[n : n + CHUNK] for n in range(0, len(story), CHUNK)]
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), initializer=docs_rows.begin, initargs=(admin, homes)
    ) as pool:
        for n, _ in enumerate(pool.map(docs_rows.write, chunks, range(len(chunks)))):
            if n % 50 == 49:
                print(f"load: {n + 1} of {len(chunks)} chunks, {time.monotonic() - began:.0f} s", flush=True)
    with psycopg.connect(admin) as connection:
        docs_rows.write_registers(connection, story, homes)


def _take_indexes_away(connection: psycopg.Connection[tuple[object, ...]]) -> list[bytes]:
    """The statements that make all indexes again that no key stands on: a million entries go in ten times faster without."""
    rows = connection.execute(
        "SELECT c.oid::regclass::text, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid::regclass::text = ANY(%s) AND NOT i.indisunique",
        [list(docs_rows.TABLES)],
    ).fetchall()
    for name, _ in rows:
        connection.execute(f"DROP INDEX {name}".encode())
    return [str(made).replace(" ON ONLY ", " ON ").encode() for _, made in rows]


@dataclass(slots=True)
class Story:
    """What was sent and what became of it, day after day; `numbers` are the last of every register."""

    homes: Sequence[Home]
    days: tuple[date, date, date]  # from, to, today
    dice: Random
    numbers: dict[tuple[UUID, str, int], int]

    def tell(self, wanted: int) -> Iterator[Out]:
        """Until there are so many documents out and in."""
        spread, often = [n for n, _ in SPREAD], [weight for _, weight in SPREAD]
        weights = [LEVELS.get(home.level, 0.0) * self.dice.paretovariate(2.0) for home in self.homes]
        begins, ends = (datetime.combine(day, datetime.min.time(), UTC) for day in self.days[:2])
        told = 0
        while told < wanted:
            at = self._office_hour(begins + (ends - begins) * (told / wanted))
            sender = self.dice.choices(range(len(self.homes)), weights)[0]
            count = min(self.dice.choices(spread, often)[0], len(self.homes) - 1)
            found = self._out(sender, count, at)
            told += 1 + len(found.sent)
            yield found

    def _office_hour(self, at: datetime) -> datetime:
        """Between 7:30 and 17:00 in Việt Nam, on a working day."""
        day = at.date() - timedelta(days=max(0, at.weekday() - 4))
        return datetime.combine(day, datetime.min.time(), UTC) + timedelta(minutes=30 + self.dice.randint(0, 570))

    def _out(self, sender: int, count: int, at: datetime) -> Out:
        dice, age = self.dice, (self.days[2] - at.date()).days
        kind = dice.choices(docs_words.TYPES, [each[3] for each in docs_words.TYPES])[0]
        if age < 8 and dice.random() < 0.35:  # what is younger than a week is still on its way, now and then
            state = dice.choice(("in_review", "awaiting_signature", "awaiting_signature", "signed", "returned"))
            return Out(sender, at, kind[0], state, None, (), dice.getrandbits(60))
        number = self._next(self.homes[sender].agency_id, OUTGOING, at.year)
        others = dice.sample([n for n in range(len(self.homes)) if n != sender], count)
        sent = tuple(self._sent(n, at, age) for n in others)
        return Out(sender, at, kind[0], "issued", number, sent, dice.getrandbits(60))

    def _sent(self, receiver: int, at: datetime, age: int) -> Sent:
        """Most are done; the youngest have only arrived, and some agencies never say more than that they registered it."""
        if age < 2:
            status = self.dice.choices(("01", "03", "04"), (5, 3, 2))[0]
        elif age < 15:
            status = self.dice.choices(("01", "02", "03", "04", "05", "06"), (2, 1, 15, 25, 20, 37))[0]
        else:
            status = self.dice.choices(("02", "03", "04", "05", "06"), (1, 6, 1, 1, 91))[0]
        registered = status not in ("01", "02")
        number = self._next(self.homes[receiver].agency_id, ARRIVALS, at.year) if registered else None
        return Sent(receiver, status, number)

    def _next(self, agency: UUID, code: str, year: int) -> int:
        self.numbers[agency, code, year] = self.numbers.get((agency, code, year), 0) + 1
        return self.numbers[agency, code, year]


def main() -> None:
    from deploy.local import environment
    from deploy.local.layout import Layout

    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("n", type=int, help="documents, out and in together")
    arguments = parser.parse_args()
    admin = environment.server(Layout.from_environment()).conninfo("docs")
    try:
        found = load(admin, arguments.n, seed=int(time.time()))
    except docs_again.LoadedBefore as error:
        raise SystemExit(f"load: {error}") from None
    print(
        f"load: {found.documents:,} documents in {found.seconds:.0f} s, {found.index_seconds:.0f} s of it for indexes"
    )
    for table, count in sorted(found.rows.items()):
        print(f"  {table:14} {count:>12,}")


if __name__ == "__main__":
    main()
