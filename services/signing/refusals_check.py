"""Why a file that somebody hands in is not checked: each reason once, with its code and both sentences."""

from __future__ import annotations

from shared.errors import Refusal

CHECKS_BUSY = Refusal(
    "checks_busy",
    vi="Đang có nhiều tệp chờ kiểm tra; hãy thử lại sau một phút, hoặc kiểm tra trên máy bằng lệnh vanthu-sign verify.",
    en="Many files wait to be checked; try again in a minute, or check it on your own machine with vanthu-sign verify.",
    status=503,
)
CHECK_TOO_HARD = Refusal(
    "check_too_hard",
    vi="Tệp quá phức tạp để kiểm tra trực tuyến; hãy kiểm tra trên máy bằng lệnh vanthu-sign verify hoặc hỏi nơi gửi.",
    en="The file is too complex to be checked here; check it on your own machine with vanthu-sign verify, or ask the sender.",
    status=422,
)
CHECK_TOO_LARGE = Refusal(
    "check_too_large",
    vi="Tệp vượt giới hạn {limit} MB của việc kiểm tra trực tuyến; hãy kiểm tra trên máy bằng lệnh vanthu-sign verify.",
    en="The file is over the {limit} MB that are checked here; check it on your own machine with vanthu-sign verify.",
    status=413,
)
MOMENT_AHEAD = Refusal(
    "moment_ahead",
    vi="Chỉ kiểm tra được cho hiện tại hoặc một thời điểm đã qua; hãy chọn lại thời điểm.",
    en="Validity is told for now or for a time that is past; choose another time.",
    status=422,
)
POLICY_UNKNOWN = Refusal(
    "policy_unknown",
    vi="Không có chính sách kiểm tra “{name}”; hãy chọn một trong: {known}.",
    en="There is no validation policy “{name}”; choose one of: {known}.",
    status=422,
)
