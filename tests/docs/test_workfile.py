"""Work files over HTTP: the list, files and what stands in them, archive, disposal, and the package with its verifier."""

from __future__ import annotations

import io
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pypdfium2
import pytest

from services.docs import access, numbering
from services.docs.workfile import erasing, work
from services.docs.workfile.work import Packer
from shared import db
from shared.blobs import Blobs
from shared.errors import Rejected
from shared.events import BlobRef
from shared.events.signing import DocumentErased
from shared.ids import new_id
from shared.jobs import Runner
from tests.docs import papers
from tests.docs.bringing import Intake
from tests.docs.conftest import SAMPLES, Docs, ok, refusal
from tests.docs.facts import SIGNING, sealed, validated

YEAR = numbering.today(datetime.now(UTC)).year
LINES = [
    {"code": "01.TCCB", "heading": "Tổ chức cán bộ", "title": "Hồ sơ tuyển dụng", "years": 5, "basis": "TT 10/2022"},
    {"code": "02.VP", "title": "Chương trình, kế hoạch năm", "person": "Nông Thị Thu Hằng"},
]


def listed(docs: Docs) -> dict[str, Any]:
    """The year's list, approved."""
    ok(docs.http(docs.a.clerk.principal).put(f"/file-lists/{YEAR}", json={"lines": LINES}))
    found = ok(docs.post(docs.a.leader, f"/file-lists/{YEAR}/approve", {"basis": "01/QĐ-UBND"}))
    return {each["code"]: each["id"] for each in found["lines"]}


def opened(docs: Docs, **more: Any) -> str:
    body = {"title": "Tuyển dụng công chức đợt 1", "line_id": listed(docs)["01.TCCB"]} | more
    return str(ok(docs.post(docs.a.clerk, "/work-files", body), 201)["id"])


def issued(docs: Docs, **changed: Any) -> tuple[UUID, BlobRef]:
    """With real bytes, as signing stores them."""
    document = docs.signed(docs.a, **changed)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    data = (SAMPLES / "03-quyet-dinh-pdfa2b.pdf").read_bytes()
    content = Blobs(docs.settings.blobs, "signing").put(data, "application/pdf")
    docs.hear(sealed(document, number, content))
    return document, content


def put(docs: Docs, file: str, kind: str, subject: Any) -> dict[str, Any]:
    return ok(docs.post(docs.a.clerk, f"/work-files/{file}/members", {"kind": kind, "subject_id": str(subject)}))


def archived(docs: Docs, file: str) -> None:
    ok(docs.post(docs.a.clerk, f"/work-files/{file}/close", {"ended_on": str(today())}))
    ok(docs.post(docs.a.clerk, "/work-files/submit", {"file_ids": [file], "minutes": "01/BB-LT"}))
    ok(docs.post(docs.a.leader, f"/work-files/{file}/accept"))


def today() -> date:
    return numbering.today(datetime.now(UTC))


def packer(docs: Docs) -> Packer:
    return Packer(docs.pool, Blobs(docs.settings.blobs, "docs"))


def run_jobs(docs: Docs) -> None:
    with db.transaction(docs.pool) as tx:
        tx.execute("UPDATE job SET run_at = now() WHERE kind = ANY(%s)", [[work.EXPORT, erasing.ERASE]])
    eraser = erasing.Eraser(docs.pool, Blobs(docs.settings.blobs, "docs"), docs.settings.source)
    runner = Runner(docs.pool, {**packer(docs).kinds, **eraser.kinds}, stop=threading.Event())
    while runner.run_one():
        pass


def later(docs: Docs, years: int) -> None:
    """The clock of the office some years on."""
    docs.app.dependency_overrides[access.clock_dependency] = lambda: (
        lambda: datetime.now(UTC) + timedelta(days=366 * years)
    )


# --- the list


