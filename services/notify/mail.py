"""E-mail about a notice through a real SMTP server (RFC 5321). The only module that knows smtplib."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import Header
from email.headerregistry import Address
from email.mime.text import MIMEText
from email.utils import format_datetime
from typing import Literal

from pydantic import SecretStr

from services.notify.refusals import MAIL_REFUSED, MAIL_SERVER_AWAY
from services.notify.store import Notice, Recipient
from shared.errors import Rejected

TIMEOUT = 20.0  # seconds to connect and for each answer


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over; `address` is host:port."""

    address: str
    sender: str
    security: Literal["plain", "starttls", "tls"] = "plain"
    user: str | None = None
    password: SecretStr | None = None


def compose(notice: Notice, to: Recipient, *, sender: str, portal_url: str) -> MIMEText:
    """The mail about one notice: title, sentence and link. Neither the document nor anybody's reason is in it.

    Raises Rejected(mail_refused) when the registry's address is none.
    """
    message = MIMEText(
        f"Kính gửi {to.name},\n\n"
        f"{notice.text}\n\n"
        f"Mở trong hệ thống: {portal_url.rstrip('/')}{notice.link}\n\n"
        "Thư này do hệ thống văn thư gửi tự động, không kèm nội dung văn bản. "
        "Có thể tắt thư báo trong phần Tùy chọn thông báo.\n",
        "plain",
        "utf-8",
    )
    message["From"] = f"Vanthu <{sender}>"
    message["To"] = f"{_encoded(to.name, 'To')} <{_checked(to.email)}>"
    message["Subject"] = _encoded(notice.title, "Subject")
    message["Date"] = format_datetime(datetime.now(UTC))
    # The same id at every try: when the server's last answer was lost, the reader's program shows one mail.
    message["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answer comes back
    message["Content-Language"] = "vi"
    return message


def _encoded(text: str, header: str) -> str:
    """RFC 2047, on one logical line. By hand, since EmailMessage loses the space between a folded word and "12/UB"."""
    return Header(" ".join(text.split()), "utf-8", header_name=header).encode()


def _checked(address: str) -> str:
    try:
        return Address(addr_spec=address).addr_spec
    except (ValueError, IndexError, HeaderParseError) as error:  # beyond ASCII it is none either: few servers take such
        raise Rejected(MAIL_REFUSED, address=address, why=error) from error


def send(server: MailServer, message: MIMEText) -> None:
    """Hand one mail over.

    Raises Rejected(mail_server_away, 503: worth another try) or Rejected(mail_refused: the server will not have it).
    """
    try:
        with _connect(server) as smtp:
            smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, why = next(iter(error.recipients.values()))
        raise _refusal(server, message, code, why) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(server, message, error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise Rejected(MAIL_SERVER_AWAY, server=server.address, why=str(error) or type(error).__name__) from error


def _connect(server: MailServer) -> smtplib.SMTP:
    host, _, port = server.address.rpartition(":")
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, int(port), timeout=TIMEOUT, context=ssl.create_default_context())
    else:
        smtp = smtplib.SMTP(host, int(port), timeout=TIMEOUT)
    try:
        if server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if server.user and server.password:
            smtp.login(server.user, server.password.get_secret_value())
    except BaseException:
        smtp.close()
        raise
    return smtp


def _refusal(server: MailServer, message: MIMEText, code: int, why: bytes | str) -> Rejected:
    """RFC 5321 §4.2.1: 4yz is for now, 5yz for good. A refused log-in (§ RFC 4954: 530, 535) is the operator's to mend."""
    text = why.decode(errors="replace") if isinstance(why, bytes) else why
    if code < 500 or code in {530, 534, 535}:
        return Rejected(MAIL_SERVER_AWAY, server=server.address, why=f"{code} {text}")
    return Rejected(MAIL_REFUSED, address=message["To"], why=f"{code} {text}")
