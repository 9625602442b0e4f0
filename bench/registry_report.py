"""The figures of `bench.registry` as JSON and as a page to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write(directory: Path, results: dict[str, Any]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "registry.json").write_text(json.dumps(rounded(results), ensure_ascii=False, indent=1) + "\n")
    page = "\n".join(_page(results)) + "\n"
    (directory / "registry.md").write_text(page)
    print(page)


def _page(results: dict[str, Any]) -> Iterator[str]:
    yield "# registry: the development PKI against its own keys"
    yield ""
    yield "Made by `make bench B=registry`; what is measured and how stands in [README.md](../README.md)."
    yield ""
    yield ", ".join(f"{name}: {value}" for name, value in results["machine"].items()) + "."
    yield f"{results['rounds']} rounds of {results['seconds']:.0f} s each, medians a second."
    for keys, found in results["keys"].items():
        yield ""
        yield f"## {keys}"
        yield ""
        yield "| | a second | lowest – highest |"
        yield "|---|---:|---:|"
        for name, figure in found["figures"].items():
            low, high = found["spread"][name]
            yield f"| {name} | {figure:,.0f} | {low:,.0f} – {high:,.0f} |"
        yield ""
        yield "| goal | wanted | reached | |"
        yield "|---|---:|---:|---|"
        for goal in found["goals"]:
            met = "met" if goal["met"] else "**missed**"
            yield f"| {goal['what']} / {goal['against']} | {goal['goal']} × | {goal['times']:.2f} × | {met} |"
        yield ""
        for name, top in found["profiles"].items():
            yield f"- Where the time of “{name}” goes: " + "; ".join(top)
    yield ""
    yield "## Import of the directory"
    yield ""
    yield from _import(results["import"])


def _import(found: dict[str, Any]) -> Iterator[str]:
    if not found["measured"]:
        yield "Not measured in this run."
        return
    yield "| | |"
    yield "|---|---:|"
    for name, value in _flat(found):
        if name != "measured":
            yield f"| {name} | {value:,.2f} |" if isinstance(value, float) else f"| {name} | {value} |"


def _flat(found: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}", value


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 2) if value < 100 else round(value)
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value
