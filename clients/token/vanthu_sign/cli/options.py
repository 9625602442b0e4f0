"""What several commands ask for: the token, the PIN, and a yes."""

from __future__ import annotations

import argparse
import getpass
import sys

from vanthu_sign import pin
from vanthu_sign.device import Device
from vanthu_sign.pin import Counter, PinAsk, Why
from vanthu_sign.words import Refused, say
from vanthu_sign.words_device import TRIES_LOW

Commands = argparse._SubParsersAction  # noqa: SLF001  argparse has no public name for it


def add_pin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes", action="store_true", help="không hỏi lại trước khi nhập PIN / do not ask before the PIN"
    )
    parser.add_argument(
        "--pin-stdin", action="store_true", help="đọc PIN từ đầu vào chuẩn / read the PIN from standard input"
    )
    parser.add_argument(
        "--pin-again", action="store_true", help="thử lại PIN sau khi đã sai nhiều lần / try the PIN again"
    )


def add_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--module", metavar="PATH", help="thư viện PKCS#11 / the PKCS#11 library")
    parser.add_argument("--token", metavar="LABEL", help="tên token / the token's label")


def ask_pin(options: argparse.Namespace) -> pin.AskPin:
    """Ask at the terminal, or read a line of standard input for each question."""

    def ask(question: PinAsk) -> str | None:
        if question.tries == "low":
            low = Refused(TRIES_LOW)
            print(say(low.vi, low.en), file=sys.stderr, flush=True)
        if options.pin_stdin:
            return sys.stdin.readline().rstrip("\n")
        if question.on_reader:
            return input(
                say("Nhấn Enter rồi nhập PIN trên đầu đọc. ", "Press Enter, then type the PIN on the reader. ")
            )
        try:
            return getpass.getpass(_prompt(question))
        except EOFError:
            return None

    return ask


def _prompt(question: PinAsk) -> str:
    if question.why is Why.EACH:
        return say(
            f"Mã PIN của token {question.token} cho “{question.title}” (còn {question.documents} lần): ",
            f"PIN of token {question.token} for “{question.title}” ({question.documents} more): ",
        )
    return say(f"Mã PIN của token {question.token}: ", f"PIN of token {question.token}: ")


def enter_pin(token: Device, options: argparse.Namespace, *, writing: bool = False) -> None:
    """Once; a wrong one is counted and said, and never tried a second time by itself."""
    counter = Counter(options.home)
    if options.pin_again:
        counter.right(token.serial)
    pin.enter(token, counter, ask_pin(options), writing=writing)


def agreed(question: str) -> bool:
    """A yes at the terminal; the end of the input is a no."""
    try:
        return input(question).strip().lower() in {"c", "co", "có", "y", "yes"}
    except EOFError:
        return False
