"""The use cases on certificates: entering, requesting from the CA, ending; and the jobs that talk to the CA.

No CA is called inside a transaction: a request and the end of a certificate are committed with a job, and the end
holds here from that commit on, whether the CA is reachable or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.registry import certificate, proceedings, stages, store, trust
from services.registry import store_batches as batches
from services.registry import store_certificates as certificates
from services.registry import store_procedures as procedures
from services.registry.ca import Authorities, Order
from services.registry.certificate import Certificate, CertificateRequest, Holder, common_name
from services.registry.directory import Desk
from services.registry.refusals import HOLDER_ENDED, HOLDER_NEEDED
from services.registry.refusals_ca import CA_BY_HAND
from services.registry.refusals_lifecycle import ANSWER_OTHER_KEY
from services.registry.scope import EVERYWHERE
from services.registry.stages import TELL_CA
from services.registry.store_batches import CaOrder
from services.registry.trust import Checked
from shared import db, jobs
from shared.db import Tx
from shared.errors import INTERNAL, Rejected
from shared.events import Actor
from shared.ids import moment, new_id

ISSUE = "issue_certificate"
CLOCK = Actor(name="registry", system="registry clock")
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
HOLD, RELEASE = "certificateHold", "removeFromCRL"


def today() -> date:
    """The day on paper here."""
    return datetime.now(HANOI).date()


# --- whose


def holder(tx: Tx, person_id: UUID | None, agency_id: UUID | None) -> Holder:
    """Exactly one of the two. May hold: an active person with a post today; an agency that lives here.

    A person's managing agency is that of the first post held today, or of the last one held.
    """
    if (person_id is None) == (agency_id is None):
        raise Rejected(HOLDER_NEEDED)
    if person_id is not None:
        person = store.get_person(tx, person_id)
        held = [post for post in person.facts.posts if post.period.has(today())]
        if not person.facts.posts:
            raise Rejected(HOLDER_ENDED, holder=person.name)
        at = (held or person.facts.posts[-1:])[0].agency_id
        may = person.facts.active and bool(held)
        return Holder("person", person.id, person.name, at, may_hold=may, email=person.facts.email)
    assert agency_id is not None  # noqa: S101  one of the two
    agency = store.get_agency(tx, agency_id)
    return Holder("seal", agency.id, agency.name, agency.id, may_hold=agency.lives_here and agency.open_on(today()))


# --- a certificate that somebody brings


def enter(
    desk: Desk,
    pem: str,
    chain_pem: str,
    whose: Holder,
    *,
    device_id: UUID | None = None,
    procedure_id: UUID | None = None,
) -> Certificate:
    """Register a certificate issued elsewhere, after all checks. On a device it waits for its receipt.

    Whether its CA has revoked it is asked before, outside any transaction (`entry.standing`).
    """
    at = datetime.now(UTC)
    checked = trust.check(pem, chain_pem, certificates.list_anchors(desk.tx, whose.kind), at)
    return _register(
        desk, checked, whose, "enter_certificate", at=at, device_id=device_id, procedure_id=procedure_id, issued_by=None
    )


def _register(
    desk: Desk,
    checked: Checked,
    whose: Holder,
    act: str,
    *,
    at: datetime,
    device_id: UUID | None,
    procedure_id: UUID | None,
    issued_by: str | None,
) -> Certificate:
    """For a procedure, it answers that, and comes after the certificate that the procedure renews or changes."""
    asked = procedures.lock(desk.tx, procedure_id) if procedure_id else None
    if asked:
        proceedings.check_answer(asked, whose.person_id, whose.agency_id)
    after = proceedings.successor(desk.tx, procedure_id)
    if device_id:
        proceedings.check_device(desk.tx, device_id, whose.person_id, whose.agency_id)
    made, stated = certificate.register(
        new_id(), checked, whose, at=at, issued_by=issued_by, device_id=device_id, after=after
    )
    stages.enter(desk, made, stated, act)
    if asked:
        proceedings.answered(desk, asked, made)
    return made


# --- a certificate asked of the CA


def request(
    desk: Desk,
    csr_pem: str,
    whose: Holder,
    *,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    procedure_id: UUID | None = None,
    device_id: UUID | None = None,
) -> CertificateRequest:
    """Order a certificate for the key of a CSR; a worker asks the CA. Raises Rejected(request_repeated)."""
    certificate.check_holder(whose)
    if procedure_id:
        proceedings.check_answer(procedures.lock(desk.tx, procedure_id), whose.person_id, whose.agency_id)
    if device_id:
        proceedings.check_device(desk.tx, device_id, whose.person_id, whose.agency_id)
    made = CertificateRequest(
        id=new_id(),
        kind=whose.kind,
        person_id=whose.person_id,
        agency_id=whose.agency_id,
        managed_by=whose.managed_by,
        csr_pem=csr_pem,
        spki_sha256=trust.read_csr(csr_pem),
        not_before=not_before,
        not_after=not_after,
        procedure_id=procedure_id,
        device_id=device_id,
    )
    certificates.add_request(desk.tx, made, desk.by)
    jobs.put(desk.tx, ISSUE, _subject(made.id), {"request_id": str(made.id)})
    desk.record("request_certificate", "certificate_request", made.id, kind=made.kind)
    return made


def ask_again(desk: Desk, csr_pem: str, whose: Holder) -> CertificateRequest | None:
    """The request that there is for this key and holder, tried at once if it waits; none: nobody asked before."""
    before = certificates.find_live_request(desk.tx, trust.read_csr(csr_pem), whose)
    if before and before.state == "requested":
        certificates.hurry(desk.tx, _subject(before.id))
    return before


def _subject(request_id: UUID) -> str:
    return f"request:{request_id}"


def issue_job(pool: db.Pool, cas: Authorities, source: str) -> jobs.Kind:
    """Asks the CA for what a request wants, checks what comes back, and registers it."""

    def run(job: jobs.Job) -> Callable[[Tx], None]:
        request_id = UUID(job.payload["request_id"])
        with db.transaction(pool) as tx:
            store.act_within(tx, EVERYWHERE)
            wanted, by = certificates.get_request(tx, request_id)
            whose = holder(tx, wanted.person_id, wanted.agency_id)
            certificate.check_holder(whose)
            order = _order(tx, wanted, whose)
            anchors = certificates.list_anchors(tx, whose.kind)
        ca = cas.serving(whose.kind)
        if ca.answers_later:
            return lambda tx: _wait_for_batch(tx, ca.name, wanted, order)
        answer = ca.issue(order)
        at = datetime.now(UTC)
        # Explicit dates may lie in the past: such a certificate is kept for the record and judged as of its last day.
        judged_at = min(at, trust.last_moment(answer.pem)) if wanted.not_after else at
        checked = trust.check(answer.pem, answer.chain_pem, anchors, judged_at)
        return lambda tx: _issued(Desk(tx, by, source), request_id, checked, ca.name)

    return jobs.Kind(run=run, on_failure=_issue_failed)


def _order(tx: Tx, wanted: CertificateRequest, whose: Holder) -> Order:
    """The subject: a person with the post and agency of today, or an agency."""
    organisation = title = email = None
    if whose.kind == "person":
        facts = store.get_person(tx, whose.id).facts
        post = next(post for post in facts.posts if post.period.has(today()))
        agency = store.get_agency(tx, post.agency_id)
        organisation, title, email = common_name(agency.name), common_name(post.title), facts.email
    else:
        agency = store.get_agency(tx, whose.id)
        email = agency.facts.email
    return Order(
        key=str(wanted.id),
        ordered_at=moment(wanted.id),
        csr_pem=wanted.csr_pem,
        profile="person" if whose.kind == "person" else "agency",
        common_name=common_name(whose.name),
        organisation=organisation,
        organisation_id=agency.facts.identifier,
        title=title,
        email=email,
        not_before=wanted.not_before,
        not_after=wanted.not_after,
    )


def _wait_for_batch(tx: Tx, ca: str, wanted: CertificateRequest, order: Order) -> None:
    store.act_within(tx, EVERYWHERE)
    asked = {name: value for name, value in asdict(order).items() if isinstance(value, str)}
    batches.add_order(
        tx,
        CaOrder(
            id=new_id(),
            ca=ca,
            kind="issue",
            managed_by=wanted.managed_by,
            request_id=wanted.id,
            name=order.common_name,
            spki_sha256=wanted.spki_sha256,
            asked=asked,
            entered_at=datetime.now(UTC),
        ),
    )
    note_problem(tx, wanted.id, Rejected(CA_BY_HAND), final=False)  # what it waits for, and what to do


def _issued(desk: Desk, request_id: UUID, checked: Checked, ca: str) -> None:
    """The holder is looked up again: somebody may have left while the CA was asked."""
    store.act_within(desk.tx, EVERYWHERE)
    wanted, _by = certificates.get_request(desk.tx, request_id)
    whose = holder(desk.tx, wanted.person_id, wanted.agency_id)
    register_answer(desk, request_id, checked, whose, ca)


def register_answer(desk: Desk, request_id: UUID, checked: Checked, whose: Holder, ca: str) -> Certificate:
    """What a CA answered becomes its holder's certificate, and the request is done."""
    wanted = certificates.lock_request(desk.tx, request_id)
    if checked.spki_sha256 != wanted.spki_sha256:
        raise Rejected(ANSWER_OTHER_KEY, serial=checked.serial)
    made = _register(
        desk,
        checked,
        whose,
        "issue_certificate",
        at=datetime.now(UTC),
        device_id=wanted.device_id,
        procedure_id=wanted.procedure_id,
        issued_by=ca,
    )
    done = replace(wanted, state="issued", certificate_id=made.id, problem_code=None, problem_vi=None, problem_en=None)
    certificates.save_request(desk.tx, done)
    return made


