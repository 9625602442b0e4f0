"""Asks one question in a window of the kind named, as the agent does; the answer goes to a file as JSON.

`python tests/clients/ask_window.py KIND QUESTION ANSWER-FILE`; a process of its own, since a window wants a terminal or a
display of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from vanthu_sign import window
from vanthu_sign.pages import Viewer
from vanthu_sign.window import Proposal, Shown, Table

FILE = Path(__file__).parent.parent / "data" / "01-cong-van.pdf"


def documents(folder: Path) -> tuple[Shown, ...]:
    viewer = Viewer()
    picture = viewer.first_page(FILE, folder / "page.png")
    viewer.close()
    return tuple(_document(number, picture) for number in (1, 2))


def _document(number: int, picture: Path | None) -> Shown:
    return Shown(
        document_id=f"document-{number}",
        kind="Công văn",
        symbol="…/UBND-VX",
        abstract=f"V/v tăng cường phòng, chống dịch bệnh mùa hè, văn bản thứ {number}",
        addressee="Các sở, ban, ngành",
        pages=2,
        file=FILE,
        picture=picture,
    )


def proposal(folder: Path) -> Proposal:
    return Proposal(
        origin="https://vanthu.example",
        person="Bế Thị Hồng Nguyệt, Phó Chủ tịch",
        certificate="Bế Thị Hồng Nguyệt (5a3f, đến 01/12/2027)",
        token="VGCA-0001",
        documents=documents(folder),
        pin_each=False,
    )


def ask(table: Table, question: str) -> Any:
    if question == "approve":
        return table.approve("document-1", "")
    choice = table.choose()
    if choice is None:
        return None
    said = {"documents": sorted(choice.documents), "one_by_one": choice.one_by_one}
    return said if question == "choose" else {**said, "pin": table.enter_pin("")}


def main(kind: str, question: str, file: str) -> None:
    shown = window.choose(kind)()
    if question == "pair":
        answer: Any = shown.pair("https://vanthu.example", "402117")
    else:
        with shown.open(proposal(Path(file).parent)) as table:
            answer = ask(table, question)
    Path(file).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