def test_a_list_is_drafted_approved_amended_and_goes_through_a_spreadsheet(docs: Docs) -> None:
    http = docs.http(docs.a.clerk.principal)
    path = f"/file-lists/{YEAR}"
    made = http.put(path, json={"lines": LINES}, headers={"If-Match": '"0"'})
    assert [(e["code"], e["retention"]) for e in ok(made)["lines"]] == [("01.TCCB", "5 năm"), ("02.VP", "Vĩnh viễn")]
    assert refusal(http.put(path, json={"lines": LINES}, headers={"If-Match": '"0"'})) == "stale_version"
    assert refusal(docs.post(docs.a.clerk, f"{path}/approve", {})) == "forbidden"
    line = ok(made)["lines"][0]["id"]
    assert refusal(docs.post(docs.a.clerk, "/work-files", {"title": "x", "line_id": line})) == "file_list_not_approved"
    assert ok(docs.post(docs.a.leader, f"{path}/approve", {"basis": "01/QĐ-UBND"}))["approved_by"] == docs.a.leader.name
    assert refusal(http.put(path, json={"lines": LINES[:1]})) == "file_line_kept"

    book = openpyxl.load_workbook(io.BytesIO(http.get(f"{path}/sheet.xlsx").content))
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]][:4] == [
        "Số và ký hiệu hồ sơ",
        "Đề mục",
        "Tiêu đề hồ sơ",
        "Thời hạn bảo quản",
    ]
    sheet.append(["03.ĐĐ", "Đất đai", "Hồ sơ giao đất", "70 năm", "TT 10/2022", "Hoàng Văn Đức", ""])
    sheet["C2"] = "Hồ sơ tuyển dụng, nâng ngạch"
    out = io.BytesIO()
    book.save(out)
    found = ok(http.post(f"{path}/import", params={"filename": "dm.xlsx"}, content=out.getvalue()))
    assert [e["code"] for e in found["lines"]] == ["01.TCCB", "02.VP", "03.ĐĐ"]
    assert (found["lines"][0]["id"], found["lines"][0]["title"]) == (line, "Hồ sơ tuyển dụng, nâng ngạch")
    broken = http.post(f"{path}/import", params={"filename": "dm.xlsx"}, content=b"no sheet")
    assert refusal(broken) == "file_list_sheet_broken"

    pdf = pypdfium2.PdfDocument(http.get(f"{path}/sheet.pdf").content)
    text = pdf[0].get_textpage().get_text_bounded()
    assert all(word in text for word in ("DANH MỤC HỒ SƠ", "01.TCCB", "Vĩnh viễn", "01/QĐ-UBND"))
    pdf.close()
    assert docs.get(docs.b.clerk, path)["lines"] == []


# --- files


def test_a_file_is_opened_filled_sorted_and_closed(docs: Docs) -> None:
    file = opened(docs)
    document, _ = issued(docs)
    docs.delivered(docs.issued(docs.b, abstract="V/v báo cáo"), docs.b, docs.a)
    arrival = UUID(docs.arrived(docs.a)["id"])
    docs.hear(validated(arrival, docs.a.agency_id))
    put(docs, file, "document", document)
    found = put(docs, file, "incoming", arrival)
    assert [(e["ordinal"], e["kind"]) for e in found["contents"]] == [(1, "document"), (2, "incoming")]
    assert len(found["unfinished"]) == 1
    twice = docs.post(docs.a.clerk, f"/work-files/{file}/members", {"kind": "document", "subject_id": str(document)})
    assert refusal(twice) == "already_filed"
    theirs = docs.post(docs.a.clerk, f"/work-files/{file}/members", {"kind": "document", "subject_id": str(new_id())})
    assert theirs.status_code == 404
    assert (
        refusal(docs.post(docs.a.clerk, f"/work-files/{file}/close", {"ended_on": str(today())})) == "file_unfinished"
    )
    ok(docs.post(docs.a.clerk, f"/work-files/{file}/members/{arrival}/take-out", {"reason": "nhầm hồ sơ"}))

    outside = {"title": "Việc đột xuất", "outside": {"code": "99.VP", "years": 2, "reason": "phát sinh trong năm"}}
    second = ok(docs.post(docs.a.clerk, "/work-files", outside), 201)["id"]
    assert refusal(docs.post(docs.a.clerk, "/work-files", {"title": "x"})) == "file_outside_needs_reason"
    put(docs, second, "document", document)
    assert len(docs.get(docs.a.clerk, f"/work-files?subject={document}")["items"]) == 2

    done = ok(docs.post(docs.a.clerk, f"/work-files/{file}/close", {"ended_on": str(today())}))
    last = today()
    due = date(last.year + 1, last.month, 28 if (last.month, last.day) == (2, 29) else last.day)
    assert done["archive_due"] == due.isoformat()
    put_late = docs.post(docs.a.clerk, f"/work-files/{file}/members", {"kind": "incoming", "subject_id": str(arrival)})
    assert refusal(put_late) == "file_wrong_state"
    assert ok(docs.post(docs.a.clerk, f"/work-files/{file}/reopen", {"reason": "bổ sung"}))["state"] == "open"
    assert docs.http(docs.b.clerk.principal).get(f"/work-files/{file}").status_code == 404
    names = [type(e.data).__name__ for e in docs.outbox(after=0) if e.topic == "docs.workfile" and e.key == file]
    assert names == ["WorkfileOpened", *["WorkfileFiled"] * 3, *["WorkfileStood"] * 2]

    sheet = docs.http(docs.a.clerk.principal).get(f"/work-files/{file}/contents.xlsx").content
    rows = list(openpyxl.load_workbook(io.BytesIO(sheet)).worksheets[0].iter_rows(values_only=True))
    assert (rows[0][1], rows[1][0]) == ("Số, ký hiệu văn bản", 1)


