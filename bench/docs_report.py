"""The figures of `bench.docs` as JSON and as a page to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.registry_report import rounded

JUDGED = ("inbox", "register page", "search, three words", "counters")


def write(directory: Path, results: dict[str, Any]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "docs.json").write_text(json.dumps(rounded(results), ensure_ascii=False, indent=1) + "\n")
    page = "\n".join(_page(results)) + "\n"
    (directory / "docs.md").write_text(page)
    print(page)


def _page(results: dict[str, Any]) -> Iterator[str]:
    yield "# docs: from ten thousand documents to a million"
    yield ""
    yield "Made by `make bench B=docs`; what is measured and how stands in [README.md](../README.md)."
    yield ""
    yield ", ".join(f"{name}: {value}" for name, value in results["machine"].items()) + "."
    yield (
        f"{results['users']} people at once on {results['processes']} API processes, {results['seconds']:.0f} s a task; PostgreSQL"
        f" with {', '.join(f'{name} {value}' for name, value in results['postgres'].items())}. Clients, API and database"
        " share the cores."
    )
    sizes = list(results["sizes"])
    others = [task["others"] for size in sizes for task in results["sizes"][size]["tasks"].values()]
    yield f"Meanwhile others kept {min(others):.1f} to {max(others):.1f} of the cores busy."
    names = list(results["sizes"][sizes[0]]["tasks"])
    for title, of in (
        ("Without a pause: the next request as soon as the answer is there (p50 / p99, ms; answers a second)", _hard),
        ("A second between answer and next request, as people are (p50 / p99, ms)", _paced),
    ):
        yield ""
        yield f"## {title}"
        yield ""
        yield f"| | {' | '.join(f'{int(size):,}' for size in sizes)} | p50 grows | p99 grows |"
        yield f"|---|{'---:|' * (len(sizes) + 2)}"
        for name in names:
            found = [results["sizes"][size]["tasks"].get(name) for size in sizes]
            yield f"| {name} | {' | '.join(of(each) for each in found)} | {_growth(found, of)} |"
    yield ""
    yield f"## The goal: p99 below {results['goal_ms']:.0f} ms for {results['users']} people at once"
    yield ""
    yield "| | documents | without a pause | as people are |"
    yield "|---|---:|---|---|"
    for name in JUDGED:
        for size in sizes:
            one = results["sizes"][size]["tasks"].get(name)
            yield f"| {name} | {int(size):,} | {_met(one, results)} | {_met(one and one['paced'], results)} |"
    yield ""
    yield "## What was loaded"
    yield ""
    yield "| | seconds | of it indexes and ANALYZE | rows | MB |"
    yield "|---|---:|---:|---|---|"
    for size in sizes:
        found, space = results["sizes"][size]["loaded"], results["sizes"][size]["space"]
        rows = ", ".join(f"{table} {count:,}" for table, count in sorted(found["rows"].items()))
        room = ", ".join(f"{table} {count:,}" for table, count in list(space.items())[:4])
        yield f"| {found['documents']:,} | {found['seconds']:.0f} | {found['index_seconds']:.0f} | {rows} | {room} |"


def _hard(found: dict[str, Any] | None) -> str:
    return f"{found['p50']:.0f} / {found['p99']:.0f}; {found['per_second']:.0f}" if found else "–"


def _paced(found: dict[str, Any] | None) -> str:
    return f"{found['paced']['p50']:.0f} / {found['paced']['p99']:.0f}" if found else "–"


def _growth(found: list[dict[str, Any] | None], of: Callable[[dict[str, Any] | None], str]) -> str:
    """How many times as long it takes at the largest size as at the smallest, the middle one and the slowest."""
    ends = [each and (each["paced"] if of is _paced else each) for each in (found[0], found[-1])]
    if not ends[0] or not ends[1]:
        return "– | –"
    return " | ".join(f"× {ends[1][which] / ends[0][which]:.1f}" for which in ("p50", "p99"))


def _met(found: dict[str, Any] | None, results: dict[str, Any]) -> str:
    if not found:
        return "not measured"
    return f"{found['p99']:.0f} ms, {'met' if found['p99'] < results['goal_ms'] else '**missed**'}"
