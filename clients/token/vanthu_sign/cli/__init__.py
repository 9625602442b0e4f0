"""The command line: one module a noun, each adds its commands to the parser. Nothing is decided here."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from vanthu_sign import __version__
from vanthu_sign.cli import agent, enrolment, selftest, session, signing, token, verify
from vanthu_sign.words import Refused, both, say

OK, FAILED, WRONG_USE = 0, 1, 2
NOUNS = (session, signing, agent, token, selftest, enrolment, verify)  # each with add(commands)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: all done; 1: something was refused, the sentence says what; 2: wrong use; 130: stopped by Ctrl-C."""
    options = parser().parse_args(arguments)
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
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="vanthu-sign", description="Ký văn bản bằng USB token (PKCS#11). / Sign documents with a token."
    )
    made.add_argument("--version", action="version", version=f"vanthu-sign {__version__}")
    home = Path(os.environ.get("VANTHU_SIGN_HOME", Path.home() / ".config" / "vanthu-sign"))
    made.set_defaults(home=home)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for noun in NOUNS:
        noun.add(commands)
    return made
