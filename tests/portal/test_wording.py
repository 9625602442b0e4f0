"""What people read has words of its own: nothing that is stated shows by the name that programs give it."""

from __future__ import annotations

import re
from pathlib import Path

from services.portal import wording, wording_ledger
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
