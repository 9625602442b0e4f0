"""HTTP for workflows as data: an agency's own, their versions, and who would be asked if a document entered one now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from services.docs import access, store_registry, store_workdays
from services.docs.access import Acting, IfMatch
from services.docs.catalogue import DOCUMENT_TYPES
from services.docs.review import refusals, reviewing, route, store
from services.docs.review.people import Directory, candidates
from services.docs.review.route import Leg, Seat, Situation
from services.docs.review.store import Kept
from services.docs.review.workflow import KEY, STANDARD, Workflow, differences, parse, standard
from services.docs.standing import in_unit
from services.docs.text import sort_key
from services.docs.views import Body, View
from shared import outbox
from shared.errors import NotFound, Rejected
from shared.events.docs import DocsAct

router = APIRouter(tags=["workflows"])

RESERVED = frozenset({reviewing.AUTOMATIC, "schema", "directory", "preview", "new", "save"})  # words of addresses

KEEPERS = frozenset({"leader", "officer"})
Keeper = Annotated[Acting, Depends(access.acting_as("leader", "officer"))]
Reader = Annotated[Acting, Depends(access.acting_as("clerk", "leader", "officer"))]
Code = Annotated[str, Path(pattern=KEY.pattern, max_length=40)]


class WorkflowView(View):
    """`own` false: the default, which holds where the agency has none."""

    code: str
    version: int
    own: bool
    name: str
    types: list[str]
    body: dict[str, Any]
    changed_by: str | None
    changed_at: datetime | None
    retired: bool = False
    changes: list[str] = Field(default=[], description="against the version before, in a list of versions")


class WorkflowList(View):
    """`keepers`: who of the agency may change workflows today."""

    items: list[WorkflowView]
    may_change: bool
    keepers: list[str]


class UnitView(View):
    unit: str
    unit_id: UUID | None


class PersonView(View):
    person_id: UUID
    name: str
    title: str
    unit: str | None
    away_until: str | None


class DirectoryView(View):
    """What a form offers: units, people with the units they are in, titles of posts."""

    units: list[UnitView]
    people: list[PersonView]
    titles: list[str]
    types: list[dict[str, str]]


class PreviewBody(Body):
    """`body`: a workflow that is being edited; without it the one of `code`, or of the type."""

    type_code: str = Field(max_length=10)
    code: str = Field(default=reviewing.AUTOMATIC, max_length=40)
    body: dict[str, Any] | None = None
    urgency: int = Field(default=0, ge=0, le=3)
    reviewer_ids: list[UUID] = Field(default=[], max_length=20)
    author_id: UUID | None = None
    signer_ids: list[UUID] = Field(default=[], max_length=20)


class PreviewSeat(View):
    asks: str
    people: list[str]
    instead_of: list[str]


class PreviewStage(View):
    """Who would be asked today. `skipped_for`: it would be left out; `due_at`: were it to begin now."""

    key: str
    name: str
    with_previous: bool
    needed: int
    skipped_for: str | None
    due_at: datetime | None
    seats: list[PreviewSeat]


class PreviewView(View):
    code: str
    version: int
    name: str
    stages: list[PreviewStage]


@router.get("/workflows")
def list_workflows(acting: Reader) -> WorkflowList:
    """The agency's own in use, and the default last."""
    own = [_view(each) for each in store.list_workflows(acting.tx)]
    default = WorkflowView(
        code=STANDARD,
        version=1,
        own=False,
        name=standard().name,
        types=[],
        body=standard().model_dump(mode="json", exclude_none=True),
        changed_by=None,
        changed_at=None,
    )
    posts = store_registry.list_posts(acting.tx, acting.agency_id, acting.today())
    keepers = dict.fromkeys(f"{each.name}, {each.title}" for each in posts if each.roles & KEEPERS)
    return WorkflowList(items=[*own, default], may_change=bool(acting.post.roles & KEEPERS), keepers=list(keepers))


@router.get("/workflows/schema")
def get_schema(acting: Reader) -> dict[str, Any]:
    """The JSON Schema of a workflow, for who writes one with other tools."""
    del acting  # anybody who may read workflows
    return Workflow.model_json_schema()


