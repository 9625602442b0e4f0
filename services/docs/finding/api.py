"""HTTP for finding documents: words with or without marks, every field, ranked, what was found marked; saved searches."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.docs import sheets
from services.docs.access import PAGE, Acting, DoorDep, Line, Member, Text, note
from services.docs.catalogue import DOCUMENT_TYPES, REGISTERS, STATUSES, URGENCIES
from services.docs.finding import domain, lexemes, store
from services.docs.finding.domain import FIELDS, Kind, Sort, Wanted
from services.docs.finding.lexemes import Marker, Piece
from services.docs.finding.listing import COLUMNS, DEFAULT, ColumnName, list_of
from services.docs.finding.refusals import TOO_MANY_TO_EXPORT
from services.docs.views import Body, ReasonView, View
from shared.errors import INVALID_REQUEST, Rejected
from shared.http import OnceOnly, answer, decode_cursor, encode_cursor
from shared.ids import new_id

SHOWN = 20  # results a page: each comes with a look into its text
PRINTED = 1000  # rows of a PDF; a spreadsheet takes MAX_EXPORT
Words = Annotated[str, Field(max_length=500)]
Typed = Annotated[Text, Field(max_length=200)]
Number = Annotated[int, Field(ge=1, le=99_999_999)]
Urgency = Annotated[int, Field(ge=0, le=4)]

router = APIRouter(tags=["search"])


# --- what is asked


class SearchBody(Body):
    """As the query parameters of GET /search. Fields take words with or without marks; days include both ends."""

    q: Words = ""
    kind: list[Kind] = Field(default_factory=list, max_length=2)
    type: list[str] = Field(default_factory=list, max_length=40)
    state: list[str] = Field(default_factory=list, max_length=40)
    register_code: list[str] = Field(default_factory=list, max_length=40, alias="register")
    urgency: list[Urgency] = Field(default_factory=list, max_length=5)
    urgent: bool = False
    issuer: Typed = ""
    recipient: Typed = ""
    signer: Typed = ""
    author: Typed = ""
    handler: Typed = ""
    symbol: Typed = ""
    number: Number | None = None
    arrival_number: Number | None = None
    since: date | None = None
    until: date | None = None
    issued_since: date | None = None
    issued_until: date | None = None
    arrived_since: date | None = None
    arrived_until: date | None = None
    sort: Sort = "relevance"

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            words=self.q,
            kinds=tuple(self.kind),
            types=tuple(self.type),
            states=tuple(self.state),
            registers=tuple(self.register_code),
            urgencies=tuple(self.urgency) or ((1, 2, 3, 4) if self.urgent else ()),
            fields={name: typed for name in FIELDS if (typed := getattr(self, name))},
            number=self.number,
            arrival_number=self.arrival_number,
            sort=self.sort,
            **{name: getattr(self, name) for name in domain.DAYS},
        )


class SearchQuery(SearchBody):
    cursor: str | None = Field(default=None, max_length=300)


class ExportQuery(SearchBody):
    column: list[ColumnName] = Field(default_factory=lambda: list(DEFAULT), max_length=30)


class SaveBody(Body):
    name: Line
    query: SearchBody
    shared: bool = False


# --- what is answered


class PieceView(View):
    text: str
    hit: bool


class FoundView(View):
    """`abstract` and `excerpt` in pieces, so that a page marks the words without reading HTML from us."""

    kind: Kind
    id: UUID
    type_code: str
    type_name: str
    number_symbol: str | None
    abstract: list[PieceView]
    excerpt: list[PieceView]
    party: str
    issuer: str
    signer: str
    author: str
    handler: str
    state: str
    state_vi: str
    urgency: int
    day: date
    issued_on: date | None
    arrived_on: date | None
    register_code: str | None
    arrival_number: int | None
    text_state: str = Field(description="of its files: waiting, read, empty (no text in them), failed, none")


class FoundPage(View):
    items: list[FoundView]
    next_cursor: str | None
    total: int = Field(description="counted up to one more than can be turned to")


class SavedView(View):
    id: UUID
    name: str
    query: SearchBody
    shared: bool
    own: bool
    by: str


class SavedList(View):
    items: list[SavedView]


class ChoiceView(View):
    code: str
    vi: str


class SearchChoicesView(View):
    """What the form of a search offers."""

    types: list[ChoiceView]
    registers: list[ChoiceView]
    urgencies: list[ChoiceView]
    statuses: list[ChoiceView]
    columns: list[ChoiceView]


class TextView(View):
    """How it stands with the text of a document's files."""

    id: UUID
    kind: Kind
    state: str
    reason: ReasonView | None
    characters: int


class UnreadLine(View):
    id: UUID
    kind: Kind
    abstract: str
    number_symbol: str | None
    day: date
    reason: ReasonView | None


class UnreadList(View):
    items: list[UnreadLine]


# --- finding


