"""`python -m vanthu_verify.package PACKAGE.zip…`: says what of a package is missing or changed; no service runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vanthu_verify import engine
from vanthu_verify.bounded import Failure, Worker
from vanthu_verify.command import certificates_in
from vanthu_verify.ledger.findings import Weight
from vanthu_verify.ledger.seals import Believed
from vanthu_verify.package import checking
from vanthu_verify.package.checking import Result
from vanthu_verify.report import ValidationReport

SOUND, TAMPERED, WRONG_USE, DOUBTFUL = 0, 1, 2, 3
EXIT = {Weight.TAMPERED: TAMPERED, Weight.DOUBT: DOUBTFUL}
VERDICTS = {
    SOUND: ("GÓI NGUYÊN VẸN", "THE PACKAGE IS SOUND"),
    TAMPERED: ("GÓI ĐÃ BỊ SỬA HOẶC THIẾU", "THE PACKAGE WAS CHANGED OR IS INCOMPLETE"),
    DOUBTFUL: ("KHÔNG THẤY DẤU HIỆU SỬA, NHƯNG CHƯA ĐỦ BẰNG CHỨNG", "NO SIGN OF CHANGE, BUT NOT ENOUGH PROOF"),
}
_MARKS = {Weight.TAMPERED: "!!", Weight.DOUBT: " ?", Weight.NOTE: "  "}


def _validate(path: Path, *, roots: tuple[bytes, ...]) -> ValidationReport | Failure:
    """In the worker."""
    try:
        return engine.validate(path.read_bytes(), engine.Trust(roots))
    except engine.NotPdf as error:
        return Failure(error.code)


def lines(path: Path, result: Result, code: int, *, as_json: bool) -> list[str]:
    vi, en = VERDICTS[code]
    counts = {"files": result.files, "pdfs": result.pdfs, "entries": result.entries}
    if as_json:
        whole = {"file": str(path), "result": en, "title": result.title, **counts}
        return [json.dumps(whole | {"findings": [each.to_json() for each in result.findings]}, ensure_ascii=False)]
    about = f"{result.files} tệp, {result.pdfs} PDF, {result.entries} mục sổ cái"
    found = [f"{path}: {vi} ({about})", f"  {en} ({result.files} files, {result.pdfs} PDFs, {result.entries} entries)"]
    for weight in Weight:
        for each in result.findings:
            if each.weight is weight:
                found += [f"{_MARKS[weight]} {each.vi}", f"   {each.en} ({each.code})"]
    return found


def main(arguments: Sequence[str] | None = None, *, program: str = "vanthu-verify-package") -> int:
    """0: sound; 1: changed or incomplete; 2: wrong use; 3: no sign of change, but not enough to prove it."""
    parser = argparse.ArgumentParser(
        prog=program, description="Kiểm tra gói hồ sơ, ngoại tuyến. / Check a work file's package, offline."
    )
    parser.add_argument("packages", nargs="+", type=Path, metavar="PACKAGE", help="gói ZIP / the ZIP")
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        type=Path,
        metavar="PEM",
        help="chứng thư gốc / trusted root; repeatable",
    )
    parser.add_argument("--json", action="store_true", help="một đối tượng JSON mỗi gói / one JSON object a package")
    chosen = parser.parse_args(arguments)
    roots: list[bytes] = []
    for path in chosen.trust:
        try:
            found = certificates_in(path.read_bytes())
        except OSError:
            found = []
        if not found:
            print(f"{path}: không phải chứng thư / holds no certificate", file=sys.stderr)
            return WRONG_USE
        roots += found
    worker = Worker(partial(_validate, roots=tuple(roots)))
    codes = []
    try:
        for path in chosen.packages:
            result = checking.check(path, worker.run, Believed(tuple(roots)))
            code = EXIT.get(result.weight, SOUND) if result.weight else SOUND
            codes.append(code)
            for line in lines(path, result, code, as_json=chosen.json):
                print(line, flush=True)
    finally:
        worker.close()
    return next((code for code in (TAMPERED, DOUBTFUL) if code in codes), SOUND)
