"""Why something that comes in is refused, or has to wait: what it is, and what to do."""

from __future__ import annotations

from shared.errors import Refusal

# --- resumable uploads (tus 1.0)

TUS_VERSION = Refusal(
    "tus_version",
    vi="Chương trình tải tệp cần dùng giao thức tus phiên bản 1.0.0; hãy gửi tiêu đề Tus-Resumable: 1.0.0.",
    en="The uploading program must speak tus 1.0.0; send the header Tus-Resumable: 1.0.0.",
    status=412,
)
UPLOAD_HEADERS = Refusal(
    "upload_headers",
    vi="Tiêu đề {header} của yêu cầu tải tệp thiếu hoặc không đúng; hãy sửa chương trình tải tệp theo giao thức tus 1.0.",
    en="The header {header} of the upload request is missing or malformed; see the tus protocol 1.0.",
    status=400,
)
UPLOAD_MEDIA_TYPE = Refusal(
    "upload_media_type",
    vi="Dữ liệu tải lên phải có kiểu application/offset+octet-stream; hãy sửa chương trình tải tệp.",
    en="The bytes of an upload are sent as application/offset+octet-stream; correct the uploading program.",
    status=415,
)
UPLOAD_OFFSET = Refusal(
    "upload_offset",
    vi="Máy chủ đã nhận đến byte {offset}, yêu cầu này gửi từ chỗ khác; hãy hỏi lại vị trí rồi gửi tiếp từ đó.",
    en="The server has {offset} bytes and this request continues elsewhere; ask for the offset and go on from there.",
    status=409,
)
UPLOAD_OVER = Refusal(
    "upload_over",
    vi="Dữ liệu gửi lên nhiều hơn kích thước {size} byte đã khai; hãy tải lại tệp từ đầu.",
    en="More was sent than the {size} bytes that were announced; upload the file anew.",
    status=413,
)
UPLOAD_CHECKSUM = Refusal(
    "upload_checksum",
    vi="Đoạn dữ liệu vừa gửi bị sai lệch trên đường truyền và đã bị bỏ; hãy gửi lại đoạn đó.",
    en="The piece just sent does not match its checksum and was dropped; send it again.",
    status=460,
)
UPLOAD_GONE = Refusal(
    "upload_gone",
    vi="Lần tải tệp này đã hết hạn hoặc đã bị bỏ; hãy tải lại tệp từ đầu.",
    en="This upload has expired or was ended; upload the file anew.",
    status=410,
)
TOO_MANY_UPLOADS = Refusal(
    "too_many_uploads",
    vi="Cơ quan đang có {limit} lượt tải tệp dang dở; hãy hoàn thành hoặc hủy bớt rồi tải tiếp.",
    en="Your agency has {limit} unfinished uploads; finish or end some of them first.",
    status=429,
)

# --- steps

