"""Jobs that remove bytes of docs' own store: at once what may not be kept (malware, secret papers, what was taken back), and
round by round what nothing refers to. Each says in the ledger what it removed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.docs.erasure import domain, store
from services.docs.erasure.domain import QUARANTINE, Swept
from services.docs.step import ourselves
from shared import db, jobs, outbox
from shared.blobs import Blobs, Held
from shared.events import BlobRef
from shared.events.docs import DocsAct

log = logging.getLogger(__name__)

SWEEP, ERASE = "sweep", "erase_content"


def order(tx: db.Tx, incoming_id: UUID, agency_id: UUID, why: str, digests: Iterable[str]) -> None:
    """In the transaction that destroys what a partner's arrival brought: nothing here names it any more, and its bytes
    go. What an agency here sent is its own still. `why`: a stable code; `digests`: of the parts that it had.
    """
    named = store.forget_arrival(tx, incoming_id)
    refs = [ref.model_dump(mode="json") for ref in named if ref.prefix.startswith("docs/")]
    payload = {
        "agency_id": str(agency_id),
        "why": why,
        "digests": sorted({*digests, *(ref.sha256 for ref in named)}),
        "quarantined": refs,
    }
    jobs.put(tx, ERASE, f"erase:{incoming_id}", payload)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """`store` is the file store's URL: quarantine has prefixes of its own in it. `partners`: those that are set up."""

    pool: db.Pool
    blobs: Blobs
    store: str
    source: str
    partners: tuple[str, ...]
    after: timedelta = domain.AFTER
    hold: timedelta = domain.HOLD
    most: int = domain.MOST

    @property
    def kinds(self) -> dict[str, jobs.Kind]:
        """For the worker of docs; tried for as long as it takes."""

        def kind(run: jobs.Handler, on_failure: jobs.OnFailure) -> jobs.Kind:
            return jobs.Kind(run=run, on_failure=on_failure, max_attempts=1_000_000)

        return {ERASE: kind(self.erase, lambda *_: None), SWEEP: kind(self.sweep, _go_on)}

    # --- what may not be kept

    def erase(self, job: jobs.Job) -> jobs.Commit:
        """1. less what something else refers to (the last one out erases), 2. what was made of it, 3. the bytes, 4. the
        history and the act.
        """
        subject, agency_id = UUID(job.subject.removeprefix("erase:")), UUID(job.payload["agency_id"])
        digests: list[str] = job.payload["digests"]
        with db.transaction(self.pool) as tx:
            store.forget_uploads(tx, self.partners, digests)
        with db.transaction(self.pool) as tx:  # 1
            kept = store.referred_to(tx, self.partners, among=digests)
        gone = sorted(set(digests) - kept)
        with db.transaction(self.pool) as tx:  # 2
            made = [ref.sha256 for ref in store.made_only_of(tx, gone) if ref.prefix == self.blobs.prefix]
        for digest in (*gone, *made):  # 3
            self.blobs.erase(digest)
        for ref in map(BlobRef.model_validate, job.payload["quarantined"]):
            Blobs(self.store, ref.prefix).drop(ref)

        def commit(tx: db.Tx) -> None:  # 4
            store.forget_made_of(tx, gone)
            db.act_for(tx, agency_id)
            at = datetime.now(UTC)
            what = {"why": job.payload["why"], "kept": str(len(kept))}
            store.note_erased(tx, agency_id, subject, at, f"{len(gone)} tệp")
            for some in domain.in_acts(gone):
                about = ("incoming", str(subject))
                self._tell(tx, "content_erased", about, what | {"files": str(len(some))} | _listed(some), at)

        return commit

    # --- what nothing refers to

    def sweep(self, job: jobs.Job) -> jobs.Commit:
        """One round, and the next one's order."""
        name: str = job.payload["round"]
        now = datetime.now(UTC)
        done = self._quarantine(now) if name == QUARANTINE else self._round(name, now)

        def commit(tx: db.Tx) -> None:
            store.remove_aside(tx, [each.sha256 for each in done.gone])
            for some in domain.in_acts(done.gone) if done.gone else ():
                what = {"files": str(len(some)), "bytes": str(sum(each.size for each in some))}
                self._tell(tx, "bytes_swept", ("store", f"docs/{name}"), what | _listed(e.sha256 for e in some), now)
            _next(tx, name if done.more else domain.following(name), domain.SOON if done.more else domain.PAUSE)

        if done.gone:
            log.info(
                "sweep: round %s removed %d files, %d bytes that nothing refers to", name, len(done.gone), done.size
            )
        return commit

    def _round(self, name: str, now: datetime) -> Swept:
        """1. what is referred to, 2. what was made of files that are gone, 3. set aside what is loose, 4. of what was set
        aside long enough: back to where it lay when something refers to it now, else gone.
        """
        with db.transaction(self.pool) as tx:  # 1
            known = store.referred_to(tx, self.partners, begin=name)
        with db.transaction(self.pool) as tx:  # 2
            orphans = sorted(store.list_sources(tx, name, now - self.after) - known)[: self.most]
            store.forget_made_of(tx, orphans)
            known |= set().union(*store.made_of(tx, name).values())
        held = (each for folder in domain.folders(name) for each in self.blobs.list_held(folder))
        found = domain.loose(held, known, now, self.after)
        some = found[: self.most]
        with db.transaction(self.pool) as tx:  # 3
            store.add_aside(tx, some, now)
        for each in some:
            self.blobs.set_aside(each.sha256)
        with db.transaction(self.pool) as tx:  # 4
            due = store.list_aside(tx, self.blobs.prefix, name, now - self.hold, self.most)
        self._bring_back([each for each in due if each.sha256 in known])
        gone = [each for each in due if each.sha256 not in known]
        for each in gone:
            self.blobs.drop_aside(each.sha256)
        return Swept(name, tuple(gone), more=len(found) > self.most or len(due) == self.most)

    def _bring_back(self, wanted: Sequence[Held]) -> None:
        for each in wanted:
            self.blobs.put_back(each.sha256)
        with db.transaction(self.pool) as tx:
            store.remove_aside(tx, [each.sha256 for each in wanted])

    def _quarantine(self, now: datetime) -> Swept:
        """What an item or upload left behind, say when a process died; of a prefix of their own nobody else has bytes."""
        with db.transaction(self.pool) as tx:
            store.forget_given_up(tx, self.partners, domain.GIVEN_UP)
        with db.transaction(self.pool) as tx:
            known = store.in_quarantine(tx)
        held = self.blobs.list_held(QUARANTINE)
        loose = domain.loose((e for e in held if (e.prefix, e.sha256) not in known), (), now, self.after)
        for each in loose[: self.most]:
            Blobs(self.store, each.prefix).erase(each.sha256)
        return Swept(QUARANTINE, tuple(loose[: self.most]), more=len(loose) > self.most)

    def _tell(self, tx: db.Tx, act: str, about: tuple[str, str], detail: dict[str, str], at: datetime) -> None:
        kind, name = about
        stated = DocsAct(by=ourselves(), at=at, act=act, object_kind=kind, object_id=name, detail=detail)
        outbox.put(tx, stated, source=self.source)


def _listed(digests: Iterable[str]) -> dict[str, str]:
    return {"sha256": " ".join(digests)}


def _next(tx: db.Tx, name: str, pause: timedelta) -> None:
    jobs.put(tx, SWEEP, SWEEP, {"round": name}, delay=pause)


def _go_on(tx: db.Tx, job: jobs.Job, _error: Exception, final: bool) -> None:  # noqa: FBT001  as jobs calls it
    """A round that failed for good does not end the sweeping."""
    if final:
        _next(tx, domain.following(job.payload["round"]), domain.PAUSE)
