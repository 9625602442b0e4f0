"""Why signing refuses: each reason once, with a stable code and one sentence in Vietnamese and English.

The first part is about PDF files and signatures on them, the second about keys, time stamps and trust.
"""

from __future__ import annotations

from shared.errors import Refusal

EMPTY_FILE = Refusal(
    "empty_file",
    vi="Tệp rỗng (0 byte); hãy chọn lại tệp PDF của văn bản.",
    en="The file is empty (0 bytes); choose the document's PDF again.",
    status=422,
)
NOT_A_PDF = Refusal(
    "not_a_pdf",
    vi="Tệp này không phải PDF dù tên có thể là .pdf; hãy xuất văn bản ra PDF rồi gửi lại.",
    en="This file is not a PDF, whatever its name says; export the document as PDF and send it again.",
    status=422,
)
TOO_LARGE = Refusal(
    "too_large",
    vi="Tệp lớn {size_mb} MB, vượt giới hạn {limit_mb} MB; hãy giảm dung lượng ảnh hoặc tách phụ lục thành tệp riêng.",
    en="The file has {size_mb} MB, over the limit of {limit_mb} MB; shrink its images or send annexes as files.",
    status=413,
)
TOO_MANY_PAGES = Refusal(
    "too_many_pages",
    vi="Văn bản có {pages} trang, vượt giới hạn {limit} trang; hãy tách phụ lục thành tệp riêng.",
    en="The document has {pages} pages, over the limit of {limit}; send annexes as files of their own.",
    status=422,
)
PDF_DAMAGED = Refusal(
    "pdf_damaged",
    vi="Tệp PDF bị hỏng hoặc thiếu phần cuối; hãy xuất lại từ bản gốc, hệ thống không tự sửa văn bản.",
    en="The PDF is damaged or cut off; export it again from the source, we never repair a document silently.",
    status=422,
)
PDF_PASSWORD = Refusal(
    "pdf_password",
    vi="Tệp PDF cần mật khẩu để mở; hãy bỏ mật khẩu rồi gửi lại.",
    en="The PDF needs a password to open; remove the password and send it again.",
    status=422,
)
PDF_RESTRICTED = Refusal(
    "pdf_restricted",
    vi="Tệp PDF bị mã hóa và hạn chế sửa đổi nên không thể ký; hãy xuất lại PDF không đặt hạn chế.",
    en="The PDF is encrypted and restricts changes, so it can't be signed; export it without restrictions.",
    status=422,
)
PDF_XFA = Refusal(
    "pdf_xfa",
    vi="Tệp PDF là biểu mẫu động XFA, nội dung hiển thị tùy phần mềm; hãy in ra PDF thường rồi gửi lại.",
    en="The PDF is a dynamic XFA form whose content depends on the viewer; print it to a plain PDF.",
    status=422,
)
PDF_ACTIVE_CONTENT = Refusal(
    "pdf_active_content",
    vi="Tệp PDF chứa nội dung chủ động ({what}); hãy xuất lại PDF không có mã lệnh và tệp đính kèm.",
    en="The PDF holds active content ({what}); export it without scripts and embedded files.",
    status=422,
)
PDF_NO_CHANGES_ALLOWED = Refusal(
    "pdf_no_changes_allowed",
    vi="Văn bản đã được ký chứng nhận không cho thay đổi nên không thể ký, đánh số thêm; hãy dùng bản chưa khóa.",
    en="The document was certified against any change, so it can't be signed or numbered; use an unlocked copy.",
    status=422,
)
PDF_SIGNED_WITHOUT_FIELDS = Refusal(
    "pdf_signed_without_fields",
    vi="Văn bản đã có chữ ký nên không thể thêm ô số và ngày; hãy chỉ thêm ô chữ ký.",
    en="The document already carries a signature, so blanks for number and date can't be added; add signatures only.",
)
PDF_FIELD_MISSING = Refusal(
    "pdf_field_missing",
    vi="Không có ô “{field}” còn trống trong văn bản; hãy chuẩn bị lại văn bản.",
    en="The document has no empty field “{field}”; prepare the document again.",
)
PDF_FIELD_EXISTS = Refusal(
    "pdf_field_exists",
    vi="Văn bản đã có ô tên “{field}”; hãy chọn tên khác.",
    en="The document already has a field “{field}”; choose another name.",
)
PLACE_OUTSIDE_PAGE = Refusal(
    "place_outside_page",
    vi="Vị trí “{field}” nằm ngoài trang {page}; hãy kéo ô vào trong trang.",
    en="The place of “{field}” lies outside page {page}; move it onto the page.",
    status=422,
)
TEXT_NOT_PRINTABLE = Refusal(
    "text_not_printable",
    vi="Phông chữ không có ký tự “{character}” trong “{text}”; hãy sửa lại nội dung này.",
    en="The typeface lacks “{character}” in “{text}”; correct this text.",
    status=422,
)
BAD_PICTURE = Refusal(
    "bad_picture",
    vi="Ảnh chữ ký hoặc con dấu phải là PNG, tối đa {limit_kb} KB; hãy chọn ảnh khác.",
    en="The picture of the signature or seal must be a PNG of at most {limit_kb} KB; choose another.",
    status=422,
)
BASE_CHANGED = Refusal(
    "base_changed",
    vi="Văn bản đã có phiên bản mới kể từ lúc chuẩn bị ký; hãy ký lại trên phiên bản mới.",
    en="The document has a newer version than the one prepared for signing; sign the new version.",
)
SIGNATURE_INVALID = Refusal(
    "signature_invalid",
    vi="Chữ ký gửi về không khớp với chứng thư và nội dung đã chuẩn bị; hãy kiểm tra thiết bị ký rồi ký lại.",
    en="The signature does not match the certificate and what was prepared; check the token and sign again.",
    status=422,
)
KEY_TOO_WEAK = Refusal(
    "key_too_weak",
    vi="Khóa của chứng thư không đạt mức an toàn (RSA từ 2048 bit hoặc ECDSA P-256); hãy xin cấp chứng thư mới.",
    en="The certificate's key is below the floor (RSA 2048 or ECDSA P-256); ask for a new certificate.",
    status=422,
)

