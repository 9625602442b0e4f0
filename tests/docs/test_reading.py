"""The text of files reaches the index, pages become pictures, results become lists: on real PDFs, in real processes."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pypdfium2
import pytest
from PIL import Image

from services.docs import pdf
from services.docs.finding import reading, store, work
from services.docs.finding.reading import Reader
from shared import db, jobs
from shared.blobs import Blobs
from shared.events import BlobRef
from shared.jobs import Runner
from shared.workshop import Workshop
from tests.docs.conftest import SAMPLES, Docs, ok, refusal
from tests.docs.facts import sealed

TEXT = "text/plain; charset=utf-8"


drawing = pytest.mark.usefixtures("desk")  # which ends the processes that draw


@pytest.fixture
def desk(docs: Docs) -> Iterator[Reader]:
    blobs = Blobs(docs.settings.blobs, "docs")
    workshop = Workshop(size=1, timeout=30, memory=pdf.MEMORY)
    yield Reader(docs.pool, blobs, workshop)
    workshop.close()
    docs.app.state.office.workshop.close()


def work_off(desk: Reader) -> None:
    """Every job that is due, as the worker does them."""
    runner = Runner(desk.pool, work.kinds(desk), stop=threading.Event())
    while runner.run_one():
        pass


def found(docs: Docs, person: Any, q: str, **params: Any) -> list[str]:
    return [item["id"] for item in ok(docs.http(person.principal).get("/search", params={"q": q} | params))["items"]]


def test_what_stands_in_the_files_is_found_on_both_sides(docs: Docs, desk: Reader) -> None:
    document = docs.submitted(docs.a, abstract="Trích yếu không nói gì")
    body = docs.draft(docs.a)
    assert found(docs, docs.a.clerk, "kinh gui") == [], "nobody has read it yet"
    assert docs.get(docs.a.clerk, f"/texts/{document}")["state"] == "waiting"
    work_off(desk)
    known = docs.get(docs.a.clerk, f"/texts/{document}")
    assert (known["state"], known["reason"]) == ("read", None)
    assert known["characters"] > 500
    assert found(docs, docs.a.clerk, "kinh gui") == [str(document)]
    item = docs.get(docs.a.clerk, "/search?q=kinh gui")["items"][0]
    assert [p["text"] for p in item["excerpt"] if p["hit"]][:2] == ["Kính", "gửi"]
    assert body["parts"], "the same file again: read once"
    again = docs.issued(docs.a)
    docs.delivered(again, docs.a, docs.b)
    arrived = docs.arrived(docs.b)["id"]
    work_off(desk)
    assert found(docs, docs.b.clerk, "kinh gui") == [arrived]
    assert len(docs.rows(None, "SELECT FROM rendition WHERE kind = 'text'")) <= 3


def test_a_scan_is_found_once_ocr_has_seen_it(docs: Docs, desk: Reader) -> None:
    file = ok(docs.upload(docs.a.clerk, "09-ban-quet-200dpi.pdf"), 201)
    document = docs.submitted(docs.a, parts=[{"file_id": file["file_id"], "kind": "main"}])
    work_off(desk)
    assert docs.get(docs.a.clerk, f"/texts/{document}")["state"] == "empty"
    text = desk.blobs.put("Điều 7. Kiểm kê rừng phòng hộ đầu nguồn".encode(), TEXT)
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        store.offer_ocr(tx, file["sha256"], text)
    work_off(desk)
    assert found(docs, docs.a.clerk, "phong ho dau nguon") == [str(document)]


def test_a_file_that_cannot_be_read_says_so_and_is_found_by_the_rest(docs: Docs, desk: Reader) -> None:
    document = docs.submitted(docs.a, abstract="Kế hoạch tiêm phòng")
    content = docs.rows(docs.a.agency_id, "SELECT content FROM document WHERE id = %s", document)[0]["content"]
    ref = BlobRef.model_validate(content)
    stored = Path(docs.settings.blobs.removeprefix("file://"), "docs", ref.sha256[:2], ref.sha256[2:4], ref.sha256)
    whole = stored.read_bytes()
    stored.unlink()
    work_off(desk)
    (line,) = docs.get(docs.a.clerk, "/texts")["items"]
    assert (line["id"], line["reason"]["code"]) == (str(document), "blob_missing")
    assert found(docs, docs.a.clerk, "tiem phong") == [str(document)]
    assert docs.get(docs.b.clerk, "/texts")["items"] == []
    stored.write_bytes(whole)
    assert ok(docs.post(docs.a.leader, f"/texts/{document}/read"))["state"] == "waiting"
    work_off(desk)
    assert docs.get(docs.a.clerk, f"/texts/{document}")["state"] == "read"
    assert docs.http(docs.b.clerk.principal).get(f"/texts/{document}").status_code == 404


def test_what_was_kept_before_is_made_again(docs: Docs, desk: Reader) -> None:
    """As after an upgrade: an entry of an earlier layout, and a document from before the index."""
    old, missing = docs.submitted(docs.a, abstract="Đập Quỳnh Lưu"), docs.submitted(docs.a, abstract="Kênh Vĩnh Tế")
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        tx.execute("UPDATE search_entry SET layout = 0, words = '', author = '' WHERE id = %s", [old])
        tx.execute("DELETE FROM search_entry WHERE id = %s", [missing])
        payload = {"agency_id": str(docs.a.agency_id), "again": True}
        jobs.put(tx, store.INDEX, f"index:{docs.a.agency_id}", payload)
    assert found(docs, docs.a.clerk, "quynh luu") == []
    work_off(desk)
    author = docs.a.clerk.name
    assert found(docs, docs.a.clerk, "quynh luu", author=author) == [str(old)]
    assert found(docs, docs.a.clerk, "vinh te", author=author) == [str(missing)]


def test_every_field_can_be_asked_for(docs: Docs) -> None:
    document = docs.issued(docs.a, abstract="Báo cáo thu ngân sách", urgency=2)
    other = docs.submitted(docs.a, abstract="Báo cáo thu ngân sách")
    docs.delivered(document, docs.a, docs.b)
    number = docs.get(docs.a.clerk, f"/documents/{document}")["number"]
    clerk, mine = docs.a.clerk, [str(document)]
    for asked in (
        {"number": number},
        {"register": "VB"},
        {"recipient": docs.b.name},
        {"issued_since": "2020-01-01"},
        {"urgency": 2},
        {"state": "issued"},
        {"symbol": f"{number}/ubnd-vx"},
    ):
        assert found(docs, clerk, "ngan sach", **asked) == mine, asked
    both = sorted([str(document), str(other)])
    for asked in ({"signer": docs.a.leader.name}, {"author": clerk.name}, {"issuer": "h37.01"}):
        assert sorted(found(docs, clerk, "", **asked)) == both, asked
        assert found(docs, clerk, "", **dict.fromkeys(asked, "ai khác")) == []
    assert found(docs, clerk, "", recipient=docs.a.leader.name) == [], "a signer is no recipient"
    arrived = docs.arrived(docs.b)
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived['id']}/refuse", {"reason": "Gửi nhầm"}))
    assert found(docs, docs.b.clerk, "", issuer=docs.a.name, state="02", arrived_since="2020-01-01") == [arrived["id"]]
    answer = docs.http(clerk.principal).get("/search", params={"number": 0})
    assert refusal(answer) == "invalid_request"


def test_results_are_in_the_order_asked_for(docs: Docs) -> None:
    for abstract in ("Đường liên xã", "Ăn toàn thực phẩm", "Danh sách cử tri", "Ân xá"):
        docs.submitted(docs.a, abstract=abstract)
    answer = docs.get(docs.a.clerk, "/search?sort=abstract")
    names = ["".join(p["text"] for p in item["abstract"]) for item in answer["items"]]
    assert names == ["Ăn toàn thực phẩm", "Ân xá", "Danh sách cử tri", "Đường liên xã"]
    assert answer["total"] == 4


@drawing
def test_results_leave_as_lists(docs: Docs) -> None:
    docs.submitted(docs.a, abstract='=HYPERLINK("http://x")')
    docs.submitted(docs.a, abstract="Đường liên xã")
    http = docs.http(docs.a.clerk.principal)
    columns = {"column": ["abstract", "author"], "sort": "abstract"}
    rows = list(csv.reader(io.StringIO(http.get("/search/export.csv", params=columns).content.decode("utf-8-sig"))))
    assert rows[0] == ["Trích yếu", "Người soạn"]
    assert [row[0] for row in rows[1:]] == ['\'=HYPERLINK("http://x")', "Đường liên xã"]
    book = openpyxl.load_workbook(io.BytesIO(http.get("/search/export.xlsx", params=columns).content))
    cells = [row[0] for row in book.active.iter_rows(min_row=2)]
    assert [(cell.value, cell.data_type) for cell in cells] == [
        ('=HYPERLINK("http://x")', "s"),
        ("Đường liên xã", "s"),
    ]
    printed = http.get("/search/export.pdf")
    assert printed.headers["content-type"] == "application/pdf"
    text = pypdfium2.PdfDocument(printed.content)[0].get_textpage().get_text_range()
    assert "Đường liên xã" in text
    assert docs.a.name in text


def test_a_page_is_a_picture_drawn_once_for_those_who_may_see_it(docs: Docs, desk: Reader) -> None:
    document = docs.signed(docs.a)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    paper = desk.blobs.put((SAMPLES / "11a-huong-dan-trang-xoay.pdf").read_bytes(), "application/pdf")
    docs.hear(sealed(document, number, paper))
    docs.delivered(document, docs.a, docs.b)
    path = f"/documents/{document}/parts/0/pages/1"
    http = docs.http(docs.a.clerk.principal)
    small, large = http.get(f"{path}.webp?width=160"), http.get(f"{path}.png?width=720")
    sizes = []
    for answer, kind in ((small, "webp"), (large, "png")):
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == f"image/{kind}"
        with Image.open(io.BytesIO(answer.content)) as image:
            sizes.append(image.width)
    assert sizes == [160, 720]
    assert len(small.content) < 6000, "a slow line"
    again = http.get(f"{path}.webp?width=160", headers={"If-None-Match": small.headers["etag"]})
    assert again.status_code == 304
    assert small.headers["cache-control"] == "private, no-cache", (
        "it may be signed meanwhile, or somebody else sits there"
    )
    arrived = docs.arrived(docs.b)["id"]
    theirs = docs.http(docs.b.clerk.principal)
    assert theirs.get(f"/incoming/{arrived}/parts/0/pages/1.png?width=720").content == large.content
    assert len(docs.rows(None, "SELECT FROM rendition WHERE kind <> 'text'")) == 2, "one file, drawn once a size"
    assert theirs.get(f"{path}.png").status_code == 404
    assert refusal(http.get(f"/documents/{document}/parts/0/pages/99.png")) == "page_missing"
    assert docs.get(docs.a.clerk, f"/documents/{document}/parts/0/pages")["pages"] == 3
    assert refusal(http.get(f"{path}.png?width=5000")) == "invalid_request"
    assert http.get(f"{path}.svg").status_code >= 400


@drawing
def test_many_who_look_at_pages_leave_the_office_working(docs: Docs) -> None:
    document = docs.submitted(docs.a)
    held = [reading._drawing.acquire(blocking=False) for _ in range(6)]
    try:
        answer = docs.http(docs.a.clerk.principal).get(f"/documents/{document}/parts/0/pages/1.png")
        assert refusal(answer) == "drawing_busy"
    finally:
        for _ in held:
            reading._drawing.release()


def test_a_seal_orders_the_reading_of_what_was_sealed(docs: Docs, desk: Reader) -> None:
    document = docs.signed(docs.a)
    work_off(desk)
    before = store_files(docs, document)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    docs.hear(sealed(document, number))
    after = store_files(docs, document)
    assert before != after
    assert after[0]["before"] == [before[0]["sha256"]]


def store_files(docs: Docs, document: UUID) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = docs.rows(docs.a.agency_id, "SELECT files FROM search_entry WHERE id = %s", document)[
        0
    ]["files"]
    return found
