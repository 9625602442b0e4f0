"""The job `validate`: judge every signature of what arrived; one report per bytes, policy and trusted roots. Which
policy it is, the class of the document says (validation_rules.py).
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from vanthu_verify import policy

from services.signing import craft, store
from services.signing.desk import Desk, believed, told, waiting
from services.signing.domain import SYSTEM
from services.signing.refusals import CONTENT_TAMPERED, PDF_TOO_HARD, REVOCATION_UNAVAILABLE
from services.signing.refusals_check import VALIDATION_TOO_LARGE, VALIDATION_TOO_SLOW
from shared import jobs, outbox
from shared.blobs import BLOB_DAMAGED
from shared.db import Tx, act_for, transaction
from shared.errors import NOT_A_PDF, Rejected
from shared.events import BlobRef
from shared.events.docs import Part, ValidateDocument
from shared.events.signing import DocumentDelayed, DocumentValidated

KIND = "validate"


def policy_key(name: str) -> str:
    """Under what a report is kept: the engine's policy, and a new name whenever the same bytes might be judged otherwise."""
    return f"vanthu-4/{policy.get(name).key}"


TRIES = 2  # of a file that takes too long: once it may have been the machine
_HARD = (PDF_TOO_HARD.code, VALIDATION_TOO_SLOW.code, VALIDATION_TOO_LARGE.code)
_NOT_JUDGED = (NOT_A_PDF.code, *_HARD)
# What the fact says of a file that could not be judged (EN 319 102-1, table 6).
_WHY_NOT = dict.fromkeys(_HARD, ("INDETERMINATE", "GENERIC")) | {
    CONTENT_TAMPERED.code: ("TOTAL_FAILED", "HASH_FAILURE")
}
PATIENCE = 6  # tries with revocation data out of reach (half a minute), then the report says that they were
REPORT = "application/json"


def put(tx: Tx, command: ValidateDocument) -> None:
    payload = {"agency_id": str(command.agency_id), "round": command.at.isoformat()}
    jobs.put(tx, KIND, str(command.incoming_id), payload)


