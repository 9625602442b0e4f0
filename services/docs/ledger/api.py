"""HTTP in front of the ledger: its heads, entries about what is one's own, proofs, and the whole for those who check it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from services.docs import access
from services.docs.access import PAGE, Clock, OfficeDep, clock
from services.docs.ledger import checking, domain, heads, merkle, refusals, store
from services.docs.views import Body, ReasonView, View
from shared import db, outbox
from shared.errors import Rejected
from shared.events.docs import DocsAct
from shared.http import OnceOnly, Tx, Who, decode_cursor, encode_cursor, require
from shared.tokens import Principal

EXPORT_CHUNK = 500

router = APIRouter(tags=["ledger"], prefix="/ledger")
Operator = Annotated[Principal, Depends(require("operator"))]
Position = Annotated[int, Field(ge=0, le=2**62)]


class HeadView(View):
    """`text` is what was signed, `signature_b64` the CMS over it; both are none until signing has sealed the head."""

    head_id: UUID
    size: int
    root: str
    taken_at: datetime
    text: str
    signature_b64: str | None
    stamped_at: datetime | None
    waits_because: ReasonView | None = None


class TreeView(View):
    """The log as it stands; `sealed` is its newest sealed head."""

    log_id: UUID
    size: int
    root: str
    sealed: HeadView | None


class HeadPage(View):
    items: list[HeadView]
    next_cursor: str | None


class LedgerEntry(View):
    """`event` is the CloudEvent as it was stated; SHA-256(0x00 || its bytes) is the leaf."""

    position: int
    at: datetime
    type: str
    subject: str
    actor: str | None
    capacity: str | None
    act: str | None = None  # of an act: which one
    code: str | None = None  # of a refusal: why
    about: str | None = None  # how the document is called that it is about, where the reader may see it
    event_b64: str


class EntryPage(View):
    items: list[LedgerEntry]
    next_cursor: str | None


class InclusionProof(View):
    """RFC 6962 §2.1.1, hashes in hexadecimal from the bottom up, against the head that is named."""

    position: int
    leaf: str
    path: list[str]
    head: HeadView


class ConsistencyProof(View):
    """RFC 6962 §2.1.2: the tree of `first` entries is the beginning of that of `second`."""

    first: int
    first_root: str
    second: int
    second_root: str
    path: list[str]


@router.get("")
def show_ledger(tx: Tx, _who: Who) -> TreeView:
    tree = store.get_tree(tx)
    sealed = store.latest_head(tx, sealed=True)
    return TreeView(
        log_id=tree.log_id,
        size=tree.size,
        root=tree.root.hex(),
        sealed=_head_view(tree.log_id, sealed) if sealed else None,
    )


@router.get("/heads")
def list_heads(tx: Tx, _who: Who, cursor: str | None = None) -> HeadPage:
    """Newest first. They say nothing about anybody, so everybody who is logged in may keep them."""
    decoded = decode_cursor(cursor, 1)
    before = datetime.fromisoformat(decoded[0]) if decoded else None
    rows = store.list_heads(tx, before=before, limit=PAGE + 1)
    tree = store.get_tree(tx)
    more = encode_cursor(rows[PAGE - 1]["ordered_at"].isoformat()) if len(rows) > PAGE else None
    return HeadPage(items=[_row_view(tree.log_id, row) for row in rows[:PAGE]], next_cursor=more)


@router.post("/heads", status_code=202)
def order_head(request: Request, tx: Tx, who: Operator, *, once: OnceOnly, now: Clock, office: OfficeDep) -> HeadView:
    """Have the tree sealed now, not at the next hour."""

    def order() -> HeadView:
        at = now()
        head = heads.order_head(tx, request.app.state.ledger_sealer, office.source, at)
        act = DocsAct(act="tree_head_ordered", object_kind="tree_head", object_id=str(head.id), by=who.actor(), at=at)
        outbox.put(tx, act, source=office.source)
        return _head_view(store.get_tree(tx).log_id, head)

    return once.run(order, HeadView)


class Asked(Body):
    """What the query string asks for; days are Vietnamese ones, both included. `name`: words of a person's name, with or
    without marks; `number`: of a document; `kind`: acts or events by name, as `log_in`, `docs.document.issued`.
    """

    about: UUID | None = None
    person: UUID | None = None
    name: str = Field(default="", max_length=100)
    number: str = Field(default="", max_length=60)
    kind: list[str] = Field(default_factory=list, max_length=50)
    since: date | None = None
    until: date | None = None
    cursor: str | None = Field(default=None, max_length=300)

    @property
    def wanted(self) -> store.Wanted:
        return store.Wanted(
            subject=self.about,
            person=self.person,
            since=domain.midnight(self.since) if self.since else None,
            until=domain.midnight(self.until + timedelta(days=1)) if self.until else None,
            name=self.name.strip(),
            number=self.number.strip(),
            kinds=tuple(self.kind),
        )


def reading(tx: Tx, who: Who, now: Clock, office: OfficeDep) -> db.Tx:
    """A transaction that sees what the bearer may read: an operator all acts, which is an act too; others their agency's."""
    if "operator" in who.roles:
        store.see_whole(tx)
        tree = store.get_tree(tx)
        read = DocsAct(act="ledger_read", object_kind="ledger", object_id=str(tree.log_id), by=who.actor(), at=now())
        outbox.put(tx, read, source=office.source)
    else:
        access.act(tx, who, now, office, ("clerk", "leader"))
    return tx


