"""The two calls of a signature for a pile of documents: each document succeeds or fails for itself.

Both calls look at the rows in one short transaction, work on the PDF outside of any, and look again before they write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from services.signing import completing, craft, domain, store, store_access, store_picture, store_preparation
from services.signing.authority import Certificate
from services.signing.desk import Desk
from services.signing.domain import Document, Signer
from services.signing.refusals import BASE_CHANGED, UNEXPECTED
from services.signing.session import (
    LEASE,
    Preparation,
    PreparationState,
    check_base,
    check_completion,
)
from services.signing.word import Word
from shared.db import Tx, act_for, transaction
from shared.errors import NotFound, Rejected
from shared.ids import new_id
from shared.tokens import Principal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document to be signed, and the digest of what the signer was shown."""

    document_id: UUID
    base_sha256: str


@dataclass(frozen=True, slots=True)
class Given:
    """A raw signature for what was prepared."""

    preparation_id: UUID
    signature: bytes


@dataclass(frozen=True, slots=True)
class _Checked:
    document: Document
    signer: Signer
    certificate: Certificate


def enter(tx: Tx, who: Principal, document_id: UUID) -> Document:
    """A document of the bearer's agency or with the bearer's place in it; NotFound otherwise, and where the agency keeps
    it from them.

    From here on the transaction acts for the document's agency, as a signer of another agency must see the whole.
    """
    store.act_for_person(tx, who.person_id)
    act_for(tx, who.agency_id)
    document = store.get(tx, document_id)
    check_known(tx, who, document)
    act_for(tx, document.agency_id)
    return store.get(tx, document_id)


def check_known(tx: Tx, who: Principal, document: Document) -> None:
    """The transaction acts for the bearer's agency. What it restricted is there for its readers and signers alone."""
    own = who.person_id is not None and document.signer_of(who.person_id) is not None
    if not own and store_access.is_kept_from(tx, document.id, who.person_id):
        raise NotFound("văn bản", "document")


def prepare(
    desk: Desk, who: Principal, certificate: bytes, wanted: Sequence[Wanted], *, pss: bool
) -> list[Preparation | Rejected]:
    """A preparation, not yet stored, or the reason against it, for each document in order. `certificate` is DER."""
    with transaction(desk.pool) as tx:
        word = Word(tx, desk, at := store.now(tx))
        checked = [_checked(word, who, w, certificate) for w in wanted]
        picture = store_picture.find_png(tx, who.person_id)
    begin = partial(_begin, desk, at=at, pss=pss, picture=picture)
    begun = [c if isinstance(c, Rejected) else _tried(partial(begin, c)) for c in checked]
    return [b if isinstance(b, Rejected) else _tried(b) for b in begun]


def complete(desk: Desk, who: Principal, given: Sequence[Given]) -> list[Preparation | Rejected]:
    """Take raw signatures; a repeated one changes nothing. For each, in order, what it completes, or the reason against
    it, with nothing of its document changed.

    All in one commit; should that fail, each in one of its own, so that no document stops the others.
    """
    try:
        return _take(desk, who, given)
    except Rejected:
        raise
    except Exception as error:
        if len(given) == 1:
            raise
        log.warning("raw signatures are taken one by one: %s", type(error).__name__)
        return [taken for one in given for taken in _take(desk, who, [one])]


def _take(desk: Desk, who: Principal, given: Sequence[Given]) -> list[Preparation | Rejected]:
    """1. The documents are locked, all in one order. What is decided on is read after that, as what takes a certificate
    away locks them too (stopping.stop).
    2. Each is judged as it stands once those before it are taken. 3. What is taken is written.
    """
    with transaction(desk.pool) as tx:
        store.act_for_person(tx, who.person_id)
        act_for(tx, who.agency_id)
        ids = [one.preparation_id for one in given]
        places = store_preparation.list_told(tx, ids, who.person_id)
        documents = store.lock_all(tx, {one.document_id for one in places})  # 1.
        prepared = store_preparation.list_to_complete(tx, ids, who.person_id)
        word, signatures = Word(tx, desk, store.now(tx)), dict[UUID, bytes]()
        found: list[Preparation | Rejected] = []
        for one in given:
            try:
                preparation = _judged(word, prepared, documents, one)  # 2.
            except Rejected as error:
                found.append(error)
                continue
            found.append(preparation)
            if preparation.state is PreparationState.PREPARED:
                signatures[preparation.id] = one.signature
                prepared[preparation.id] = replace(preparation, state=PreparationState.COMPLETING)
                documents[preparation.document_id] = domain.begin_completion(
                    documents[preparation.document_id], preparation.id
                )
        if signatures:  # 3.
            taken = [prepared[each] for each in signatures]
            store_preparation.begin_completions(tx, signatures)
            store.begin_completions(tx, [documents[each.document_id] for each in taken])
            for each in taken:
                completing.put(tx, each)
        return found


def _judged(
    word: Word, prepared: Mapping[UUID, Preparation], documents: Mapping[UUID, Document], given: Given
) -> Preparation:
    """The preparation as it stands; Rejected, and recorded where it was a forgery, when its signature is not to be had."""
    preparation = prepared.get(given.preparation_id)
    document = documents.get(preparation.document_id) if preparation else None
    if preparation is None or document is None:
        raise NotFound("lần ký", "preparation")
    if not check_completion(preparation, word.at):
        return preparation
    check_base(document, preparation)
    word.check(document, document.signers[preparation.ordinal - 1], preparation.certificate_id)
    assert preparation.prepared is not None  # noqa: S101  check_completion
    try:
        craft.verify(preparation.prepared, given.signature)
    except Rejected as error:
        completing.state_refused_signature(word.tx, word.desk.source, document, preparation.ordinal, error)
        raise
    return preparation


def _checked(word: Word, who: Principal, wanted: Wanted, certificate: bytes) -> _Checked | Rejected:
    """Only refusals are kept apart here: a failing database fails the whole pile."""
    try:
        return _check(word, who, wanted, certificate)
    except Rejected as error:
        return error


def _check(word: Word, who: Principal, wanted: Wanted, certificate: bytes) -> _Checked:
    """1. The person has an open place. 2. The registry copy is fresh, person, post and authority hold today.
    3. The certificate is registered for the person, active and in its validity. 4. What was shown still stands.
    """
    document = enter(word.tx, who, wanted.document_id)
    signer = domain.open_place(document, who.person_id)
    found = word.check(document, signer, certificate)
    if document.content.sha256 != wanted.base_sha256:
        raise Rejected(BASE_CHANGED)
    return _Checked(document, signer, found)


def _begin(
    desk: Desk, checked: _Checked, *, at: datetime, pss: bool, picture: bytes | None
) -> Callable[[], Preparation]:
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
        picture=picture,
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


def _tried(act: Callable[[], Any]) -> Any:
    """What the act gives, or the reason why it is refused: one document of a pile must not stop the others."""
    try:
        return act()
    except Rejected as error:
        return error
    except Exception:
        log.exception("a document of a batch failed")
        return Rejected(UNEXPECTED)
