"""The figures of `bench.signing` as JSON and as a page to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.registry_report import rounded

SIDES = ("ours", "EU DSS", "EU DSS without pictures", "pyHanko plain", "raw")


def write(directory: Path, results: dict[str, Any]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "signing.json").write_text(json.dumps(rounded(results), ensure_ascii=False, indent=1) + "\n")
    page = "\n".join(_page(results)) + "\n"
    (directory / "signing.md").write_text(page)
    print(page)


def _page(results: dict[str, Any]) -> Iterator[str]:
    yield "# signing: ours beside EU DSS, pyHanko and the raw signature"
    yield ""
    yield "Made by `make bench B=signing`; what is measured and how stands in [README.md](../README.md)."
    yield ""
    yield ", ".join(f"{name}: {value}" for name, value in results["machine"].items()) + "."
    measured = "Measured shortly (`--quick`)" if results["quick"] else "Measured"
    yield f"{measured} in {results['minutes']:.1f} minutes; others used {results['others']:.2f} cores meanwhile."
    yield ""
    yield from _rates(results)
    yield ""
    yield from _goals(results["goals"])
    yield ""
    yield from _memory(results["memory"])
    yield ""
    yield from _token(results["token"])
    yield ""
    yield from _verdicts(results["verdicts"])
    for row, top in results["profiles"].items():
        yield ""
        yield f"- Where our time in “{row}” goes: " + "; ".join(top)


def _rates(results: dict[str, Any]) -> Iterator[str]:
    yield "## Documents a second, on one core"
    yield ""
    yield "| | " + " | ".join(SIDES) + " |"
    yield "|---|" + "---:|" * len(SIDES)
    for row, found in results["rows"].items():
        cells = (_figure(found, side) for side in SIDES)
        yield f"| {row} | " + " | ".join(cells) + " |"
    yield ""
    said = ", ".join(f"{name} {figure:,.0f}" for name, figure in results["openssl speed"].items())
    yield f"`openssl speed` on the same core, signatures a second: {said}."
    yield f"The raw limit of the whole is one signature each of these keys: {', '.join(results['keys of a whole'])}."
    for row, found in results["rows"].items():
        for side, error in found["errors"].items():
            yield f"- {row}, {side}: not measured, {error}"


def _figure(found: dict[str, Any], side: str) -> str:
    if side in found["errors"]:
        return "failed"
    figure = found["figures"].get(side)
    return "" if figure is None else f"{figure:,.1f}" if figure < 100 else f"{figure:,.0f}"


def _goals(goals: list[dict[str, Any]]) -> Iterator[str]:
    met = sum(goal["met"] for goal in goals)
    yield f"## Goals: {met} of {len(goals)} met"
    yield ""
    yield "| | against | wanted | reached | |"
    yield "|---|---|---:|---:|---|"
    for goal in goals:
        below = goal["against"] == "megabytes"
        wanted = f"< {goal['goal']:.0f}" if below else f"≥ {goal['goal']} ×"
        times = goal["times"]
        reached = "not measured" if times is None else f"{times:,.0f}" if below else f"{times:.2f} ×"
        yield f"| {goal['row']} | {goal['against']} | {wanted} | {reached} | {'met' if goal['met'] else '**missed**'} |"


def _memory(memory: dict[str, Any]) -> Iterator[str]:
    yield f"## Memory for a PDF of {memory['size']:.0f} MB"
    yield ""
    yield "| step, a process each | peak, MB | seconds | |"
    yield "|---|---:|---:|---|"
    for step, said in memory["steps"].items():
        if "refused" in said:
            yield f"| {step} | | | {said['refused']} |"
        else:
            yield f"| {step} | {said['megabytes']:,.0f} | {said['seconds']:.1f} | {said.get('indication', '')} |"


def _token(token: dict[str, Any]) -> Iterator[str]:
    yield f"## A pile of {token['pile']} on a SoftHSM2 token"
    yield ""
    if "error" in token:
        yield f"Not measured: {token['error']}."
        return
    yield f"{token['key']}. The token alone: {token['raw']:,.0f} signatures a second."
    yield (
        f"The pile: {token['signed']:,.0f} a second until the last signature was made ({token['of raw']:.2f} of raw), "
        f"{token['taken']:,.0f} a second until the service had taken the last one, "
        f"{token['finished']:,.0f} a second until the last document had its time stamp; "
        f"prepared and checked before the PIN in {token['prepared in']:.1f} s."
    )


def _verdicts(verdicts: dict[str, dict[str, str]]) -> Iterator[str]:
    yield "## What the judges say of what was made"
    yield ""
    yield "| | by | |"
    yield "|---|---|---|"
    for row, sides in verdicts.items():
        for side, said in sides.items():
            yield f"| {row} | {side} | {said} |"
