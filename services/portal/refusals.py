"""What the portal refuses, and what to do about it. OAuth's error codes are those of RFC 6749, 8628 and 8707."""

from __future__ import annotations

from shared.errors import Refusal

WRONG_PASSWORD = Refusal(
    "wrong_password",
    vi="Tên đăng nhập hoặc mật khẩu chưa đúng; hãy kiểm tra phím Caps Lock và bộ gõ tiếng Việt rồi nhập lại.",
    en="The log-in name or the password is wrong; check Caps Lock and the keyboard, then try again.",
    status=401,
)
TOO_MANY_TRIES = Refusal(
    "too_many_tries",
    vi="Đã nhập sai nhiều lần; hãy chờ {wait} giây rồi thử lại, hoặc nhờ quản trị đặt lại mật khẩu.",
    en="Too many wrong tries; wait {wait} seconds and try again, or ask the administrator for a new password.",
    status=429,
)
NO_POST_TODAY = Refusal(
    "no_post_today",
    vi="Hôm nay bạn không giữ chức vụ nào trong hệ thống; hãy liên hệ cán bộ quản lý danh bạ của tỉnh.",
    en="You hold no post today; ask the province's registry officer.",
    status=403,
)
PERSON_NOT_KNOWN_YET = Refusal(
    "person_not_known_yet",
    vi="Tài khoản đúng nhưng chưa có trong danh bạ cán bộ hoặc đã ngừng hoạt động; hãy liên hệ cán bộ quản lý danh bạ.",
    en="The account is right but its person is not in the registry or no longer active; ask the registry officer.",
    status=403,
)
POST_NOT_YOURS = Refusal(
    "post_not_yours",
    vi="Chức vụ này không phải của bạn hoặc đã hết hạn; hãy chọn chức vụ khác.",
    en="This post is not yours or has ended; choose another one.",
    status=403,
)
FORBIDDEN_PAGE = Refusal(
    "forbidden",
    vi="Trang này dành cho: {roles}; nếu bạn giữ chức vụ đó, hãy đổi chức vụ ở góc trên bên phải.",
    en="This page is for: {roles}; if you hold such a post, choose it at the top right.",
    status=403,
)
FOREIGN_FORM = Refusal(
    "foreign_form",
    vi="Biểu mẫu được gửi từ một trang khác nên không được nhận; hãy mở lại trang trong Vanthu rồi làm lại.",
    en="The form was sent from another site and was not accepted; open the page in Vanthu and try again.",
    status=403,
)
FORM_TOO_LARGE = Refusal(
    "form_too_large",
    vi="Tệp gửi lên quá lớn (tối đa {limit} MB); hãy chọn tệp nhỏ hơn.",
    en="What was sent is too large (at most {limit} MB); choose a smaller file.",
    status=413,
)
FILE_TOO_LARGE = Refusal(
    "file_too_large",
    vi="Tệp {name} lớn hơn {limit} MB; hãy giảm dung lượng (quét lại ở 200 dpi) hoặc tách phụ lục rồi chọn lại.",
    en="The file {name} is larger than {limit} MB; make it smaller or split off the annexes, then choose it again.",
    status=413,
)
SERVICE_DOWN = Refusal(
    "service_down",
    vi="Phần {what} chưa trả lời; nội dung bạn nhập còn trên trang này, hãy thử lại sau ít phút.",
    en="The {what} service does not answer; what you entered is still here, try again in a few minutes.",
    status=503,
)
TOKEN_NOT_ACCEPTED = Refusal(
    "token_not_accepted",
    vi="Phần {what} chưa nhận được khóa mới của cổng nên chưa phục vụ; hãy thử lại sau ít giây, nếu vẫn vậy hãy báo quản trị.",
    en="The {what} service has not received the portal's key yet; try again in a few seconds, else tell the operator.",
    status=503,
)
NO_SIGNING_KEY = Refusal(
    "no_signing_key",
    vi="Cổng chưa có khóa ký mã truy cập; hãy khởi động lại cổng hoặc báo quản trị.",
    en="The portal has no key to sign access tokens with; restart it or tell the operator.",
    status=503,
)
USER_CODE_UNKNOWN = Refusal(
    "user_code_unknown",
    vi="Mã thiết bị này không đúng, đã dùng hoặc đã hết hạn; hãy xem lại mã trên màn hình vanthu-sign hoặc đăng nhập lại ở đó.",
    en="This device code is wrong, used or expired; look at vanthu-sign's screen again or start its log-in anew.",
    status=404,
)
FILE_NEEDED = Refusal(
    "file_needed",
    vi="Chưa chọn tệp; hãy chọn tệp rồi gửi lại.",
    en="No file was chosen; choose one and send the form again.",
    status=422,
)
DEVICE_UNKNOWN = Refusal(
    "device_unknown",
    vi="Không có thiết bị nào mang số sê-ri “{serial}”; hãy nhập kho thiết bị trước.",
    en='No device has the serial "{serial}"; take it into stock first.',
    status=422,
)
AGENCY_UNKNOWN = Refusal(
    "agency_unknown",
    vi="Không có cơ quan nào mang mã “{identifier}”; hãy tra mã trong danh bạ.",
    en='No agency has the identifier "{identifier}"; look it up in the directory.',
    status=422,
)
AGENCY_NOT_FOUND = Refusal(
    "agency_not_found",
    vi="Không tìm thấy đúng một cơ quan với “{words}”; hãy gõ mã định danh hoặc tên đầy đủ hơn.",
    en="There is not just one agency for “{words}”; type its identifier or more of its name.",
    status=422,
)
FORM_SENT_ALREADY = Refusal(
    "form_sent_already",
    vi="Biểu mẫu này đã trình thành văn bản. Hãy mở văn bản đó trong “Văn bản đi”, rút lại rồi sửa; muốn có văn bản khác thì mở biểu mẫu mới.",
    en="This form has been submitted as a document. Open that document, withdraw it and revise it; for another document open a new form.",
)
FILE_MISSING = Refusal(
    "file_missing",
    vi="Chưa chọn tệp; hãy chọn tệp của văn bản rồi gửi lại.",
    en="No file was chosen; choose the document's file and send it again.",
    status=422,
)
BAD_OPERATOR_FILE = Refusal(
    "bad_operator_file",
    vi="Tệp {file} không đúng dạng: {why}.",
    en="The file {file} is not as expected: {why}.",
    status=422,
)

