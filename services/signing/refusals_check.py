"""Why a file that somebody hands in is not checked: each reason once, with its code and both sentences."""

from __future__ import annotations

from shared.errors import Refusal

CHECKS_BUSY = Refusal(
    "checks_busy",
    vi="Đang có nhiều tệp chờ kiểm tra; hãy thử lại sau một phút, hoặc kiểm tra trên máy bằng lệnh vanthu-sign verify.",
    en="Many files wait to be checked; try again in a minute, or check it on your own machine with vanthu-sign verify.",
    status=503,
    again_after=30,
)
UPLOAD_TOO_SLOW = Refusal(
    "upload_too_slow",
    vi="Tệp không gửi xong trong {minutes} phút; hãy thử lại khi đường truyền tốt hơn, hoặc kiểm tra trên máy bằng lệnh vanthu-sign verify.",
    en="The file was not here within {minutes} minutes; try again on a better line, or check it on your own machine with vanthu-sign verify.",
    status=408,
)
VALIDATION_TOO_SLOW = Refusal(
    "validation_too_slow",
    vi="Kiểm tra tệp này quá {seconds} giây nên đã dừng; tệp phức tạp bất thường, hãy đề nghị nơi gửi xuất lại bản PDF và gửi lại.",
    en="Validating this file took more than {seconds} seconds and was stopped; it is unusually complex, ask the sender for the PDF anew.",
    status=422,
)
VALIDATION_TOO_LARGE = Refusal(
    "validation_too_large",
    vi="Kiểm tra tệp này cần quá {megabytes} MB bộ nhớ nên đã dừng; hãy đề nghị nơi gửi xuất lại bản PDF nhỏ hơn và gửi lại.",
    en="Validating this file needs more than {megabytes} MB of memory and was stopped; ask the sender for a smaller PDF.",
    status=422,
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
