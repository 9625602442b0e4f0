"""`vanthu-sign verify`: validates files offline and says what stands, in words or as one JSON object a line."""

from __future__ import annotations

import argparse
import json
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

from asn1crypto import x509

from vanthu_verify import engine, policy
from vanthu_verify.bounded import Failure, Worker
from vanthu_verify.report import Indication, Link, Sentence, SignatureReport, ValidationReport
from vanthu_verify.wording import CHANGES, REASONS, printed_time

PASSED, NOT_PASSED, WRONG_USE = 0, 1, 2
_VIETNAM = timezone(timedelta(hours=7))
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
ERRORS = {
    "empty_file": Sentence("Tệp rỗng.", "The file is empty."),
    "not_a_pdf": Sentence("Tệp không phải PDF.", "The file is not a PDF."),
    "damaged": Sentence(
        "Tệp PDF hỏng, không đọc được; hãy xin lại tệp.", "The PDF is damaged and can't be read; ask for it again."
    ),
    "encrypted": Sentence(
        "Tệp PDF bị mã hóa; hãy cho mật khẩu bằng --password.",
        "The PDF is encrypted; give its password with --password.",
    ),
    "unreadable_file": Sentence("Không mở được tệp.", "The file can't be opened."),
    "too_slow": Sentence(
        "Kiểm tra tệp này quá 20 giây nên đã dừng.", "Validating this file took more than 20 seconds and was stopped."
    ),
    "too_large": Sentence(
        "Kiểm tra tệp này cần quá 512 MB nên đã dừng.", "Validating this file needs more than 512 MB and was stopped."
    ),
    "crashed": Sentence(
        "Chương trình kiểm tra dừng đột ngột với tệp này.", "The validator ended unexpectedly with this file."
    ),
}
_VERDICTS = {
    Indication.PASSED: Sentence("HỢP LỆ", "valid"),
    Indication.INDETERMINATE: Sentence("CHƯA XÁC ĐỊNH", "indeterminate"),
    Indication.FAILED: Sentence("KHÔNG HỢP LỆ", "not valid"),
}
_MODIFICATIONS = {
    "none": Sentence("không có gì thay đổi sau chữ ký", "nothing changed after it"),
    "permitted": Sentence("chỉ có bổ sung được phép", "permitted additions only"),
    "forbidden": Sentence("có sửa đổi không được phép", "changed in a way that is not permitted"),
}


def options(parser: argparse.ArgumentParser) -> None:
    """The command's arguments, for whichever program it is part of."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="tệp PDF / PDF files")
    parser.add_argument(
        "--trust",
        nargs="+",
        action="append",
        default=[],
        metavar="PEM",
        help="chứng thư gốc được tin cậy / trusted roots",
    )
    parser.add_argument(
        "--at", metavar="TIME", type=_time, help="kiểm tra tại thời điểm (ISO 8601) / validate at a past time"
    )
    parser.add_argument(
        "--policy", choices=policy.names(), default="default", help="chính sách kiểm tra / validation policy"
    )
    parser.add_argument("--password", default="", metavar="PW", help="mật khẩu mở tệp / password that opens the file")
    parser.add_argument("--json", action="store_true", help="một đối tượng JSON mỗi dòng / one JSON object a line")
    parser.add_argument("--report", action="store_true", help="báo cáo đầy đủ / the detailed report")


def _time(text: str) -> datetime:
    """A time without a zone is Vietnamese time; a date alone is the end of that day."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        said = f"{text!r}: hãy ghi như 2026-01-31 hoặc 2026-01-31T08:00 / write it as 2026-01-31 or 2026-01-31T08:00"
        raise argparse.ArgumentTypeError(said) from None
    if len(text.strip()) <= len("2026-01-31"):
        at = at.replace(hour=23, minute=59, second=59)
    return at if at.tzinfo else at.replace(tzinfo=_VIETNAM)


