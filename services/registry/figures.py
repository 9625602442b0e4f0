"""The registry's figures: what is counted, its totals, and the tables in which it goes out. Pure.

What is counted comes from the histories, so a past day gives today the figures that it gave then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

LEVELS = ("province", "district", "commune")
KINDS = ("organisation", "person")
STATES = ("issued", "handed_over", "active", "suspended", "renewed", "revoked", "expired")
PLACES = ("in_stock", "at_agency", "with_person", "returned", "lost")

LEVEL_NAMES = {"province": "Cấp tỉnh", "district": "Cấp huyện", "commune": "Cấp xã", "outside": "Ngoài tỉnh"}
KIND_NAMES = {"organisation": "Tổ chức", "person": "Cá nhân"}
STATE_NAMES = {
    "issued": "Đã cấp, chưa bàn giao",
    "handed_over": "Đã bàn giao, chờ ký nhận",
    "active": "Đang sử dụng",
    "suspended": "Tạm dừng",
    "renewed": "Đã gia hạn",
    "revoked": "Đã thu hồi",
    "expired": "Hết hạn",
}
PLACE_NAMES = {
    "in_stock": "Trong kho",
    "at_agency": "Tại cơ quan",
    "with_person": "Cá nhân giữ",
    "returned": "Đã trả lại",
    "lost": "Báo mất",
}
TYPE_NAMES = {"pki_token": "PKI token", "sim_pki": "SIM PKI", "hsm": "HSM"}
PIN_NAMES = {"locked": "Bị khóa", "unlocked": "Bình thường"}


@dataclass(frozen=True, slots=True)
class CertificateCount:
    """Certificates of agencies of a level: seals (`organisation`) or people's, in one state."""

    level: str
    kind: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class DeviceCount:
    """Devices at agencies of a level, by type, where they are and whether their PIN is locked."""

    level: str
    type: str
    place: str
    pin: str
    count: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of a level's open agencies those with a usable seal certificate; of its people with signing authority those with
    a usable certificate of their own.
    """

    level: str
    agencies: int
    agencies_with_seal: int
    leaders: int
    leaders_with_certificate: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stood at the end of a day (today: now)."""

    on: date
    certificates: tuple[CertificateCount, ...]
    devices: tuple[DeviceCount, ...]
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, slots=True)
class MonthCount:
    """Certificates of one month ("2026-11"). `replaced`: of those that end, how many holders have a later one already."""

    month: str
    level: str
    kind: str
    count: int
    replaced: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head, as a sheet or a CSV file has them; texts are for people."""

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)


def total(counts: Iterable[T], by: Callable[[T], Key], of: Callable[[T], int]) -> dict[Key, int]:
    """The sums by a key, in the order in which the keys come first."""
    found: Counter[Key] = Counter()
    for each in counts:
        found[by(each)] += of(each)
    return dict(found)


def share(part: int, whole: int) -> float | None:
    """In per cent, one decimal; none of nothing."""
    return round(100 * part / whole, 1) if whole else None


def all_levels(coverage: Sequence[Coverage]) -> Coverage:
    """The sum of all levels. A person with authority at two levels is counted at both."""
    return Coverage(
        level="all",
        agencies=sum(c.agencies for c in coverage),
        agencies_with_seal=sum(c.agencies_with_seal for c in coverage),
        leaders=sum(c.leaders for c in coverage),
        leaders_with_certificate=sum(c.leaders_with_certificate for c in coverage),
    )


# --- as tables


def standing_tables(standing: Standing) -> tuple[Table, ...]:
    """Certificates with a column a state, devices with one a place, coverage."""
    return _certificates(standing.certificates), _devices(standing.devices), _coverage(standing.coverage)


def _certificates(counts: Sequence[CertificateCount]) -> Table:
    cells = total(counts, lambda c: (c.level, c.kind, c.state), lambda c: c.count)
    rows: list[tuple[str | int | float, ...]] = []
    for kind in KINDS:
        for level in _levels({c.level for c in counts}):
            values = [cells.get((level, kind, state), 0) for state in STATES]
            rows.append((LEVEL_NAMES[level], KIND_NAMES[kind], *values, sum(values)))
        sums = [sum(c.count for c in counts if (c.kind, c.state) == (kind, state)) for state in STATES]
        rows.append(("Tổng", KIND_NAMES[kind], *sums, sum(sums)))
    return Table(
        "certificates",
        "Chứng thư số",
        ("Cấp", "Loại", *(STATE_NAMES[state] for state in STATES), "Tổng"),
        tuple(rows),
    )


def _devices(counts: Sequence[DeviceCount]) -> Table:
    cells = total(counts, lambda c: (c.level, c.type, c.pin, c.place), lambda c: c.count)
    rows: list[tuple[str | int | float, ...]] = []
    for level, type_, pin in sorted({(c.level, c.type, c.pin) for c in counts}, key=_device_order):
        values = [cells.get((level, type_, pin, place), 0) for place in PLACES]
        names = (LEVEL_NAMES[level], TYPE_NAMES.get(type_, type_), PIN_NAMES.get(pin, pin))
        rows.append((*names, *values, sum(values)))
    sums = [sum(c.count for c in counts if c.place == place) for place in PLACES]
    rows.append(("Tổng", "", "", *sums, sum(sums)))
    return Table(
        "devices",
        "Thiết bị",
        ("Cấp", "Loại", "Mã PIN", *(PLACE_NAMES[place] for place in PLACES), "Tổng"),
        tuple(rows),
    )


def _device_order(key: tuple[str, str, str]) -> tuple[int, str, str]:
    level, type_, pin = key
    return (*LEVELS, "outside").index(level), type_, pin


def _coverage(coverage: Sequence[Coverage]) -> Table:
    rows = [_covered(each, LEVEL_NAMES[each.level]) for each in coverage] + [_covered(all_levels(coverage), "Tổng")]
    head = (
        "Cấp",
        "Cơ quan",
        "Có chứng thư con dấu",
        "Tỷ lệ (%)",
        "Người có thẩm quyền ký",
        "Có chứng thư cá nhân",
        "Tỷ lệ (%)",
    )
    return Table("coverage", "Độ phủ", head, tuple(rows))


def _covered(one: Coverage, name: str) -> tuple[str | int | float, ...]:
    seals, people = share(one.agencies_with_seal, one.agencies), share(one.leaders_with_certificate, one.leaders)
    nothing = ""
    return (
        name,
        one.agencies,
        one.agencies_with_seal,
        nothing if seals is None else seals,
        one.leaders,
        one.leaders_with_certificate,
        nothing if people is None else people,
    )


def issued_table(counts: Sequence[MonthCount]) -> Table:
    return _months("issued", "Chứng thư số cấp trong kỳ", counts)


def expiring_table(counts: Sequence[MonthCount]) -> Table:
    return _months("expiring", "Chứng thư số sắp hết hạn", counts, replaced=True)


def _months(name: str, title: str, counts: Sequence[MonthCount], *, replaced: bool = False) -> Table:
    head = ("Tháng", "Cấp", "Loại", "Số lượng", *(("Đã có chứng thư thay thế",) if replaced else ()))
    rows: list[tuple[str | int | float, ...]] = [
        (c.month, LEVEL_NAMES[c.level], KIND_NAMES[c.kind], c.count, *((c.replaced,) if replaced else ()))
        for c in counts
    ]
    last = (sum(c.replaced for c in counts),) if replaced else ()
    rows.append(("Tổng", "", "", sum(c.count for c in counts), *last))
    return Table(name, title, head, tuple(rows))


def _levels(found: set[str]) -> list[str]:
    return [*LEVELS, *(["outside"] if "outside" in found else [])]