@router.get("/workflows/directory")
def get_directory(acting: Reader) -> DirectoryView:
    found = store.directory_of(acting.tx, acting.agency_id, acting.now())
    held = sorted(found.held(), key=lambda each: sort_key(each.name))
    units = {each.unit: each.unit_id for each in held if each.unit}
    return DirectoryView(
        units=[UnitView(unit=name, unit_id=units[name]) for name in sorted(units, key=sort_key)],
        people=[
            PersonView(
                person_id=each.person_id,
                name=each.name,
                title=each.title,
                unit=each.unit,
                away_until=found.away[each.person_id].isoformat() if each.person_id in found.away else None,
            )
            for each in {each.person_id: each for each in held}.values()
        ],
        titles=sorted({each.title for each in held}, key=sort_key),
        types=[{"code": kind.code, "vi": kind.vi} for kind in DOCUMENT_TYPES.values() if not kind.copy],
    )


@router.get("/workflows/{code}")
def get_workflow(
    code: Code, acting: Reader, response: Response, version: Annotated[int | None, Query(ge=1)] = None
) -> WorkflowView:
    """The newest version, or the one asked for: documents keep the one they began with."""
    if code == STANDARD:
        return list_workflows(acting).items[-1]
    versions = store.list_versions(acting.tx, code)
    found = next((each for each in versions if version in (None, each.version)), None)
    if found is None:
        raise NotFound("phiên bản của quy trình")
    access.etag(response, found.version)
    return _view(found)


@router.get("/workflows/{code}/versions")
def list_versions(code: Code, acting: Reader) -> list[WorkflowView]:
    """The newest first, each with what it changed."""
    found = store.list_versions(acting.tx, code)
    before = [*found[1:], None]
    return [
        _view(each).model_copy(update={"changes": _changes(older, each)})
        for each, older in zip(found, before, strict=True)
    ]


def _changes(older: Kept | None, newer: Kept) -> list[str]:
    if newer.retired:
        return ["Ngừng dùng"]
    said = ["Dùng lại"] if older and older.retired else []
    return said + differences(older.body if older else None, newer.body)


@router.put("/workflows/{code}")
def put_workflow(
    code: Code, body: dict[str, Any], acting: Keeper, response: Response, if_match: IfMatch = None
) -> WorkflowView:
    """A new workflow, or a new version of one; documents under way keep theirs. If-Match: the version that was edited."""
    if code == STANDARD:
        raise Rejected(refusals.WORKFLOW_FIXED)
    if code in RESERVED:
        raise Rejected(refusals.WORKFLOW_CODE_RESERVED, code=code)
    wanted = parse(body)
    _check_people(wanted, store.directory_of(acting.tx, acting.agency_id, acting.now()))
    store.lock_workflows(acting.tx, acting.agency_id)
    before = _newest(acting, code)
    access.check_version(if_match, before.version if before else 0)
    _check_types(wanted, (each for each in store.list_workflows(acting.tx) if each.code != code))
    if before and not before.retired and before.body == wanted:
        return _view(before)
    return _keep(
        acting, Kept(code, (before.version if before else 0) + 1, wanted, False, acting.by, acting.now()), response
    )


@router.post("/workflows/{code}/retire")
def retire_workflow(code: Code, acting: Keeper, response: Response) -> WorkflowView:
    """No new document enters it; those under way go on by it."""
    if code == STANDARD:
        raise Rejected(refusals.WORKFLOW_FIXED)
    store.lock_workflows(acting.tx, acting.agency_id)
    before = store.list_versions(acting.tx, code)[0]
    if before.retired:
        return _view(before)
    return _keep(acting, Kept(code, before.version + 1, before.body, True, acting.by, acting.now()), response)


