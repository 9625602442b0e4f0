"""The register books of NĐ 30 annex IV: on the screen page by page, as a PDF to print and bind, as a spreadsheet."""

from __future__ import annotations

import io
import json
import resource
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import openpyxl
import psycopg
import pypdfium2
import pytest

from services.docs import numbering, sheets
from services.docs.registers import printing, work
from services.docs.registers.books import BOOKS, Facts, Kind, Line, Period
from services.docs.registers.work import Press
from shared.blobs import Blobs
from shared.jobs import Runner
from shared.workshop import Workshop
from tests.docs.conftest import Docs, ok, refusal
from tests.docs.facts import validated

YEAR = numbering.today(datetime.now(UTC)).year


def texts(pdf: bytes) -> list[str]:
    """The text of each page."""
    opened = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_bounded() for page in opened]
    finally:
        opened.close()


def printed(docs: Docs, *asked: dict[str, str]) -> list[bytes]:
    """Ordered over HTTP, made by the worker, fetched over HTTP."""
    orders = [ok(docs.post(docs.a.clerk, "/book-prints", {"year": YEAR} | each), 201)["id"] for each in asked]
    assert refusal(docs.http(docs.a.clerk.principal).get(f"/book-prints/{orders[0]}/content")) == "print_not_ready"
    run_jobs(docs)
    found = []
    for order in orders:
        done = docs.get(docs.a.clerk, f"/book-prints/{order}")
        assert done["state"] == "done", done
        answer = docs.http(docs.a.clerk.principal).get(f"/book-prints/{order}/content")
        assert (answer.status_code, len(answer.content)) == (200, done["size"])
        found.append(answer.content)
    return found


def run_jobs(docs: Docs) -> None:
    workshop = Workshop(size=1)
    try:
        press = Press(docs.pool, Blobs(docs.settings.blobs, "docs"), workshop)
        runner = Runner(docs.pool, {work.PRINT: press.kind}, stop=threading.Event())
        while runner.run_one():
            pass
    finally:
        workshop.close()


def exchange(docs: Docs) -> tuple[UUID, UUID]:
    """A sends to B and the partner; B sends to A, who registers, assigns and starts. The document and the arrived one."""
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b, docs.p)
    docs.delivered(docs.issued(docs.b, abstract="V/v báo cáo thiệt hại"), docs.b, docs.a)
    arrived = UUID(docs.arrived(docs.a)["id"])
    docs.hear(validated(arrived, docs.a.agency_id))
    ok(docs.post(docs.a.clerk, f"/incoming/{arrived}/register"))
    ok(docs.post(docs.a.leader, f"/incoming/{arrived}/assign", {"person_id": str(docs.a.clerk.person_id)}))
    ok(docs.post(docs.a.clerk, f"/incoming/{arrived}/start"))
    return document, arrived


def test_the_books_have_the_decree_s_columns_and_say_what_happened(docs: Docs) -> None:
    document, arrived = exchange(docs)
    today = f"{numbering.today(datetime.now(UTC)):%d/%m/%Y}"
    out = docs.get(docs.a.clerk, "/books/out")
    assert len(out["columns"]) == 10
    (line,) = out["items"]
    assert line["document_id"] == str(document)
    assert line["cells"][0] == "01/UBND-VX"
    assert line["cells"][2].startswith("Công văn: V/v tăng cường")
    assert line["cells"][4] == "Sở X; UBND xã Đồng Đăng"
    assert line["cells"][5:9] == ["VT; Nông Thị Thu Hằng", "2", today, "0/2 đã nhận"]
    came = docs.get(docs.a.clerk, "/books/in")
    assert len(came["columns"]) == 10
    assert came["items"][0]["incoming_id"] == str(arrived)
    assert came["items"][0]["cells"][1:4] == ["01", "UBND xã Đồng Đăng", "01/UBND-VX"]
    assert came["items"][0]["cells"][6:8] == ["Nông Thị Thu Hằng", today]
    follow = docs.get(docs.a.clerk, "/books/follow_up")
    assert len(follow["columns"]) == 7
    assert follow["items"][0]["cells"][4] == f"Đang xử lý {today}"
    sent = docs.get(docs.a.clerk, "/books/transfer")
    assert len(sent["columns"]) == 6
    assert [each["cells"][2] for each in sent["items"]] == ["UBND xã Đồng Đăng", "Sở X"], "as sent"
    assert docs.get(docs.a.clerk, "/books/copies")["items"] == []
    assert [each["cells"][0] for each in docs.get(docs.b.clerk, "/books/out")["items"]] == ["01/UBND-VX"]
    assert docs.http(docs.a.person("officer").principal).get("/books/out").status_code == 403
    wrong = docs.http(docs.a.clerk.principal).get("/books/in?register_code=VB")
    assert refusal(wrong) == "book_kind_wrong"


