"""Signers in a fixed and in any order, annexes, copies and counter-seals, on real parts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
import pytest

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from services.signing import store_longevity
from services.signing.keys import KeyStore
from shared import db
from shared.events import Actor, BlobRef, docs, signing
from tests.interop import paper
from tests.signing import office as world
from tests.signing.desktop import Desktop, complete, content, prepare, prepared, sign, signed
from tests.signing.office import AGENCY, CLERK, OTHER, Leader, Office


def in_order(office: Office, *leaders: Leader) -> UUID:
    """A document that these leaders sign one after the other."""
    office.found(*leaders)
    command = office.order_of(*leaders).model_copy(update={"signing_order": "fixed"})
    office.take(command)
    office.work()
    fact = office.only(signing.DocumentPrepared)
    assert fact.may_sign == (leaders[0].id,)
    return command.document_id


def test_a_fixed_order_shows_and_takes_only_the_next_signature(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    document_id = in_order(office, deputy, leader)
    first, second = desktop.of(deputy.principal), desktop.of(leader.principal)
    assert [task["document_id"] for task in first.get("/tasks").json()["items"]] == [str(document_id)]
    tasks = second.get("/tasks").json()
    assert tasks["items"] == []
    [later] = tasks["later"]
    assert (later["document_id"], later["waits_for"]) == (str(document_id), deputy.name)
    assert (later["place"], later["places"]) == (2, 2)
    _, sha = content(second, document_id)
    [item] = prepare(second, leader, (document_id, sha))
    assert item["problem"]["code"] == "not_your_turn"
    assert deputy.name in item["problem"]["detail_vi"]

    sign(first, deputy, document_id)
    office.work()
    tasks = second.get("/tasks").json()
    assert ([task["document_id"] for task in tasks["items"]], tasks["later"]) == ([str(document_id)], [])
    sign(second, leader, document_id)
    office.work()
    facts = [e for e in office.stated() if isinstance(e, signing.DocumentSigned)]
    assert [(f.person_id, f.waits_for) for f in facts] == [(deputy.id, leader.id), (leader.id, None)]


def test_in_any_order_a_stale_signature_is_told_so_and_prepared_again(
    office: Office, desktop: Desktop, leader: Leader, deputy: Leader
) -> None:
    document_id = prepared(office, leader, deputy)
    one, other = desktop.of(leader.principal), desktop.of(deputy.principal)
    assert other.get("/tasks").json()["items"][0]["document_id"] == str(document_id)
    base, sha = content(one, document_id)
    [mine] = prepare(one, leader, (document_id, sha))
    [theirs] = prepare(other, deputy, (document_id, sha))
    assert complete(other, (theirs["preparation_id"], deputy.sign(theirs, base)))[0]["state"] == "accepted"
    office.work()
    [stale] = complete(one, (mine["preparation_id"], leader.sign(mine, base)))
    assert (stale["state"], stale["problem"]["code"]) == ("refused", "base_changed")
    [again] = prepare(one, leader, (document_id, sha))
    assert again["problem"]["code"] == "base_changed", "also whoever prepares what was shown before"
    sign(one, leader, document_id)
    office.work()
    assert [e.waits_for for e in office.stated() if isinstance(e, signing.DocumentSigned)] == [leader.id, None]


def acts(office: Office) -> list[signing.SigningAct]:
    return [e for e in office.stated() if isinstance(e, signing.SigningAct) and e.act == "seal_permitted"]


def test_each_use_of_the_seal_is_recorded_before_it_is_made(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, pki: Any
) -> None:
    document_id = signed(office, desktop, leader)
    _, sha = content(desktop.of(leader.principal), document_id)
    office.seal_certificate(seal)
    with db.transaction(office.pool, agency=AGENCY) as tx:  # so that the seal is tried again
        store_longevity.begin(tx, document_id, AGENCY, unchecked_allowed=False)
    pki.outage(ocsp=True, crl=True)
    office.order_seal(document_id)
    office.work()
    office.work_again()
    [act] = acts(office)
    assert act.by == CLERK
    assert (act.object_id, act.detail["sha256"]) == (str(document_id), sha)
    assert act.detail["number_symbol"] == "15/UBND-VX"
    assert leader.name in act.detail["signed_by"]
    assert leader.certificate.serial in act.detail["signed_by"]
    with db.transaction(office.pool, agency=AGENCY) as tx:
        row = tx.execute("SELECT uses, purpose, number_symbol FROM seal_use").fetchone()
    assert row == {"uses": 2, "purpose": "document", "number_symbol": "15/UBND-VX"}
    pki.outage(tsa=False)
    office.work_again()
    assert acts(office) == [], "the same use of the key is stated once"


def test_a_seal_is_not_put_for_somebody_who_is_no_clerk_there(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    document_id = signed(office, desktop, leader)
    office.seal_certificate(seal)
    office.take(world.clerk_stated(CLERK, posts=()))
    office.order_seal(document_id)
    office.work()
    assert office.only(signing.DocumentDelayed).code == "seal_asker_unknown"
    with db.transaction(office.pool, agency=AGENCY) as tx:
        assert tx.execute("SELECT FROM seal_use").fetchall() == []
    office.take(world.clerk_stated(CLERK))
    office.work_again()
    assert office.only(signing.DocumentSealed).number == 15


def test_a_seal_that_nobody_asked_for_in_person_is_refused(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    document_id = signed(office, desktop, leader)
    office.seal_certificate(seal)
    order = docs.SealDocument(
        by=CLERK.model_copy(update={"person_id": None, "system": "docs"}),
        at=datetime.now(UTC),
        document_id=document_id,
        agency_id=AGENCY,
        number=15,
        number_symbol="15/UBND-VX",
        issued_on=datetime.now(UTC).date(),
    )
    office.take(order)
    office.work()
    refused = office.only(signing.DocumentRefused)
    assert (refused.stage, refused.code) == ("seal", "seal_asked_by_nobody")


# --- annexes


def annex(office: Office, ordinal: int, pdf: bytes, filename: str = "phu-luc.pdf") -> docs.Part:
    content = office.docs.put(pdf, "application/pdf")
    return docs.Part(ordinal=ordinal, kind="annex", filename=filename, content=content)


def shown(pdf: bytes) -> str:
    """What a reader sees on page 1, form fields included."""
    document = pdfium.PdfDocument(pdf)
    document.init_forms()
    try:
        flat = document[0]
        assert pdfium_c.FPDFPage_Flatten(flat.raw, 0) == pdfium_c.FLATTEN_SUCCESS
        return str(document[0].get_textpage().get_text_range())
    finally:
        document.close()


def test_annexes_get_the_agencys_text_under_the_same_number(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader, pki: Running
) -> None:
    office.found(leader)
    office.seal_certificate(seal)
    parts = (annex(office, 1, paper.sample("04")), annex(office, 2, paper.as_signed_elsewhere(pki)))
    order = office.order_of(leader).model_copy(update={"annexes": parts})
    office.take(order)
    office.work()
    office.only(signing.DocumentPrepared)
    sign(desktop.of(leader.principal), leader, order.document_id)
    office.work()
    office.stated()
    office.order_seal(order.document_id, 15, *parts)
    office.work()
    fact = office.only(signing.DocumentSealed)
    assert [(p.ordinal, p.filename) for p in fact.parts] == [(1, "phu-luc.pdf"), (2, "phu-luc.pdf")]
    for before, after in zip(parts, fact.parts, strict=True):
        signed_annex = office.desk.blobs.get(after.content)
        assert signed_annex.startswith(office.docs.get(before.content)), "only added to"
        text = re.sub(r"\s+", " ", shown(signed_annex))
        assert re.search(r"Số: 15/UBND-VX; \d\d/\d\d/\d{4}; \d\d:\d\d:\d\d(?! \+)", text)
        incoming_id = office.order_validation(after.content)
        office.work()
        validated = office.only(signing.DocumentValidated)
        assert (validated.incoming_id, validated.indication) == (incoming_id, "TOTAL_PASSED")
        assert validated.signatures[-1].signer == "UBND xã Đông Hà"
    with db.transaction(office.pool, agency=AGENCY) as tx:
        detail = tx.execute("SELECT detail FROM seal_use").fetchone()
    assert detail
    assert detail["detail"]["annexes"].split() == [p.content.sha256 for p in parts], "the ledger has their digests too"
    office.order_seal(order.document_id, 15, *parts)
    assert office.only(signing.DocumentSealed).parts == fact.parts, "asked again, told again"


@pytest.mark.parametrize(("file", "why"), [("r5", "chủ động"), ("r6", "không cho thay đổi"), ("r1", "mật khẩu")])
def test_an_annex_that_cannot_be_signed_is_said_before_anybody_signs(
    office: Office, leader: Leader, file: str, why: str
) -> None:
    office.found(leader)
    bad = annex(office, 1, paper.sample(file), "bang-diem.pdf")
    office.take(office.order_of(leader).model_copy(update={"annexes": (bad,)}))
    office.work()
    refused = office.only(signing.DocumentRefused)
    assert (refused.stage, refused.code) == ("prepare", "annex_unusable")
    assert "bang-diem.pdf" in refused.reason_vi
    assert why in refused.reason_vi


# --- copies


def copied(office: Office, form: str, pdf: bytes | BlobRef) -> docs.PrepareCopy:
    about = world.descriptor().model_copy(update={"type_code": form, "type_name": "Bản sao", "symbol": f"{form}-UBND"})
    content = pdf if isinstance(pdf, BlobRef) else office.docs.put(pdf, "application/pdf")
    return docs.PrepareCopy(
        by=CLERK,
        at=datetime.now(UTC),
        document_id=uuid4(),
        descriptor=about,
        content=content,
        filename="ban-sao.pdf",
        author_id=UUID(int=0x10),
    )


def certified(office: Office, form: str, pdf: bytes | BlobRef, number: int) -> signing.DocumentSealed:
    order = copied(office, form, pdf)
    office.take(order)
    office.work()
    fact = office.only(signing.DocumentPrepared)
    assert (fact.copy_of_paper, fact.waits_for, fact.content) == (True, order.author_id, order.content)
    office.take(
        docs.SealDocument(
            by=CLERK,
            at=datetime.now(UTC),
            document_id=order.document_id,
            agency_id=AGENCY,
            number=number,
            number_symbol=f"{number:02d}/{form}-UBND",
            issued_on=datetime.now(UTC).date(),
        )
    )
    office.work()
    sealed: signing.DocumentSealed = office.only(signing.DocumentSealed)
    return sealed


def test_copies_carry_the_agencys_text_and_keep_earlier_signatures(office: Office, seal: Issued) -> None:
    office.found()
    office.seal_certificate(seal)
    agency = world.descriptor().agency_name
    copy = certified(office, "SY", paper.sample("09"), 1)
    text = re.sub(r"\s+", " ", shown(office.desk.blobs.get(copy.content)))
    assert re.search(rf"SAO Y; {agency}; \d\d/\d\d/\d{{4}}; \d\d:\d\d:\d\d", text)
    again = certified(office, "SL", copy.content, 2)
    both = office.desk.blobs.get(again.content)
    assert both.startswith(office.desk.blobs.get(copy.content))
    text = re.sub(r"\s+", " ", shown(both))
    assert f"SAO Y; {agency}" in text
    assert f"SAO LỤC; {agency}" in text
    extract = certified(office, "TrS", paper.sample("02"), 3)
    assert f"TRÍCH SAO; {agency}" in re.sub(r"\s+", " ", shown(office.desk.blobs.get(extract.content)))
    for fact, count in ((copy, 1), (again, 2), (extract, 1)):
        office.order_validation(fact.content)
        office.work()
        validated = office.only(signing.DocumentValidated)
        assert (validated.indication, len(validated.signatures)) == ("TOTAL_PASSED", count)


def test_what_is_signed_and_locked_is_not_copied(
    office: Office, desktop: Desktop, seal: Issued, leader: Leader
) -> None:
    """Our own issued document: its seal forbids every change, so a copy would break it; no number is taken for one."""
    document_id = signed(office, desktop, leader)
    office.seal_certificate(seal)
    office.order_seal(document_id)
    office.work()
    issued = office.only(signing.DocumentSealed).content
    order = copied(office, "SY", issued)
    office.take(order)
    office.work()
    refused = office.only(signing.DocumentRefused)
    assert (refused.stage, refused.code) == ("prepare", "copy_forbidden")


# --- several agencies


@pytest.fixture(scope="module")
def second_seal(seal_token: KeyStore, pki: Running) -> Issued:
    seal_token.generate("H50.12")
    return pki.issue(seal_token.csr("H50.12", common_name="H50.12"), common_name="Sở Tư pháp", profile="agency")


CO_CLERK = Actor(person_id=UUID(int=0x20), name="Văn thư Sở", agency_id=OTHER)


def together(office: Office, leader: Leader, deputy: Leader, second_seal: Issued) -> docs.PrepareDocument:
    """The deputy signs for another agency, which issues the document too."""
    office.found(leader, deputy)
    office.take(world.authority(deputy, agency_id=OTHER), world.clerk_stated(CO_CLERK))
    office.take(world.stated_certificate(second_seal, kind="seal", agency_id=OTHER))
    party = docs.Party(agency_id=OTHER, identifier="H50.12", name="Sở Tư pháp")
    order = office.order_of(leader, deputy)
    theirs = order.signers[1].model_copy(update={"agency": party})
    order = order.model_copy(update={"signers": (order.signers[0], theirs), "co_issuers": (party,)})
    office.take(order)
    office.work()
    office.only(signing.DocumentPrepared)
    return order


def counter_seal(document_id: UUID, by: Actor = CO_CLERK) -> docs.CounterSealDocument:
    return docs.CounterSealDocument(
        by=by, at=datetime.now(UTC), document_id=document_id, agency_id=AGENCY, co_agency_id=OTHER
    )


def test_each_agency_seals_by_its_own_clerk_and_the_number_comes_last(  # noqa: PLR0917  fixtures
    office: Office, desktop: Desktop, seal: Issued, second_seal: Issued, leader: Leader, deputy: Leader
) -> None:
    order = together(office, leader, deputy, second_seal)
    office.seal_certificate(seal)
    for who in (leader, deputy):
        sign(desktop.of(who.principal), who, order.document_id)
        office.work()
    facts = [e for e in office.stated() if isinstance(e, signing.DocumentSigned)]
    assert [f.by.agency_id for f in facts] == [AGENCY, OTHER], "each signs for their own agency"
    assert [f.seals_due for f in facts] == [(), (OTHER,)]

    office.order_seal(order.document_id)
    assert office.only(signing.DocumentRefused).code == "counter_seals_missing"
    office.take(counter_seal(order.document_id, CLERK))
    office.work()
    refused = office.only(signing.DocumentRefused)
    assert (refused.code, refused.agency_id) == ("not_a_co_issuer", OTHER)

    office.take(counter_seal(order.document_id))
    office.work()
    sealed = office.only(signing.DocumentCounterSealed)
    assert (sealed.agency_id, sealed.agency_name, sealed.by) == (OTHER, "Sở Tư pháp", CO_CLERK)
    assert (sealed.lead_agency_id, sealed.seals_due) == (AGENCY, ())
    office.order_seal(order.document_id)
    office.work()
    issued = office.only(signing.DocumentSealed)
    office.order_validation(issued.content)
    office.work()
    validated = office.only(signing.DocumentValidated)
    assert validated.indication == "TOTAL_PASSED"
    assert [s.signer for s in validated.signatures] == [leader.name, deputy.name, "Sở Tư pháp", "UBND xã Đông Hà"]
    assert {s.level for s in validated.signatures} == {"PAdES-BASELINE-LTA"}
    with db.transaction(office.pool, agency=AGENCY) as tx:
        uses = tx.execute(
            "SELECT purpose, seal_agency_id, asked ->> 'name' AS name FROM seal_use ORDER BY 1"
        ).fetchall()
    assert [(u["purpose"], u["seal_agency_id"], u["name"]) for u in uses] == [
        ("counter_seal", OTHER, CO_CLERK.name),
        ("document", AGENCY, CLERK.name),
    ]
