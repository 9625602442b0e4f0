"""Files as people have them: encodings, separators, old formats, formulas, merged cells, bombs. Each a clear sentence."""

from __future__ import annotations

import io
import resource
import time
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from services.registry import columns, exporting, sheets, tcvn3
from services.registry.names import clean
from shared.errors import Rejected
from tests.registry.conftest import Office
from tests.registry.test_importing import preview, send

HEADER = ["Tên đăng nhập", "Họ và tên", "Thư điện tử", "Mã cơ quan", "Chức vụ", "Giữ chức vụ từ ngày"]
ROW = ["an.nv", "Nguyễn Văn Ân", "an.nv@langson.example", "H37", "Phó Chánh Văn phòng", "2025-07-01"]
CELLS = dict(zip(("login", "name", "email", "agency", "title", "valid_from"), ROW, strict=True))
TEXT = f"{','.join(HEADER)}\n{','.join(ROW)}\n"
TO_TCVN3 = {letter: chr(code) for code, letter in tcvn3.TABLE.items()}


def said(content: bytes, name: str = "nguoi.csv", **more: Any) -> list[dict[str, str]]:
    book = sheets.read(name, content, **more)
    assert not book.errors
    [rows] = book.sheets.values()
    return [row.cells for row in rows]


def refused(content: bytes, name: str = "nguoi.csv") -> str:
    with pytest.raises(Rejected) as error:
        sheets.read(name, content)
    assert error.value.sentence.vi != error.value.sentence.en
    return error.value.code


def xlsx(*rows: list[Any], title: str = "Người dùng", change: Callable[[Any], None] | None = None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    if change:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The same archive with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return out.getvalue()


# --- text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_any_unicode_file_is_read_with_a_mark_or_without(encoding: str) -> None:
    assert said(TEXT.encode(encoding)) == [CELLS]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_usual_separator_and_line_end_will_do(separator: str, end: str) -> None:
    assert said(TEXT.replace(",", separator).replace("\n", end).encode()) == [CELLS]


def test_letters_in_pieces_are_put_together() -> None:
    import unicodedata

    assert said(unicodedata.normalize("NFD", TEXT).encode()) == [CELLS]


def test_a_file_of_vntime_fonts_is_recognised_and_converted_when_asked() -> None:
    content = "".join(TO_TCVN3.get(letter, letter) for letter in TEXT).encode("latin-1")
    assert refused(content) == "import_file_tcvn3"
    assert said(content, convert_tcvn3=True) == [CELLS]


def test_vntime_text_in_a_unicode_file_is_recognised_too() -> None:
    """As spreadsheets hold it: Latin-1 letters that only the font makes Vietnamese."""
    legacy = ["".join(TO_TCVN3.get(letter, letter) for letter in each) for each in ROW]
    content = xlsx(HEADER, legacy)
    book = sheets.read("a.xlsx", content)
    assert [(e.row, e.column, e.code) for e in book.errors] == [
        (2, "Họ và tên", "import_cell_tcvn3"),
        (2, "Chức vụ", "import_cell_tcvn3"),
    ]
    assert said(content, "a.xlsx", convert_tcvn3=True) == [CELLS]


@given(
    st.text(
        alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ ",
        min_size=1,
    )
)
def test_what_was_tcvn3_is_the_same_text_in_unicode(text: str) -> None:
    legacy = "".join(TO_TCVN3.get(letter, letter) for letter in text)
    assert tcvn3.convert(legacy) == text
    assert not tcvn3.looks_like(text)


@pytest.mark.parametrize(
    "text", ["Tổ 3 – “Đội A”", "15 m²", "Café Société", "Phòng «Tổng hợp»", "20 °C", "§ 5 © 2026", ""]
)
def test_text_that_is_no_tcvn3_is_not_taken_for_it(text: str) -> None:
    assert not tcvn3.looks_like(text)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (TEXT.encode("cp1258", errors="replace").replace(b"?", b"\xd2"), "import_file_encoding"),
        (b"\xff\xfe" + b"\x00\xd8" * 7, "import_file_encoding"),
        (b"", "import_file_empty"),
        (b"\n\n  \n", "import_file_empty"),
        (f"{','.join(HEADER)}\n".encode(), "import_file_empty"),
        (f"{','.join(ROW)}\n".encode(), "import_header_missing"),
        (b"\n,,,,\n1,2,3\n", "import_header_missing"),
        (TEXT.replace("Chức vụ", "").encode(), "import_columns_wrong"),
        (TEXT.replace("Chức vụ", "Nghề").encode(), "import_columns_wrong"),
        (TEXT.replace("Chức vụ", "Họ và tên").encode(), "import_columns_wrong"),
        (TEXT.replace("an.nv,", '"an.nv,').encode(), "import_file_unreadable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "import_file_xls"),
        (b"PK\x03\x04" + bytes(100), "import_file_unreadable"),
        (b"a" * (sheets.MAX_FILE + 1), "import_file_too_big"),
    ],
)
def test_a_file_that_is_none_is_told_why(content: bytes, code: str) -> None:
    assert refused(content) == code


def test_columns_people_add_for_themselves_are_left_alone() -> None:
    content = f"STT,{','.join(HEADER)},Ghi chú\n1,{','.join(ROW)},nghỉ phép\n"
    assert said(content.encode()) == [CELLS]


@given(st.binary(max_size=400))
def test_whatever_comes_in_is_read_or_refused(content: bytes) -> None:
    for start in (b"", b"PK\x03\x04", TEXT.encode()):
        assert _outcome(start + content).startswith(("import_", "Book"))


def _outcome(content: bytes) -> str:
    try:
        return repr(sheets.read("x", content))
    except Rejected as error:
        return error.code


# --- workbooks


