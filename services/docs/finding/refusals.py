"""Why docs refuses to read, draw, find or export: the list of finding."""

from __future__ import annotations

from shared.errors import Refusal

PAGE_MISSING = Refusal(
    "page_missing",
    vi="Tệp này có {pages} trang, không có trang {page}; hãy chọn trang khác.",
    en="This file has {pages} pages and no page {page}; choose another one.",
    status=404,
)
NOT_DRAWN = Refusal(
    "page_not_drawn",
    vi="Không vẽ được trang này của tệp; hãy mở tệp PDF để xem.",
    en="This page of the file can't be drawn; open the PDF instead.",
    status=422,
)
DRAWING_BUSY = Refusal(
    "drawing_busy",
    vi="Đang có nhiều người xem trước trang; hãy thử lại sau vài giây hoặc mở tệp PDF.",
    en="Many people are looking at pages; try again in a few seconds, or open the PDF.",
    status=503,
)
TEXT_TOO_HARD = Refusal(
    "text_too_hard",
    vi="Đọc tệp {filename} làm dừng tiến trình nhiều lần nên hệ thống không đọc nữa; văn bản vẫn tìm được theo trích yếu, số ký hiệu. Có thể yêu cầu đọc lại.",
    en="Reading {filename} ended its process several times, so it is not read any more; the document is still found by its abstract and number. It can be ordered to be read again.",
    status=422,
)
TOO_MANY_TO_EXPORT = Refusal(
    "too_many_to_export",
    vi="Kết quả có hơn {limit} văn bản, nhiều hơn số xuất được một lần; hãy thu hẹp theo ngày hoặc loại văn bản.",
    en="More than {limit} documents were found, which is more than is exported at once; narrow it by date or type.",
    status=422,
)
TEXT_NOT_READ = Refusal(
    "text_not_read",
    vi="Chưa đọc được chữ trong tệp vì lỗi ngoài dự kiến; hệ thống tự thử lại, văn bản vẫn tìm được theo trích yếu, số ký hiệu.",
    en="The file's text could not be read for an unexpected reason; it is tried again, and the document is found by its abstract and number.",
    status=500,
)