def run(chosen: argparse.Namespace) -> int:
    """Exit code 0 only when every file is TOTAL_PASSED; 2 for wrong use."""
    try:
        roots, files = _sorted_out(chosen.trust, [Path(p) for p in chosen.files])
    except ValueError as error:
        print(
            f"Không đọc được chứng thư gốc {error}; sau --trust hãy cho tệp PEM hoặc DER.\n"
            f"The trusted root {error} can't be read; give a PEM or DER file after --trust.",
            file=sys.stderr,
        )
        return WRONG_USE
    if not files:
        print("Cần ít nhất một tệp PDF.\nAt least one PDF file is needed.", file=sys.stderr)
        return WRONG_USE
    task = partial(_validate, roots=roots, at=chosen.at, policy_name=chosen.policy, password=chosen.password)
    worker, passed = Worker(task), True
    try:
        for path in files:
            result = worker.run(path)
            passed = passed and isinstance(result, ValidationReport) and result.indication is Indication.PASSED
            for line in _lines(path, result, chosen):
                print(line, flush=True)
    finally:
        worker.close()
    return PASSED if passed else NOT_PASSED


def _sorted_out(trust: list[list[str]], files: list[Path]) -> tuple[tuple[bytes, ...], list[Path]]:
    """Roots as DER, and the files. Of what stands behind one --trust the first is a root, or ValueError with its name;
    of the others what holds no certificate is a file, however broken.
    """
    roots: list[bytes] = []
    late = []
    for group in trust:
        for place, path in enumerate(map(Path, group)):
            found = _roots_of(path)
            roots += found
            if not found and place == 0:
                raise ValueError(str(path))
            if not found:
                late.append(path)
    return tuple(roots), [*files, *late]


def _roots_of(path: Path) -> list[bytes]:
    """None in what can't be read, in a PDF, and in anything that is no certificate."""
    try:
        content = path.read_bytes()
        if b"%PDF-" in content[:1024]:
            return []
        return [der for der in certificates_in(content) if x509.Certificate.load(der, strict=True).subject]
    except (OSError, ValueError, TypeError):
        return []


def certificates_in(content: bytes) -> list[bytes]:
    """The certificates of a PEM or DER file, as DER."""
    if content[:1] == b"\x30":
        return [content]
    blocks = content.decode("latin-1").split(_BEGIN)[1:]
    try:
        return [ssl.PEM_cert_to_DER_cert(_BEGIN + block.partition(_END)[0] + _END) for block in blocks]
    except ValueError:
        return []


def _validate(
    path: Path, *, roots: tuple[bytes, ...], at: datetime | None, policy_name: str, password: str
) -> ValidationReport | Failure:
    """In the worker."""
    try:
        return engine.validate(
            path.read_bytes(), engine.Trust(roots), at=at, policy_name=policy_name, password=password
        )
    except engine.NotPdf as error:
        return Failure(error.code)


def _lines(path: Path, result: ValidationReport | Failure, chosen: argparse.Namespace) -> list[str]:
    if chosen.json:
        value = summary(str(path), result)
        if chosen.report and isinstance(result, ValidationReport):
            value["report"] = result.to_json()
        return [json.dumps(value, ensure_ascii=False)]
    return [*said(str(path), result, detailed=chosen.report), ""]


@dataclass(frozen=True, slots=True)
class _Error:
    code: str

    def to_json(self) -> dict[str, str]:
        sentence = ERRORS.get(self.code, ERRORS["crashed"])
        return {"code": self.code, "vi": sentence.vi, "en": sentence.en}


def _error(result: ValidationReport | Failure) -> _Error | None:
    if isinstance(result, Failure):
        return _Error(result.code)
    # Signatures that could be judged though the document can't be read are a result; `problems` says the rest.
    return next((_Error(code) for code in result.problems if code in ERRORS and not result.signatures), None)


def summary(file: str, result: ValidationReport | Failure) -> dict[str, Any]:
    """One file as the JSON object of a line."""
    error = _error(result)
    value: dict[str, Any] = {
        "file": file,
        "indication": Indication.INDETERMINATE.value,
        "sub_indication": None,
        "signatures": [],
        "error": error.to_json() if error is not None else None,
        "timestamps": [],
    }
    if isinstance(result, ValidationReport):
        value["indication"], value["sub_indication"] = result.indication.value, result.subindication
        value["signatures"] = [_summed(s) for s in result.signatures if s.kind == "signature"]
        value["timestamps"] = [_summed(s) for s in result.signatures if s.kind != "signature"]
        value |= {"problems": list(result.problems), "policy": result.policy, "at": result.validated_at.isoformat()}
    elif result.code in ("empty_file", "not_a_pdf"):
        value["indication"], value["sub_indication"] = Indication.FAILED.value, "FORMAT_FAILURE"
    return value