def fill(docs: Docs, count: int) -> None:
    """So many numbers reserved for paper: lines without documents."""
    for start in range(0, count, 500):
        body = {"register_code": "VB", "count": min(500, count - start), "purpose": "Sổ giấy cũ"}
        ok(docs.post(docs.a.clerk, "/number-blocks", body), 201)


def test_a_long_book_is_read_page_by_page(docs: Docs) -> None:
    fill(docs, 120)
    seen, cursor = [], ""
    while True:
        page = docs.get(docs.a.clerk, f"/books/out?cursor={cursor}")
        seen += [int(each["cells"][0]) for each in page["items"]]
        if not page["next_cursor"]:
            break
        assert len(page["items"]) == 50
        cursor = page["next_cursor"]
    assert seen == list(range(1, 121))
    assert page["entries"] == 120
    empty = f"until={YEAR}-06-30" if numbering.today(datetime.now(UTC)).month > 6 else f"since={YEAR}-07-01"
    nothing = docs.get(docs.a.clerk, f"/books/out?year={YEAR}&{empty}")
    assert (nothing["items"], nothing["entries"]) == ([], 0)
    bad = docs.http(docs.a.clerk.principal).get(f"/books/out?since={YEAR}-02-01&until={YEAR}-01-01")
    assert refusal(bad) == "book_period_wrong"
    assert refusal(docs.http(docs.a.clerk.principal).get("/books/out?cursor=abc")) == "invalid_request"


def test_a_book_is_made_as_pdf_and_as_spreadsheet(docs: Docs) -> None:
    exchange(docs)
    fill(docs, 40)
    ok(docs.post(docs.a.clerk, f"/registers/VB/{YEAR}/7/void", {"reason": "Viết hỏng, =1+1"}))
    out, sheet, copies, transfer = printed(
        docs,
        {"kind": "out", "format": "pdf"},
        {"kind": "out", "format": "xlsx"},
        {"kind": "copies", "format": "pdf"},
        {"kind": "transfer", "format": "pdf"},
    )
    pages = texts(out)
    assert "SỔ ĐĂNG KÝ VĂN BẢN ĐI" in pages[0]
    assert "Từ số 01 đến số 41" in pages[0]
    assert all(word in pages[1] for word in ("Người ký", "(10)", "Lương Quốc", "Công văn"))
    assert f"Sổ này có {len(pages):02d} trang" in pages[-1]
    assert "1 số đã hủy" in pages[-1]
    assert "NGƯỜI LẬP SỔ" in pages[-1]
    first = [" ".join(page.split("\r\n")[:2]) for page in pages[1:-1]]
    assert all(str(n) in text for n, text in enumerate(first, 2)), "page numbers, none on the cover"
    assert "HỦY" in "".join(pages)
    book = openpyxl.load_workbook(io.BytesIO(sheet), read_only=True)
    rows = list(book["Sổ"].iter_rows(values_only=True))
    book.close()
    assert rows[0] == tuple(column.head for column in BOOKS["out"].columns)
    assert len(rows) == 42
    assert "Không có văn bản nào" in texts(copies)[1]
    assert "Đồng Đăng" in texts(transfer)[1]
    orders = docs.get(docs.a.clerk, "/book-prints")["items"]
    assert [each["kind"] for each in orders] == ["transfer", "copies", "out", "out"]
    assert docs.get(docs.b.clerk, "/book-prints")["items"] == []
    assert docs.http(docs.b.clerk.principal).get(f"/book-prints/{orders[0]['id']}/content").status_code == 404


