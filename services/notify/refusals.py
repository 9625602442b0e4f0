"""Why notify refuses: what a person is told, and what is recorded with a mail that could not be sent."""

from __future__ import annotations

from shared.errors import Refusal

PEOPLE_ONLY = Refusal(
    "people_only",
    vi="Thông báo chỉ dành cho người dùng; hệ thống đối tác hãy đọc kênh trả lời của mình trên Kafka.",
    en="Notices are for people; a partner's system reads its replies topic on Kafka.",
    status=403,
)
PERSON_INACTIVE = Refusal(
    "person_inactive",
    vi="Tài khoản của bạn đã ngừng hoạt động trong danh bạ; hãy liên hệ quản trị danh bạ của cơ quan.",
    en="The registry says that you are no longer active; ask the registry officer.",
    status=403,
)
MAIL_SERVER_AWAY = Refusal(
    "mail_server_away",
    vi="Máy chủ thư {server} chưa nhận thư ({why}); hệ thống sẽ tự gửi lại, hãy kiểm tra máy chủ thư nếu kéo dài.",
    en="The mail server {server} does not take mail now ({why}); it is tried again, look at that server if it lasts.",
    status=503,
)
MAIL_REFUSED = Refusal(
    "mail_refused",
    vi="Máy chủ thư không chấp nhận thư gửi tới {address} ({why}); hãy kiểm tra lại địa chỉ thư.",
    en="The mail server refuses mail for {address} ({why}); check the address.",
    status=422,
)
