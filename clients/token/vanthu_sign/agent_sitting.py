"""A sitting that a page asked for: the ticket is redeemed, the documents are fetched and checked here, the person looks
at them in our window and types the PIN there, the token signs. The page only hears how it goes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from vanthu_sign import device, report
from vanthu_sign.agent_run import Run
from vanthu_sign.agent_ticket import MadeFor, TicketServer
from vanthu_sign.agent_words import STOPPED, TASK_CHANGED, TICKET_DOCUMENTS
from vanthu_sign.device import About, Certificate, Device
from vanthu_sign.pile import Ended, Item
from vanthu_sign.pin import PinAsk, Why
from vanthu_sign.sitting import Progress, Sitting, Step
from vanthu_sign.window import Proposal, Shown, Table, Window
from vanthu_sign.words import Refused, say

ASK_AGAIN = ("pin_wrong", "pin_empty")
NO_FAULT = (STOPPED.code, "pin_cancelled")


def sit(options: argparse.Namespace, window: Callable[[], Window], run: Run, ticket: str) -> None:
    """All of it; Refused when nothing (more) can be signed.

    1. The ticket, once, for this origin.
    2. The documents of the page are those of the ticket, and they wait as they were seen.
    3. They are fetched, prepared and checked.
    4. The person looks, chooses and types the PIN, here.
    5. The token signs; each document ends for itself.
    """
    server = TicketServer(run.origin, options.home, stop=run.stop)
    made_for = server.redeem(ticket, run.verifier)  # 1.
    if made_for.documents != {item.document_id: item.sha256 for item in run.items.values()}:  # 2.
        raise Refused(TICKET_DOCUMENTS)
    sitting = Sitting(server, options.home, told=lambda progress: _hear(run, progress), stop=run.stop)
    with sitting, _told_to_the_fleet(server, options) as seen, _token(options) as token:
        sitting.take_up()
        seen.about = token.about()
        seen.certificate = certificate = device.choose(token.certificates(), options.certificate)
        items = _prepared(sitting, token, certificate, run)  # 3.
        proposal = _proposal(sitting, token, certificate=certificate, items=items, made_for=made_for, origin=run.origin)
        if not proposal.documents:
            return
        run.state = "window"
        with window().open(proposal) as table:  # 4.
            _Signing(sitting, token, table, run).go(items)  # 5.


@dataclass(slots=True)
class _Seen:
    """What the operator's fleet view is told of token and certificate, as far as it was seen."""

    about: About | None = None
    certificate: Certificate | None = None


@contextmanager
def _told_to_the_fleet(server: TicketServer, options: argparse.Namespace) -> Iterator[_Seen]:
    """At the end, with what stopped the sitting; that a person stopped it is no fault."""
    seen, problem = _Seen(), None
    try:
        yield seen
    except Refused as refused:
        problem = None if refused.code in NO_FAULT else refused.code
        raise
    finally:
        report.send(server, options.home, "agent", about=seen.about, certificate=seen.certificate, problem=problem)


def _token(options: argparse.Namespace) -> AbstractContextManager[Device]:
    return device.opened(device.find_module(options.module, options.token), options.token)


def _prepared(sitting: Sitting, token: Device, certificate: Certificate, run: Run) -> list[Item]:
    """The ticket's documents that still wait with the digest that was seen; the others end here."""
    waiting = {str(task["document_id"]): task for task in sitting.tasks()}
    tasks = []
    for wanted in run.items.values():
        task = waiting.get(wanted.document_id)
        if task is None or str(task["sha256"]) != wanted.sha256:
            run.end(wanted.document_id, "refused", Refused(TASK_CHANGED))
        else:
            tasks.append(task)
    found = []
    for item in sitting.prepare(tasks, token, certificate):
        # One that moved on since the list was read is not what the page showed.
        if item.ready and str(item.task["sha256"]) != run.items[item.document_id].sha256:
            run.end(item.document_id, "refused", Refused(TASK_CHANGED))
        elif not item.ready:
            run.end(item.document_id, "refused", item.against[0])
        else:
            found.append(item)
    return found


