"""HTTP for finding documents: words with or without marks, every field, ranked, what was found marked; saved searches."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from services.docs.access import PAGE, Line, Member
from services.docs.catalogue import STATUSES
from services.docs.finding import domain, lexemes, store
from services.docs.finding.domain import Wanted
from services.docs.finding.lexemes import Piece
from services.docs.views import Body, View
from shared.errors import INVALID_REQUEST, Rejected
from shared.http import OnceOnly, decode_cursor, encode_cursor
from shared.ids import new_id

AROUND = 30  # words of a file's text that are shown
Words = Annotated[str, Field(max_length=500)]

router = APIRouter(tags=["search"])


class PieceView(View):
    text: str
    hit: bool


class FoundView(View):
    """`abstract` and `excerpt` in pieces, so that a page marks the words without reading HTML from us."""

    kind: Literal["document", "incoming"]
    id: UUID
    type_code: str
    number_symbol: str | None
    abstract: list[PieceView]
    excerpt: list[PieceView]
    party: str
    signer: str
    state: str
    state_vi: str
    urgency: int
    day: date


class FoundPage(View):
    items: list[FoundView]
    next_cursor: str | None


class SearchBody(Body):
    """As the query parameters of GET /search."""

    q: Words = ""
    kind: list[Literal["document", "incoming"]] = Field(default_factory=list, max_length=2)
    type: list[str] = Field(default_factory=list, max_length=40)
    state: list[str] = Field(default_factory=list, max_length=20)
    urgent: bool = False
    since: date | None = None
    until: date | None = None
    sort: Literal["relevance", "newest"] = "relevance"


class SaveBody(Body):
    name: Line
    query: SearchBody
    shared: bool = False


class SavedView(View):
    id: UUID
    name: str
    query: SearchBody
    shared: bool
    own: bool
    by: str


class SavedList(View):
    items: list[SavedView]


@router.get("/search")
def find(acting: Member, asked: Annotated[SearchBody, Query()], cursor: str | None = None) -> FoundPage:
    """What the agency has, best or newest first: words in any order, "beside each other", -not, begin*."""
    parsed = lexemes.query(asked.q)
    decoded = decode_cursor(cursor, 1)
    skip = int(decoded[0]) if decoded and decoded[0].isdecimal() else 0
    if skip > domain.MAX_RESULTS:
        raise Rejected(INVALID_REQUEST, where="/query/cursor")
    wanted = Wanted(
        words=asked.q,
        kinds=tuple(asked.kind),
        types=tuple(asked.type),
        states=tuple(asked.state),
        urgent=asked.urgent,
        since=asked.since,
        until=asked.until,
        by_rank=asked.sort == "relevance",
    )
    rows = store.find(acting.tx, wanted, parsed.tsquery, reader=acting.person_id, skip=skip, most=PAGE + 1)
    items = rows[:PAGE]
    bodies = store.bodies(acting.tx, [row["id"] for row in items]) if parsed.words or parsed.prefixes else {}
    more = encode_cursor(skip + PAGE) if len(rows) > PAGE else None
    return FoundPage(
        items=[
            FoundView(
                **{
                    k: row[k]
                    for k in ("kind", "id", "type_code", "number_symbol", "party", "signer", "state", "urgency", "day")
                },
                abstract=_views(lexemes.marked_pieces(row["abstract"], parsed)),
                excerpt=_excerpt(bodies.get(row["id"], ""), parsed),
                state_vi=STATUSES.get(row["state"], row["state"]),
            )
            for row in items
        ],
        next_cursor=more,
    )


@router.post("/searches", status_code=201)
def save_search(body: SaveBody, acting: Member, once: OnceOnly) -> SavedView:
    """Keep a search to make it again; `shared` shows it to everybody at the agency."""

    def save() -> SavedView:
        row = {
            "id": new_id(),
            "agency_id": acting.agency_id,
            "person_id": acting.person_id,
            "person_name": acting.post.name,
            "name": body.name,
            "query": body.query.model_dump(mode="json", exclude_defaults=True),
            "shared": body.shared,
        }
        store.save_search(acting.tx, row)
        return _saved(row, acting.person_id)

    return once.run(save, SavedView)


@router.get("/searches")
def list_searches(acting: Member) -> SavedList:
    rows = store.list_searches(acting.tx, acting.person_id)
    return SavedList(items=[_saved(row, acting.person_id) for row in rows])


@router.delete("/searches/{search_id}", status_code=204)
def remove_search(search_id: UUID, acting: Member) -> None:
    store.remove_search(acting.tx, search_id, acting.person_id)


def _excerpt(body: str, parsed: lexemes.Query) -> list[PieceView]:
    if not body:
        return []
    pieces = lexemes.marked_pieces(body, parsed, around=AROUND)
    return _views(pieces) if any(piece.hit for piece in pieces) else []


def _views(pieces: list[Piece]) -> list[PieceView]:
    return [PieceView(text=piece.text, hit=piece.hit) for piece in pieces]


def _saved(row: store.Row, person_id: UUID) -> SavedView:
    return SavedView(
        id=row["id"],
        name=row["name"],
        query=SearchBody.model_validate(row["query"]),
        shared=row["shared"],
        own=row["person_id"] == person_id,
        by=row["person_name"],
    )
