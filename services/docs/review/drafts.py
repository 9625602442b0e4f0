"""A draft before it is submitted, and what differs when two people edit it at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, ValidationError

from services.docs.document import Document
from services.docs.drafting import ResubmitBody, SubmitBody
from services.docs.review import refusals
from services.docs.review.workflow import Data
from services.docs.terms import SigningOrder
from services.docs.text import clean
from shared.errors import FORBIDDEN, Rejected

State = Literal["draft", "submitted", "dropped"]
Short = Annotated[str, AfterValidator(clean)]
REVISED = ("returned", "refused")  # of its document: when a submitted draft may be edited again

# What a form calls its fields; their order is the form's.
LABELS = {
    "type_code": "Loại văn bản",
    "abstract": "Trích yếu",
    "symbol": "Ký hiệu",
    "urgency": "Độ khẩn",
    "authority_id": "Người ký",
    "further_authority_ids": "Những người ký sau",
    "signing_order": "Thứ tự ký",
    "co_issuers": "Cơ quan cùng ban hành",
    "workflow": "Quy trình xem xét",
    "reviewer_ids": "Người xem xét",
    "parts": "Tệp",
    "note": "Ghi chú khi trình",
}


class PartField(Data):
    file_id: UUID
    kind: Literal["main", "annex"]
    filename: str = Field(max_length=200)


class Fields(Data):
    """A form as far as it is filled in. `workflow`: auto, the code of one, or empty for the reviewers named alone."""

    type_code: Annotated[Short, Field(max_length=10)] = ""
    abstract: Annotated[Short, Field(max_length=500)] = ""
    symbol: Annotated[Short, Field(max_length=30)] = ""
    urgency: Annotated[int, Field(ge=0, le=3)] = 0
    authority_id: UUID | None = None
    further_authority_ids: Annotated[tuple[UUID, ...], Field(max_length=20)] = ()
    signing_order: SigningOrder = "any"
    co_issuers: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    workflow: Annotated[str, Field(max_length=40)] = "auto"
    reviewer_ids: Annotated[tuple[UUID, ...], Field(max_length=20)] = ()
    parts: Annotated[tuple[PartField, ...], Field(max_length=50)] = ()
    note: Annotated[str, Field(max_length=4000)] = ""


@dataclass(frozen=True, slots=True)
class Person:
    person_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Draft:
    """`editors` are those beside the author who may edit it."""

    id: UUID
    agency_id: UUID
    author: Person
    editors: tuple[Person, ...]
    fields: Fields
    state: State
    version: int
    made_at: datetime
    changed_at: datetime

    @property
    def title(self) -> str:
        return self.fields.abstract or "Dự thảo chưa có trích yếu"

    def may_edit(self, person_id: UUID) -> bool:
        return person_id in {self.author.person_id, *(each.person_id for each in self.editors)}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of which two people have different ideas. `clash`: both changed it since `base`."""

    field: str
    label: str
    base: Any
    mine: Any
    theirs: Any
    clash: bool


def check_editable(draft: Draft, person_id: UUID, document: Document | None) -> None:
    """Rejected(forbidden) for others than author and editors; Rejected(draft_closed) while it is under way."""
    if not draft.may_edit(person_id):
        raise Rejected(FORBIDDEN)
    if draft.state == "dropped" or (draft.state == "submitted" and (not document or document.state not in REVISED)):
        raise Rejected(refusals.DRAFT_CLOSED)


def save(draft: Draft, fields: Fields, at: datetime) -> Draft | None:
    """The next version; None when nothing was changed."""
    if fields == draft.fields:
        return None
    return replace(draft, fields=fields, version=draft.version + 1, changed_at=at)


def share(draft: Draft, editors: Iterable[Person], at: datetime) -> Draft:
    others = {each.person_id: each for each in editors if each.person_id != draft.author.person_id}
    return replace(draft, editors=tuple(others.values()), version=draft.version + 1, changed_at=at)


def differences(base: Fields, mine: Fields, theirs: Fields) -> list[Difference]:
    """Field by field, where mine and theirs are not the same."""
    was, own, other = (each.model_dump(mode="json") for each in (base, mine, theirs))
    return [
        Difference(
            name,
            label,
            was[name],
            own[name],
            other[name],
            clash=own[name] != was[name] and other[name] != was[name],
        )
        for name, label in LABELS.items()
        if own[name] != other[name]
    ]


def merged(base: Fields, mine: Fields, theirs: Fields) -> Fields:
    """What both wanted: of each field the value of who changed it; where both did, mine, to be looked at."""
    was, own, other = (each.model_dump(mode="json") for each in (base, mine, theirs))
    return Fields.model_validate({name: own[name] if own[name] != was[name] else other[name] for name in own})


def submission(fields: Fields) -> SubmitBody:
    """What is submitted; Rejected(draft_incomplete) names the fields that are still missing."""
    body = _body(fields) | {"type_code": fields.type_code, "workflow": fields.workflow or None}
    return SubmitBody.model_validate(_complete(SubmitBody, body))


def resubmission(fields: Fields) -> ResubmitBody:
    return ResubmitBody.model_validate(_complete(ResubmitBody, _body(fields)))


def _body(fields: Fields) -> dict[str, Any]:
    values = fields.model_dump(mode="json", exclude={"note", "workflow", "parts", "type_code"})
    return values | {"parts": [{"file_id": str(each.file_id), "kind": each.kind} for each in fields.parts]}


def _complete(kind: type[SubmitBody | ResubmitBody], body: dict[str, Any]) -> dict[str, Any]:
    missing = [
        LABELS[name]
        for name in ("type_code", "abstract", "symbol", "authority_id")
        if body.get(name, "x") in ("", None)
    ]
    missing += [] if any(each["kind"] == "main" for each in body["parts"]) else ["Tệp văn bản"]
    if not missing:
        try:
            kind.model_validate(body)
        except ValidationError as error:
            missing = sorted({LABELS.get(str(each["loc"][0]), str(each["loc"][0])) for each in error.errors()})
    if missing:
        raise Rejected(refusals.DRAFT_INCOMPLETE, fields=", ".join(missing))
    return body
