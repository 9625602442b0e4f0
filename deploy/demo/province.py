"""The demo province, made anew each time and always the same: its agencies, people, signing authority.

It has the real shape (20 provincial agencies, 11 districts, 200 communes; identifiers of QĐ 20/2020 and of QCVN 102).
Lạng Sơn lends its name and code; communes and people are invented. Signer blocks match the sample documents.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CODE = "H37"
SINCE = "2020-07-01"  # agencies
TERM = "2025-07-01"  # posts and authority
MAIL = "langson.example"
PARTNER = "motcua"
PARTNER_AGENCY = "G22.99"

PROVINCIAL = (
    "Văn phòng Ủy ban nhân dân tỉnh",
    "Sở Nội vụ",
    "Sở Tư pháp",
    "Sở Tài chính",
    "Sở Công Thương",
    "Sở Nông nghiệp và Môi trường",
    "Sở Xây dựng",
    "Sở Khoa học và Công nghệ",
    "Sở Văn hóa, Thể thao và Du lịch",
    "Sở Giáo dục và Đào tạo",
    "Sở Y tế",
    "Sở Dân tộc và Tôn giáo",
    "Sở Ngoại vụ",
    "Thanh tra tỉnh",
    "Ban Quản lý Khu kinh tế cửa khẩu tỉnh",
    "Ban Quản lý dự án đầu tư xây dựng tỉnh",
    "Trung tâm Phục vụ hành chính công tỉnh",
    "Quỹ Đầu tư phát triển tỉnh",
    "Trường Cao đẳng nghề tỉnh",
)
DISTRICTS = (
    "thành phố Kỳ Sơn",
    "huyện Nà Khê",
    "huyện Pác Lạng",
    "huyện Bình Thượng",
    "huyện Lộc Trung",
    "huyện Vân Quang",
    "huyện Tràng An Bắc",
    "huyện Hữu Khánh",
    "huyện Chi Thành",
    "huyện Đình Phong",
    "huyện Khau Sao",
)
FIRST = words("Nà Pác Bản Khau Lũng Đông Tân Yên Vĩnh Thanh Hòa Quang Minh Thượng Phong Tràng")
SECOND = words("Mỏ Kỳ Lầu Hang Khuổi Phja Sâm Trạch Đồng Lãng Cầu Thủy Ngần Quý")
CITY_WARDS, DISTRICT_COMMUNES = 20, 18

SURNAMES = words("Hoàng Nông Vi Lương Hứa Mã Triệu Đàm Lộc Bế Chu Dương Nguyễn Lý Phùng Đặng Trần Vũ Lê La")
MIDDLES = ("Văn", "Thị", "Đức", "Thị Thu", "Minh", "Thị Hồng", "Quốc", "Thị Bích", "Thế", "Thị Mai", "Hữu")
GIVENS = words(
    "An Bình Chiến Diệp Giang Hạnh Huệ Khánh Lan Linh Mơ Nam Nga Oanh Phúc Quế Sơn Thảo Tú Uyên Vân Xuân Yến"
)


@dataclass(frozen=True, slots=True)
class Authority:
    """`block` are the lines above the name."""

    capacity: str
    block: tuple[str, ...]
    types: tuple[str, ...] = ()
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of the demo with a name of their own; `also` are further posts as (agency, title)."""

    login: str
    name: str
    agency: str
    title: str
    roles: tuple[str, ...]
    authorities: tuple[Authority, ...] = ()
    unit: str | None = None
    also: tuple[tuple[str, str], ...] = field(default=())


UBND, OFFICE, INTERIOR, JUSTICE, FINANCE, FARMING, SCIENCE, HEALTH = (
    f"{CODE}{suffix}" for suffix in ("", ".01", ".02", ".03", ".04", ".06", ".08", ".11")
)
WARD, COMMUNE = f"{CODE}.21.001", f"{CODE}.22.001"  # phường Đông Kỳ, xã Nà Mỏ
TM = "TM. ỦY BAN NHÂN DÂN"
LEADER, CLERK = ("leader",), ("clerk",)