def run(desk: Desk, job: jobs.Job) -> jobs.Commit:
    """Outside any transaction: read, compare with the declared digest, judge, store the report."""
    incoming_id, agency_id = UUID(job.subject), UUID(job.payload["agency_id"])
    with transaction(desk.pool, agency=agency_id) as tx:
        order = store.find_validation(tx, incoming_id)
        if order is None or order["ordered_at"].isoformat() != job.payload["round"]:
            return lambda _tx: None
        network = believed(tx, desk, store.now(tx), new=False)
    content = BlobRef.model_validate(order["content"])
    annexes = [Part.model_validate(part) for part in order["annexes"]]
    # Bytes are read even when a report is kept: they may have been changed on the way to this receiver.
    main, beside = (desk.rules.policy_for(order["type_code"], order["came_by"], annex=a) for a in (False, True))
    made = _judge(desk, job, content, network, main)
    others = {part.ordinal: _judge_annex(desk, job, part, network, beside) for part in annexes}
    verdicts = [
        {"ordinal": part.ordinal, "sha256": part.content.sha256, **others[part.ordinal].outcome} for part in annexes
    ]

    def commit(tx: Tx) -> None:
        act_for(tx, agency_id)
        for one in (made, *others.values()):
            if one.keep:
                store.add_report(tx, one.sha256, policy_key(one.policy), network.snapshot, one.outcome)
        _state(tx, desk, job, content.sha256, made.outcome | ({"annexes": verdicts} if verdicts else {}))

    return commit


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the fact will say of one file; `keep`: it holds for everybody who gets these bytes."""

    sha256: str
    policy: str
    outcome: dict[str, Any]
    keep: bool = False


def _judge(desk: Desk, job: jobs.Job, content: BlobRef, network: craft.Network, by: str) -> _Judged:
    with tempfile.TemporaryDirectory(prefix="vanthu-validate-") as folder:
        path = Path(folder, "file.pdf")
        _read(desk, content, path)
        if kept := _kept(desk, content.sha256, network, by):
            return _Judged(content.sha256, by, kept)
        report = _judged_in_time(desk, job, path, network, by)
    unreachable = revocation_unknown(report)
    if unreachable and job.attempts < PATIENCE:
        raise Rejected(REVOCATION_UNAVAILABLE, why="OCSP/CRL")
    return _Judged(content.sha256, by, outcome_of(desk, report), keep=not unreachable)


def _judged_in_time(desk: Desk, job: jobs.Job, path: Path, network: craft.Network, by: str) -> dict[str, Any]:
    try:
        return desk.judges.judge(path, network=network, policy=by)
    except Rejected as error:
        if error.code == VALIDATION_TOO_SLOW.code and job.attempts < TRIES:
            raise waiting(error) from error
        raise


def _judge_annex(desk: Desk, job: jobs.Job, part: Part, network: craft.Network, by: str) -> _Judged:
    """A file beside the main text. One that is no PDF carries no signature: the clerk sees that and decides; what can't
    be read, or differs from what was declared, has failed.
    """
    try:
        return _judge(desk, job, part.content, network, by)
    except Rejected as error:
        if error.refusal.status == 503:
            raise
        indication = "INDETERMINATE" if error.code in _NOT_JUDGED else "TOTAL_FAILED"
        reason = told(error)
        outcome = {"code": reason["code"], "reason_vi": reason["vi"], "reason_en": reason["en"]}
        return _Judged(part.content.sha256, by, {"indication": indication, **outcome})


def on_failure(desk: Desk, tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  jobs.OnFailure
    """For good: what is no readable PDF, or other bytes than declared, has failed. Else: told that it waits."""
    agency_id, incoming_id = UUID(job.payload["agency_id"]), UUID(job.subject)
    act_for(tx, agency_id)
    order = store.find_validation(tx, incoming_id)
    if order is None or order["ordered_at"].isoformat() != job.payload["round"]:
        return
    reason = told(error)
    if final:
        indication, sub_indication = _WHY_NOT.get(reason["code"], ("TOTAL_FAILED", "FORMAT_FAILURE"))
        outcome = {
            "indication": indication,
            "sub_indication": sub_indication,
            "code": reason["code"],
            "reason_vi": reason["vi"],
            "reason_en": reason["en"],
        }
        _state(tx, desk, job, BlobRef.model_validate(order["content"]).sha256, outcome)
    elif store.set_validation_delayed(tx, incoming_id, reason["code"]):
        delayed = DocumentDelayed(
            by=SYSTEM,
            at=store.now(tx),
            document_id=incoming_id,
            stage="validate",
            code=reason["code"],
            reason_vi=reason["vi"],
            reason_en=reason["en"],
        )
        outbox.put(tx, delayed, source=desk.source)


def _read(desk: Desk, content: BlobRef, path: Path) -> None:
    try:
        desk.blobs.copy(content, path)
    except Rejected as error:
        if error.code == BLOB_DAMAGED.code:
            raise Rejected(CONTENT_TAMPERED) from error
        raise


def _kept(desk: Desk, sha256: str, network: craft.Network, by: str) -> dict[str, Any] | None:
    with transaction(desk.pool) as tx:
        return store.find_report(tx, sha256, policy_key(by), network.snapshot)


def outcome_of(desk: Desk, report: dict[str, Any]) -> dict[str, Any]:
    """What the fact says of a report, and where the whole report lies."""
    blob = desk.blobs.put(json.dumps(report, ensure_ascii=False).encode(), REPORT)
    return {
        "indication": report["indication"],
        "sub_indication": report["subindication"],
        "reason_vi": report["sentence"]["vi"],
        "reason_en": report["sentence"]["en"],
        "signatures": [_summary(s) for s in report["signatures"] if s["kind"] == "signature"],
        "report": blob.model_dump(mode="json"),
        "policy": report["policy"].rpartition("-")[0],
    }


def _summary(signature: dict[str, Any]) -> dict[str, Any]:
    return {
        "field": signature["field"],
        "signer": signature["signer"]["name"] if signature["signer"] else "",
        "indication": signature["indication"],
        "sub_indication": signature["subindication"],
        "level": signature["level"] or "",
        "signed_at": signature["time"] or signature["claimed_time"],
    }


def revocation_unknown(report: dict[str, Any]) -> bool:
    return any("revocation_unknown" in s["reasons"] for s in report["signatures"])


def _state(tx: Tx, desk: Desk, job: jobs.Job, sha256: str, outcome: dict[str, Any]) -> None:
    incoming_id = UUID(job.subject)
    store.save_outcome(tx, incoming_id, outcome)
    fact = DocumentValidated.model_validate(
        {
            "by": SYSTEM,
            "at": store.now(tx),
            "incoming_id": incoming_id,
            "agency_id": job.payload["agency_id"],
            "sha256": sha256,
            **outcome,
        }
    )
    outbox.put(tx, fact, source=desk.source)
