"""`python -m vanthu_verify.receipt RECEIPT [PDF…]`: proves a delivery from the receiver's receipt alone; no service runs.

A receipt is one JSON file: the text that the receiving agency sealed, and its seal, CMS over that text.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vanthu_verify import certificates, paths, signed_data
from vanthu_verify.algorithms import Unsupported, finished, hasher
from vanthu_verify.certificates import Certificate
from vanthu_verify.command import certificates_in
from vanthu_verify.paths import Anchors, Pool
from vanthu_verify.signed_data import Malformed, Signed

FORM = "vanthu receipt 1"
PROVEN, BROKEN, WRONG_USE, DOUBTFUL = 0, 1, 2, 3
MAX_RECEIPT = 1_000_000  # bytes
KINDS = {"arrived": ("đã đến", "arrived"), "registered": ("đã vào sổ", "registered")}
SENTENCES: dict[str, tuple[str, str]] = {
    "not_a_receipt": ("Tệp này không phải biên nhận.", "This file is no receipt."),
    "seal_broken": (
        "Dấu không khớp nội dung: biên nhận đã bị sửa.",
        "The seal does not hold: the receipt was changed.",
    ),
    "signer_untrusted": (
        "Chứng thư của con dấu không dẫn tới gốc tin cậy.",
        "No path leads from the seal's certificate to a trusted root.",
    ),
    "nobody_trusted": (
        "Chưa chỉ ra gốc tin cậy (--trust) nên chưa biết dấu là của ai.",
        "No root was given (--trust), so nobody vouches for the seal.",
    ),
    "agency_other": ("Dấu mang tên khác nơi nhận.", "The seal bears another name than the receiver's."),
    "no_stamp": ("Chưa có dấu thời gian.", "There is no time stamp yet."),
    "stamp_broken": ("Dấu thời gian không khớp hoặc không tin cậy.", "The time stamp does not hold or is not trusted."),
    "file_not_in_receipt": ("Tệp này không có trong biên nhận.", "This file is not the one of the receipt."),
}
GRAVE = frozenset({"not_a_receipt", "seal_broken", "signer_untrusted", "stamp_broken", "file_not_in_receipt"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a receipt proves: its words, what is wrong with it (code and which), and when it was proven to exist."""

    said: dict[str, Any]
    problems: tuple[tuple[str, str], ...]
    signer: str = ""
    proven: datetime | None = None

    @property
    def code(self) -> int:
        if any(code in GRAVE for code, _ in self.problems):
            return BROKEN
        return DOUBTFUL if self.problems else PROVEN


def check(receipt: bytes, files: Sequence[tuple[str, bytes]] = (), roots: Sequence[bytes] = ()) -> Verdict:
    """1. It is a receipt in its one form. 2. The seal holds over just this text. 3. It is under a trusted root and in the
    receiver's name. 4. The time stamp is over just this seal, from a trusted authority. 5. The files are those named.
    `roots` are DER; `files` are names with bytes.
    """
    try:  # 1
        outer = json.loads(receipt)
        text, signature = outer["text"].encode(), base64.b64decode(outer["signature"], validate=True)
        first, _, body = text.decode().partition("\n")
        said = json.loads(body)
        named = {each["sha256"] for each in said["files"]}
        receiver = str(said["receiver"]["name"])
        same = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
        signed = signed_data.parse(signature)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Malformed, Unsupported):
        return Verdict({}, (("not_a_receipt", ""),))
    if (first, body) != (FORM, same):
        return Verdict({}, (("not_a_receipt", ""),))
    signer = signed_data.signer_of(signed, [])
    held = signed_data.check(signed, signer, _digests(text))  # 2
    if held.intact is not True or signer is None or held.failure:
        return Verdict(said, (("seal_broken", ""),))
    found: list[tuple[str, str]] = []
    proven = _proven(signed, roots, found)  # 4
    name = _name(signer)
    if not roots:  # 3
        found.append(("nobody_trusted", name))
    elif not _trusted(signer, signed.certificates, roots, proven or _time(said)):
        found.append(("signer_untrusted", name))
    if receiver.casefold() not in str(signer.asn1.subject.human_friendly).casefold():
        found.append(("agency_other", name))
    found += [("file_not_in_receipt", n) for n, data in files if hashlib.sha256(data).hexdigest() not in named]  # 5
    return Verdict(said, tuple(found), name, proven)


