"""What people are told, by the codes that facts carry: debts, relations, status codes, acts on tasks."""

from __future__ import annotations

from collections.abc import Mapping

DEBTS: Mapping[str, str] = {
    "revocation": "kiểm tra thu hồi chứng thư",
    "T": "dấu thời gian",
    "LT": "dữ liệu kiểm chứng",
    "LTA": "dấu thời gian lưu trữ",
}

ARRIVALS: Mapping[str, str] = {
    "updates": "Văn bản cập nhật mới đến",
    "replaces": "Văn bản thay thế mới đến",
    "answers": "Văn bản trả lời mới đến",
}

RELATIONS: Mapping[str, str] = {
    "updates": "Cập nhật, đính chính văn bản",
    "replaces": "Thay thế văn bản",
    "answers": "Trả lời văn bản",
}

STATUS_FOR_SENDER: Mapping[str, tuple[str, str]] = {  # STANDARDS T7
    "02": ("Văn bản bị từ chối tiếp nhận", "từ chối tiếp nhận; hãy xem lý do rồi sửa và gửi lại."),
    "06": ("Nơi nhận đã hoàn thành", "đã hoàn thành xử lý văn bản."),
    "15": ("Nơi nhận đồng ý lấy lại", "đồng ý cho lấy lại hoặc cập nhật văn bản."),
    "15:updates": ("Nơi nhận đã nhận bản cập nhật", "đã vào sổ văn bản cập nhật."),
    "15:replaces": ("Nơi nhận đã nhận bản thay thế", "đã vào sổ văn bản thay thế."),
    "16:updates": ("Nơi nhận từ chối bản cập nhật", "từ chối văn bản cập nhật; hãy xem lý do."),
    "16:replaces": ("Nơi nhận từ chối bản thay thế", "từ chối văn bản thay thế; hãy xem lý do."),
    "16": ("Nơi nhận từ chối lấy lại", "từ chối cho lấy lại hoặc cập nhật văn bản; hãy xem lý do."),
}

TASK_TITLES: Mapping[str, str] = {
    "given": "Việc mới giao bạn",
    "reassigned": "Việc được chuyển",
    "returned": "Đề xuất bị trả lại",
    "called_off": "Việc đã được rút",
    "proposed": "Đề xuất chờ bạn quyết định",
    "closed": "Việc đã được kết thúc",
    "extension_asked": "Đề nghị gia hạn chờ bạn trả lời",
    "extension_granted": "Đã được gia hạn",
    "extension_refused": "Không được gia hạn",
    "due_soon": "Việc sắp đến hạn",
    "overdue": "Việc đã quá hạn",
    "declined": "Nơi được giao từ chối việc",
    "deadline_set": "Thời hạn đã được đổi",
}
