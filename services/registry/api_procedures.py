"""HTTP in front of procedures: request, approve, forward, answer, close; what is due; forms to print."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from services.registry import catalogue, issuance, printing, procedure, proceedings, store
from services.registry import store_procedures as procedures
from services.registry.certificate import check_holder
from services.registry.edge import Caller, Limit, Officer, Overseer, Reader, Shape, Text, cursor_id, desk, etag
from services.registry.procedure import Procedure, Rule, Standing, State, Subject
from services.registry.workdays import day_of, end_of
from shared.db import Tx as Transaction
from shared.errors import INVALID_REQUEST, Rejected
from shared.http import OnceOnly, Tx, encode_cursor

router = APIRouter()

Detail = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True)]
DETAILS = (
    "birth_date, citizen_id, citizen_id_on, citizen_id_at, phone, province, sim_pki, tax_code, budget_code, address,"
    " name, purpose, reason_code (RFC 5280), new_content …: what the form asks for beyond the directory"
)


class ProcedureIn(Shape):
    """`kind` as in GET /procedure-kinds. A person's or agency's certificate: who; renew, change, revoke: which
    certificate; recover, return, loss: which device.

    Reporting a loss (`lose_device`) suspends what is on the device at once and orders its revocation; `recover` notes
    the locked PIN.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "issue_person", "person_id": "0190…", "details": {"citizen_id": "020…", "phone": "09…"}},
                {"kind": "lose_device", "device_id": "0190…", "reason": "Mất khi đi công tác ngày 20/11"},
            ]
        }
    )

    kind: str = Field(max_length=60)
    person_id: UUID | None = None
    agency_id: UUID | None = None
    certificate_id: UUID | None = None
    device_id: UUID | None = None
    details: dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,30}$")], Detail] = Field(
        default_factory=dict, max_length=30, description=DETAILS
    )
    reason: Text | None = None


class StepView(Shape):
    state: State
    at: datetime
    by: str
    reason: str | None


class ProcedureView(Shape):
    """`due_at`: when the step that waits is overdue; `due_on` its last working day. `standing` is as of now."""

    procedure_id: UUID
    kind: str
    form: str
    name_vi: str
    state: State
    managed_by: UUID
    person_id: UUID | None
    agency_id: UUID | None
    certificate_id: UUID | None
    device_id: UUID | None
    result_id: UUID | None
    details: dict[str, str]
    reason: str | None
    reference: str | None
    since: datetime
    due_on: date | None
    due_at: datetime | None
    standing: Standing
    version: int

    @classmethod
    def of(cls, found: Procedure) -> ProcedureView:
        tables = catalogue.current()
        rule = tables.rule(found.kind)
        return cls(
            procedure_id=found.id,
            kind=found.kind,
            form=rule.form,
            name_vi=rule.name_vi,
            state=found.state,
            managed_by=found.managed_by,
            person_id=found.person_id,
            agency_id=found.agency_id,
            certificate_id=found.certificate_id,
            device_id=found.device_id,
            result_id=found.result_id,
            details=dict(found.details),
            reason=found.reason,
            reference=found.reference,
            since=found.since,
            due_on=found.due_on,
            due_at=found.due_at,
            standing=procedure.standing(found, tables.clock, datetime.now(UTC)),
            version=found.version,
        )


class ProcedureFile(ProcedureView):
    steps: list[StepView]


class ProcedurePage(Shape):
    items: list[ProcedureView]
    next_cursor: str | None


class KindView(Shape):
    kind: str
    form: str
    name_vi: str
    name_en: str
    about: str
    applicant: str
    receiver: str
    limit: int | None
    unit: str | None
    source: str
    confirmed: bool

    @classmethod
    def of(cls, rule: Rule) -> KindView:
        names: dict[str, Any] = {name: getattr(rule, name) for name in cls.model_fields}
        return cls(**names)


class KindPage(Shape):
    items: list[KindView]


@router.get("/procedure-kinds")
def list_kinds(_who: Reader) -> KindPage:
    """The catalogue: form numbers and legal limits with their sources; `confirmed` false: to be looked up."""
    return KindPage(items=[KindView.of(rule) for rule in catalogue.current().rules.values()])


