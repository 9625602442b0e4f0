"""What is refused on the way of a certificate, a device or a procedure, and what to do about it."""

from __future__ import annotations

from shared.errors import Refusal

# What stages and states are called in a sentence; the codes are for programs.
WORDS = {
    "waiting": ("chờ gửi", "waiting"),
    "sent": ("đã gửi", "sent"),
    "answered": ("đã trả lời", "answered"),
    "requested": ("đã đề nghị", "requested"),
    "approved": ("đã duyệt", "approved"),
    "forwarded": ("đã chuyển đi", "forwarded"),
    "issued": ("đã cấp, chưa bàn giao", "issued, not handed over"),
    "handed_over": ("đã bàn giao, chờ ký nhận", "handed over, waiting for its receipt"),
    "active": ("đang dùng", "in use"),
    "suspended": ("tạm dừng", "suspended"),
    "renewed": ("đã có chứng thư thay", "renewed"),
    "revoked": ("đã thu hồi", "revoked"),
    "expired": ("hết hạn", "expired"),
    "device_returned": ("đã giao nộp thiết bị", "its device returned"),
    "device_lost": ("thiết bị bị mất", "its device lost"),
    "done": ("xong", "done"),
    "refused": ("bị từ chối", "refused"),
    "withdrawn": ("đã rút", "withdrawn"),
}


def words(name: str, code: str) -> dict[str, str]:
    """The two parameters of a sentence that names a stage or state: `name` with _vi and _en."""
    vi, en = WORDS[code]
    return {f"{name}_vi": vi, f"{name}_en": en}


# --- stages of a certificate, renewal, change of content

CERTIFICATE_STAGE = Refusal(
    "certificate_stage",
    vi="Chứng thư {serial} đang ở bước “{stage_vi}” nên chưa làm được việc này; hãy tải lại để xem bước tiếp theo.",
    en="Certificate {serial} is at “{stage_en}”, which does not allow this; reload to see what comes next.",
)
NOT_HANDED_OVER = Refusal(
    "certificate_not_handed_over",
    vi="Chứng thư {serial} chưa bàn giao xong; hãy bàn giao thiết bị rồi để người nhận ký xác nhận.",
    en="Certificate {serial} is not handed over yet; hand the device over and have its holder sign the receipt.",
)
CERTIFICATE_LIVES = Refusal(
    "certificate_still_valid",
    vi="Chứng thư {serial} trên thiết bị vẫn còn hiệu lực; hãy thu hồi chứng thư trước (Mẫu 05).",
    en="Certificate {serial} on the device is still valid; have it revoked first (form 05).",
)
DEVICE_GONE = Refusal(
    "certificate_device_gone",
    vi="Thiết bị mang chứng thư {serial} đã mất hoặc đã giao nộp nên chứng thư không dùng lại được; hãy thu hồi và đề nghị cấp mới.",
    en="The device with certificate {serial} is lost or returned, so it can't be used again; revoke it and request a new one.",
)
RENEWAL_REPEATED = Refusal(
    "renewal_repeated",
    vi="Chứng thư {serial} đã được gia hạn đủ {times} lần; hãy đề nghị cấp chứng thư mới (Mẫu 01 hoặc 02).",
    en="Certificate {serial} was renewed {times} time(s) already, which is all; request a new one (form 01 or 02).",
)
RENEWAL_LATE = Refusal(
    "renewal_late",
    vi="Chứng thư {serial} chỉ còn {left} ngày, gia hạn cần ít nhất {needed} ngày; hãy đề nghị cấp mới (Mẫu 01 hoặc 02).",
    en="Certificate {serial} has {left} days left and a renewal needs {needed}; request a new one (form 01 or 02).",
)
RENEWAL_TOO_LONG = Refusal(
    "renewal_too_long",
    vi="Chứng thư mới kéo dài quá {days} ngày sau ngày hết hạn cũ {until}; hãy trả lại cho nơi cấp kiểm tra.",
    en="The new certificate lasts more than {days} days past the old end {until}; return it to its CA.",
    status=422,
)
RENEWAL_EXTENDS_CHANGE = Refusal(
    "change_extends_validity",
    vi="Thay đổi nội dung không kéo dài thời hạn (đến {until}); hãy trả lại cho nơi cấp, hoặc làm thủ tục gia hạn.",
    en="A change of content does not extend the validity (to {until}); return it to its CA, or ask for a renewal.",
    status=422,
)
RENEWAL_OF_ANOTHER = Refusal(
    "renewal_of_another",
    vi="Chứng thư {serial} của chủ khác nên không thể gia hạn thành chứng thư này; hãy chọn đúng thủ tục.",
    en="Certificate {serial} is another holder's and can't be followed by this one; choose the right procedure.",
    status=422,
)
ALREADY_SUCCEEDED = Refusal(
    "certificate_already_succeeded",
    vi="Chứng thư {serial} đã có chứng thư thay thế; hãy mở chứng thư đó.",
    en="Certificate {serial} has a successor already; open that one.",
)