TSA_UNAVAILABLE = Refusal(
    "tsa_unavailable",
    vi="Không lấy được dấu thời gian từ máy chủ TSA; chữ ký chưa được ghi, hệ thống sẽ thử lại.",
    en="No time stamp could be had from the TSA; nothing was embedded, it is tried again.",
    status=503,
)
REVOCATION_UNAVAILABLE = Refusal(
    "revocation_unavailable",
    vi="Không lấy được trạng thái thu hồi của chứng thư ({why}); hệ thống sẽ thử lại.",
    en="The revocation status of a certificate could not be had ({why}); it is tried again.",
    status=503,
)
CERTIFICATE_REVOKED = Refusal(
    "certificate_revoked",
    vi="Chứng thư đã bị thu hồi hoặc tạm dừng; hãy dùng chứng thư còn hiệu lực.",
    en="The certificate is revoked or suspended; use one that is valid.",
)
CERTIFICATE_EXPIRED = Refusal(
    "certificate_expired",
    vi="Chứng thư chưa đến hoặc đã quá thời hạn hiệu lực; hãy gia hạn hoặc dùng chứng thư khác.",
    en="The certificate is not yet or no longer valid; renew it or use another.",
)
CERTIFICATE_NOT_TRUSTED = Refusal(
    "certificate_not_trusted",
    vi="Chứng thư không thuộc hệ thống chứng thực được tin cậy ({why}); hãy dùng chứng thư chuyên dùng công vụ.",
    en="The certificate does not lead to a trusted root ({why}); use a public-service certificate.",
)

SEAL_KEY_MISSING = Refusal(
    "seal_key_missing",
    vi="Không tìm thấy khóa con dấu “{label}” trong thiết bị; hãy báo người vận hành.",
    en="The seal key “{label}” is not in the device; tell the operator.",
)
SEAL_KEY_EXISTS = Refusal(
    "seal_key_exists",
    vi="Thiết bị đã có khóa tên “{label}”; hãy chọn tên khác.",
    en="The device already has a key named “{label}”; choose another name.",
)
PIN_WRONG = Refusal(
    "pin_wrong",
    vi="Mã PIN của thiết bị khóa không đúng; hệ thống không thử lại để tránh khóa thiết bị, hãy sửa cấu hình.",
    en="The device's PIN is wrong; it is not tried again so that the device does not lock, correct the settings.",
)
KEY_DEVICE_UNAVAILABLE = Refusal(
    "key_device_unavailable",
    vi="Thiết bị lưu khóa không phản hồi ({why}); hệ thống sẽ thử lại, hãy báo người vận hành nếu kéo dài.",
    en="The key device does not answer ({why}); it is tried again, tell the operator if this lasts.",
    status=503,
)
