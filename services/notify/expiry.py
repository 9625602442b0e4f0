"""Nobody is surprised by the end of a certificate: who is told what, how many days ahead, and when that stops.

Pure: no IO and no clock. The caller brings the day (Vietnam's), what is known and what was told before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.notify.domain import Call, Person
from shared.events import Event, docs, signing

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
LISTED = 5  # certificates named in an officer's notice; the rest is a number


@dataclass(frozen=True, slots=True)
class Certificate:
    """What we keep of a registered certificate."""

    id: UUID
    kind: Literal["person", "seal"]
    holder_id: UUID
    serial: str
    not_after: datetime
    status: str

    @property
    def last_day(self) -> date:
        """The last day on which it can be used, as an office in Vietnam reads it."""
        return self.not_after.astimezone(VIETNAM).date()


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose certificate it is, and who answers for it today.

    `person_id` is none for a seal and for somebody who has left; `waiting` counts the documents that wait for this
    person's signature, or for the agency's seal.
    """

    name: str
    person_id: UUID | None
    clerks: tuple[UUID, ...]
    officers: tuple[UUID, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class Ending:
    """One certificate whose end is to be told: at which threshold, with how many days left."""

    certificate: Certificate
    threshold: int
    days: int


def due(
    certificates: Iterable[Certificate],
    told: Mapping[UUID, Collection[int]],
    *,
    today: date,
    now: datetime,
    thresholds: Sequence[int],
) -> tuple[Ending, ...]:
    """Which certificates' ends are to be told now, the most urgent first.

    One that was told late (nothing ran for days) is told at its most urgent threshold only. Nothing is told of one
    that is not active, has ended, or whose holder has another usable one of the same kind that lasts longer.
    """
    known = tuple(certificates)
    found = []
    for each in known:
        days = (each.last_day - today).days
        reached = [threshold for threshold in thresholds if days <= threshold]
        if each.status != "active" or each.not_after <= now or not reached or _renewed(each, known):
            continue
        threshold = min(reached)
        if all(threshold < before for before in told.get(each.id, ())):
            found.append(Ending(each, threshold, days))
    return tuple(sorted(found, key=lambda ending: (ending.certificate.not_after, ending.certificate.id)))


def _renewed(certificate: Certificate, known: Iterable[Certificate]) -> bool:
    return any(
        (other.kind, other.holder_id, other.status) == (certificate.kind, certificate.holder_id, "active")
        and other.not_after > certificate.not_after
        for other in known
    )


def calls(endings: Sequence[Ending], holders: Mapping[UUID, Holder]) -> dict[UUID, tuple[Call, ...]]:
    """What each person is told: the holder and the clerks one notice a certificate, an officer one for all of them."""
    told: dict[UUID, list[Call]] = {}
    overseen: dict[UUID, list[Ending]] = {}
    for ending in endings:
        holder = holders[ending.certificate.holder_id]
        own = {each: _to_clerk(ending, holder) for each in holder.clerks}
        if holder.person_id:
            own[holder.person_id] = _to_holder(ending, holder)
        for person, (title, text) in own.items():
            told.setdefault(person, []).append(Call(Person(person), title, text, _page(ending)))
        for officer in holder.officers:
            if officer not in own:
                overseen.setdefault(officer, []).append(ending)
    for officer, theirs in overseen.items():
        told.setdefault(officer, []).append(_to_officer(officer, theirs, holders))
    return {person: tuple(found) for person, found in told.items()}


def _page(ending: Ending) -> str:
    return f"/certificates/{ending.certificate.id}"


def _spoken(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def _to_holder(ending: Ending, holder: Holder) -> tuple[str, str]:
    text = (
        f"Chứng thư số của bạn (số {ending.certificate.serial}) dùng được đến hết {_spoken(ending.certificate.last_day)}"
        f"{_waiting(holder.waiting, 'đang chờ bạn ký')}. Hãy đề nghị văn thư làm thủ tục gia hạn hoặc cấp mới ngay."
    )
    return f"Chứng thư số của bạn {_ends(ending.days)}", text


def _to_clerk(ending: Ending, holder: Holder) -> tuple[str, str]:
    whose = f"con dấu {holder.name}" if ending.certificate.kind == "seal" else holder.name
    what = "đang chờ đóng dấu này" if ending.certificate.kind == "seal" else "đang chờ người này ký"
    text = (
        f"Chứng thư số của {whose} (số {ending.certificate.serial}) dùng được đến hết"
        f" {_spoken(ending.certificate.last_day)}{_waiting(holder.waiting, what)}. Hãy lập hồ sơ gia hạn hoặc cấp mới."
    )
    return f"Chứng thư số của {whose} {_ends(ending.days)}", text


def _ends(days: int) -> str:
    return "hết hạn hôm nay" if days == 0 else f"còn {days} ngày"


def _waiting(count: int, what: str) -> str:
    return f"; {count} văn bản {what}" if count else ""


def _to_officer(officer: UUID, endings: Sequence[Ending], holders: Mapping[UUID, Holder]) -> Call:
    """One certificate in a sentence; several as a list, the most urgent and those with the most work first."""
    if len(endings) == 1:
        title, text = _to_clerk(endings[0], holders[endings[0].certificate.holder_id])
        return Call(Person(officer), title, text, _page(endings[0]))
    ordered = sorted(endings, key=lambda w: (w.days, -holders[w.certificate.holder_id].waiting))
    lines = [_line(each, holders[each.certificate.holder_id]) for each in ordered[:LISTED]]
    rest = f" và {len(ordered) - LISTED} chứng thư số khác" if len(ordered) > LISTED else ""
    counts = ", ".join(
        f"{len(list(group))} trong {threshold} ngày"
        for threshold, group in groupby(sorted(w.threshold for w in ordered))
    )
    text = f"Hết hạn: {counts}. {'; '.join(lines)}{rest}. Hãy nhắc các cơ quan làm thủ tục gia hạn hoặc cấp mới."
    return Call(Person(officer), f"{len(ordered)} chứng thư số sắp hết hạn", text, "/certificates")


def _line(ending: Ending, holder: Holder) -> str:
    what = "đang chờ đóng dấu" if ending.certificate.kind == "seal" else "đang chờ ký"
    waiting = f", {holder.waiting} văn bản {what}" if holder.waiting else ""
    whose = f"con dấu {holder.name}" if ending.certificate.kind == "seal" else holder.name
    return f"{whose} ({_ends(ending.days)}{waiting})"


# --- what waits for whom


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a document waits for since a fact: a person's signature, its agency's seal (no person), or nothing more."""

    document_id: UUID
    person_id: UUID | None = None
    over: bool = False


def waits(event: Event) -> Waiting | None:
    """What the document of this fact waits for from now on; None when the fact changes nothing about that."""
    if isinstance(event, signing.DocumentPrepared | signing.DocumentSigned):
        return Waiting(event.document_id, event.waits_for)
    if isinstance(event, docs.DocumentReturned | docs.NumberVoided | docs.DocumentIssued):
        return Waiting(event.document_id, over=True)
    if isinstance(event, signing.DocumentRefused) and event.stage == "prepare":
        return Waiting(event.document_id, over=True)
    return None