# --- entering a certificate

UPLOAD_UNREADABLE = Refusal(
    "certificate_file_unreadable",
    vi="Không đọc được tệp chứng thư; hãy gửi PEM, DER hoặc PKCS#7 (.cer, .crt, .der, .p7b), đúng một chứng thư của chủ.",
    en="The certificate file can't be read; send PEM, DER or PKCS#7 (.cer, .crt, .der, .p7b) with exactly one holder's.",
    status=422,
)
REVOKED_AT_CA = Refusal(
    "certificate_revoked_at_ca",
    vi="CA báo chứng thư {serial} đã bị thu hồi lúc {at}; không đăng ký, hãy đề nghị cấp chứng thư mới.",
    en="The CA says that certificate {serial} was revoked at {at}; it is not registered, request a new one.",
    status=422,
)
UNKNOWN_AT_CA = Refusal(
    "certificate_unknown_at_ca",
    vi="CA trả lời không biết chứng thư {serial}; hãy kiểm tra lại tệp với nơi cấp.",
    en="The CA says that it does not know certificate {serial}; check the file with whoever issued it.",
    status=422,
)
STATUS_UNCHECKED = Refusal(
    "certificate_status_unchecked",
    vi="Chưa hỏi được CA chứng thư {serial} còn hiệu lực không ({why}); chưa đăng ký gì, hãy thử lại sau ít phút.",
    en="The CA can't be asked whether certificate {serial} is still good ({why}); nothing is registered, try again soon.",
    status=503,
)
CHALLENGE_ENDED = Refusal(
    "challenge_ended",
    vi="Mã thử thách đã dùng hoặc quá hạn; hãy lấy mã mới rồi ký lại bằng thiết bị.",
    en="The challenge was used or has run out; get a new one and sign it with the device.",
)
POSSESSION_UNPROVED = Refusal(
    "possession_unproved",
    vi="Chữ ký trên mã thử thách không phải của khóa trong chứng thư; hãy cắm đúng thiết bị rồi ký lại.",
    en="The challenge was not signed by the certificate's key; plug in the right device and sign again.",
    status=422,
)

# --- receipts

RECEIPT_SIGNATURE = Refusal(
    "receipt_signature_wrong",
    vi="Chữ ký trên biên nhận không khớp khóa của chứng thư {serial} hoặc nội dung; hãy ký lại bằng chính thiết bị được giao.",
    en="The receipt's signature does not fit the key of certificate {serial} or the text; sign again with that very device.",
    status=422,
)
RECEIPT_PAPER = Refusal(
    "receipt_paper_incomplete",
    vi="Biên nhận giấy cần số hoặc đường dẫn bản quét và lý do không ký số; hãy bổ sung.",
    en="A receipt on paper needs the scan's number or place and why it was not signed digitally; add them.",
    status=422,
)
RECEIPT_BY_ANOTHER = Refusal(
    "receipt_by_another",
    vi="Chỉ người được giao hoặc văn thư cơ quan xác nhận được biên nhận này; hãy nhờ đúng người.",
    en="Only its holder or the agency's clerk confirms this receipt; ask them.",
    status=403,
)

# --- procedures

