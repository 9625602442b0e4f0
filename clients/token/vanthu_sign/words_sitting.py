"""What a sitting, the line to the server and the client's own folder say."""

from __future__ import annotations

from vanthu_sign.words import Words

SITTING_BUSY = Words(
    "sitting_busy",
    "Trên máy này đang có một lần ký khác (cửa sổ khác hoặc trình duyệt); hãy chờ lần đó xong rồi chạy lại.",
    "Another sitting is under way on this machine (another window or the browser); wait until it ends and run again.",
)
STOPPED = Words(
    "stopped",
    "Chưa ký văn bản này vì đã dừng; văn bản vẫn chờ, lần ký sau sẽ tiếp tục từ đây.",
    "Not signed because you stopped; the document still waits and the next sitting goes on from here.",
)
KEPT = Words(
    "kept_not_handed_in",
    "Đã ký nhưng chưa gửi được tới máy chủ; chữ ký được giữ trong máy này và tự gửi ở lần chạy vanthu-sign sau.",
    "Signed but not yet handed in; the signature is kept here and handed in by the next run of vanthu-sign.",
)
LEASE_RAN_OUT = Words(
    "prepared_again",
    "Phần chuẩn bị đã quá 15 phút nên được chuẩn bị lại; nội dung văn bản không đổi, chỉ có giờ ký mới.",
    "What was prepared is older than 15 minutes and was prepared again; the text is the same, the time of signing new.",
)
BASE_IS_NEW = Words(
    "document_changed",
    "Văn bản đã có phiên bản mới kể từ lúc bạn xem; hãy xem lại trước khi ký.",
    "The document has a newer version than the one you saw; look at it before signing.",
)
NOT_REVIEWED = Words(
    "not_reviewed",
    "Văn bản đã thay đổi sau khi hiển thị và chưa được xem lại nên KHÔNG ký; hãy chạy lại để xem phiên bản mới.",
    "The document changed after it was shown and was not looked at again, so it is NOT signed; run again to see it.",
)
ANSWER_TOO_LARGE = Words(
    "answer_too_large",
    "Máy chủ {where} trả lời quá lớn hoặc không bao giờ hết (giới hạn {limit_mb} MB); đã ngắt. Hãy báo quản trị.",
    "The server {where} sent too much or never ended (limit {limit_mb} MB); it was cut off. Tell the operator.",
)
ANSWER_TOO_SLOW = Words(
    "answer_too_slow",
    "Máy chủ {where} trả lời không xong trong {seconds} giây; đã ngắt. Hãy kiểm tra mạng rồi chạy lại.",
    "The server {where} did not finish its answer within {seconds} s; it was cut off. Check the network, run again.",
)
ANSWER_UNEXPECTED = Words(
    "answer_unexpected",
    "Máy chủ {where} trả lời sai kiểu dữ liệu ({found}); KHÔNG dùng. Hãy kiểm tra địa chỉ cổng hoặc báo quản trị.",
    "The server {where} answered with the wrong kind of data ({found}); it is NOT used. Check the portal's address or tell the operator.",
)
REDIRECTED = Words(
    "redirected",
    "Máy chủ {where} chuyển hướng sang {target}; chương trình không đi theo. Hãy đăng nhập lại đúng địa chỉ cổng.",
    "The server {where} redirects to {target}; this program does not follow. Log in with the portal's right address.",
)
OTHER_ORIGIN = Words(
    "other_origin",
    "Cổng chỉ sang máy chủ khác ({where}); phiên đăng nhập không được gửi tới đó. Hãy báo quản trị.",
    "The portal points to another server ({where}); your log-in is not sent there. Tell the operator.",
)
FOLDER_UNUSABLE = Words(
    "folder_unusable",
    "Không ghi được vào thư mục {path} ({why}); hãy giải phóng ổ đĩa hoặc kiểm tra quyền rồi chạy lại.",
    "The folder {path} cannot be written ({why}); free some disk space or check its permissions and run again.",
)
DISK_LOW = Words(
    "disk_low",
    "Ổ đĩa chứa {path} chỉ còn {free_mb} MB (cần {need_mb} MB); hãy giải phóng ổ đĩa.",
    "The disk of {path} has only {free_mb} MB left ({need_mb} MB are needed); free some space.",
)
CLOCK_OFF = Words(
    "clock_off",
    "Đồng hồ máy này lệch máy chủ {seconds} giây; hãy bật đồng bộ giờ của hệ điều hành.",
    "This machine's clock is {seconds} s off the server's; switch on the system's time synchronisation.",
)
ISSUER_MISMATCH = Words(
    "certificate_issuer_mismatch",
    "Chứng thư trên token không do {issuer} trên token cấp; hãy báo cán bộ quản lý chứng thư.",
    "The token's certificate was not issued by the {issuer} that lies beside it; tell the certificate officer.",
)
CERTIFICATE_UNREGISTERED = Words(
    "certificate_not_registered",
    "Chứng thư {serial} chưa được đăng ký hoặc không còn hiệu lực trong hệ thống; hãy hỏi cán bộ quản lý hoặc chạy vanthu-sign register.",
    "Certificate {serial} is not registered for you or not active; ask the officer or run vanthu-sign register.",
)
TEST_SIGNATURE_WRONG = Words(
    "test_signature_wrong",
    "Chữ ký thử không khớp với chứng thư trên token; hãy đem kiểm tra thiết bị hoặc cài lại trình điều khiển.",
    "The test signature does not fit the token's certificate; have the device checked or install its driver again.",
)
