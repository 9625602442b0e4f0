"""A person with their dated posts: what a post lets them do is its roles. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import get_args
from uuid import UUID

from services.registry.agency import Agency, check_email
from services.registry.names import clean
from services.registry.period import Period
from services.registry.refusals import (
    LOGIN_FIXED,
    LOGIN_INVALID,
    NAME_MISSING,
    OFFICER_AGENCY,
    POST_AGENCY,
    POST_MOVED,
    POST_REMOVED,
    POST_TITLE_MISSING,
)
from services.registry.refusals_directory import POST_REPEATED, POST_UNIT
from services.registry.unit import Unit
from shared.errors import NotFound, Rejected
from shared.events.registry import PersonStated, PostFunction, Role
from shared.events.registry import Post as PostStated

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post, held at one agency. Once held it stays on record; it ends with its period.

    `unit` is its unit in words, `unit_id` the unit on record, when it is. `function`: what it is there for, whatever it is
    called; of a unit's only where there is a unit.
    """

    id: UUID
    agency_id: UUID
    title: str
    roles: tuple[Role, ...]
    period: Period
    unit: str | None = None
    unit_id: UUID | None = None
    function: PostFunction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """What is said of a person. `active` false: may do nothing any more, at once."""

    name: str
    login: str
    email: str
    posts: tuple[Post, ...]
    active: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    facts: PersonFacts
    version: int = 1

    @property
    def name(self) -> str:
        return self.facts.name

    def post(self, post_id: UUID) -> Post:
        """Raises NotFound when it is not this person's."""
        for post in self.facts.posts:
            if post.id == post_id:
                return post
        raise NotFound("chức vụ", "post")

    def may_act(self, post_id: UUID | None, role: Role | None, day: date) -> Post | None:
        """The post, when the person is active and holds it on that day, with that role if one is named."""
        for post in self.facts.posts:
            if post.id == post_id and self.facts.active and role in (None, *post.roles) and post.period.has(day):
                return post
        return None


NO_UNITS: Mapping[UUID, Unit] = {}


def enter(
    person_id: UUID, facts: PersonFacts, agencies: Mapping[UUID, Agency], units: Mapping[UUID, Unit] = NO_UNITS
) -> tuple[Person, PersonStated]:
    """`agencies` and `units` hold those of the posts."""
    if not LOGIN.fullmatch(facts.login):
        raise Rejected(LOGIN_INVALID, login=facts.login[:80])
    person = Person(person_id, _checked(facts, (), agencies, units))
    return person, state(person)


def change(
    before: Person, facts: PersonFacts, agencies: Mapping[UUID, Agency], units: Mapping[UUID, Unit] = NO_UNITS
) -> tuple[Person, PersonStated | None]:
    """The person as said now; nothing is stated when that is what they were."""
    if facts.login != before.facts.login:
        raise Rejected(LOGIN_FIXED, login=before.facts.login)
    after = _checked(facts, before.facts.posts, agencies, units)
    if after == before.facts:
        return before, None
    person = replace(before, facts=after, version=before.version + 1)
    return person, state(person)


def end_and_begin(
    before: Person, facts: PersonFacts, agencies: Mapping[UUID, Agency], units: Mapping[UUID, Unit]
) -> tuple[Person, PersonStated]:
    """Posts that end with their agency and go on at the one that comes after it; only the new ones are judged."""
    held = {post.id for post in before.facts.posts}
    posts = tuple(p if p.id in held else _checked_post(p, agencies, units, None) for p in facts.posts)
    person = replace(before, facts=replace(facts, posts=posts), version=before.version + 1)
    return person, state(person)


def name_unit(before: Person, unit: Unit, day: date) -> tuple[Person, PersonStated | None]:
    """The unit is called otherwise: so say the posts in it that go on."""
    posts = tuple(
        replace(post, unit=unit.facts.name)
        if post.unit_id == unit.id and (post.period.until is None or post.period.until >= day)
        else post
        for post in before.facts.posts
    )
    if posts == before.facts.posts:
        return before, None
    person = replace(before, facts=replace(before.facts, posts=posts), version=before.version + 1)
    return person, state(person)


def _checked(
    facts: PersonFacts, held: tuple[Post, ...], agencies: Mapping[UUID, Agency], units: Mapping[UUID, Unit]
) -> PersonFacts:
    name = clean(facts.name)
    if not name:
        raise Rejected(NAME_MISSING)
    said = {post.id: post for post in facts.posts}
    for post in held:
        if post.id not in said:
            raise Rejected(POST_REMOVED, title=post.title)
        if said[post.id].agency_id != post.agency_id:
            raise Rejected(POST_MOVED, title=post.title)
    known = {post.id: post for post in held}
    posts = tuple(_checked_post(post, agencies, units, known.get(post.id)) for post in facts.posts)
    if posts != held:
        _check_repeated(posts)
    return replace(facts, name=name, email=check_email(facts.email), posts=posts)


def _check_repeated(posts: tuple[Post, ...]) -> None:
    seen = set()
    for post in posts:
        key = (post.agency_id, post.title, post.period.start, post.unit_id or post.unit)
        if key in seen:
            raise Rejected(POST_REPEATED, title=post.title, start=post.period.start.isoformat())
        seen.add(key)


def _checked_post(post: Post, agencies: Mapping[UUID, Agency], units: Mapping[UUID, Unit], held: Post | None) -> Post:
    title = clean(post.title)
    if not title:
        raise Rejected(POST_TITLE_MISSING)
    roles = tuple(role for role in ROLES if role in post.roles)  # in one order, so that equal posts are equal
    unit = units.get(post.unit_id) if post.unit_id else None
    checked = replace(post, title=title, unit=clean(post.unit or "") or None, roles=roles)
    if unit is not None and checked != held:
        checked = replace(checked, unit=unit.facts.name)
    if checked == held:
        return held  # what was right on its day is not judged again by what became of the agency
    agency = agencies.get(post.agency_id)
    if agency is None:
        raise NotFound("cơ quan", "agency")
    if not agency.lives_here or not agency.open_on(post.period.start):
        raise Rejected(POST_AGENCY, title=title, agency=agency.name, start=post.period.start.isoformat())
    if post.unit_id and (unit is None or unit.facts.agency_id != post.agency_id or not unit.open_on(post.period.start)):
        raise Rejected(POST_UNIT, title=title, start=post.period.start.isoformat())
    if "officer" in roles and agency.facts.level == "commune":
        raise Rejected(OFFICER_AGENCY, agency=agency.name)
    return checked


def state(person: Person) -> PersonStated:
    facts = person.facts
    return PersonStated(
        person_id=person.id,
        name=facts.name,
        login=facts.login,
        email=facts.email,
        active=facts.active,
        posts=tuple(
            PostStated(
                post_id=post.id,
                agency_id=post.agency_id,
                title=post.title,
                unit=post.unit,
                unit_id=post.unit_id,
                roles=post.roles,
                valid_from=post.period.start,
                valid_until=post.period.until,
                function=post.function,
            )
            for post in facts.posts
        ),
    )
