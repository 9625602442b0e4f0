"""A certificate is revoked while its holder is signing: what is under way stops, everybody learns why, the past stands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from services.signing import craft, pdf
from services.signing.pdf_report import Indication
from shared import db
from shared.events import signing
from tests.interop.judge import judge
from tests.signing import office as world
from tests.signing.desktop import Desktop, complete, content, prepare, prepared, sign
from tests.signing.office import Leader, Office
from tests.support.parts import until


def revoke(office: Office, leader: Leader, status: str = "revoked") -> None:
    office.take(world.certificate(leader, status=status))


@pytest.mark.parametrize("status", ["revoked", "suspended"])
def test_what_was_prepared_is_stopped_and_the_token_learns_why(
    office: Office, desktop: Desktop, leader: Leader, status: str
) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    base, sha = content(http, document_id)
    [item] = prepare(http, leader, (document_id, sha))
    office.stated()
    revoke(office, leader, status)
    assert http.get(f"/preparations/{item['preparation_id']}").json()["state"] == "failed"
    [answer] = complete(http, (item["preparation_id"], leader.sign(item, base)))
    assert (answer["state"], answer["problem"]["code"]) == ("refused", "certificate_revoked")
    office.work()
    act, delayed = office.stated()
    assert isinstance(act, signing.SigningAct)
    assert (act.act, act.detail["signer"]) == ("signature_stopped", leader.name)
    assert isinstance(delayed, signing.DocumentDelayed)
    assert (delayed.stage, delayed.code, delayed.waits_for) == ("sign", "certificate_revoked", leader.id)
    assert delayed.signer_name == leader.name


def test_a_signature_that_waits_for_its_time_stamp_is_not_embedded(
    office: Office, desktop: Desktop, leader: Leader
) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    preparation = sign(http, leader, document_id)
    office.stated()
    revoke(office, leader)
    office.work()
    assert not any(isinstance(event, signing.DocumentSigned) for event in office.stated())
    found = http.get(f"/preparations/{preparation}").json()
    assert (found["state"], found["problem"]["code"]) == ("failed", "certificate_revoked")
    renewed = world.certificate(leader, status="active")
    office.take(renewed)
    sign(http, leader, document_id)
    office.work()
    assert isinstance(office.stated()[-1], signing.DocumentSigned), "the document goes on with a usable certificate"


def test_a_revocation_wins_over_a_signature_that_is_being_embedded_just_now(
    office: Office, desktop: Desktop, leader: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = prepared(office, leader)
    sign(desktop.of(leader.principal), leader, document_id)
    office.stated()
    run: Callable[..., Any] = type(office.desk.workshop).run

    def revoked_meanwhile(shop: Any, work: Any, *arguments: Any, **more: Any) -> Any:
        made = run(shop, work, *arguments, **more)
        if work is craft.finish:
            thread = threading.Thread(target=revoke, args=(office, leader))
            thread.start()
            thread.join()
        return made

    monkeypatch.setattr(type(office.desk.workshop), "run", revoked_meanwhile)
    office.work()
    kinds = [type(event) for event in office.stated()]
    assert signing.DocumentSigned not in kinds
    assert signing.DocumentDelayed in kinds


def test_what_was_signed_before_stays_signed(office: Office, desktop: Desktop, leader: Leader) -> None:
    document_id = prepared(office, leader)
    http = desktop.of(leader.principal)
    preparation = sign(http, leader, document_id)
    office.work()
    assert isinstance(office.stated()[-1], signing.DocumentSigned)
    revoke(office, leader)
    office.work()
    assert office.stated() == []
    assert http.get(f"/preparations/{preparation}").json()["state"] == "completed"


def test_a_document_signed_before_the_revocation_is_still_sealed(
    office: Office, desktop: Desktop, pki: Running, seal: Issued
) -> None:
    """The registry and the CA itself say "revoked"; the time stamp of the signature says that it came first."""
    gone = world.leader(pki, "Bùi Văn Nghỉ")
    document_id = prepared(office, gone)
    sign(desktop.of(gone.principal), gone, document_id)
    office.work()
    [signed_at] = [event.at for event in office.stated() if isinstance(event, signing.DocumentSigned)]
    until(lambda: datetime.now(UTC) > signed_at + timedelta(seconds=1.5), bound=5, what="the next second")
    pki.revoke(gone.certificate.serial)
    revoke(office, gone)
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    sealed = office.stated()[-1]
    assert isinstance(sealed, signing.DocumentSealed)
    assert sealed.level == "PAdES-BASELINE-LTA"
    report = pdf.validate(office.desk.blobs.get(sealed.content), pdf.Trust(roots=(world.root_der(pki),)))
    assert report.indication is Indication.PASSED, report


def test_a_seal_whose_certificate_is_revoked_while_it_is_made_is_not_used(
    office: Office, desktop: Desktop, leader: Leader, seal: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = prepared(office, leader)
    sign(desktop.of(leader.principal), leader, document_id)
    office.work()
    stated = office.seal_certificate(seal)
    office.stated()
    office.order_seal(document_id)
    run: Callable[..., Any] = type(office.desk.workshop).run

    def revoked_meanwhile(shop: Any, work: Any, *arguments: Any, **more: Any) -> Any:
        made = run(shop, work, *arguments, **more)
        office.take(stated.model_copy(update={"status": "revoked"}))
        return made

    with monkeypatch.context() as patch:
        patch.setattr(type(office.desk.workshop), "run", revoked_meanwhile)
        office.work()
    assert office.only(signing.DocumentDelayed).stage == "seal"
    with db.transaction(office.pool) as tx:
        assert tx.execute("SELECT count(*) AS n FROM revision WHERE stage = 'sealed'").fetchone() == {"n": 0}


def test_a_whole_pile_is_told_of_once_each_and_others_go_on(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    office.found(leader, deputy)
    pile = [office.order(leader, deputy) for _ in range(3)]
    others = office.order(deputy, leader)
    office.work()
    office.stated()
    revoke(office, leader)
    office.work()
    told = office.stated()
    assert {e.document_id for e in told if isinstance(e, signing.DocumentDelayed)} == set(pile)
    revoke(office, leader, "suspended")
    office.work()
    assert office.stated() == [], "said already"
    assert sign(desktop.of(deputy.principal), deputy, others)


def test_another_usable_certificate_keeps_the_documents_going(office: Office, leader: Leader) -> None:
    prepared(office, leader)
    second = world.stated_certificate(leader.certificate, id_=uuid4(), kind="person", person_id=leader.id)
    office.take(second)
    revoke(office, leader)
    office.work()
    assert office.stated() == []


def test_a_revocation_in_the_middle_of_a_pile_stops_the_rest_and_what_was_stamped_before_stays_valid(
    office: Office, desktop: Desktop, pki: Running, tmp_path: Path
) -> None:
    """Six were prepared together; four were handed in and stamped, then the word comes: the others are told one by one."""
    gone = world.leader(pki, "Bùi Văn Nghỉ")
    office.found(gone)
    pile = [office.order(gone) for _ in range(6)]
    office.work()
    http = desktop.of(gone.principal)
    bases = {document_id: content(http, document_id) for document_id in pile}
    items = prepare(http, gone, *((document_id, sha) for document_id, (_, sha) in bases.items()))
    raw = [(item["preparation_id"], gone.sign(item, bases[UUID(item["document_id"])][0])) for item in items]
    assert {one["state"] for one in complete(http, *raw[:4])} == {"accepted"}
    office.work()
    done = [event for event in office.stated() if isinstance(event, signing.DocumentSigned)]
    assert {event.document_id for event in done} == set(pile[:4])
    until(lambda: datetime.now(UTC) > done[-1].at + timedelta(seconds=1.5), bound=5, what="the next second")
    pki.revoke(gone.certificate.serial)
    revoke(office, gone)
    told = complete(http, *raw[4:])
    assert [(one["state"], one["problem"]["code"]) for one in told] == [("refused", "certificate_revoked")] * 2
    office.work()
    late = office.stated()
    assert not any(isinstance(event, signing.DocumentSigned) for event in late)
    assert {event.document_id for event in late if isinstance(event, signing.DocumentDelayed)} == set(pile[4:])
    (tmp_path / "trust.pem").write_bytes(pki.root_pem)
    for n, event in enumerate(done):
        (tmp_path / f"{n}.pdf").write_bytes(office.desk.blobs.get(event.content))
    verdicts = judge([tmp_path / f"{n}.pdf" for n in range(len(done))], tmp_path / "trust.pem")
    for n, verdict in enumerate(verdicts.values()):
        assert verdict.accepted, verdict
        report = pdf.validate((tmp_path / f"{n}.pdf").read_bytes(), pdf.Trust(roots=(world.root_der(pki),)))
        assert report.indication == "TOTAL_PASSED", report
