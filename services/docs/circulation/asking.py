"""What a sender asks of those who have its document: to give it back (13), and to get on with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.docs.circulation import refusals
from services.docs.delivery import AGREED, ASKED, COMPLETED, ENDED, About, Asked, Delivery
from services.docs.step import Step
from shared.errors import Rejected
from shared.events import Actor
from shared.events.docs import DeliveryChased, DeliveryStatusReported, Party

CHASE_EVERY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Recall:
    """One decision to take a document back, from everybody (`whole`) or from some."""

    at: datetime
    by: Actor
    reason: str
    whole: bool
    recipients: int


def chosen_of(deliveries: Sequence[Delivery], chosen: Collection[UUID] | None) -> list[Delivery]:
    """Those of the chosen that have the document now; None chooses all. Raises Rejected(not_dispatched)."""
    found = [d for d in deliveries if d.status not in ENDED and (chosen is None or d.id in chosen)]
    if not found:
        raise Rejected(refusals.NOT_DISPATCHED)
    return found


def ask_back(
    deliveries: Sequence[Delivery],
    *,
    sender: Party,
    chosen: Collection[UUID] | None,
    reason: str,
    even_if_completed: bool,
    by: Actor,
    at: datetime,
) -> list[Step[Delivery]]:
    """13 to each that has it and was not asked yet. Nothing is destroyed by asking: the receiver decides, also after 06,
    which the sender has to know of.
    """
    found = chosen_of(deliveries, chosen)
    waiting = [each for each in found if each.asked and each.asked.is_open_recall]
    asked = [each for each in found if each not in waiting]
    if waiting and (chosen is not None or not asked):
        raise Rejected(refusals.RECALL_OPEN, names=_names(waiting))
    done = [each for each in asked if each.status == COMPLETED]
    if done and not even_if_completed:
        raise Rejected(refusals.RECALL_AFTER_COMPLETION, names=_names(done))
    return [_ask(each, sender, reason, by=by, at=at) for each in asked]


def _ask(delivery: Delivery, sender: Party, reason: str, *, by: Actor, at: datetime) -> Step[Delivery]:
    fact = DeliveryStatusReported(
        delivery_id=delivery.id,
        document_id=delivery.document_id,
        sender=sender,
        receiver=delivery.receiver,
        status=ASKED,
        reason=reason,
        about="recall",
        partner=delivery.partner,
        by=by,
        at=at,
    )
    after = replace(delivery, asked=Asked("recall", ASKED, reason, at))
    return Step(after, ASKED, by, at, detail=reason, tell=(fact,))


def ask_to_take_later(
    delivery: Delivery, about: About, number_symbol: str, reason: str | None, *, by: Actor, at: datetime
) -> Step[Delivery] | None:
    """A later document goes to whoever has this one: the later one's delivery says so, nothing else is stated. An open
    recall stays what is asked.
    """
    if delivery.status in ENDED or (delivery.asked and delivery.asked.is_open_recall):
        return None
    after = replace(delivery, asked=Asked(about, ASKED, reason or number_symbol, at))
    return Step(after, f"{ASKED}_{about}", by, at, detail=number_symbol)


def is_frozen(recalls: Sequence[Recall], deliveries: Sequence[Delivery]) -> Recall | None:
    """The recall of the whole document that stands: asked or agreed to by anybody. When all have refused it does not."""
    whole = [each for each in recalls if each.whole]
    stands = any(d.asked and d.asked.about == "recall" and d.asked.status in (ASKED, AGREED) for d in deliveries)
    return whole[-1] if whole and stands else None


def check_not_frozen(recalls: Sequence[Recall], deliveries: Sequence[Delivery]) -> None:
    """NĐ 30 annex VI III.8: the sender's document and its data are frozen once it is taken back."""
    if frozen := is_frozen(recalls, deliveries):
        raise Rejected(refusals.FROZEN, day=f"{frozen.at:%d/%m/%Y}")


def may_ask_back(delivery: Delivery) -> bool:
    """Whether a recall can still be asked of this recipient."""
    return delivery.status not in ENDED and not (delivery.asked and delivery.asked.is_open_recall)


def may_chase(delivery: Delivery, now: datetime) -> bool:
    return _is_due(delivery) and (delivery.chased_at is None or now - delivery.chased_at >= CHASE_EVERY)


def chase(
    deliveries: Sequence[Delivery],
    *,
    sender: Party,
    chosen: Collection[UUID] | None,
    note: str | None,
    by: Actor,
    at: datetime,
) -> list[Step[Delivery]]:
    """Everybody who has not finished is asked to get on with it, at most once in CHASE_EVERY."""
    due = [d for d in deliveries if _is_due(d) and (chosen is None or d.id in chosen)]
    if not due:
        raise Rejected(refusals.NOBODY_TO_CHASE)
    now = [each for each in due if may_chase(each, at)]
    if not now or (chosen is not None and len(now) < len(due)):
        early = [each for each in due if each not in now]
        hours = int(CHASE_EVERY.total_seconds() // 3600)
        raise Rejected(refusals.CHASED_ALREADY, names=_names(early), hours=hours)
    return [_chase(each, sender, note, by, at) for each in now]


def _chase(delivery: Delivery, sender: Party, note: str | None, by: Actor, at: datetime) -> Step[Delivery]:
    fact = DeliveryChased(
        delivery_id=delivery.id,
        document_id=delivery.document_id,
        sender=sender,
        receiver=delivery.receiver,
        partner=delivery.partner,
        status=delivery.status,
        note=note,
        by=by,
        at=at,
    )
    return Step(replace(delivery, chased_at=at), "chased", by, at, detail=note, tell=(fact,))


def _is_due(delivery: Delivery) -> bool:
    """Whoever was asked to give it back is not urged to get on with it."""
    back = delivery.asked is not None and delivery.asked.is_open_recall
    return delivery.status not in ENDED and delivery.status != COMPLETED and not back


def _names(deliveries: Sequence[Delivery], most: int = 10) -> str:
    shown = ", ".join(each.receiver.name for each in deliveries[:most])
    return f"{shown} và {len(deliveries) - most} nơi khác" if len(deliveries) > most else shown