def test_the_file_of_what_is_answered_is_suggested(docs: Docs) -> None:
    file = opened(docs)
    docs.delivered(docs.issued(docs.b), docs.b, docs.a)
    arrival = UUID(docs.arrived(docs.a)["id"])
    docs.hear(validated(arrival, docs.a.agency_id))
    ok(docs.post(docs.a.clerk, f"/incoming/{arrival}/register"))
    put(docs, file, "incoming", arrival)
    reply, _ = issued(docs)
    ok(docs.post(docs.a.clerk, f"/documents/{reply}/relations", {"kind": "answers", "incoming_id": str(arrival)}), 201)
    found = docs.get(docs.a.clerk, f"/work-files/suggested?kind=document&subject_id={reply}")["items"]
    assert [each["id"] for each in found] == [file]


# --- archive, freezing, disposal


def test_a_due_file_is_warned_of_once_and_listed(docs: Docs) -> None:
    file = opened(docs)
    put(docs, file, "document", issued(docs)[0])
    ok(docs.post(docs.a.clerk, f"/work-files/{file}/close", {"ended_on": str(today())}))
    soon = datetime.now(UTC) + timedelta(days=340)
    assert [work.warn_all(docs.pool, "urn:vanthu:test", at) for at in (datetime.now(UTC), soon, soon)] == [0, 1, 0]
    assert docs.get(docs.a.clerk, "/work-files?due=true")["items"] == []
    docs.app.dependency_overrides[access.clock_dependency] = lambda: lambda: soon
    assert [e["id"] for e in docs.get(docs.a.clerk, "/work-files?due=true")["items"]] == [file]


def test_disposal_destroys_what_nothing_else_needs_and_keeps_the_record(docs: Docs) -> None:
    file, other = opened(docs), opened(docs, title="Hồ sơ khác")
    own = ok(docs.upload(docs.a.clerk, "06-to-trinh-tagged.pdf"), 201)
    alone, _ = issued(docs, parts=[{"file_id": own["file_id"], "kind": "main"}])
    shared, _ = issued(docs, abstract="V/v nằm trong hai hồ sơ")
    for each in (alone, shared):
        put(docs, file, "document", each)
    put(docs, other, "document", shared)
    archived(docs, file)
    body = {"file_ids": [file], "decision": "09/QĐ-UBND", "decided_on": str(today()), "members": ["A", "B"]}
    assert refusal(docs.post(docs.a.leader, "/work-files/dispose", body)) == "file_before_its_time"
    later(docs, 7)
    word = {"file_ids": [file], "number": "02/YC-TTr", "day": str(today())}
    ok(docs.post(docs.a.clerk, "/work-files/freeze", word))
    assert refusal(docs.post(docs.a.leader, "/work-files/dispose", body)) == "file_frozen"
    ok(docs.post(docs.a.leader, "/work-files/unfreeze", word))
    assert refusal(docs.post(docs.a.clerk, "/work-files/dispose", body)) == "forbidden"
    ok(docs.post(docs.a.leader, "/work-files/dispose", body))

    http = docs.http(docs.a.clerk.principal)
    assert refusal(http.get(f"/documents/{alone}/content")) == "content_disposed"
    assert refusal(http.get(f"/documents/{alone}/parts/0/pages/1.png")) == "content_disposed"
    assert http.get(f"/documents/{shared}/content").status_code == 200
    # What is gone is sent to nobody, and nothing is copied from it.
    assert [docs.get(docs.a.clerk, f"/documents/{each}")["disposed"] for each in (alone, shared)] == [
        "09/QĐ-UBND",
        None,
    ]
    sent = docs.post(docs.a.clerk, f"/documents/{alone}/dispatch", {"recipients": [docs.b.identifier]})
    copied = docs.post(docs.a.clerk, "/copies", {"form": "SY", "symbol": "UBND", "document_id": str(alone)})
    assert [refusal(sent), refusal(copied)] == ["content_disposed"] * 2
    assert docs.rows(docs.a.agency_id, "SELECT FROM delivery WHERE document_id = %s", alone) == []
    found = docs.get(docs.a.clerk, f"/work-files/{file}")
    assert (found["state"], found["disposal"]["decision"]) == ("disposed", "09/QĐ-UBND")
    assert [each["destroyed"] for each in found["contents"]] == [True, False]
    assert refusal(docs.post(docs.a.clerk, f"/work-files/{file}/reopen", {"reason": "x"})) == "file_wrong_state"
    assert refusal(docs.post(docs.a.clerk, f"/work-files/{file}/exports")) == "file_wrong_state"
    blobs = Blobs(docs.settings.blobs, "docs")
    ref = BlobRef(prefix="docs", sha256=own["sha256"], size=own["size"], media_type="application/pdf")
    assert len(blobs.get(ref)) == own["size"]
    docs.rows(docs.a.agency_id, "UPDATE file SET uploaded_at = now() - interval '40 days' RETURNING id")
    run_jobs(docs)
    with pytest.raises(Rejected) as gone:
        blobs.get(ref)
    assert gone.value.code == "blob_missing"
    assert http.get(f"/documents/{shared}/parts/0/content").status_code == 200


