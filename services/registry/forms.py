"""Request forms of NĐ 68/2024 as PDF, ready to be signed: set as NĐ 30/2020 annex I wants administrative papers.

Only what to print is known here, no table and no right. The decree's own sample texts are not at hand; columns are those
of its import kits, sentences are ours, and both stand in LAYOUTS.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import fontpkg_noto_serif
import uharfbuzz
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos
from fpdf.fonts import FontFace

LEFT, RIGHT, TOP, BOTTOM = 30.0, 15.0, 20.0, 20.0  # mm, NĐ 30 annex I.I
BODY = 13.0  # pt
LINE = 6.4  # mm
# What Vietnamese is written with: Latin with its marks, punctuation; the rest of the typeface stays out.
LETTERS = (*range(0x20, 0x250), *range(0x300, 0x370), *range(0x1E00, 0x1F00), *range(0x2000, 0x2070), 0x20AB)
SERIF = "serif"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a form: the key of its value, its heading, its share of the width in a list."""

    key: str
    head: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Layout:
    """What is fixed in a form. `{agency}` in a sentence is the applicant."""

    title: str
    abstract: str
    opening: str
    columns: tuple[Column, ...]
    closing: str
    signer: str
    other_signer: str | None = None  # of minutes: who gives or receives


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One form to print: whose, for whom, and one row for each subject, by the columns' keys."""

    form: str
    agency: str
    parent: str | None
    place: str
    day: date
    to: str
    rows: Sequence[Mapping[str, str]]
    reason: str | None = None


