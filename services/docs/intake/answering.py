"""Telling the sender of a mail what became of it: a fact, once for each mail, which notify turns into a mail. Machines,
lists and bounces are not answered, which is recorded beside the mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from services.docs.intake import refusals, secrecy, store
from services.docs.intake.domain import Item
from services.docs.intake.letter import Envelope
from services.docs.step import ourselves
from shared import outbox
from shared.db import Tx
from shared.errors import Sentence
from shared.events.docs import AnswerLine, MailAnswered, Party

Outcome = Literal["taken", "partly", "refused"]
TAKEN = Sentence("đã tiếp nhận.", "taken in.")
UNFINISHED = Sentence(
    "đã nhận được tệp, cơ quan đang xem xét thêm; không cần gửi lại.",
    "received; the agency still looks at it, there is no need to send it again.",
)


def mail_id(agency_id: UUID | None, key: str) -> UUID:
    """The same for the same mail, however often it is looked at."""
    return uuid5(NAMESPACE_URL, f"vanthu:mail:{agency_id or 'nobody'}:{key}")


def tell(
    tx: Tx,
    agency: Party | None,
    key: str,
    said: Envelope,
    lines: Sequence[Sentence],
    *,
    outcome: Outcome,
    at: datetime,
    source: str,
    infected: bool = False,
) -> None:
    """State what the sender is told, in the transaction that records it; nothing when it was told before.

    `agency`: None when the mail is for nobody here, of which no row is kept. `infected`: whoever is named as its sender
    seldom sent it, so only one for whom the receiving server vouches is answered.
    """
    silence = said.silence or ("virus" if infected and not said.vouched else None)
    if agency is not None and agency.agency_id is not None:
        told = {"answer": [line.vi for line in lines]} | ({"silence": silence} if silence else {})
        if not store.answer(tx, agency.agency_id, key, told, at):
            return
    if silence is None:
        outbox.put(tx, _fact(agency, key, said, lines, outcome=outcome, at=at), source=source)


def _fact(
    agency: Party | None, key: str, said: Envelope, lines: Sequence[Sentence], *, outcome: Outcome, at: datetime
) -> MailAnswered:
    return MailAnswered(
        by=ourselves(),
        at=at,
        mail_id=mail_id(agency.agency_id if agency else None, key),
        agency_id=agency.agency_id if agency else None,
        agency_name=agency.name if agency else None,
        to=said.answer_to,
        to_name=said.sender_name,
        subject="" if secrecy.in_title(said.subject) else said.subject,
        message_id=said.message_id,
        references=said.references,
        outcome=outcome,
        lines=tuple(AnswerLine(vi=line.vi, en=line.en) for line in lines),
    )


def lines_of(items: Sequence[Item], left: Sequence[Sentence]) -> tuple[list[Sentence], Outcome, bool]:
    """A sentence for each attachment, how it ended on the whole, and whether one was infected."""
    refused = [item for item in items if item.state == "refused"]
    infected = any(item.reason and item.reason.code == refusals.VIRUS_FOUND.code for item in refused)
    outcome: Outcome = "refused" if len(refused) == len(items) else "partly" if refused or left else "taken"
    return [*map(_line_of, items), *left], outcome, infected


def _line_of(item: Item) -> Sentence:
    if item.state == "refused" and item.reason:
        said = Sentence(item.reason.vi, item.reason.en)
    else:
        said = UNFINISHED if item.state == "failed" else TAKEN
    return Sentence(f"{item.filename}: {said.vi}", f"{item.filename}: {said.en}")
