"""What the answers of several endpoints are made of: lines of a history, parts, parties, reasons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.docs.step import Reason
from services.docs.store import Entry
from shared.events.docs import Part, Party


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReasonView(View):
    code: str
    vi: str
    en: str


class PartView(View):
    ordinal: int
    kind: str
    filename: str
    sha256: str
    size: int


class EntryView(View):
    at: datetime
    act: str
    by: str
    detail: str | None


class PartyView(View):
    identifier: str
    name: str


def entry_views(entries: Iterable[Entry]) -> list[EntryView]:
    return [EntryView(at=e.at, act=e.act, by=e.by.name, detail=e.detail) for e in entries]


def part_views(parts: Iterable[Part]) -> list[PartView]:
    return [
        PartView(ordinal=p.ordinal, kind=p.kind, filename=p.filename, sha256=p.content.sha256, size=p.content.size)
        for p in parts
    ]


def party_view(party: Party) -> PartyView:
    return PartyView(identifier=party.identifier, name=party.name)


def reason_view(found: Reason | None) -> ReasonView | None:
    return ReasonView(code=found.code, vi=found.vi, en=found.en) if found else None
