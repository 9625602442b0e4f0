"""The figures of `bench.docs` as JSON and as a page to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
        yield f"| | {' | '.join(f'{int(size):,}' for size in sizes)} |"
        yield f"|---|{'---:|' * len(sizes)}"
        for name in names:
            cells = (of(results["sizes"][size]["tasks"].get(name)) for size in sizes)
            yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield (
        f"## The goal: p99 below {results['goal_ms']:.0f} ms for {results['users']} people at once, at the largest size"
    )
    yield ""
    yield "| | without a pause | as people are |"
    yield "|---|---|---|"
    for name in JUDGED:
        found = results["sizes"][sizes[-1]]["tasks"].get(name)
        yield f"| {name} | {_met(found, results)} | {_met(found and found['paced'], results)} |"
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


def _met(found: dict[str, Any] | None, results: dict[str, Any]) -> str:
    if not found:
        return "not measured"
    return f"{found['p99']:.0f} ms, {'met' if found['p99'] < results['goal_ms'] else '**missed**'}"