PERSON = (
    Column("name", "Họ và tên", 1.6),
    Column("birth_date", "Ngày sinh", 1.1),
    Column("citizen_id", "Số CCCD", 1.3),
    Column("citizen_id_on", "Ngày cấp", 1.1),
    Column("citizen_id_at", "Nơi cấp", 1.2),
    Column("email", "Thư điện tử công vụ", 1.9),
    Column("agency", "Cơ quan, tổ chức", 1.7),
    Column("province", "Tỉnh, thành phố", 1.1),
    Column("title", "Chức vụ", 1.2),
    Column("phone", "Điện thoại di động", 1.2),
    Column("old_serial", "Số hiệu chứng thư cũ", 1.3),
    Column("sim_pki", "SIM PKI", 0.8),
)
CERTIFICATE = (
    Column("name", "Tên thuê bao", 1.6),
    Column("serial", "Số hiệu chứng thư", 1.8),
    Column("valid_until", "Ngày hết hạn", 1.1),
    Column("agency", "Cơ quan, tổ chức", 1.6),
    Column("email", "Thư điện tử công vụ", 1.6),
)
DEVICE = (
    Column("device_type", "Loại thiết bị", 1.2),
    Column("model", "Kiểu", 1.0),
    Column("device_serial", "Số sê-ri thiết bị", 1.6),
    Column("name", "Người, cơ quan giữ", 1.6),
    Column("serial", "Số hiệu chứng thư", 1.6),
)
WHY = Column("reason", "Lý do", 1.6)
HEAD_OF_AGENCY = "THỦ TRƯỞNG CƠ QUAN"
TRUE = "{agency} chịu trách nhiệm về tính chính xác của các thông tin trên."
LAYOUTS: dict[str, Layout] = {
    "01": Layout(
        "GIẤY ĐỀ NGHỊ",
        "Cấp chứng thư chữ ký số chuyên dùng công vụ cho cá nhân",
        "{agency} đề nghị cấp chứng thư chữ ký số chuyên dùng công vụ và thiết bị lưu khóa bí mật cho:",
        PERSON,
        TRUE,
        HEAD_OF_AGENCY,
    ),
    "02": Layout(
        "GIẤY ĐỀ NGHỊ",
        "Cấp chứng thư chữ ký số chuyên dùng công vụ cho cơ quan, tổ chức",
        "{agency} đề nghị cấp chứng thư chữ ký số chuyên dùng công vụ và thiết bị lưu khóa bí mật cho:",
        (
            Column("name", "Tên cơ quan, tổ chức", 2.0),
            Column("address", "Địa chỉ", 2.0),
            Column("tax_code", "Mã số thuế", 1.2),
            Column("budget_code", "Mã quan hệ ngân sách", 1.2),
            Column("province", "Tỉnh, thành phố", 1.2),
            Column("email", "Thư điện tử công vụ", 1.8),
        ),
        TRUE,
        HEAD_OF_AGENCY,
    ),
    "03": Layout(
        "GIẤY ĐỀ NGHỊ",
        "Cấp chứng thư chữ ký số chuyên dùng công vụ cho thiết bị, dịch vụ, phần mềm",
        "{agency} đề nghị cấp chứng thư chữ ký số chuyên dùng công vụ cho thiết bị, dịch vụ, phần mềm sau:",
        (
            Column("name", "Tên thiết bị, dịch vụ, phần mềm", 2.0),
            Column("version", "Phiên bản", 1.0),
            Column("purpose", "Chức năng, mục đích sử dụng", 2.0),
            Column("address", "Địa chỉ (tên miền, IP)", 1.6),
            Column("email", "Thư điện tử công vụ", 1.6),
        ),
        TRUE,
        HEAD_OF_AGENCY,
    ),
    "04": Layout(
        "GIẤY ĐỀ NGHỊ",
        "Gia hạn, thay đổi nội dung thông tin chứng thư chữ ký số chuyên dùng công vụ",
        "{agency} đề nghị gia hạn, thay đổi nội dung thông tin chứng thư chữ ký số chuyên dùng công vụ sau:",
        (*CERTIFICATE, Column("request", "Nội dung đề nghị", 1.4), Column("new_content", "Thông tin mới", 1.6)),
        TRUE,
        HEAD_OF_AGENCY,
    ),
    "05": Layout(
        "GIẤY ĐỀ NGHỊ",
        "Thu hồi chứng thư chữ ký số chuyên dùng công vụ",
        "{agency} đề nghị thu hồi chứng thư chữ ký số chuyên dùng công vụ sau:",
        (*CERTIFICATE, WHY),
        TRUE,
        HEAD_OF_AGENCY,
    ),
    "06": Layout(
        "GIẤY ĐỀ NGHỊ",
        "Khôi phục thiết bị lưu khóa bí mật",
        "{agency} đề nghị khôi phục (mở khóa) thiết bị lưu khóa bí mật sau:",
        (*DEVICE, WHY),
        TRUE,
        HEAD_OF_AGENCY,
    ),
    "07": Layout(
        "THÔNG BÁO",
        "Về việc bàn giao chứng thư chữ ký số và thiết bị lưu khóa bí mật",
        "{agency} thông báo đã bàn giao chứng thư chữ ký số và thiết bị lưu khóa bí mật cho thuê bao sau:",
        (
            Column("name", "Người, cơ quan nhận", 1.6),
            Column("serial", "Số hiệu chứng thư", 1.8),
            Column("valid_until", "Ngày hết hạn", 1.1),
            Column("device_type", "Loại thiết bị", 1.1),
            Column("device_serial", "Số sê-ri thiết bị", 1.4),
            Column("received_on", "Ngày nhận", 1.1),
        ),
        "Thuê bao đã kiểm tra thông tin trên chứng thư và ký nhận.",
        HEAD_OF_AGENCY,
    ),
    "08": Layout(
        "BIÊN BẢN",
        "Giao nhận thiết bị lưu khóa bí mật",
        "{agency} giao nộp thiết bị lưu khóa bí mật sau:",
        (*DEVICE, WHY),
        "Biên bản được lập thành 02 bản có giá trị như nhau, mỗi bên giữ 01 bản.",
        "ĐẠI DIỆN BÊN GIAO",
        "ĐẠI DIỆN BÊN NHẬN",
    ),
    "09": Layout(
        "BIÊN BẢN",
        "Xác nhận mất thiết bị lưu khóa bí mật",
        "{agency} xác nhận việc mất thiết bị lưu khóa bí mật sau, và đề nghị thu hồi chứng thư trên thiết bị:",
        (*DEVICE, WHY),
        "Người giữ thiết bị chịu trách nhiệm về việc báo mất; thiết bị tìm lại được phải giao nộp ngay.",
        HEAD_OF_AGENCY,
        "NGƯỜI GIỮ THIẾT BỊ",
    ),
}


