"""What the program says: one sentence, Vietnamese and English, with a stable code for everything that can go wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """A message with a stable code; values stand in braces."""

    code: str
    vi: str
    en: str


class Refused(Exception):
    """Something is wrong that the person can understand and mostly mend."""

    def __init__(self, words: Words, **values: object) -> None:
        self.code = words.code
        self.vi = words.vi.format(**values)
        self.en = words.en.format(**values)
        super().__init__(f"{self.code}: {self.en}")

    def __reduce__(self) -> tuple[object, ...]:
        return (told, (self.code, self.vi, self.en))


def told(code: str, vi: str, en: str) -> Refused:
    """A refusal in somebody else's finished words: a service's, or our own from another process."""
    return Refused(Words(code, _escape(vi), _escape(en)))


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def shown(text: object, most: int = 1000) -> str:
    """Somebody else's text without anything that moves a terminal's cursor or hides what stands beside it."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:most]


def say(vi: str, en: str) -> str:
    """The sentence in the language of the environment; Vietnamese unless it asks for English."""
    return en if os.environ.get("VANTHU_LANG", "vi").startswith("en") else vi


def both(error: Refused) -> str:
    """Both languages and the code: errors are read out over the telephone to whoever can help."""
    return f"{error.vi}\n{error.en} [{error.code}]"