def test_a_book_that_can_not_be_made_says_why(docs: Docs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.docs.registers.books.MOST_LINES", 10)
    fill(docs, 11)
    order = ok(docs.post(docs.a.clerk, "/book-prints", {"year": YEAR, "kind": "out", "format": "pdf"}), 201)
    run_jobs(docs)
    found = docs.get(docs.a.clerk, f"/book-prints/{order['id']}")
    assert (found["state"], found["reason"]["code"]) == ("failed", "book_too_large")


def test_columns_fill_the_page() -> None:
    for book in BOOKS.values():
        assert sum(column.width for column in book.columns) == printing.WIDTH - printing.LEFT - printing.RIGHT


@pytest.mark.parametrize("kind", ["out", "follow_up"])
def test_nothing_is_drawn_outside_of_the_page(tmp_path: Path, kind: Kind) -> None:
    columns = BOOKS[kind].columns
    hard = ["Ngườiđứngđầuđơnvịhànhchínhsựnghiệp" * 3, "", "Ế ẫ ữ đ Ỹ " * 60] * 4
    lines = [hard[: len(columns)], ["x" * 4000, *[""] * (len(columns) - 1)]]
    (tmp_path / "lines").write_text("\n".join(json.dumps(each) for each in lines), encoding="utf-8")
    facts = Facts("UBND xã", BOOKS[kind].title, None, Period(2026), 6, None, None, 0, datetime.now(UTC), "A")
    pages = printing.make_pdf(kind, facts, tmp_path / "lines", tmp_path / "out.pdf")
    opened = pypdfium2.PdfDocument(tmp_path / "out.pdf")
    try:
        assert len(opened) == pages
        for page in opened:
            width, height = page.get_size()
            assert width > height, "A4 across"
            for thing in page.get_objects():
                left, bottom, right, top = thing.get_bounds()
                assert left >= 0
                assert bottom >= 0
                assert right <= width + 1
                assert top <= height + 1
        assert "ẫ ữ đ" in "".join(page.get_textpage().get_text_bounded() for page in opened)
    finally:
        opened.close()


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.full)])
def test_a_long_book_is_drawn_in_bounded_memory(tmp_path: Path, count: int) -> None:
    line = ["05/QĐ-UBND", "02/03/2026", "Quyết định về việc kiện toàn Ban Chỉ đạo chuyển đổi số", "Lương Quốc Khánh"]
    row = json.dumps([*line, "Các sở, ban, ngành; UBND các xã", "VT", "15", "03/03/2026", "", ""], ensure_ascii=False)
    (tmp_path / "lines").write_text((row + "\n") * count, encoding="utf-8")
    facts = Facts("UBND tỉnh", "SỔ", None, Period(2026), count, 1, count, 0, datetime.now(UTC), "A")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert printing.make_pdf("out", facts, tmp_path / "lines", tmp_path / "out.pdf") > count / 25
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 60, f"{grown:.0f} MB for {count} lines"


def test_what_a_spreadsheet_would_compute_stays_a_text() -> None:
    assert sheets.harmless("=1+1") == "'=1+1"
    assert sheets.harmless("Viết hỏng, =1+1") == "Viết hỏng, =1+1"
    assert Line(("a",)).subject is None


def test_an_order_is_of_its_agency_in_the_database_too(docs: Docs) -> None:
    ok(docs.post(docs.a.clerk, "/book-prints", {"year": YEAR, "kind": "out", "format": "pdf"}), 201)
    assert docs.rows(docs.b.agency_id, "SELECT id FROM book_print") == []
    assert docs.rows(None, "SELECT id FROM book_print") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        docs.rows(
            docs.b.agency_id,
            "INSERT INTO register_plan VALUES (%s, 2026, 'x', '[]', '{}', now(), 1)",
            docs.a.agency_id,
        )
