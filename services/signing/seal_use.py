"""Getting the permit to use a seal key: facts gathered, policy checked, the use recorded before the key is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from uuid import UUID

from services.signing import authority, copies, craft_seal, longevity, seal_policy, store_seal
from services.signing.authority import Certificate
from services.signing.desk import Desk, require_fresh_copy, waiting
from services.signing.domain import Document
from services.signing.keys import Keys, public_key_of
from services.signing.longevity import Longevity
from services.signing.refusals import (
    CERTIFICATE_EXPIRED,
    CERTIFICATE_NOT_TRUSTED,
    CERTIFICATE_REVOKED,
    KEY_TOO_WEAK,
    PIN_WRONG,
    SEAL_CERTIFICATE_MISSING,
    SEAL_DEVICE_STOPPED,
    SEAL_KEY_MISSING,
)
from services.signing.seal_policy import Permit, Purpose, Signed, Use
from shared import outbox
from shared.db import Tx
from shared.errors import Rejected
from shared.events import Actor
from shared.events.signing import SigningAct

_MENDABLE = {
    refusal.code
    for refusal in (CERTIFICATE_EXPIRED, CERTIFICATE_NOT_TRUSTED, CERTIFICATE_REVOKED, KEY_TOO_WEAK, SEAL_KEY_MISSING)
}


def use_of(document: Document, purpose: Purpose, *, agency_id: UUID, asked: Actor) -> Use:
    """What would be sealed, as the document stands now."""
    numbering = document.numbering
    missing = [s.name for s in document.signers if s.signed_at is None]
    if purpose == "document":
        missing += [each.name for each in document.seals_due]
    return Use(
        purpose=purpose,
        document_id=document.id,
        agency_id=agency_id,
        sha256=document.content.sha256,
        asked=asked,
        number_symbol=numbering.number_symbol if numbering else None,
        signed=tuple(
            Signed(s.name, s.certificate_serial or "", s.signed_at) for s in document.signers if s.signed_at is not None
        ),
        missing=tuple(missing),
        annexes=tuple(part.content.sha256 for part in document.terms.annexes) if purpose == "document" else (),
    )


def permit(tx: Tx, desk: Desk, document: Document, use: Use, *, asked_at: datetime, at: datetime) -> Permit:
    """The policy's word, recorded with the facts that it was given on; Rejected when there is none.

    The transaction must be committed before the key is used: a use that comes to nothing is in the ledger too.
    """
    certificates = copies.seal_certificates_of(tx, use.agency_id)
    require_fresh_copy(tx, at, desk.stale_after, about=_decided_on(use, certificates))
    clerk = copies.was_clerk(tx, use.asked.person_id, use.agency_id, asked_at)
    seal_policy.check(use, is_clerk=clerk)
    keys = frozenset(public_key_of(c.der) for c in usable(certificates, at))
    if store_seal.record_use(tx, document.agency_id, use, at):
        act = SigningAct(
            by=use.asked,
            at=at,
            act="seal_permitted",
            object_kind="document",
            object_id=str(document.id),
            detail=use.detail(),
        )
        outbox.put(tx, act, source=desk.source)
    return Permit(use, keys)


def _decided_on(use: Use, certificates: Iterable[Certificate]) -> list[UUID]:
    asked = [use.asked.person_id] if use.asked.person_id else []
    return [use.agency_id, *asked, *(c.id for c in certificates)]


def usable(certificates: Iterable[Certificate], at: datetime) -> list[Certificate]:
    """An agency's seal certificates that may be used now; Rejected(seal_certificate_missing) without any."""
    found = [c for c in certificates if authority.unusable(c, at) is None]
    if not found:
        raise Rejected(SEAL_CERTIFICATE_MISSING)
    return found


def check_still_usable(tx: Tx, agency_id: UUID, candidates: Iterable[Certificate], at: datetime) -> None:
    """A revocation that came while the seal was being made: it is not used, and the clerk reads why."""
    now = {c.id for c in usable(copies.seal_certificates_of(tx, agency_id), at)}
    if not now >= {c.id for c in candidates}:
        raise waiting(Rejected(CERTIFICATE_REVOKED))


def order(
    desk: Desk,
    candidates: Iterable[Certificate],
    beneath: Longevity,
    *,
    number: int | None,
    issued_on: date,
    agency: str,
    parent: str | None,
    at: datetime,
    picture: bytes | None = None,
) -> craft_seal.SealOrder:
    """What the seal says, over signatures that stand as `beneath` tells."""
    return craft_seal.SealOrder(
        number=number,
        issued_on=issued_on,
        agency=agency,
        parent=parent,
        certificates=tuple((c.der, c.chain_pem) for c in candidates),
        sealed_at=at.replace(microsecond=0),
        level=beneath.level or longevity.T,
        owing=bool(beneath.owes),
        pss=desk.keys.pss,
        picture=picture,
    )


@contextmanager
def permitted_keys(desk: Desk, permitted: Permit) -> Iterator[Keys]:
    """The keys for just this use. What an operator or officer can mend comes out as a reason to wait."""
    if desk.keys.stopped:
        raise Rejected(SEAL_DEVICE_STOPPED)
    try:
        with desk.keys.store.permit(permitted.keys, signatures=permitted.use.signatures) as keys:
            yield keys
    except Rejected as error:
        raise _to_wait_for(desk, error) from error


def _to_wait_for(desk: Desk, error: Rejected) -> Rejected:
    """A refused PIN is not tried again by this process: some devices lock after the third."""
    if error.code == PIN_WRONG.code:
        desk.keys.stopped = True
        return Rejected(SEAL_DEVICE_STOPPED)
    return waiting(error) if error.code in _MENDABLE else error
