"""Workflows of the agency as forms: stages one under the other, who is asked, until when; and who would be asked today."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from services.portal.forms import Form, Posted
from services.portal.pages.visit import Posting, Reading, Visit, parts_of
from services.portal.refusals import WORKFLOW_NAME_MISSING
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

EMPTY_STAGES = 2  # blank ones at the end of the form; saving brings new ones
SKIPS = ("nobody_found", "author_is_asked", "signer_is_asked")


@router.get("/workflows")
def list_workflows(visit: Reading) -> Response:
    return visit.page("workflows.html", found=visit.api.get("docs", "/workflows"), told=False)


@router.get("/workflows/new")
def new_workflow(visit: Reading, of: str = "nd30") -> Response:
    """A copy of one that there is, to be changed."""
    listed = visit.api.get("docs", "/workflows")
    if not listed["may_change"]:
        return visit.page("workflows.html", found=listed, told=True)
    source = visit.api.get("docs", f"/workflows/{of[:40]}")
    return _page(visit, source["body"] | {"name": "", "types": []}, code="", version="")


@router.get("/workflows/{code}")
def show_workflow(visit: Reading, code: str) -> Response:
    found = visit.api.get("docs", f"/workflows/{code}")
    return _page(visit, found["body"], code=code, version=str(found["version"]), held=found)


@router.post("/workflows/save")
def save_workflow(visit: Posting, form: Posted) -> Response:
    """Saved as a new version, or shown again with who would be asked; a refusal keeps the form."""
    code, version = form.get("code"), form.get("version")
    body = body_of(form)
    if form.get("preview"):
        return _page(visit, body, code=code, version=version, form=form)
    code = code or _code_of(body["name"])
    if not code:
        return _page(visit, body, code="", version="", form=form, error=Rejected(WORKFLOW_NAME_MISSING))
    try:
        visit.api.put("docs", f"/workflows/{code}", body, version=version or "0")
    except Rejected as rejected:
        return _page(visit, body, code=form.get("code"), version=version, form=form, error=rejected)
    return visit.to(f"/workflows/{code}", "workflow_saved")


@router.post("/workflows/{code}/retire")
def retire(visit: Posting, form: Posted, code: str) -> Response:
    visit.api.post("docs", f"/workflows/{code}/retire", {}, key=form.get("once"))
    return visit.to("/workflows", "workflow_retired")


def body_of(form: Form) -> dict[str, Any]:
    """The form's stages in the order of their numbers; a stage without a name is none."""
    ends = {name.rpartition("-")[2] for name, _ in form.pairs}
    fields = {int(end) for end in ends if end.isdecimal()}
    named = sorted((n for n in fields if form.get(f"name-{n}")), key=lambda n: (_place(form, n), n))
    stages = [_stage(form, n) for n in named]
    keys: set[str] = set()
    for n, stage in enumerate(stages, 1):
        stage["key"] = _free(stage["key"] or _code_of(stage["name"]) or f"buoc-{n}", keys)
    after = "from_return" if form.get("after_return") == "from_return" else "anew"
    return {"name": form.get("name"), "types": form.all("type"), "stages": stages, "after_return": after}


def _place(form: Form, n: int) -> int:
    text = form.get(f"place-{n}")
    return int(text) if text.isdecimal() else n


def _free(key: str, taken: set[str]) -> str:
    found, n = key, 2
    while found in taken:
        found, n = f"{key[:36]}-{n}", n + 1
    taken.add(found)
    return found


