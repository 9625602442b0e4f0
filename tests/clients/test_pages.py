"""What a leader reads of a document before the PIN: whom it is addressed to, by its own text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from vanthu_sign.pages import Viewer

from tests.support.sheet import Line, sheet

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def viewer() -> Iterator[Viewer]:
    made = Viewer()
    yield made
    made.close()


def test_every_addressee_of_a_list_is_named(viewer: Viewer) -> None:
    said = viewer.addressees(DATA / "01-cong-van.pdf")
    assert said == "Các sở, ban, ngành, đơn vị thuộc Ủy ban nhân dân tỉnh; Ủy ban nhân dân các xã, phường"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (("Kính gửi: Sở Y tế.", "Theo đề nghị của Sở, Ủy ban xã"), "Sở Y tế"),
        (("Kính gửi: Sở Y tế", "Theo đề nghị của Sở, Ủy ban xã"), "Sở Y tế"),
        (("Kính gửi: Ủy ban nhân dân", "xã Nà Mỏ", "Theo đề nghị"), "Ủy ban nhân dân xã Nà Mỏ"),
        (
            ("Kính gửi:", "- Văn phòng Ủy ban", "nhân dân tỉnh;", "- Sở Y tế.", "Theo"),
            "Văn phòng Ủy ban nhân dân tỉnh; Sở Y tế",
        ),
        (("QUYẾT ĐỊNH", "Điều 1."), ""),
    ],
)
def test_whom_a_document_names_and_nothing_of_its_body(
    viewer: Viewer, tmp_path: Path, lines: tuple[str, ...], named: str
) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(sheet([Line(text, 90, 200 + 20 * number) for number, text in enumerate(lines)]))
    assert viewer.addressees(file) == named
