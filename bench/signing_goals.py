"""The goals of `bench.signing`, each judged from the figures of the same run; what was not measured is not met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MEMORY_GOAL = 500.0  # megabytes
OF_RAW, WHOLE_OF_RAW, BATCH_OF_RAW = 0.6, 0.4, 0.8
RSA_TIMES_DSS, EC_TIMES_DSS, LARGE_TIMES_DSS, LASTING_TIMES_DSS, VALIDATION_TIMES_DSS = 6.0, 5.0, 12.0, 4.0, 5.0
WHOLE = "whole: visible, numbered, sealed, LTA, 1 page"


def judge(results: dict[str, Any]) -> list[dict[str, Any]]:
    """`times` is what was reached, None when there is no figure."""
    found = list(_rates(results["rows"]))
    token = results["token"]
    found.append(
        _goal(f"batch of {token['pile']} on a token", "the token's raw rate", BATCH_OF_RAW, token.get("of raw"))
    )
    for step in ("prepare", "sign", "seal", "validate"):
        said = results["memory"]["steps"].get(step, {})
        megabytes = said.get("megabytes")
        met = megabytes is not None and megabytes < MEMORY_GOAL
        row = f"memory to {step} 200 MB"
        found.append({"row": row, "against": "megabytes", "goal": MEMORY_GOAL, "times": megabytes, "met": met})
    return found


def _rates(rows: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row, found in rows.items():
        figures = found["figures"]

        def against(side: str, goal: float, row: str = row, figures: dict[str, float] = figures) -> dict[str, Any]:
            both = figures.get("ours"), figures.get(side)
            return _goal(row, side, goal, both[0] / both[1] if both[0] and both[1] else None)

        if row == WHOLE:
            yield against("raw", WHOLE_OF_RAW)
        elif row.startswith("validate "):
            yield against("EU DSS", VALIDATION_TIMES_DSS)
            yield against("EU DSS without pictures", 1.0)
        elif row.startswith("sign B") and row.endswith("20 pages"):
            yield against("EU DSS", LARGE_TIMES_DSS)
        elif row.startswith("sign B") and "RSA" in row:
            yield against("raw", OF_RAW)
            yield against("EU DSS", RSA_TIMES_DSS)
        elif row.startswith("sign B"):
            yield against("EU DSS", EC_TIMES_DSS)
        elif row.startswith(("sign T,", "sign LT,")):
            yield against("EU DSS", LASTING_TIMES_DSS)


def _goal(row: str, against: str, goal: float, times: float | None) -> dict[str, Any]:
    return {"row": row, "against": against, "goal": goal, "times": times, "met": times is not None and times >= goal}
