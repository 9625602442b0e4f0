"""The sheets of a directory and their columns: names in both languages, what a cell may hold. Pure.

One definition for reading, for the template and for export, so that an export can be imported again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from services.registry.names import clean, fold
from shared.events.registry import PostFunction

Sheet = Literal["agencies", "units", "people"]
Holds = Literal["text", "date", "number", "yes_no", "level", "roles", "function"]


@dataclass(frozen=True, slots=True)
class Column:
    """`required`: the header must have it, `filled`: every row too. `vi` is the header that we write."""

    name: str
    vi: str
    holds: Holds = "text"
    required: bool = False
    filled: bool = False
    others: tuple[str, ...] = ()
    example: str = ""

    def is_called(self, header: str) -> bool:
        return header in {_plain(each) for each in (self.name, self.vi, *self.others)}


def must(name: str, vi: str, holds: Holds = "text", *, others: tuple[str, ...] = (), example: str = "") -> Column:
    return Column(name, vi, holds, required=True, filled=True, others=others, example=example)


LEVELS = {"province": "tỉnh", "district": "huyện", "commune": "xã", "outside": "ngoài"}
ROLES = {"clerk": "văn thư", "leader": "lãnh đạo", "officer": "quản lý danh bạ", "operator": "quản trị"}
FUNCTIONS: dict[PostFunction, str] = {
    "head": "người đứng đầu cơ quan",
    "deputy": "cấp phó của cơ quan",
    "unit_head": "trưởng đơn vị",
    "unit_deputy": "phó trưởng đơn vị",
    "registrar": "văn thư cơ quan",
    "specialist": "chuyên viên",
}
YES_NO = {"yes": "có", "no": "không"}

AGENCIES = (
    must("identifier", "Mã định danh", example="H37.08"),
    Column("old_identifier", "Mã định danh cũ", example="000.00.08.H37"),
    must("name", "Tên cơ quan", example="Sở Khoa học và Công nghệ"),
    Column("parent", "Mã cơ quan cấp trên", example="H37"),
    must("level", "Cấp", "level", example="tỉnh"),
    Column("partner", "Đối tác kết nối"),
    Column("email", "Thư điện tử", others=("Email",), example="vanthu@skhcn.example"),
    Column("seal_mm", "Đường kính con dấu (mm)", "number", example="36"),
    must("valid_from", "Hiệu lực từ ngày", "date", example="2020-07-01"),
    Column("valid_until", "Hiệu lực đến ngày", "date"),
    Column("former_identifier", "Mã định danh trước đó"),
    Column("changed_from", "Thay đổi từ ngày", "date"),
    Column("decision", "Số quyết định"),
)
UNITS = (
    must("agency", "Mã cơ quan", others=("Mã định danh cơ quan",), example="H37.08"),
    must("code", "Mã đơn vị", example="VP"),
    must("name", "Tên đơn vị", example="Văn phòng Sở"),
    Column("parent", "Mã đơn vị cấp trên"),
    must("valid_from", "Hiệu lực từ ngày", "date", example="2020-07-01"),
    Column("valid_until", "Hiệu lực đến ngày", "date"),
)
PEOPLE = (
    must("login", "Tên đăng nhập", example="duan.lk"),
    must("name", "Họ và tên", example="Lương Khắc Duẩn"),
    must("email", "Thư điện tử", others=("Email",), example="duan.lk@langson.example"),
    Column("active", "Đang hoạt động", "yes_no", example="có"),
    Column("agency", "Mã cơ quan", required=True, others=("Mã định danh cơ quan",), example="H37.08"),
    Column("unit_code", "Mã đơn vị", example="VP"),
    Column("unit", "Đơn vị", others=("Tên đơn vị",), example="Văn phòng Sở"),
    Column("title", "Chức vụ", required=True, example="Phó Giám đốc"),
    Column("roles", "Vai trò", "roles", example="lãnh đạo"),
    Column("function", "Vị trí", "function", others=("Nhiệm vụ",), example="cấp phó của cơ quan"),
    Column(
        "valid_from", "Giữ chức vụ từ ngày", "date", required=True, others=("Hiệu lực từ ngày",), example="2025-07-01"
    ),
    Column("valid_until", "Giữ chức vụ đến ngày", "date", others=("Hiệu lực đến ngày",)),
)
SHEETS: dict[Sheet, tuple[Column, ...]] = {"agencies": AGENCIES, "units": UNITS, "people": PEOPLE}
TITLES: dict[Sheet, str] = {"agencies": "Cơ quan", "units": "Đơn vị", "people": "Người dùng"}
IGNORED = ("stt", "tt", "no", "ghi chu", "note")  # columns that people add for themselves


@dataclass(frozen=True, slots=True)
class Header:
    """Which of our columns stands where; None: a column that is skipped. What is wrong with it, if anything."""

    sheet: Sheet
    places: tuple[Column | None, ...]
    unknown: tuple[str, ...] = field(default=())
    repeated: tuple[str, ...] = field(default=())
    missing: tuple[str, ...] = field(default=())

    @property
    def known(self) -> int:
        return sum(place is not None for place in self.places)


def read_header(cells: list[str], title: str = "") -> Header | None:
    """The sheet whose columns these are; by its title when that says so, else by most columns. None: no header."""
    by_title = [s for s in SHEETS if _plain(title) in (s, _plain(TITLES[s]))]
    found = [_match(sheet, cells) for sheet in (by_title or SHEETS)]
    best = max(found, key=lambda header: (header.known, -len(header.missing)))
    return best if best.known >= 2 else None


def _match(sheet: Sheet, cells: list[str]) -> Header:
    places: list[Column | None] = []
    unknown, repeated = [], []
    last = max((at for at, cell in enumerate(cells) if cell), default=-1)
    for at, cell in enumerate(cells[: last + 1]):
        plain = _plain(cell)
        column = next((c for c in SHEETS[sheet] if c.is_called(plain)), None)
        if column is not None and column in places:
            repeated.append(cell)
        elif column is None and plain not in IGNORED:
            unknown.append(cell or f"({at + 1})")
        places.append(column if column not in places else None)
    missing = tuple(c.vi for c in SHEETS[sheet] if c.required and c not in places)
    return Header(sheet, tuple(places), tuple(unknown), tuple(repeated), missing)


def _plain(header: str) -> str:
    return fold(clean(header)).rstrip(" *:").replace("_", " ")
