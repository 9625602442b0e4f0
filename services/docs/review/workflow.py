"""A workflow as data: which stages a draft passes, whom each asks, how many must agree, until when, when it is left out.

An agency keeps its own; those of `data/workflows.json` (the order of NĐ 30/2020 arts. 10–12) hold where it has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.docs.catalogue import DATA, DOCUMENT_TYPES
from services.docs.review import refusals
from services.docs.workdays import HOURS_A_DAY
from shared.errors import Rejected

KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
STANDARD = "nd30"  # the code of the default, never an agency's own

AfterReturn = Literal["anew", "from_return"]
Kind = Literal["author_head", "unit", "unit_head", "role", "post", "person", "chosen"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Who(Data):
    """Who is asked. `author_head`: the head of the author's unit. `unit`: anyone of a unit, `unit_head` its head.
    `role`: any clerk or leader of the agency. `post`: whoever holds the post of that title. `person`: one person.
    `chosen`: whom the author chooses at submission. `each`: all whom it names are asked, not any one of them.
    """

    kind: Kind
    unit: Name | None = None
    unit_id: UUID | None = None
    role: Literal["clerk", "leader"] | None = None
    title: Name | None = None
    person_id: UUID | None = None
    name: Name | None = None  # the person's, for people to read
    each: bool = False

    @property
    def label(self) -> str:
        """As people say it, Vietnamese."""
        texts = {
            "author_head": "Người đứng đầu đơn vị soạn thảo",
            "unit": f"Đơn vị {self.unit or ''}",
            "unit_head": f"Người đứng đầu {self.unit or 'đơn vị'}",
            "role": {"clerk": "Văn thư, chuyên viên", "leader": "Lãnh đạo"}.get(self.role or "", ""),
            "post": self.title or "",
            "person": self.name or "",
            "chosen": "Người do người soạn chọn",
        }
        return ("Tất cả: " if self.each else "") + texts[self.kind].strip()


class Deadline(Data):
    """Working time from the moment at which the stage begins."""

    amount: int = Field(ge=1, le=400)
    unit: Literal["hours", "days"]

    @property
    def in_hours(self) -> int:
        return self.amount * (HOURS_A_DAY if self.unit == "days" else 1)


class Skip(Data):
    """When a stage is left out: nobody is there to ask, the author would be asked, whom it asks signs anyway, or the
    document is at least that urgent (1 khẩn … 3 hỏa tốc).
    """

    when: Literal["nobody_found", "author_is_asked", "signer_is_asked", "urgency_at_least"]
    at_least: int | None = Field(default=None, ge=1, le=3)


class Stage(Data):
    """`quorum`: all whom it asks, any one, or that many. `with_previous`: at the same time as the stage before."""

    key: str = Field(min_length=1, max_length=40)
    name: Name
    who: tuple[Who, ...] = Field(min_length=1, max_length=20)
    quorum: Literal["all", "any"] | Annotated[int, Field(ge=1, le=50)] = "all"
    deadline: Deadline | None = None
    skip: tuple[Skip, ...] = Field(default=(), max_length=4)
    with_previous: bool = False

    def needed(self, seats: int) -> int:
        """How many of its seats must be filled with an approval."""
        if self.quorum == "all":
            return seats
        return min(1 if self.quorum == "any" else self.quorum, seats)


class Workflow(Data):
    """`types` are the document types that it is for; none: all types that have no workflow of their own.

    `after_return`: where a document that was given back to its author begins again when the return does not say it: all
    stages anew, or from the stage that gave it back, with what was agreed before kept. What was agreed of a text that did
    not change is kept in both cases.
    """

    name: Name
    types: tuple[str, ...] = Field(default=(), max_length=40)
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=20)
    after_return: AfterReturn = "anew"


def parse(data: Any) -> Workflow:
    """A workflow from JSON; Rejected(workflow_invalid) names every place that is wrong, in words of the form."""
    try:
        found = Workflow.model_validate(data)
    except ValidationError as error:
        where = sorted({"/" + "/".join(map(str, each["loc"])) for each in error.errors()})
        raise Rejected(
            refusals.WORKFLOW_INVALID,
            problems="; ".join(f"mục {each}" for each in where),
            problems_en="; ".join(where),
        ) from error
    problems = [*_problems(found)]
    if problems:
        raise Rejected(
            refusals.WORKFLOW_INVALID,
            problems="; ".join(vi for vi, _ in problems),
            problems_en="; ".join(en for _, en in problems),
        )
    return found


def _problems(workflow: Workflow) -> Iterable[tuple[str, str]]:
    for code in workflow.types:
        kind = DOCUMENT_TYPES.get(code)
        if kind is None or kind.copy:
            yield f"không có loại văn bản {code}", f"there is no document type {code}"
    keys = [stage.key for stage in workflow.stages]
    for n, stage in enumerate(workflow.stages, 1):
        for vi, en in _problems_of(stage, first=n == 1, repeated=keys.count(stage.key) > 1):
            yield f"bước {n} ({stage.name}): {vi}", f"stage {n} ({stage.name}): {en}"


def _problems_of(stage: Stage, *, first: bool, repeated: bool) -> Iterable[tuple[str, str]]:
    if not KEY.fullmatch(stage.key):
        yield "mã bước chỉ gồm chữ thường, số và gạch ngang", "the key is of lower-case letters, digits and hyphens"
    if repeated:
        yield f"mã bước {stage.key} bị trùng", f"the key {stage.key} stands twice"
    if first and stage.with_previous:
        yield "bước đầu không thể song song với bước trước", "nothing stands before the first stage"
    if isinstance(stage.quorum, int) and stage.quorum > len(stage.who) and not any(w.each for w in stage.who):
        asked = len(stage.who)
        yield f"cần {stage.quorum} ý kiến nhưng chỉ hỏi {asked} nơi", f"{stage.quorum} must agree, {asked} are asked"
    for missing in filter(None, map(_missing, stage.who)):
        yield f"chưa chọn {missing[0]}", f"{missing[1]} is not said"
    if any((each.when == "urgency_at_least") != (each.at_least is not None) for each in stage.skip):
        yield "điều kiện bỏ qua theo độ khẩn cần mức khẩn", "an urgency from which to skip is not said"


def _missing(who: Who) -> tuple[str, str] | None:
    needs = {
        "unit": (who.unit, ("đơn vị", "the unit")),
        "unit_head": (who.unit, ("đơn vị", "the unit")),
        "role": (who.role, ("vai trò", "the role")),
        "post": (who.title, ("chức danh", "the post")),
        "person": (who.person_id, ("người", "the person")),
    }
    value, words = needs.get(who.kind, ("", ("", "")))
    return words if value is None else None


@cache
def standard() -> Workflow:
    """The default: head of the drafting unit, then who checks the form, then the signer (NĐ 30 arts. 10–13)."""
    return parse(json.loads((Path(DATA) / "workflows.json").read_text(encoding="utf-8"))[STANDARD])


def suits(workflow: Workflow, type_code: str) -> bool:
    return not workflow.types or type_code in workflow.types


# --- what a change changes


def differences(before: Workflow | None, after: Workflow) -> list[str]:
    """What is otherwise than before, a sentence each, Vietnamese; of a new workflow its stages."""
    if before is None:
        return [f"Tạo mới với {len(after.stages)} bước: {', '.join(stage.name for stage in after.stages)}"]
    found = []
    if before.name != after.name:
        found.append(f"Đổi tên “{before.name}” thành “{after.name}”")
    if before.types != after.types:
        found.append(
            f"Loại văn bản: {', '.join(before.types) or 'các loại còn lại'} → {', '.join(after.types) or 'các loại còn lại'}"
        )
    if before.after_return != after.after_return:
        found.append("Văn bản bị trả lại: " + AFTER_RETURN[after.after_return])
    old, new = ({stage.key: stage for stage in each.stages} for each in (before, after))
    found += [f"Bỏ bước “{old[key].name}”" for key in old if key not in new]
    found += [f"Thêm bước “{new[key].name}”: {_asks(new[key])}" for key in new if key not in old]
    stay = [key for key in new if key in old]
    if stay != [key for key in old if key in new]:
        found.append("Đổi thứ tự các bước")
    for key in stay:
        found += [f"Bước “{new[key].name}”: {each}" for each in _changed(old[key], new[key])]
    return found


AFTER_RETURN = {"anew": "đi lại từ bước đầu", "from_return": "đi tiếp từ bước đã trả lại"}


def _changed(old: Stage, new: Stage) -> Iterable[str]:
    if old.name != new.name:
        yield f"trước đây tên là “{old.name}”"
    if old.who != new.who:
        yield f"hỏi {_asks(new)} (trước: {_asks(old)})"
    if old.quorum != new.quorum:
        yield f"cần {_quorum(new)} đồng ý (trước: {_quorum(old)})"
    if old.deadline != new.deadline:
        yield f"hạn {_limit(new)} (trước: {_limit(old)})"
    if old.skip != new.skip:
        yield "đổi điều kiện bỏ qua"
    if old.with_previous != new.with_previous:
        yield "cùng lúc với bước trước" if new.with_previous else "sau bước trước"


def _asks(stage: Stage) -> str:
    return "; ".join(who.label for who in stage.who)


def _quorum(stage: Stage) -> str:
    return {"all": "tất cả", "any": "một nơi"}.get(str(stage.quorum), f"{stage.quorum} nơi")


def _limit(stage: Stage) -> str:
    if stage.deadline is None:
        return "không đặt"
    return f"{stage.deadline.amount} {'giờ' if stage.deadline.unit == 'hours' else 'ngày'} làm việc"