TYPE_NOT_TAKEN = Refusal(
    "type_not_taken",
    vi="Nội dung tệp {name} là {found}, không tiếp nhận được; hãy gửi PDF, DOCX, ODT hoặc ảnh quét (TIFF, JPEG, PNG).",
    en="The content of {name} is {found}, which is not taken in; send a PDF, DOCX, ODT or a scan (TIFF, JPEG, PNG).",
    status=415,
)
OLD_OFFICE_FILE = Refusal(
    "old_office_file",
    vi="{name} là tệp Word/Excel kiểu cũ (.doc, .xls), có thể mang macro nên không nhận; hãy mở bằng Word hoặc LibreOffice, lưu thành DOCX hoặc PDF rồi gửi lại.",
    en="{name} is an old Office file (.doc, .xls), which may carry macros; open it, save it as DOCX or PDF and send that.",
    status=415,
)
OFFICE_ENCRYPTED = Refusal(
    "office_encrypted",
    vi="{name} được đặt mật khẩu; hãy mở tệp, bỏ mật khẩu, lưu lại rồi gửi.",
    en="{name} is protected by a password; open it, remove the password, save and send it again.",
    status=422,
)
OFFICE_MACROS = Refusal(
    "office_macros",
    vi="{name} có macro ({part}) nên không nhận; hãy lưu lại thành DOCX/ODT không macro hoặc xuất PDF rồi gửi.",
    en="{name} carries macros ({part}) and is not taken; save it as DOCX/ODT without macros or as PDF.",
    status=422,
)
OFFICE_BOMB = Refusal(
    "office_bomb",
    vi="{name} bung ra lớn bất thường ({why}) nên không mở; hãy xuất văn bản ra PDF từ bản gốc rồi gửi lại.",
    en="{name} would unpack to something abnormal ({why}) and is not opened; export the document as PDF and send that.",
    status=422,
)
OFFICE_DAMAGED = Refusal(
    "office_damaged",
    vi="{name} bị hỏng hoặc thiếu phần; hãy mở và lưu lại từ bản gốc rồi gửi.",
    en="{name} is damaged or incomplete; open and save it again from the source.",
    status=422,
)
IMAGE_DAMAGED = Refusal(
    "image_damaged",
    vi="Ảnh quét {name} bị hỏng, chưa ghi xong hoặc quá lớn để mở; hãy quét lại.",
    en="The scan {name} is damaged, incomplete or too large to open; scan it again.",
    status=422,
)
VIRUS_FOUND = Refusal(
    "virus_found",
    vi="{name} có mã độc {virus}; tệp bị chặn và không ai mở được. Hãy báo người gửi và bộ phận an toàn thông tin.",
    en="{name} carries malware ({virus}); it is blocked and nobody can open it. Tell the sender and your security people.",
    status=422,
)
SCANNER_NOT_SET = Refusal(
    "scanner_not_set",
    vi="Chưa cấu hình quét mã độc nên tệp chưa được quét; quản trị đặt VANTHU_CLAMD để bật clamd.",
    en="No virus scanner is configured, so the file was not scanned; the operator sets VANTHU_CLAMD to use clamd.",
)
SCANNER_AWAY = Refusal(
    "scanner_away",
    vi="Máy quét mã độc chưa trả lời; tệp chờ và được quét lại tự động, không cần gửi lại.",
    en="The virus scanner does not answer; the file waits and is scanned by itself later, there is no need to send it again.",
    status=503,
)
SCANNER_LIMIT = Refusal(
    "scanner_limit",
    vi="Máy quét mã độc không nhận tệp này ({said}); quản trị tăng StreamMaxLength của clamd rồi bấm Thử lại.",
    en="The virus scanner does not take this file ({said}); the operator raises clamd's StreamMaxLength, then retry.",
)
NOT_NEEDED = Refusal(
    "not_needed",
    vi="Không cần: tệp đã là PDF.",
    en="Not needed: the file is a PDF already.",
)
HAS_TEXT = Refusal(
    "has_text",
    vi="Mọi trang đã có lớp chữ; không cần nhận dạng.",
    en="All pages have a text layer; nothing had to be recognised.",
)
CONVERTER_ABSENT = Refusal(
    "converter_absent",
    vi="Máy chủ chưa có LibreOffice để chuyển sang PDF; hãy tự xuất văn bản ra PDF rồi gửi, hoặc báo quản trị cài libreoffice-writer rồi bấm Thử lại.",
    en="The server has no LibreOffice to make a PDF; export the document as PDF yourself, or have libreoffice-writer installed and retry.",
)
CONVERTER_FAILED = Refusal(
    "converter_failed",
    vi="LibreOffice không chuyển được {name} sang PDF; hãy mở tệp, tự xuất PDF rồi gửi lại, hoặc bấm Thử lại.",
    en="LibreOffice could not make a PDF of {name}; open it, export a PDF yourself and send that, or retry.",
)
READER_ABSENT = Refusal(
    "reader_absent",
    vi="Tệp quét chưa được nhận dạng chữ vì máy chủ chưa có tesseract với tiếng Việt; vẫn dùng được, nhưng chưa tìm được theo nội dung. Quản trị cài tesseract-ocr-vie.",
    en="The scan was not read: the server has no tesseract with Vietnamese. It can be used but not found by content; the operator installs tesseract-ocr-vie.",
)
READER_FAILED = Refusal(
    "reader_failed",
    vi="Chưa nhận dạng được chữ của {name}; hệ thống tự thử lại.",
    en="The text of {name} could not be recognised yet; it is tried again by itself.",
)
READER_GAVE_UP = Refusal(
    "reader_gave_up",
    vi="Không nhận dạng được chữ của {name} sau nhiều lần thử; tệp vẫn dùng được nhưng chưa tìm được theo nội dung.",
    en="The text of {name} could not be recognised after several tries; the file can be used but not found by content.",
)
PROGRAM_FAILED = Refusal(
    "program_failed",
    vi="Một bước xử lý {name} bị dừng giữa chừng; hệ thống tự thử lại, không cần gửi lại tệp.",
    en="A step of {name} broke off; it is tried again by itself, there is no need to send the file again.",
    status=503,
)
SECRET_DOCUMENT = Refusal(
    "secret_document",
    vi="Văn bản có dấu độ mật {level} ({where}); pháp luật không cho lưu ở hệ thống này nên nội dung đã bị xóa ngay. Hãy xử lý trên hệ thống riêng cho bí mật nhà nước và ở đây chỉ ghi sổ văn bản mật, không có nội dung.",
    en="The document is classified {level_en} ({where_en}); the law forbids keeping it here and its content was erased at once. Handle it on the system for state secrets; here it may stand in the register of secret documents only, without content.",
    status=422,
)

# --- what people do