def _stage(form: Form, n: int) -> dict[str, Any]:
    stage: dict[str, Any] = {"key": form.get(f"key-{n}"), "name": form.get(f"name-{n}")}
    stage["who"] = [_who(each, each=bool(form.get(f"each-{n}"))) for each in form.all(f"who-{n}")]
    quorum = form.get(f"quorum-{n}", "all")
    stage["quorum"] = int(quorum) if quorum.isdecimal() else quorum
    if form.get(f"amount-{n}").isdecimal():
        stage["deadline"] = {"amount": int(form.get(f"amount-{n}")), "unit": form.get(f"unit-{n}", "hours")}
    skip: list[dict[str, Any]] = [{"when": each} for each in form.all(f"skip-{n}") if each in SKIPS]
    if form.get(f"urgency-{n}") in {"1", "2", "3"}:
        skip.append({"when": "urgency_at_least", "at_least": int(form.get(f"urgency-{n}"))})
    return stage | {"skip": skip, "with_previous": bool(form.get(f"parallel-{n}"))}


def _who(value: str, *, each: bool) -> dict[str, Any]:
    """An option of the form: kind|value|name."""
    kind, what, name = [*value.split("|"), "", ""][:3]
    who: dict[str, Any] = {"kind": kind}
    if kind in {"unit", "unit_head"}:
        who["unit"] = what
    elif kind == "role":
        who["role"] = what
    elif kind == "post":
        who["title"] = what
    elif kind == "person":
        who |= {"person_id": what, "name": name}
    return who | ({"each": True} if each and kind in {"unit", "role", "post"} else {})


def option_of(who: dict[str, Any]) -> str:
    """The form's option for somebody who is asked."""
    what = who.get("unit") or who.get("role") or who.get("title") or who.get("person_id") or ""
    return f"{who['kind']}|{what}|{who.get('name') or ''}"


def _code_of(name: str) -> str:
    """A code from a name: letters without marks, digits, hyphens."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name.lower()) if unicodedata.category(c) != "Mn")
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("đ", "d")).strip("-")[:36].strip("-")


def _page(
    visit: Visit,
    body: dict[str, Any],
    *,
    code: str,
    version: str,
    held: dict[str, Any] | None = None,
    form: Form | None = None,
    error: Rejected | None = None,
) -> Response:
    directory = visit.api.get("docs", "/workflows/directory")
    listed = visit.api.get("docs", "/workflows")
    type_code = (form.get("preview_type") if form else "") or next(iter(body.get("types", [])), "CV")
    asked = {"type_code": type_code, "body": body if body.get("name") else body | {"name": "…"}}
    wanted = {"preview": lambda: visit.api.post("docs", "/workflows/preview", asked, key=f"preview-{code}")}
    if code and (held is None or held["own"]):
        wanted["versions"] = lambda: visit.api.get("docs", f"/workflows/{code}/versions")
    found, missing = parts_of(wanted)
    stages = [stage | {"options": [option_of(who) for who in stage["who"]]} for stage in body["stages"]]
    return visit.page(
        "workflow.html",
        error=error or missing.get("preview"),
        code=code,
        version=version,
        held=held,
        body=body,
        stages=[*stages, *[None] * EMPTY_STAGES],
        options=_options(directory),
        directory=directory,
        preview=found.get("preview"),
        versions=found.get("versions", []),
        keepers=listed["keepers"],
        preview_type=type_code,
        may_change=listed["may_change"] and (held is None or held["own"]),
        may_make=listed["may_change"],
    )


def _options(directory: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Whom a stage can ask, in groups."""
    units = [each["unit"] for each in directory["units"]]
    return [
        (
            "Theo vai trò",
            [
                ("author_head||", "Người đứng đầu đơn vị soạn thảo"),
                ("chosen||", "Người do người soạn chọn khi trình"),
                ("role|clerk|", "Văn thư, chuyên viên bất kỳ"),
                ("role|leader|", "Lãnh đạo bất kỳ"),
            ],
        ),
        ("Người đứng đầu đơn vị", [(f"unit_head|{each}|", f"Người đứng đầu {each}") for each in units]),
        ("Bất kỳ ai trong đơn vị", [(f"unit|{each}|", each) for each in units]),
        ("Chức danh", [(f"post|{each}|", each) for each in directory["titles"]]),
        (
            "Người",
            [
                (f"person|{each['person_id']}|{each['name']}", f"{each['name']}, {each['title']}")
                for each in directory["people"]
            ],
        ),
    ]
