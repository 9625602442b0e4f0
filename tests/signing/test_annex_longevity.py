"""Annexes in files of their own owe, are paid and are renewed like the main text, as one document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from services.signing import upkeep
from services.signing.longevity import LTA, B, field_of, part_of
from services.signing.rhythm import Rhythm
from shared.events import docs, signing
from tests.interop import paper
from tests.signing.desktop import Desktop, sign
from tests.signing.office import Leader, Office
from tests.signing.test_upkeep import at_risk, clerk, ending, facts

RHYTHM = Rhythm(owing_for=timedelta(0), margin=timedelta(days=90), renewals=50)


@pytest.fixture
def ordered(office: Office, desktop: Desktop, seal: Issued, leader: Leader) -> docs.PrepareDocument:
    """A document with two annexes that its leader has signed."""
    office.found(leader)
    office.seal_certificate(seal)
    annexes = tuple(
        docs.Part(
            ordinal=n,
            kind="annex",
            filename=f"phu-luc-{n}.pdf",
            content=office.docs.put(paper.sample(sample), "application/pdf"),
        )
        for n, sample in ((1, "04"), (2, "02"))
    )
    order = office.order_of(leader).model_copy(update={"annexes": annexes})
    office.take(order)
    office.work()
    sign(desktop.of(leader.principal), leader, order.document_id)
    office.work()
    office.stated()
    return order


def validated(office: Office, part: docs.Part) -> list[tuple[str, str]]:
    office.order_validation(part.content)
    office.work()
    found = facts(office, signing.DocumentValidated)[0]
    return [(s.indication, s.level) for s in found.signatures]


def test_annexes_are_sealed_while_the_tsa_is_away_and_paid_with_the_main_text(
    office: Office, desktop: Desktop, pki: Running, ordered: docs.PrepareDocument
) -> None:
    pki.outage(tsa=True)
    office.order_seal(ordered.document_id, 15, *ordered.annexes)
    office.work()
    sealed = facts(office, signing.DocumentSealed)[0]
    assert (sealed.level, sealed.owes) == (B, ("T", "LT", "LTA")), "nobody waits for the annexes"
    assert [part.ordinal for part in sealed.parts] == [1, 2]
    reader = clerk(office)
    standing = desktop.of(reader).get(f"/documents/{ordered.document_id}/signatures").json()
    assert [(s["field"].partition("/")[0], s["level"]) for s in standing["items"] if "/" in s["field"]] == [
        ("annex-1", B),
        ("annex-2", B),
    ]
    upkeep.rounds(office.desk, RHYTHM)
    assert "owing" in at_risk(desktop, reader)["figures"] or facts(office, signing.DocumentOwing)

    pki.outage(tsa=False)
    office.stated()
    office.work_again()
    paid = office.only(signing.DocumentAugmented)
    assert (paid.level, paid.owes, paid.cause) == (LTA, (), "debt")
    assert [part.ordinal for part in paid.annexes] == [1, 2]
    for before, after in zip(sealed.parts, paid.annexes, strict=True):
        old, new = office.desk.blobs.get(before.content), office.desk.blobs.get(after.content)
        assert new.startswith(old), "what stood is untouched"
        assert validated(office, after) == [("TOTAL_PASSED", LTA)]
    office.work_again()
    assert office.stated() == [], "paid once"


def test_a_debt_of_an_annex_alone_is_a_debt_of_the_document(
    office: Office, pki: Running, ordered: docs.PrepareDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The TSA falls silent between the main text and its annexes."""
    run = office.desk.workshop.run

    def silent_for_annexes(task: Any, *args: Any, **kwargs: Any) -> Any:
        pki.outage(tsa=getattr(task, "__name__", "") == "sign_annex")
        return run(task, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(office.desk.workshop, "run", silent_for_annexes)
        office.order_seal(ordered.document_id, 15, *ordered.annexes)
        office.work()
    sealed, paid = (e for e in office.stated() if isinstance(e, signing.DocumentSealed | signing.DocumentAugmented))
    assert isinstance(sealed, signing.DocumentSealed)
    assert isinstance(paid, signing.DocumentAugmented)
    assert sealed.owes == ("T", "LT", "LTA")
    assert (paid.content, paid.previous_sha256) == (sealed.content, sealed.content.sha256), "the main text had it all"
    assert ([part.ordinal for part in paid.annexes], paid.level, paid.owes) == ([1, 2], LTA, ())


def test_annexes_are_renewed_with_the_main_text(
    office: Office, desktop: Desktop, pki: Running, ordered: docs.PrepareDocument
) -> None:
    with ending(pki, days=60):
        office.order_seal(ordered.document_id, 15, *ordered.annexes)
        office.work()
        sealed = facts(office, signing.DocumentSealed)[0]
        assert sealed.owes == ()
    upkeep.rounds(office.desk, RHYTHM)
    office.work_again()
    renewed = office.only(signing.DocumentAugmented)
    assert (renewed.cause, renewed.level) == ("renewal", LTA)
    assert renewed.proven_until > datetime.now(UTC) + timedelta(days=365)
    assert [part.ordinal for part in renewed.annexes] == [1, 2]
    for before, after in zip(sealed.parts, renewed.annexes, strict=True):
        assert office.desk.blobs.get(after.content).startswith(office.desk.blobs.get(before.content))
    assert validated(office, renewed.annexes[0]) == [("TOTAL_PASSED", LTA)]
    upkeep.rounds(office.desk, RHYTHM)
    assert at_risk(desktop, clerk(office))["items"] == []


def test_the_name_of_a_signature_says_in_which_file_it_is() -> None:
    assert [part_of(field) for field in ("vanthu_seal", field_of(12, "vanthu_annex"), "annex/1", "annex-x/1")] == [
        0,
        12,
        0,
        0,
    ]