@router.get("/procedures")
def list_procedures(
    *,
    tx: Tx,
    _who: Reader,
    kind: str | None = None,
    state: State | None = None,
    standing: Standing | None = None,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> ProcedurePage:
    """Those of the agencies that the reader oversees, and about themselves; `standing=overdue` is the list of overdue.

    With a standing a page may be shorter than `limit` and yet have a next one.
    """
    after, before = _bounds(standing)
    found = procedures.list_procedures(
        tx,
        kind=kind,
        state=state,
        agency_id=agency_id,
        person_id=person_id,
        due_after=after,
        due_before=before,
        open_only=standing not in (None, "ended"),
        after=cursor_id(cursor),
        limit=limit + 1,
    )
    page, more = found[:limit], len(found) > limit
    items = [view for view in map(ProcedureView.of, page) if standing in (None, view.standing)]
    return ProcedurePage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


def _bounds(standing: Standing | None) -> tuple[datetime | None, datetime | None]:
    """Between which times what stands so is due; the database looks no further."""
    now, clock = datetime.now(UTC), catalogue.current().clock
    if standing == "overdue":
        return None, now
    if standing == "due_soon":
        days = end_of(clock.workdays.after(day_of(now), clock.soon_days))
        return now, max(days, now + timedelta(hours=clock.soon_hours))
    return None, None


@router.get("/procedures/{procedure_id}")
def get_procedure(procedure_id: UUID, tx: Tx, _who: Reader, response: Response) -> ProcedureFile:
    found = procedures.get(tx, procedure_id)
    etag(response, found.version)
    steps = [
        StepView(state=step.state, at=step.at, by=step.by.name, reason=step.reason)
        for step in procedures.list_steps(tx, procedure_id)
    ]
    return ProcedureFile(**ProcedureView.of(found).model_dump(), steps=steps)


@router.post("/procedures", status_code=201)
def request_procedure(body: ProcedureIn, request: Request, tx: Tx, who: Overseer, once: OnceOnly) -> ProcedureView:
    """By the clerk for their own agency, or by an officer."""

    def act() -> ProcedureView:
        subject = _subject(tx, body)
        who.require(tx, subject.managed_by)
        return ProcedureView.of(proceedings.request(desk(request, tx, who), body.kind, subject, body.reason))

    return once.run(act, ProcedureView)


OURS = {"opened_by", "follows"}  # what the registry itself notes of a procedure that it opened


def _subject(tx: Transaction, body: ProcedureIn) -> Subject:
    """What the catalogue says that this kind is about; what else is named is not looked at."""
    if OURS & body.details.keys():
        raise Rejected(INVALID_REQUEST, where=f"/body/details/{', '.join(sorted(OURS))}")
    about = catalogue.current().rule(body.kind).about
    if about == "certificate" and body.certificate_id:
        return proceedings.subject_of(tx, certificate_id=body.certificate_id, details=body.details)
    if about == "device" and body.device_id:
        return proceedings.subject_of(tx, device_id=body.device_id, details=body.details)
    if about == "name" and body.agency_id:
        agency = store.get_agency(tx, body.agency_id)
        return Subject(managed_by=agency.id, agency_id=agency.id, details=body.details)
    whose = issuance.holder(tx, body.person_id, body.agency_id)
    check_holder(whose)
    return Subject(
        managed_by=whose.managed_by, person_id=whose.person_id, agency_id=whose.agency_id, details=body.details
    )


# --- on its way


class ForwardIn(Shape):
    """`reference`: number and symbol of the letter with which it went out."""

    reference: Text | None = None


class ReasonIn(Shape):
    reason: Text = Field(min_length=1)


def _lock(tx: Transaction, who: Caller, procedure_id: UUID) -> Procedure:
    before = procedures.lock(tx, procedure_id)
    who.require(tx, before.managed_by)
    return before


@router.post("/procedures/{procedure_id}/approve")
def approve(procedure_id: UUID, request: Request, tx: Tx, who: Officer) -> ProcedureView:
    return ProcedureView.of(proceedings.approve(desk(request, tx, who), _lock(tx, who, procedure_id)))


@router.post("/procedures/{procedure_id}/forward")
def forward(procedure_id: UUID, body: ForwardIn, request: Request, tx: Tx, who: Officer) -> ProcedureView:
    """To whoever answers it; the legal limit runs from now."""
    before = _lock(tx, who, procedure_id)
    return ProcedureView.of(proceedings.forward(desk(request, tx, who), before, body.reference))


@router.post("/procedures/{procedure_id}/answer")
def answer(procedure_id: UUID, body: ForwardIn, request: Request, tx: Tx, who: Officer) -> ProcedureView:
    """The receiver did it: the certificate is revoked, the PIN unlocked, the device back. What brings a certificate
    is answered by entering that (POST /certificates or /certificate-requests with `procedure_id`).
    """
    before = _lock(tx, who, procedure_id)
    return ProcedureView.of(proceedings.answer(desk(request, tx, who), before, body.reference))


@router.post("/procedures/{procedure_id}/close")
def close(procedure_id: UUID, request: Request, tx: Tx, who: Officer) -> ProcedureView:
    return ProcedureView.of(proceedings.close(desk(request, tx, who), _lock(tx, who, procedure_id)))


@router.post("/procedures/{procedure_id}/refuse")
def refuse(procedure_id: UUID, body: ReasonIn, request: Request, tx: Tx, who: Officer) -> ProcedureView:
    before = _lock(tx, who, procedure_id)
    return ProcedureView.of(proceedings.refuse(desk(request, tx, who), before, body.reason))


@router.post("/procedures/{procedure_id}/withdraw")
def withdraw(procedure_id: UUID, body: ReasonIn, request: Request, tx: Tx, who: Overseer) -> ProcedureView:
    """By the applicant's clerk or an officer, as long as nothing came of it."""
    before = _lock(tx, who, procedure_id)
    return ProcedureView.of(proceedings.withdraw(desk(request, tx, who), before, body.reason))


# --- forms to print and sign


class Pdf(Response):
    media_type = "application/pdf"


@router.get("/procedures/{procedure_id}/form.pdf", response_class=Pdf)
def print_form(procedure_id: UUID, tx: Tx, _who: Reader, form: str | None = None) -> Pdf:
    """The request form (Mẫu) of a procedure, ready to be signed; `form=07`: the notice of hand-over."""
    found = procedures.get(tx, procedure_id)
    return _pdf(printing.print_form(tx, [found], issuance.today(), form), found)


@router.get("/procedure-forms", response_class=Pdf)
def print_forms(
    tx: Tx, _who: Overseer, procedure_id: Annotated[list[UUID], Query(min_length=1, max_length=printing.MOST)]
) -> Pdf:
    """One form for many procedures of one kind and agency: a letter with a list."""
    found = procedures.get_many(tx, procedure_id)
    return _pdf(printing.print_form(tx, found, issuance.today()), found[0])


def _pdf(content: bytes, of: Procedure) -> Pdf:
    name = f"mau-{catalogue.current().rule(of.kind).form}-{of.id}.pdf"
    return Pdf(content, headers={"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"})
