"""`python -m vanthu_verify.ledger EXPORT…`: says whether anybody changed the ledger, and which entry; no service runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vanthu_verify.command import certificates_in
from vanthu_verify.ledger import checking
from vanthu_verify.ledger.checking import Result
from vanthu_verify.ledger.findings import Weight
from vanthu_verify.ledger.reading import Unreadable, read_export
from vanthu_verify.ledger.seals import Believed, printed

SOUND, TAMPERED, WRONG_USE, DOUBTFUL = 0, 1, 2, 3
EXIT = {Weight.TAMPERED: TAMPERED, Weight.DOUBT: DOUBTFUL}
UNREADABLE = {
    "nothing_there": ("Không có tệp nào để đọc.", "There is no file to read."),
    "line_broken": ("Dòng này hỏng; hãy xuất lại sổ cái.", "This line is broken; export the ledger again."),
    "line_unknown": ("Dòng này không thuộc bản xuất sổ cái.", "This line is no part of an export of the ledger."),
}
VERDICTS = {
    SOUND: (
        "SỔ CÁI NGUYÊN VẸN: {entries} mục, {heads} bản niêm phong, được chứng minh đến {at}.",
        "THE LEDGER IS SOUND: {entries} entries, {heads} heads, proven up to {at}.",
    ),
    TAMPERED: ("SỔ CÁI ĐÃ BỊ CAN THIỆP.", "THE LEDGER WAS TAMPERED WITH."),
    DOUBTFUL: (
        "KHÔNG THẤY DẤU HIỆU CAN THIỆP, NHƯNG CHƯA ĐỦ BẰNG CHỨNG: {entries} mục, {heads} bản niêm phong.",
        "NO SIGN OF TAMPERING, BUT NOT ENOUGH PROOF: {entries} entries, {heads} heads.",
    ),
}


def options(parser: argparse.ArgumentParser) -> None:
    """The command's arguments, for whichever program it is part of."""
    parser.add_argument(
        "export", nargs="+", type=Path, metavar="EXPORT", help="bản xuất sổ cái / the export: files or a folder"
    )
    parser.add_argument(
        "--kept",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="bản niêm phong hoặc bản xuất cũ đã lưu / heads, or an older export, that you kept; repeatable",
    )
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        type=Path,
        metavar="PEM",
        help="chứng thư gốc của con dấu và dấu thời gian / roots of seal and time stamps; repeatable",
    )
    parser.add_argument("--sealer", metavar="NAME", help="tên cơ quan niêm phong / the agency that has to have sealed")
    parser.add_argument("--json", action="store_true", help="một đối tượng JSON mỗi dòng / one JSON object a line")


def run(chosen: argparse.Namespace) -> int:
    """0: sound; 1: tampered with; 2: wrong use or unreadable; 3: no sign of tampering, but not enough to prove it."""
    roots: list[bytes] = []
    for path in chosen.trust:
        found = _roots(path)
        if not found:
            return _complain(f"{path}: không phải chứng thư / holds no certificate")
        roots += found
    try:
        export = read_export(chosen.export)
        others = [read_export([path], origin="kept") for path in chosen.kept]
        kept = [head for each in others for head in each.heads]
        older = [each for each in others if next(each.entries(), None)]
        result = checking.check(export, kept, older, Believed(tuple(roots), chosen.sealer))
    except Unreadable as error:
        vi, en = UNREADABLE[error.code]
        return _complain(f"{error.file}:{error.line}: {vi}\n{error.file}:{error.line}: {en} ({error.code})")
    code = EXIT.get(result.weight, SOUND) if result.weight else SOUND
    for line in _json_lines(result, code) if chosen.json else _lines(result, code):
        print(line)
    return code


def _roots(path: Path) -> list[bytes]:
    try:
        return certificates_in(path.read_bytes())
    except OSError:
        return []


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return WRONG_USE


def _summary(result: Result, code: int) -> dict[str, Any]:
    newest = result.newest
    values = {"entries": result.entries, "heads": result.heads, "at": printed(newest.at) if newest else "-"}
    vi, en = (text.format(**values) for text in VERDICTS[code])
    return {
        "result": {SOUND: "sound", TAMPERED: "tampered", DOUBTFUL: "doubtful"}[code],
        "entries": result.entries,
        "heads": result.heads,
        "kept": result.kept,
        "proven_size": newest.said.size if newest else 0,
        "proven_at": newest.at.isoformat() if newest else None,
        "log_id": newest.said.log_id if newest else None,
        "vi": vi,
        "en": en,
    }


def _json_lines(result: Result, code: int) -> list[str]:
    values = [_summary(result, code), *(finding.to_json() for finding in result.findings)]
    return [json.dumps(value, ensure_ascii=False) for value in values]


def _lines(result: Result, code: int) -> list[str]:
    said = _summary(result, code)
    found = [said["vi"], said["en"]]
    for weight in Weight:
        for each in result.findings:
            if each.weight is weight:
                mark = {Weight.TAMPERED: "!!", Weight.DOUBT: " ?", Weight.NOTE: "  "}[weight]
                found += [f"{mark} {each.vi}", f"   {each.en} ({each.code})"]
    return found


def main(arguments: Sequence[str] | None = None, *, program: str = "vanthu-verify-ledger") -> int:
    parser = argparse.ArgumentParser(
        prog=program, description="Kiểm tra sổ cái, ngoại tuyến. / Check the ledger, offline."
    )
    options(parser)
    return run(parser.parse_args(arguments))
