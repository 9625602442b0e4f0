"""What books, registers and figures are called on screen."""

from __future__ import annotations

TABS = (
    ("/books/out", "Văn bản đi", ("clerk", "leader")),
    ("/books/in", "Văn bản đến", ("clerk", "leader")),
    ("/books/follow_up", "Theo dõi giải quyết", ("clerk", "leader")),
    ("/books/copies", "Bản sao", ("clerk", "leader")),
    ("/books/transfer", "Chuyển giao", ("clerk", "leader")),
    ("/books/prints", "Tệp để in", ("clerk", "leader")),
    ("/paper-numbers", "Văn bản giấy", ("clerk", "leader")),
    ("/registers", "Đặt sổ, cách lấy số", ("clerk", "leader", "officer")),
    ("/figures/documents", "Số liệu", ("clerk", "leader", "officer")),
)

BOOKS = {
    "out": "Sổ đăng ký văn bản đi",
    "in": "Sổ đăng ký văn bản đến",
    "follow_up": "Sổ theo dõi giải quyết văn bản đến",
    "copies": "Sổ đăng ký bản sao",
    "transfer": "Sổ chuyển giao văn bản",
}

KINDS = {
    "out": "Văn bản đi",
    "legal": "Quy phạm pháp luật",
    "council": "Hội đồng, ban",
    "copy": "Bản sao",
    "in": "Văn bản đến",
    "secret_out": "Văn bản mật đi",
    "secret_in": "Văn bản mật đến",
}

PRINTS = {
    "waiting": ("Đang tạo", "work"),
    "done": ("Xong", "good"),
    "failed": ("Không tạo được", "bad"),
}

GROUPS = {"month": "tháng", "type": "loại văn bản", "level": "cấp", "agency": "cơ quan"}

SECRECIES = tuple((each, each) for each in ("MẬT", "TỐI MẬT", "TUYỆT MẬT"))

# (measure, heading) and (share, heading) of the table on the screen; the files have all of them.
COLUMNS = (
    ("out", "Đi"),
    ("out_sent", "đã gửi điện tử"),
    ("out_late", "ban hành chậm"),
    ("in", "Đến"),
    ("in_electronic", "điện tử"),
    ("in_registered_late", "vào sổ chậm"),
    ("in_waiting", "chưa vào sổ"),
    ("sent", "Lượt gửi"),
    ("sent_silent", "chưa tiếp nhận"),
)
HANDLING = (
    ("in_open", "Đang giải quyết"),
    ("in_open_on_time", "còn hạn"),
    ("in_open_late", "quá hạn"),
    ("in_open_free", "không đặt hạn"),
    ("in_done", "Đã giải quyết xong"),
    ("in_done_on_time", "đúng hạn"),
    ("in_done_late", "quá hạn"),
    ("in_done_free", "không đặt hạn"),
)
SHARES = (
    ("electronic", "Trao đổi điện tử"),
    ("signed", "Ký số đầy đủ"),
    ("issued_on_time", "Ban hành đúng hạn"),
    ("registered_on_time", "Vào sổ đúng hạn"),
    ("received_on_time", "Nơi nhận tiếp nhận đúng hạn"),
    ("handled_on_time", "Giải quyết đúng hạn"),
)


def percent(value: float | None) -> str:
    """Decimal comma; a dash of nothing."""
    return "–" if value is None else f"{value:g} %".replace(".", ",")


# What a page says after a form was taken in; wording.DONE has them too.
DONE = {
    "book_ordered": "Đã đặt; tệp xong sẽ hiện liên kết ở đây.",
    "figures_recounted": "Đang tính lại kỳ này từ sổ sách; tải lại trang sau ít giây.",
    "registers_decided": "Đã ghi quyết định về sổ.",
    "register_closed": "Đã khóa sổ.",
    "numbers_reserved": "Đã dành số; bấm vào số còn lại để vào sổ văn bản giấy.",
    "numbers_returned": "Đã trả lại; các số ghi hủy trong sổ.",
    "paper_voided": "Đã hủy số; số này ghi hủy trong sổ và không dùng lại.",
    "paper_registered": "Đã vào sổ văn bản giấy.",
}