def render(sheet: Sheet) -> bytes:
    """The PDF, A4. One subject: lines of the letter. Several: a list on pages across (NĐ 30: landscape for tables)."""
    layout = LAYOUTS[sheet.form]
    page = _Page(sheet)
    page.add_page()
    _heading(page, sheet)
    _title(page, sheet, layout)
    many = len(sheet.rows) > 1
    _paragraph(page, layout.opening.format(agency=sheet.agency))
    if many:
        _paragraph(page, f"Số lượng: {len(sheet.rows):02d} (danh sách kèm theo).")
    else:
        for row in sheet.rows:
            _lines(page, layout, row)
    if sheet.reason and not any(column.key == "reason" for column in layout.columns):
        _paragraph(page, f"Lý do: {sheet.reason}.")
    _paragraph(page, f"{layout.closing.format(agency=sheet.agency)}/.")
    _signatures(page, layout)
    if many:
        _table(page, layout, sheet)
    return bytes(page.output())


class _Page(FPDF):
    """A4 upright; page numbers from the second page on, in the middle of the top margin."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        for style, file in _fonts().items():
            self.add_font(SERIF, style, file)
        self.set_text_shaping(True)
        self.set_margins(LEFT, TOP, RIGHT)
        self.set_auto_page_break(True, BOTTOM)
        self.set_title(f"Mẫu {sheet.form} – {LAYOUTS[sheet.form].abstract}")
        self.set_lang("vi")

    def header(self) -> None:
        if self.page_no() > 1:
            self.set_y(10)
            self.set_font(SERIF, "", BODY)
            self.cell(0, 6, str(self.page_no()), align=Align.C)
            self.set_y(TOP)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="vanthu-forms-")


@cache
def _fonts() -> dict[str, Path]:
    """Static faces cut from the installed variable ones; fpdf2 reads them from files."""
    found = {}
    for style, file, weight in (
        ("", "NotoSerif[wdth,wght].ttf", 400),
        ("B", "NotoSerif[wdth,wght].ttf", 700),
        ("I", "NotoSerif-Italic[wdth,wght].ttf", 400),
    ):
        source = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(fontpkg_noto_serif.ROOT / "files" / file))
        cut = uharfbuzz.SubsetInput()
        cut.unicode_set.update(LETTERS)
        cut.pin_axis_location(source, "wght", weight)
        cut.pin_axis_location(source, "wdth", 87.5)  # nearer to the narrow Times New Roman that annex I wants
        path = Path(_folder().name) / f"serif{style or 'R'}.ttf"
        path.write_bytes(uharfbuzz.subset(source, cut).blob.data)
        found[style] = path
    return found


def _heading(page: _Page, sheet: Sheet) -> None:
    """Boxes 1 to 4: the state's name on the right, the agency's on the left, rules beneath, number and date."""
    page.set_font(SERIF, "I", 11)
    page.cell(
        0, 5, f"Mẫu số {sheet.form} (Nghị định số 68/2024/NĐ-CP)", align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT
    )
    top, half = page.get_y() + 1, 74.0
    right = LEFT + half + 3
    width = 210 - RIGHT - right
    page.set_xy(LEFT, top)
    if sheet.parent:
        page.set_font(SERIF, "", 12)
        page.multi_cell(half, 5.2, sheet.parent.upper(), align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font(SERIF, "B", 12)
    page.multi_cell(half, 5.2, sheet.agency.upper(), align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    left_end = page.get_y() + 1
    page.line(LEFT + half / 3, left_end, LEFT + half * 2 / 3, left_end)
    page.set_xy(right, top)
    page.set_font(SERIF, "B", 12)
    page.cell(width, 5.2, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", align=Align.C)
    page.set_xy(right, top + 5.6)
    page.set_font(SERIF, "B", 13)
    motto = "Độc lập - Tự do - Hạnh phúc"
    page.cell(width, 5.6, motto, align=Align.C)
    rule = page.get_string_width(motto)
    page.line(right + (width - rule) / 2, top + 12.2, right + (width + rule) / 2, top + 12.2)
    page.set_y(max(left_end, top + 12.2) + 3)
    y = page.get_y()
    page.set_xy(LEFT, y)
    page.set_font(SERIF, "", 13)
    page.cell(half, 6, "Số:         /", align=Align.C)
    page.set_xy(right, y)
    page.set_font(SERIF, "I", 13)
    month = f"{sheet.day.month:02d}" if sheet.day.month < 3 else str(sheet.day.month)
    page.cell(width, 6, f"{sheet.place}, ngày {sheet.day.day:02d} tháng {month} năm {sheet.day.year}", align=Align.C)
    page.set_xy(LEFT, y + 12)


def _title(page: _Page, sheet: Sheet, layout: Layout) -> None:
    """Box 5a with its rule, and 9a."""
    page.set_font(SERIF, "B", 14)
    page.cell(0, 7, layout.title, align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.multi_cell(0, 6.4, layout.abstract, align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    middle, y = LEFT + (210 - LEFT - RIGHT) / 2, page.get_y() + 1
    page.line(middle - 25, y, middle + 25, y)
    page.set_y(y + 5)
    page.set_font(SERIF, "", BODY)
    page.multi_cell(0, LINE, f"Kính gửi: {sheet.to}", align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(3)


def _paragraph(page: _Page, text: str) -> None:
    page.set_font(SERIF, "", BODY)
    with (
        page.text_columns(text_align=Align.J, line_height=LINE / (BODY * 0.3528)) as columns,
        columns.paragraph(first_line_indent=12.7, bottom_margin=2.2) as paragraph,
    ):
        paragraph.write(text)


def _lines(page: _Page, layout: Layout, row: Mapping[str, str]) -> None:
    """Label and value; what is not known is dots to be filled in by hand."""
    for number, column in enumerate(layout.columns, 1):
        value = row.get(column.key) or "." * 40
        page.set_font(SERIF, "", BODY)
        page.multi_cell(
            0, LINE, f"{number}. {column.head}: {value}", align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        page.ln(0.8)
    page.ln(2)


def _signatures(page: _Page, layout: Layout) -> None:
    """Boxes 9b and 7: who gets it on the left, who signs on the right, on one page."""
    if page.will_page_break(50):
        page.add_page()
    y, width = page.get_y() + 3, (210 - LEFT - RIGHT) / 2
    page.set_xy(LEFT, y)
    if layout.other_signer:
        page.set_font(SERIF, "B", 13)
        page.cell(width, 6, layout.other_signer, align=Align.C)
    else:
        page.set_font(SERIF, "I", 12)
        page.cell(width, 5.5, "Nơi nhận:", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        page.set_font(SERIF, "", 11)
        page.multi_cell(width - 4, 5, "- Như trên;\n- Lưu: VT.", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_xy(LEFT + width, y)
    page.set_font(SERIF, "B", 13)
    page.cell(width, 6, layout.signer, align=Align.C)
    page.set_xy(LEFT + width, y + 6)
    page.set_font(SERIF, "I", 12)
    page.cell(width, 6, "(Ký số hoặc ký, đóng dấu)", align=Align.C)
    page.set_y(y + 42)


def _table(page: _Page, layout: Layout, sheet: Sheet) -> None:
    """The list on pages across; headings are repeated."""
    page.add_page(orientation="landscape")
    page.set_margins(LEFT - 10, TOP, RIGHT)
    page.set_x(page.l_margin)
    page.set_font(SERIF, "B", 13)
    page.multi_cell(0, 6.4, f"DANH SÁCH\n{layout.abstract}", align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(3)
    page.set_font(SERIF, "", 9)
    widths = (0.5, *(column.width for column in layout.columns))
    with page.table(
        col_widths=widths,
        line_height=4.6,
        padding=0.8,
        text_align=Align.L,
        headings_style=FontFace(emphasis="BOLD", fill_color=None),
        first_row_as_headings=True,
    ) as table:
        table.row(["STT", *(column.head for column in layout.columns)])
        for number, row in enumerate(sheet.rows, 1):
            table.row([str(number), *(row.get(column.key, "") for column in layout.columns)])
