"""HTTP for the fleet view: a signing program tells about itself, an operator or officer sees all of theirs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.signing import copies, fleet, store, store_client
from services.signing.desk import Desk
from services.signing.fleet import Client
from shared.db import Tx, transaction
from shared.errors import FORBIDDEN, Rejected
from shared.http import Who
from shared.tokens import Principal

router = APIRouter(tags=["clients"])

MOST = 5000
Short = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f]*$")]
Code = Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9_]+$")]


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class SelfTest(View):
    """When it ran and the codes of what was not well; none: all was."""

    at: AwareDatetime
    failed: tuple[Code, ...] = Field(default=(), max_length=40)


class ClientReport(View):
    """What a program says of itself; what it does not know now stays as it said before. Unknown fields are refused,
    so that nobody's name or document ever gets here by an oversight.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: UUID
    occasion: Literal["login", "sign", "selftest", "agent"]
    version: Short
    system: Short
    driver: Short | None = None
    driver_version: Short | None = None
    token_model: Short | None = None
    certificate_not_after: AwareDatetime | None = None
    problem: Code | None = None
    selftest: SelfTest | None = None


class ClientKept(View):
    client_id: UUID
    reported_at: datetime


class ClientView(View):
    """`attention`: certificate_ended, token_problem, selftest_failed, certificate_ends_soon, version_old."""

    client_id: UUID
    person_id: UUID
    person_name: str
    agency_id: UUID
    agency_name: str
    reported_at: datetime
    occasion: str
    version: str
    system: str
    driver: str | None
    driver_version: str | None
    token_model: str | None
    certificate_not_after: datetime | None
    problem: str | None
    tested_at: datetime | None
    tested_failed: tuple[str, ...] | None
    attention: tuple[str, ...]


class DriverView(View):
    driver: str
    version: str
    clients: int
    failing: int


class ClientList(View):
    """Newest report first; `newest_version` is the newest that anybody here runs."""

    newest_version: str | None
    drivers: list[DriverView]
    items: list[ClientView]
    next_cursor: None = None


@router.post("/clients")
def report(body: ClientReport, request: Request, who: Who) -> ClientKept:
    """The program of the bearer tells about itself; repeating it is harmless."""
    desk: Desk = request.app.state.desk
    if who.person_id is None or who.agency_id is None:
        raise Rejected(FORBIDDEN)
    with transaction(desk.pool) as tx:
        store.act_for_person(tx, who.person_id)
        told = body.model_dump(exclude={"selftest"})
        at = store.now(tx)
        client = Client(
            **told,
            person_id=who.person_id,
            agency_id=who.agency_id,
            reported_at=at,
            tested_at=body.selftest.at if body.selftest else None,
            tested_failed=body.selftest.failed if body.selftest else None,
        )
        store_client.keep(tx, client)
        store_client.sweep(tx)
    return ClientKept(client_id=client.client_id, reported_at=at)


@router.get("/clients")
def list_clients(request: Request, who: Who) -> ClientList:
    """For an operator every program, for a registry officer those of their agency and of the agencies beneath it."""
    desk: Desk = request.app.state.desk
    with transaction(desk.pool) as tx:
        store_client.watch(tx, _scope(tx, who))
        now = store.now(tx)
        found = store_client.list_seen(tx, MOST)
    clients = [client for client, _, _ in found]
    newest = fleet.newest_version(clients)
    return ClientList(
        newest_version=newest,
        drivers=[
            DriverView(driver=row.driver, version=row.version, clients=row.clients, failing=row.failing)
            for row in fleet.by_driver(clients)
        ],
        items=[_view(*row, attention=fleet.attention(row[0], newest, now)) for row in found],
    )


def _scope(tx: Tx, who: Principal) -> list[UUID]:
    """Decided on our copy of the registry: the token may be minutes older than a person's leave."""
    if copies.is_active(tx, who.person_id, who.post_id, ("operator",)):
        return store_client.list_agencies(tx)
    if who.agency_id is not None and copies.is_active(tx, who.person_id, who.post_id, ("officer",)):
        return store_client.list_beneath(tx, who.agency_id)
    raise Rejected(FORBIDDEN)


def _view(client: Client, person_name: str, agency_name: str, *, attention: tuple[str, ...]) -> ClientView:
    known = {name: getattr(client, name) for name in Client.__dataclass_fields__}
    return ClientView(**known, person_name=person_name, agency_name=agency_name, attention=attention)
