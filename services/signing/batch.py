"""The two calls of a signature for a pile of documents: each document succeeds or fails for itself.

Both calls look at the rows in one short transaction, work on the PDF outside of any, and look again before they write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.signing import authority, completing, copies, craft, domain, store
from services.signing.authority import Certificate, Standing
from services.signing.desk import Desk, require_fresh_copy
from services.signing.domain import Document, Signer
from services.signing.refusals import BASE_CHANGED, UNEXPECTED
from services.signing.session import (
    LEASE,
    Preparation,
    PreparationState,
    check_base,
    check_completion,
)
from shared.db import Tx, act_for, transaction
from shared.errors import Rejected
from shared.ids import new_id
from shared.tokens import Principal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document to be signed, and the digest of what the signer was shown."""

    document_id: UUID
    base_sha256: str


@dataclass(frozen=True, slots=True)
class _Checked:
    document: Document
    signer: Signer
    certificate: Certificate


def enter(tx: Tx, who: Principal, document_id: UUID) -> Document:
    """A document of the bearer's agency or with the bearer's place in it; NotFound otherwise.

    From here on the transaction acts for the document's agency, as a signer of another agency must see the whole.
    """
    store.act_for_person(tx, who.person_id)
    act_for(tx, who.agency_id)
    document = store.get(tx, document_id)
    act_for(tx, document.agency_id)
    return store.get(tx, document_id)


def prepare(
    desk: Desk, who: Principal, certificate: bytes, wanted: Sequence[Wanted], *, pss: bool
) -> list[Preparation | Rejected]:
    """A preparation, not yet stored, or the reason against it, for each document in order. `certificate` is DER."""
    with transaction(desk.pool) as tx:
        at = store.now(tx)
        checked = [_checked(tx, desk, who, w, certificate=certificate, at=at) for w in wanted]
    begun = [c if isinstance(c, Rejected) else _tried(lambda c=c: _begin(desk, c, at, pss=pss)) for c in checked]  # type: ignore[misc]
    return [b if isinstance(b, Rejected) else _tried(b) for b in begun]


def complete(desk: Desk, who: Principal, preparation_id: UUID, signature: bytes) -> Preparation:
    """Take a raw signature; a repeated one changes nothing. Rejected, with nothing changed, when it is not to be had."""
    with transaction(desk.pool) as tx:
        preparation, document = _find(tx, who, preparation_id)
        if not check_completion(preparation, store.now(tx)):
            return preparation
        _check_again(tx, desk, document, preparation)
    assert preparation.prepared is not None  # noqa: S101  check_completion
    try:
        craft.verify(preparation.prepared, signature)
    except Rejected as error:
        _record(desk, document, preparation, error)
        raise
    with transaction(desk.pool) as tx:
        preparation, document = _find(tx, who, preparation_id, lock=True)
        if check_completion(preparation, store.now(tx)):
            _check_again(tx, desk, document, preparation)
            store.begin_completion(tx, preparation.id, signature)
            store.save(tx, domain.begin_completion(document, preparation.id))
            completing.put(tx, preparation)
    return preparation


def problems(tx: Tx, desk: Desk, document: Document, signer: Signer, at: datetime) -> list[Rejected]:
    """Everything against this signer signing this document now, said before the PIN."""
    found: list[Rejected] = []
    standing = copies.standing(tx, signer)
    try:
        require_fresh_copy(tx, at, desk.stale_after, about=_decided_on(signer, standing))
    except Rejected as error:
        found.append(error)
    found += authority.problems(
        signer, standing, agency_id=signer.acts_for(document.agency_id), type_code=document.descriptor.type_code, now=at
    )
    if unusable := authority.no_usable(standing.certificates, at):
        found.append(unusable)
    return found


def _checked(
    tx: Tx, desk: Desk, who: Principal, wanted: Wanted, *, certificate: bytes, at: datetime
) -> _Checked | Rejected:
    """Only refusals are kept apart here: a failing database fails the whole pile."""
    try:
        return _check(tx, desk, who, wanted, certificate=certificate, at=at)
    except Rejected as error:
        return error


