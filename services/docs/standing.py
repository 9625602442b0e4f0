"""What a person may do now, decided on our copy of the registry's facts: post, roles, signing authority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

from services.docs import refusals
from services.docs.catalogue import DOCUMENT_TYPES, DocumentType
from services.docs.text import fold
from shared.errors import FORBIDDEN, Rejected
from shared.events.docs import Party, Signer
from shared.events.registry import PostFunction

# How the titles of those begin who head a unit or an agency, marks folded; deputies are "phó …".
HEADS = ("truong ", "chanh ", "giam doc", "chu tich", "cuc truong", "chi cuc truong", "vu truong", "quyen ", "bi thu")


@dataclass(frozen=True, slots=True)
class Post:
    """A person at one post of theirs, as registry last stated both. `function`: what the post is there for; where nobody
    has said it, its title tells.
    """

    person_id: UUID
    name: str
    active: bool
    post_id: UUID
    agency_id: UUID
    title: str
    roles: frozenset[str]
    valid_from: date
    valid_until: date | None
    unit: str | None = None
    unit_id: UUID | None = None
    function: PostFunction | None = None

    def holds(self, day: date) -> bool:
        return self.active and _covers(self.valid_from, self.valid_until, day)


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency as registry last stated it; with `partner` it is reached through that partner's topics."""

    agency_id: UUID
    identifier: str
    name: str
    level: str
    partner: str | None
    valid_from: date
    valid_until: date | None
    parent_id: UUID | None = None
    successor_ids: tuple[UUID, ...] = ()

    @property
    def party(self) -> Party:
        return Party(agency_id=self.agency_id, identifier=self.identifier, name=self.name)

    def stands(self, day: date) -> bool:
        return _covers(self.valid_from, self.valid_until, day)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whether a person's certificate may be used, as registry last stated it."""

    not_before: datetime
    not_after: datetime
    status: str

    def is_usable(self, now: datetime) -> bool:
        return self.status == "active" and self.not_before <= now <= self.not_after


@dataclass(frozen=True, slots=True)
class Authority:
    """Who may sign for an agency and how (NĐ 30 art. 13), with the post it comes from. No types: all types."""

    authority_id: UUID
    capacity: str
    block: tuple[str, ...]
    document_types: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    withdrawn: bool
    agency_id: UUID
    post: Post
    delegated_from: UUID | None = None
    basis: str | None = None
    basis_on: date | None = None

    def holds(self, day: date) -> bool:
        """By order or authorisation (TL., TUQ.) the head of an agency beneath may sign; else only who works here."""
        in_time = not self.withdrawn and _covers(self.valid_from, self.valid_until, day)
        here = self.post.agency_id == self.agency_id or self.capacity in ("TL.", "TUQ.")
        return in_time and here and self.post.holds(day) and "leader" in self.post.roles

    def covers(self, type_code: str) -> bool:
        return not self.document_types or type_code in self.document_types


def _covers(first: date, last: date | None, day: date) -> bool:
    return first <= day and (last is None or day <= last)


def may_act(post: Post | None, agency_id: UUID | None, day: date, *roles: str) -> Post:
    """The post that a token's bearer acts from; Rejected(not_in_post) when it has ended, 403 for the wrong role."""
    if post is None or post.agency_id != agency_id or not post.holds(day):
        raise Rejected(refusals.NOT_IN_POST)
    if roles and not post.roles & set(roles):
        raise Rejected(FORBIDDEN)
    return post


def is_deputy(post: Post) -> bool:
    if post.function:
        return post.function in ("deputy", "unit_deputy")
    return fold(post.title).startswith("pho ")


def is_head(post: Post) -> bool:
    """Of a unit or the agency: whose post says so, else a leader who is no deputy, or somebody with such a title."""
    if post.function:
        return post.function in ("head", "unit_head")
    return not is_deputy(post) and ("leader" in post.roles or fold(post.title).startswith(HEADS))


def in_unit(post: Post, unit_id: UUID | None, unit: str | None) -> bool:
    """By the unit on record; by its name where the post has none on record."""
    if unit_id is not None and post.unit_id is not None:
        return post.unit_id == unit_id
    return bool(unit and post.unit) and fold(unit or "") == fold(post.unit or "")


def leads_agency(post: Post) -> bool:
    """The head of the agency, not of a unit in it."""
    if post.function:
        return post.function == "head"
    top = fold(post.title).startswith(("chu tich", "bi thu", "thu truong", "tong giam doc"))
    return "leader" in post.roles and not is_deputy(post) and (top or not post.unit)


def is_registrar(post: Post) -> bool:
    """Keeps the agency's registers (văn thư); others with the same role are officers of its units."""
    if post.function:
        return post.function == "registrar"
    return "clerk" in post.roles and "van thu" in fold(post.title)