@router.get("/search", response_model=FoundPage)
def find(door: DoorDep, asked: Annotated[SearchQuery, Query()]) -> Response:
    """What the agency has, in the order asked for: words in any order, "beside each other", -not, begin*."""
    parsed = lexemes.query(asked.q)
    decoded = decode_cursor(asked.cursor, 1)
    skip = int(decoded[0]) if decoded and decoded[0].isdecimal() else 0
    if skip > domain.MAX_RESULTS:
        raise Rejected(INVALID_REQUEST, where="/query/cursor")
    with door.open("clerk", "leader") as acting:
        rows = store.find(acting.tx, asked.wanted, parsed.tsquery, reader=acting.person_id, skip=skip, most=SHOWN + 1)
        items = rows[:SHOWN]
        bodies = store.bodies(acting.tx, [row["id"] for row in items]) if parsed.words or parsed.prefixes else {}
    more = encode_cursor(skip + SHOWN) if len(rows) > SHOWN else None
    marker = Marker(parsed)
    return answer(
        FoundPage(
            items=[_found(row, bodies.get(row["id"], ""), marker) for row in items],
            next_cursor=more,
            total=rows[0]["total"] if rows else 0,
        )
    )


def _found(row: store.Row, body: str, marker: Marker) -> FoundView:
    plain = {name: row[name] for name in FoundView.model_fields if name in row and name != "abstract"}
    return FoundView(
        **plain,
        abstract=_views(marker.mark(row["abstract"])),
        excerpt=_views(marker.excerpt(body)),
        state_vi=STATUSES.get(row["state"], row["state"]),
    )


@router.get("/search/choices")
def choices(_acting: Member) -> SearchChoicesView:
    return SearchChoicesView(
        types=[ChoiceView(code=each.code, vi=each.vi) for each in DOCUMENT_TYPES.values()],
        registers=[ChoiceView(code=each.code, vi=each.vi) for each in REGISTERS.values()],
        urgencies=[ChoiceView(code=str(code), vi=vi) for code, vi in URGENCIES.items()],
        statuses=[ChoiceView(code=code, vi=vi) for code, vi in STATUSES.items()],
        columns=[ChoiceView(code=name, vi=column.heading) for name, column in COLUMNS.items()],
    )


@router.get("/search/export.{form}", response_class=Response)
def export(
    form: Literal["csv", "xlsx", "pdf"],
    door: DoorDep,
    asked: Annotated[ExportQuery, Query()],
) -> Response:
    """The whole result as a list with the columns asked for, in the order of the search."""
    limit = PRINTED if form == "pdf" else domain.MAX_EXPORT
    with door.open("clerk", "leader") as acting:
        rows = _all(acting, asked, limit)
        about = f"{acting.agency().name} · {len(rows)} văn bản · lập ngày {acting.today():%d/%m/%Y}"
    sheet = list_of(rows, asked.column, about)
    if form == "pdf":
        data, kind = door.office.workshop.run(sheets.to_pdf, sheet), "application/pdf"
    elif form == "xlsx":
        data, kind = sheets.to_xlsx(sheet), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    else:
        data, kind = sheets.to_csv(sheet), "text/csv; charset=utf-8"
    return Response(
        data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="ket-qua-tim-kiem.{form}"'}
    )


def _all(acting: Acting, asked: SearchBody, limit: int) -> list[store.Row]:
    tsquery = lexemes.query(asked.q).tsquery
    rows = store.find(acting.tx, asked.wanted, tsquery, reader=acting.person_id, skip=0, most=limit + 1)
    if len(rows) > limit:
        raise Rejected(TOO_MANY_TO_EXPORT, limit=limit)
    return rows


# --- saved searches


@router.post("/searches", status_code=201)
def save_search(body: SaveBody, acting: Member, once: OnceOnly) -> SavedView:
    """Keep a search to make it again; `shared` shows it to everybody at the agency."""

    def save() -> SavedView:
        search_id = new_id()
        row = {
            "id": search_id,
            "agency_id": acting.agency_id,
            "person_id": acting.person_id,
            "person_name": acting.post.name,
            "name": body.name,
            "query": body.query.model_dump(mode="json", exclude_defaults=True, by_alias=True),
            "shared": body.shared,
        }
        store.save_search(acting.tx, row)
        note(acting, "search_saved", "search", search_id)
        return _saved(row, acting.person_id)

    return once.run(save, SavedView)


@router.get("/searches")
def list_searches(acting: Member) -> SavedList:
    rows = store.list_searches(acting.tx, acting.person_id)
    return SavedList(items=[_saved(row, acting.person_id) for row in rows])


@router.delete("/searches/{search_id}", status_code=204)
def remove_search(search_id: UUID, acting: Member) -> None:
    store.remove_search(acting.tx, search_id, acting.person_id)
    note(acting, "search_removed", "search", search_id)


# --- the text of files


@router.get("/texts")
def list_unread(acting: Member) -> UnreadList:
    """Documents whose files could not be read, so that they are not found by what is in them."""
    rows = store.list_unread(acting.tx, PAGE)
    return UnreadList(items=[UnreadLine(**row, reason=row["text_reason"]) for row in rows])


@router.get("/texts/{subject_id}")
def get_text(subject_id: UUID, acting: Member) -> TextView:
    return _text(store.text_of(acting.tx, subject_id))


@router.post("/texts/{subject_id}/read")
def read_again(subject_id: UUID, acting: Member) -> TextView:
    """Order once more that the files are read."""
    row = store.text_of(acting.tx, subject_id)
    if row["text_state"] != "waiting":
        store.order_again(acting.tx, row)
    return _text(store.text_of(acting.tx, subject_id))


def _text(row: store.Row) -> TextView:
    return TextView(
        id=row["id"], kind=row["kind"], state=row["text_state"], reason=row["text_reason"], characters=row["characters"]
    )


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