Reader = Annotated[db.Tx, Depends(reading, scope="function")]


@router.get("/entries")
def list_entries(tx: Reader, asked: Annotated[Asked, Query()]) -> EntryPage:
    """Acts of the bearer's agency, or to its documents, newest first: about one thing, by one person, of some kinds, of
    some days. An operator sees those of all agencies.
    """
    return _page(tx, asked)


@router.get("/entries/{position}")
def get_entry(position: Position, tx: Reader) -> LedgerEntry:
    row = store.get_entry(tx, position)
    return _entry_view(row, store.name_subjects(tx, row["subjects"]))


def _page(tx: db.Tx, asked: Asked) -> EntryPage:
    decoded = decode_cursor(asked.cursor, 1)
    before = _whole_number(decoded[0]) if decoded else None
    rows = store.find_entries(tx, asked.wanted, before=before, limit=PAGE + 1)
    more = encode_cursor(rows[PAGE - 1]["pos"]) if len(rows) > PAGE else None
    names = store.name_subjects(tx, [subject for row in rows[:PAGE] for subject in row["subjects"]])
    return EntryPage(items=[_entry_view(row, names) for row in rows[:PAGE]], next_cursor=more)


@router.get("/entries/{position}/proof")
def prove_inclusion(position: Position, tx: Reader) -> InclusionProof:
    """That an entry stands in the newest sealed tree."""
    row = store.get_entry(tx, position)
    head = store.latest_head(tx, sealed=True)
    if head is None or head.size <= position:
        raise Rejected(refusals.NOT_SEALED_YET)
    path = merkle.inclusion(position, head.size, lambda nodes: store.hashes(tx, nodes))
    return InclusionProof(
        position=position,
        leaf=merkle.leaf_hash(bytes(row["event"])).hex(),
        path=[each.hex() for each in path],
        head=_head_view(store.get_tree(tx).log_id, head),
    )


@router.get("/consistency")
def prove_consistency(tx: Tx, _who: Who, first: Position, second: Position) -> ConsistencyProof:
    """That nothing was changed between two sizes of the log. Only hashes are said, so everybody who is logged in may ask."""
    size = store.get_tree(tx).size
    if not 0 < first <= second <= size:
        raise Rejected(refusals.RANGE, size=size)
    path = merkle.consistency(first, second, lambda nodes: store.hashes(tx, nodes))
    return ConsistencyProof(
        first=first,
        first_root=store.root_at(tx, first).hex(),
        second=second,
        second_root=store.root_at(tx, second).hex(),
        path=[each.hex() for each in path],
    )


class CheckView(View):
    """What a look at every entry found here; it proves nothing against us, for that there is the export."""

    sound: bool
    entries: int
    heads: int
    damaged: list[int]
    disagreeing: list[int]
    checked_at: datetime


@router.post("/checks")
def check(request: Request, tx: Tx, who: Operator, now: Clock, office: OfficeDep) -> CheckView:
    """Every entry against its stored hash, every head against the tree, now."""
    found = checking.check(request.app.state.pool)
    act = DocsAct(
        act="ledger_checked",
        object_kind="ledger",
        object_id=str(found.log_id),
        detail={"entries": str(found.entries), "sound": str(found.sound).lower()},
        by=who.actor(),
        at=now(),
    )
    outbox.put(tx, act, source=office.source)
    return CheckView(
        sound=found.sound,
        entries=found.entries,
        heads=found.heads,
        damaged=list(found.damaged),
        disagreeing=list(found.disagreeing),
        checked_at=act.at,
    )


@router.get("/heads.ndjson", response_class=Response)
def keep_heads(tx: Tx, _who: Who) -> Response:
    """All heads as lines for `python -m vanthu_verify.ledger --kept`: whoever keeps them can prove later what was there."""
    log_id = store.get_tree(tx).log_id
    rows = store.list_heads(tx, before=None, limit=1_000_000)
    lines = b"".join(head_line(log_id, row) for row in reversed(rows))
    return Response(lines, media_type="application/x-ndjson", headers={"Cache-Control": "no-store"})


