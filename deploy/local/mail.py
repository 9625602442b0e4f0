"""A real SMTP server on loopback whose mails go nowhere: kept as files under var/mail, read in the browser.

A process of its own: `python -m deploy.local.mail`.
"""

from __future__ import annotations

import email
import email.policy
import html
import json
import secrets
import signal
import threading
import time
from dataclasses import dataclass
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.layout import LOOPBACK, Layout

LARGEST = 30_000_000  # bytes of one mail

STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem;border-bottom:1px solid #ccc}
pre{white-space:pre-wrap;background:#f6f6f6;padding:1rem}"""


@dataclass(frozen=True, slots=True)
class Mail:
    """A kept mail; `name` is its file's name, which sorts by time of arrival."""

    name: str
    raw: bytes
    message: EmailMessage

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain", "html"))
        content = part.get_content() if part else ""
        return str(content)

    def facts(self) -> dict[str, str | None]:
        return {
            "id": self.name.removesuffix(".eml"),
            "from": self.message["X-Mail-From"],
            "to": self.message["X-Rcpt-To"],
            "subject": self.message["Subject"],
            "date": self.message["Date"],
            "text": self.text,
        }


class Folder:
    """The mails in a directory, newest first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def keep(self, envelope: Envelope) -> None:
        content = envelope.content or b""
        head = f"X-Mail-From: {envelope.mail_from}\r\nX-Rcpt-To: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.eml"
        draft = self.path / f".{name}"
        draft.write_bytes(head + (content if isinstance(content, bytes) else content.encode()))
        draft.rename(self.path / name)

    def mails(self) -> list[Mail]:
        return [self._read(path) for path in sorted(self.path.glob("[0-9]*.eml"), reverse=True)]

    def find(self, identifier: str) -> Mail | None:
        # Compared with what is there, never joined to a path: the identifier comes from an address.
        for path in self.path.glob("[0-9]*.eml"):
            if path.stem == identifier:
                return self._read(path)
        return None

    def _read(self, path: Path) -> Mail:
        raw = path.read_bytes()
        return Mail(path.name, raw, email.message_from_bytes(raw, policy=email.policy.default))


class Receiver:
    """What the SMTP server does with a mail."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self._folder.keep(envelope)
        return "250 OK"


class Reader(BaseHTTPRequestHandler):
    """GET / and /mails/<id> for people, /mails.json and /mails/<id>.eml for programs, /healthz for the supervisor."""

    server: Pages

    def do_GET(self) -> None:
        folder, path = self.server.folder, unquote(self.path.split("?")[0])
        if path == "/":
            self._answer("text/html", _page("Hộp thư thử nghiệm", _list(folder.mails())))
        elif path == "/healthz":
            self._answer("application/json", '{"status": "ok"}')
        elif path == "/mails.json":
            facts = [mail.facts() for mail in folder.mails()]
            self._answer("application/json", json.dumps(facts, ensure_ascii=False))
        elif path.startswith("/mails/"):
            self._one(folder.find(path.removeprefix("/mails/").removesuffix(".eml")), raw=path.endswith(".eml"))
        else:
            self._missing()

    def _one(self, mail: Mail | None, *, raw: bool) -> None:
        if mail is None:
            self._missing()
        elif raw:
            self._answer("message/rfc822", mail.raw)
        else:
            self._answer("text/html", _page(str(mail.message["Subject"]), _letter(mail)))

    def _missing(self) -> None:
        page = _page("Không có thư này", '<p><a href="/">Về danh sách thư</a></p>')
        self._answer("text/html", page, HTTPStatus.NOT_FOUND)

    def _answer(self, kind: str, body: str | bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind if isinstance(body, bytes) else f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Not logged: the supervisor and the tests ask many times a second."""


class Pages(ThreadingHTTPServer):
    """The web page of the catcher."""

    daemon_threads = True

    def __init__(self, port: int, folder: Folder) -> None:
        self.folder = folder
        super().__init__((LOOPBACK, port), Reader)


def _page(title: str, body: str) -> str:
    heading = html.escape(title)
    return (
        f'<!doctype html><html lang="vi"><meta charset="utf-8"><title>{heading}</title><style>{STYLE}</style>'
        f"<h1>{heading}</h1>{body}</html>"
    )


def _list(mails: list[Mail]) -> str:
    if not mails:
        return "<p>Chưa có thư nào.</p>"
    rows = "".join(
        f"<tr><td>{_escaped(mail, 'Date')}<td>{_escaped(mail, 'X-Rcpt-To')}"
        f'<td><a href="/mails/{mail.name.removesuffix(".eml")}">{_escaped(mail, "Subject")}</a>'
        for mail in mails
    )
    return f"<table><tr><th>Ngày<th>Người nhận<th>Tiêu đề{rows}</table>"


def _letter(mail: Mail) -> str:
    identifier = mail.name.removesuffix(".eml")
    return (
        f"<p>Từ: {_escaped(mail, 'X-Mail-From')}<br>Đến: {_escaped(mail, 'X-Rcpt-To')}<br>"
        f"Ngày: {_escaped(mail, 'Date')}</p><pre>{html.escape(mail.text)}</pre>"
        f'<p><a href="/mails/{identifier}.eml">Tải tệp .eml</a> · <a href="/">Về danh sách thư</a></p>'
    )


def _escaped(mail: Mail, header: str) -> str:
    return html.escape(str(mail.message[header] or "")) or "(không có)"


def main() -> None:
    layout = Layout.from_environment()
    folder = Folder(layout.directory("mail"))
    smtp = Controller(
        Receiver(folder), hostname=LOOPBACK, port=layout.ports["smtp"], data_size_limit=LARGEST, enable_SMTPUTF8=True
    )
    pages = Pages(layout.ports["mail"], folder)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    smtp.start()
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    print(f"SMTP {LOOPBACK}:{layout.ports['smtp']}, {layout.url('mail')}", flush=True)
    ended.wait()
    pages.shutdown()
    smtp.stop()


if __name__ == "__main__":
    main()