def test_a_workbook_holds_several_sheets_and_dates_as_dates() -> None:
    content = xlsx(HEADER, [*ROW[:5], datetime(2025, 7, 1)])  # noqa: DTZ001  as a spreadsheet has it
    assert said(content, "a.xlsx") == [CELLS]
    three = sheets.read("mẫu.xlsx", exporting.template_xlsx())
    assert list(three.sheets) == ["agencies", "units", "people"]
    assert three.errors == []
    for sheet in columns.SHEETS:
        assert sheets.read("mẫu.csv", exporting.template_csv(sheet)).sheets == {sheet: three.sheets[sheet]}


def test_a_formula_is_an_error_of_its_cell() -> None:
    book = sheets.read("a.xlsx", xlsx(HEADER, ROW, ["=A2", *ROW[1:]]))
    assert [(e.row, e.column, e.code) for e in book.errors] == [(3, "Tên đăng nhập", "import_cell_formula")]
    assert "=A2" in book.errors[0].sentence.vi


def test_merged_cells_are_named() -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("A2:A3")

    with pytest.raises(Rejected) as error:
        sheets.read("a.xlsx", xlsx(HEADER, ROW, ROW, change=merge))
    assert (error.value.code, "A2:A3" in error.value.sentence.vi) == ("import_cells_merged", True)


def test_a_workbook_is_not_believed_about_its_own_size() -> None:
    def lie(part: bytes) -> bytes:
        return part.replace(b'<dimension ref="A1:F2"', b'<dimension ref="A1:A1"')

    assert said(repacked(xlsx(HEADER, ROW), "xl/worksheets/sheet1.xml", lie), "a.xlsx") == [CELLS]


def test_a_zip_bomb_is_not_opened() -> None:
    begun = time.monotonic()
    assert refused(
        repacked(xlsx(HEADER, ROW), "xl/worksheets/sheet1.xml", lambda x: x + bytes(200 << 20)), "a.xlsx"
    ) == ("import_file_too_big")
    assert (
        refused(repacked(xlsx(HEADER, ROW), "xl/styles.xml", lambda x: x + b" " * (50 << 20))) == "import_file_too_big"
    )
    assert time.monotonic() - begun < 60


def test_an_archive_that_lies_about_its_size_is_not_read_further() -> None:
    """The directory says 1,000 bytes, the packed data would give 80 MB: reading ends where the directory says."""
    content = repacked(xlsx(HEADER, ROW), "xl/worksheets/sheet1.xml", lambda x: x + b" " * (80 << 20))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        size = parts.getinfo("xl/worksheets/sheet1.xml").file_size
    lying = content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(lying, "a.xlsx") == "import_file_unreadable"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024


def test_entities_that_grow_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'

    def arm(part: bytes) -> bytes:
        head, _, rest = part.partition(b"<worksheet")
        return head + bomb + b"<worksheet" + rest.replace(b"<sheetData>", b"<sheetData>&b;")

    assert refused(repacked(xlsx(HEADER, ROW), "xl/worksheets/sheet1.xml", arm), "a.xlsx") == "import_file_unreadable"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_hundred_thousand_rows_are_refused_with_the_limit_in_bounded_time_and_memory(kind: str) -> None:
    content = (TEXT + f"{','.join(ROW)}\n" * 100_000).encode()
    if kind == "xlsx":
        row = b'<row><c t="inlineStr"><is><t>an</t></is></c></row>'
        content = repacked(
            xlsx(HEADER, ROW),
            "xl/worksheets/sheet1.xml",
            lambda part: part.replace(b"</sheetData>", row * 100_000 + b"</sheetData>"),
        )
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(Rejected) as error:
        sheets.read(f"nguoi.{kind}", content)
    assert (error.value.code, "50000" in error.value.sentence.vi) == ("import_file_too_long", True)
    assert time.monotonic() - begun < 120
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def test_a_row_at_the_end_of_the_sheet_is_not_walked_to() -> None:
    def far(part: bytes) -> bytes:
        row = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>an</t></is></c></row>'
        return part.replace(b"</sheetData>", row + b"</sheetData>")

    content = repacked(xlsx(HEADER, ROW), "xl/worksheets/sheet1.xml", far)
    assert refused(content, "a.xlsx") == "import_file_too_long"


# --- out


@given(st.text(st.characters(codec="utf-8"), max_size=40).filter(lambda text: not tcvn3.looks_like(clean(text))))
def test_what_a_spreadsheet_would_compute_goes_out_harmless_and_comes_back_as_it_was(text: str) -> None:
    wanted = clean(text)
    row: dict[str, exporting.Value] = {**CELLS, "title": wanted, "valid_from": date(2025, 7, 1)}
    for content in (exporting.workbook({"people": iter([row])}), exporting._csv("people", iter([row]))):
        [found] = said(content)
        assert found["title"] == wanted
    assert not exporting._harmless(wanted).startswith(("=", "+", "-", "@"))


# --- through the door


def test_a_wrong_file_is_answered_in_both_languages_and_nothing_is_kept(office: Office) -> None:
    content = "".join(TO_TCVN3.get(letter, letter) for letter in TEXT).encode("latin-1")
    answer = send(office, content)
    assert (answer.status_code, answer.json()["code"]) == (422, "import_file_tcvn3")
    assert "TCVN3" in answer.json()["detail_vi"]
    assert "TCVN3" in answer.json()["detail_en"]
    assert office.http.get("/registry/v1/imports", headers=office.officer).json()["items"] == []
    assert preview(office, content, convert="tcvn3")["counts"]["people"] == {"new": 1, "changed": 0, "same": 0}


def test_a_file_over_the_limit_is_not_read_to_its_end(office: Office) -> None:
    answer = send(office, b"x" * (sheets.MAX_FILE + 200_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "import_file_too_big")