@router.get("/export", response_class=StreamingResponse)
def export(
    request: Request,
    tx: Tx,
    who: Operator,
    *,
    office: OfficeDep,
    start: Annotated[int, Query(ge=0)] = 0,
    end: Annotated[int | None, Query(ge=0)] = None,
) -> StreamingResponse:
    """The log as lines of JSON for `python -m vanthu_verify.ledger`: heads first, then entries [start, end)."""
    tree = store.get_tree(tx)
    last = tree.size if end is None else min(end, tree.size)
    detail = {"start": str(start), "end": str(last)}
    act = DocsAct(
        act="ledger_exported",
        object_kind="ledger",
        object_id=str(tree.log_id),
        detail=detail,
        by=who.actor(),
        at=clock(),
    )
    outbox.put(tx, act, source=office.source)
    return StreamingResponse(
        export_lines(request.app.state.pool, start, last),
        media_type="application/x-ndjson",
        headers={"Cache-Control": "no-store"},
    )


def export_lines(pool: db.Pool, start: int, end: int) -> Iterator[bytes]:
    """Header, heads, entries [start, end), then the stored hashes of all subtrees, by which a change is found out more
    exactly. One transaction a chunk: whoever reads slowly holds nothing up.
    """
    with db.transaction(pool) as tx:
        tree = store.get_tree(tx)
        rows = store.list_heads(tx, before=None, limit=1_000_000)
    header = {"log_id": str(tree.log_id), "size": tree.size, "root": tree.root.hex(), "start": start, "end": end}
    yield _line(header | {"exported_at": clock().isoformat()})
    for row in reversed(rows):
        yield head_line(tree.log_id, row)
    for low in range(start, end, EXPORT_CHUNK):
        with db.transaction(pool) as tx:
            store.see_whole(tx)
            entries = store.list_entries(tx, start=low, end=min(low + EXPORT_CHUNK, end))
        for entry in entries:
            event = base64.b64encode(bytes(entry["event"])).decode()
            yield _line({"position": entry["pos"], "topic": entry["topic"], "event_b64": event})
    for level in range(end.bit_length()):
        for first in range(start >> level, end >> level, EXPORT_CHUNK):
            with db.transaction(pool) as tx:
                found = store.list_nodes(tx, level, start=first, end=min(first + EXPORT_CHUNK, end >> level))
            for index, hashes in found:
                yield _line({"nodes": {"level": level, "first": index, "hashes": [each.hex() for each in hashes]}})


def head_line(log_id: UUID, row: dict[str, Any]) -> bytes:
    """A head as a line for the verifier, also one that is not sealed yet."""
    kept = {"head_id", "size", "root", "taken_at", "text", "signature_b64", "stamped_at"}
    return _line({"head": _row_view(log_id, row).model_dump(mode="json", include=kept)})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _whole_number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _head_view(log_id: UUID, head: domain.Head) -> HeadView:
    return HeadView(
        head_id=head.id,
        size=head.size,
        root=head.root.hex(),
        taken_at=head.ordered_at,
        text=domain.head_text(log_id, head.size, head.root, head.ordered_at).decode(),
        signature_b64=base64.b64encode(head.signature).decode() if head.signature else None,
        stamped_at=head.stamped_at,
    )


def _row_view(log_id: UUID, row: dict[str, Any]) -> HeadView:
    view = _head_view(log_id, store.head_of(row))
    return view.model_copy(update={"waits_because": ReasonView(**row["delayed"]) if row["delayed"] else None})


def _entry_view(row: dict[str, Any], names: Mapping[UUID, str]) -> LedgerEntry:
    event = bytes(row["event"])
    data = _data(event)
    by = data.get("by") if isinstance(data.get("by"), dict) else {}
    detail = data.get("detail")
    return LedgerEntry(
        position=row["pos"],
        at=row["at"],
        type=row["type"],
        subject=row["key"],
        actor=_text(by, "name"),
        capacity=_text(by, "capacity"),
        act=_text(data, "act"),
        code=_text(detail, "code") if isinstance(detail, dict) else None,
        about=next((names[each] for each in row["subjects"] if each in names), None),
        event_b64=base64.b64encode(event).decode(),
    )


def _data(event: bytes) -> dict[str, Any]:
    """The payload, as far as it is one; an unreadable entry has none."""
    try:
        found = json.loads(event)["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(values: Any, name: str) -> str | None:
    found = values.get(name)
    return found if isinstance(found, str) else None
