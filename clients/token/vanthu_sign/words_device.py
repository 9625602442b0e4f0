"""What is wrong with a token or its driver, a sentence each, and what to do."""

from __future__ import annotations

from vanthu_sign.words import Words

DRIVER_CRASHED = Words(
    "driver_crashed",
    "Trình điều khiển của token ({module}) dừng đột ngột; văn bản đã ký vẫn giữ nguyên. Hãy rút và cắm lại token rồi chạy lại; nếu lặp lại, hãy cài lại trình điều khiển.",
    "The token's driver ({module}) crashed; what is signed stays signed. Pull the token out, plug it in and run again; if it repeats, install the driver again.",
)
DRIVER_SILENT = Words(
    "driver_silent",
    "Token không trả lời sau {seconds} giây; hãy rút và cắm lại token rồi chạy lại.",
    "The token has not answered for {seconds} s; pull it out, plug it in and run again.",
)
DRIVER_RESTARTED = Words(
    "driver_restarted",
    "Trình điều khiển của token đã dừng đột ngột và được khởi động lại; phần đã ký vẫn giữ, cần nhập PIN lại để ký tiếp.",
    "The token's driver crashed and was started again; what is signed is kept, the PIN is needed again to go on.",
)
NO_READER = Words(
    "reader_missing",
    "Không thấy đầu đọc hay USB token nào trên máy; hãy cắm token, thử cổng USB khác, hoặc bật dịch vụ thẻ thông minh.",
    "No reader and no USB token is on this machine; plug it in, try another port, or start the smart card service.",
)
TOKEN_BLANK = Words(
    "token_not_initialised",
    "Token {label} chưa được khởi tạo; hãy đề nghị đơn vị cấp thiết bị khởi tạo.",
    "Token {label} is not initialised; ask whoever issued it to set it up.",
)
TOKEN_OTHER = Words(
    "token_changed",
    "Token đang cắm không phải token lúc bắt đầu (số sê-ri {serial}); hãy cắm lại đúng token.",
    "The token plugged in is not the one you began with (serial {serial}); plug the right one in.",
)
TOKEN_BROKEN = Words(
    "token_error",
    "Token báo lỗi ({why}); hãy rút và cắm lại token rồi chạy lại, nếu lặp lại hãy đem kiểm tra thiết bị.",
    "The token reports an error ({why}); plug it in again and run again, if it repeats have the device checked.",
)
PIN_UNSET = Words(
    "pin_not_set",
    "Token chưa có mã PIN người dùng; hãy đặt PIN bằng công cụ của hãng hoặc đề nghị đơn vị cấp thiết bị.",
    "The token has no user PIN yet; set one with the maker's tool or ask whoever issued the token.",
)
PIN_TO_CHANGE = Words(
    "pin_to_be_changed",
    "Token đòi đổi PIN trước khi dùng (PIN mặc định hoặc đã hết hạn); hãy đổi PIN bằng công cụ của hãng rồi chạy lại.",
    "The token wants its PIN changed before use (default or expired); change it with the maker's tool and run again.",
)
PIN_CANCELLED = Words(
    "pin_cancelled",
    "Bạn đã không nhập PIN nên chưa ký thêm văn bản nào; không tính là một lần sai.",
    "You did not enter the PIN, so nothing more was signed; no try was used.",
)
KEY_MISSING = Words(
    "key_missing",
    "Token có chứng thư nhưng không có khóa bí mật đi kèm; hãy cắm đúng token hoặc đề nghị cấp lại.",
    "The token holds the certificate but not its private key; plug in the right token or have it issued again.",
)
CERTIFICATE_BESIDE_KEY_MISSING = Words(
    "certificate_not_on_token_yet",
    "Token có khóa nhưng chưa có chứng thư; hãy chạy vanthu-sign request để nhận chứng thư hoặc báo cán bộ quản lý.",
    "The token holds a key without a certificate; run vanthu-sign request to get it, or tell the officer.",
)
MECHANISM_MISSING = Words(
    "mechanism_missing",
    "Token không ký được theo kiểu {mechanism}; hãy cài trình điều khiển mới hơn hoặc báo quản trị.",
    "The token cannot sign {mechanism}; install a newer driver or tell the operator.",
)
CERTIFICATE_ENDS_SOON = Words(
    "certificate_ends_soon",
    "Chứng thư số còn {days} ngày (đến {until}); hãy đề nghị gia hạn (Mẫu 04) ngay để không bị gián đoạn.",
    "The certificate ends in {days} days ({until}); have it renewed (form 04) now so that nothing is interrupted.",
)
CERTIFICATE_NOT_FOR_SIGNING = Words(
    "certificate_not_for_signing",
    "Chứng thư {serial} không dùng để ký (mục đích khóa không có chữ ký số); hãy chọn chứng thư ký.",
    "Certificate {serial} is not for signing (its key usage has no digital signature); choose the signing one.",
)
PIN_EACH = Words(
    "pin_for_each",
    "Token này đòi nhập PIN cho từng chữ ký (CKA_ALWAYS_AUTHENTICATE): {count} văn bản cần {count} lần nhập PIN nữa.",
    "This token wants its PIN for every signature (CKA_ALWAYS_AUTHENTICATE): {count} documents take {count} more entries.",
)
TRIES_LOW = Words(
    "pin_tries_low",
    "Token báo đã có lần nhập PIN sai và sắp hết số lần thử; hãy nhập thật cẩn thận.",
    "The token says that the PIN was wrong before and few tries are left; enter it with care.",
)