def sees_all(post: Post) -> bool:
    """Whose work is with all documents of the agency, those included that others are kept from."""
    return leads_agency(post) or is_registrar(post)


def unit_reader(agency_id: UUID, unit_id: UUID | None, unit: str | None) -> UUID | None:
    """The key of everybody in a unit; by its name where it has no id on record."""
    return unit_id or (uuid5(agency_id, fold(unit)) if unit else None)


def head_reader(agency_id: UUID, unit_id: UUID | None, unit: str | None) -> UUID | None:
    """The key of whoever heads a unit."""
    found = unit_reader(agency_id, unit_id, unit)
    return uuid5(found, "head") if found else None


def keys_of(post: Post) -> tuple[UUID, ...]:
    """What opens to somebody at a post that is restricted: what names them, their unit, its head if they are, and all
    of the agency's for those whose work is with all of it.
    """
    found = [
        post.person_id,
        unit_reader(post.agency_id, post.unit_id, post.unit),
        head_reader(post.agency_id, post.unit_id, post.unit) if is_head(post) else None,
        post.agency_id if sees_all(post) else None,
    ]
    return tuple(each for each in found if each)


def document_type(code: str) -> DocumentType:
    """A type that can be submitted; copies are made of documents, not submitted."""
    found = DOCUMENT_TYPES.get(code)
    if found is None or found.copy:
        raise Rejected(refusals.TYPE_UNKNOWN, code=code)
    return found


def signer_by(authority: Authority | None, agency_id: UUID, kind: DocumentType, day: date) -> Signer:
    """The signer that an authority gives for a document of this type today; refuses with the reason why not."""
    if authority is None or authority.agency_id != agency_id:
        raise Rejected(refusals.AUTHORITY_UNKNOWN)
    if not authority.holds(day):
        raise Rejected(refusals.AUTHORITY_ENDED, name=authority.post.name)
    if not authority.covers(kind.code):
        raise Rejected(refusals.AUTHORITY_OTHER_TYPES, name=authority.post.name, type=kind.vi, type_en=kind.en)
    return Signer(
        person_id=authority.post.person_id,
        post_id=authority.post.post_id,
        authority_id=authority.authority_id,
        name=authority.post.name,
        post=authority.post.title,
        capacity=authority.capacity,
        block=authority.block,
        delegated_from=authority.delegated_from,
        basis=_spoken_basis(authority),
    )


def signer_still(authority: Authority | None, agency_id: UUID, kind: DocumentType, day: date, name: str) -> Signer:
    """The signer as they stand on the day on which a reviewed draft goes to them; what was right at its submission may
    have ended since. Raises Rejected(signer_not_authorised_now).
    """
    try:
        return signer_by(authority, agency_id, kind, day)
    except Rejected as error:
        raise Rejected(refusals.SIGNER_NOT_AUTHORISED_NOW, name=name) from error


def _spoken_basis(authority: Authority) -> str | None:
    if authority.basis is None or authority.basis_on is None:
        return None
    return f"{authority.basis}, {authority.basis_on:%d/%m/%Y}"


def signer_stopped(certificates: Sequence[Certificate], now: datetime, *, name: str) -> Rejected | None:
    """Why somebody for whom a document waits can't sign it now: every certificate of theirs is revoked or has ended.

    None as well for somebody of whom no certificate is known here: they may only be about to get their first.
    """
    if not certificates or any(each.is_usable(now) for each in certificates):
        return None
    taken = any(each.status in ("revoked", "suspended") and now <= each.not_after for each in certificates)
    return Rejected(refusals.SIGNER_CERTIFICATE_UNUSABLE if taken else refusals.SIGNER_CERTIFICATE_ENDED, name=name)


def check_fresh(oldest_copy: datetime | None, now: datetime, bound: float) -> None:
    """Taking a number orders a seal: with a copy of the registry older than `bound` seconds nobody's right is known."""
    if oldest_copy is None or (now - oldest_copy).total_seconds() > bound:
        raise Rejected(refusals.REGISTRY_COPY_STALE)


def recipients_by(identifiers: list[str], known: dict[str, Agency], sender: UUID, day: date) -> list[Agency]:
    """The agencies of a list of national identifiers, in its order; refuses the whole list for one wrong entry."""
    repeated = sorted(i for i, times in Counter(identifiers).items() if times > 1)
    if repeated:
        raise Rejected(refusals.RECIPIENT_REPEATED, identifiers=", ".join(repeated))
    unknown = [i for i in identifiers if i not in known or not known[i].stands(day)]
    if unknown:
        raise Rejected(refusals.RECIPIENT_UNKNOWN, identifiers=", ".join(unknown))
    found = [known[i] for i in identifiers]
    if any(a.agency_id == sender for a in found):
        raise Rejected(refusals.RECIPIENT_IS_SENDER)
    return found
