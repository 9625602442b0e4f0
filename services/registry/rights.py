"""What an officer may change within their scope, beyond which agency it is about. Pure.

The scope says whose rows; these rules say which of the changes would give more than the officer has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from services.registry.agency import Agency, AgencyFacts
from services.registry.person import Person, PersonFacts, Post
from services.registry.refusals import OUT_OF_SCOPE
from services.registry.refusals_authority import LEVEL_NOT_YOURS, OWN_ROLES, ROLE_NOT_YOURS
from services.registry.scope import EVERYWHERE, Scope
from shared.errors import Rejected
from shared.events.registry import Role

OF_THE_PROVINCE: tuple[Role, ...] = ("operator",)  # their holders act on the whole deployment


def check_agency(scope: Scope, facts: AgencyFacts) -> None:
    """An agency may be entered or changed: identifier in scope, and no level that its officer would rise by."""
    if scope == EVERYWHERE:
        return
    if not scope.covers(facts.identifier):
        raise Rejected(OUT_OF_SCOPE, agency=facts.name)
    if facts.level not in ("district", "commune"):
        raise Rejected(LEVEL_NOT_YOURS)


def check_person(
    before: Person | None,
    facts: PersonFacts,
    *,
    scope: Scope,
    by: UUID,
    agencies: Mapping[UUID, Agency],
    today: date,
) -> None:
    """A person may be entered (`before` none) or changed by the officer `by`. `agencies` are those of all posts.

    1. Nobody changes their own posts, roles or standing.
    2. A new or changed post is at an agency in scope, and gives no role of the whole province.
    3. What reaches all of a person's posts (name, address, standing) is for who oversees all that are not over.
    """
    held = {post.id: post for post in before.facts.posts} if before else {}
    if before is not None and before.id == by and (facts.posts, facts.active) != (before.facts.posts, True):
        raise Rejected(OWN_ROLES)
    if scope == EVERYWHERE:
        return
    for post in facts.posts:
        if post != held.get(post.id):
            _check_post(scope, post, held.get(post.id), agencies)
    if before is None or _beside_posts(facts) != _beside_posts(before.facts):
        for post in facts.posts if before is None else before.facts.posts:
            if post.period.until is None or post.period.until >= today:
                _require(scope, post, agencies)
    if not facts.posts:  # a person at no agency would be nobody's to oversee
        raise Rejected(OUT_OF_SCOPE, agency="–")


def _check_post(scope: Scope, post: Post, held: Post | None, agencies: Mapping[UUID, Agency]) -> None:
    _require(scope, post, agencies)
    given = set(post.roles) - set(held.roles if held else ())
    for role in OF_THE_PROVINCE:
        if role in given or (held and role in held.roles):
            raise Rejected(ROLE_NOT_YOURS, role=role)


def _require(scope: Scope, post: Post, agencies: Mapping[UUID, Agency]) -> None:
    agency = agencies.get(post.agency_id)
    if agency is None:
        raise Rejected(OUT_OF_SCOPE, agency="–")
    scope.require(agency)


def _beside_posts(facts: PersonFacts) -> tuple[str, str, bool]:
    return facts.name, facts.email, facts.active
