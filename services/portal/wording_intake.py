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
MAIL_SILENCE = {
    "bounce": "Không trả lời: thư báo lỗi của máy chủ thư.",
    "automatic": "Không trả lời: thư do máy gửi tự động.",
    "list": "Không trả lời: thư gửi hàng loạt.",
    "no_address": "Không trả lời: thư không có địa chỉ người gửi.",
    "machine": "Không trả lời: địa chỉ không nhận thư.",
    "own": "Không trả lời: thư gửi từ chính hộp thư này.",
    "virus": "Không trả lời: thư có mã độc và máy chủ thư không xác nhận được người gửi.",
}

DONE = {
    "intake_registered": "Đã đăng ký văn bản đến.",
    "intake_brought": "Đã nhận tệp; các bước kiểm tra đang chạy.",
    "intake_retried": "Đang thử lại.",
    "intake_discarded": "Đã bỏ tệp; nội dung được xóa.",
}
