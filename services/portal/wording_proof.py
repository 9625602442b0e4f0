"""What is said of a signature's proof, of what it still lacks, and of the machines that people sign on."""

from __future__ import annotations

# What the proof of a signature still lacks, and what its level means to a reader (EN 319 142-1).
DEBTS = {
    "revocation": "kiểm tra thu hồi chứng thư",
    "T": "dấu thời gian",
    "LT": "dữ liệu kiểm chứng",
    "LTA": "dấu thời gian lưu trữ",
}

LEVELS_OF_PROOF = {
    "PAdES-BASELINE-B": "Mức B: chữ ký",
    "PAdES-BASELINE-T": "Mức T: có dấu thời gian",
    "PAdES-BASELINE-LT": "Mức LT: có dữ liệu kiểm chứng",
    "PAdES-BASELINE-LTA": "Mức LTA: lưu trữ lâu dài",
}

DISPATCH_LEVELS = {
    "B": "ngay khi có chữ ký và dấu",
    "T": "khi có dấu thời gian",
    "LT": "khi có đủ dữ liệu kiểm chứng (khuyến nghị)",
    "LTA": "khi có dấu thời gian lưu trữ",
}

# risk → (in a word, which colour, what it means)
RISKS = {
    "owing": ("Nợ lâu", "wait", "máy chủ dấu thời gian hoặc nơi cấp chứng thư chưa trả lời"),
    "waiting": ("Chờ lâu", "wait", "việc ký, đóng dấu chưa xong vì lý do ghi bên cạnh; hệ thống vẫn tự thử lại"),
    "not_payable": ("Không bổ sung được", "bad", "cần người xem lý do và xử lý"),
    "stamp_ending": ("Dấu lưu trữ sắp hết hạn", "wait", "hệ thống đang gia hạn dần"),
    "stamp_ended": ("Dấu lưu trữ đã hết hạn", "bad", "không gia hạn kịp"),
    "authority_revoked": ("Nơi cấp dấu thời gian bị thu hồi", "bad", "dấu đã cấp có thể không còn giá trị"),
    "anchor_withdrawn": ("Gốc tin cậy đã gỡ", "bad", "chữ ký dựa trên gốc không còn được tin"),
    "algorithm_weak": ("Thuật toán yếu", "bad", "chưa có dấu lưu trữ che chở"),
    "repaired": ("Đã tự làm tiếp", "off", "việc dở dang trong 7 ngày qua"),
}

# What the watchdog found left lying, and what it did.
REPAIRS = {
    "preparing": "chuẩn bị ký",
    "completing": "hoàn tất chữ ký",
    "sealing": "đóng dấu",
    "lost_signature": "chữ ký đã nhận mà chưa đưa vào văn bản",
    "owing": "bổ sung bằng chứng",
    "queued_again": "đã xếp hàng làm lại",
    "given_back": "đã trả lại để ký lại",
}

# Why a machine that people sign on should be looked at: text, kind of badge.
FLEET: dict[str, tuple[str, str]] = {
    "certificate_ended": ("Chứng thư hết hạn", "bad"),
    "token_problem": ("Token báo lỗi", "bad"),
    "selftest_failed": ("Tự kiểm tra không đạt", "bad"),
    "certificate_ends_soon": ("Chứng thư sắp hết hạn", "wait"),
    "version_old": ("Bản cũ", "wait"),
}


def repaired(code: str) -> str:
    """Words for `found: done` of a repair; a part that is new here shows itself."""
    return ": ".join(REPAIRS.get(part, part) for part in code.split(": "))
