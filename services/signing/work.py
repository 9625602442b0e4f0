"""The kinds of job that this service's worker runs, each in its own module."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import ModuleType

from services.signing import (
    augmenting,
    completing,
    counter_sealing,
    erasing,
    head_sealing,
    preparing,
    sealing,
    stopping,
    validating,
)
from services.signing.desk import CRASHES, Desk, is_crash
from services.signing.refusals import PDF_TOO_HARD
from shared import jobs
from shared.errors import Rejected

FOR_EVER = 1_000_000  # a number that was taken is sealed, however long the key or the TSA is away
LONGEST_PAUSE = 60.0  # seconds: longer, and people wait for us after the TSA is back


def kinds(desk: Desk) -> Mapping[str, jobs.Kind]:
    """Every kind, bound to this process's desk."""
    made = {
        module.KIND: jobs.Kind(
            run=_blaming_the_file(partial(module.run, desk)) if blamed else partial(module.run, desk),
            on_failure=partial(module.on_failure, desk),
            max_attempts=FOR_EVER,
            longest_pause=LONGEST_PAUSE,
        )
        for module, blamed in _MODULES.items()
    }
    made[head_sealing.STAMP] = jobs.Kind(
        run=partial(head_sealing.stamp, desk),
        on_failure=partial(head_sealing.on_stamp_failure, desk),
        max_attempts=FOR_EVER,
        longest_pause=LONGEST_PAUSE,
    )
    return made


def _blaming_the_file(run: jobs.Handler) -> jobs.Handler:
    """A stranger's file that kills its process again and again is refused, lest it stops others' work for ever."""

    def blaming(job: jobs.Job) -> jobs.Commit:
        try:
            return run(job)
        except Rejected as error:
            if is_crash(error) and job.attempts >= CRASHES:
                raise Rejected(PDF_TOO_HARD) from error
            raise

    return blaming


_MODULES: Mapping[ModuleType, bool] = {
    preparing: True,
    completing: False,
    sealing: False,
    counter_sealing: False,
    stopping: False,
    validating: True,
    augmenting: False,
    head_sealing: False,
    erasing: False,
}
