"""E-mail through a real SMTP server (RFC 5321), about a notice or in answer to a mail. The only module that knows
smtplib.
"""

from __future__ import annotations

import re
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
from services.notify.store_answers import Answer
from shared.errors import Rejected

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}@?[!-;=?-~]{0,250}>")  # whatever else a stranger wrote is left out
MOST_REFERENCES = 10
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


OUTCOMES = {
    "taken": (
        "Cơ quan đã nhận được văn bản bạn gửi; văn thư sẽ kiểm tra và vào sổ.",
        "The documents that you sent have been received; a clerk will check and register them.",
    ),
    "partly": (
        "Cơ quan chỉ nhận được một phần những gì bạn gửi; xin xem từng tệp dưới đây.",
        "Only a part of what you sent has been received; please see each file below.",
    ),
    "refused": (
        "Cơ quan không nhận được văn bản nào trong thư của bạn; xin xem lý do rồi gửi lại.",
        "No document of your mail has been received; please see why, and send it again.",
    ),
}


def compose_answer(answer: Answer, *, sender: str) -> MIMEText:
    """What the sender of a mail is told, Vietnamese first, as RFC 3834 §3 asks of automatic answers: it names the mail
    that it answers, and no program answers it. Nothing of what they wrote is repeated but subject and file names.

    Raises Rejected(mail_refused) when the address is none.
    """
    vi, en = OUTCOMES[answer.outcome]
    about_vi = f"Về thư “{answer.subject}” bạn gửi" if answer.subject else "Về thư bạn gửi"
    about_en = f"About your mail “{answer.subject}”" if answer.subject else "About your mail"
    if answer.agency_name:
        about_vi, about_en = f"{about_vi} tới {answer.agency_name}", f"{about_en} to {answer.agency_name}"
    message = MIMEText(
        f"{about_vi}:\n\n{vi}\n\n"
        + "".join(f"- {line}\n" for line, _ in answer.lines)
        + "\nThư này do hệ thống văn thư gửi tự động, xin đừng trả lời.\n\n---\n\n"
        + f"{about_en}:\n\n{en}\n\n"
        + "".join(f"- {line}\n" for _, line in answer.lines)
        + "\nThis mail was sent by a program; please do not reply.\n",
        "plain",
        "utf-8",
    )
    subject = f"Tự động trả lời: {answer.subject}" if answer.subject else "Tự động trả lời: thư gửi văn bản"
    message["From"] = f"{_encoded(answer.agency_name or 'Vanthu', 'From')} <{sender}>"
    message["To"] = f"{_encoded(answer.name, 'To')} <{_checked(answer.address)}>"
    message["Subject"] = _encoded(subject, "Subject")
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{answer.mail_id}.answer@{sender.rpartition('@')[2]}>"  # the same at every try
    if names := _MESSAGE_ID.findall(answer.in_reply_to):
        message["In-Reply-To"] = names[0]
        thread = [*_MESSAGE_ID.findall(answer.refs)[-MOST_REFERENCES:], names[0]]
        message["References"] = " ".join(dict.fromkeys(thread))  # RFC 5322 §3.6.4
    message["Auto-Submitted"] = "auto-replied"  # RFC 3834 §3.1.7
    message["Content-Language"] = "vi, en"
    return message


def _encoded(text: str, header: str) -> str:
    """RFC 2047, on one logical line. By hand, since EmailMessage loses the space between a folded word and "12/UB"."""
    return Header(" ".join(text.split()), "utf-8", header_name=header).encode()


def _checked(address: str) -> str:
    try:
        return Address(addr_spec=address).addr_spec
    except (ValueError, IndexError, HeaderParseError) as error:  # beyond ASCII it is none either: few servers take such
        raise Rejected(MAIL_REFUSED, address=address, why=error) from error


def send(server: MailServer, message: MIMEText, *, silent: bool = False) -> None:
    """Hand one mail over; `silent`: nobody is told when it can't be delivered (a null return path, RFC 3834 §3.3),
    unless the server takes no such mail.

    Raises Rejected(mail_server_away, 503: worth another try) or Rejected(mail_refused: the server will not have it).
    """
    try:
        with _connect(server) as smtp:
            try:
                smtp.send_message(message, from_addr="" if silent else None)
            except smtplib.SMTPSenderRefused:
                if not silent:
                    raise
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
