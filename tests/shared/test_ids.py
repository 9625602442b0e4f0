"""Ids: unique, of their moment, and in the order in which one process makes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import RFC_4122

from shared.ids import moment, new_id


def test_ids_of_one_process_sort_as_they_were_made() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    made = [new_id() for _ in range(20_000)]  # many within each millisecond
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}
    assert before <= moment(made[0]) <= moment(made[-1]) <= datetime.now(UTC) + timedelta(milliseconds=1)


def test_threads_never_get_the_same_one() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [each for batch in threads.map(lambda _: [new_id() for _ in range(2_000)], range(8)) for each in batch]
    assert len(set(made)) == len(made)


def test_what_is_kept_apart_cannot_be_guessed_from_its_neighbour() -> None:
    """Two of the same millisecond are at least far enough apart that nobody tries all between them."""
    made = [new_id().int for _ in range(2_000)]
    gaps = [after - before for before, after in pairwise(made)]
    assert sorted(gaps)[len(gaps) // 100] > 2**36
