"""Signing authority: who may sign for an agency, in which capacity, from when to when (NĐ 30/2020 art. 13). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args
from uuid import UUID

from services.registry.agency import Agency
from services.registry.names import clean
from services.registry.period import Period
from services.registry.person import Person, Post
from services.registry.refusals import (
    AUTHORITY_FIXED,
    AUTHORITY_OUTSIDE_POST,
    AUTHORITY_WITHDRAWN,
    BLOCK_INVALID,
    SIGNER_ELSEWHERE,
    SIGNER_POST,
    TUQ_UNLIMITED,
)
from shared.errors import Rejected
from shared.events.registry import AuthorityStated, Capacity

PREFIXES: tuple[Capacity, ...] = tuple(c for c in get_args(Capacity) if c)
DELEGATED_DOWN = {"TL.", "TUQ."}  # the head of an agency directly beneath may be charged with these


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


def _signs(facts: AuthorityFacts) -> tuple[UUID, UUID, UUID, Capacity]:
    return facts.agency_id, facts.person_id, facts.post_id, facts.capacity


def _checked(facts: AuthorityFacts, signer: Signer) -> AuthorityFacts:
    if "leader" not in signer.post.roles:
        raise Rejected(SIGNER_POST, title=signer.post.title)
    at_home = signer.post.agency_id == facts.agency_id
    beneath = facts.capacity in DELEGATED_DOWN and signer.post_agency.facts.parent_id == facts.agency_id
    if not (at_home or beneath) or not signer.agency.lives_here:
        raise Rejected(SIGNER_ELSEWHERE, post_agency=signer.post_agency.name, agency=signer.agency.name)
    # Art. 13.4: authorisation is in writing and limited in time and content.
    if facts.capacity == "TUQ." and (facts.period.until is None or not facts.document_types):
        raise Rejected(TUQ_UNLIMITED)
    if not facts.period.within(signer.post.period):
        raise Rejected(
            AUTHORITY_OUTSIDE_POST,
            start=facts.period.start,
            until=facts.period.until or "…",
            post_start=signer.post.period.start,
            post_until=signer.post.period.until or "…",
        )
    types = tuple(sorted({clean(code) for code in facts.document_types}))
    return replace(facts, block=_checked_block(facts), document_types=types)


def _checked_block(facts: AuthorityFacts) -> tuple[str, ...]:
    """TM. may stand above another prefix ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH"), every other only as the capacity."""
    lines = tuple(clean(line) for line in facts.block)
    found = {prefix for prefix in PREFIXES for line in lines if line.startswith(prefix + " ")}
    wanted = {facts.capacity} - {""}
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
    )
