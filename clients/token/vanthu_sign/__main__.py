"""vanthu-sign: log in, see what waits, see exactly what will be signed, enter the PIN once, sign."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from vanthu_sign import __version__, batch, device, enrol
from vanthu_sign.pin import Counter
from vanthu_sign.server import Server
from vanthu_sign.words import NOTHING_CHOSEN, PIN_EMPTY, UNKNOWN_DOCUMENT, Refused, both, say

OK, FAILED, WRONG_USE = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: all done; 1: something was refused, the sentence says what; 2: wrong use."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except Refused as refused:
        print(both(refused), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(
            say("Đã dừng; văn bản đã ký xong vẫn giữ nguyên.", "Stopped; what is signed stays signed."), file=sys.stderr
        )
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vanthu-sign", description="Ký văn bản bằng USB token (PKCS#11). / Sign documents with a token."
    )
    parser.add_argument("--version", action="version", version=f"vanthu-sign {__version__}")
    home = Path(os.environ.get("VANTHU_SIGN_HOME", Path.home() / ".config" / "vanthu-sign"))
    parser.set_defaults(home=home)
    commands = parser.add_subparsers(required=True, metavar="login|list|sign|token|register|request|receipt|logout")
    login = commands.add_parser("login", help="đăng nhập qua trình duyệt / log in through the browser")
    login.add_argument(
        "--portal", required=True, help="địa chỉ cổng, ví dụ http://127.0.0.1:8080 / the portal's address"
    )
    login.set_defaults(run=_log_in)
    listing = commands.add_parser("list", help="văn bản chờ ký / what waits for your signature")
    listing.add_argument("--json", action="store_true", help="một đối tượng JSON mỗi dòng / one JSON object a line")
    listing.set_defaults(run=_list)
    sign = commands.add_parser("sign", help="xem và ký / show and sign")
    sign.add_argument("document", nargs="*", help="mã văn bản / document ids")
    sign.add_argument("--all", action="store_true", help="tất cả văn bản đang chờ / everything that waits")
    sign.add_argument("--open", action="store_true", help="mở từng tệp sẽ ký / open each file that will be signed")
    sign.add_argument("--certificate", metavar="SERIAL", help="số hiệu chứng thư / the certificate's serial number")
    _pin_options(sign)
    _token_options(sign)
    sign.set_defaults(run=_sign)
    token = commands.add_parser("token", help="kiểm tra token / look at the token")
    _token_options(token)
    token.set_defaults(run=_token)
    _enrolment(commands)
    commands.add_parser("logout", help="đăng xuất / log out").set_defaults(run=_log_out)
    return parser


def _enrolment(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
        _pin_options(parser)
        _token_options(parser)
        parser.set_defaults(run=partial(_enrol, run))


def _enrol(run: Callable[[argparse.Namespace, enrol.EnterPin], int], options: argparse.Namespace) -> int:
    def enter_pin(token: device.Device, options: argparse.Namespace, *, writing: bool = False) -> None:
        _enter_pin(token, Counter(options.home), options, writing=writing)

    return run(options, enter_pin)


def _pin_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes", action="store_true", help="không hỏi lại trước khi nhập PIN / do not ask before the PIN"
    )
    parser.add_argument(
        "--pin-stdin", action="store_true", help="đọc PIN từ đầu vào chuẩn / read the PIN from standard input"
    )
    parser.add_argument(
        "--pin-again", action="store_true", help="thử lại PIN sau khi đã sai nhiều lần / try the PIN again"
    )


def _token_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--module", metavar="PATH", help="thư viện PKCS#11 / the PKCS#11 library")
    parser.add_argument("--token", metavar="LABEL", help="tên token / the token's label")


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
    print(say("Đã đăng nhập.", "Logged in."))
    return OK


def _log_out(options: argparse.Namespace) -> int:
    Server(options.home).log_out()
    return OK


def _list(options: argparse.Namespace) -> int:
    tasks = Server(options.home).tasks()
    if options.json:
        for task in tasks:
            print(json.dumps(task, ensure_ascii=False))
        return OK
    print(say(f"{len(tasks)} văn bản chờ ký.", f"{len(tasks)} documents wait."))
    for task in tasks:
        _print_task(task)
    return OK


def _token(options: argparse.Namespace) -> int:
    with device.opened(device.find_module(options.module), options.token) as token:
        for certificate in token.certificates():
            print(
                f"{certificate.subject}  {certificate.serial}  {certificate.not_before:%d/%m/%Y}–{certificate.not_after:%d/%m/%Y}"
            )
        device.choose(token.certificates(), None)
    return OK


def _sign(options: argparse.Namespace) -> int:
    server = Server(options.home)
    tasks = _chosen(server.tasks(), options)
    with device.opened(device.find_module(options.module), options.token) as token:
        certificate = device.choose(token.certificates(), options.certificate)
        ready, failed = [], 0
        for one in batch.prepare(server, tasks, certificate, options.home / "documents"):
            if isinstance(one, batch.Ready):
                ready.append(one)
                _show(one, open_it=options.open)
            else:
                failed += 1
                _tell(one)
        if not ready or not _confirmed(ready, options):
            return FAILED if failed or not ready else OK
        _enter_pin(token, Counter(options.home), options)
        results = batch.sign(server, token, certificate, ready, _tell)
    return FAILED if failed or any(result.refused for result in results) else OK


def _chosen(tasks: list[dict[str, Any]], options: argparse.Namespace) -> list[dict[str, Any]]:
    if not options.all and not options.document:
        raise Refused(NOTHING_CHOSEN)
    waiting = {task["document_id"]: task for task in tasks}
    for wanted in options.document:
        if wanted not in waiting:
            raise Refused(UNKNOWN_DOCUMENT, which=wanted)
    return [task for task in tasks if options.all or task["document_id"] in options.document]


def _confirmed(ready: list[batch.Ready], options: argparse.Namespace) -> bool:
    if options.yes:
        return True
    answer = input(say(f"Ký {len(ready)} văn bản trên? [c/K] ", f"Sign these {len(ready)} documents? [y/N] "))
    return answer.strip().lower() in {"c", "co", "có", "y", "yes"}


def _enter_pin(token: device.Device, counter: Counter, options: argparse.Namespace, *, writing: bool = False) -> None:
    """Once for the whole batch; a wrong one is counted and said, and never tried a second time by itself."""
    serial = token.serial
    if options.pin_again:
        counter.right(serial)
    counter.check(serial)
    pin = (
        sys.stdin.readline().rstrip("\n")
        if options.pin_stdin
        else getpass.getpass(say("Mã PIN của token: ", "Token PIN: "))
    )
    if not pin:
        raise Refused(PIN_EMPTY)
    try:
        token.log_in(pin, writing=writing)
    except Refused as refused:
        raise (counter.wrong(serial) if refused.code == "pin_wrong" else refused) from None
    counter.right(serial)


def _show(one: batch.Ready, *, open_it: bool) -> None:
    _print_task(one.task)
    print(say(f"    tệp sẽ ký: {one.file}", f"    file to be signed: {one.file}"))
    if open_it:
        opener = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "xdg-open")
        subprocess.run([opener, str(one.file)], check=False)


def _print_task(task: dict[str, Any]) -> None:
    print(f"{task['document_id']}  {task['type_name']} …/{task['symbol']}  {task['abstract']}")
    pages = say(f"{task['page_count']} trang", f"{task['page_count']} pages")
    print(
        f"    {task['agency_name']} · {' / '.join(task['block'])} · {task['signer_name']} · {pages} · sha256 {task['sha256'][:16]}…"
    )
    for problem in task.get("problems", []):
        print(f"    ! {say(problem['vi'], problem['en'])} [{problem['code']}]")


def _tell(result: batch.Result) -> None:
    if result.refused is None:
        print(say(f"{result.document_id}  đã ký", f"{result.document_id}  signed"), flush=True)
    else:
        print(f"{result.document_id}  {both(result.refused)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
