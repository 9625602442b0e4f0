"""The figures that a province reports on its documents: what is counted, whose, and the shares made of it. Pure.

Everything is counted on the day on which it happened (issued, sent, arrived), so a period's figures are the sum of its days.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.figures.refusals import FIGURES_OF_THE_FUTURE, FIGURES_PERIOD_WRONG
from services.docs.sheets import Column, Sheet
from services.docs.standing import Agency, Post
from shared.errors import Rejected

By = Literal["agency", "level", "type", "month"]
GROUPS: tuple[By, ...] = get_args(By)
LONGEST = 3660  # days of a period

# measure → how it is called in a table. Day of issue (out), of sending (sent), of arrival (in).
MEASURES: Mapping[str, str] = {
    "out": "Văn bản đi",
    "out_electronic": "Đi, điện tử",
    "out_paper": "Đi, giấy",
    "out_sent": "Đi, đã gửi điện tử",
    "out_both": "Đi, có chữ ký cá nhân và cơ quan",
    "out_agency": "Đi, chỉ chữ ký cơ quan (bản sao)",
    "out_on_time": "Ban hành đúng hạn",
    "out_late": "Ban hành chậm",
    "sent": "Lượt gửi",
    "sent_received": "Lượt gửi, nơi nhận đã tiếp nhận",
    "sent_received_on_time": "Tiếp nhận trong hạn",
    "sent_received_late": "Tiếp nhận chậm",
    "sent_refused": "Bị từ chối",
    "sent_recalled": "Đã lấy lại",
    "sent_silent": "Chưa tiếp nhận",
    "in": "Văn bản đến",
    "in_electronic": "Đến, điện tử",
    "in_paper": "Đến, giấy",
    "in_both": "Đến, có chữ ký cá nhân và cơ quan",
    "in_agency": "Đến, chỉ chữ ký cơ quan",
    "in_person": "Đến, chỉ chữ ký cá nhân",
    "in_unsigned": "Đến, không có chữ ký hợp lệ",
    "in_registered_on_time": "Vào sổ đúng hạn",
    "in_registered_late": "Vào sổ chậm",
    "in_refused": "Từ chối tiếp nhận",
    "in_waiting": "Chưa vào sổ",
    "in_done": "Đã giải quyết xong",
    "in_done_on_time": "Giải quyết xong đúng hạn",
    "in_done_late": "Giải quyết xong quá hạn",
    "in_done_free": "Giải quyết xong, không đặt thời hạn",
    "in_open": "Đang giải quyết",
    "in_open_on_time": "Đang giải quyết, còn hạn",
    "in_open_late": "Đang giải quyết, quá hạn",
    "in_open_free": "Đang giải quyết, không đặt thời hạn",
}

# An arrived document's deadline is that of who leads its handling on the assignment slip, where there is none the latest
# of those who join; it is handled in time when it was completed (06) by the end of that day.
# share → (what, of what), each a sum of measures; in per cent.
SHARES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "electronic": (("out_sent", "in_electronic"), ("out", "in")),
    "signed": (("out_both", "out_agency"), ("out",)),
    "issued_on_time": (("out_on_time",), ("out_on_time", "out_late")),
    "registered_on_time": (("in_registered_on_time",), ("in_registered_on_time", "in_registered_late")),
    "received_on_time": (("sent_received_on_time",), ("sent_received_on_time", "sent_received_late")),
    "done": (("in_done",), ("in_registered_on_time", "in_registered_late")),
    # What is open and late already has missed its deadline too; what may still be in time is not judged.
    "handled_on_time": (("in_done_on_time",), ("in_done_on_time", "in_done_late", "in_open_late")),
}
SHARE_NAMES: Mapping[str, str] = {
    "electronic": "Trao đổi điện tử (%)",
    "signed": "Ký số đầy đủ (%)",
    "issued_on_time": "Ban hành đúng hạn (%)",
    "registered_on_time": "Vào sổ đúng hạn (%)",
    "received_on_time": "Nơi nhận tiếp nhận đúng hạn (%)",
    "done": "Đã giải quyết xong (%)",
    "handled_on_time": "Giải quyết đúng hạn (%)",
}
LEVEL_NAMES = {"province": "Cấp tỉnh", "district": "Cấp huyện", "commune": "Cấp xã", "outside": "Ngoài tỉnh"}
GROUP_NAMES: Mapping[By, str] = {"agency": "Cơ quan", "level": "Cấp", "type": "Loại văn bản", "month": "Tháng"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose figures somebody may read. `patterns` as in the database (migration 0015); none: their own agency's."""

    patterns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.patterns)


