"""Why content is not there any more, or not erased yet."""

from __future__ import annotations

from shared.errors import Refusal

CONTENT_ERASED = Refusal(
    "content_erased",
    vi="Nội dung văn bản đã được hủy theo quyết định {decision} ngày {day}; chỉ còn thông tin và mã băm, hãy xem biên bản hủy trong hồ sơ.",
    en="The content was disposed of by decision {decision} of {day}; only its data and digests are kept, see the work file's disposal record.",
    status=410,
)
ERASURE_WAITS = Refusal(
    "erasure_waits",
    vi="Văn bản đang được xử lý ký, đóng dấu; nội dung được xóa ngay khi xong.",
    en="The document is being signed or sealed; its content is erased once that is over.",
    status=503,
)
