"""What the development PKI refuses, and what to do about it."""

from __future__ import annotations

from shared.errors import Refusal

ADDRESS_CHANGED = Refusal(
    "devpki_address_changed",
    vi="Chứng thư trong {directory} ghi địa chỉ {written}, nhưng VANTHU_DEVPKI_URL là {wanted}; "
    "hãy đặt lại địa chỉ cũ, hoặc xóa thư mục đó để tạo lại từ đầu.",
    en="The certificates in {directory} name {written}, but VANTHU_DEVPKI_URL is {wanted}; "
    "set the old address again, or remove that directory to begin anew.",
    status=500,
)
PORT_TAKEN = Refusal(
    "devpki_port_taken",
    vi="Cổng {port} đang có chương trình khác dùng; hãy đặt VANTHU_DEVPKI_PORT sang cổng khác.",
    en="Port {port} is taken by another program; set VANTHU_DEVPKI_PORT to a free one.",
    status=500,
)
KEYS_UNKNOWN = Refusal(
    "devpki_keys_unknown",
    vi="VANTHU_DEVPKI_KEYS={keys} không có trong danh mục ({known}); hãy chọn lại.",
    en="VANTHU_DEVPKI_KEYS={keys} is none of {known}; choose one.",
    status=500,
)
SECRET_WRONG = Refusal(
    "devpki_secret_wrong",
    vi="Thiếu hoặc sai mã bí mật; hãy gửi tiêu đề Authorization: Bearer với nội dung tệp secrets/devpki.",
    en="The secret is missing or wrong; send Authorization: Bearer with the content of secrets/devpki.",
    status=401,
)
NO_SUCH_ADDRESS = Refusal(
    "devpki_no_such_address",
    vi="Không có địa chỉ {path} với phương thức {method}; hãy xem danh sách trong deploy/devpki/README.md.",
    en="There is nothing at {method} {path}; see the list in deploy/devpki/README.md.",
    status=404,
)
LENGTH_REQUIRED = Refusal(
    "devpki_length_required",
    vi="Yêu cầu thiếu Content-Length; hãy gửi lại kèm độ dài.",
    en="The request has no Content-Length; send it again with one.",
    status=411,
)
TOO_LARGE = Refusal(
    "devpki_too_large",
    vi="Yêu cầu dài quá {limit} byte; hãy gửi ít hơn.",
    en="The request is longer than {limit} bytes; send less.",
    status=413,
)
CONTENT_TYPE = Refusal(
    "devpki_content_type",
    vi="Kiểu nội dung phải là {wanted}; hãy gửi lại với tiêu đề Content-Type đó.",
    en="The content type must be {wanted}; send it again with that Content-Type.",
    status=415,
)
OUTAGE = Refusal(
    "devpki_outage",
    vi="Chức năng {what} đang được tắt để thử nghiệm; hãy bật lại bằng POST /dev/outage.",
    en="{what} is switched off for a test; switch it on again with POST /dev/outage.",
    status=503,
)
CSR_UNREADABLE = Refusal(
    "csr_unreadable",
    vi="Không đọc được yêu cầu cấp chứng thư (CSR); hãy gửi PKCS#10 dạng PEM.",
    en="The certificate request cannot be read; send PKCS#10 as PEM.",
    status=422,
)
CSR_SIGNATURE = Refusal(
    "csr_signature_invalid",
    vi="Chữ ký trên CSR không khớp khóa công khai trong đó; hãy tạo lại CSR bằng đúng khóa.",
    en="The signature on the certificate request does not match the key in it; make it again with that key.",
    status=422,
)
KEY_WEAK = Refusal(
    "key_not_accepted",
    vi="Khóa {key} không được chấp nhận; hãy dùng RSA 2048–8192 bit hoặc ECDSA P-256, P-384, P-521.",
    en="A {key} key is not accepted; use RSA of 2048 to 8192 bits, or ECDSA P-256, P-384 or P-521.",
    status=422,
)
VALIDITY = Refusal(
    "validity_not_accepted",
    vi="Thời hạn {start} – {end} không nằm gọn trong thời hạn của CA ({ca_start} – {ca_end}); hãy chọn lại.",
    en="The validity {start} to {end} does not lie within the CA's own ({ca_start} to {ca_end}); choose again.",
    status=422,
)
CERTIFICATE_UNKNOWN = Refusal(
    "certificate_unknown",
    vi="CA này không cấp chứng thư nào có số hiệu {serial}; hãy kiểm tra lại số hiệu.",
    en="This CA has issued no certificate with serial {serial}; check the serial.",
    status=404,
)
ALREADY_REVOKED = Refusal(
    "already_revoked",
    vi="Chứng thư {serial} đã bị thu hồi lúc {at} ({reason}); việc thu hồi không thể thay đổi, "
    "hãy yêu cầu cấp chứng thư mới.",
    en="Certificate {serial} was revoked at {at} ({reason}); a revocation is final, request a new certificate.",
    status=409,
)
