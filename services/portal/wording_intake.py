"""What the steps, states and ways of what comes in are called on screen."""

CHANNELS = {
    "web": "Trang Tiếp nhận",
    "rest": "Phần mềm khác",
    "kafka": "Đối tác",
    "folder": "Thư mục quét",
    "mail": "Thư điện tử",
}
STATES = {
    "working": ("Đang xử lý", "work"),
    "ready": ("Dùng được", "good"),
    "refused": ("Bị từ chối", "bad"),
    "failed": ("Cần xử lý", "wait"),
    "discarded": ("Đã bỏ", "off"),
    "used": ("Đã dùng", "good"),
}
STEPS = {
    "received": "Nhận tệp",
    "type": "Nhận biết loại tệp",
    "size": "Kiểm tra dung lượng",
    "virus": "Quét mã độc",
    "convert": "Chuyển sang PDF",
    "secrecy": "Kiểm tra độ mật",
    "text": "Nhận dạng chữ",
    "ready": "Sẵn sàng sử dụng",
}
STEP_STATES = {
    "due": ("Chưa tới", "off"),
    "waiting": ("Đang chờ", "wait"),
    "done": ("Xong", "good"),
    "skipped": ("Bỏ qua", "off"),
    "refused": ("Từ chối", "bad"),
    "failed": ("Lỗi", "bad"),
}

DONE = {
    "intake_registered": "Đã đăng ký văn bản đến.",
    "intake_brought": "Đã nhận tệp; các bước kiểm tra đang chạy.",
    "intake_retried": "Đang thử lại.",
    "intake_discarded": "Đã bỏ tệp; nội dung được xóa.",
}
