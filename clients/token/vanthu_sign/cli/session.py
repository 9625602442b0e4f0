"""`login` and `logout`: the device flow through the person's own browser."""

from __future__ import annotations

import argparse

from vanthu_sign import report
from vanthu_sign.cli.options import Commands
from vanthu_sign.server import Server
from vanthu_sign.words import say


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    login = commands.add_parser("login", help="đăng nhập qua trình duyệt / log in through the browser")
    login.add_argument(
        "--portal", required=True, help="địa chỉ cổng, ví dụ http://127.0.0.1:8080 / the portal's address"
    )
    login.set_defaults(run=_log_in)
    commands.add_parser("logout", help="đăng xuất / log out").set_defaults(run=_log_out)


def _log_in(options: argparse.Namespace) -> int:
    server = Server(options.home)
    code = server.begin_log_in(options.portal)
    print(
        say(
            f"Mở {code.verification_uri} và nhập mã: {code.user_code}",
            f"Open {code.verification_uri} and enter: {code.user_code}",
        ),
        flush=True,
    )
    server.finish_log_in(code)
    report.send(server, options.home, "login")
    print(say("Đã đăng nhập.", "Logged in."))
    return 0


def _log_out(options: argparse.Namespace) -> int:
    Server(options.home).log_out()
    return 0
