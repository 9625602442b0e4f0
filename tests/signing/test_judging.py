"""What arrives is judged by the policy of its class, in bounds that no file moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from vanthu_verify import policy

from deploy.devpki.server import Running
from services.signing import checking, pdf, validation_rules
from services.signing.checking import UPLOADS
from services.signing.judges import Judges, Question
from shared import db
from shared.events import BlobRef, docs, signing
from shared.tokens import Principal
from tests.interop import paper
from tests.signing.desktop import Desktop
from tests.signing.office import Office, runner

NAMES = policy.names()


@pytest.fixture(scope="module")
def issued(pki: Running) -> bytes:
    """Signed by a person, sealed by the agency."""
    return paper.issue(paper.sample("01"), pki)


def signed_only(pki: Running) -> bytes:
    draft = paper.sample("01")
    return paper.sign(pdf.prepare(draft, paper.plan(draft)), paper.person(pki), pki)


# --- rules


def test_the_first_rule_that_fits_decides() -> None:
    rules = validation_rules.read(
        """
        [[rules]]
        types = ["SY"]
        policy = "archive"
        [[rules]]
        came_by = ["partner:*"]
        types = ["CV", "QĐ"]
        policy = "foreign"
        annex = "foreign"
        """,
        NAMES,
    )
    assert rules.policy_for("SY", None) == "archive"
    assert rules.policy_for("SY", "partner:asean", annex=True) == "default"
    assert rules.policy_for("CV", "partner:asean", annex=True) == "foreign"
    assert rules.policy_for("CV", "network") == "default"
    assert rules.policy_for(None, "partner:asean") == "default", "an unknown type fits no named one"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rules]]\npolicy = "kind"', "policy must be one of default, incoming"),
        ('[[rules]]\ntypes = ["CV"]', "policy must be one of"),
        ('[[rules]]\npolicy = "default"\nannexe = "default"', "annexe is unknown"),
        ('[[rules]]\npolicy = "default"\ntypes = "CV"', "types must be a list"),
        ('[[rule]]\npolicy = "default"', r"only \[\[rules\]\] may stand here"),
        ("rules = ", "no TOML"),
    ],
)
def test_a_file_of_rules_that_is_not_clear_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        validation_rules.read(text, NAMES)


# --- by class


def ordered(office: Office, content: BlobRef, **more: Any) -> signing.DocumentValidated:
    office.order_validation(content, **more)
    office.work()
    found = office.only(signing.DocumentValidated)
    assert isinstance(found, signing.DocumentValidated)
    return found


def kept(office: Office) -> list[str]:
    with db.transaction(office.pool) as tx:
        return [row["policy"] for row in tx.execute("SELECT policy FROM report ORDER BY policy").fetchall()]


def test_the_class_chooses_the_policy_and_each_has_its_own_kept_report(
    office: Office, pki: Running, issued: bytes
) -> None:
    whole = office.docs.put(issued, "application/pdf")
    by_agency = ordered(office, whole, type_code="CV", came_by="network")
    assert (by_agency.policy, by_agency.indication) == ("incoming", "TOTAL_PASSED")
    by_mail = ordered(office, whole, type_code="CV")
    assert (by_mail.policy, by_mail.indication) == ("default", "TOTAL_PASSED")
    assert kept(office) == ["vanthu-4/default-1", "vanthu-4/incoming-1"]

    only_the_person = office.docs.put(signed_only(pki), "application/pdf")
    sealless = ordered(office, only_the_person, type_code="CV", came_by="partner:motcua")
    assert (sealless.policy, sealless.indication) == ("incoming", "INDETERMINATE")
    assert "cơ quan" in sealless.reason_vi
    copy = ordered(office, only_the_person, type_code="SY", came_by="network")
    assert (copy.policy, copy.indication) == ("default", "TOTAL_PASSED"), "of a copy one signature is asked"


def test_an_annex_is_judged_by_its_own_policy(office: Office, pki: Running, issued: bytes) -> None:
    annex = docs.Part(
        ordinal=1,
        kind="annex",
        filename="phu-luc.pdf",
        content=office.docs.put(signed_only(pki), "application/pdf"),
    )
    found = ordered(
        office, office.docs.put(issued, "application/pdf"), type_code="CV", came_by="network", annexes=(annex,)
    )
    assert found.policy == "incoming"
    assert [(a.policy, a.indication) for a in found.annexes] == [("default", "TOTAL_PASSED")]


# --- bounds


def hang(_: Question) -> dict[str, Any]:
    while True:
        pass


def hog(_: Question) -> dict[str, Any]:
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))


@pytest.fixture
def hostile(office: Office) -> Iterator[Callable[..., Judges]]:
    """The office's jobs with judges for whom a file is as bad as the task says."""
    made: list[Judges] = []

    def with_(task: Callable[[Question], dict[str, Any]], **bounds: Any) -> Judges:
        made.append(Judges(task=task, **bounds))
        office.runner = runner(replace(office.desk, judges=made[-1]))
        return made[-1]

    yield with_
    for each in made:
        each.close()


def test_a_file_that_never_ends_is_refused_in_a_sentence_after_a_second_look(
    office: Office, hostile: Callable[..., Judges], issued: bytes
) -> None:
    hostile(hang, seconds=0.2)
    office.order_validation(office.docs.put(issued, "application/pdf"))
    office.work()
    assert office.only(signing.DocumentDelayed).code == "validation_too_slow", "once it may be the machine"
    office.work_again()
    found = office.only(signing.DocumentValidated)
    assert (found.indication, found.sub_indication, found.code) == ("INDETERMINATE", "GENERIC", "validation_too_slow")
    assert "đã dừng" in found.reason_vi


def test_a_file_that_wants_all_memory_is_refused_and_the_next_one_judged(
    office: Office, hostile: Callable[..., Judges], issued: bytes
) -> None:
    hostile(hog, memory=256 * 1024 * 1024)
    office.order_validation(office.docs.put(issued, "application/pdf"))
    office.work()
    found = office.only(signing.DocumentValidated)
    assert (found.code, found.sub_indication) == ("validation_too_large", "GENERIC")
    assert "256 MB" in found.reason_en


def test_the_bounds_are_those_of_the_command(judges: Judges, office: Office, tmp_path: Path, issued: bytes) -> None:
    assert (judges._seconds, judges._memory) == (20.0, 512 * 1024 * 1024)
    path = tmp_path / "a.pdf"
    path.write_bytes(issued)
    report = judges.judge(path, network=office.desk.network(), policy="incoming")
    assert report["policy"] == "incoming-1"


def test_a_place_is_taken_before_the_first_byte_and_nothing_is_left_behind(
    desktop: Desktop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issued: bytes
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    counter = checking.Counter()
    desktop.app.state.checks = counter
    visitor = desktop.of(Principal(kind="visitor", name="Khách", roles=frozenset()))
    try:
        assert visitor.post("/checks", content=issued).json()["indication"] == "TOTAL_PASSED"
        assert not list(tmp_path.glob("vanthu-check-*"))
        places = [counter.upload() for _ in range(UPLOADS)]
        for place in places:
            place.__enter__()
        answer = visitor.post("/checks", content=issued)
        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "checks_busy", "30")
        places.pop().__exit__(None, None, None)
        assert visitor.post("/checks", content=issued).status_code == httpx.codes.OK
        for place in places:
            place.__exit__(None, None, None)
    finally:
        counter.judges.close()
