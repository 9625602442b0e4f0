"""`selftest`: each point ok or not, with what to do."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack, closing

from vanthu_sign import report, selftest
from vanthu_sign.cli.options import Commands, add_token, ask_pin
from vanthu_sign.selftest import Found, Point, Wanted
from vanthu_sign.server import Server
from vanthu_sign.words import both, say

# What a point is called for people; its name in --json stays.
NAMES = {
    "program": "chương trình",
    "disk": "chỗ trên đĩa",
    "server": "máy chủ",
    "clock": "đồng hồ",
    "driver": "trình điều khiển",
    "token": "token",
    "certificate": "chứng thư",
    "certificate_end": "hạn chứng thư",
    "chain": "nơi cấp chứng thư",
    "registered": "đã đăng ký",
    "signature": "chữ ký thử",
}


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("selftest", help="tự kiểm tra máy, token, máy chủ / is everything there to sign")
    parser.add_argument("--pin", action="store_true", help="hỏi PIN và ký thử / ask the PIN and make a test signature")
    parser.add_argument(
        "--pin-stdin", action="store_true", help="đọc PIN từ đầu vào chuẩn và ký thử / the PIN from standard input"
    )
    parser.add_argument("--offline", action="store_true", help="không hỏi máy chủ / leave the server out")
    parser.add_argument("--json", action="store_true", help="một đối tượng JSON mỗi dòng / one JSON object a line")
    parser.add_argument("--certificate", metavar="SERIAL", help="số hiệu chứng thư / the certificate's serial number")
    add_token(parser)
    parser.set_defaults(run=_selftest)


def _selftest(options: argparse.Namespace) -> int:
    ask = ask_pin(options) if options.pin or options.pin_stdin else None
    with ExitStack() as stack:
        server = None if options.offline else stack.enter_context(closing(Server(options.home, patience=5.0)))
        points, found = [], Found()
        wanted = Wanted(options.module, options.token, options.certificate, ask)
        for point in selftest.run(options.home, server, wanted, found):
            points.append(point)
            _say(point, as_json=options.json)
        failed = tuple(point.refused.code for point in points if point.refused is not None and not point.warning)
        report.tested(options.home, failed)
        if server is not None:
            report.send(
                server,
                options.home,
                "selftest",
                about=found.about,
                certificate=found.certificate,
                problem=found.problem,
            )
    return 1 if failed else 0


def _say(point: Point, *, as_json: bool) -> None:
    refused = point.refused
    if as_json:
        found = {"point": point.name, "ok": point.good, "found": point.said, "code": refused.code if refused else None}
        found |= {"vi": refused.vi if refused else None, "en": refused.en if refused else None}
        print(json.dumps(found, ensure_ascii=False), flush=True)
        return
    mark = (
        say("đạt", "ok") if refused is None else say("chú ý", "note") if point.warning else say("KHÔNG ĐẠT", "NOT OK")
    )
    print(f"{mark:10} {say(NAMES.get(point.name, point.name), point.name):18} {point.said}".rstrip(), flush=True)
    if refused is not None:
        print("           " + both(refused).replace("\n", "\n           "), flush=True)
