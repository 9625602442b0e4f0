"""`token`: what is plugged in, what it holds, and what is wrong with it; `--list` asks every driver of the machine."""

from __future__ import annotations

import argparse

from vanthu_sign import device, drivers
from vanthu_sign.cli.options import Commands, add_token
from vanthu_sign.words import MODULE_MISSING, Refused, both, say


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    token = commands.add_parser("token", help="kiểm tra token / look at the token")
    add_token(token)
    token.add_argument(
        "--list", action="store_true", help="hỏi mọi trình điều khiển / ask every driver which token it sees"
    )
    token.set_defaults(run=_token)


def _token(options: argparse.Namespace) -> int:
    if options.list:
        return _list()
    with device.opened(device.find_module(options.module, options.token), options.token) as token:
        about = token.about()
        print(f"{about.label}  {about.serial}  {about.maker} {about.model}  ·  {about.driver} {about.driver_version}")
        certificates = token.certificates()
        for certificate in certificates:
            print(
                f"{certificate.subject}  {certificate.serial}  {certificate.not_before:%d/%m/%Y}–{certificate.not_after:%d/%m/%Y}"
            )
        device.choose(certificates, None)
    return 0


def _list() -> int:
    """Every library with its tokens, one a line; exit code 1 when no token is there."""
    found = drivers.look(drivers.installed())
    if not found:
        raise Refused(MODULE_MISSING)
    for each in found:
        print(f"{each.module}  {each.name} {each.version}".rstrip())
        if each.refused is not None:
            print("    " + both(each.refused).replace("\n", "\n    "))
        for token in each.tokens:
            blank = "" if token.initialised else say(" (chưa khởi tạo)", " (not initialised)")
            print(f"    {token.label or '-'}{blank}  {token.serial or '-'}  {token.maker} {token.model}".rstrip())
        if each.refused is None and not each.tokens:
            print(say(f"    không có token ({each.slots} đầu đọc)", f"    no token ({each.slots} readers)"))
    return 0 if any(token.initialised for each in found for token in each.tokens) else 1
