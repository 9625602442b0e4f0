"""What a validation says: the words of ETSI EN 319 102-1 and one plain sentence in each language first."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.signing.appearance import printed_time
from services.signing.pdf_extend import Level
from shared.errors import Sentence


class Indication(StrEnum):
    """EN 319 102-1, clause 5.1.2."""

    PASSED = "TOTAL_PASSED"
    INDETERMINATE = "INDETERMINATE"
    FAILED = "TOTAL_FAILED"


class Modification(StrEnum):
    """What was added after a signature: nothing, validation data, form filling, annotations, or something else."""

    NONE = "NONE"
    LTA_UPDATES = "LTA_UPDATES"
    FORM_FILLING = "FORM_FILLING"
    ANNOTATIONS = "ANNOTATIONS"
    FORBIDDEN = "FORBIDDEN"


@dataclass(frozen=True, slots=True)
class Signer:
    """Whom the certificate names, without identity numbers (TT 15/2025: issuer, signer, unit, validity)."""

    name: str
    organisation: str
    issuer: str
    serial: str
    sha256: str
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One filled signature field, time stamps included. `reasons` are stable codes, empty when all is well.

    `intact` says whether digest and signature value verify, whoever the signer is; None when that can't be told.
    `time` is the proven time (time stamp) and `claimed_time` what the signer wrote; `coverage` is
    "ENTIRE_FILE", "ENTIRE_REVISION", "CONTIGUOUS_BLOCK_FROM_START" or "UNCLEAR".
    """

    field: str
    kind: str
    indication: Indication
    subindication: str | None
    reasons: tuple[str, ...]
    intact: bool | None = None
    level: Level | None = None
    signer: Signer | None = None
    time: datetime | None = None
    claimed_time: datetime | None = None
    modification: Modification | None = None
    changed_fields: tuple[str, ...] = ()
    coverage: str = "UNCLEAR"


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The whole document. `problems` are stable codes about the file as such."""

    sentence: Sentence
    indication: Indication
    subindication: str | None
    document_sha256: str
    validated_at: datetime
    signatures: tuple[SignatureReport, ...] = ()
    problems: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """JSON values only; times in ISO 8601 with offset."""
        value: dict[str, Any] = _plain(asdict(self))
        return value


def conclude(
    signatures: tuple[SignatureReport, ...], problems: tuple[str, ...], *, sha256: str, at: datetime
) -> ValidationReport:
    """The verdict on the document: the worst of its parts, and a sentence that says which."""
    worst = _worst(signatures)
    indication = worst.indication if worst else Indication.INDETERMINATE
    subindication = worst.subindication if worst else "SIGNED_DATA_NOT_FOUND"
    if problems and indication is Indication.PASSED:
        indication, subindication = Indication.FAILED, "FORMAT_FAILURE"
    return ValidationReport(
        sentence=_sentence(indication, signatures, problems, worst),
        indication=indication,
        subindication=subindication,
        document_sha256=sha256,
        validated_at=at,
        signatures=signatures,
        problems=problems,
    )


def _worst(signatures: tuple[SignatureReport, ...]) -> SignatureReport | None:
    order = (Indication.FAILED, Indication.INDETERMINATE, Indication.PASSED)
    return min(signatures, key=lambda s: order.index(s.indication), default=None)


_REASONS = {
    "forbidden_modification": Sentence(
        vi="văn bản bị sửa đổi sau khi ký theo cách không được phép",
        en="the document was changed after signing in a way that is not permitted",
    ),
    "integrity_broken": Sentence(
        vi="nội dung không còn khớp với chữ ký", en="the content no longer matches the signature"
    ),
    "trailing_bytes": Sentence(
        vi="sau phần đã ký có dữ liệu lạ không thuộc phiên bản nào",
        en="foreign bytes that belong to no revision follow the signed part",
    ),
    "unsupported_signature": Sentence(
        vi="có chữ ký kiểu cũ không kiểm tra được", en="it carries a signature of a kind that can't be checked"
    ),
    "unreadable_signature": Sentence(
        vi="có chữ ký hỏng cấu trúc, không đọc được", en="it carries a malformed signature that can't be read"
    ),
    "partial_coverage": Sentence(
        vi="chữ ký không bao trùm toàn bộ phiên bản đã ký", en="the signature does not cover its whole revision"
    ),
    "not_trusted": Sentence(
        vi="chứng thư không dẫn đến gốc được tin cậy", en="the certificate does not lead to a trusted root"
    ),
    "revoked": Sentence(vi="chứng thư đã bị thu hồi", en="the certificate was revoked"),
    "revocation_unknown": Sentence(
        vi="không kiểm tra được trạng thái thu hồi của chứng thư",
        en="the certificate's revocation status could not be checked",
    ),
    "expired": Sentence(vi="chứng thư không trong thời hạn hiệu lực", en="the certificate was not in its validity"),
    "no_signature": Sentence(vi="văn bản không có chữ ký số", en="the document carries no signature"),
    "encrypted": Sentence(
        vi="tệp PDF bị mã hóa nên không kiểm tra được chữ ký",
        en="the PDF is encrypted, so its signatures can't be checked",
    ),
    "damaged": Sentence(vi="tệp PDF hỏng, không đọc được", en="the PDF is damaged and can't be read"),
}
_OTHER = Sentence(vi="chưa đủ căn cứ để kết luận", en="there is not enough evidence to conclude")


def _sentence(
    indication: Indication,
    signatures: tuple[SignatureReport, ...],
    problems: tuple[str, ...],
    worst: SignatureReport | None,
) -> Sentence:
    if indication is Indication.PASSED:
        return _passed([s for s in signatures if s.kind == "signature"])
    reasons = (*(worst.reasons if worst else ()), *problems)
    known = next((_REASONS[r] for r in reasons if r in _REASONS), _OTHER)
    if indication is Indication.FAILED:
        return Sentence(
            vi=f"Văn bản không hợp lệ: {known.vi}; không sử dụng và hãy báo lại nơi gửi.",
            en=f"The document is not valid: {known.en}; do not use it and tell the sender.",
        )
    return Sentence(
        vi=f"Chưa xác định được văn bản có hợp lệ không: {known.vi}; hãy kiểm tra lại sau hoặc hỏi nơi gửi.",
        en=f"It can't be told whether the document is valid: {known.en}; check again later or ask the sender.",
    )


def _passed(signers: list[SignatureReport]) -> Sentence:
    names = "; ".join(
        f"{s.signer.name}, {printed_time(s.time or s.claimed_time)}"  # type: ignore[arg-type]
        for s in signers
        if s.signer and (s.time or s.claimed_time)
    )
    return Sentence(
        vi=f"Văn bản nguyên vẹn, {len(signers)} chữ ký hợp lệ ({names}).",
        en=f"The document is intact and its {len(signers)} signature(s) are valid ({names}).",
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value
