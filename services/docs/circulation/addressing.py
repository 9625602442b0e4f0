"""To whom a document goes: agencies by name, by group, by whole tree, without those left out. As of one day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.docs import refusals
from services.docs.circulation import refusals as own
from services.docs.standing import Agency
from shared.errors import Rejected

MAX_RECIPIENTS = 1000  # of one decision, which is one transaction


@dataclass(frozen=True, slots=True)
class Group:
    """A named list of agencies; `shared` ones everybody in the province may use."""

    id: UUID
    agency_id: UUID
    agency_name: str
    name: str
    shared: bool
    members: tuple[UUID, ...]
    version: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What the clerk chose, by national identifiers and ids of groups."""

    named: tuple[str, ...] = ()
    groups: tuple[UUID, ...] = ()
    trees: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ended:
    """An agency that is no more, and those that came after it and stand today."""

    agency: Agency
    successors: tuple[Agency, ...]

    def spoken(self) -> str:
        last = f"{self.agency.valid_until:%d/%m/%Y}" if self.agency.valid_until else ""
        after = ", ".join(f"{each.name} ({each.identifier})" for each in self.successors)
        return f"{self.agency.name} (hết hoạt động sau ngày {last}{f'; nơi kế thừa: {after}' if after else ''})"

    def spoken_in_english(self) -> str:
        last = f"{self.agency.valid_until:%d/%m/%Y}" if self.agency.valid_until else ""
        after = ", ".join(f"{each.name} ({each.identifier})" for each in self.successors)
        return f"{self.agency.name} (ended after {last}{f'; succeeded by {after}' if after else ''})"


@dataclass(frozen=True, slots=True)
class Known:
    """What the copy of the registry says about a choice, as of the day."""

    standing: Mapping[str, Agency]  # by identifier: of those named and of the roots of trees
    ended: Mapping[str, Agency]  # by identifier: of those named that stand no more
    groups: Mapping[UUID, Group]
    trees: Mapping[str, Sequence[Agency]]
    by_id: Mapping[UUID, Agency]  # members of groups, and successors of whoever has ended


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets it, and by which choices."""

    agency: Agency
    ways: tuple[str, ...]


@dataclass(slots=True)
class Addressees:
    """A choice worked out: who gets it, and what stands in the way."""

    recipients: list[Recipient] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    already: list[Agency] = field(default_factory=list)  # they have the document
    named_sender: bool = False

    @property
    def identifiers(self) -> list[str]:
        return [each.agency.identifier for each in self.recipients]


def work_out(choice: Choice, known: Known, *, sender: UUID, have_it: set[str], day: date) -> Addressees:
    """Everybody once, whatever chose them, in the order of the choice. The sender is never among them; whoever has the
    document already is not sent it again.
    """
    found = Addressees(repeated=sorted(each for each, times in Counter(choice.named).items() if times > 1))
    ways = _Ways()
    _add_named(found, ways, choice, known, sender)
    _add_groups(ways, choice, known)
    _add_trees(found, ways, choice, known)
    for agency, chosen_by in ways.found.values():
        if agency.agency_id == sender or agency.identifier in choice.left_out:
            continue
        if not agency.stands(day):
            found.ended.append(Ended(agency, successors(agency, known.by_id, day)))
        elif agency.identifier in have_it:
            found.already.append(agency)
        else:
            found.recipients.append(Recipient(agency, tuple(filter(None, chosen_by))))
    return found


def _add_named(found: Addressees, ways: _Ways, choice: Choice, known: Known, sender: UUID) -> None:
    for identifier in dict.fromkeys(choice.named):
        agency = known.standing.get(identifier) or known.ended.get(identifier)
        if agency is None:
            found.unknown.append(identifier)
            continue
        ways.add(agency, "")
        found.named_sender |= agency.agency_id == sender


def _add_groups(ways: _Ways, choice: Choice, known: Known) -> None:
    for group_id in choice.groups:
        group = known.groups.get(group_id)
        if group is None:
            raise Rejected(own.GROUP_UNKNOWN)
        for member in group.members:
            if member in known.by_id:
                ways.add(known.by_id[member], group.name)


def _add_trees(found: Addressees, ways: _Ways, choice: Choice, known: Known) -> None:
    for root in choice.trees:
        if root not in known.trees:
            found.unknown.append(root)
        for agency in known.trees.get(root, ()):
            ways.add(agency, f"cả cây {known.standing[root].name}")


class _Ways:
    """Agencies in the order in which they were chosen, each with what chose it."""

    def __init__(self) -> None:
        self.found: dict[UUID, tuple[Agency, list[str]]] = {}

    def add(self, agency: Agency, way: str) -> None:
        self.found.setdefault(agency.agency_id, (agency, []))[1].append(way)


def successors(agency: Agency, by_id: Mapping[UUID, Agency], day: date) -> tuple[Agency, ...]:
    """Those that came after an agency and stand on that day, through however many reorganisations."""
    found: dict[UUID, Agency] = {}
    seen, waiting = {agency.agency_id}, list(agency.successor_ids)
    while waiting:
        following = by_id.get(waiting.pop(0))
        if following is None or following.agency_id in seen:
            continue
        seen.add(following.agency_id)
        if following.stands(day):
            found[following.agency_id] = following
        else:
            waiting += following.successor_ids
    return tuple(found.values())


def check(found: Addressees, named: Iterable[str]) -> list[Agency]:
    """Those to send it to; refuses the whole list for one wrong entry, so that nothing is half sent."""
    if found.repeated:
        raise Rejected(refusals.RECIPIENT_REPEATED, identifiers=", ".join(found.repeated))
    if found.unknown:
        raise Rejected(refusals.RECIPIENT_UNKNOWN, identifiers=", ".join(found.unknown))
    _refuse_ended(found.ended)
    if found.named_sender:
        raise Rejected(refusals.RECIPIENT_IS_SENDER)
    wanted = set(named)
    if again := sorted(each.identifier for each in found.already if each.identifier in wanted):
        raise Rejected(refusals.ALREADY_DISPATCHED, identifiers=", ".join(again))
    if not found.recipients:
        raise Rejected(own.NOBODY_LEFT)
    if len(found.recipients) > MAX_RECIPIENTS:
        raise Rejected(own.TOO_MANY_RECIPIENTS, count=len(found.recipients), limit=MAX_RECIPIENTS)
    return [each.agency for each in found.recipients]


def may_edit(group: Group, agency_id: UUID) -> None:
    """An agency edits its own groups; a shared one is changed by the agency that keeps it."""
    if group.agency_id != agency_id:
        raise Rejected(own.GROUP_NOT_YOURS, keeper=group.agency_name)


def may_share(agency: Agency | None) -> None:
    """Groups for the whole province are kept by the agencies of the province's own level."""
    if agency is None or agency.level != "province":
        raise Rejected(own.SHARED_BY_PROVINCE)


def check_standing(choice: Choice, known: Known, day: date) -> None:
    """None of those named has ended; Rejected(recipient_ended) offers whoever came after them."""
    gone = [known.ended[each] for each in choice.named if each in known.ended]
    _refuse_ended([Ended(each, successors(each, known.by_id, day)) for each in gone])


def _refuse_ended(ended: Sequence[Ended]) -> None:
    if ended:
        raise Rejected(
            own.RECIPIENT_ENDED,
            names="; ".join(each.spoken() for each in ended),
            names_en="; ".join(each.spoken_in_english() for each in ended),
        )
