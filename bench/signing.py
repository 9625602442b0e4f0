"""`make bench B=signing`: signing and validating PDFs, ours beside EU DSS, pyHanko used plainly and the raw signature.

All sides work on the same bytes in turns, each on the same one core; the development PKI with its TSA and responders has another.
The figure is the median of the rounds, by the clock on the wall. Every kind of document that was made is judged at the end, since a
fast invalid signature is worth nothing. `--quick` measures shorter. Written to bench/results/signing.{json,md}.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench import machine, signing_goals, signing_memory, signing_papers, signing_report, signing_sides, signing_token
from bench.loop import pin, profile
from bench.registry import served
from bench.signing_keys import DIGEST, PSS, Person, bare, kind, people
from bench.signing_sides import Dss, Measure, Once, Signing, World, measured
from deploy.devpki.pki import Pki
from services.signing import pdf
from tests.interop.judge import judge

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
OUR_CORE, PKI_CORE = 0, 1
PSS_KEY, PLAIN_KEY, EC_KEY = "RSA-3072 PSS", "RSA-3072 v1.5", "P-256"
STAMPS_OF_A_WHOLE = 3  # of the leader's signature, of the seal, of the archive
PROFILED, PROFILED_SECONDS = 200, 1.5


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is measured: seconds a side and round; `warm` for Java before each task, `first` once."""

    rounds: int
    seconds: float
    warm: float
    first: float


