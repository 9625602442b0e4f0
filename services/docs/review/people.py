"""Who is to be asked, from our copy of the registry: heads of units, whoever is in a unit, stand-ins of those away. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.docs.review.workflow import Who
from services.docs.standing import Post, in_unit, is_deputy, is_head
from services.docs.text import fold, sort_key

ROLES = frozenset({"clerk", "leader"})  # who may open documents at all


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who may answer now. `instead_of`: the person who is away or gone, when it is a stand-in."""

    person_id: UUID
    name: str
    title: str
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """An agency's people as they stand on a day. `posts` are all ever held there, `away` who is absent, with the last
    day of it, `delegates` to whom somebody's signing authority is passed on.
    """

    day: date
    posts: tuple[Post, ...]
    away: Mapping[UUID, date] = field(default_factory=dict)
    delegates: Mapping[UUID, tuple[UUID, ...]] = field(default_factory=dict)

    def held(self) -> tuple[Post, ...]:
        """The posts held today by people who can open documents."""
        return tuple(each for each in self.posts if each.holds(self.day) and each.roles & ROLES)

    def present(self) -> tuple[Post, ...]:
        return tuple(each for each in self.held() if each.person_id not in self.away)

    def post_of(self, person_id: UUID) -> Post | None:
        """Their post of today; of somebody who has left, the last one."""
        theirs = [each for each in self.posts if each.person_id == person_id]
        now = [each for each in theirs if each.holds(self.day)]
        return next(iter(now), None) or max(theirs, key=lambda each: each.valid_from, default=None)

    def is_here(self, person_id: UUID) -> bool:
        return any(each.person_id == person_id for each in self.present())

    def name_of(self, person_id: UUID) -> str:
        post = self.post_of(person_id)
        return post.name if post else ""


def candidates(who: Who, directory: Directory, author_id: UUID) -> tuple[Asked, ...]:
    """Who may answer now for `who`: those present, or the stand-ins of those who are not. Never the author, unless
    they are named themselves. Empty: nobody can.
    """
    if who.kind == "person" and who.person_id is not None:
        if directory.is_here(who.person_id):
            return _asked(p for p in directory.present() if p.person_id == who.person_id)
        return stand_ins(who.person_id, directory, author_id)
    posts = _posts(who, directory, author_id)
    here = [each for each in posts if each.person_id not in directory.away and each.person_id != author_id]
    if here or not posts:
        return _asked(here)
    missing = [each for each in posts if each.person_id != author_id]
    found = [one for each in missing for one in stand_ins(each.person_id, directory, author_id)]
    return tuple({one.person_id: one for one in found}.values())


def _posts(who: Who, directory: Directory, author_id: UUID) -> list[Post]:
    """The posts that `who` names, of people present or away."""
    held = directory.held()
    if who.kind == "role":
        return [each for each in held if who.role in each.roles]
    if who.kind == "post":
        return [each for each in held if fold(each.title) == fold(who.title or "")]
    if who.kind == "author_head":
        own = directory.post_of(author_id)
        return _heads(held, own.unit_id, own.unit) if own else []
    members = [each for each in held if in_unit(each, who.unit_id, who.unit)]
    return members if who.kind == "unit" else _heads(held, who.unit_id, who.unit)


def _heads(held: tuple[Post, ...], unit_id: UUID | None, unit: str | None) -> list[Post]:
    """The unit's head; where nobody has that post, whoever is deputy."""
    members = [each for each in held if in_unit(each, unit_id, unit)]
    return [each for each in members if is_head(each)] or [each for each in members if is_deputy(each)]


def stand_ins(person_id: UUID, directory: Directory, author_id: UUID) -> tuple[Asked, ...]:
    """Who acts while somebody is away or after they left: to whom they delegated, else the deputies of their unit, else
    its head, else the next one in it.
    """
    own = directory.post_of(person_id)
    here = [each for each in directory.present() if each.person_id not in (person_id, author_id)]
    name = directory.name_of(person_id)
    delegated = [each for each in here if each.person_id in directory.delegates.get(person_id, ())]
    if delegated or own is None:
        return _asked(delegated, name)
    unit = [each for each in here if in_unit(each, own.unit_id, own.unit)]
    for group in ([p for p in unit if is_deputy(p)], [p for p in unit if is_head(p)]):
        if group:
            return _asked(group, name)
    return _asked(sorted(unit, key=lambda each: sort_key(each.name))[:1], name)


def heads_over(person_ids: Iterable[UUID], directory: Directory) -> tuple[Asked, ...]:
    """The heads of the units of these people, who are told when an answer is late."""
    found: dict[UUID, Asked] = {}
    asked = set(person_ids)
    for person_id in asked:
        own = directory.post_of(person_id)
        for head in _heads(directory.present(), own.unit_id, own.unit) if own else []:
            if head.person_id not in asked:
                found[head.person_id] = Asked(head.person_id, head.name, head.title)
    return tuple(found.values())


def is_head_over(person_id: UUID, others: Iterable[UUID], directory: Directory) -> bool:
    return any(each.person_id == person_id for each in heads_over(set(others) - {person_id}, directory))


def _asked(posts: Iterable[Post], instead_of: str | None = None) -> tuple[Asked, ...]:
    found = {each.person_id: Asked(each.person_id, each.name, each.title, instead_of) for each in posts}
    return tuple(found.values())
