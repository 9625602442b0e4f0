"""Whatever byte of a signed file is changed, the verdict never gets better, and no file ends the engine."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vanthu_verify import Indication, NotPdf, Trust, validate
from vanthu_verify.candidates import collect
from vanthu_verify.document import Document

_ORDER = (Indication.FAILED, Indication.INDETERMINATE, Indication.PASSED)
_SETTINGS = settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_PLACES, _MASKS = st.floats(0, 1, exclude_max=True), st.integers(1, 255)


@dataclass(frozen=True, repr=False)
class Papers:
    """The documents of this file; too long to be shown when a test fails."""

    issued: bytes
    signed: bytes
    trust: Trust

    def judge(self, content: bytes) -> Indication:
        try:
            return validate(content, self.trust).indication
        except NotPdf:
            return Indication.FAILED


@pytest.fixture
def papers(issued: bytes, signed: bytes, trust: Trust) -> Papers:
    return Papers(issued, signed, trust)


def _flipped(content: bytes, at: int, mask: int) -> bytes:
    flipped = bytearray(content)
    flipped[at] ^= mask
    return bytes(flipped)


@_SETTINGS
@given(where=_PLACES, mask=_MASKS)
def test_a_flipped_byte_never_passes(papers: Papers, where: float, mask: int) -> None:
    at = int(where * len(papers.issued))
    verdict = papers.judge(_flipped(papers.issued, at, mask))
    last = max(collect(Document(papers.issued))[0], key=lambda one: one.end)
    if any(start <= at < start + length for start, length in last.covered.parts):
        assert verdict is not Indication.PASSED


@pytest.mark.parametrize("which", [-1, 1], ids=["number", "generation"])
def test_a_time_stamp_whose_field_can_not_be_found_any_more_still_counts(papers: Papers, which: int) -> None:
    """One bit of the field's header is another: nothing leads to the time stamp."""
    last = papers.issued.index(b" 0 obj", papers.issued.rindex(b"%%EOF", 0, len(papers.issued) - 8))
    assert papers.issued[last:].startswith(b" 0 obj\n<</Type/Annot")
    assert papers.judge(papers.issued) is Indication.PASSED
    assert papers.judge(_flipped(papers.issued, last + which, 1)) is Indication.FAILED


@_SETTINGS
@given(where=_PLACES, mask=_MASKS)
def test_a_flipped_byte_never_betters_what_is_unproven(papers: Papers, where: float, mask: int) -> None:
    before = papers.judge(papers.signed)
    assert before is Indication.INDETERMINATE
    after = papers.judge(_flipped(papers.signed, int(where * len(papers.signed)), mask))
    assert _ORDER.index(after) <= _ORDER.index(before)


@_SETTINGS
@given(where=_PLACES, tail=st.binary(min_size=1, max_size=60))
def test_a_file_cut_short_or_grown_never_passes(papers: Papers, where: float, tail: bytes) -> None:
    cut = papers.issued[: int(where * len(papers.issued))]
    assert papers.judge(cut) is not Indication.PASSED
    assert papers.judge(cut + tail) is not Indication.PASSED
    if tail.strip(b"\0\t\n\f\r "):
        assert papers.judge(papers.issued + tail) in (Indication.FAILED, Indication.PASSED)
