"""A document was disposed of: its bytes go from signing, what another one needs stays, and the record can't be changed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from deploy.devpki.issuing import Issued
from services.signing import store
from services.signing.rhythm import Rhythm
from services.signing.upkeep import rounds
from shared import db
from shared.blobs import Blobs
from shared.events import Actor, BlobRef, docs, signing
from tests.signing.desktop import Desktop, prepared, signed
from tests.signing.office import AGENCY, Leader, Office

HEAD = Actor(person_id=UUID(int=0x77), name="Nguyễn Thị Chánh", post="Chủ tịch", agency_id=AGENCY)


def erase(document: UUID, **more: Any) -> docs.EraseDocument:
    command = docs.EraseDocument(
        by=HEAD,
        at=datetime.now(UTC),
        document_id=document,
        agency_id=AGENCY,
        workfile_id=uuid4(),
        decision="09/QĐ-UBND",
        decided_on=date(2026, 11, 20),
        whole=True,
    )
    return command.model_copy(update=more)


def sealed(office: Office, desktop: Desktop, leader: Leader, seal: Issued, number: int = 15) -> UUID:
    document = signed(office, desktop, leader)
    office.seal_certificate(seal)
    office.order_seal(document, number)
    office.work()
    office.stated()
    return document


def stored(office: Office) -> set[str]:
    """Digests of what lies in signing's store."""
    return {path.name for path in (office.folder / "signing").rglob("*") if path.is_file()}


def revisions(office: Office, document: UUID) -> set[str]:
    with db.transaction(office.pool, agency=AGENCY) as tx:
        rows = tx.execute("SELECT sha256 FROM revision WHERE document_id = %s", [document]).fetchall()
    return {row["sha256"] for row in rows}


def test_every_copy_goes_and_the_proof_of_it_stays(
    office: Office, desktop: Desktop, leader: Leader, seal: Issued
) -> None:
    document, other = sealed(office, desktop, leader, seal), sealed(office, desktop, leader, seal, 16)
    mine = revisions(office, document)
    assert len(mine) >= 3  # prepared, signed, sealed
    assert mine <= stored(office)
    command = erase(document)
    office.take(command)
    office.work()
    told: signing.DocumentErased = office.only(signing.DocumentErased)
    assert (told.document_id, told.workfile_id, told.decision) == (document, command.workfile_id, "09/QĐ-UBND")
    assert (set(told.erased), told.kept) == (mine, ())
    assert not mine & stored(office)
    assert revisions(office, other) <= stored(office)
    # Nothing keeps its proof alive any more, and nobody is handed what is gone.
    rounds(office.desk, Rhythm())
    office.work()
    assert [e for e in office.stated() if isinstance(e, signing.DocumentAugmented | signing.DocumentOwing)] == []
    answer = desktop.of(leader.principal).get(f"/documents/{document}/content")
    assert (answer.status_code, answer.json()["code"]) == (410, "content_erased")
    assert "09/QĐ-UBND" in answer.json()["detail_vi"]
    assert revisions(office, document) == mine  # digests prove what it was
    # Ordered by the same disposal once more: nothing is done or told.
    office.take(command.model_copy(update={"at": datetime.now(UTC)}))
    office.work()
    assert office.stated() == []


def test_what_docs_or_another_document_needs_stays(
    office: Office, desktop: Desktop, leader: Leader, seal: Issued
) -> None:
    document = sealed(office, desktop, leader, seal)
    with db.transaction(office.pool, agency=AGENCY) as tx:
        final = store.get(tx, document).content
        # Another agency has the very same revision.
        twin = store.get(tx, sealed_twin := office.order(leader))
    office.work()
    with psycopg.connect(office.admin, autocommit=True) as admin:
        (first,) = (each for each in sorted(revisions(office, document) - {final.sha256})[:1])
        ref = BlobRef(prefix="signing", sha256=first, size=1, media_type="application/pdf")
        admin.execute(
            "INSERT INTO revision (document_id, sha256, agency_id, content, stage) VALUES (%s, %s, %s, %s, 'prepared')",
            [sealed_twin, first, twin.agency_id, ref.model_dump_json()],
        )
    office.stated()
    office.take(erase(document, kept=(final.sha256,)))
    office.work()
    told: signing.DocumentErased = office.only(signing.DocumentErased)
    assert set(told.kept) == {first, final.sha256}
    assert {first, final.sha256} <= stored(office)
    assert not set(told.erased) & stored(office)


def test_bytes_of_an_arrival_are_named_and_nothing_else_of_their_document_goes(
    office: Office, desktop: Desktop, leader: Leader, seal: Issued
) -> None:
    document = sealed(office, desktop, leader, seal)
    lone = Blobs(office.folder.as_uri(), "signing").put(b"%PDF-1.7 nobody's", "application/pdf")
    foreign = office.docs.put(b"%PDF-1.7 of docs", "application/pdf")
    mine = revisions(office, document)
    office.take(erase(document, whole=False, content=(lone, foreign)))
    office.work()
    told: signing.DocumentErased = office.only(signing.DocumentErased)
    assert told.erased == (lone.sha256,)
    assert mine <= stored(office)
    assert lone.sha256 not in stored(office)
    assert Path(office.folder / "docs").exists()
    assert office.docs.get(foreign)


def test_a_document_under_way_is_waited_for(office: Office, leader: Leader) -> None:
    document = prepared(office, leader)
    office.stated()
    office.take(erase(document))
    office.work()
    assert office.stated() == []
    assert revisions(office, document) <= stored(office)
    office.take(
        docs.DocumentReturned(
            by=HEAD, at=datetime.now(UTC), document_id=document, agency_id=AGENCY, reason="x", author_id=uuid4()
        )
    )
    office.work_again()
    assert office.only(signing.DocumentErased).document_id == document


def test_the_record_is_never_changed(office: Office, desktop: Desktop, leader: Leader, seal: Issued) -> None:
    document = sealed(office, desktop, leader, seal)
    office.take(erase(document))
    office.work()
    with psycopg.connect(office.admin, autocommit=True) as admin:
        for change in ("UPDATE erasure SET decision = 'x'", "UPDATE erasure SET erased = '[]'", "DELETE FROM erasure"):
            with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
                admin.execute(change)
