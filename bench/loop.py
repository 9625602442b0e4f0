"""Measuring in one thread: how often a second something can be done, and where its time goes."""

from __future__ import annotations

import cProfile
import gc
import io
import os
import pstats
import time
from collections.abc import Callable
from pathlib import Path

EACH = 10  # calls between two looks at the clock, where a call is short


def repeat(work: Callable[[int], object], seconds: float, *, each: int = EACH) -> float:
    """How often a second, on this thread."""
    count, start = 0, time.perf_counter()
    end = start + seconds
    while (now := time.perf_counter()) < end:
        for n in range(count, count + each):
            work(n)
        count += each
    return count / (now - start)


def pin(core: int) -> None:
    """Put this process, and those that it starts from now on, on one core, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


def profile(work: Callable[[int], object], times: int, *, seconds: float = 60.0) -> list[str]:
    """Where the time goes: the eight functions with most time of their own, in per cent. `times` calls at most."""
    gc.collect()
    end = time.perf_counter() + seconds
    profiler = cProfile.Profile()
    profiler.enable()
    for n in range(times):
        work(n)
        if time.perf_counter() > end:
            break
    profiler.disable()
    stats = pstats.Stats(profiler, stream=io.StringIO())
    whole: float = stats.total_tt  # type: ignore[attr-defined]
    by_time = sorted(stats.stats.items(), key=lambda item: -item[1][2])  # type: ignore[attr-defined]
    return [f"{own / whole:.0%} {_where(name)}" for name, (_, _, own, _, _) in by_time[:8]]


def _where(name: tuple[str, int, str]) -> str:
    file, _line, function = name
    return function if file.startswith("~") else f"{Path(file).parent.name}/{Path(file).name} {function}"
