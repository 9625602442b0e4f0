"""The directory: agencies with their people and signing authority, as their officers keep them and clerks read them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.portal.forms import Form, Posted, is_id
from services.portal.pages.visit import Posting, Reading, Visit, parts_of, today_in_vietnam
from shared.errors import Rejected

router = APIRouter(include_in_schema=False)

PEOPLE = 20  # found by a name, beside the agencies
MANY = 500  # of one page: an agency's people and authorities are read at once
AGENCY_FIELDS = (
    "identifier",
    "old_identifier",
    "name",
    "parent_id",
    "level",
    "partner",
    "email",
    "seal_mm",
    "valid_from",
    "valid_until",
)
POST_FIELDS = ("post_id", "agency_id", "title", "unit", "unit_id", "roles", "function", "valid_from", "valid_until")


# --- agencies


@router.get("/agencies")
def list_agencies(
    visit: Reading,
    q: Annotated[str, Query(max_length=200)] = "",
    level: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    visit.need("officer", "clerk")
    found, missing = parts_of(
        {"agencies": lambda: visit.api.get("registry", "/agencies", q=q, level=level, cursor=cursor)}
        | ({"people": lambda: visit.api.get("registry", "/people", q=q, limit=PEOPLE)} if q and not cursor else {})
    )
    return visit.page(
        "agencies.html",
        people=found.get("people"),
        error=missing.get("agencies"),
        agencies=found.get("agencies"),
        query=q,
        chosen=level,
        today=today_in_vietnam().isoformat(),
    )


@router.get("/agencies/new")
def show_new_agency(visit: Reading) -> Response:
    visit.need("officer")
    return _agency_form(visit, Form())


@router.post("/agencies/new")
def establish_agency(visit: Posting, form: Posted) -> Response:
    try:
        body = _agency_body(form) | {"parent_id": _parent(visit, form.get("parent"))}
        made = visit.api.post("registry", "/agencies", body, key=form.get("once"))
    except Rejected as rejected:
        return _agency_form(visit, form, error=rejected)
    return visit.to(f"/agencies/{made['agency_id']}", "agency_saved")


def _agency_form(visit: Visit, typed: Form, *, error: Rejected | None = None) -> Response:
    return visit.page("agency_new.html", error=error, typed=typed, once=typed.once(error), today=today_in_vietnam())


def _parent(visit: Visit, identifier: str) -> str | None:
    """The id of the agency that is said to be above; one that is not there is refused by the registry's own rule."""
    found = find_by_identifier(visit, identifier) if identifier else None
    return str(found["agency_id"]) if found else None


def find_by_identifier(visit: Visit, identifier: str) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = visit.api.get("registry", "/agencies", q=identifier)["items"]
    return next((row for row in rows if row["identifier"] == identifier), None)


@router.get("/agencies/{agency_id}")
def show_agency(visit: Reading, agency_id: UUID) -> Response:
    visit.need("officer", "clerk")
    return agency_page(visit, agency_id)


@router.post("/agencies/{agency_id}")
def change_agency(visit: Posting, form: Posted, agency_id: UUID) -> Response:
    try:
        before = visit.api.get("registry", f"/agencies/{agency_id}")
        body = {name: before[name] for name in AGENCY_FIELDS} | _agency_body(form)
        visit.api.put("registry", f"/agencies/{agency_id}", body, version=form.get("version"))
    except Rejected as rejected:
        return agency_page(visit, agency_id, error=rejected, typed=form)
    return visit.to(f"/agencies/{agency_id}", "agency_saved")


def _agency_body(form: Form) -> dict[str, Any]:
    """What the form has of an agency; a field that it does not have stays as it is."""
    sent = {name for name, _value in form.pairs}
    body = {name: form.get(name) or None for name in AGENCY_FIELDS if name in sent and name != "parent_id"}
    return body | ({"seal_mm": form.get("seal_mm").replace(",", ".")} if body.get("seal_mm") else {})