def _proposal(
    sitting: Sitting, token: Device, *, certificate: Certificate, items: list[Item], made_for: MadeFor, origin: str
) -> Proposal:
    until = say("đến", "until") + f" {certificate.not_after:%d/%m/%Y}"
    return Proposal(
        origin=origin,
        person=made_for.person,
        certificate=f"{certificate.subject} ({certificate.serial[:16]}, {until})",
        token=token.about().label,
        documents=tuple(_shown(sitting, item) for item in items),
        pin_each=token.wants_pin_each_time(certificate.key_id),
    )


def _shown(sitting: Sitting, item: Item) -> Shown:
    assert item.file is not None  # noqa: S101  it is ready
    task, picture = item.task, sitting.first_page(item)
    return Shown(
        document_id=item.document_id,
        kind=str(task.get("type_name") or ""),
        symbol=f"…/{task['symbol']}" if task.get("symbol") else "",
        abstract=str(task.get("abstract") or ""),
        addressee=sitting.addressees(item),
        pages=task.get("page_count"),
        file=item.file,
        picture=picture,
    )


@dataclass(frozen=True, slots=True)
class _Signing:
    """From the window's list to the results."""

    sitting: Sitting
    token: Device
    table: Table
    run: Run

    def go(self, items: list[Item]) -> None:
        chosen = self._chosen(items)
        if not chosen or self.run.stop.is_set():
            raise Refused(STOPPED)
        why: str | None = ""
        while why is not None:
            why = self._signed(chosen, why)

    def _signed(self, chosen: list[Item], why: str) -> str | None:
        """None when the sitting is over; what was wrong with the PIN when it is to be asked for again."""
        try:
            self.sitting.sign(self.token, chosen, ask=lambda asked: self._ask(asked, why), review=self._review)
        except Refused as refused:
            if refused.code not in ASK_AGAIN or self.run.stop.is_set():
                raise
            return say(refused.vi, refused.en)
        return None

    def _chosen(self, items: list[Item]) -> list[Item]:
        choice = self.table.choose()
        wanted = choice.documents if choice else frozenset()
        if choice and choice.one_by_one:
            approved = set()
            for item in items:
                verdict = self.table.approve(item.document_id, "") if item.document_id in wanted else "skip"
                if verdict == "stop":
                    break
                if verdict == "sign":
                    approved.add(item.document_id)
            wanted = frozenset(approved)
        for item in items:
            if item.document_id not in wanted:
                self.run.end(item.document_id, "left_out", None)
        return [item for item in items if item.document_id in wanted]

    def _ask(self, asked: PinAsk, why: str) -> str | None:
        if asked.why is Why.EACH:
            why = say(
                f"PIN cho văn bản: {asked.title} (còn {asked.documents}).",
                f"PIN for: {asked.title} ({asked.documents} left).",
            )
        elif asked.why is Why.AGAIN:
            why = say(
                "Trình điều khiển đã được khởi động lại; hãy nhập lại PIN.", "The driver was restarted; PIN again."
            )
        pin = self.table.enter_pin(why)
        self.run.state = "signing"
        return pin

    def _review(self, items: list[Item]) -> Collection[str]:
        """What changed after it was shown is looked at again, one by one."""
        accepted = set()
        for item in items:
            changed = item.change is not None and item.change.text_changed
            why = say(item.change.words.vi, item.change.words.en) if item.change else ""
            self.sitting.first_page(item)  # drawn anew: the window shows the file as it is now
            if not changed or self.table.approve(item.document_id, why) == "sign":
                accepted.add(item.document_id)
        return accepted


def _hear(run: Run, progress: Progress) -> None:
    if progress.step is Step.PREPARED and progress.item and progress.item.document_id in run.items:
        run.items[progress.item.document_id].state = "checked"
    if progress.step is Step.ENDED and progress.result and progress.result.document_id in run.items:
        result = progress.result
        run.end(result.document_id, _STATES[result.ended], result.refused or result.notice)


_STATES = {ended: str(ended.value) for ended in Ended}