@router.post("/workflows/preview")
def preview(body: PreviewBody, acting: Reader) -> PreviewView:
    """Who would be asked now, were the reader (or `author_id`) to submit a document of that type."""
    if body.body is None:
        chosen = reviewing.workflow_for(acting.tx, body.type_code, body.code)
    else:
        chosen = reviewing.Chosen(body.code, 0, parse(body.body))
    author = body.author_id or acting.person_id
    at = Situation(
        directory=store.directory_of(acting.tx, acting.agency_id, acting.now()),
        calendar=store_workdays.calendar_for(acting.tx, acting.agency_id),
        now=acting.now(),
        signers=frozenset(body.signer_ids),
        urgency=body.urgency,
    )
    legs = route.foreseen(chosen.body, author, body.reviewer_ids, at)
    return PreviewView(
        code=chosen.code,
        version=chosen.version,
        name=chosen.body.name,
        stages=[_stage(leg, at.directory, author) for leg in legs],
    )


def _stage(leg: Leg, directory: Directory, author: UUID) -> PreviewStage:
    seats = leg.seats or tuple(Seat(who) for who in leg.stage.who)
    return PreviewStage(
        key=leg.stage.key,
        name=leg.stage.name,
        with_previous=leg.stage.with_previous,
        needed=leg.stage.needed(len(seats)),
        skipped_for=leg.skipped_for,
        due_at=leg.due_at,
        seats=[_seat(seat, directory, author) for seat in seats],
    )


def _seat(seat: Seat, directory: Directory, author: UUID) -> PreviewSeat:
    found = candidates(seat.who, directory, author)
    return PreviewSeat(
        asks=seat.who.label,
        people=[f"{each.name}, {each.title}" for each in found],
        instead_of=sorted({each.instead_of for each in found if each.instead_of}),
    )


def _newest(acting: Acting, code: str) -> Kept | None:
    try:
        return store.list_versions(acting.tx, code)[0]
    except NotFound:
        return None


def _keep(acting: Acting, kept: Kept, response: Response) -> WorkflowView:
    store.add_workflow(acting.tx, acting.agency_id, kept)
    fact = DocsAct(
        act="workflow_retired" if kept.retired else "workflow_saved",
        object_kind="workflow",
        object_id=f"{acting.agency_id}/{kept.code}",
        detail={"version": str(kept.version), "name": kept.body.name},
        by=acting.by,
        at=kept.at,
    )
    outbox.put(acting.tx, fact, source=acting.office.source)
    access.etag(response, kept.version)
    return _view(kept)


def _check_types(wanted: Workflow, others: Iterable[Kept]) -> None:
    for each in others:
        both = sorted(set(wanted.types) & set(each.body.types))
        if both:
            raise Rejected(refusals.TYPE_HAS_WORKFLOW, types=", ".join(both), name=each.body.name)
        if not wanted.types and not each.body.types:
            raise Rejected(refusals.TYPE_HAS_WORKFLOW, types="còn lại", name=each.body.name)


def _check_people(wanted: Workflow, directory: Directory) -> None:
    """Whom a stage names must be of this agency today."""
    held = directory.held()
    problems = []
    for n, stage in enumerate(wanted.stages, 1):
        for who in stage.who:
            if who.kind == "person" and all(each.person_id != who.person_id for each in held):
                problems.append((f"bước {n}: người được chọn không còn ở cơ quan", f"stage {n}: person not here"))
            if who.kind in ("unit", "unit_head") and not any(in_unit(p, who.unit_id, who.unit) for p in held):
                problems.append((f"bước {n}: không có ai ở {who.unit}", f"stage {n}: nobody is in {who.unit}"))
            if who.kind == "post" and not candidates(who, directory, UUID(int=0)):
                problems.append((f"bước {n}: không ai giữ chức danh {who.title}", f"stage {n}: nobody is {who.title}"))
    if problems:
        raise Rejected(
            refusals.WORKFLOW_INVALID,
            problems="; ".join(vi for vi, _ in problems),
            problems_en="; ".join(en for _, en in problems),
        )


def _view(kept: Kept) -> WorkflowView:
    return WorkflowView(
        code=kept.code,
        version=kept.version,
        own=True,
        name=kept.body.name,
        types=list(kept.body.types),
        body=kept.body.model_dump(mode="json", exclude_none=True),
        changed_by=kept.by.name,
        changed_at=kept.at,
        retired=kept.retired,
    )
