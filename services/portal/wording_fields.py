"""What a service's fields are called on the forms: a service names what is wrong by its place in the request, people know
only the words beside the box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

FIELDS = {
    "about": "Đối tượng",
    "abstract": "Trích yếu",
    "absence_id": "Lần vắng mặt",
    "agency": "Cơ quan",
    "answers": "Văn bản được trả lời",
    "arrival_number": "Số đến",
    "arrived_since": "Đến từ ngày",
    "arrived_until": "Đến hết ngày",
    "author": "Tác giả",
    "author_symbol": "Cơ quan ban hành",
    "authority_id": "Người ký",
    "basis": "Căn cứ",
    "basis_on": "Ngày của căn cứ",
    "co_issuers": "Cơ quan cùng ban hành",
    "code": "Mã",
    "content": "Nội dung",
    "copies": "Số bản",
    "count": "Số lượng",
    "dated": "Ngày văn bản",
    "day": "Ngày",
    "decided_on": "Ngày quyết định",
    "decision": "Quyết định",
    "details": "Thông tin kê khai",
    "due_on": "Thời hạn",
    "email": "Thư điện tử",
    "ended_on": "Ngày kết thúc",
    "file_id": "Tệp",
    "further_authority_ids": "Người ký thứ hai trở đi",
    "handler": "Người giải quyết",
    "heading": "Đề mục",
    "identifier": "Mã định danh",
    "instruction": "Nội dung giao",
    "issued_on": "Ngày ban hành",
    "issued_since": "Ban hành từ ngày",
    "issued_until": "Ban hành đến ngày",
    "issuer": "Cơ quan ban hành",
    "joint": "Đơn vị phối hợp",
    "keeper": "Người lập hồ sơ",
    "kind": "Loại",
    "last_day": "Ngày cuối",
    "late_reason": "Lý do chậm",
    "lead": "Đơn vị chủ trì",
    "level": "Cấp",
    "line_id": "Dòng của danh mục",
    "lines": "Các dòng",
    "login": "Tên đăng nhập",
    "minutes": "Biên bản",
    "model": "Loại thiết bị",
    "name": "Tên",
    "note": "Ghi chú",
    "number": "Số",
    "number_symbol": "Số, ký hiệu",
    "original": "Bản gốc",
    "outside": "Lý do ngoài danh mục",
    "parts": "Tệp",
    "percent": "Phần trăm",
    "person": "Người làm",
    "purpose": "Để làm gì",
    "q": "Từ cần tìm",
    "question": "Điều cần hỏi",
    "quote": "Phần trích",
    "reason": "Lý do",
    "received_on": "Ngày nhận",
    "recipient": "Nơi nhận",
    "recipients": "Nơi nhận",
    "reference": "Số văn bản",
    "register_code": "Sổ",
    "registers": "Các sổ",
    "resume_at": "Tiếp từ bước",
    "review_days": "Số ngày xem xét",
    "reviewer_ids": "Người xem xét",
    "secrecy": "Độ mật",
    "sender_identifier": "Mã định danh nơi gửi",
    "sender_name": "Nơi gửi",
    "settled_on": "Ngày quyết toán",
    "signed_on": "Ngày ký",
    "signer": "Người ký",
    "signer_name": "Người ký",
    "since": "Từ ngày",
    "stages": "Các bước",
    "symbol": "Ký hiệu",
    "text": "Nội dung",
    "title": "Tiêu đề",
    "to_stage": "Trả về bước",
    "type": "Loại",
    "type_code": "Loại văn bản",
    "types": "Loại văn bản",
    "units": "Đơn vị",
    "until": "Đến ngày",
    "urgency": "Độ khẩn",
    "valid_from": "Hiệu lực từ ngày",
    "valid_until": "Hiệu lực đến ngày",
    "verdict": "Kết luận",
    "workflow": "Quy trình",
    "working_days": "Số ngày làm việc",
    "year": "Năm",
    "years": "Thời hạn bảo quản (từ 2 đến 70 năm, để trống là vĩnh viễn)",
}
SHOWN = 6  # of a table pasted wrongly nobody reads every cell


def invalid(errors: Iterable[Any]) -> str:
    """The sentence for a request that is not valid, from RFC 9457's `errors`: the fields by the names that people know."""
    named = list(dict.fromkeys(filter(None, (_name(each) for each in errors))))
    if not named:
        return "Có mục chưa điền hoặc điền chưa đúng; hãy xem lại các mục của biểu mẫu rồi gửi lại."
    more = f" và {len(named) - SHOWN} mục khác" if len(named) > SHOWN else ""
    return f"Chưa điền hoặc điền chưa đúng: {', '.join(named[:SHOWN])}{more}; hãy sửa rồi gửi lại."


def _name(error: Any) -> str | None:
    """Of `/body/lines/2/title` the title of the third line; None of what has no words."""
    pointer = error.get("pointer") if isinstance(error, Mapping) else None
    steps = str(pointer or "").split("/")[2:]
    known = [place for place, step in enumerate(steps) if step in FIELDS]
    if not known:
        return None
    place = known[-1]
    row = steps[place - 1] if place else ""
    return FIELDS[steps[place]] + (f" (dòng {int(row) + 1})" if row.isdecimal() else "")
