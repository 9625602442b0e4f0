"""What the ledger's entries are called on screen; an unknown type is shown by its own name."""

from __future__ import annotations

TYPES = {
    "docs.document.submitted": "Trình văn bản",
    "docs.document.approved": "Duyệt, chuyển ký",
    "docs.document.returned": "Trả lại",
    "docs.document.numbered": "Cấp số",
    "docs.document.number_voided": "Hủy số",
    "docs.document.issued": "Ban hành",
    "docs.task.changed": "Giao việc, xử lý",
    "docs.delivery.dispatched": "Gửi văn bản",
    "docs.delivery.renewed": "Gửi bản có chứng cứ tốt hơn",
    "docs.delivery.status_reported": "Báo trạng thái",
    "signing.document.prepared": "Đặt ô chữ ký",
    "signing.document.signed": "Ký số",
    "signing.document.counter_sealed": "Đóng dấu cùng ban hành",
    "signing.document.sealed": "Đóng dấu",
    "signing.document.augmented": "Bổ sung chứng cứ",
    "signing.document.owing": "Còn nợ chứng cứ",
    "signing.document.refused": "Không xử lý được",
    "signing.document.delayed": "Đang chờ, tự thử lại",
    "signing.document.validated": "Kiểm tra chữ ký",
    "signing.treehead.sealed": "Niêm phong sổ cái",
}

ACTS = {
    "log_in": "Đăng nhập",
    "log_in_failed": "Đăng nhập không được",
    "log_out": "Đăng xuất",
    "refused": "Bị từ chối",
    "seal_permitted": "Cho dùng khóa con dấu",
    "content_fetched": "Đọc nội dung",
    "document_read": "Đọc văn bản",
    "report_read": "Đọc báo cáo kiểm tra",
    "notice_read": "Đọc thông báo",
    "access_changed": "Đổi quyền xem",
    "access_confirmed": "Xác nhận quyền xem",
    "policy_changed": "Đổi quy định",
    "tree_head_ordered": "Yêu cầu niêm phong sổ cái",
    "ledger_read": "Đọc sổ cái",
    "ledger_exported": "Xuất sổ cái",
    "ledger_checked": "Kiểm tra sổ cái",
}


def kind(entry_type: str, act: str | None) -> str:
    """An entry in a word or two."""
    if act:
        return ACTS.get(act, act.replace("_", " "))
    name = entry_type.removeprefix("vn.vanthu.").rpartition(".v")[0]
    return TYPES.get(name, name or entry_type)
