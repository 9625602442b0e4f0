"""What is refused around CAs and the batches that go to them by hand."""

from __future__ import annotations

from shared.errors import Refusal

CA_NOT_SET_UP = Refusal(
    "ca_not_set_up",
    vi="CA “{ca}” chưa được khai báo ở hệ thống này; người vận hành xem lại VANTHU_REGISTRY_CA và các thiết lập của CA đó.",
    en="CA “{ca}” is not set up here; the operator has to look at VANTHU_REGISTRY_CA and that CA's settings.",
    status=503,
)
CA_SETTINGS = Refusal(
    "ca_settings_wrong",
    vi="Thiết lập CA chưa dùng được ({where}); người vận hành xem mục CA trong services/registry/README.md.",
    en="The settings of the CA can't be used ({where}); see the part on CAs in services/registry/README.md.",
    status=503,
)
CA_NOT_PINNED = Refusal(
    "ca_root_not_pinned",
    vi="CA tại {url} đưa chứng thư gốc khác dấu vân tay đã ghim; không gửi gì cho CA đó, hãy kiểm tra VANTHU_STEP_FINGERPRINT.",
    en="The CA at {url} shows a root other than the pinned one; nothing is sent to it, check VANTHU_STEP_FINGERPRINT.",
    status=503,
)
CA_CANNOT_HOLD = Refusal(
    "ca_cannot_hold",
    vi="CA này không biết tạm dừng chứng thư; việc tạm dừng chỉ có hiệu lực trong hệ thống này, muốn chắc chắn hãy thu hồi.",
    en="This CA knows no suspension; the certificate is suspended within this system only, revoke it to be sure.",
)
CA_BY_HAND = Refusal(
    "ca_by_hand",
    vi="CA này làm việc bằng hồ sơ: hãy lập đợt gửi hồ sơ rồi nạp tệp chứng thư nhận về.",
    en="This CA works with files: make a batch of the orders that wait, and bring back the file that comes.",
)
NOTHING_WAITS = Refusal(
    "batch_nothing_waits",
    vi="Không có yêu cầu nào chờ gửi CA; chưa cần lập đợt.",
    en="No order waits for this CA; there is nothing to put into a batch.",
)
ORDER_ENDED = Refusal(
    "ca_order_ended",
    vi="Yêu cầu này đã có kết quả ({state_vi}); hãy tải lại để xem.",
    en="This order has its answer already ({state_en}); reload to see it.",
)
ANSWERS_UNREADABLE = Refusal(
    "answers_unreadable",
    vi="Không đọc được tệp chứng thư ({why}); hãy nạp tệp ZIP, PEM, DER hoặc P7B do CA gửi.",
    en="The file of certificates can't be read ({why}); bring the ZIP, PEM, DER or P7B file that the CA sent.",
    status=422,
)
ANSWERS_TOO_MANY = Refusal(
    "answers_too_many",
    vi="Tệp vượt giới hạn ({limit}); hãy chia thành nhiều tệp.",
    en="The file is over the limit ({limit}); split it.",
    status=413,
)
NOT_ORDERED = Refusal(
    "certificate_not_ordered",
    vi="Không có yêu cầu nào đang chờ ứng với khóa của chứng thư {serial}; hãy đăng ký riêng nếu đúng là của tỉnh.",
    en="No order that waits has the key of certificate {serial}; if it is ours, enter it by itself.",
    status=422,
)
ANSWER_REPEATED = Refusal(
    "certificate_repeated_in_file",
    vi="Tệp có hai chứng thư khác nhau cho cùng một yêu cầu; hãy hỏi CA chứng thư nào đúng.",
    en="The file has two certificates for one order; ask the CA which one it means.",
    status=422,
)
