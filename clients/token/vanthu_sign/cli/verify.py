"""`vanthu-sign verify`: validates signed PDFs offline, without any service and without log-in."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from vanthu_verify.command import options, run

    made = commands.add_parser("verify", help="kiểm tra chữ ký, ngoại tuyến / validate signed files, offline")
    options(made)
    made.set_defaults(run=run)
