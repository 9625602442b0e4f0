"""What people read has words of its own: nothing that is stated shows by the name that programs give it."""

from __future__ import annotations

import re
from pathlib import Path

from services.portal import wording, wording_fields, wording_ledger
from services.portal.forms import is_id
from shared.events import TYPES, Act, Fact

ROOT = Path(__file__).parents[2]
ACT = re.compile(
    r'(?:Act|_record)\((?:[^()]|\([^()]*\))*?\bact="([a-z_]+)"'
)  # where an act is made, not where one is asked for
STEP = re.compile(r'\bStep\(\w+, "(\w+)"')


def found(pattern: re.Pattern[str], folder: str) -> set[str]:
    files = sorted((ROOT / "services" / folder).rglob("*.py"))
    return {name for each in files for name in pattern.findall(each.read_text(encoding="utf-8"))}


def test_every_fact_of_a_document_has_its_words_in_the_ledger() -> None:
    facts = {
        name.removeprefix("vn.vanthu.").rpartition(".v")[0]
        for name, kind in TYPES.items()
        if issubclass(kind, Fact) and not issubclass(kind, Act)
        if kind.TOPIC.stated_by in ("docs", "signing")
    }
    facts = {each for each in facts if not each.startswith("docs.order.")}
    assert facts >= {"docs.document.remark_made", "signing.receipt.sealed"}
    assert facts <= set(wording_ledger.TYPES)


def test_every_act_of_people_has_its_words_in_the_ledger() -> None:
    acts = {each for folder in ("docs", "signing", "notify", "portal") for each in found(ACT, folder)}
    assert acts >= {"book_printed", "device_approved"}
    assert acts <= set(wording_ledger.ACTS)


def test_every_step_of_a_document_has_its_words_in_its_history() -> None:
    steps = found(STEP, "docs")
    assert "registered_from_intake" in steps
    assert steps <= set(wording.ACTS)


def test_what_a_service_calls_by_its_place_people_read_by_its_name() -> None:
    def said(*pointers: str) -> str:
        return wording_fields.invalid([{"pointer": each, "detail": "Field required"} for each in pointers])

    assert said("/body/reason") == "Chưa điền hoặc điền chưa đúng: Lý do; hãy sửa rồi gửi lại."
    assert "Số lượng, Để làm gì;" in said("/body/count", "/body/purpose", "/body/count")
    assert "Tiêu đề (dòng 3)" in said("/body/lines/2/title")
    assert said("/body/lines/0/no_such") == "Chưa điền hoặc điền chưa đúng: Các dòng; hãy sửa rồi gửi lại."
    for unknown in ((), ("/body/no_such",), ("nonsense",)):
        assert said(*unknown).startswith("Có mục chưa điền hoặc điền chưa đúng")
    assert wording_fields.invalid(["broken", None]).startswith("Có mục")
    many = [f"/body/{name}" for name in list(wording_fields.FIELDS)[:20]]
    assert "mục khác" in said(*many)


def test_entries_are_asked_for_by_ids_only() -> None:
    assert is_id("01a21979-6d89-77d2-93ae-cf93e323479a")
    assert not any(map(is_id, ("2026", "in", "partner:motcua")))
