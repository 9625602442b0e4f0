"""The report in words: one sentence for the whole file, Vietnamese first, from stable codes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from vanthu_verify.report import Indication, Sentence, SignatureReport, ValidationReport

_VIETNAM = timezone(timedelta(hours=7))

REASONS = {
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
    "unsupported_algorithm": Sentence(
        vi="có chữ ký dùng thuật toán không kiểm tra được", en="a signature's algorithm can't be checked here"
    ),
    "unreadable_signature": Sentence(
        vi="có chữ ký hỏng cấu trúc, không đọc được", en="it carries a malformed signature that can't be read"
    ),
    "several_signers": Sentence(
        vi="một ô chữ ký chứa chữ ký của nhiều người, trái quy cách",
        en="one signature field holds the signatures of several signers, which is not allowed",
    ),
    "partial_coverage": Sentence(
        vi="chữ ký không bao trùm toàn bộ phiên bản đã ký", en="the signature does not cover its whole revision"
    ),
    "signature_removed": Sentence(
        vi="một chữ ký đã bị gỡ khỏi văn bản", en="a signature was taken out of the document"
    ),
    "not_in_signed_revision": Sentence(
        vi="chữ ký không thuộc phiên bản mà nó ký", en="the signature is not part of the revision that it signs"
    ),
    "algorithm_mismatch": Sentence(
        vi="các thuật toán trong chữ ký không khớp nhau", en="the signature's algorithms contradict each other"
    ),
    "attributes_not_in_order": Sentence(
        vi="chữ ký không đúng quy cách", en="the signature is not encoded as it must be"
    ),
    "certificate_reference_differs": Sentence(
        vi="chữ ký nêu một chứng thư khác", en="the signature refers to another certificate"
    ),
    "certificate_missing": Sentence(vi="không có chứng thư của người ký", en="the signer's certificate is missing"),
    "not_trusted": Sentence(
        vi="chứng thư không dẫn đến gốc được tin cậy", en="the certificate does not lead to a trusted root"
    ),
    "wrong_usage": Sentence(vi="chứng thư không dùng để ký", en="the certificate is not meant for this use"),
    "issuer_not_authority": Sentence(
        vi="chứng thư do người không có quyền cấp", en="the certificate was issued by somebody who is no authority"
    ),
    "weak_algorithm": Sentence(
        vi="thuật toán hoặc khóa không còn đủ an toàn", en="an algorithm or key is no longer strong enough"
    ),
    "revoked": Sentence(vi="chứng thư đã bị thu hồi", en="the certificate was revoked"),
    "revocation_unknown": Sentence(
        vi="không kiểm tra được trạng thái thu hồi của chứng thư",
        en="the certificate's revocation status could not be checked",
    ),
    "expired": Sentence(vi="chứng thư không trong thời hạn hiệu lực", en="the certificate was not in its validity"),
    "signed_later": Sentence(
        vi="dấu thời gian sau thời điểm kiểm tra", en="a time stamp is later than the time of validation"
    ),
    "no_signature": Sentence(vi="văn bản không có chữ ký số", en="the document carries no signature"),
    "time_stamps_only": Sentence(
        vi="văn bản chỉ có dấu thời gian, không có chữ ký", en="the document carries time stamps only, no signature"
    ),
    "person_missing": Sentence(
        vi="thiếu chữ ký hợp lệ của người có thẩm quyền", en="a valid signature of the person in charge is missing"
    ),
    "agency_missing": Sentence(vi="thiếu chữ ký hợp lệ của cơ quan", en="a valid signature of the agency is missing"),
    "level_too_low": Sentence(
        vi="chữ ký chưa có dấu thời gian lưu trữ", en="a signature does not have the level that is asked for"
    ),
    "encrypted": Sentence(
        vi="tệp PDF bị mã hóa nên không kiểm tra được chữ ký",
        en="the PDF is encrypted, so its signatures can't be checked",
    ),
    "damaged": Sentence(vi="tệp PDF hỏng, không đọc được", en="the PDF is damaged and can't be read"),
}
# Codes that differ for an expert only.
_ALIKE = {
    "unreadable_signature": ("no_signature_value", "no_dictionary", "message_digest_missing", "content_type_differs"),
    "partial_coverage": ("no_byte_range", "byte_range_beyond_file", "signed_revision_unreadable"),
    "attributes_not_in_order": ("content_enclosed",),
    "not_trusted": ("extension_unknown", "path_too_long", "name_not_permitted"),
}
REASONS |= {code: REASONS[known] for known, codes in _ALIKE.items() for code in codes}
_OTHER = Sentence(vi="chưa đủ căn cứ để kết luận", en="there is not enough evidence to conclude")
_ASK = Sentence(vi="hãy kiểm tra lại sau hoặc hỏi nơi gửi", en="check again later or ask the sender")
_ASK_SIGNED = Sentence(vi="hãy hỏi nơi gửi bản đã ký số", en="ask the sender for the signed document")
# What no waiting mends.
_TO_DO = {
    "no_signature": _ASK_SIGNED,
    "time_stamps_only": _ASK_SIGNED,
    "encrypted": Sentence(
        vi="hãy xin bản không đặt mật khẩu, hoặc kiểm tra trên máy bằng vanthu-sign verify --password",
        en="ask for one without a password, or validate it here with vanthu-sign verify --password",
    ),
    "damaged": Sentence(vi="hãy xin lại tệp", en="ask for the file again"),
}
CHANGES = {
    "form_filled": Sentence(vi="điền ô", en="field filled"),
    "signature": Sentence(vi="ký thêm", en="signed"),
    "signature_field_added": Sentence(vi="thêm ô chữ ký", en="signature field added"),
    "document_time_stamp": Sentence(vi="dấu thời gian", en="document time stamp"),
    "validation_data": Sentence(vi="dữ liệu kiểm tra", en="validation data"),
    "metadata": Sentence(vi="siêu dữ liệu", en="metadata"),
    "structure": Sentence(vi="cấu trúc", en="structure"),
    "extensions": Sentence(vi="khai báo mở rộng", en="extensions"),
    "certification": Sentence(vi="chứng nhận", en="certification"),
    "annotation_added": Sentence(vi="thêm chú thích", en="annotation added"),
    "annotation_changed": Sentence(vi="sửa chú thích", en="annotation changed"),
    "annotation_removed": Sentence(vi="xóa chú thích", en="annotation removed"),
    "appearance_changed": Sentence(vi="đổi hình hiển thị", en="appearance changed"),
    "content": Sentence(vi="đổi nội dung", en="content changed"),
    "pages": Sentence(vi="đổi trang", en="pages changed"),
}


def concluded(report: ValidationReport) -> ValidationReport:
    """The report with its sentence."""
    return replace(report, sentence=_sentence(report))


def _sentence(report: ValidationReport) -> Sentence:
    if report.indication is Indication.PASSED:
        return _passed([s for s in report.signatures if s.kind == "signature"], _vouched_by_nobody(report))
    objected = [s for s in report.signatures if s.indication is not Indication.PASSED]
    worst = next((s for s in objected if s.indication is report.indication), objected[0] if objected else None)
    codes = (*(worst.reasons if worst else ()), *report.problems)
    known = next((REASONS[code] for code in codes if code in REASONS), _OTHER)
    if report.indication is Indication.FAILED:
        return Sentence(
            vi=f"Văn bản không hợp lệ: {known.vi}; không sử dụng và hãy báo lại nơi gửi.",
            en=f"The document is not valid: {known.en}; do not use it and tell the sender.",
        )
    todo = next((_TO_DO[code] for code in codes if code in _TO_DO), _ASK)
    return Sentence(
        vi=f"Chưa xác định được văn bản có hợp lệ không: {known.vi}; {todo.vi}.",
        en=f"It can't be told whether the document is valid: {known.en}; {todo.en}.",
    )


def _vouched_by_nobody(report: ValidationReport) -> int:
    """How many fields were filled in, as is permitted, after the last signature or time stamp."""
    last = report.revisions[-1].changes if report.revisions else ()
    if any(change.what in ("signature", "document_time_stamp") for change in last):
        return 0
    return len({change.field for change in last if change.what == "form_filled"})


def _passed(signers: list[SignatureReport], filled: int) -> Sentence:
    names = "; ".join(
        f"{s.signer.name}, {printed_time(at)}" for s in signers if s.signer and (at := s.time or s.claimed_time)
    )
    if filled:
        return Sentence(
            vi=f"{len(signers)} chữ ký hợp lệ ({names}); nhưng {filled} ô được điền sau chữ ký cuối cùng, không chữ ký nào bảo đảm.",
            en=f"{len(signers)} signature(s) are valid ({names}); but {filled} field(s) were filled in after the last one, vouched for by no signature.",
        )
    return Sentence(
        vi=f"Văn bản nguyên vẹn, {len(signers)} chữ ký hợp lệ ({names}).",
        en=f"The document is intact and its {len(signers)} signature(s) are valid ({names}).",
    )


def printed_time(at: datetime) -> str:
    """Vietnamese time, the way the decree prints a signing time."""
    return at.astimezone(_VIETNAM).strftime("%d/%m/%Y %H:%M:%S")
