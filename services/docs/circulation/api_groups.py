"""HTTP for address groups: an agency's own, and those shared with the whole province."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.docs import access, refusals, store_registry
from services.docs.access import Acting, Clerk, Identifier, IfMatch, Line, Member
from services.docs.circulation import addressing
from services.docs.circulation import store as kept
from services.docs.circulation.addressing import Ended, Group
from services.docs.circulation.views import EndedView, ended_view
from services.docs.views import Body, PartyView, View, party_view
from shared.errors import Rejected
from shared.http import OnceOnly
from shared.ids import new_id

router = APIRouter()


class GroupBody(Body):
    name: Line
    members: list[Identifier] = Field(min_length=1, max_length=1000)
    shared: bool = False


class GroupLine(View):
    id: UUID
    name: str
    shared: bool
    keeper: str
    own: bool
    count: int
    version: int


class GroupView(GroupLine):
    """`ended`: members that are no more, with who came after them."""

    members: list[PartyView]
    ended: list[EndedView]


class GroupList(View):
    items: list[GroupLine]


def _line(acting: Acting, group: Group) -> GroupLine:
    return GroupLine(
        id=group.id,
        name=group.name,
        shared=group.shared,
        keeper=group.agency_name,
        own=group.agency_id == acting.agency_id,
        count=len(group.members),
        version=group.version,
    )


def _view(acting: Acting, group: Group) -> GroupView:
    day = acting.today()
    known = kept.known_about(acting.tx, addressing.Choice(groups=(group.id,)), day)
    found = [known.by_id[each] for each in group.members if each in known.by_id]
    line = _line(acting, group)
    return GroupView(
        **line.model_dump(),
        members=[party_view(each.party) for each in found if each.stands(day)],
        ended=[
            ended_view(Ended(each, addressing.successors(each, known.by_id, day)))
            for each in found
            if not each.stands(day)
        ],
    )


@router.get("/address-groups")
def list_groups(acting: Member) -> GroupList:
    return GroupList(items=[_line(acting, each) for each in kept.list_groups(acting.tx)])


@router.get("/address-groups/{group_id}")
def get_group(group_id: UUID, acting: Member, response: Response) -> GroupView:
    found = kept.get_group(acting.tx, group_id)
    access.etag(response, found.version)
    return _view(acting, found)


@router.post("/address-groups", status_code=201)
def make_group(body: GroupBody, acting: Clerk, once: OnceOnly) -> GroupView:
    def act() -> GroupView:
        made = Group(
            id=new_id(),
            agency_id=acting.agency_id,
            agency_name=acting.agency().name,
            name=body.name,
            shared=_may_be_shared(acting, body.shared),
            members=_members(acting, body.members),
        )
        kept.add_group(acting.tx, made)
        return _view(acting, made)

    return once.run(act, GroupView)


@router.put("/address-groups/{group_id}")
def change_group(group_id: UUID, body: GroupBody, acting: Clerk, if_match: IfMatch = None) -> GroupView:
    """The whole group anew; with If-Match a colleague's change is not written over."""
    before = kept.get_group(acting.tx, group_id)
    addressing.may_edit(before, acting.agency_id)
    access.check_version(if_match, before.version)
    shared = body.shared and (before.shared or _may_be_shared(acting, body.shared))
    after = replace(before, name=body.name, shared=shared, members=_members(acting, body.members))
    if after != before:
        kept.save_group(acting.tx, after)
    return _view(acting, kept.get_group(acting.tx, group_id))


@router.delete("/address-groups/{group_id}", status_code=204)
def remove_group(group_id: UUID, acting: Clerk) -> None:
    group = kept.get_group(acting.tx, group_id)
    addressing.may_edit(group, acting.agency_id)
    kept.remove_group(acting.tx, group)


def _may_be_shared(acting: Acting, shared: bool) -> bool:  # noqa: FBT001  the body's own field
    if shared:
        addressing.may_share(store_registry.find_agency(acting.tx, acting.agency_id))
    return shared


def _members(acting: Acting, identifiers: list[str]) -> tuple[UUID, ...]:
    """Agencies that stand today; refuses the whole list for one that does not."""
    wanted = list(dict.fromkeys(identifiers))
    choice = addressing.Choice(named=tuple(wanted))
    known = kept.known_about(acting.tx, choice, acting.today())
    unknown = [each for each in wanted if each not in known.standing and each not in known.ended]
    if unknown:
        raise Rejected(refusals.RECIPIENT_UNKNOWN, identifiers=", ".join(unknown))
    addressing.check_standing(choice, known, acting.today())
    return tuple(known.standing[each].agency_id for each in wanted)
