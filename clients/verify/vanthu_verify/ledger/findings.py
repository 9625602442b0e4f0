"""What the ledger's verifier finds: stable codes with their weight, and the sentences for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Weight(StrEnum):
    """How much a finding says. TAMPERED: somebody changed something; DOUBT: nothing proves that nobody did."""

    TAMPERED = "tampered"
    DOUBT = "doubt"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`positions` are entries; `size` names the head that it is about."""

    code: str
    positions: tuple[int, ...] = ()
    size: int | None = None
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def weight(self) -> Weight:
        return SENTENCES[self.code][0]

    @property
    def vi(self) -> str:
        return self._said(1)

    @property
    def en(self) -> str:
        return self._said(2)

    def _said(self, language: int) -> str:
        values = {"size": self.size, "at": "", "what": "", "why": "", "name": ""} | self.values
        return str(SENTENCES[self.code][language]).format(positions=spans(self.positions), **values)

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "weight": self.weight.value,
            "positions": list(self.positions),
            "size": self.size,
            "vi": self.vi,
            "en": self.en,
        }


def spans(positions: tuple[int, ...]) -> str:
    """3, 5–9"""
    found: list[list[int]] = []
    for each in sorted(set(positions)):
        if found and each == found[-1][1] + 1:
            found[-1][1] = each
        else:
            found.append([each, each])
    return ", ".join(str(low) if low == high else f"{low}–{high}" for low, high in found)


