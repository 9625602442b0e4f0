"""What proves a delivery: the receivers' sealed receipts, and the incoming stamp on a print."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from services.docs import pdf
from services.docs.circulation import stamp
from services.docs.store import json_of
from shared import db
from shared.events import BlobRef, signing
from shared.events.docs import Part, SealReceipt
from tests.docs.conftest import Docs, refusal, registered
from tests.docs.facts import SIGNING


def test_the_receivers_sealed_receipts_reach_the_sender_once_each(docs: Docs) -> None:
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b)
    registered(docs, docs.b)
    orders = [e.data for e in docs.outbox(after=0) if isinstance(e.data, SealReceipt)]
    assert [json.loads(each.text.partition("\n")[2])["kind"] for each in orders] == ["arrived", "registered"]
    said = json.loads(orders[1].text.partition("\n")[2])
    assert (said["arrival_number"], said["receiver"]["identifier"]) == (1, docs.b.identifier)
    assert [each["sha256"] for each in said["files"]] == ["c" * 64]
    assert orders[1].by.system == "docs"
    assert docs.get(docs.a.clerk, f"/documents/{document}/receipts")["items"] == []

    sealing = signing.ReceiptSealed(
        receipt_id=orders[1].receipt_id,
        agency_id=docs.b.agency_id,
        text=orders[1].text,
        signature="c2VhbA==",
        certificate_serial="01",
        by=SIGNING,
        at=datetime.now(UTC),
    )
    docs.hear(sealing.model_copy(update={"text": "another"}))  # not what was ordered: given to nobody
    docs.hear(sealing)
    docs.circulate()
    (found,) = docs.get(docs.a.clerk, f"/documents/{document}/receipts")["items"]
    assert (found["kind"], found["arrival_number"], found["matches"], found["stamped_at"]) == (
        "registered",
        1,
        True,
        None,
    )
    docs.hear(sealing.model_copy(update={"signature": "c3RhbXBlZA==", "stamped_at": datetime.now(UTC)}))
    docs.circulate()
    (found,) = docs.get(docs.a.clerk, f"/documents/{document}/receipts")["items"]
    assert found["stamped_at"]
    kept = docs.http(docs.a.clerk.principal).get(f"/receipts/{found['receipt_id']}")
    assert kept.json() == {"form": "vanthu receipt 1", "text": orders[1].text, "signature": "c3RhbXBlZA=="}
    own = docs.http(docs.b.clerk.principal).get(f"/receipts/{found['receipt_id']}")
    assert own.status_code == 200, "the receiver keeps what it gave"
    assert docs.rows(None, "SELECT * FROM receipt") == []


# --- the incoming stamp


def test_the_incoming_stamp_is_on_a_print_alone_and_the_signed_file_stays_as_it_is(docs: Docs, tmp_path: Path) -> None:
    document = docs.issued(docs.a)
    held = docs.get(docs.a.clerk, f"/documents/{document}")
    original = docs.http(docs.a.clerk.principal).get(f"/documents/{document}/parts/0/content").content
    docs.delivered(document, docs.a, docs.b)
    arrived = docs.arrived(docs.b)["id"]
    reader = docs.http(docs.b.clerk.principal)
    assert refusal(reader.get(f"/incoming/{arrived}/print")) == "not_stamped_yet"
    # What signing sealed is not in this test's store: the uploaded file stands for it.
    part = Part(ordinal=0, kind="main", filename="01-cong-van.pdf", content=uploaded(docs, document))
    with db.transaction(docs.pool, agency=docs.b.agency_id) as tx:
        tx.execute("UPDATE incoming SET parts = %s WHERE id = %s", [json_of([part]), arrived])
    registered(docs, docs.b)
    printed = reader.get(f"/incoming/{arrived}/print")
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    file = tmp_path / "print.pdf"
    file.write_bytes(printed.content)
    words, pages = pdf.read_text(file, 10_000)
    assert pages == held["parts"][0].get("pages", pages)
    for said in ("ĐẾN", "Số: 1", "Ngày:", "Chuyển:", "Số và ký hiệu HS:", "Bản in từ hệ thống Vanthu"):
        assert said in words
    assert docs.b.name.upper().split()[-1] in words
    assert reader.get(f"/incoming/{arrived}/content").content == original


def test_the_stamp_goes_where_the_page_is_blank() -> None:
    page = (210.0, 297.0)
    assert stamp.spot([], page) == (30.0, 69.0)
    text = [(30.0, 60.0, 195.0, 200.0)]
    left, top = stamp.spot(text, page)
    assert top >= 200 or top + stamp.HEIGHT <= 60
    assert 0 < left < page[0] - stamp.WIDTH
    assert stamp.spot([(0.0, 0.0, 210.0, 297.0)], page) == (stamp.LEFT, stamp.TOP)


def uploaded(docs: Docs, document: UUID) -> BlobRef:
    (row,) = docs.rows(docs.a.agency_id, "SELECT parts FROM document WHERE id = %s", document)
    return BlobRef.model_validate(row["parts"][0]["content"])