PEOPLE = (
    Somebody(
        "kiem.hd",
        "Hoàng Đức Kiệm",
        UBND,
        "Chủ tịch",
        LEADER,
        (Authority("TM.", (TM, "CHỦ TỊCH")), Authority("", ("CHỦ TỊCH",))),
    ),
    Somebody(
        "nguyet.bth",
        "Bế Thị Hồng Nguyệt",
        UBND,
        "Phó Chủ tịch",
        LEADER,
        (
            Authority("KT.", (TM, "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")),
            Authority("KT.", ("KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")),
        ),
    ),
    Somebody(
        "khue.mt",
        "Mã Thế Khuê",
        UBND,
        "Chánh Văn phòng",
        LEADER,
        (Authority("TL.", ("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG")),),
        unit="Văn phòng",
        also=((OFFICE, "Chánh Văn phòng"),),
    ),
    Somebody("tham.nt", "Nông Thị Thắm", UBND, "Chuyên viên", CLERK, unit="Phòng Khoa giáo - Văn xã"),
    Somebody("toan.vt", "Vi Thế Toàn", SCIENCE, "Giám đốc", LEADER, (Authority("", ("GIÁM ĐỐC",)),)),
    Somebody(
        "duan.lk",
        "Lương Khắc Duẩn",
        SCIENCE,
        "Phó Giám đốc",
        LEADER,
        (Authority("KT.", ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")),),
    ),
    Somebody("thuong.th", "Triệu Hữu Thưởng", FARMING, "Giám đốc", LEADER, (Authority("", ("GIÁM ĐỐC",)),)),
    Somebody("vy.pty", "Phùng Thị Yến Vỹ", INTERIOR, "Quyền Giám đốc", LEADER, (Authority("Q.", ("Q. GIÁM ĐỐC",)),)),
    Somebody("hai.dv", "Đàm Văn Hải", JUSTICE, "Giám đốc", LEADER, (Authority("", ("GIÁM ĐỐC",)),)),
    Somebody(
        "ngu.dtm",
        "Đặng Thị Mỹ Ngữ",
        JUSTICE,
        "Phó Giám đốc",
        LEADER,
        (Authority("KT.", ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")),),
    ),
    Somebody("thuy.lq", "Lý Quang Thụy", WARD, "Chủ tịch", LEADER, (Authority("", ("CHỦ TỊCH",)),)),
    Somebody("loc.nv", "Nông Văn Lộc", COMMUNE, "Chủ tịch", LEADER, (Authority("TM.", (TM, "CHỦ TỊCH")),)),
    Somebody(
        "thuy.ctb",
        "Chu Thị Bích Thủy",
        COMMUNE,
        "Chánh Văn phòng HĐND và UBND",
        LEADER,
        (
            Authority(
                "TUQ.", ("TUQ. CHỦ TỊCH", "CHÁNH VĂN PHÒNG HĐND VÀ UBND"), types=("TB", "GM"), until="2030-12-31"
            ),
        ),
    ),
    # Two whose certificates can't be used any more: what the portal and the signing client say to them is part of
    # the demo.
    Somebody(
        "quyen.vtl",
        "Vi Thị Lệ Quyên",
        FINANCE,
        "Phó Giám đốc",
        LEADER,
        (Authority("KT.", ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")),),
    ),
    Somebody(
        "tinh.hv",
        "Hứa Văn Tịnh",
        HEALTH,
        "Phó Giám đốc",
        LEADER,
        (Authority("KT.", ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")),),
    ),
    Somebody(
        "canbo.danhba",
        "Dương Thị Mai Hoa",
        SCIENCE,
        "Chuyên viên quản lý chứng thư số",
        ("officer",),
        unit="Trung tâm Chuyển đổi số",
    ),
    Somebody(
        "quantri",
        "La Quốc Huy",
        SCIENCE,
        "Quản trị hệ thống",
        ("operator",),
        unit="Trung tâm Chuyển đổi số",
    ),
)  # fmt: skip

SEALED = (UBND, INTERIOR, JUSTICE, FARMING, SCIENCE, WARD, COMMUNE)
ACCOUNTS_OF = (*SEALED, OFFICE, FINANCE, HEALTH)  # whose people can log in to the demo
TOKENS = {
    "nguyet.bth": "rsa-2048",
    "kiem.hd": "rsa-3072",
    "duan.lk": "ec-p256",
    "khue.mt": "ec-p256",
    "thuong.th": "ec-p384",
    "vy.pty": "ec-p256",
    "ngu.dtm": "ec-p256",
    "thuy.lq": "ec-p256",
    "thuy.ctb": "ec-p256",
    "quyen.vtl": "ec-p256",
    "tinh.hv": "ec-p256",
}
EXPIRED, REVOKED = "quyen.vtl", "tinh.hv"


def directory() -> dict[str, list[dict[str, Any]]]:
    """The import file of `python -m services.registry import`."""
    agencies = list(_agencies())
    people = [_person(one) for one in PEOPLE] + list(_clerks(agencies))
    return {"agencies": agencies, "people": people, "authorities": list(_authorities())}


def accounts() -> list[dict[str, str]]:
    """Who can log in to the demo: login, name, role, agency, agency_identifier."""
    found = directory()
    names = {agency["identifier"]: agency["name"] for agency in found["agencies"]}
    return [
        {
            "login": person["login"],
            "name": person["name"],
            "role": person["posts"][0]["roles"][0],
            "agency": names[person["posts"][0]["agency"]],
            "agency_identifier": person["posts"][0]["agency"],
        }
        for person in found["people"]
        if person["posts"][0]["agency"] in ACCOUNTS_OF
    ]


# --- agencies


def _agencies() -> Iterator[dict[str, Any]]:
    yield _agency(UBND, "Ủy ban nhân dân tỉnh Lạng Sơn", "province", "000.00.00", seal_mm=38.0)
    for number, name in enumerate(PROVINCIAL, 1):
        yield _agency(f"{CODE}.{number:02}", name, "province", f"000.00.{number:02}")
    communes = _commune_names()
    for number, name in enumerate(DISTRICTS, 21):
        identifier = f"{CODE}.{number}"
        yield _agency(identifier, f"Ủy ban nhân dân {name}", "district", f"000.00.{number}")
        city = name.startswith("thành phố")
        for place in range(1, (CITY_WARDS if city else DISTRICT_COMMUNES) + 1):
            kind = "phường" if city else "thị trấn" if place == DISTRICT_COMMUNES else "xã"
            commune = f"Ủy ban nhân dân {kind} {_first_choice(identifier, place) or next(communes)}"
            yield _agency(f"{identifier}.{place:03}", commune, "commune", f"000.{place:02}.{number}")
    yield {
        "identifier": PARTNER_AGENCY,
        "name": "Cổng dịch vụ công – một cửa",
        "level": "outside",
        "partner": PARTNER,
        "email": "motcua@dichvucong.example",
        "valid_from": SINCE,
    }


def _agency(identifier: str, name: str, level: str, old: str, *, seal_mm: float = 36.0) -> dict[str, Any]:
    """`old` is the 13-character identifier without its last group; it reads from bottom to top."""
    return {
        "identifier": identifier,
        "old_identifier": f"{old}.{CODE}",
        "name": name,
        "parent": identifier.rpartition(".")[0] or None,
        "level": level,
        "email": f"vanthu.{identifier.lower()}@{MAIL}",
        "seal_mm": seal_mm,
        "valid_from": SINCE,
    }


def _first_choice(district: str, place: int) -> str | None:
    """The two communes that the sample documents name."""
    return {WARD: "Đông Kỳ", COMMUNE: "Nà Mỏ"}.get(f"{district}.{place:03}")


def _commune_names() -> Iterator[str]:
    # Along the diagonals, so that neighbours do not all begin with the same word.
    for shift, first in itertools.product(range(len(SECOND)), range(len(FIRST))):
        name = f"{FIRST[first]} {SECOND[(first + shift) % len(SECOND)]}"
        if name not in {"Nà Mỏ", "Đông Kỳ"}:
            yield name


# --- people


def _person(one: Somebody) -> dict[str, Any]:
    posts = [(one.agency, one.title, one.unit), *((agency, title, None) for agency, title in one.also)]
    return {
        "login": one.login,
        "name": one.name,
        "email": f"{one.login}@{MAIL}",
        "posts": [
            {"agency": agency, "title": title, "unit": unit, "roles": list(one.roles), "valid_from": TERM}
            for agency, title, unit in posts
        ],
    }


def _clerks(agencies: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One in every agency that lives here."""
    taken = {one.login for one in PEOPLE}
    for number, agency in enumerate(agencies):
        if agency["level"] == "outside":
            continue
        surname, middle = SURNAMES[number * 7 % len(SURNAMES)], MIDDLES[number % len(MIDDLES)]
        name = f"{surname} {middle} {GIVENS[number * 5 % len(GIVENS)]}"
        login = _login(name, taken)
        taken.add(login)
        title = "Công chức Văn phòng - Thống kê" if agency["level"] == "commune" else "Văn thư"
        post = {"agency": agency["identifier"], "title": title, "roles": ["clerk"], "valid_from": TERM}
        yield {"login": login, "name": name, "email": f"{login}@{MAIL}", "posts": [post]}


def _login(name: str, taken: set[str]) -> str:
    """As offices make them: given name, dot, the initials of the rest, a number when somebody has it."""
    *rest, given = _ascii(name).split()
    base = f"{given}.{''.join(word[0] for word in rest)}"
    return next(
        login for number in itertools.count(1) if (login := base + (str(number) if number > 1 else "")) not in taken
    )


def _ascii(name: str) -> str:
    bare = unicodedata.normalize("NFD", name.lower()).replace("đ", "d")
    return "".join(c for c in bare if not unicodedata.combining(c))


def _authorities() -> Iterator[dict[str, Any]]:
    for one in PEOPLE:
        for authority in one.authorities:
            yield {
                "agency": one.agency,
                "person": one.login,
                "post": one.title,
                "capacity": authority.capacity,
                "block": list(authority.block),
                "document_types": list(authority.types),
                "valid_from": TERM,
                "valid_until": authority.until,
            }
