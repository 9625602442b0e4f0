"""Jobs of finding: the text of a document's files is read into the index; entries of an earlier layout are made again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.docs import store as docs_store
from services.docs import store_incoming
from services.docs.finding import lexemes, reading, store
from services.docs.finding.domain import MAX_TEXT
from services.docs.finding.lexemes import Text
from services.docs.finding.reading import Reader
from services.docs.finding.refusals import TEXT_NOT_READ, TEXT_TOO_HARD
from services.docs.step import Reason
from shared import db, jobs
from shared.errors import PROCESS_DIED, NotFound, Rejected
from shared.events.docs import Part

CRASHES = 3  # of the process on one document, after which its file is to blame
ATTEMPTS = 12
AT_ONCE = 200  # entries that one run of the job makes again
SECOND_LOOK = timedelta(hours=1)  # by then no process of the version before writes entries any more


def kinds(reader: Reader) -> Mapping[str, jobs.Kind]:
    """For the worker of docs."""
    return {
        store.READ: jobs.Kind(
            run=lambda job: read_text(reader, job),
            on_failure=tell_failure,
            max_attempts=ATTEMPTS,
            longest_pause=600.0,
        ),
        store.INDEX: jobs.Kind(run=index_agency, on_failure=lambda *_: None),
    }


def read_text(reader: Reader, job: jobs.Job) -> jobs.Commit:
    """All files of one document; what can be read of the others counts when one can't."""
    agency, subject = UUID(job.payload["agency_id"]), UUID(job.payload["id"])
    with db.transaction(reader.pool, agency=agency) as tx:
        sources = store.files_of(tx, subject)
        parts = {part.content.sha256: part for part in _parts(tx, job.payload)}
    texts: list[str] = []
    problem: Rejected | None = None
    for source in sources:
        part = parts.get(source.sha256)
        if part is None:
            continue  # replaced meanwhile: the new file has an order of its own
        try:
            texts.append(reading.text_of(reader, source, part.content))
        except Rejected as error:
            if error.code == PROCESS_DIED.code and job.attempts >= CRASHES:
                problem = Rejected(TEXT_TOO_HARD, filename=part.filename)
            elif error.refusal.status == 503:
                raise
            else:
                problem = error
    body = "\n".join(text for text in texts if text).replace("\f", "\n")[:MAX_TEXT]
    vector = lexemes.vector([Text(body, "D")])

    def commit(tx: db.Tx) -> None:
        db.act_for(tx, agency)
        store.put_text(tx, subject, body, vector)
        if problem:
            store.put_text_failure(tx, subject, reason(problem), final=True)

    return commit


def _parts(tx: db.Tx, payload: Mapping[str, Any]) -> tuple[Part, ...]:
    subject = UUID(payload["id"])
    try:
        if payload["kind"] == "incoming":
            return store_incoming.get(tx, subject).parts
        held = docs_store.get(tx, subject)
    except NotFound:
        return ()  # gone
    return held.issued_parts if held.state == "issued" else held.parts


def reason(error: Exception) -> Reason:
    told = error if isinstance(error, Rejected) else Rejected(TEXT_NOT_READ)
    return Reason(told.code, told.sentence.vi, told.sentence.en)


def tell_failure(tx: db.Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  the signature of jobs
    """It stands with the document why its text is not found yet, or never will be."""
    db.act_for(tx, UUID(job.payload["agency_id"]))
    store.put_text_failure(tx, UUID(job.payload["id"]), reason(error), final=final)


def index_agency(job: jobs.Job) -> jobs.Commit:
    """The next so many entries of one agency that are missing or of an earlier layout."""
    agency = UUID(job.payload["agency_id"])
    after = UUID(job.payload["after"]) if job.payload.get("after") else None

    def commit(tx: db.Tx) -> None:
        db.act_for(tx, agency)
        found = store.outdated(tx, after, AT_ONCE)
        for row in found:
            if row["kind"] == "incoming":
                store.put_incoming(tx, store_incoming.lock(tx, row["id"]))
            else:
                store.put_document(tx, docs_store.lock(tx, row["id"]))
        payload = {"agency_id": str(agency)}
        if found:
            jobs.put(tx, store.INDEX, job.subject, job.payload | {"after": str(found[-1]["id"])})
        elif not job.payload.get("again"):
            jobs.put(tx, store.INDEX, job.subject, payload | {"again": True}, delay=SECOND_LOOK)

    return commit