FULL, QUICK = Pace(3, 1.2, 2.5, 12.0), Pace(1, 0.6, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Bench:
    pace: Pace
    world: World
    who: dict[str, Person]
    dss: Dss
    papers: dict[str, Path]
    tsa: Any  # the key with which the TSA of this run signs
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    profiled: dict[str, Once] = field(default_factory=dict)

    def out(self, row: str, side: str) -> Path:
        """Where a side leaves its document."""
        name = "".join(c if c.isalnum() else "-" for c in f"{row} {side}")
        return self.world.folder / f"{name}.pdf"

    def measure(self, row: str, sides: dict[str, Callable[[], Measure]]) -> None:
        """The sides in turns; one that fails is written down with its reason and the others go on."""
        print(f"bench signing: {row}", flush=True)
        figures: dict[str, list[float]] = {}
        ready: dict[str, Measure] = {}
        errors: dict[str, str] = {}
        for side, begin in sides.items():
            try:
                ready[side] = begin()
                if side.startswith("EU DSS"):
                    ready[side](self.pace.warm)
            except Exception as error:  # noqa: BLE001  what a side can't do is a result
                errors[side] = f"{type(error).__name__}: {error}"[:300]
        for _ in range(self.pace.rounds):
            for side, run in ready.items():
                if side not in errors:
                    figures.setdefault(side, []).append(run(self.pace.seconds))
        self.rows[row] = {
            "figures": {side: median(found) for side, found in figures.items()},
            "spread": {side: [min(found), max(found)] for side, found in figures.items()},
            "errors": errors,
        }


def main() -> None:
    began, quick = time.monotonic(), "--quick" in sys.argv[1:]
    others = machine.Others()
    results: dict[str, Any] = {"machine": machine.facts(), "quick": quick}
    with bench_of(QUICK if quick else FULL) as bench:
        measure_signing(bench)
        measure_whole(bench)
        measure_validation(bench)
        results["rows"], results["others"] = bench.rows, others.cores()
        results["keys of a whole"] = keys_of_a_whole(bench)
        results["openssl speed"] = {name: machine.openssl_signs(name, 1) for name in ("rsa3072", "ecdsap256")}
        results["verdicts"] = verdicts(bench)
        print("bench signing: memory", flush=True)
        results["memory"] = signing_memory.measure(bench.world, bench.who)
        print("bench signing: batch on a token", flush=True)
        results["token"] = signing_token.measure(quick=quick)
        results["goals"] = signing_goals.judge(results)
        print("bench signing: profiles of what is missed", flush=True)
        missed = {goal["row"] for goal in results["goals"] if not goal["met"]}
        results["profiles"] = {
            row: profile(work, PROFILED, seconds=PROFILED_SECONDS)
            for row, work in bench.profiled.items()
            if row in missed
        }
    results["minutes"] = (time.monotonic() - began) / 60
    signing_report.write(RESULTS, results)


@contextmanager
def bench_of(pace: Pace) -> Iterator[Bench]:
    """The papers, the people, a PKI as a process of its own and Java, warm."""
    with tempfile.TemporaryDirectory(prefix="vanthu-bench-") as home:
        folder = Path(home, "papers")
        folder.mkdir()
        pin(PKI_CORE)
        with served(Path(home, "pki"), "p384") as (url, _port):
            pin(OUR_CORE)
            pki = Pki(Path(home, "pki"), url, "p384")
            folder.joinpath("trust.pem").write_bytes(pki.hierarchy.root.ca.pem)
            world = World(f"{url}/tsa", pki.hierarchy.root.ca.der, folder)
            papers = {"1 page": signing_papers.small(), "20 pages": signing_papers.large()}
            files = {name: folder / f"draft-{name}.pdf" for name in papers}
            for name, content in papers.items():
                files[name].write_bytes(signing_papers.with_field(content))
            who = people(pki, folder)
            try:
                with signing_sides.dss_running(world, folder) as dss:
                    task = Signing(files["1 page"], who[PSS_KEY], "LTA")
                    dss.sign(task, folder / "warm.pdf")(pace.first)
                    yield Bench(pace, world, who, dss, files, pki.hierarchy.tsa.key)
            finally:
                pki.close()


def measure_signing(bench: Bench) -> None:
    wanted = [("B", key, paper) for paper in bench.papers for key in (PSS_KEY, PLAIN_KEY, EC_KEY)]
    wanted += [
        (level, key, paper)
        for level in ("T", "LT", "LTA")
        for key, paper in ((PSS_KEY, "1 page"), (EC_KEY, "1 page"), (PSS_KEY, "20 pages"))
    ]
    for level, key, paper in wanted:
        task = Signing(bench.papers[paper], bench.who[key], level)
        row = f"sign {level}, {key}, {paper}"
        sides: dict[str, Callable[[], Measure]] = {
            "ours": partial(we_sign, bench, row, task),
            "EU DSS": partial(bench.dss.sign, task, bench.out(row, "EU DSS")),
            "pyHanko plain": partial(pyhanko_signs, bench, row, task),
        }
        if level == "B":
            sides["raw"] = partial(timed, raw(task.by))
        bench.measure(row, sides)


def we_sign(bench: Bench, row: str, task: Signing) -> Measure:
    return ours(bench, row, signing_sides.we_sign(task, bench.world, bench.out(row, "ours")))


def pyhanko_signs(bench: Bench, row: str, task: Signing) -> Measure:
    return timed(signing_sides.pyhanko_signs(task, bench.world, bench.out(row, "pyHanko plain")))


def measure_whole(bench: Bench) -> None:
    """Against the bare signatures that the document contains, with the keys that made them."""
    leader, seal = bench.who[PSS_KEY], bench.who["seal"]
    row = "whole: visible, numbered, sealed, LTA, 1 page"
    digest = bytes(32)

    def signatures(_n: int) -> None:
        leader.sign(digest)
        seal.sign(digest)
        for _ in range(STAMPS_OF_A_WHOLE):
            bare(bench.tsa, digest)

    def begin() -> Measure:
        draft = signing_papers.small()
        return ours(bench, row, signing_sides.we_issue(draft, leader, seal, bench.world, bench.out(row, "ours")))

    bench.measure(row, {"ours": begin, "raw": lambda: timed(signatures)})


def keys_of_a_whole(bench: Bench) -> list[str]:
    """The key of each signature that the whole document contains: leader, seal, and the TSA's for each of its stamps."""
    return [kind(bench.who[PSS_KEY].key), kind(bench.who["seal"].key), *[kind(bench.tsa)] * STAMPS_OF_A_WHOLE]


def measure_validation(bench: Bench) -> None:
    files = {
        "LT, 1 page": bench.out(f"sign LT, {PSS_KEY}, 1 page", "ours"),
        "LT, 20 pages": bench.out(f"sign LT, {PSS_KEY}, 20 pages", "ours"),
        "whole, 1 page": bench.out("whole: visible, numbered, sealed, LTA, 1 page", "ours"),
        "LTA by EU DSS, 1 page": bench.out(f"sign LTA, {PSS_KEY}, 1 page", "EU DSS"),
    }
    for name, file in files.items():
        row = f"validate {name}"
        sides: dict[str, Callable[[], Measure]] = {
            "ours": partial(we_validate, bench, row, file),
            "EU DSS": partial(bench.dss.validate, file, pictures=True),
            "EU DSS without pictures": partial(bench.dss.validate, file, pictures=False),
            "pyHanko plain": partial(pyhanko_validates, bench, file),
        }
        bench.measure(row, sides)


def we_validate(bench: Bench, row: str, file: Path) -> Measure:
    return ours(bench, row, signing_sides.we_validate(file, bench.world))


def pyhanko_validates(bench: Bench, file: Path) -> Measure:
    return timed(signing_sides.pyhanko_validates(file, bench.world))


def ours(bench: Bench, row: str, work: Once) -> Measure:
    bench.profiled[row] = work
    return timed(work)


def timed(work: Once) -> Measure:
    return lambda seconds: measured(work, seconds)


def raw(person: Person) -> Once:
    """The bare signature over a digest, in `cryptography`'s OpenSSL."""
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key, digest = person.key, bytes(32)
    if isinstance(key, rsa.RSAPrivateKey):
        pad = PSS if person.mechanism is pdf.Mechanism.RSA_PSS else padding.PKCS1v15()
        return lambda _n: key.sign(digest, pad, DIGEST)
    return lambda _n: key.sign(digest, ec.ECDSA(DIGEST))


def verdicts(bench: Bench) -> dict[str, dict[str, str]]:
    """What EU DSS (its strict judge) and our own validation say of each document, by row and side."""
    made = {
        (row, side): bench.out(row, side)
        for row in bench.rows
        if not row.startswith("validate")
        for side in ("ours", "EU DSS", "pyHanko plain")
        if bench.out(row, side).exists()
    }
    judged = judge(list(made.values()), bench.world.folder / "trust.pem")
    found: dict[str, dict[str, str]] = {}
    for (row, side), file in made.items():
        verdict = judged[file.name]
        levels = " ".join(one.level.rpartition("-")[2] for one in verdict.signatures)
        own = pdf.validate(file.read_bytes(), bench.world.trust).indication
        objections = "; ".join(o for one in verdict.signatures for o in (one.indication, *one.objections))
        said = f"accepted at {levels}" if verdict.accepted else f"objected to: {verdict.error or objections}"
        found.setdefault(row, {})[side] = f"EU DSS: {said}; ours: {own}"
    return found


if __name__ == "__main__":
    main()