def _proven(signed: Signed, roots: Sequence[bytes], found: list[tuple[str, str]]) -> datetime | None:
    """The time stamp's time; what is wrong with it goes into `found`."""
    times = []
    for encoded in signed.stamps:
        try:
            stamp = signed_data.parse_stamp(encoded)
        except (Malformed, Unsupported) as error:
            found.append(("stamp_broken", str(error)))
            continue
        by = signed_data.signer_of(stamp.signed, signed.certificates)
        held = signed_data.check(stamp.signed, by, _digests(stamp.signed.content or b""))
        fits = _digests(signed.signature)(stamp.digest) == stamp.imprint and held.intact is True and not held.failure
        if not fits or by is None or "time_stamping" not in (by.extended_usage or ()):
            found.append(("stamp_broken", ""))
        elif roots and not _trusted(by, [*stamp.signed.certificates, *signed.certificates], roots, stamp.time):
            found.append(("stamp_broken", _name(by)))
        else:
            times.append(stamp.time)
    if not signed.stamps:
        found.append(("no_stamp", ""))
    return min(times, default=None)


def _trusted(of: Certificate, others: Sequence[Certificate], roots: Sequence[bytes], at: datetime) -> bool:
    """Whether a path leads to a root at that time. Without the network nobody says whether it was revoked."""
    pool = Pool()
    pool.add(list(others))
    built = paths.build(of, Anchors.of(tuple(roots)), pool)
    return any(paths.check(path, at) is None for path in built)


def _time(said: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(str(said["at"]))


def _digests(content: bytes) -> Callable[[str], bytes]:
    def digest_of(name: str) -> bytes:
        made = hasher(name)
        made.update(content)
        return finished(made)

    return digest_of


def _name(certificate: Certificate) -> str:
    subject = certificate.asn1.subject
    return certificates.named(subject, "common_name") or certificates.named(subject, "organization_name") or "?"


def lines(verdict: Verdict) -> list[str]:
    """For people, in both languages."""
    said, found = verdict.said, []
    if said:
        kind_vi, kind_en = KINDS.get(str(said.get("kind")), (str(said.get("kind")),) * 2)
        number = said.get("arrival_number")
        found.append(
            f"{said['receiver']['name']}: {said.get('number_symbol') or '-'} {kind_vi} lúc {said['at']}"
            + (f", số đến {number}" if number else "")
        )
        found.append(
            f"{said['receiver']['name']}: {said.get('number_symbol') or '-'} {kind_en} at {said['at']}"
            + (f", arrival number {number}" if number else "")
        )
        found += [f"  {each['sha256']}  {each['filename']}" for each in said["files"]]
    if verdict.signer:
        found.append(f"  {verdict.signer}" + (f" · {verdict.proven.isoformat()}" if verdict.proven else ""))
    for code, which in verdict.problems:
        vi, en = SENTENCES[code]
        where = f" ({which})" if which else ""
        found += [f"!! {vi}{where}", f"   {en}{where} [{code}]"]
    end = {
        PROVEN: ("BIÊN NHẬN ĐÚNG.", "THE RECEIPT HOLDS."),
        BROKEN: ("BIÊN NHẬN KHÔNG DÙNG ĐƯỢC.", "THE RECEIPT DOES NOT HOLD."),
    }
    return [*found, *end.get(verdict.code, ("CHƯA ĐỦ CĂN CỨ.", "NOT ENOUGH TO GO BY."))]


def main(arguments: Sequence[str] | None = None) -> int:
    """0: it proves the delivery; 1: it does not; 2: wrong use; 3: something is missing, such as whom to believe."""
    parser = argparse.ArgumentParser(
        prog="vanthu-verify-receipt", description="Kiểm tra biên nhận, ngoại tuyến. / Check a receipt, offline."
    )
    parser.add_argument("receipt", type=Path, metavar="RECEIPT", help="biên nhận (.json) / the receipt")
    parser.add_argument("file", nargs="*", type=Path, metavar="FILE", help="tệp đã gửi / files that were sent")
    parser.add_argument("--trust", action="append", default=[], type=Path, metavar="PEM", help="chứng thư gốc / roots")
    chosen = parser.parse_args(arguments)
    try:
        roots = [each for path in chosen.trust for each in certificates_in(path.read_bytes())]
        files = [(path.name, path.read_bytes()) for path in chosen.file]
        with chosen.receipt.open("rb") as file:
            receipt = file.read(MAX_RECEIPT)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return WRONG_USE
    if chosen.trust and not roots:
        print("không có chứng thư gốc / no certificate in --trust", file=sys.stderr)
        return WRONG_USE
    verdict = check(receipt, files, roots)
    for line in lines(verdict):
        print(line)
    return verdict.code


if __name__ == "__main__":
    sys.exit(main())
