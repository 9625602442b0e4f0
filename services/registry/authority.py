"""Signing authority: who may sign for an agency, in which capacity, from when to when (NĐ 30/2020 art. 13). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import get_args
from uuid import UUID

from services.registry.agency import Agency
from services.registry.names import clean
from services.registry.period import Period
from services.registry.person import Person, Post
from services.registry.refusals import (
    AUTHORITY_FIXED,
    AUTHORITY_OUTSIDE_AGENCY,
    AUTHORITY_OUTSIDE_POST,
    AUTHORITY_WITHDRAWN,
    BLOCK_INVALID,
    SIGNER_ELSEWHERE,
    SIGNER_POST,
    TUQ_UNLIMITED,
)
from services.registry.refusals_authority import DELEGATION_FIXED
from shared.errors import Rejected
from shared.events.registry import AuthorityStated, Capacity

PREFIXES: tuple[Capacity, ...] = tuple(c for c in get_args(Capacity) if c)
DELEGATED_DOWN = {"TL.", "TUQ."}  # the head of an agency directly beneath may be charged with these


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """Where a delegated authority comes from: the source, whose it is, why, and the document that says so.

    `basis` is the number and symbol of that document ("12/GUQ-UBND"), `basis_on` its date.
    """

    source_id: UUID
    by: UUID
    reason: str
    basis: str | None = None
    basis_on: date | None = None
    absence_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFacts:
    """`block` are the lines above the name; `document_types` codes of annex III (none: all of them)."""

    agency_id: UUID
    person_id: UUID
    post_id: UUID
    capacity: Capacity
    block: tuple[str, ...]
    period: Period
    document_types: tuple[str, ...] = ()
    delegation: Delegation | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    id: UUID
    facts: AuthorityFacts
    withdrawn: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, from which post; `agency` is signed for, `post_agency` is where the post is held."""

    person: Person
    post: Post
    agency: Agency
    post_agency: Agency


def grant(authority_id: UUID, facts: AuthorityFacts, signer: Signer) -> tuple[Authority, AuthorityStated]:
    authority = Authority(authority_id, _checked(facts, signer))
    return authority, state(authority)


def change(before: Authority, facts: AuthorityFacts, signer: Signer) -> tuple[Authority, AuthorityStated | None]:
    """Other dates, types or wording; nothing is stated when all is as it was."""
    if before.withdrawn:
        raise Rejected(AUTHORITY_WITHDRAWN)
    if before.facts.delegation is not None:
        raise Rejected(DELEGATION_FIXED)
    if _signs(facts) != _signs(before.facts):
        raise Rejected(AUTHORITY_FIXED)
    after = _checked(facts, signer)
    if after == before.facts:
        return before, None
    authority = replace(before, facts=after, version=before.version + 1)
    return authority, state(authority)


def withdraw(before: Authority) -> tuple[Authority, AuthorityStated | None]:
    """Ends it at once; saying so again changes nothing."""
    if before.withdrawn:
        return before, None
    authority = replace(before, withdrawn=True, version=before.version + 1)
    return authority, state(authority)


def curtail(before: Authority, limit: Period | None) -> tuple[Authority, AuthorityStated | None]:
    """A delegated authority lasts no longer than what it comes from: `limit`, or no day any more."""
    if before.withdrawn:
        return before, None
    period = limit.common(before.facts.period) if limit else None
    if period is None:
        return withdraw(before)
    if period == before.facts.period:
        return before, None
    after = replace(before, facts=replace(before.facts, period=period), version=before.version + 1)
    return after, state(after)


def lasts(authority: Authority, holder: Person) -> Period | None:
    """The days on which it may be used or passed on: its own, within its holder's post; none when it is over."""
    if authority.withdrawn or not holder.facts.active:
        return None
    post = next((post for post in holder.facts.posts if post.id == authority.facts.post_id), None)
    if post is None or "leader" not in post.roles:
        return None
    return authority.facts.period.common(post.period)


def _signs(facts: AuthorityFacts) -> tuple[UUID, UUID, UUID, Capacity]:
    return facts.agency_id, facts.person_id, facts.post_id, facts.capacity


def check_signer(facts: AuthorityFacts, signer: Signer) -> None:
    """A leader, of the agency signed for or (TL., TUQ.) of one directly beneath; no longer than post and agency last."""
    if "leader" not in signer.post.roles:
        raise Rejected(SIGNER_POST, title=signer.post.title)
    at_home = signer.post.agency_id == facts.agency_id
    beneath = facts.capacity in DELEGATED_DOWN and signer.post_agency.facts.parent_id == facts.agency_id
    if not (at_home or beneath) or not signer.agency.lives_here:
        raise Rejected(SIGNER_ELSEWHERE, post_agency=signer.post_agency.name, agency=signer.agency.name)
    ends = signer.agency.facts.period.until
    if ends is not None and (facts.period.until is None or facts.period.until > ends):
        raise Rejected(AUTHORITY_OUTSIDE_AGENCY, agency=signer.agency.name, until=ends)
    if not facts.period.within(signer.post.period):
        raise Rejected(
            AUTHORITY_OUTSIDE_POST,
            start=facts.period.start,
            until=facts.period.until or "…",
            post_start=signer.post.period.start,
            post_until=signer.post.period.until or "…",
        )


def _checked(facts: AuthorityFacts, signer: Signer) -> AuthorityFacts:
    check_signer(facts, signer)
    check_limits(facts)
    types = tuple(sorted({clean(code) for code in facts.document_types}))
    return replace(facts, block=checked_block(facts), document_types=types)


def check_limits(facts: AuthorityFacts) -> None:
    """Art. 13.4: authorisation is in writing and limited in time and content."""
    if facts.capacity == "TUQ." and (facts.period.until is None or not facts.document_types):
        raise Rejected(TUQ_UNLIMITED)


def checked_block(facts: AuthorityFacts) -> tuple[str, ...]:
    """TM. may stand above another prefix ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH"), every other only as the capacity.

    Where who signs by order has passed that on to their deputy, KT. stands beneath TL. (art. 13.3).
    """
    lines = tuple(clean(line) for line in facts.block)
    found = {prefix for prefix in PREFIXES for line in lines if line.startswith(prefix + " ")}
    wanted = {facts.capacity} - {""}
    if facts.delegation is not None and facts.capacity == "TL." and len(lines) == 3:
        wanted |= {"KT."}
    if not 1 <= len(lines) <= 5 or not all(lines) or found - {"TM."} != wanted - {"TM."} or not wanted <= found:
        raise Rejected(BLOCK_INVALID, capacity=facts.capacity or "–")
    if not wanted and found:
        raise Rejected(BLOCK_INVALID, capacity="–")
    return lines


def state(authority: Authority) -> AuthorityStated:
    facts = authority.facts
    return AuthorityStated(
        authority_id=authority.id,
        agency_id=facts.agency_id,
        person_id=facts.person_id,
        post_id=facts.post_id,
        capacity=facts.capacity,
        block=facts.block,
        document_types=facts.document_types,
        valid_from=facts.period.start,
        valid_until=facts.period.until,
        withdrawn=authority.withdrawn,
        delegated_from=facts.delegation.source_id if facts.delegation else None,
        delegated_by=facts.delegation.by if facts.delegation else None,
        basis=facts.delegation.basis if facts.delegation else None,
        basis_on=facts.delegation.basis_on if facts.delegation else None,
    )
