"""`vanthu-sign verify`: validates signed PDFs offline, without any service and without log-in."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from vanthu_verify.command import options, run

    made = commands.add_parser("verify", help="kiểm tra chữ ký, ngoại tuyến / validate signed files, offline")
    options(made)
    made.set_defaults(run=run)
    from vanthu_verify.ledger import command as ledger

    whole = commands.add_parser("verify-ledger", help="kiểm tra sổ cái, ngoại tuyến / check the ledger, offline")
    ledger.options(whole)
    whole.set_defaults(run=ledger.run)