def _issue_failed(tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: FBT001  shape of OnFailure
    """The request says why it waits, or why it is refused."""
    store.act_within(tx, EVERYWHERE)
    why = error if isinstance(error, Rejected) else Rejected(INTERNAL, trace=str(job.id))
    note_problem(tx, UUID(job.payload["request_id"]), why, final=final)


def note_problem(tx: Tx, request_id: UUID, why: Rejected, *, final: bool) -> None:
    """Why a request waits; `final`: why it is refused."""
    wanted = certificates.lock_request(tx, request_id)
    certificates.save_request(
        tx,
        replace(
            wanted,
            state="refused" if final else wanted.state,
            problem_code=why.code,
            problem_vi=why.sentence.vi,
            problem_en=why.sentence.en,
        ),
    )


# --- the end of a certificate


def revoke(desk: Desk, before: Certificate, reason: str) -> Certificate:
    """`before` is locked by the caller, here and below. Stated at once; the CA hears of it by a job."""
    return stages.move(desk, certificate.revoke(before, reason), "revoke_certificate", reason)


def suspend(desk: Desk, before: Certificate, reason: str) -> Certificate:
    return stages.move(desk, certificate.suspend(before, reason), "suspend_certificate", HOLD)


def resume(desk: Desk, before: Certificate) -> Certificate:
    return stages.move(
        desk, certificate.resume(before, device_gone=stages.device_gone(desk.tx, before)), "resume_certificate", RELEASE
    )


def expire_due(tx: Tx, source: str, at: datetime, limit: int = 200) -> int:
    """State the end of certificates that ran out; returns how many."""
    store.act_within(tx, EVERYWHERE)
    due = certificates.lock_due(tx, at, limit)
    desk = Desk(tx, CLOCK, source)
    for before in due:
        stages.move(desk, certificate.expire(before, at), "expire_certificate")
    return len(due)


def tell_ca_job(pool: db.Pool, cas: Authorities) -> jobs.Kind:
    """Tells the CA what was decided; in order, since jobs of one certificate run one after the other."""

    def run(job: jobs.Job) -> Callable[[Tx], None]:
        certificate_id = UUID(job.payload["certificate_id"])
        with db.transaction(pool) as tx:
            store.act_within(tx, EVERYWHERE)
            known = certificates.get(tx, certificate_id)
        ca = cas.named(known.issued_by or "")
        if ca.answers_later:
            return lambda tx: _wait_to_end(tx, known, ca.name, job.payload["reason"])
        ca.end(known.serial, job.payload["reason"])
        return lambda tx: _note(tx, certificate_id, None)

    def failed(tx: Tx, job: jobs.Job, error: Exception, final: bool) -> None:  # noqa: ARG001, FBT001  shape of OnFailure
        why = error.sentence.vi if isinstance(error, Rejected) else type(error).__name__
        _note(tx, UUID(job.payload["certificate_id"]), why)

    return jobs.Kind(run=run, on_failure=failed)


def _wait_to_end(tx: Tx, known: Certificate, ca: str, reason: str) -> None:
    store.act_within(tx, EVERYWHERE)
    batches.add_order(
        tx,
        CaOrder(
            id=new_id(),
            ca=ca,
            kind="end",
            managed_by=known.managed_by,
            certificate_id=known.id,
            name=trust.name_on(known.pem),
            asked={"serial": known.serial, "reason": reason},
            entered_at=datetime.now(UTC),
        ),
    )
    certificates.note_ca(tx, known.id, problem=Rejected(CA_BY_HAND).sentence.vi)


def _note(tx: Tx, certificate_id: UUID, problem: str | None) -> None:
    store.act_within(tx, EVERYWHERE)
    certificates.note_ca(tx, certificate_id, problem=problem)


def job_kinds(pool: db.Pool, cas: Authorities, source: str) -> dict[str, jobs.Kind]:
    return {ISSUE: issue_job(pool, cas, source), TELL_CA: tell_ca_job(pool, cas)}
