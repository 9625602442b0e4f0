"""Why signing refuses: each reason once, with a stable code and one sentence in Vietnamese and English.

The first part is about PDF files and signatures on them, the second about keys, time stamps and trust.
"""

from __future__ import annotations

from shared.errors import Refusal

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
PDF_CERTIFIED_WITHOUT_FIELDS = Refusal(
    "pdf_certified_without_fields",
    vi="Văn bản đã được ký chứng nhận nên không thể thêm ô chữ ký; hãy dùng ô có sẵn hoặc bản chưa ký chứng nhận.",
    en="The document was certified, so signature fields can't be added; use those it has, or an uncertified copy.",
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
PDF_FIELD_LOCKED = Refusal(
    "pdf_field_locked",
    vi="Một chữ ký có trước đã khóa ô “{field}”; hãy ký vào ô khác hoặc dùng bản chưa khóa.",
    en="An earlier signature locks the field “{field}”; sign in another one or use a copy without that lock.",
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
TSA_NOT_BELIEVED = Refusal(
    "tsa_not_believed",
    vi="Máy chủ dấu thời gian trả lời không đáng tin ({why}); dấu đó không được ghi, hãy báo người vận hành kiểm tra TSA.",
    en="The time-stamping server's answer is not to be believed ({why}); it was not embedded, the operator must check the TSA.",
    status=503,
)
CLOCK_DIFFERS = Refusal(
    "clock_differs",
    vi="Đồng hồ của {whose} lệch {by} phút so với máy chủ ký; chưa ghi chữ ký nào, hãy báo người vận hành chỉnh lại giờ (NTP).",
    en="The clock of the {whose} is {by} minutes off ours; nothing was embedded, the operator must set the clocks (NTP).",
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


# --- the service: orders, people, preparations, seals

NOT_AWAITING_SIGNATURE = Refusal(
    "not_awaiting_signature",
    vi="Văn bản này hiện không chờ chữ ký của bạn; hãy tải lại danh sách chờ ký.",
    en="This document does not wait for your signature now; reload the list of what waits.",
)
SIGNATURE_UNDER_WAY = Refusal(
    "signature_under_way",
    vi="Một chữ ký khác đang được ghi vào văn bản; hãy chờ ít phút rồi ký trên phiên bản mới.",
    en="Another signature is being embedded in the document; wait a moment and sign the new version.",
)
PREPARATION_EXPIRED = Refusal(
    "preparation_expired",
    vi="Phiên chuẩn bị ký đã quá 15 phút; hãy chuẩn bị ký lại.",
    en="What was prepared for signing is older than 15 minutes; prepare it again.",
    status=410,
)
PREPARATION_FAILED = Refusal(
    "preparation_failed",
    vi="Lần ký này đã không thành; hãy xem lý do ở văn bản rồi chuẩn bị ký lại.",
    en="This signature came to nothing; read the reason at the document and prepare again.",
)
REGISTRY_COPY_STALE = Refusal(
    "registry_copy_stale",
    vi="Dữ liệu về thẩm quyền và chứng thư chưa được cập nhật từ {as_of}; tạm dừng ký để an toàn, hãy thử lại sau ít phút hoặc báo người vận hành.",
    en="Data on authority and certificates have not been renewed since {as_of}; signing stops to be safe, try again in a few minutes or tell the operator.",
    status=503,
)
REGISTRY_STATE_PARKED = Refusal(
    "registry_state_parked",
    vi="Một thay đổi trong danh bạ về người ký, thẩm quyền hoặc chứng thư này chưa được tiếp nhận; tạm dừng ký để an toàn, hãy báo người vận hành xử lý mục bị giữ.",
    en="A change in the registry about this signer, authority or certificate could not be taken in; signing stops to be safe, ask the operator to look at what is parked.",
    status=503,
)
PERSON_INACTIVE = Refusal(
    "person_inactive",
    vi="Tài khoản của {name} không còn hoạt động; hãy trả lại văn bản để chọn người ký khác.",
    en="{name} is no longer active; return the document and choose another signer.",
    status=403,
)
POST_NOT_VALID = Refusal(
    "post_not_valid",
    vi="Chức vụ “{post}” hôm nay không còn hiệu lực hoặc không phải lãnh đạo; hãy hỏi cán bộ quản lý danh bạ.",
    en="The post “{post}” is not valid today or is no leader's; ask the registry officer.",
    status=403,
)
AUTHORITY_NOT_VALID = Refusal(
    "authority_not_valid",
    vi="{name} hôm nay không có thẩm quyền ký loại văn bản này; hãy trả lại văn bản hoặc hỏi cán bộ quản lý danh bạ.",
    en="{name} has no authority to sign this type of document today; return it or ask the registry officer.",
    status=403,
)
CERTIFICATE_NOT_REGISTERED = Refusal(
    "certificate_not_registered",
    vi="Chứng thư trên thiết bị không phải chứng thư đã đăng ký của bạn; hãy cắm đúng thiết bị hoặc đăng ký chứng thư.",
    en="The token's certificate is not registered for you; plug in the right token or have the certificate registered.",
    status=403,
)
NO_CERTIFICATE = Refusal(
    "no_certificate",
    vi="Bạn chưa có chứng thư nào được đăng ký; hãy đề nghị cán bộ quản lý danh bạ cấp hoặc đăng ký chứng thư.",
    en="No certificate is registered for you; ask the registry officer to have one issued or registered.",
    status=403,
)
SEAL_BEFORE_SIGNATURE = Refusal(
    "seal_before_signature",
    vi="Văn bản chưa đủ chữ ký của người có thẩm quyền nên chưa được đóng dấu; hãy chờ ký xong.",
    en="The document does not carry every authorised signature yet, so it can't be sealed; wait until it is signed.",
)
ALREADY_SEALED = Refusal(
    "already_sealed",
    vi="Văn bản đã hoặc đang đóng dấu với số {number}; không đóng dấu với số khác.",
    en="The document is or is being sealed with the number {number}; it is not sealed with another.",
)
NUMBER_MISMATCH = Refusal(
    "number_mismatch",
    vi="Số {number} không khớp với số, ký hiệu “{symbol}” hoặc với cơ quan ban hành; hãy kiểm tra sổ đăng ký.",
    en="The number {number} does not match “{symbol}” or the issuing agency; look at the register.",
)
DOCUMENT_UNKNOWN = Refusal(
    "document_unknown",
    vi="Hệ thống ký chưa nhận được văn bản này; hãy trình lại văn bản.",
    en="Signing has not received this document; submit it again.",
)
NO_SIGNERS = Refusal(
    "no_signers",
    vi="Văn bản chưa có người ký; hãy chọn người ký rồi trình lại.",
    en="The document names no signer; choose one and submit it again.",
    status=422,
)
SEAL_CERTIFICATE_MISSING = Refusal(
    "seal_certificate_missing",
    vi="Cơ quan chưa có chứng thư con dấu còn hiệu lực; số đã cấp được giữ, văn bản tự đóng dấu khi có chứng thư.",
    en="The agency has no valid seal certificate; the number is kept and the seal follows once there is one.",
    status=503,
)
SEAL_DEVICE_STOPPED = Refusal(
    "seal_device_stopped",
    vi="Thiết bị con dấu đã từ chối mã PIN nên không thử nữa; người vận hành cần sửa mã PIN và khởi động lại dịch vụ ký.",
    en="The seal device refused its PIN and is not tried again; the operator has to correct the PIN and restart signing.",
    status=503,
)
TRUST_MISSING = Refusal(
    "trust_missing",
    vi="Chưa đọc được chứng thư gốc tin cậy ({path}); người vận hành cần kiểm tra cấu hình VANTHU_TRUST.",
    en="The trusted root certificates can't be read ({path}); the operator has to look at VANTHU_TRUST.",
    status=503,
)
PDF_TOO_HARD = Refusal(
    "pdf_too_hard",
    vi="Tệp PDF nhiều lần làm dừng chương trình xử lý; hãy xuất lại PDF từ bản gốc.",
    en="The PDF stopped the program that reads it several times; export it again from the source.",
    status=422,
)
UNEXPECTED = Refusal(
    "unexpected",
    vi="Gặp lỗi ngoài dự kiến; hệ thống tự thử lại và đã ghi lại lỗi cho người vận hành.",
    en="Something unexpected failed; it is tried again and recorded for the operator.",
    status=503,
)
CONTENT_TAMPERED = Refusal(
    "content_tampered",
    vi="Nội dung nhận được khác với mã băm mà bên gửi công bố; văn bản đã bị thay đổi trên đường truyền, hãy đề nghị gửi lại.",
    en="The content differs from the digest that the sender declared; it was changed on the way, ask for it again.",
)
REPORT_NOT_READY = Refusal(
    "report_not_ready",
    vi="Báo cáo kiểm tra chữ ký chưa có; hãy thử lại sau ít phút.",
    en="The validation report is not there yet; try again in a few minutes.",
    status=404,
)
CACHED_REVOCATION_USED = Refusal(  # no refusal: a notice beside what went well
    "cached_revocation_used",
    vi="Máy chủ trạng thái chứng thư không trả lời; đã dùng dữ liệu thu hồi còn hạn được lưu lúc {at}.",
    en="The CA's status servers did not answer; revocation data kept since {at} were used, which are still fresh.",
    status=200,
)

# Notices of the same kind: the signature stands, something of its proof is owed.
TIME_STAMP_OWED = Refusal(
    "time_stamp_owed",
    vi="Đã ký; máy chủ dấu thời gian không trả lời nên còn nợ dấu thời gian, hệ thống tự bổ sung.",
    en="Signed; the time-stamp server did not answer, so a time stamp is owed and will be added by itself.",
    status=200,
)
REVOCATION_UNCHECKED = Refusal(
    "revocation_unchecked",
    vi="Đã ký, nhưng CHƯA kiểm tra được chứng thư có bị thu hồi hay không: máy chủ của nơi cấp không trả lời; hệ thống sẽ kiểm tra và bổ sung.",
    en="Signed, but whether the certificate is revoked could NOT be checked: the CA does not answer; it is checked later.",
    status=200,
)
SIGNER_CERTIFICATE_ENDED = Refusal(
    "signer_certificate_ended",
    vi="Chứng thư của một chữ ký đã bị thu hồi hoặc hết hạn khi chữ ký chưa có dấu thời gian, nên không chứng minh được chữ ký có trước đó; hãy hủy số (nếu đã cấp) và trình ký lại.",
    en="A signer's certificate was revoked or ran out before a time stamp proved that the signature existed; void the number, if one was taken, and have the document signed again.",
)
NO_NEWER_STAMP = Refusal(
    "no_newer_stamp",
    vi="Máy chủ dấu thời gian vẫn dùng chứng thư sắp hết hạn; chưa gia hạn được dấu lưu trữ, hãy báo đơn vị cấp dấu thời gian.",
    en="The time-stamp server still uses the certificate that runs out; archive stamps can't be renewed, tell its operator.",
)
SIGNATURE_LOST = Refusal(
    "signature_lost",
    vi="Chữ ký đã gửi nhưng không hoàn tất được do sự cố; văn bản lại chờ ký, hãy ký lại.",
    en="The signature was handed in but could not be finished after a failure; the document waits again, sign it anew.",
)
DEBT_OVERDUE = Refusal(
    "debt_overdue",
    vi="Bằng chứng của chữ ký còn thiếu {what} từ {since}: máy chủ dấu thời gian hoặc nơi cấp chứng thư chưa trả lời; hệ thống vẫn tự bổ sung.",
    en="The signatures' proof has lacked {what} since {since}: the time-stamp server or the CA does not answer; it will still be added.",
    status=200,
)
