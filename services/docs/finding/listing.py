"""What was found as a list to export: the columns that a person may choose, and what stands in them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from services.docs.catalogue import REGISTERS, STATUSES, URGENCIES
from services.docs.sheets import Column, Sheet

ColumnName = Literal[
    "kind",
    "type",
    "number_symbol",
    "abstract",
    "party",
    "issuer",
    "signer",
    "author",
    "handler",
    "state",
    "urgency",
    "day",
    "issued_on",
    "arrived_on",
    "register",
    "arrival_number",
]
Row = Mapping[str, Any]

COLUMNS: Mapping[ColumnName, Column] = {
    "number_symbol": Column("Số, ký hiệu", 14),
    "issued_on": Column("Ngày văn bản", 11),
    "type": Column("Loại", 11),
    "abstract": Column("Trích yếu", 40),
    "party": Column("Nơi gửi / nơi nhận", 24),
    "issuer": Column("Cơ quan ban hành", 20),
    "signer": Column("Người ký", 14),
    "author": Column("Người soạn", 14),
    "handler": Column("Người xử lý", 14),
    "state": Column("Tình trạng", 13),
    "urgency": Column("Độ khẩn", 9),
    "kind": Column("Đi / đến", 8),
    "day": Column("Ngày", 11),
    "arrived_on": Column("Ngày đến", 11),
    "arrival_number": Column("Số đến", 8),
    "register": Column("Sổ", 12),
}
DEFAULT: tuple[ColumnName, ...] = ("number_symbol", "issued_on", "type", "abstract", "party", "signer", "state")
STATES = {
    "in_review": "Đang xem xét",
    "preparing": "Đang chuẩn bị",
    "awaiting_signature": "Chờ ký số",
    "signed": "Chờ cấp số",
    "sealing": "Đang đóng dấu",
    "issued": "Đã ban hành",
    "returned": "Bị trả lại",
    "refused": "Cần thay tệp",
    "voided": "Đã hủy số",
}


def _day(value: date | None) -> str:
    return f"{value:%d/%m/%Y}" if value else ""


CELLS: Mapping[ColumnName, Callable[[Row], str | int | None]] = {
    "kind": lambda row: "Đến" if row["kind"] == "incoming" else "Đi",
    "type": lambda row: row["type_name"],
    "state": lambda row: STATES.get(row["state"]) or STATUSES.get(row["state"], row["state"]),
    "urgency": lambda row: URGENCIES.get(row["urgency"], "") if row["urgency"] else "",
    "day": lambda row: _day(row["day"]),
    "issued_on": lambda row: _day(row["issued_on"]),
    "arrived_on": lambda row: _day(row["arrived_on"]),
    "register": lambda row: (
        REGISTERS[row["register_code"]].vi if row["register_code"] in REGISTERS else row["register_code"]
    ),
}


def list_of(rows: Sequence[Row], columns: Sequence[ColumnName], about: str) -> Sheet:
    """The sheet with those columns; a column asked for twice stands once."""
    chosen = list(dict.fromkeys(columns))
    return Sheet(
        title="Kết quả tìm kiếm",
        about=about,
        columns=tuple(COLUMNS[name] for name in chosen),
        rows=[[CELLS[name](row) if name in CELLS else row[name] for name in chosen] for row in rows],
    )