_T, _D, _N = Weight.TAMPERED, Weight.DOUBT, Weight.NOTE
SENTENCES: dict[str, tuple[Weight, str, str]] = {
    "entry_changed": (
        _T,
        "Mục {positions} đã bị sửa{what}.",
        "Entry {positions} was changed{what}.",
    ),
    "entry_changed_among": (
        _T,
        "Trong các mục {positions} có mục đã bị sửa, và mã băm của nó đã bị tính lại.",
        "One of the entries {positions} was changed, and its leaf hash recomputed.",
    ),
    "entry_removed": (
        _T,
        "Mục {positions} đã bị xóa{what}.",
        "Entry {positions} was removed{what}.",
    ),
    "entry_inserted": (
        _T,
        "Mục {positions} đã bị chèn thêm{what}.",
        "Entry {positions} was inserted{what}.",
    ),
    "entries_reordered": (
        _T,
        "Thứ tự các mục {positions} đã bị đổi{what}.",
        "Entries {positions} were re-ordered{what}.",
    ),
    "sequence_gap": (
        _T,
        "Trước mục {positions} thiếu ít nhất một việc của cùng đối tượng ({what}).",
        "Before entry {positions} at least one act about the same thing is missing ({what}).",
    ),
    "tail_removed": (
        _T,
        "Sổ cái chỉ còn {what} mục, nhưng bản niêm phong lúc {at} xác nhận có {size} mục: các mục {positions} đã bị xóa.",
        "The ledger has {what} entries, but the head sealed at {at} proves {size}: entries {positions} were removed.",
    ),
    "rewritten": (
        _T,
        "Các mục đến {size} không còn đúng như lúc niêm phong {at}; thay đổi nằm trong khoảng mục {positions}.",
        "The entries up to {size} are no longer what was sealed at {at}; the change lies among entries {positions}.",
    ),
    "kept_head_differs": (
        _T,
        (
            "Bản niêm phong {size} mục lúc {at} mà nơi khác lưu giữ không khớp với sổ cái này: sổ đã bị viết lại; thay đổi nằm"
            " trong khoảng mục {positions}."
        ),
        (
            "The head over {size} entries of {at} that others kept contradicts this ledger: it was rewritten; the change lies"
            " among entries {positions}."
        ),
    ),
    "head_deleted": (
        _T,
        "Bản niêm phong {size} mục lúc {at} đã bị xóa khỏi sổ cái.",
        "The head over {size} entries of {at} was deleted from the ledger.",
    ),
    "head_replaced": (
        _T,
        "Bản niêm phong {size} mục lúc {at} không còn là bản đã được niêm phong: chữ ký hoặc dấu thời gian đã bị thay.",
        "The head over {size} entries of {at} is not the one that was sealed: its seal or time stamp was replaced.",
    ),
    "head_contradicts_itself": (
        _T,
        "Bản niêm phong {size} mục: số liệu ghi kèm không khớp với nội dung được ký.",
        "The head over {size} entries: what stands beside it contradicts what is signed.",
    ),
    "head_seal_broken": (
        _T,
        "Con dấu trên bản niêm phong {size} mục lúc {at} không khớp nội dung: bản này đã bị sửa sau khi đóng dấu ({why}).",
        "The seal on the head over {size} entries of {at} does not fit: it was changed after sealing ({why}).",
    ),
    "head_signer_untrusted": (
        _T,
        "Bản niêm phong {size} mục lúc {at} do “{name}” ký, không thuộc chứng thư gốc được tin cậy ({why}).",
        "The head over {size} entries of {at} is signed by “{name}”, who leads to no trusted root ({why}).",
    ),
    "head_signer_other": (
        _T,
        "Bản niêm phong {size} mục lúc {at} do “{name}” ký, không phải cơ quan niêm phong sổ cái.",
        "The head over {size} entries of {at} is signed by “{name}”, not by the agency that seals the ledger.",
    ),
    "head_signer_changed": (
        _D,
        "Bản niêm phong {size} mục lúc {at} do “{name}” ký, khác với các bản còn lại ({what}).",
        "The head over {size} entries of {at} is signed by “{name}”, unlike the others ({what}).",
    ),
    "head_stamp_broken": (
        _T,
        "Dấu thời gian trên bản niêm phong {size} mục lúc {at} không thuộc về chữ ký này ({why}).",
        "The time stamp on the head over {size} entries of {at} is not this signature's ({why}).",
    ),
    "head_stamp_untrusted": (
        _T,
        "Dấu thời gian trên bản niêm phong {size} mục lúc {at} do “{name}” cấp, không được tin cậy ({why}).",
        "The time stamp on the head over {size} entries of {at} is by “{name}”, who is not trusted ({why}).",
    ),
    "head_stamped_before": (
        _T,
        "Bản niêm phong {size} mục ghi lúc {at} nhưng dấu thời gian là {what}, sớm hơn.",
        "The head over {size} entries says {at}, but its time stamp is {what}, earlier.",
    ),
    "heads_out_of_order": (
        _T,
        "Bản niêm phong {size} mục lúc {at} ghi thời điểm không thể có so với các bản khác: {what}.",
        "The head over {size} entries of {at} can't have that time beside the others: {what}.",
    ),
    "other_log": (
        _T,
        "Bản niêm phong {size} mục lúc {at} thuộc một sổ cái khác ({what}): sổ đã bị thay bằng sổ mới.",
        "The head over {size} entries of {at} is of another log ({what}): the ledger was replaced.",
    ),
    "head_backdated": (
        _D,
        "Bản niêm phong {size} mục ghi lúc {at} nhưng chỉ được chứng minh từ {what}; có thể đã bị ghi lùi ngày.",
        "The head over {size} entries says {at} but is proven since {what} only; it may be back-dated.",
    ),
    "head_without_stamp": (
        _N,
        "Bản niêm phong {size} mục lúc {at} chưa có dấu thời gian.",
        "The head over {size} entries of {at} has no time stamp yet.",
    ),
    "head_without_seal": (
        _N,
        "Bản niêm phong {size} mục lúc {at} chưa được đóng dấu.",
        "The head over {size} entries of {at} is not sealed yet.",
    ),
    "heads_stale": (
        _D,
        (
            "Bản niêm phong mới nhất là lúc {at}, quá hai giờ trước khi xuất sổ: các bản mới hơn có thể đã bị xóa; hãy đối"
            " chiếu với bản do nơi khác lưu."
        ),
        (
            "The newest head is of {at}, more than two hours before the export: newer ones may have been deleted; compare with"
            " heads that others kept."
        ),
    ),
    "no_head": (
        _D,
        "Không có bản niêm phong nào: không có gì chứng minh nội dung sổ cái.",
        "There is no sealed head at all: nothing proves what stands here.",
    ),
    "no_trust": (
        _D,
        "Chưa cho chứng thư gốc được tin cậy (--trust): không biết con dấu và dấu thời gian là của ai.",
        "No trusted roots were given (--trust): whose seals and time stamps these are is not known.",
    ),
    "entry_from_future": (
        _D,
        "Mục {positions} ghi thời điểm {what}, muộn hơn bản niêm phong chứa nó ({at}).",
        "Entry {positions} says {what}, later than the head that covers it ({at}).",
    ),
    "entry_late": (
        _D,
        "Mục {positions} ghi thời điểm {what} nhưng chỉ vào sổ sau bản niêm phong lúc {at}; có thể đã bị ghi lùi ngày.",
        "Entry {positions} says {what} but entered the ledger after the head of {at}; it may be back-dated.",
    ),
    "entry_unreadable": (
        _N,
        "Mục {positions} không phải sự kiện đọc được; nó vẫn được niêm phong nguyên văn.",
        "Entry {positions} is no readable event; it is sealed byte for byte all the same.",
    ),
    "not_sealed_yet": (
        _N,
        "Các mục {positions} mới hơn bản niêm phong gần nhất nên chưa được chứng minh.",
        "Entries {positions} are newer than the newest head, so nothing proves them yet.",
    ),
}