def agency_page(visit: Visit, agency_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    agency = visit.api.get("registry", f"/agencies/{agency_id}")
    found, missing = parts_of(
        {
            "people": lambda: visit.api.get("registry", "/people", agency_id=agency_id, limit=MANY),
            "authorities": lambda: visit.api.get("registry", "/authorities", agency_id=agency_id, limit=MANY),
            "units": lambda: visit.api.get("registry", "/units", agency_id=agency_id, limit=MANY),
            "history": lambda: visit.api.get("registry", "/agency-names", agency_id=agency_id),
            "successions": lambda: visit.api.get("registry", "/successions", agency_id=agency_id),
            "seals": lambda: visit.api.get("registry", "/certificates", agency_id=agency_id),
            "asked": lambda: visit.api.get("registry", "/certificate-requests", agency_id=agency_id, limit=1),
        }
    )
    parent = visit.api.get("registry", f"/agencies/{agency['parent_id']}") if agency["parent_id"] else None
    today = today_in_vietnam().isoformat()
    return visit.page(
        "agency.html",
        error=error,
        agency=agency,
        parent=parent,
        people=_by_post(found.get("people", {"items": []})["items"], str(agency_id), today),
        names={row["person_id"]: row["name"] for row in found.get("people", {"items": []})["items"]},
        authorities=found.get("authorities", {"items": []})["items"],
        units=found.get("units", {"items": []})["items"],
        past=[each for each in found.get("history", {"past": []})["past"] if each["what"] != "parent"],
        successions=found.get("successions", {"items": []})["items"],
        seals=found.get("seals", {"items": []})["items"],
        asked=_unanswered(found),
        missing=list({each.code: each for each in missing.values()}.values()),
        typed=typed or Form(),
        today=today,
    )


def _unanswered(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest request for a certificate, unless one came of it."""
    return [each for each in found.get("asked", {"items": []})["items"] if each["state"] != "issued"]


def _by_post(people: list[dict[str, Any]], agency_id: str, today: str) -> list[dict[str, Any]]:
    """One row a post at this agency, those of today first, then by name as Vietnamese names sort: the last word."""
    rows = [
        {"person": person, "post": post, "now": person["active"] and _holds(post, today)}
        for person in people
        for post in person["posts"]
        if post["agency_id"] == agency_id
    ]
    return sorted(rows, key=lambda row: (not row["now"], row["person"]["name"].split()[-1:], row["person"]["name"]))


def _holds(post: dict[str, Any], day: str) -> bool:
    """ISO dates compare as text."""
    return bool(post["valid_from"] <= day and (post["valid_until"] is None or day <= post["valid_until"]))


# --- people


@router.get("/people/new")
def show_new_person(visit: Reading, agency: UUID) -> Response:
    visit.need("officer")
    return _person_form(visit, agency, Form())


@router.post("/people/new")
def enter_person(visit: Posting, form: Posted) -> Response:
    agency = UUID(form.get("agency_id")) if is_id(form.get("agency_id")) else visit.post.agency_id
    body = {name: form.get(name) for name in ("name", "login", "email")} | {"posts": [_post_body(form)]}
    try:
        made = visit.api.post("registry", "/people", body, key=form.get("once"))
    except Rejected as rejected:
        return _person_form(visit, agency, form, error=rejected)
    return visit.to(f"/people/{made['person_id']}", "person_saved")


def _person_form(visit: Visit, agency_id: UUID, typed: Form, *, error: Rejected | None = None) -> Response:
    agency = visit.api.get("registry", f"/agencies/{agency_id}")
    today = today_in_vietnam()
    return visit.page("person_new.html", error=error, agency=agency, typed=typed, once=typed.once(error), today=today)


def _post_body(form: Form) -> dict[str, Any]:
    return {
        "agency_id": form.get("agency_id"),
        "title": form.get("title"),
        "unit": form.get("unit") or None,
        "roles": form.all("role"),
        "function": form.get("function") or None,
        "valid_from": form.get("valid_from"),
        "valid_until": form.get("valid_until") or None,
    }


@router.get("/people/{person_id}")
def show_person(visit: Reading, person_id: UUID) -> Response:
    visit.need("officer", "clerk")
    return _person(visit, person_id)


@router.post("/people/{person_id}/absence")
def enter_absence(visit: Posting, form: Posted, person_id: UUID) -> Response:
    """Of somebody who can't do it: ill since this morning, say."""
    body = {name: form.get(name) for name in ("valid_from", "valid_until", "reason")} | {"person_id": str(person_id)}
    return _about_absence(visit, form, person_id, "/absences", body)


@router.post("/people/{person_id}/absences/{absence_id}/return")
def end_absence(visit: Posting, form: Posted, person_id: UUID, absence_id: UUID) -> Response:
    return _about_absence(visit, form, person_id, f"/absences/{absence_id}/return", {"last_day": form.get("last_day")})


def _about_absence(visit: Visit, form: Form, person_id: UUID, path: str, body: dict[str, Any]) -> Response:
    try:
        visit.api.post("registry", path, body, key=form.get("once"))
    except Rejected as rejected:
        return _person(visit, person_id, error=rejected, typed=form)
    return visit.to(f"/people/{person_id}", "absence_entered")


@router.post("/people/{person_id}/{act}")
def change_person(visit: Posting, form: Posted, person_id: UUID, act: str) -> Response:
    """`facts`: name and address; `post`: one more post; `function`: what a post is there for; `end`: a post ends; `leave` and `return`: may work at all."""
    page = f"/people/{person_id}"
    try:
        person = visit.api.get("registry", page)
        posts = [{name: post[name] for name in POST_FIELDS if name in post} for post in person["posts"]]
        body = {name: person[name] for name in ("name", "login", "email", "active")} | {"posts": posts}
        visit.api.put("registry", page, _changed(body, form, act), version=form.get("version"))
    except Rejected as rejected:
        return _person(visit, person_id, error=rejected, typed=form)
    return visit.to(page, "person_saved")


def _changed(body: dict[str, Any], form: Form, act: str) -> dict[str, Any]:
    if act == "facts":
        return body | {"name": form.get("name"), "email": form.get("email")}
    if act == "post":
        return body | {"posts": [*body["posts"], _post_body(form)]}
    if act == "function":
        changed, function = form.get("post_id"), {"function": form.get("function") or None}
        return body | {"posts": [post | function if post["post_id"] == changed else post for post in body["posts"]]}
    if act == "end":
        ended = form.get("post_id")
        until = {"valid_until": form.get("valid_until")}
        return body | {"posts": [post | until if post["post_id"] == ended else post for post in body["posts"]]}
    return body | {"active": act == "return"}


def _person(visit: Visit, person_id: UUID, *, error: Rejected | None = None, typed: Form | None = None) -> Response:
    person = visit.api.get("registry", f"/people/{person_id}")
    found, missing = parts_of(
        {
            "authorities": lambda: visit.api.get("registry", "/authorities", person_id=person_id, limit=MANY),
            "certificates": lambda: visit.api.get("registry", "/certificates", person_id=person_id),
            "absences": lambda: visit.api.get("registry", "/absences", person_id=person_id),
            "asked": lambda: visit.api.get("registry", "/certificate-requests", person_id=person_id, limit=1),
        }
    )
    places = {post["agency_id"] for post in person["posts"]}
    today = today_in_vietnam().isoformat()
    return visit.page(
        "person.html",
        error=error,
        person=person,
        agencies={place: visit.api.get("registry", f"/agencies/{place}") for place in places},
        authorities=found.get("authorities", {"items": []})["items"],
        certificates=found.get("certificates", {"items": []})["items"],
        absences=found.get("absences", {"items": []})["items"],
        asked=_unanswered(found),
        missing=list({each.code: each for each in missing.values()}.values()),
        held={post["post_id"] for post in person["posts"] if person["active"] and _holds(post, today)},
        typed=typed or Form(),
        today=today,
    )


# --- signing authority


@router.post("/people/{person_id}/posts/{post_id}/authority")
def grant_authority(visit: Posting, form: Posted, person_id: UUID, post_id: UUID) -> Response:
    body = {
        "agency_id": form.get("agency_id"),
        "person_id": str(person_id),
        "post_id": str(post_id),
        "capacity": form.get("capacity"),
        "block": [line for line in form.get("block").splitlines() if line.strip()],
        "document_types": form.get("document_types").replace(",", " ").split(),
        "valid_from": form.get("valid_from"),
        "valid_until": form.get("valid_until") or None,
    }
    try:
        visit.api.post("registry", "/authorities", body, key=form.get("once"))
    except Rejected as rejected:
        return _person(visit, person_id, error=rejected, typed=form)
    return visit.to(f"/people/{person_id}", "authority_granted")


@router.post("/people/{person_id}/authorities/{authority_id}/withdraw")
def withdraw_authority(visit: Posting, form: Posted, person_id: UUID, authority_id: UUID) -> Response:
    try:
        visit.api.post("registry", f"/authorities/{authority_id}/withdraw", key=form.get("once"))
    except Rejected as rejected:
        return _person(visit, person_id, error=rejected, typed=form)
    return visit.to(f"/people/{person_id}", "authority_withdrawn")
