"""One authority passed on for a time: to whom, in which form, under which block, and until when. Pure.

NĐ 30/2020 art. 13: the head has a deputy sign for them (KT.), has the head of a unit sign by order (TL.), or authorises
one in writing, limited in time and content (TUQ.). TUQ. goes no further; TL. may be passed on to the delegate's deputy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from uuid import UUID

from services.registry.authority import (
    Authority,
    AuthorityFacts,
    Delegation,
    Signer,
    check_limits,
    check_signer,
    checked_block,
    lasts,
    state,
)
from services.registry.names import clean, fold
from services.registry.period import Period
from services.registry.refusals import AUTHORITY_WITHDRAWN
from services.registry.refusals_authority import (
    DELEGATE_IS_DEPUTY,
    DELEGATE_IS_SELF,
    DELEGATE_NOT_DEPUTY,
    DELEGATION_FORM,
    DELEGATION_NEEDS_BASIS,
    DELEGATION_NO_END,
    DELEGATION_OTHER_TYPES,
    DELEGATION_OUTSIDE_SOURCE,
    DELEGATION_TOO_DEEP,
    TUQ_NOT_REDELEGABLE,
)
from shared.errors import Rejected, Sentence
from shared.events.registry import AuthorityStated, Capacity

Form = Literal["KT.", "TL.", "TUQ."]

# What the holder of each capacity may pass on, so a chain has three links at most: head → TL. → their deputy.
FORMS: dict[Capacity, tuple[Form, ...]] = {
    "": ("KT.", "TL.", "TUQ."),
    "TM.": ("KT.", "TL.", "TUQ."),
    "Q.": ("KT.", "TL.", "TUQ."),
    "TL.": ("KT.",),
    "KT.": (),
    "TUQ.": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be passed on. No `document_types`: those of the source."""

    form: Form
    period: Period
    reason: str
    document_types: tuple[str, ...] = ()
    basis: str | None = None
    basis_on: date | None = None
    absence_id: UUID | None = None


def delegate(
    authority_id: UUID, wish: Wish, *, source: Authority, holder: Signer, delegate: Signer, by_holder: bool
) -> tuple[Authority, AuthorityStated]:
    """`holder` has the source, `delegate` is to sign; `by_holder` false: somebody enters it for them.

    1. The source can be passed on in this form, and goes no further than its chain allows.
    2. The delegate suits the form: a deputy of the same agency (KT.), the head of a unit or of an agency beneath.
    3. Document types and days lie within the source's; it ends by itself.
    4. TUQ., and what is entered for somebody else, rests on a document.
    5. The block above the name is derived, and checked as any other.
    """
    _check_chain(source, wish.form)
    _check_delegate(source, wish.form, holder, delegate)
    basis = clean(wish.basis or "") or None
    if (basis is None) != (wish.basis_on is None) or (basis is None and (wish.form == "TUQ." or not by_holder)):
        raise Rejected(DELEGATION_NEEDS_BASIS)
    facts = AuthorityFacts(
        agency_id=source.facts.agency_id,
        person_id=delegate.person.id,
        post_id=delegate.post.id,
        capacity="TL." if source.facts.capacity == "TL." else wish.form,
        block=_block(source.facts, wish.form, delegate.post.title),
        document_types=_types(source.facts, wish),
        period=_period(source, holder, wish),
        delegation=Delegation(
            source_id=source.id,
            by=holder.person.id,
            reason=clean(wish.reason),
            basis=basis,
            basis_on=wish.basis_on,
            absence_id=wish.absence_id,
        ),
    )
    check_signer(facts, delegate)
    check_limits(facts)
    made = Authority(authority_id, replace(facts, block=checked_block(facts)))
    return made, state(made)


