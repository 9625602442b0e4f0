"""Every notice leads to a page that the portal has: notify writes the link, portal serves it, neither imports the other."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from fastapi import APIRouter
from starlette.routing import Match

from services.notify.domain import Delivery, Document, Known, whose_turn
from services.portal.pages.wiring import PAGES
from shared.events import Actor, Event, docs, workfile
from shared.ids import new_id
from tests.notify.facts import Story

STORY = Story()
KNOWN = Known(
    document=Document(id=STORY.document, agency_id=STORY.agency, author_id=STORY.author, title="Công văn"),
    delivery=Delivery(STORY.delivery, "Công văn"),
)


def is_a_page(path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    routers: list[APIRouter] = [page.router for page in PAGES]
    return any(route.matches(scope)[0] is Match.FULL for router in routers for route in router.routes)


@pytest.mark.parametrize(
    "event",
    [
        STORY.submitted(new_id()),
        STORY.returned(),
        STORY.review(docs.ReviewAsked, stage="x", people=(new_id(),)),
        STORY.review(docs.ReviewDue, stage="x", standing="due_soon", people=(new_id(),)),
        STORY.review(docs.RemarkMade, remark_id=new_id(), mentions=(new_id(),)),
        STORY.review(docs.OpinionAsked, request_id=new_id(), people=(new_id(),)),
        STORY.review(docs.OpinionGiven, request_id=new_id(), asked_by=new_id(), verdict="remarks"),
        docs.TaskChanged(
            task_id=new_id(),
            agency_id=STORY.agency,
            incoming_id=new_id(),
            act="given",
            title="x",
            holder="x",
            people=(new_id(),),
            by=Actor(name="x"),
            at=datetime.now(UTC),
        ),
        STORY.prepared(),
        STORY.signed(),
        STORY.refused("seal"),
        STORY.delayed("seal"),
        STORY.delayed("prepare", code="places_to_confirm"),
        STORY.delayed("sign", waits_for=STORY.leader),
        STORY.owing(),
        STORY.owing(final=True),
        STORY.augmented(told=True),
        STORY.issued(),
        STORY.dispatched(),
        STORY.status("02"),
        STORY.status("04", assignee_id=new_id()),
        STORY.status("13"),
        STORY.chased(),
        STORY.validated("TOTAL_FAILED"),
        STORY.workfile(workfile.WorkfileDue, keeper_id=new_id(), due_on=date(2027, 11, 20)),
        STORY.workfile(workfile.WorkfileSubmitted, minutes="01/BB", members=3),
        STORY.workfile(workfile.WorkfileReturned, keeper_id=new_id(), reason="thiếu mục lục"),
    ],
    ids=lambda event: type(event).__name__ + getattr(event, "status", ""),
)
def test_a_notice_leads_to_a_page_of_the_portal(event: Event) -> None:
    calls = whose_turn(event, KNOWN)
    assert calls
    assert [call.link for call in calls if not is_a_page(call.link)] == []


def test_a_page_that_is_not_there_would_be_noticed() -> None:
    assert not is_a_page("/sign")
    assert not is_a_page(f"/documents/{STORY.document}/sign")