NOTHING_TO_RETRY = Refusal(
    "nothing_to_retry",
    vi="Không có bước nào cần thử lại; hãy tải lại trang để xem tình trạng mới.",
    en="No step waits for another try; reload to see how it stands.",
)
CONTENT_PURGED = Refusal(
    "content_purged",
    vi="Nội dung của tệp đã bị xóa nên không thử lại được; hãy gửi lại tệp.",
    en="The file's content was erased, so it cannot be tried again; send the file anew.",
)
NOT_READY = Refusal(
    "intake_not_ready",
    vi="Tệp chưa qua hết các bước kiểm tra nên chưa dùng được; hãy xem bước đang dừng và lý do.",
    en="The file has not passed all steps and can't be used yet; see which step it stands at and why.",
)
ALREADY_USED = Refusal(
    "intake_already_used",
    vi="Tệp này đã được dùng; hãy mở văn bản đã tạo từ nó.",
    en="This file has been used already; open the document that was made of it.",
)
DUPLICATE_ARRIVAL = Refusal(
    "duplicate_arrival",
    vi="Đã có văn bản đến số {number_symbol} của {sender} (số đến {arrival}); nếu đúng là văn bản khác, hãy xác nhận vẫn đăng ký.",
    en="A document {number_symbol} of {sender} has arrived already (arrival number {arrival}); confirm if this is another one.",
)
SENDER_UNKNOWN = Refusal(
    "sender_unknown",
    vi="Không có cơ quan nào đang hoạt động với mã định danh {identifier}; hãy chọn lại hoặc ghi tên nơi gửi.",
    en="No agency in being has the identifier {identifier}; choose again or write the sender's name.",
    status=422,
)
SENDER_MISSING = Refusal(
    "sender_missing",
    vi="Chưa ghi nơi gửi; hãy chọn cơ quan hoặc ghi tên nơi gửi như trên văn bản.",
    en="The sender is missing; choose the agency or write its name as it stands on the document.",
    status=422,
)
# --- scan folder and mail

NOTHING_ATTACHED = Refusal(
    "nothing_attached",
    vi="Thư không có tệp đính kèm nào; hãy gửi lại kèm văn bản dạng PDF, DOCX, ODT hoặc ảnh quét.",
    en="The mail has no attachment; send it again with the document as PDF, DOCX, ODT or a scan.",
)
ATTACHMENT_TOO_LARGE = Refusal(
    "attachment_too_large",
    vi="Tệp đính kèm {name} lớn hơn {limit_mb} MB; hãy giảm dung lượng hoặc tải lên ở trang Tiếp nhận.",
    en="The attachment {name} is over {limit_mb} MB; shrink it or upload it on the intake page.",
)
MAIL_TOO_LARGE = Refusal(
    "mail_too_large",
    vi="Thư nặng {size_mb} MB, vượt giới hạn {limit_mb} MB nên không được tải về; hãy giảm dung lượng tệp đính kèm rồi gửi lại, hoặc nhờ văn thư cơ quan tải tệp lên ở trang Tiếp nhận.",
    en="The mail weighs {size_mb} MB, over the limit of {limit_mb} MB, and was not fetched; shrink the attachment and send it again, or ask the agency's clerk to upload it on the intake page.",
)
MAIL_BROKEN = Refusal(
    "mail_broken",
    vi="Thư bị hỏng cấu trúc nên không đọc được tệp đính kèm; hãy gửi lại bằng thư mới.",
    en="The mail is malformed and its attachment can't be read; send it again as a new mail.",
)
ARCHIVE_ATTACHED = Refusal(
    "archive_attached",
    vi="{name} là tệp nén; hãy giải nén và gửi từng văn bản.",
    en="{name} is an archive; unpack it and send each document by itself.",
    status=415,
)
AGENCY_OF_MAIL_UNKNOWN = Refusal(
    "agency_of_mail_unknown",
    vi="Địa chỉ nhận thư không ứng với cơ quan nào; hãy kiểm tra lại địa chỉ.",
    en="The address that the mail was sent to belongs to no agency; check the address.",
)
SCAN_FOLDER_UNKNOWN = Refusal(
    "scan_folder_unknown",
    vi="Không có cơ quan nào mang mã định danh {identifier}, nên chưa nhận tệp nào trong thư mục này; hãy đổi tên thư mục"
    " thành mã của cơ quan, ví dụ H37.01, các tệp sẽ được nhận ngay.",
    en="No agency has the identifier {identifier}, so nothing is taken from this folder; rename it to the agency's"
    " identifier, such as H37.01, and its files are taken at once.",
)
SCAN_NEVER_WHOLE = Refusal(
    "scan_never_whole",
    vi="Tệp quét {name} không đọc được trọn vẹn sau {minutes} phút; hãy quét lại.",
    en="The scan {name} was not readable as a whole file after {minutes} minutes; scan it again.",
)