def _check(tx: Tx, desk: Desk, who: Principal, wanted: Wanted, *, certificate: bytes, at: datetime) -> _Checked:
    """1. The person has an open place. 2. The registry copy is fresh, person, post and authority hold today.
    3. The certificate is registered for the person, active and in its validity. 4. What was shown still stands.
    """
    document = enter(tx, who, wanted.document_id)
    signer = domain.open_place(document, who.person_id)
    found = _check_registry(tx, desk, document, signer, certificate=certificate, at=at)
    if document.content.sha256 != wanted.base_sha256:
        raise Rejected(BASE_CHANGED)
    return _Checked(document, signer, found)


def _decided_on(signer: Signer, standing: Standing) -> tuple[UUID, ...]:
    return (signer.person_id, signer.authority_id, *(c.id for c in standing.certificates))


def _check_registry(
    tx: Tx, desk: Desk, document: Document, signer: Signer, *, certificate: bytes, at: datetime
) -> Certificate:
    standing = copies.standing(tx, signer)
    require_fresh_copy(tx, at, desk.stale_after, about=_decided_on(signer, standing))
    against = authority.problems(
        signer, standing, agency_id=signer.acts_for(document.agency_id), type_code=document.descriptor.type_code, now=at
    )
    problem = (
        against[0]
        if against
        else authority.certificate_problem(standing.certificates, certificate, person_id=signer.person_id, now=at)
    )
    found = authority.find(standing.certificates, certificate)
    if problem or found is None:
        raise problem or Rejected(BASE_CHANGED)
    return found


def _begin(desk: Desk, checked: _Checked, at: datetime, *, pss: bool) -> Callable[[], Preparation]:
    """Start the work on one PDF in another process; calling the result waits for it."""
    document, signer = checked.document, checked.signer
    result = desk.workshop.start(
        craft.begin,
        desk.blobs.get(document.content),
        ordinal=signer.ordinal,
        certificate=checked.certificate.der,
        chain_pem=checked.certificate.chain_pem,
        name=signer.name,
        post=signer.post,
        signed_at=at.replace(microsecond=0),
        pss=pss,
    )

    def wait() -> Preparation:
        prepared: dict[str, Any] = result()
        return Preparation(
            id=new_id(),
            document_id=document.id,
            agency_id=document.agency_id,
            person_id=signer.person_id,
            ordinal=signer.ordinal,
            base_sha256=document.content.sha256,
            certificate_id=checked.certificate.id,
            state=PreparationState.PREPARED,
            expires_at=at + LEASE,
            prepared=prepared,
        )

    return wait


def _find(tx: Tx, who: Principal, preparation_id: UUID, *, lock: bool = False) -> tuple[Preparation, Document]:
    """The bearer's preparation and its document, which is locked when asked; read again after the lock."""
    store.act_for_person(tx, who.person_id)
    preparation = store.get_preparation(tx, preparation_id, who.person_id)
    document = enter(tx, who, preparation.document_id)
    if lock:
        document = store.lock(tx, document.id)
        preparation = store.get_preparation(tx, preparation_id, who.person_id)
    return preparation, document


def _check_again(tx: Tx, desk: Desk, document: Document, preparation: Preparation) -> None:
    """Between the two calls a person may have left and a certificate been revoked."""
    check_base(document, preparation)
    signer = document.signers[preparation.ordinal - 1]
    certificate = copies.get_certificate(tx, preparation.certificate_id)
    der = certificate.der if certificate else b""
    _check_registry(tx, desk, document, signer, certificate=der, at=store.now(tx))


def _record(desk: Desk, document: Document, preparation: Preparation, error: Rejected) -> None:
    with transaction(desk.pool, agency=document.agency_id) as tx:
        completing.state_refused_signature(tx, desk.source, document, preparation.ordinal, error)


def _tried(act: Callable[[], Any]) -> Any:
    """What the act gives, or the reason why it is refused: one document of a pile must not stop the others."""
    try:
        return act()
    except Rejected as error:
        return error
    except Exception:
        log.exception("a document of a batch failed")
        return Rejected(UNEXPECTED)