def scope_of(post: Post, agency: Agency) -> Scope:
    """As the registry's figures: an officer of a provincial agency reads the province, one of a district what lies beneath
    it, everybody else their own agency.
    """
    if "officer" in post.roles and agency.level == "province":
        return Scope(("*",))
    if "officer" in post.roles and agency.level == "district":
        return Scope((agency.identifier, f"{agency.identifier}.*"))
    return Scope()


@dataclass(frozen=True, slots=True)
class Count:
    """One number of one group, as the store sums it."""

    key: str
    name: str
    measure: str
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """A group's figures; every measure is there, with 0 when nothing was counted."""

    key: str
    name: str
    counts: Mapping[str, int]

    @property
    def shares(self) -> dict[str, float | None]:
        """In per cent with one decimal; none of nothing."""
        found = {}
        for name, (part, whole) in SHARES.items():
            all_of_it = sum(self.counts[m] for m in whole)
            found[name] = round(100 * sum(self.counts[m] for m in part) / all_of_it, 1) if all_of_it else None
        return found


def check_period(since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """From the first of the year until today when nothing is said. Raises Rejected(figures_of_the_future, figures_period_wrong)."""
    last = until or today
    first = since or last.replace(month=1, day=1)
    if last > today:
        raise Rejected(FIGURES_OF_THE_FUTURE, day=f"{last:%d/%m/%Y}")
    if first > last or (last - first).days > LONGEST:
        raise Rejected(FIGURES_PERIOD_WRONG, start=f"{first:%d/%m/%Y}", until=f"{last:%d/%m/%Y}")
    return first, last


def rows(by: By, counts: Iterable[Count]) -> list[Row]:
    """One row a group in the order that people expect: months by time, types as the decree lists them, others by name."""
    names: dict[str, str] = {}
    sums: dict[str, Counter[str]] = {}
    for each in counts:
        names[each.key] = each.name
        sums.setdefault(each.key, Counter())[each.measure] += each.count
    order = {"type": list(DOCUMENT_TYPES), "level": list(LEVEL_NAMES)}.get(by)
    keys = sorted(sums, key=lambda key: (order.index(key) if order and key in order else 999, key))
    return [Row(key, _name(by, key, names[key]), {m: sums[key][m] for m in MEASURES}) for key in keys]


def _name(by: By, key: str, given: str) -> str:
    if by == "level":
        return LEVEL_NAMES.get(key, key)
    if by == "type":
        return DOCUMENT_TYPES[key].vi if key in DOCUMENT_TYPES else key
    return f"{key[5:]}/{key[:4]}" if by == "month" else given


def total(found: Sequence[Row]) -> Row:
    return Row("total", "Tổng", {m: sum(row.counts[m] for row in found) for m in MEASURES})


def sheet(by: By, found: Sequence[Row], first: date, last: date) -> Sheet:
    """As a file: a row a group, a column a measure and a share, the sum at the end."""
    columns = (
        Column(GROUP_NAMES[by], 3),
        *(Column(name, 1) for name in MEASURES.values()),
        *(Column(name, 1) for name in SHARE_NAMES.values()),
    )
    lines: list[tuple[str | int, ...]] = [
        (row.name, *row.counts.values(), *("" if each is None else str(each) for each in row.shares.values()))
        for row in (*found, total(found))
    ]
    return Sheet(title="Số liệu văn bản", about=f"Từ {first:%d/%m/%Y} đến {last:%d/%m/%Y}", columns=columns, rows=lines)
