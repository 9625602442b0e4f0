"""`agent`: signing from the browser, see vanthu_sign.agent."""

from __future__ import annotations

import argparse

from vanthu_sign.cli.options import Commands, add_token


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("agent", help="ký từ trình duyệt / sign from the browser")
    parser.add_argument(
        "--portal",
        action="append",
        default=[],
        metavar="URL",
        help="chỉ cổng này được xin ghép nối (lặp lại được) / only this portal may ask to be paired",
    )
    parser.add_argument(
        "--window",
        choices=("tk", "pinentry", "terminal"),
        help="cách hỏi PIN (mặc định: tự chọn) / how the PIN is asked for",
    )
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--certificate", metavar="SERIAL", help="số hiệu chứng thư / the certificate's serial number")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="thoát sau một lần ký / end after one sitting")
    what.add_argument("--install", action="store_true", help="tự chạy khi đăng nhập máy / start with the session")
    what.add_argument("--pairings", action="store_true", help="xem các ghép nối / list the pairings")
    what.add_argument("--forget", metavar="ORIGIN", help="bỏ ghép nối với cổng này / end the pairings with this portal")
    add_token(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from vanthu_sign import agent

    return agent.run(options)
