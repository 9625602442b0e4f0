"""The job `augment`: pays what a document's proof owes, and renews archive time stamps before they run out.

What stands is never touched: a DSS dictionary and document time stamps are added, and receivers are told of the better
version. The job has a subject of its own, so that a debt which waits for a TSA holds up no seal of the same document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from services.signing import craft, craft_proof, longevity, store, store_longevity
from services.signing.desk import PDF, Desk, believed, online_or_kept, told, waiting
from services.signing.domain import SYSTEM, Document
from services.signing.longevity import Longevity, Signature, Stamp
from services.signing.refusals import CERTIFICATE_NOT_TRUSTED, NO_NEWER_STAMP
from shared import jobs, outbox
from shared.db import Tx, act_for, transaction
from shared.errors import Rejected
from shared.events import BlobRef
from shared.events.signing import Debt, DocumentOwing, SigningAct

KIND = "augment"
HOLD = timedelta(hours=6)


def put(tx: Tx, document: Document, *, renewal: bool = False) -> None:
    order(tx, document.id, document.agency_id, renewal=renewal)


def order(
    tx: Tx, document_id: UUID, agency_id: UUID, *, renewal: bool = False, delay: timedelta = timedelta(0)
) -> None:
    payload = {"agency_id": str(agency_id), "renewal": renewal}
    jobs.put(tx, KIND, subject(document_id), payload, delay=delay)


def subject(document_id: UUID) -> str:
    return f"{KIND}:{document_id}"


def keep_signature(
    tx: Tx,
    document: Document,
    made: craft.Made,
    *,
    kind: str,
    name: str,
    certificate_id: UUID | None,
    target: str,
    at: datetime,
    person_id: UUID | None = None,
    part: int = 0,
) -> tuple[Debt, ...]:
    """Write down how a new signature (of a person, or a seal) and with it the document stands; what is owed now. `part`
    is the ordinal of an annex in a file of its own.
    """
    store_longevity.put_signature(
        tx,
        Signature(
            document_id=document.id,
            agency_id=document.agency_id,
            field=longevity.field_of(part, made.field),
            kind=kind,
            name=name,
            person_id=person_id,
            certificate_id=certificate_id,
            anchor=made.anchor,
            algorithms=made.algorithms,
            signed_at=at,
            level=made.level,
            unchecked=made.unchecked,
        ),
    )
    stamp = _older(tx, document, made.stamp) if part else made.stamp
    return _keep(tx, document, {part: made}, stamp=stamp, target=target, at=at)[1]


def _older(tx: Tx, document: Document, stamp: Stamp | None) -> Stamp | None:
    """A document rests on the first of its files' archive stamps to end; None: the one that is known stays."""
    known = store_longevity.proven_until(tx, document.id)
    return stamp if stamp is not None and (known is None or stamp.not_after < known) else None