NOT_LOGGED_IN = Words(
    "not_logged_in",
    "Bạn chưa đăng nhập hoặc phiên đã hết; hãy chạy: vanthu-sign login --portal ĐỊA_CHỈ.",
    "You are not logged in or the session has ended; run: vanthu-sign login --portal ADDRESS.",
)
LOGIN_DENIED = Words(
    "login_denied",
    "Mã đăng nhập đã bị từ chối hoặc hết hạn; hãy chạy lại vanthu-sign login.",
    "The log-in code was denied or has expired; run vanthu-sign login again.",
)
PORTAL_ADDRESS = Words(
    "portal_address",
    "Địa chỉ cổng {where} phải bắt đầu bằng https://; hãy chép đúng địa chỉ trên trình duyệt.",
    "The portal's address {where} has to begin with https://; copy it as the browser shows it.",
)
UNREACHABLE = Words(
    "unreachable",
    "Không kết nối được tới {where}; hãy kiểm tra mạng rồi chạy lại, việc đã làm không mất.",
    "Cannot reach {where}; check the network and run again, nothing done is lost.",
)
MODULE_MISSING = Words(
    "module_missing",
    "Không tìm thấy thư viện PKCS#11 của USB token; hãy cài trình điều khiển hoặc chỉ ra bằng --module ĐƯỜNG_DẪN.",
    "No PKCS#11 library of a token was found; install its driver or name it with --module PATH.",
)
MODULE_BROKEN = Words(
    "module_broken",
    "Thư viện PKCS#11 {module} không nạp được; hãy cài lại trình điều khiển của token.",
    "The PKCS#11 library {module} cannot be loaded; install the token's driver again.",
)
TOKEN_MISSING = Words(
    "token_missing",
    "Không thấy token nào được cắm{wanted}; hãy cắm token rồi chạy lại.",
    "No token is plugged in{wanted}; plug it in and run again.",
)
TOKEN_AMBIGUOUS = Words(
    "token_ambiguous",
    "Có nhiều token: {labels}; hãy chọn một bằng --token TÊN.",
    "There are several tokens: {labels}; choose one with --token LABEL.",
)
TOKEN_GONE = Words(
    "token_gone",
    "Token bị rút hoặc trình điều khiển ngừng giữa chừng; hãy cắm lại và chạy lại, văn bản đã ký không phải ký lại.",
    "The token was removed or its driver stopped; plug it in and run again, what is signed stays signed.",
)
PIN_WRONG = Words(
    "pin_wrong",
    "Sai mã PIN; chương trình này còn cho thử {left} lần nữa (để token không bao giờ bị khóa), hãy kiểm tra PIN rồi chạy lại lệnh.",
    "Wrong PIN; this program allows {left} more tries (so that the token is never locked), check the PIN and run the command again.",
)
PIN_EMPTY = Words(
    "pin_empty",
    "Chưa nhập mã PIN nên chưa ký gì và không tính là một lần sai; hãy chạy lại lệnh.",
    "No PIN was entered, so nothing was signed and no try was used; run the command again.",
)
PIN_TRIES_USED = Words(
    "pin_tries_used",
    "Đã nhập sai PIN {count} lần; chương trình dừng để token không bị khóa. Khi chắc chắn nhớ đúng PIN, hãy thêm --pin-again.",
    "The PIN was wrong {count} times; we stop so that the token is not locked. When you are sure of the PIN, add --pin-again.",
)
PIN_FINAL_TRY = Words(
    "pin_final_try",
    "Token báo chỉ còn một lần thử PIN cuối cùng; chương trình không thử để token không bị khóa, hãy dùng công cụ của hãng để kiểm tra.",
    "The token has one last try left; we do not use it, check the PIN with the maker's own tool.",
)
PIN_LOCKED = Words(
    "pin_locked",
    "PIN của token đã bị khóa; hãy đề nghị mở khóa token (Mẫu 06) qua cơ quan quản lý.",
    "The token's PIN is locked; ask for recovery of the token (form 06) through your agency.",
)
CERTIFICATE_MISSING = Words(
    "certificate_missing",
    "Token không có chứng thư số nào đi với khóa ký; hãy kiểm tra lại token.",
    "The token holds no certificate with a signing key; check the token.",
)
CERTIFICATE_AMBIGUOUS = Words(
    "certificate_ambiguous",
    "Token có nhiều chứng thư: {serials}; hãy chọn một bằng --certificate SỐ_HIỆU.",
    "The token has several certificates: {serials}; choose one with --certificate SERIAL.",
)
CERTIFICATE_EXPIRED = Words(
    "certificate_expired",
    "Chứng thư số đã hết hạn ngày {until}; hãy đề nghị gia hạn (Mẫu 04) trước khi ký.",
    "The certificate expired on {until}; have it renewed (form 04) before signing.",
)
CERTIFICATE_EARLY = Words(
    "certificate_not_yet_valid",
    "Chứng thư số chỉ có hiệu lực từ {since}; hãy kiểm tra ngày giờ của máy.",
    "The certificate is valid from {since} only; check this machine's clock.",
)
BYTES_DIFFER = Words(
    "bytes_differ",
    "Tệp nhận được không đúng mã băm đã công bố; KHÔNG ký. Hãy thử lại, nếu vẫn vậy hãy báo quản trị.",
    "The file received is not the one announced; it is NOT signed. Try again, then tell the operator.",
)
DIGEST_DIFFERS = Words(
    "digest_differs",
    "Dữ liệu máy chủ yêu cầu ký không khớp với tệp đã hiển thị ({what}); KHÔNG ký. Hãy báo quản trị ngay.",
    "What the server asks to sign is not the file that was shown ({what}); it is NOT signed. Tell the operator now.",
)
NOTHING_CHOSEN = Words(
    "nothing_chosen",
    "Chưa chọn văn bản nào; hãy ghi mã văn bản hoặc dùng --all.",
    "No document is chosen; name some or use --all.",
)
UNKNOWN_DOCUMENT = Words(
    "unknown_document",
    "Văn bản {which} không có trong danh sách chờ bạn ký; hãy xem vanthu-sign list.",
    "Document {which} does not wait for your signature; see vanthu-sign list.",
)
STILL_WORKING = Words(
    "still_working",
    "Máy chủ đang hoàn tất chữ ký (đóng dấu thời gian); chữ ký đã được nhận, hãy xem lại sau bằng vanthu-sign list.",
    "The server is still completing the signature; it was taken, look again later with vanthu-sign list.",
)
KEY_NOT_MADE = Words(
    "key_not_made",
    "Token không tạo được cặp khóa {kind} ({why}); hãy thử loại khóa khác bằng --key hoặc kiểm tra chỗ trống của token.",
    "The token could not make a {kind} key pair ({why}); try another kind with --key or check the token's free space.",
)
PERSON_UNKNOWN = Words(
    "person_unknown",
    "Không có người nào có tên đăng nhập {login} trong phạm vi bạn quản lý; hãy kiểm tra tên hoặc thêm người vào danh bạ trước.",
    "Nobody with the login {login} is within what you oversee; check the name or enter the person in the directory first.",
)
AGENCY_UNKNOWN = Words(
    "agency_unknown",
    "Không có cơ quan nào có mã định danh {identifier}; hãy kiểm tra mã trong danh bạ.",
    "No agency has the identifier {identifier}; check it in the directory.",
)
DEVICE_UNKNOWN = Words(
    "device_unknown",
    "Không có thiết bị số sê-ri {serial} trong phạm vi bạn quản lý; hãy kiểm tra số hoặc nhập thiết bị vào kho trước.",
    "No device with the serial {serial} is within what you oversee; check it or take the device into stock first.",
)
TEXT_UNEXPECTED = Words(
    "text_unexpected",
    "Nội dung máy chủ yêu cầu ký không phải nội dung phải ký ở bước này; KHÔNG ký. Hãy báo quản trị ngay.",
    "What the server asks to sign is not what is signed at this step; it is NOT signed. Tell the operator now.",
)
REQUEST_WAITS = Words(
    "request_waits",
    "CA chưa cấp xong sau {seconds} giây; khóa và đề nghị {request} vẫn còn, hãy chạy lại đúng lệnh này sau để nhận chứng thư.",
    "The CA has not issued it within {seconds} s; the key and request {request} remain, run this same command later to get it.",
)
OTHER_KEY = Words(
    "certificate_of_other_key",
    "Chứng thư được cấp không đi với khóa trên token; KHÔNG ghi vào token. Hãy báo quản trị và thu hồi chứng thư {certificate}.",
    "The issued certificate is not for the token's key; it is NOT written. Tell the operator and revoke certificate {certificate}.",
)
NO_RECEIPT = Words(
    "no_receipt_due",
    "Không có chứng thư nào đã bàn giao đang chờ bạn ký biên nhận; nếu vừa nhận thiết bị, hãy đề nghị cán bộ ghi bàn giao trước.",
    "No certificate handed over waits for your receipt; if you just got a device, ask the officer to enter the hand-over first.",
)
RECEIPT_NOT_DUE = Words(
    "receipt_not_due",
    "Chứng thư {certificate} không ở bước “đã bàn giao, chờ ký nhận” nên không ký biên nhận được; hãy hỏi cán bộ quản lý.",
    "Certificate {certificate} is not handed over and waiting, so no receipt can be signed; ask the officer.",
)
SEVERAL_RECEIPTS = Words(
    "several_receipts",
    "Có nhiều chứng thư chờ biên nhận: {certificates}; hãy ghi một mã sau lệnh vanthu-sign receipt.",
    "Several certificates wait for a receipt: {certificates}; name one after vanthu-sign receipt.",
)
NOT_ON_TOKEN = Words(
    "certificate_not_on_token",
    "Token đang cắm không chứa chứng thư {serial}; hãy cắm đúng token vừa nhận rồi chạy lại.",
    "The token plugged in does not hold certificate {serial}; plug in the one you received and run again.",
)
CHAIN_MISSING = Words(
    "chain_unreadable",
    "Không đọc được tệp chứng thư CA {path}; hãy chỉ ra một tệp PEM.",
    "The file of CA certificates {path} cannot be read; name a PEM file.",
)
