"""HTTP in front of a CA that is asked by hand: what waits, the batches that go out, the certificates that come back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import Field

from services.registry import batches, store_batches
from services.registry.batches import Report, Row
from services.registry.edge import Limit, OfficerOfProvince, Shape, Text, cursor_id, desk
from services.registry.store_batches import Batch, CaOrder
from shared.errors import FORBIDDEN, Rejected
from shared.http import OnceOnly, Tx, Who, encode_cursor

router = APIRouter(tags=["CA by hand"])

State = Literal["waiting", "sent", "answered", "refused"]
File = Annotated[
    bytes,
    Body(media_type="application/octet-stream", description="ZIP, PEM, DER or PKCS#7 as the CA sent it, 10 MB at most"),
]
FileName = Annotated[str, Query(max_length=200, description="the file's name, to be said in the report")]


class OrderView(Shape):
    """`sent` waits for its certificate; an order to end one is `answered` once it went out."""

    order_id: UUID
    ca: str
    kind: Literal["issue", "end"]
    state: State
    name: str
    request_id: UUID | None
    certificate_id: UUID | None
    entered_at: datetime
    batch_id: UUID | None
    line: int | None

    @classmethod
    def of(cls, order: CaOrder) -> OrderView:
        known = {name: getattr(order, name) for name in cls.model_fields if name != "order_id"}
        return cls(order_id=order.id, **known)


class OrderPage(Shape):
    items: list[OrderView]
    next_cursor: str | None


@router.get("/ca-orders")
def list_orders(
    *,
    tx: Tx,
    _who: OfficerOfProvince,
    state: State | None = None,
    batch_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> OrderPage:
    found = store_batches.list_orders(tx, state=state, batch_id=batch_id, after=cursor_id(cursor), limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [OrderView.of(order) for order in page]
    return OrderPage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


class RefusalIn(Shape):
    """The CA's own words."""

    reason: Text = Field(min_length=1)


@router.post("/ca-orders/{order_id}/refuse")
def refuse_order(order_id: UUID, body: RefusalIn, request: Request, tx: Tx, who: OfficerOfProvince) -> OrderView:
    """The CA does not issue this one: its request is refused, and the key is free for another."""
    order = store_batches.lock_order(tx, order_id)
    return OrderView.of(batches.refuse(desk(request, tx, who), order, body.reason))


class BatchIn(Shape):
    ca: str = Field(default="manual", max_length=40)


class BatchView(Shape):
    """`sha256` is that of the file, to be read out when it is handed over."""

    batch_id: UUID
    ca: str
    made_at: datetime
    made_by: str
    orders: int
    sha256: str

    @classmethod
    def of(cls, batch: Batch) -> BatchView:
        return cls(
            batch_id=batch.id,
            ca=batch.ca,
            made_at=batch.made_at,
            made_by=batch.made_by.name,
            orders=batch.orders,
            sha256=batch.sha256,
        )


class BatchPage(Shape):
    items: list[BatchView]
    next_cursor: str | None


@router.post("/ca-batches", status_code=201)
def make_batch(body: BatchIn, request: Request, tx: Tx, who: OfficerOfProvince, once: OnceOnly) -> BatchView:
    """All orders that wait, in one file; from then on they wait for the CA."""
    return once.run(lambda: BatchView.of(batches.make(desk(request, tx, who), body.ca)), BatchView)


@router.get("/ca-batches")
def list_batches(tx: Tx, _who: OfficerOfProvince, cursor: str | None = None, limit: Limit = 50) -> BatchPage:
    """Newest first."""
    found = store_batches.list_batches(tx, before=cursor_id(cursor), limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [BatchView.of(batch) for batch in page]
    return BatchPage(items=items, next_cursor=encode_cursor(page[-1].id) if more else None)


@router.get("/ca-batches/{batch_id}")
def get_batch(batch_id: UUID, tx: Tx, _who: OfficerOfProvince) -> BatchView:
    return BatchView.of(store_batches.get_batch(tx, batch_id))


@router.get("/ca-batches/{batch_id}/file", responses={200: {"content": {"application/zip": {}}}})
def get_batch_file(batch_id: UUID, tx: Tx, _who: OfficerOfProvince) -> Response:
    """The ZIP exactly as it was made: requests under csr/, danh-sach.csv, thu-hoi.csv, manifest.json."""
    file = store_batches.get_batch_file(tx, batch_id)
    headers = {"Content-Disposition": f'attachment; filename="vanthu-{batch_id}.zip"'}
    return Response(file, media_type="application/zip", headers=headers)


class RowWhy(Shape):
    code: str
    vi: str
    en: str


class RowView(Shape):
    """One certificate of the file. `known`: registered before, so the same file may be brought twice."""

    file: str
    serial: str
    name: str
    outcome: Literal["accepted", "refused", "known"]
    order_id: UUID | None
    certificate_id: UUID | None
    problem: RowWhy | None

    @classmethod
    def of(cls, row: Row) -> RowView:
        why = RowWhy(code=row.code, vi=row.why.vi, en=row.why.en) if row.code and row.why else None
        known = {name: getattr(row, name) for name in cls.model_fields if name != "problem"}
        return cls(problem=why, **known)


class ReportView(Shape):
    """`taken` false: nothing was kept. `missing`: orders that wait for their certificate after this."""

    taken: bool
    accepted: int
    refused: int
    missing: int
    rows: list[RowView]
    ignored: list[str]

    @classmethod
    def of(cls, report: Report) -> ReportView:
        outcomes = [row.outcome for row in report.rows]
        return cls(
            taken=report.taken,
            accepted=outcomes.count("accepted"),
            refused=outcomes.count("refused"),
            missing=report.missing,
            rows=[RowView.of(row) for row in report.rows],
            ignored=list(report.ignored),
        )


def read_answers(content: File, request: Request, who: Who, name: FileName = "answers") -> batches.Brought:
    """What stands in the file and what the CAs say of it, asked before the endpoint's transaction begins (so it stands
    first among the parameters).
    """
    if "officer" not in who.roles:
        raise Rejected(FORBIDDEN)
    return batches.read(request.app.state.pool, name, content, request.app.state.reach)


Brought = Annotated[batches.Brought, Depends(read_answers)]


@router.post("/ca-answers/preview")
def preview_answers(brought: Brought, request: Request, tx: Tx, who: OfficerOfProvince) -> ReportView:
    """What taking this file in would do; nothing is kept."""
    return ReportView.of(batches.take_in(desk(request, tx, who), brought, preview=True))


@router.post("/ca-answers")
def take_in_answers(
    *,
    brought: Brought,
    request: Request,
    tx: Tx,
    who: OfficerOfProvince,
    once: OnceOnly,
    only_good: Annotated[bool, Query(description="keep the good ones although others are refused")] = False,
) -> ReportView:
    """All certificates of the file, or none when one of them is refused, unless `only_good`."""

    def act() -> ReportView:
        return ReportView.of(batches.take_in(desk(request, tx, who), brought, only_good=only_good))

    return once.run(act, ReportView)