def disposed(docs: Docs, *files: str) -> None:
    body = {"file_ids": [*files], "decision": "09/QĐ-UBND", "decided_on": str(today()), "members": ["A", "B"]}
    ok(docs.post(docs.a.leader, "/work-files/dispose", body))


def test_signing_is_ordered_to_erase_and_its_word_stands_in_the_record(docs: Docs) -> None:
    """What a receiver of this deployment still has is named as kept; signing's answer comes over Kafka, twice."""
    file = opened(docs)
    document, content = issued(docs)
    docs.delivered(document, docs.a, docs.b)
    put(docs, file, "document", document)
    order = ok(docs.post(docs.a.clerk, f"/work-files/{file}/exports"), 201)
    archived(docs, file)
    run_jobs(docs)
    package = docs.http(docs.a.clerk.principal).get(f"/work-file-exports/{order['id']}/content")
    assert package.status_code == 200
    later(docs, 7)
    disposed(docs, file)
    # A package that was made before has all of it too.
    packed = docs.http(docs.a.clerk.principal).get(f"/work-file-exports/{order['id']}/content")
    assert refusal(packed) == "content_disposed"
    assert docs.stated("EraseDocument") == []  # not on the same day
    run_jobs(docs)
    (command,) = docs.stated("EraseDocument")
    assert (command.document_id, command.whole, command.by.name) == (document, True, docs.a.leader.name)
    assert (command.decision, command.kept, command.content) == ("09/QĐ-UBND", (content.sha256,), ())
    stored = Path(docs.settings.blobs.removeprefix("file://"))
    assert not any(package.content == path.read_bytes() for path in (stored / "docs").rglob("*") if path.is_file())
    run_jobs(docs)
    assert docs.stated("EraseDocument") == []
    docs.hear(
        DocumentErased(
            document_id=document,
            agency_id=docs.a.agency_id,
            workfile_id=UUID(file),
            decision="09/QĐ-UBND",
            erased=("a" * 64,),
            kept=(content.sha256,),
            by=SIGNING,
            at=datetime.now(UTC),
        )
    )
    told_of = docs.get(docs.a.clerk, f"/work-files/{file}")["disposal"]["erasures"]
    assert {each["service"]: len(each["erased"]) for each in told_of} == {
        "docs": 1,
        "signing": 1,
    }  # the package; the bytes it was drafted from are younger than a month
    # The receiver still reads it, and once it disposes of it too, the bytes have no holder left.
    arrival = UUID(docs.arrived(docs.b)["id"])
    got = docs.http(docs.b.clerk.principal).get(f"/incoming/{arrival}/content")
    assert got.status_code == 200


def test_what_a_paper_was_scanned_from_goes_with_it(docs: Docs, intake: Intake) -> None:
    """The scan as it came, the PDF made of it and the text read of it, by whatever way it came in."""
    item = intake.brought(docs.a.clerk, papers.scan("QUYẾT ĐỊNH VỀ VIỆC TUYỂN DỤNG"), "quyet-dinh.png")
    body = {"number_symbol": "12/QĐ-SNV", "sender_name": "Sở Nội vụ", "abstract": "Về việc tuyển dụng"}
    arrival = ok(docs.post(docs.a.clerk, f"/intake/{item['id']}/register", body), 201)["incoming_id"]
    ok(docs.post(docs.a.clerk, f"/incoming/{arrival}/start"))
    ok(docs.post(docs.a.clerk, f"/incoming/{arrival}/complete", {}))
    file = opened(docs)
    put(docs, file, "incoming", arrival)
    archived(docs, file)
    later(docs, 7)
    disposed(docs, file)
    docs.rows(docs.a.agency_id, "UPDATE file SET uploaded_at = now() - interval '40 days' RETURNING id")
    kept = [path for path in (intake.stored / "docs").rglob("*") if path.is_file()]
    assert len(kept) >= 2
    run_jobs(docs)
    assert [path for path in kept if path.exists()] == []
