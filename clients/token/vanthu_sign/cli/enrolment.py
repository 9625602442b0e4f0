"""`register`, `request`, `receipt`: the token's certificate at the registry."""

from __future__ import annotations

import argparse
from functools import partial

from vanthu_sign import device, enrol
from vanthu_sign.cli.options import Commands, add_pin, add_token, enter_pin


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    register = commands.add_parser("register", help="đăng ký chứng thư trên token / register the token's certificate")
    register.add_argument("--device", metavar="SERIAL", help="số sê-ri thiết bị / the device it is on")
    register.add_argument("--certificate", metavar="SERIAL", help="số hiệu chứng thư / the certificate's serial number")
    register.add_argument("--chain", metavar="FILE", help="chứng thư CA, PEM / the CA's certificates, PEM")
    request = commands.add_parser("request", help="xin chứng thư cho khóa trên token / get a certificate for its key")
    request.add_argument(
        "--device",
        metavar="SERIAL",
        help="số sê-ri thiết bị còn phải bàn giao / the device, when it is yet to be handed over",
    )
    request.add_argument(
        "--key", choices=device.KINDS, help="tạo khóa mới loại này (mặc định ec-p256) / make a new key of this kind"
    )
    request.add_argument(
        "--wait", type=float, default=60.0, metavar="SECONDS", help="chờ CA bao lâu / how long to wait (60)"
    )
    receipt = commands.add_parser("receipt", help="ký biên nhận bàn giao / sign the receipt of a hand-over")
    receipt.add_argument("certificate_id", nargs="?", help="mã chứng thư / the certificate's id")
    for parser, run in ((register, enrol.register), (request, enrol.request), (receipt, enrol.receipt)):
        if parser is not receipt:
            whose = parser.add_mutually_exclusive_group(required=True)
            whose.add_argument("--person", metavar="LOGIN", help="người, theo tên đăng nhập / a person, by login")
            whose.add_argument("--agency", metavar="IDENTIFIER", help="cơ quan, theo mã / an agency, by identifier")
        add_pin(parser)
        add_token(parser)
        parser.set_defaults(run=partial(_enrol, run))


def _enrol(run: enrol.Act, options: argparse.Namespace) -> int:
    return run(options, enter_pin)