# --- OAuth: the code is the `error` of RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707 §2

INVALID_CLIENT = Refusal(
    "invalid_client",
    vi="Không nhận ra chương trình này hoặc mật khẩu của nó sai; hãy kiểm tra client_id và client_secret.",
    en="The client is not known or its secret is wrong; check client_id and client_secret.",
    status=401,
)
INVALID_GRANT = Refusal(
    "invalid_grant",
    vi="Mã đăng nhập đã dùng, đã hết hạn hoặc bị thu hồi; hãy đăng nhập lại.",
    en="The code or token was used, has expired or was withdrawn; log in again.",
    status=400,
)
UNSUPPORTED_GRANT_TYPE = Refusal(
    "unsupported_grant_type",
    vi="Cổng không hỗ trợ grant_type này; hãy dùng device_code, refresh_token hoặc client_credentials.",
    en="This grant_type is not supported; use device_code, refresh_token or client_credentials.",
    status=400,
)
INVALID_TARGET = Refusal(
    "invalid_target",
    vi="Không có dịch vụ “{audience}”; hãy chọn docs, signing, registry hoặc notify.",
    en='There is no service "{audience}"; choose docs, signing, registry or notify.',
    status=400,
)
AUTHORIZATION_PENDING = Refusal(
    "authorization_pending",
    vi="Chưa có ai xác nhận mã; hãy mở trang xác nhận và nhập mã.",
    en="Nobody has approved the code yet; open the page and type it.",
    status=400,
)
SLOW_DOWN = Refusal(
    "slow_down",
    vi="Chương trình hỏi quá dày; hãy giãn thêm 5 giây.",
    en="Polling too fast; wait 5 seconds longer between tries.",
    status=400,
)
EXPIRED_TOKEN = Refusal(
    "expired_token",
    vi="Mã thiết bị đã hết hạn; hãy bắt đầu đăng nhập lại.",
    en="The device code has expired; start the log-in again.",
    status=400,
)
ACCESS_DENIED = Refusal(
    "access_denied",
    vi="Người dùng đã từ chối cho chương trình này đăng nhập; nếu nhầm, hãy bắt đầu lại.",
    en="The person refused this program; if by mistake, start again.",
    status=400,
)

