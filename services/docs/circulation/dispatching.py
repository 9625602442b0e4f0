"""Sending an issued document: one decision, one delivery for each recipient, one transaction. Loads, decides, saves, tells."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.docs import delivery, incoming, proof, store, store_incoming
from services.docs.access import Acting, check_kept
from services.docs.circulation import addressing, asking, refusals, relations
from services.docs.circulation import store as kept
from services.docs.circulation.addressing import Addressees, Choice
from services.docs.delivery import Delivery, dispatch, standing_recipients
from services.docs.document import Document, check_issued
from services.docs.finding import store as finding
from services.docs.incoming import Incoming
from shared.db import itself
from shared.errors import Rejected
from shared.events.docs import Relation
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Related:
    """What a document is to others, with what is needed to tell its recipients."""

    kept: tuple[relations.Kept, ...]
    earlier: dict[UUID, Document]
    answered: dict[UUID, Incoming]
    deliveries: tuple[Delivery, ...]  # of the earlier documents, locked


def work_out(acting: Acting, held: Document, choice: Choice) -> Addressees:
    """Who exactly would get it now."""
    known = kept.known_about(acting.tx, choice, acting.today())
    have_it = standing_recipients(store.list_deliveries(acting.tx, held.id))
    return addressing.work_out(choice, known, sender=acting.agency_id, have_it=have_it, day=acting.today())


def send(acting: Acting, held: Document, choice: Choice, note: str | None) -> None:
    """To all of them or, when one is wrong, to nobody. The document is locked."""
    check_kept(acting.tx, held.id)
    proof.check_dispatch(held, acting.policy())
    asking.check_not_frozen(kept.list_recalls(acting.tx, [held.id])[held.id], store.list_deliveries(acting.tx, held.id))
    relations.check_stands(held, replaced_by(acting, held), refusals.REPLACED_NOT_SENT)
    recipients = addressing.check(work_out(acting, held, choice), choice.named)
    now, source, dispatch_id = acting.now(), acting.office.source, new_id()
    with itself(acting.tx):  # what it follows hears of it, also what the clerk may not know
        related = related_of(acting, held)
    kept.add_dispatch(
        acting.tx,
        {
            "id": dispatch_id,
            "agency_id": acting.agency_id,
            "document_id": held.id,
            "at": now,
            "by": acting.by,
            "note": note,
            "chosen": _spoken(acting, choice),
            "recipients": len(recipients),
        },
    )
    steps = [
        dispatch(
            held,
            each,
            new_id(),
            acting.by,
            now,
            dispatch_id=dispatch_id,
            relations=_told(related, each.identifier),
        )
        for each in recipients
    ]
    store.keep_new_deliveries(acting.tx, steps, source=source)
    with itself(acting.tx):
        _ask_about_earlier(acting, held, related, {each.identifier for each in recipients})
        for each in related.kept:
            if each.complete and each.incoming_id is not None:
                complete_answered(acting, held, each.incoming_id)
    finding.put_document(acting.tx, held)  # it is found by its recipients, too


def replaced_by(acting: Acting, held: Document) -> dict[UUID, Document]:
    """The way from a document to the one that stands now; Rejected(replaced_unseen) when the clerk may not know it."""
    with itself(acting.tx):  # what the clerk may not know replaces it all the same
        found = kept.replacements_of(acting.tx, held.id)
    seen = kept.named_documents(acting.tx, [each.id for each in found.values()]) if found else {}
    if any(each.id not in seen for each in found.values()):
        raise Rejected(refusals.REPLACED_UNSEEN, number=held.descriptor.number_symbol)
    return found


def _told(related: Related, receiver: str) -> tuple[Relation, ...]:
    return relations.told(
        related.kept,
        earlier=related.earlier,
        answered=related.answered,
        deliveries=related.deliveries,
        receiver=receiver,
    )


def related_of(acting: Acting, held: Document) -> Related:
    found = kept.relations_of(acting.tx, held.id)
    earlier = {each.target: store.get(acting.tx, each.target) for each in found if each.kind != "answers"}
    arrived = [store_incoming.get(acting.tx, each.incoming_id) for each in found if each.incoming_id is not None]
    return Related(
        kept=tuple(found),
        earlier=earlier,
        answered={each.document_id: each for each in arrived},
        deliveries=tuple(store.lock_deliveries(acting.tx, list(earlier))) if earlier else (),
    )


def _ask_about_earlier(acting: Acting, held: Document, related: Related, receivers: set[str]) -> None:
    """Whoever has the earlier document answers for it (15, 16) by taking up or refusing this one."""
    about = {each.target: each for each in related.kept if each.kind != "answers"}
    number = held.descriptor.number_symbol or ""
    for each in related.deliveries:
        of = about[each.document_id]
        if each.receiver.identifier in receivers and of.kind != "answers":
            step = asking.ask_to_take_later(each, of.kind, number, of.reason, by=acting.by, at=acting.now())
            if step:
                store.keep_delivery(acting.tx, step, source=acting.office.source)


def complete_answered(acting: Acting, answer: Document, incoming_id: UUID) -> None:
    """The work on what is answered is done (06), when the clerk wished so; what ended meanwhile stays as it is."""
    asked = store_incoming.lock(acting.tx, incoming_id)
    if asked.status in delivery.ENDED or asked.status == delivery.COMPLETED:
        return
    note = f"Trả lời bằng văn bản số {answer.descriptor.number_symbol}"
    step = incoming.complete(asked, note, acting.by, acting.now())
    if step:
        store_incoming.keep_incoming(acting.tx, step, source=acting.office.source)


def _spoken(acting: Acting, choice: Choice) -> dict[str, object]:
    """What was chosen, kept with the decision: groups by name too, since a group may change or go."""
    groups = [each for each in kept.list_groups(acting.tx) if each.id in choice.groups]
    return {
        "named": list(choice.named),
        "groups": [{"id": str(each.id), "name": each.name} for each in groups],
        "trees": list(choice.trees),
        "left_out": sorted(choice.left_out),
    }


def take_back(
    acting: Acting, document_id: UUID, chosen: set[UUID] | None, reason: str, *, even_if_completed: bool
) -> None:
    """Ask the chosen recipients, or all, to give an issued document back."""
    held = store.lock(acting.tx, document_id)
    check_issued(held)
    steps = asking.ask_back(
        store.lock_deliveries(acting.tx, [held.id]),
        sender=held.agency,
        chosen=chosen,
        reason=reason,
        even_if_completed=even_if_completed,
        by=acting.by,
        at=acting.now(),
    )
    for step in steps:
        store.keep_delivery(acting.tx, step, source=acting.office.source)
    decided = asking.Recall(acting.now(), acting.by, reason, chosen is None, len(steps))
    kept.add_recall(acting.tx, held.id, acting.agency_id, decided)


def chase(acting: Acting, document_id: UUID, chosen: set[UUID] | None, note: str | None) -> int:
    """Ask whoever has not finished to get on with it; how many were asked."""
    held = store.lock(acting.tx, document_id)
    steps = asking.chase(
        store.lock_deliveries(acting.tx, [held.id]),
        sender=held.agency,
        chosen=chosen,
        note=note,
        by=acting.by,
        at=acting.now(),
    )
    for step in steps:
        store.keep_delivery(acting.tx, step, source=acting.office.source)
    return len(steps)