def _summed(one: SignatureReport) -> dict[str, Any]:
    at = one.time or one.claimed_time
    return {
        "field": one.field,
        "level": short_level(one),
        "indication": one.indication.value,
        "sub_indication": one.subindication,
        "signer": one.signer.name if one.signer is not None else None,
        "signed_at": at.isoformat() if at is not None else None,
        "modifications": modifications(one),
        "sub_filter": one.sub_filter,
        "reasons": list(one.reasons),
    }


def short_level(one: SignatureReport) -> str | None:
    """B-B, B-T, B-LT, B-LTA; for what is no PAdES baseline the CMS form by its sub-filter, such as CMS-T."""
    return None if one.level is None else one.level.replace("PAdES-BASELINE-", "B-")


def modifications(one: SignatureReport) -> str:
    """What came after a signature, as one of "none", "permitted", "forbidden"."""
    kind = one.modification.value if one.modification is not None else "FORBIDDEN"
    return {"NONE": "none", "FORBIDDEN": "forbidden"}.get(kind, "permitted")


def said(file: str, result: ValidationReport | Failure, *, detailed: bool) -> list[str]:
    """One file in words: Vietnamese first."""
    error = _error(result)
    if error is not None or isinstance(result, Failure):
        told = (error or _Error("crashed")).to_json()
        return [f"{file}: {told['vi']}", f"  {told['en']} ({told['code']})"]
    found = [f"{file}: {result.sentence.vi}", f"  {result.sentence.en}"]
    for one in result.signatures:
        found += _said_of(one, detailed=detailed)
    for step in result.revisions if detailed else ():
        verdict = "được phép / allowed" if step.allowed else "không được phép / not allowed"
        found.append(f"  + {step.start}–{step.end}: {verdict}")
        for change in step.changes:
            words = CHANGES.get(change.what, Sentence(change.what, change.what))
            found.append(f"      {words.vi} / {words.en}: {change.where}")
    return found


def _said_of(one: SignatureReport, *, detailed: bool) -> list[str]:
    verdict = _VERDICTS[one.indication]
    name = one.signer.name if one.signer is not None else "?"
    at = one.time or one.claimed_time
    kind = "Chữ ký" if one.kind == "signature" else "Dấu thời gian"
    parts = [f"{kind} «{one.field}»", name, short_level(one) or "", printed_time(at) if at else ""]
    found = [f"  - {', '.join(part for part in parts if part)}: {verdict.vi} / {verdict.en}"]
    if one.subindication:
        words = next((REASONS[code] for code in one.reasons if code in REASONS), None)
        found.append(f"      {one.subindication}" + (f": {words.vi} / {words.en}" if words else ""))
    changed = _MODIFICATIONS[modifications(one)]
    found.append(f"      {changed.vi} / {changed.en}")
    return [*found, *_detail_of(one)] if detailed else found


def _detail_of(one: SignatureReport) -> list[str]:
    """Each building block with its outcome, and the chain with where its revocation data came from."""
    blocks = (
        f"      [{block.clause}] {block.name}: {block.outcome} {block.subindication or ''} {block.reason or ''}".rstrip()
        for block in one.blocks
    )
    return [*blocks, *map(_link, one.chain)]


def _link(one: Link) -> str:
    origin = f"{one.revocation} ({one.revocation_origin})" if one.revocation else "anchor" if one.anchor else "-"
    return f"      ↑ {one.name}, {one.valid_from:%d/%m/%Y}–{one.valid_to:%d/%m/%Y}: {origin}"


def main(arguments: Sequence[str] | None = None, *, program: str = "vanthu-verify") -> int:
    parser = argparse.ArgumentParser(prog=program, description="Kiểm tra chữ ký số PDF. / Validate signed PDFs.")
    options(parser)
    return run(parser.parse_args(arguments))
