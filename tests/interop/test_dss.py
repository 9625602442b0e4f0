"""What we sign and seal, judged by EU DSS, which did not make it (DESIGN §4.5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.devpki.server import Running
from services.signing import pdf
from tests.interop import paper
from tests.interop.judge import FileVerdict, Verdict, judge

ACCEPTED = [d["file"].partition("-")[0] for d in paper.expectations()["documents"]]
CHOSEN = ["01", "03", "07", "11b"]


@pytest.fixture(scope="module")
def verdicts(pki: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileVerdict]:
    """One run of the judge for the whole file: starting Java and DSS costs more than judging."""
    issued = {name: paper.issue(paper.sample(name), pki) for name in CHOSEN}
    issued["pkcs1"] = paper.issue(paper.sample("04"), pki, pdf.Mechanism.RSA_PKCS1)
    issued["ecdsa"] = paper.issue(paper.sample("12"), pki, pdf.Mechanism.ECDSA)
    issued["hybrid"] = paper.issue(paper.as_word_writes_it(paper.sample("01")), pki)
    issued["again"] = pdf.extend(
        issued["01"], level=pdf.Level.LTA, trust=paper.trust(pki), time_stamps=paper.time_stamps(pki)
    )
    issued["renumbered"] = paper.change_number(issued["01"])
    issued["drawn_over"] = paper.draw_over(issued["01"])
    return _judge(issued, pki, tmp_path_factory.mktemp("issued"))


def _judge(issued: dict[str, bytes], pki: Running, folder: Path) -> dict[str, FileVerdict]:
    trust = folder / "trust.pem"
    trust.write_bytes(pki.root_pem)
    for name, content in issued.items():
        (folder / f"{name}.pdf").write_bytes(content)
    return judge([folder / f"{name}.pdf" for name in issued], trust)


def _assert_issued(verdict: FileVerdict) -> None:
    assert verdict.accepted, verdict
    leader, seal = verdict.signatures
    assert (leader.field, seal.field) == (paper.SIGNER, pdf.SEAL_FIELD)
    for signature in (leader, seal):
        assert signature.indication == "TOTAL_PASSED"
        assert signature.level == "PAdES-BASELINE-LTA"
    assert _form_filling(leader), "number, date and seal are form filling after the leader's signature"
    assert not _form_filling(seal), "after the seal nothing but validation data and time stamps"


def _form_filling(signature: Verdict) -> bool:
    return any("/AP" in change for change in signature.changes)


@pytest.mark.parametrize("name", [*CHOSEN, "pkcs1", "ecdsa", "hybrid"])
def test_both_signatures_are_valid_for_the_archive(verdicts: dict[str, FileVerdict], name: str) -> None:
    _assert_issued(verdicts[f"{name}.pdf"])


def test_a_renewed_archive_time_stamp_keeps_both_signatures_valid(verdicts: dict[str, FileVerdict]) -> None:
    verdict = verdicts["again.pdf"]
    _assert_issued(verdict)
    assert len(verdict.timestamps) == 4, "two of signatures, two of the document"


def test_a_number_changed_after_the_seal_is_objected_to(verdicts: dict[str, FileVerdict]) -> None:
    verdict = verdicts["renumbered.pdf"]
    assert not verdict.accepted
    seal = next(s for s in verdict.signatures if s.field == pdf.SEAL_FIELD)
    assert not seal.accepted
    assert seal.objections


def test_a_page_drawn_over_after_the_seal_is_objected_to(verdicts: dict[str, FileVerdict]) -> None:
    verdict = verdicts["drawn_over.pdf"]
    assert not verdict.accepted
    assert all(s.objections for s in verdict.signatures)


@pytest.mark.full
def test_every_sample_document_is_valid_for_the_archive(pki: Running, tmp_path: Path) -> None:
    issued = {name: paper.issue(paper.sample(name), pki) for name in ACCEPTED}
    for verdict in _judge(issued, pki, tmp_path).values():
        _assert_issued(verdict)