def _check_chain(source: Authority, form: Form) -> None:
    capacity = source.facts.capacity
    if source.withdrawn:
        raise Rejected(AUTHORITY_WITHDRAWN)
    if capacity == "TUQ.":
        raise Rejected(TUQ_NOT_REDELEGABLE)
    if any(line.startswith("KT. ") for line in source.facts.block) and capacity == "TL.":
        raise Rejected(DELEGATION_TOO_DEEP)
    if form not in FORMS[capacity]:
        allowed = ", ".join(FORMS[capacity]) or "–"
        raise Rejected(DELEGATION_FORM, source=capacity or "–", form=form, allowed=allowed)


def _check_delegate(source: Authority, form: Form, holder: Signer, delegate: Signer) -> None:
    if delegate.person.id == source.facts.person_id:
        raise Rejected(DELEGATE_IS_SELF)
    deputy = fold(delegate.post.title).startswith("pho ")
    if form == "KT." and not (deputy and delegate.post.agency_id == holder.post.agency_id):
        raise Rejected(DELEGATE_NOT_DEPUTY, title=delegate.post.title)
    if form != "KT." and deputy:
        raise Rejected(DELEGATE_IS_DEPUTY, form=form, title=delegate.post.title)


def _types(source: AuthorityFacts, wish: Wish) -> tuple[str, ...]:
    wanted = {clean(code) for code in wish.document_types}
    beyond = wanted - set(source.document_types) if source.document_types else set()
    if beyond:
        raise Rejected(DELEGATION_OTHER_TYPES, types=", ".join(sorted(beyond)))
    return tuple(sorted(wanted or source.document_types))


def _period(source: Authority, holder: Signer, wish: Wish) -> Period:
    if wish.period.until is None:
        raise Rejected(DELEGATION_NO_END)
    limit = lasts(source, holder.person)
    if limit is None or not wish.period.within(limit):
        own = limit or source.facts.period
        raise Rejected(
            DELEGATION_OUTSIDE_SOURCE,
            start=wish.period.start,
            until=wish.period.until,
            source_start=own.start,
            source_until=own.until or "…",
        )
    return wish.period


def _block(source: AuthorityFacts, form: Form, title: str) -> tuple[str, ...]:
    """NĐ 30/2020 annex I.II.7: the collective (TM.) stays above KT. only; TL. and TUQ. name the head alone."""
    head = source.block[-1].removeprefix("Q. ")
    above = tuple(line for line in source.block if line.startswith(("TM. ", "TL. "))) if form == "KT." else ()
    return (*above, f"{form} {head}", clean(title).upper())


def why(authority: Authority, holder: Signer, day: date, by: str | None) -> tuple[bool, Sentence]:
    """Whether the holder may sign with it on that day, and why; `by` names who delegated it."""
    facts = authority.facts
    days = lasts(authority, holder.person)
    if authority.withdrawn:
        return False, Sentence("Đã bị thu hồi.", "Withdrawn.")
    if days is None:
        return False, Sentence("Chức vụ không còn hiệu lực.", "The post it comes from is not in force.")
    if day < days.start:
        return False, Sentence(f"Có hiệu lực từ {days.start:%d/%m/%Y}.", f"In force from {days.start.isoformat()}.")
    if not days.has(day):
        return False, Sentence(f"Đã hết hiệu lực ngày {days.until:%d/%m/%Y}.", f"Ended on {days.until}.")
    until_vi = f" đến hết ngày {days.until:%d/%m/%Y}" if days.until else ""
    until_en = f" until {days.until.isoformat()}" if days.until else ""
    if facts.delegation is None:
        return True, Sentence(f"Được cấp thẩm quyền ký{until_vi}.", f"Granted{until_en}.")
    on_vi, on_en = _basis(facts.delegation)
    return True, Sentence(f"Được {by or '–'} giao{on_vi}{until_vi}.", f"Delegated by {by or '–'}{on_en}{until_en}.")


def _basis(delegation: Delegation) -> tuple[str, str]:
    if delegation.basis is None or delegation.basis_on is None:
        return "", ""
    day = delegation.basis_on
    return f" theo văn bản {delegation.basis} ngày {day:%d/%m/%Y}", f" by document {delegation.basis} of {day}"