def _keep(
    tx: Tx, document: Document, made: Mapping[int, craft.Made], *, stamp: Stamp | None, target: str, at: datetime
) -> tuple[str, tuple[Debt, ...]]:
    for part, one in made.items():
        if one.all_at:
            store_longevity.raise_signatures(tx, document.id, one.all_at, part=part)
    signatures = store_longevity.list_signatures(tx, document.id)
    # Of a document that was signed before levels were kept, only what was just done to all of it is known.
    just_now = longevity.lowest(one.all_at or longevity.B for one in made.values())
    level = longevity.lowest(s.level for s in signatures) if signatures else just_now
    owes = longevity.debts(level, target, unchecked=any(s.unchecked for s in signatures))
    store_longevity.put(tx, document.id, document.agency_id, level=level, owes=owes, at=at, stamp=stamp)
    return level, owes


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction: check what is unchecked, then add time stamps and validation data as far as can be had,
    to the main text and to annexes in files of their own. A debt is paid file by file, a renewal for all or for none.
    """
    document_id, agency_id = UUID(job.subject.partition(":")[2]), UUID(job.payload["agency_id"])
    renewal = bool(job.payload["renewal"])
    with transaction(desk.pool, agency=agency_id) as tx:
        document = store.find(tx, document_id)
        standing = store_longevity.get(tx, document_id, agency_id)
        if document is None or not _is_wanted(document, standing, renewal=renewal):
            return lambda _tx: None
        network = believed(tx, desk, store.now(tx), new=not renewal)
        signatures = store_longevity.list_signatures(tx, document_id)
        before = store_longevity.proven_until(tx, document_id)
    met = [s.certificate_id for s in signatures if s.certificate_id]
    files = _files(document)
    wanted = [n for n in files if renewal or _owes(n, standing, signatures, longevity.target(document))]
    made: dict[int, craft.Made] = {}
    trouble: Rejected | None = None
    for part in wanted:
        base = desk.blobs.get(files[part])
        work = partial(_work, desk, base, _level(part, standing, signatures), longevity.target(document))
        try:
            made[part] = online_or_kept(desk, network, met, work)
        except Rejected as error:
            # An officer may pin a root yet.
            trouble = waiting(error) if error.code == CERTIFICATE_NOT_TRUSTED.code else error
            if renewal or trouble.refusal.status != 503:
                raise trouble from error
        else:
            if renewal and before and _is_no_later(made[part], before):
                raise Rejected(NO_NEWER_STAMP)
    if trouble and not made:
        raise trouble
    return _keeping(desk, document, made, renewal=renewal, whole=len(made) == len(files))


def _work(desk: Desk, base: bytes, have: str, target: str, reach: craft.Network) -> craft.Made:
    return desk.workshop.run(craft_proof.augment, base, level=have, target=target, network=reach)


def _files(document: Document) -> dict[int, BlobRef]:
    """The files that make up the document, by ordinal: the main text first, annexes that the agency signed."""
    return {0: document.content} | {part.ordinal: part.content for part in document.terms.sealed_annexes}


def _level(part: int, standing: Longevity, signatures: Sequence[Signature]) -> str:
    """How good a file is. Of an annex that was signed before this was kept, everything was waited for."""
    levels = [s.level for s in signatures if longevity.part_of(s.field) == part]
    if levels:
        return longevity.lowest(levels)
    return longevity.LTA if part else standing.level or longevity.T


def _owes(part: int, standing: Longevity, signatures: Sequence[Signature], target: str) -> bool:
    unchecked = any(s.unchecked for s in signatures if longevity.part_of(s.field) == part)
    return bool(longevity.debts(_level(part, standing, signatures), target, unchecked=unchecked))


def _is_no_later(made: craft.Made, before: datetime) -> bool:
    return made.stamp is None or made.stamp.not_after <= before


def _keeping(
    desk: Desk, document: Document, made: Mapping[int, craft.Made], *, renewal: bool, whole: bool
) -> jobs.Commit:
    """What was made, stored; `whole`: it is every file of the document."""
    contents = {part: desk.blobs.put(one.pdf, PDF) for part, one in made.items()}

    def commit(tx: Tx) -> None:
        act_for(tx, document.agency_id)
        current = store.lock(tx, document.id)
        standing = store_longevity.get(tx, document.id, document.agency_id)
        if not _is_wanted(current, standing, renewal=renewal):
            return
        if _files(current) != _files(document):  # something was added meanwhile: the proof must cover that too
            order(tx, document.id, document.agency_id, renewal=renewal)
            return
        first = min((one.stamp for one in made.values() if one.stamp), key=lambda s: s.not_after, default=None)
        stamp = first if whole else _older(tx, current, first)
        _augment(tx, desk, current, standing, made, contents=contents, stamp=stamp, renewal=renewal)

    return commit


def _augment(
    tx: Tx,
    desk: Desk,
    document: Document,
    standing: Longevity,
    made: Mapping[int, craft.Made],
    *,
    contents: Mapping[int, BlobRef],
    stamp: Stamp | None,
    renewal: bool,
) -> None:
    at = store.now(tx)
    level, owes = _keep(tx, document, made, stamp=stamp, target=longevity.target(document), at=at)
    content = contents.get(0, document.content)
    annexes = tuple(
        part.model_copy(update={"content": contents[part.ordinal]})
        for part in document.terms.sealed_annexes
        if part.ordinal in contents
    )
    fact = longevity.augmented(
        document,
        content,
        annexes=annexes,
        level=level,
        owes=owes,
        renewal=renewal,
        told=standing.told_at is not None,
        proven_until=store_longevity.proven_until(tx, document.id),
        at=at,
    )
    store.save(tx, longevity.continued(document, content, annexes, level), stage="augmented")
    outbox.put(tx, fact, source=desk.source)
    if owes:
        put(tx, document)


def on_failure(desk: Desk, tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    """A silent TSA or CA is waited for without a word; that a debt can't be paid is told at once. While the TSA's own
    certificate is the one that runs out, nothing that rests on it is tried again for some hours.
    """
    document_id, agency_id = UUID(job.subject.partition(":")[2]), UUID(job.payload["agency_id"])
    act_for(tx, agency_id)
    document = store.find_and_lock(tx, document_id)
    if document is None or not final:
        return
    if isinstance(error, Rejected) and error.code == NO_NEWER_STAMP.code:
        store_longevity.hold_renewal(tx, document_id, store.now(tx) + HOLD)
        return
    standing = store_longevity.get(tx, document_id, agency_id)
    reason = told(error)
    if standing.problem == reason["code"] or not standing.owes:
        return
    store_longevity.set_problem(tx, document_id, reason["code"])
    state_owing(tx, desk, standing, reason, final=True)
    act = SigningAct(
        by=SYSTEM,
        at=store.now(tx),
        act="debt_not_payable",
        object_kind="document",
        object_id=str(document_id),
        detail={"code": reason["code"], "owes": " ".join(standing.owes)},
    )
    outbox.put(tx, act, source=desk.source)


def state_owing(tx: Tx, desk: Desk, standing: Longevity, reason: dict[str, str], *, final: bool = False) -> None:
    """Tell people of a debt, once."""
    at = store.now(tx)
    fact = DocumentOwing(
        by=SYSTEM,
        at=at,
        document_id=standing.document_id,
        level=standing.level or longevity.B,
        owes=standing.owes,
        since=standing.owing_since or at,
        final=final,
        code=reason["code"],
        reason_vi=reason["vi"],
        reason_en=reason["en"],
    )
    store_longevity.set_told(tx, standing.document_id, at)
    outbox.put(tx, fact, source=desk.source)


def _is_wanted(document: Document, standing: Longevity, *, renewal: bool) -> bool:
    return longevity.may_augment(document) and (renewal or bool(standing.owes))
