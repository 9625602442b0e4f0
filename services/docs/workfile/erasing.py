"""What was disposed of by a decision is erased a day later: docs' own bytes here, signing's by an order. Each service
writes down what it erased; digests, names and the decision stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.docs import store_incoming, store_registry
from services.docs.erasure import store as references
from services.docs.intake import store as intake
from services.docs.workfile import store, store_erasure, subjects
from services.docs.workfile.domain import WorkFile
from services.docs.workfile.store import Member
from shared import db, jobs, outbox
from shared.blobs import Blobs
from shared.errors import NotFound
from shared.events import Actor, BlobRef, Envelope
from shared.events.docs import EraseDocument
from shared.events.signing import DocumentErased

ERASE = "erase_disposed"  # its subject is the file's id
AFTER = timedelta(days=1)  # a decision that was taken by mistake is found out on the same day
SIGNING = "signing"  # the prefix of its store


def order(tx: db.Tx, file: WorkFile, by: Actor) -> None:
    """In the transaction that disposes of the file."""
    payload = {"agency_id": str(file.agency_id), "by": by.model_dump(mode="json", exclude_none=True)}
    jobs.put(tx, ERASE, str(file.id), payload, delay=AFTER)


class Eraser:
    """Removes bytes of docs' own prefix, and orders signing to remove its own."""

    def __init__(self, pool: db.Pool, blobs: Blobs, source: str) -> None:
        self.pool, self.blobs, self.source = pool, blobs, source

    @property
    def kinds(self) -> dict[str, jobs.Kind]:
        """Tried for as long as it takes: the content can't be reached any more, but it is still there."""
        return {ERASE: jobs.Kind(run=self.run, on_failure=lambda *_: None, max_attempts=1_000_000)}

    def run(self, job: jobs.Job) -> jobs.Commit:
        """1. what was destroyed, 2. less what anything of any agency still needs, 3. what was made of it, 4. the bytes,
        5. the record and the orders.
        """
        agency_id, file_id = UUID(job.payload["agency_id"]), UUID(job.subject)
        with db.transaction(self.pool, agency=agency_id) as tx:  # 1
            file = store.get(tx, file_id)
            destroyed = store.list_destroyed(tx, file_id)
            gone_of = {subject for subject, _, _ in destroyed}
            targets = [
                _target(tx, each, agency_id) for each in store.list_members(tx, file_id) if each.subject_id in gone_of
            ]
        gone = {ref.sha256: ref for _, _, ref in destroyed}
        with db.transaction(self.pool, agency=agency_id) as tx:  # 3, of this agency
            made = intake.contents_of_all(tx, list(gone_of), list(gone))
            made += [each.content for each in store.list_exports(tx, file_id) if each.content]
        used = self._each(lambda tx: store.used_elsewhere(tx, [*gone, *(ref.sha256 for ref in made)]))  # 2
        gone = {digest: ref for digest, ref in gone.items() if digest not in used}
        used |= self._each(
            lambda tx: intake.held_elsewhere(tx, [ref.sha256 for ref in made], list(gone_of), list(gone))
        )
        with db.transaction(self.pool) as tx:
            drawn = references.made_only_of(tx, list(gone))  # 3, of all
        dropped = {ref.sha256: ref for ref in (*gone.values(), *drawn, *made) if ref.sha256 not in used}
        own = [ref for ref in dropped.values() if ref.prefix == self.blobs.prefix]
        for ref in own:  # 4
            self.blobs.drop(ref)

        def commit(tx: db.Tx) -> None:  # 5
            references.forget_made_of(tx, list(gone))
            db.act_for(tx, agency_id)
            intake.forget_contents(tx, list(gone_of), list(gone))
            store_erasure.forget_exports(tx, file_id)
            at = datetime.now(UTC)
            erased, kept = sorted(ref.sha256 for ref in own), sorted(used & {ref.sha256 for _, _, ref in destroyed})
            store_erasure.add(tx, file, file_id, "docs", erased=erased, kept=kept, at=at)
            by = Actor.model_validate(job.payload["by"]) if "by" in job.payload else Actor(name="Vanthu", system="docs")
            named = {subject: [ref for s, _, ref in destroyed if s == subject] for subject in gone_of}
            for subject, document_id, whole in targets:
                _order_signing(tx, file, document_id, named[subject], used, whole=whole, by=by, source=self.source)

        return commit

    def _each(self, ask: Callable[[db.Tx], set[str]]) -> set[str]:
        """Agency by agency, as row-level security has it."""
        found: set[str] = set()
        with db.transaction(self.pool) as tx:
            for each in store_registry.list_agencies_ever(tx):
                db.act_for(tx, each)
                found |= ask(tx)
        return found


def _target(tx: db.Tx, member: Member, agency_id: UUID) -> tuple[UUID, UUID, bool]:
    """Subject, the document by which signing knows it, and whether all that signing has of it is this agency's."""
    if member.kind == "incoming":
        try:
            return member.subject_id, store_incoming.get(tx, member.subject_id).document_id, False
        except NotFound:
            return member.subject_id, member.subject_id, False
    try:
        leads = subjects.agency_of(tx, member.kind, member.subject_id) == agency_id
    except NotFound:
        leads = False
    return member.subject_id, member.subject_id, leads


def _order_signing(
    tx: db.Tx,
    file: WorkFile,
    document_id: UUID,
    named: Iterable[BlobRef],
    used: set[str],
    *,
    whole: bool,
    by: Actor,
    source: str,
) -> None:
    """Whatever of an arrival still stands with its sender, or with another receiver, is not ours to have erased."""
    theirs = [ref for ref in named if ref.prefix == SIGNING]
    content = tuple(ref for ref in theirs if ref.sha256 not in used)
    decided = file.disposal
    if decided is None or not (whole or content):
        return
    command = EraseDocument(
        document_id=document_id,
        agency_id=file.agency_id,
        workfile_id=file.id,
        decision=decided.decision,
        decided_on=decided.decided_on,
        whole=whole,
        content=content,
        kept=tuple(sorted({ref.sha256 for ref in theirs} & used)),
        by=by,
        at=datetime.now(UTC),
    )
    outbox.put(tx, command, source=source)


def receive_erased_document(tx: db.Tx, envelope: Envelope) -> None:
    """Signing has erased what it was ordered to: into the record of the disposal, once."""
    stated = envelope.data
    assert isinstance(stated, DocumentErased)  # noqa: S101  registered for this type
    db.act_for(tx, stated.agency_id)
    file = store.get(tx, stated.workfile_id)
    store_erasure.add(tx, file, stated.document_id, "signing", erased=stated.erased, kept=stated.kept, at=stated.at)
