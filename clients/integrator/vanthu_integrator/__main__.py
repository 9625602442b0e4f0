"""vanthu-integrator: the SDK from a shell, for trying a connection out and for simple gateways."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

from vanthu_integrator.files import FileDamaged, FileRefused, Files
from vanthu_integrator.messages import Agency, DocumentDelivered, DocumentSent, Message, StatusSent
from vanthu_integrator.partner import Credential, NotDelivered, Partner, Received


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: done; 1: refused or not delivered, the sentence says why; 2: wrong use."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (FileRefused, FileDamaged, NotDelivered) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vanthu-integrator",
        description="Settings: VANTHU_PORTAL, VANTHU_PARTNER, VANTHU_CLIENT_SECRET, VANTHU_KAFKA, VANTHU_KAFKA_PASSWORD"
        " (VANTHU_KAFKA_USER, default partner-<name>; VANTHU_KAFKA_SECURITY, default SASL_SSL).",
    )
    commands = parser.add_subparsers(required=True)
    send = commands.add_parser("send", help="send a PDF to agencies")
    send.add_argument("file", type=Path)
    send.add_argument("--sender", required=True, help="IDENTIFIER=NAME of the sending agency")
    send.add_argument("--to", required=True, action="append", help="IDENTIFIER of a recipient, repeatable")
    send.add_argument("--type", default="=Công văn", help="CODE=NAME of the document type")
    send.add_argument("--number", required=True, help="number and symbol, e.g. 15/QĐ-UBND")
    send.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date())
    send.add_argument("--abstract", required=True)
    send.add_argument("--signer", required=True)
    send.set_defaults(run=_send)
    receive = commands.add_parser("receive", help="print and download what was delivered to you")
    receive.add_argument("--folder", type=Path, default=Path())
    receive.add_argument("--seconds", type=float, default=10.0)
    receive.set_defaults(run=_receive)
    replies = commands.add_parser("replies", help="print the replies to what you sent")
    replies.add_argument("--seconds", type=float, default=10.0)
    replies.set_defaults(run=_replies)
    status = commands.add_parser("status", help="say how a delivery stands")
    status.add_argument("delivery", type=UUID)
    status.add_argument("status", help="01 … 06")
    status.add_argument("--reason")
    status.add_argument("--staff", required=True)
    status.set_defaults(run=_status)
    return parser


def _partner() -> Partner:
    name = os.environ["VANTHU_PARTNER"]
    return Partner(
        Credential(
            name=name,
            kafka=os.environ["VANTHU_KAFKA"],
            kafka_user=os.environ.get("VANTHU_KAFKA_USER", f"partner-{name}"),
            kafka_password=os.environ["VANTHU_KAFKA_PASSWORD"],
            security=os.environ.get("VANTHU_KAFKA_SECURITY", "SASL_SSL"),
        )
    )


def _files() -> Files:
    return Files(os.environ["VANTHU_PORTAL"], os.environ["VANTHU_PARTNER"], os.environ["VANTHU_CLIENT_SECRET"])


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
        if isinstance(received.data, DocumentDelivered):
            for file in received.data.message.files:
                # Only the last part of a sender's file name is believed.
                path = options.folder / f"{received.data.delivery_id}-{Path(file.filename).name}"
                path.write_bytes(files.download(file))
    return 0


def _replies(options: argparse.Namespace) -> int:
    for received in _partner().receive("replies", seconds=options.seconds):
        _print(received)
    return 0


def _status(options: argparse.Namespace) -> int:
    said = StatusSent(
        delivery_id=options.delivery,
        status=options.status,
        reason=options.reason,
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
