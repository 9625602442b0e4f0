"""Why work files, the file list, the archive and disposal are refused: each reason once, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import Refusal

STATES: Mapping[str, tuple[str, str]] = {
    "open": ("đang mở", "open"),
    "closed": ("đã kết thúc", "closed"),
    "submitted": ("đã nộp, chờ lưu trữ nhận", "handed over, waiting for the archive"),
    "archived": ("đã vào lưu trữ", "in the archive"),
    "disposed": ("đã hủy", "disposed of"),
}

# --- the list

CODE_MALFORMED = Refusal(
    "file_code_malformed",
    vi="Số, ký hiệu hồ sơ “{code}” chưa đúng; hãy ghi như 01.TCCB: số thứ tự, dấu chấm, chữ viết tắt.",
    en="File code “{code}” is not well-formed; write it like 01.TCCB: a number, a dot, an abbreviation.",
    status=422,
)
CODE_TWICE = Refusal(
    "file_code_twice",
    vi="Số, ký hiệu {code} có hai lần trong danh mục; hãy đổi một dòng.",
    en="Code {code} stands twice in the list; change one line.",
    status=422,
)
YEARS_WRONG = Refusal(
    "retention_wrong",
    vi="Dòng {code}: thời hạn bảo quản “{years}” chưa đúng; hãy ghi “Vĩnh viễn” hoặc từ 2 đến 70 năm (Luật Lưu trữ 2024, điều 15).",
    en="Line {code}: retention “{years}” is not right; write “Vĩnh viễn” (permanent) or 2 to 70 years (Archives Law 2024, art. 15).",
    status=422,
)
LIST_EMPTY = Refusal(
    "file_list_empty",
    vi="Danh mục hồ sơ chưa có dòng nào; hãy thêm ít nhất một dòng.",
    en="The file list has no line; add at least one.",
    status=422,
)
LINE_KEPT = Refusal(
    "file_line_kept",
    vi="Dòng {code} đã được duyệt nên không xóa được; hãy để lại và đánh dấu thôi dùng.",
    en="Line {code} was approved and can't be removed; keep it and mark it as ended.",
)
LIST_NOT_APPROVED = Refusal(
    "file_list_not_approved",
    vi="Danh mục hồ sơ năm {year} chưa được người đứng đầu duyệt; hãy trình duyệt trước, hoặc mở hồ sơ ngoài danh mục kèm lý do.",
    en="The head has not approved the file list of {year}; have it approved first, or open the file outside of it with a reason.",
)
LINE_ENDED = Refusal(
    "file_line_ended",
    vi="Dòng {code} của danh mục đã thôi dùng; hãy chọn dòng khác.",
    en="Line {code} of the list has ended; choose another one.",
)
LIST_SHEET_BROKEN = Refusal(
    "file_list_sheet_broken",
    vi="Không đọc được bảng tính, hoặc thiếu cột {column}; hãy tải mẫu XLSX về, điền rồi nhập lại.",
    en="The spreadsheet can't be read, or lacks the column {column}; download the XLSX form, fill it in and import it.",
    status=422,
)

# --- a file

OUTSIDE_NEEDS_REASON = Refusal(
    "file_outside_needs_reason",
    vi="Hồ sơ ngoài danh mục phải có lý do; hãy ghi lý do hoặc chọn một dòng của danh mục.",
    en="A file outside of the list needs a reason; give one or choose a line of the list.",
    status=422,
)
FILE_FULL = Refusal(
    "file_full",
    vi="Một hồ sơ có nhiều nhất {most} văn bản; hãy lập tập tiếp theo.",
    en="A file holds at most {most} documents; open the next volume.",
)
ALREADY_FILED = Refusal(
    "already_filed",
    vi="Văn bản này đã có trong hồ sơ; không cần đưa vào lần nữa.",
    en="This document is in the file already; nothing needs to be done.",
)
FILE_EMPTY = Refusal(
    "file_empty",
    vi="Hồ sơ chưa có văn bản nào nên không kết thúc được; hãy đưa văn bản vào.",
    en="The file holds no document and can't be closed; put documents in.",
)
FILE_UNFINISHED = Refusal(
    "file_unfinished",
    vi="Chưa kết thúc hồ sơ được vì còn việc chưa xong: {what}. Hãy hoàn thành hoặc đưa các văn bản đó ra khỏi hồ sơ.",
    en="The file can't be closed, work is unfinished: {what}. Finish it or take these out of the file.",
)
DAY_WRONG = Refusal(
    "file_day_wrong",
    vi="Ngày phải nằm trong khoảng từ {first} đến {last}; hãy sửa ngày.",
    en="The day has to lie between {first} and {last}; correct it.",
    status=422,
)
WRONG_STATE = Refusal(
    "file_wrong_state",
    vi="Hồ sơ {state} nên không làm được việc này; hãy mở lại trang để xem việc nào làm được.",
    en="The file is {state}, so this can't be done; open its page again to see what can.",
)

# --- archive and disposal

NO_DUE_DAY = Refusal(
    "file_no_due_day",
    vi="Hồ sơ xây dựng cơ bản chưa có ngày quyết toán nên chưa có hạn nộp; hãy mở lại hồ sơ và kết thúc kèm ngày quyết toán.",
    en="Without the day of its final account a construction's file has no due day; reopen it and close it with that day.",
)
HELD_TOO_LONG = Refusal(
    "file_held_too_long",
    vi="Chỉ được giữ lại đến ngày sau {first} và không quá {last} (2 năm, Nghị định 30 điều 31); hãy sửa ngày.",
    en="It may be held back beyond {first} and until {last} at most (2 years, Decree 30 art. 31); correct the day.",
    status=422,
)
ARCHIVE_SAME_PERSON = Refusal(
    "archive_same_person",
    vi="Người nộp không tự nhận hồ sơ vào lưu trữ; hãy để người khác của cơ quan nhận.",
    en="Whoever hands a file over does not accept it; somebody else of the agency has to.",
)
FROZEN = Refusal(
    "file_frozen",
    vi="Hồ sơ đang bị phong tỏa theo {order}; phải có quyết định gỡ trước.",
    en="The file is frozen by order {order}; that has to be lifted first.",
)
NOT_FROZEN = Refusal(
    "file_not_frozen",
    vi="Hồ sơ không bị phong tỏa; không cần gỡ.",
    en="The file is not frozen; nothing needs to be lifted.",
)
PERMANENT = Refusal(
    "file_permanent",
    vi="Hồ sơ bảo quản vĩnh viễn không được hủy; hãy bỏ hồ sơ này khỏi quyết định hủy.",
    en="A file that is kept for ever can't be disposed of; take it off the decision.",
)
BEFORE_ITS_TIME = Refusal(
    "file_before_its_time",
    vi="Hồ sơ còn thời hạn bảo quản đến hết {day} nên chưa hủy được; hãy đợi hết hạn.",
    en="The file is to be kept until {day} and can't be disposed of; wait for that day to pass.",
)
COUNCIL_TOO_SMALL = Refusal(
    "disposal_council_too_small",
    vi="Biên bản hủy cần ít nhất hai người tham gia khác nhau; hãy ghi đủ họ tên.",
    en="A disposal needs at least two different members; give their names.",
    status=422,
)
EXPORT_NOT_READY = Refusal(
    "export_not_ready",
    vi="Gói xuất chưa xong; hãy đợi một lát rồi tải lại trang.",
    en="The package is not ready yet; wait a moment and load the page again.",
)
EXPORT_OUTDATED = Refusal(
    "export_outdated",
    vi="Sau khi xuất, gói này có văn bản bạn không còn được xem nên không tải lại được; hãy đặt xuất gói mới.",
    en="Since it was made this package holds a document that you may not know of any more; order a new one.",
    status=403,
)
EXPORT_OF_OTHERS = Refusal(
    "export_of_others",
    vi="Hồ sơ có văn bản bạn không được xem nên không tải được gói do người khác xuất; hãy tự đặt xuất gói của mình.",
    en="The file holds documents that you may not know of, so a package ordered by somebody else is not for you; order your own.",
    status=403,
)
