"""The rows of people and their posts in a plan: one row a post, a person's rows together. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from services.registry import person as rules
from services.registry.agency import Agency
from services.registry.cells import Cell, Cells, at, write_day
from services.registry.period import Period
from services.registry.person import Person, PersonFacts, Post
from services.registry.planning import ActSaid, Entry, Field, Plan, Seen, differences
from services.registry.refusals import LOGIN_TAKEN
from services.registry.refusals_import import POST_INCOMPLETE, ROW_DIFFERS, UNKNOWN_AGENCY, UNKNOWN_UNIT
from services.registry.rights import check_person
from services.registry.scope import EVERYWHERE
from services.registry.sheets import SheetRow
from services.registry.unit import Unit
from shared.errors import Rejected
from shared.ids import new_id

OWN = ("name", "email", "active")  # what is of the person, and the same in each of their rows


def plan_people(plan: Plan, rows: list[SheetRow]) -> None:
    _carry_unit_names(plan)
    together: dict[str, list[SheetRow]] = defaultdict(list)
    for row in rows:
        together[row.cells.get("login", "")].append(row)
    for login, theirs in together.items():
        if not login:
            plan.take("people", theirs, _require_login)
        else:
            _person(plan, login, theirs)


def _require_login(row: SheetRow) -> None:
    Cells("people", row.cells).text("login")


def _carry_unit_names(plan: Plan) -> None:
    renamed = [unit for unit in plan.units.values() if unit.version > 1]
    if not renamed:
        return
    for login, who in list(plan.directory.people.items()):
        after = who
        for unit in renamed:
            after, stated = rules.name_unit(after, unit, plan.by.today)
            if stated is not None:
                _keep(plan, login, after, "change_person")


def _keep(plan: Plan, login: str, after: Person, act: str) -> None:
    plan.directory.people[login] = after
    plan.people[after.id] = after
    plan.state_as(rules.state(after))
    plan.acts.append(ActSaid(act, "person", after.id, {"login": login}))


@dataclass(frozen=True, slots=True)
class _Said:
    """One post as a row says it; `words` is the unit in words."""

    row: int
    agency: Agency
    title: str
    start: date
    until: date | None
    unit: Unit | None
    words: str | None
    cells: Cells

    @property
    def key(self) -> tuple[UUID, str, date]:
        return self.agency.id, self.title, self.start


def _person(plan: Plan, login: str, rows: list[SheetRow]) -> None:
    wrong = len(plan.errors)
    said: list[_Said] = []
    seen = Seen()

    def one(row: SheetRow) -> None:
        cells = Cells("people", row.cells)
        for name in OWN:
            if row.cells.get(name, "") != rows[0].cells.get(name, ""):
                raise Cell(name, Rejected(ROW_DIFFERS, login=login))
        post = _post(plan, cells, row)
        key = (*post.key, post.unit.id if post.unit else post.words) if post else None
        seen.add(key, login if post is None else f"{login} · {post.title}")
        if post is not None:
            said.append(post)

    plan.take("people", rows, one)
    if len(plan.errors) > wrong:
        return
    try:
        _decide(plan, login, rows[0], said)
    except Cell as cell:
        plan.refuse("people", rows[0].number, cell.column, cell.error)
    except Rejected as error:
        about = [each.row for each in said if each.title == error.params.get("title")]
        plan.refuse("people", about[-1] if about else rows[0].number, None, error)


def _decide(plan: Plan, login: str, row: SheetRow, said: list[_Said]) -> None:
    cells = Cells("people", row.cells)
    before = plan.directory.people.get(login)
    facts = PersonFacts(
        name=cells.text("name"),
        login=login,
        email=cells.text("email"),
        active=cells.yes_no("active", before.facts.active if before else True),
        posts=_posts(before, said),
    )
    agencies, units = plan.directory.agencies, plan.directory.units
    if before is not None and not _is_visible(plan, before):
        raise Cell("login", Rejected(LOGIN_TAKEN, login=login))
    if before is None:
        after, _stated = rules.enter(new_id(), facts, agencies, units)
    else:
        after, changed = rules.change(before, facts, agencies, units)
        if changed is None:
            plan.note(Entry("people", row.number, login, "same", ()))
            return
    check_person(
        before,
        after.facts,
        scope=plan.by.scope,
        by=plan.by.person_id or after.id,
        agencies=agencies,
        today=plan.by.today,
    )
    _keep(plan, login, after, "change_person" if before else "enter_person")
    fields = _fields(plan, before, after)
    plan.note(Entry("people", row.number, login, "changed" if before else "new", fields))


def _is_visible(plan: Plan, who: Person) -> bool:
    """Somebody with a post, now or once, at an agency in scope: of others an officer learns nothing."""
    scope, agencies = plan.by.scope, plan.directory.agencies
    return scope == EVERYWHERE or any(
        scope.covers(agencies[post.agency_id].facts.identifier) for post in who.facts.posts
    )


def _post(plan: Plan, cells: Cells, row: SheetRow) -> _Said | None:
    """None: a row that names no post."""
    named = [cells.has(name) for name in ("agency", "title", "valid_from")]
    if not any(named):
        return None
    if not all(named):
        missing = ("agency", "title", "valid_from")[named.index(False)]
        raise Cell(missing, Rejected(POST_INCOMPLETE))
    identifier = cells.text("agency")
    agency = plan.directory.agency(identifier)
    if agency is None:
        raise Cell("agency", Rejected(UNKNOWN_AGENCY, identifier=identifier))
    code = cells.said("unit_code")
    unit = plan.directory.unit(agency.id, code) if code else None
    if code and unit is None:
        raise Cell("unit_code", Rejected(UNKNOWN_UNIT, agency=identifier, code=code))
    start, until = cells.first_day("valid_from"), cells.day("valid_until")
    at("valid_until", lambda: Period(start, until))
    cells.roles("roles", ())
    cells.function("function", None)
    words = cells.said("unit")
    return _Said(row.number, agency, cells.text("title"), start, until, unit, words, cells)


def _posts(before: Person | None, said: list[_Said]) -> tuple[Post, ...]:
    """The posts held, as the file now says them, then the new ones; none is dropped.

    A post is known by agency, title and first day; of two such ones by the unit as well.
    """
    posts = list(before.facts.posts) if before else []
    free = dict(enumerate(posts))
    left: list[_Said] = []
    for each in said:
        exact = [i for i, p in free.items() if _key(p) == each.key and _same_unit(p, each)]
        if exact:
            posts[exact[0]] = _as_said(free.pop(exact[0]), each)
        else:
            left.append(each)
    for each in left:
        known = [i for i, p in free.items() if _key(p) == each.key]
        if known:
            posts[known[0]] = _as_said(free.pop(known[0]), each)
        else:
            fresh = Post(
                id=new_id(), agency_id=each.agency.id, title=each.title, roles=(), period=Period(each.start, each.until)
            )
            posts.append(_as_said(fresh, each))
    return tuple(posts)


def _key(post: Post) -> tuple[UUID, str, date]:
    return post.agency_id, post.title, post.period.start


def _same_unit(post: Post, said: _Said) -> bool:
    given = said.cells.given
    if said.unit is not None or post.unit_id is not None:
        return "unit_code" not in given or (said.unit.id if said.unit else None) == post.unit_id
    return "unit" not in given or said.words == post.unit


def _as_said(post: Post, said: _Said) -> Post:
    """What the file has no column for stays; with a unit on record its name is the unit's, not the cell's."""
    given = said.cells.given
    until = said.until if "valid_until" in given else post.period.until
    changed = replace(
        post,
        roles=said.cells.roles("roles", post.roles),
        function=said.cells.function("function", post.function),
        period=Period(said.start, until),
    )
    if "unit_code" in given:
        changed = replace(changed, unit_id=said.unit.id if said.unit else None)
    if changed.unit_id is None and "unit" in given:
        return replace(changed, unit=said.words)
    return changed


def _fields(plan: Plan, before: Person | None, after: Person) -> tuple[Field, ...]:
    return differences(_person_said(plan, before) if before else {}, _person_said(plan, after))


def _person_said(plan: Plan, who: Person) -> dict[str, str]:
    facts = who.facts
    said = {"name": facts.name, "email": facts.email, "active": "yes" if facts.active else "no"}
    for post in facts.posts:
        agency = plan.directory.agencies[post.agency_id]
        unit = plan.directory.units.get(post.unit_id) if post.unit_id else None
        name = f"{agency.facts.identifier} · {post.title} · {write_day(post.period.start)}"
        while name in said:
            name += " ·"
        parts = (
            unit.facts.code if unit else "",
            post.unit or "",
            ", ".join(post.roles),
            post.function or "",
            write_day(post.period.until),
        )
        said[name] = " | ".join(parts)
    return said
