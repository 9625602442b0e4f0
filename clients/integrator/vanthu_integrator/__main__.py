"""vanthu-integrator: the SDK from a shell, for trying a connection out and for simple gateways."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx

from vanthu_integrator.files import FileDamaged, FileRefused, Files
from vanthu_integrator.messages import (
    Agency,
    DocumentDelivered,
    DocumentRenewed,
    DocumentSent,
    File,
    Message,
    StatusSent,
)
from vanthu_integrator.partner import Credential, NotDelivered, Partner, Received


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: done; 1: refused or not delivered, the sentence says why; 2: wrong use."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (FileRefused, FileDamaged, NotDelivered, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except httpx.TransportError as error:
        print(f"the portal or its services do not answer: {error}; check VANTHU_PORTAL", file=sys.stderr)
        return 1
    except _SettingMissing as error:
        print(f"{error} is not set; see vanthu-integrator --help", file=sys.stderr)
        return 2


class _SettingMissing(Exception):
    """The name of an environment variable that has to be set."""


def _setting(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise _SettingMissing(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vanthu-integrator",
        description="Settings: VANTHU_PORTAL, VANTHU_PARTNER, VANTHU_CLIENT_SECRET, VANTHU_KAFKA, VANTHU_KAFKA_PASSWORD"
        " (VANTHU_KAFKA_USER, default partner-<name>; VANTHU_KAFKA_SECURITY, default SASL_SSL).",
    )
    commands = parser.add_subparsers(required=True)
    send = commands.add_parser("send", help="send a PDF to agencies")
    send.add_argument("file", type=Path, help="the PDF")
    send.add_argument("--sender", required=True, help="IDENTIFIER=NAME of the sending agency")
    send.add_argument("--to", required=True, action="append", help="IDENTIFIER of a recipient, repeatable")
    send.add_argument(
        "--type", default="CV=Công văn", help="CODE=NAME of the document type, e.g. BC=Báo cáo; without it CV=Công văn"
    )
    send.add_argument("--number", required=True, help="number and symbol, e.g. 15/QĐ-UBND")
    send.add_argument("--date", type=_day, default=datetime.now(UTC).date(), help="of issue, YYYY-MM-DD; default today")
    send.add_argument("--abstract", required=True, help="one sentence on what it is about")
    send.add_argument("--signer", required=True, help="name of the person who signed")
    send.set_defaults(run=_send)
    receive = commands.add_parser("receive", help="print and download what was delivered to you")
    receive.add_argument("--folder", type=Path, default=Path(), help="where the files go; default here")
    receive.add_argument("--seconds", type=float, default=10.0, help="stop when nothing came for so long")
    receive.set_defaults(run=_receive)
    replies = commands.add_parser("replies", help="print the replies to what you sent")
    replies.add_argument("--seconds", type=float, default=10.0, help="stop when nothing came for so long")
    replies.set_defaults(run=_replies)
    heads = commands.add_parser("heads", help="keep the sealed heads of the ledger, as proof of what was there")
    heads.add_argument("--file", type=Path, default=Path("heads.ndjson"), help="appended to; default heads.ndjson")
    heads.add_argument("--seconds", type=float, default=10.0, help="stop when nothing came for so long")
    heads.set_defaults(run=_heads)
    status = commands.add_parser("status", help="say how a delivery stands")
    status.add_argument("delivery", type=UUID)
    status.add_argument("status", help="02 refused, 03 registered, 04 assigned, 05 in work, 06 done")
    status.add_argument("--reason", help="why, for 02")
    status.add_argument("--code", help="with 02: what kind of reason, such as file_damaged or wrong_recipient")
    status.add_argument("--staff", required=True, help="name of the person who did it")
    status.set_defaults(run=_status)
    return parser


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{written!r} is not a date written YYYY-MM-DD") from None


def _partner() -> Partner:
    name = _setting("VANTHU_PARTNER")
    return Partner(
        Credential(
            name=name,
            kafka=_setting("VANTHU_KAFKA"),
            kafka_user=os.environ.get("VANTHU_KAFKA_USER", f"partner-{name}"),
            kafka_password=_setting("VANTHU_KAFKA_PASSWORD"),
            security=os.environ.get("VANTHU_KAFKA_SECURITY", "SASL_SSL"),
        )
    )


def _files() -> Files:
    return Files(_setting("VANTHU_PORTAL"), _setting("VANTHU_PARTNER"), _setting("VANTHU_CLIENT_SECRET"))


def _send(options: argparse.Namespace) -> int:
    identifier, _, name = options.sender.partition("=")
    code, _, type_name = options.type.partition("=")
    message = Message(
        sender=Agency(identifier=identifier, name=name or identifier),
        type_code=code,
        type_name=type_name,
        number_symbol=options.number,
        issued_on=options.date,
        abstract=options.abstract,
        signer_name=options.signer,
        files=(_files().upload(options.file),),
    )
    recipients = tuple(Agency(identifier=to, name=to) for to in options.to)
    event_id, partition, offset = _partner().send(
        DocumentSent(document_id=uuid4(), message=message, recipients=recipients)
    )
    print(json.dumps({"id": event_id, "partition": partition, "offset": offset}))
    return 0


def _receive(options: argparse.Namespace) -> int:
    files = _files()
    for received in _partner().receive("outbound", seconds=options.seconds):
        _print(received)
        for delivery_id, file in _files_of(received.data):
            # Only the last part of a sender's file name is believed. A better version takes the place of the one before.
            path = options.folder / f"{delivery_id}-{Path(file.filename).name}"
            path.write_bytes(files.download(file))
    return 0


def _files_of(data: object) -> list[tuple[UUID, File]]:
    if isinstance(data, DocumentRenewed):
        return [(data.delivery_id, data.file)]
    if isinstance(data, DocumentDelivered):
        return [(data.delivery_id, file) for file in data.message.files]
    return []


def _replies(options: argparse.Namespace) -> int:
    for received in _partner().receive("replies", seconds=options.seconds):
        _print(received)
    return 0


def _heads(options: argparse.Namespace) -> int:
    print(json.dumps({"kept": _partner().keep_heads(options.file, seconds=options.seconds), "file": str(options.file)}))
    return 0


def _status(options: argparse.Namespace) -> int:
    said = StatusSent(
        delivery_id=options.delivery,
        status=options.status,
        reason=options.reason,
        reason_code=options.code,
        staff=options.staff,
        at=datetime.now(UTC),
    )
    print(json.dumps({"id": _partner().send(said)[0]}))
    return 0


def _print(received: Received) -> None:
    place = {"topic": received.topic, "partition": received.partition, "offset": received.offset}
    print(
        json.dumps({"type": received.type, **place, "data": received.data.model_dump(mode="json")}, ensure_ascii=False)
    )


if __name__ == "__main__":
    sys.exit(main())
