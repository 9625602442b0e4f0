"""PDFs that others signed, damaged and attacked, kept beside the project; expectations by their makers.

Where we differ, tests/verify/disagreements.tsv says how and by which clause, and the file has to behave as said there.
"""

from __future__ import annotations

import csv
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from vanthu_verify import NotPdf, Trust, command, validate
from vanthu_verify.bounded import Failure
from vanthu_verify.wording import REASONS

_CORPUS = Path(__file__).parents[3] / "shared" / "data" / "pades-corpus"
_TABLE = Path(__file__).with_name("disagreements.tsv")
pytestmark = pytest.mark.skipif(
    not (_CORPUS / "MANIFEST.tsv").exists(), reason="the corpus of others' PDFs does not lie beside the project here"
)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


_FILES = {row["file"]: row for row in _rows(_CORPUS / "MANIFEST.tsv")}
_DIFFERENT = {row["file"]: row for row in _rows(_TABLE)}


@cache
def _judged(name: str) -> tuple[dict[str, Any], float]:
    began = time.process_time()
    try:
        result: Any = validate((_CORPUS / name).read_bytes(), Trust(), password=_FILES[name]["password"])
    except NotPdf as error:
        result = Failure(error.code)
    return command.summary(name, result), time.process_time() - began


def _accepted(value: dict[str, Any]) -> bool:
    """Integrity, whoever signed: nothing failed, nothing was changed beyond its permission."""
    signatures = value["signatures"]
    whole = all(s["modifications"] != "forbidden" for s in signatures)
    return bool(signatures) and whole and value["indication"] != "TOTAL_FAILED" and value["error"] is None


@pytest.mark.parametrize("name", sorted(_FILES))
def test_a_file_is_judged_as_its_maker_expects(name: str) -> None:
    row, (value, took) = _FILES[name], _judged(name)
    assert took < 20
    assert value["indication"] in ("TOTAL_FAILED", "INDETERMINATE"), "nobody is trusted here, so nothing passes"
    if name in _DIFFERENT:
        expected = _DIFFERENT[name]
        assert (value["indication"], str(value["sub_indication"])) == (
            expected["indication"],
            expected["sub_indication"],
        )
        assert expected["clause"]
        return
    if row["exp_verdict"] == "pass" or (row["exp_intact"] == "all" and row["exp_verdict"] == "indeterminate"):
        assert _accepted(value)
    elif row["exp_verdict"] == "fail":
        assert value["indication"] == "TOTAL_FAILED"
    elif row["exp_verdict"] == "reject":
        assert value["error"] is not None
    elif row["exp_verdict"] == "no-signature":
        assert (value["sub_indication"], value["signatures"]) == ("NO_SIGNATURE", [])
    if row["exp_sigs"]:
        assert len(value["signatures"]) == int(row["exp_sigs"])
    if row["exp_modification"]:
        assert row["exp_modification"] in {s["modifications"] for s in value["signatures"]}


def test_no_broken_file_is_accepted_and_of_the_intact_ones_at_least_94_in_a_hundred() -> None:
    intact = [n for n, row in _FILES.items() if row["exp_verdict"] == "pass"]
    broken = [n for n, row in _FILES.items() if row["exp_verdict"] == "fail" or row["exp_intact"] == "none"]
    assert not [name for name in broken if _accepted(_judged(name)[0])]
    assert len([name for name in intact if _accepted(_judged(name)[0])]) >= 0.94 * len(intact) > 20


def test_levels_are_those_that_the_makers_name() -> None:
    levels = {name: {s["level"] for s in _judged(name)[0]["signatures"]} for name in _FILES}
    named = {"B-LT": "B-LT", "B-LTA": "B-LTA", "LTV": "B-LTA", "EPES": "B-B", "B-B": "B-B", "PKCS7-T": "CMS-T"}
    checked = [name for name, row in _FILES.items() if row["exp_level"] in named]
    assert len(checked) > 4
    for name in checked:
        assert levels[name] == {named[_FILES[name]["exp_level"]]}, name


def test_every_reason_has_words_in_both_languages() -> None:
    codes = {code for name in _FILES for s in _judged(name)[0]["signatures"] for code in s["reasons"]}
    assert len(codes) > 6
    assert codes <= REASONS.keys()


def test_the_table_of_disagreements_names_files_that_exist() -> None:
    assert _DIFFERENT.keys() <= _FILES.keys()
    assert len(_DIFFERENT) <= 4