# --- signing tickets: an extension grant, so with codes of its own (RFC 6749 §8.5)

SIGNING_TICKET_INVALID = Refusal(
    "signing_ticket_invalid",
    vi="Vé ký này không phải của chương trình ký này hoặc không có thật; KHÔNG ký. Hãy mở lại trang “Chờ ký” và bấm Ký lần nữa.",
    en="This signing ticket is not this program's or does not exist; nothing is signed. Open the page again and press sign.",
    status=400,
)
SIGNING_TICKET_EXPIRED = Refusal(
    "signing_ticket_expired",
    vi="Vé ký đã quá hai phút; hãy bấm Ký lần nữa trên trang “Chờ ký”.",
    en="The signing ticket is older than two minutes; press sign on the page once more.",
    status=400,
)
SIGNING_TICKET_USED = Refusal(
    "signing_ticket_used",
    vi="Vé ký này đã được dùng một lần nên phiên ký của nó bị dừng; hãy bấm Ký lần nữa, nếu gặp lại hãy báo quản trị.",
    en="This signing ticket was used before, so its sitting is stopped; press sign again, and tell the operator if it recurs.",
    status=400,
)
SIGNING_LIST_CHANGED = Refusal(
    "signing_list_changed",
    vi="Văn bản chờ ký đã thay đổi từ khi bạn mở trang; hãy tải lại trang, xem lại rồi bấm Ký.",
    en="What waits for your signature has changed since you opened the page; reload it, look again and press sign.",
    status=409,
)
OF_A_TICKET = {each.code: each for each in (SIGNING_TICKET_INVALID, SIGNING_TICKET_EXPIRED, SIGNING_TICKET_USED)}
OF_A_POLL = {
    each.code: each for each in (AUTHORIZATION_PENDING, SLOW_DOWN, EXPIRED_TOKEN, ACCESS_DENIED, INVALID_GRANT)
}

# --- checking a file that somebody holds

FILE_NOT_CHOSEN = Refusal(
    "file_not_chosen",
    vi="Chưa chọn tệp PDF; hãy chọn tệp rồi bấm Kiểm tra.",
    en="No PDF file is chosen; choose one, then press the button.",
    status=422,
)
MOMENT_MALFORMED = Refusal(
    "moment_malformed",
    vi="Thời điểm kiểm tra phải là một ngày giờ đã qua; hãy chọn lại hoặc để trống.",
    en="The time to check for must be a date and time that is past; choose again or leave it empty.",
    status=422,
)
PAGE_TOO_OLD = Refusal(
    "page_too_old",
    vi="Trang đã mở quá lâu; hãy chọn lại tệp và bấm Kiểm tra lần nữa.",
    en="The page was open for too long; choose the file again and press the button once more.",
    status=409,
)

WORKFLOW_NAME_MISSING = Refusal(
    "workflow_name_missing",
    vi="Quy trình cần có tên; hãy đặt tên rồi lưu, các bước đã nhập vẫn còn.",
    en="The workflow needs a name; give it one and save, its stages are still there.",
    status=422,
)