PROCEDURE_STATE = Refusal(
    "procedure_state",
    vi="Thủ tục đang ở bước “{state_vi}” nên không làm được việc này; hãy tải lại để xem bước tiếp theo.",
    en="The procedure is at “{state_en}”, which does not allow this; reload to see what comes next.",
)
PROCEDURE_ABOUT = Refusal(
    "procedure_about",
    vi="Thủ tục “{name}” cần nêu rõ {what_vi}; hãy bổ sung.",
    en="Procedure “{name}” needs {what}; add it.",
    status=422,
)
PROCEDURE_OPEN = Refusal(
    "procedure_open",
    vi="Đã có thủ tục cùng loại đang mở cho chứng thư hoặc thiết bị này; hãy mở thủ tục đó.",
    en="A procedure of this kind is open already for this certificate or device; open that one.",
)
PROCEDURE_UNKNOWN = Refusal(
    "procedure_unknown",
    vi="Không có thủ tục “{kind}”; hãy chọn trong danh mục ({known}).",
    en="There is no procedure “{kind}”; choose one of {known}.",
    status=422,
)
REASON_NEEDED = Refusal(
    "reason_needed",
    vi="Việc này cần nêu lý do; hãy nhập lý do.",
    en="This needs a reason; give one.",
    status=422,
)
ANSWER_NEEDED = Refusal(
    "procedure_answer_needed",
    vi="Thủ tục “{name}” chỉ được trả lời kèm chứng thư mới; hãy nhập chứng thư vào thủ tục này.",
    en="Procedure “{name}” is answered by a new certificate; enter the certificate for it.",
)
ANSWER_UNFIT = Refusal(
    "procedure_answer_unfit",
    vi="Chứng thư này không phải của thủ tục “{name}”, hoặc thủ tục chưa được chuyển đi; hãy chọn đúng thủ tục.",
    en="This certificate does not answer procedure “{name}”, or that was not forwarded yet; choose the right one.",
    status=422,
)
RECEIPT_OWED = Refusal(
    "procedure_receipt_owed",
    vi="Thủ tục chưa có biên nhận bàn giao; hãy bàn giao và lấy xác nhận trước khi kết thúc.",
    en="The receipt of the hand-over is still owed; hand over and get it confirmed first.",
)
FORM_UNKNOWN = Refusal(
    "form_unknown",
    vi="Không in được Mẫu {form} cho thủ tục này; hãy chọn một trong: {known}.",
    en="Form {form} does not fit this procedure; choose one of: {known}.",
    status=422,
)
FORMS_DIFFER = Refusal(
    "forms_differ",
    vi="Chỉ in chung được các thủ tục cùng mẫu và cùng cơ quan (tối đa {most}); hãy chọn lại.",
    en="Only procedures of one form and one agency are printed together (at most {most}); choose again.",
    status=422,
)

# --- devices

DEVICE_KNOWN = Refusal(
    "device_known",
    vi="Thiết bị số sê-ri {serial} đã có trong kho; hãy mở bản ghi đã có.",
    en="Device {serial} is in the inventory already; open that record.",
)
DEVICE_PLACE = Refusal(
    "device_place",
    vi="Thiết bị {serial} đang “{place}” nên không làm được việc này; hãy tải lại để xem nơi giữ.",
    en="Device {serial} is “{place}”, which does not allow this; reload to see where it is.",
)
DEVICE_PIN = Refusal(
    "device_pin",
    vi="PIN của thiết bị {serial} đang “{pin}” nên không làm được việc này; hãy tải lại.",
    en="The PIN of device {serial} is “{pin}”, which does not allow this; reload.",
)
DEVICE_SERIAL = Refusal(
    "device_serial_invalid",
    vi="Dòng {line}: số sê-ri “{serial}” trống, quá dài, có ký tự lạ hoặc lặp lại; hãy sửa danh sách rồi gửi lại.",
    en="Line {line}: serial “{serial}” is empty, too long, has odd characters or is there twice; correct the list.",
    status=422,
)
DEVICE_CARRIES = Refusal(
    "device_carries_certificate",
    vi="Thiết bị {serial} đang chứa chứng thư còn hiệu lực của chủ khác; hãy thu hồi chứng thư đó trước.",
    en="Device {serial} carries a valid certificate of another holder; have that one revoked first.",
)
DEVICE_HOLDER = Refusal(
    "device_holder",
    vi="“{holder}” không thuộc “{agency}”; hãy chọn người đang giữ chức vụ tại cơ quan nhận thiết bị.",
    en="“{holder}” has no post at “{agency}”; choose somebody who works at the agency that gets the device.",
    status=422,
)
LOSS_STANDS = Refusal(
    "loss_stands",
    vi="Đã báo mất thì không rút hay từ chối được vì chứng thư trên đó đang được thu hồi; nếu tìm thấy thiết bị, hãy lập đề nghị giao nộp (Mẫu 08).",
    en="A reported loss stands, since what was on the device is being revoked; when it is found, ask for its return (form 08).",
)
RECEIPT_NOT_OWED = Refusal(
    "receipt_not_owed",
    vi="Chứng thư {serial} không chờ ký nhận nên không ghi được biên nhận; hãy xem lại số hiệu.",
    en="Certificate {serial} owes no receipt, so none is kept; check the serial number.",
)
ANSWER_OTHER_KEY = Refusal(
    "answer_other_key",
    vi="Cơ quan cấp chứng thư trả về chứng thư {serial} cho một khóa khác với khóa đã đề nghị; hãy liên hệ nơi cấp.",
    en="The CA answered with certificate {serial} for another key than the one requested; ask the CA.",
)
