"""HTTP for the figures of the first page: how much waits at the agency, and for whoever asks."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import Field

from services.docs.access import DoorDep
from services.docs.finding import counting
from services.docs.views import View
from shared.http import answer

router = APIRouter(tags=["counters"])


class MineView(View):
    """What waits for the one who asks."""

    to_review: int
    to_sign: int
    to_begin: int
    to_finish: int


class CountersView(View):
    documents: dict[str, int] = Field(description="by state")
    incoming: dict[str, int] = Field(description="by status")
    mine: MineView
    most: int = Field(description="no further is counted: so many means so many or more")


@router.get("/counters", response_model=CountersView)
def count(door: DoorDep) -> Response:
    """What is open at the agency; what is done and over is not counted."""
    with door.open("clerk", "leader") as acting:
        found = counting.count_open(acting.tx, acting.person_id)
    mine = MineView(**found.mine)
    return answer(CountersView(documents=found.documents, incoming=found.incoming, mine=mine, most=counting.MOST))
