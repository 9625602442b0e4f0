"""HTTP as every service speaks it: RFC 9457 refusals in two languages, transactions that commit before the answer,
bearer tokens, idempotency keys, cursors, and the operator's door to parked events.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, TypeVar

import psycopg
from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import acts, db, inbox, outbox, telemetry
from shared.errors import (
    FORBIDDEN,
    IDEMPOTENCY_KEY_REQUIRED,
    IDEMPOTENCY_KEY_REUSED,
    INTERNAL,
    INVALID_REQUEST,
    LOGIN_REQUIRED,
    NOT_FOUND,
    REQUEST_TOO_LARGE,
    UNAVAILABLE,
    FieldError,
    Refusal,
    Rejected,
)
from shared.tokens import Principal, Verifier

log = logging.getLogger(__name__)
PROBLEM = "application/problem+json"
MAX_BODY = 2 * 1024 * 1024  # bytes of a request that brings no file


def create_app(
    service: str,
    pool: db.Pool,
    *routers: APIRouter,
    follower: inbox.Follower | None = None,
    large: Mapping[str, int | None] | None = None,
    source: str | None = None,
    silent: Mapping[str, str] | None = None,
    besides: frozenset[str] = frozenset(),
) -> FastAPI:
    """The ASGI application of a service: its routers under /<service>/v1, health, and the operator's endpoints.

    `large` are paths (regular expressions) that take more than MAX_BODY, with their limits in bytes; None: the endpoint
    reads the body piece by piece and sets its own. With `source`, what requests change without a fact is stated as an
    act (acts.py), except at the requests that are `silent`, each with its reason, and in the tables `besides`.
    """
    app = FastAPI(
        title=f"Vanthu {service}",
        version="1",
        openapi_url=f"/{service}/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.pool = pool
    app.state.verifier = Verifier(pool, service)
    app.state.follower = follower
    for router in routers:
        app.include_router(router, prefix=f"/{service}/v1")
    app.include_router(operator_router, prefix=f"/{service}/v1")
    app.include_router(health_router)
    app.add_exception_handler(Rejected, _rejected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(psycopg.DataError, _not_storable)
    app.add_exception_handler(psycopg.OperationalError, _unavailable)
    app.add_middleware(BodyLimit, large=large or {})
    if source is not None:
        app.state.recorder = acts.Recorder(service, source, silent or {}, besides)
        app.add_middleware(Watched, recorder=app.state.recorder)
    app.add_middleware(Tracing, service=service)
    return app


# --- refusals (RFC 9457)


def problem(request: Request, refusal: Refusal, errors: tuple[FieldError, ...] = (), **params: Any) -> JSONResponse:
    """A problem document: `detail` in the language asked for (Vietnamese by default), both in the extensions."""
    sentence = refusal.say(**params)
    english = request.headers.get("accept-language", "vi").lower().startswith("en")
    body: dict[str, Any] = {
        "type": f"urn:vanthu:problem:{refusal.code}",
        "title": refusal.code,
        "status": refusal.status,
        "detail": sentence.en if english else sentence.vi,
        "instance": request.url.path,
        "code": refusal.code,
        "detail_vi": sentence.vi,
        "detail_en": sentence.en,
        "trace_id": telemetry.current_trace_id(),
    }
    if errors:
        body["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in errors]
    return JSONResponse(
        body,
        status_code=refusal.status,
        media_type=PROBLEM,
        headers={"Content-Language": "en" if english else "vi"}
        | ({"Retry-After": str(refusal.again_after)} if refusal.again_after else {}),
    )


async def _rejected(request: Request, error: Exception) -> Response:
    assert isinstance(error, Rejected)  # noqa: S101  registered for this class
    params: dict[str, Any] = error.params
    if error.refusal.status == 403:
        await run_in_threadpool(acts.refused, request.app.state.pool, error)
    return problem(request, error.refusal, **params)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = tuple(FieldError("/" + "/".join(map(str, e["loc"])), e["msg"]) for e in error.errors())
    return problem(request, INVALID_REQUEST, errors, where=", ".join(e.pointer for e in errors))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101
    if error.status_code == 404:
        return problem(request, NOT_FOUND, what=request.url.path, thing=request.url.path)
    refusal = Refusal(
        f"http_{error.status_code}",
        "Yêu cầu không được chấp nhận ({why}).",
        "The request is not accepted ({why}).",
        error.status_code,
    )
    return problem(request, refusal, why=error.detail)


async def _not_storable(request: Request, error: Exception) -> Response:
    """What passed every check and yet is no value for the database: NUL in a text, a number out of range."""
    log.warning("%s %s: %s", request.method, request.url.path, type(error).__name__)
    return problem(request, INVALID_REQUEST, where=request.url.path)


async def _unavailable(request: Request, error: Exception) -> Response:
    """The database went away, or undid this transaction for another's sake: the same request may be sent again."""
    log.warning("%s %s: %s", request.method, request.url.path, str(error).splitlines()[:1])
    return problem(request, UNAVAILABLE, what="PostgreSQL")


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(request, INTERNAL, trace=telemetry.current_trace_id())


# --- who, transaction


async def principal(request: Request, authorization: Annotated[str | None, Header()] = None) -> Principal:
    """The bearer of the access token; 401 without a valid one. Nobody waits for a thread for a token that was seen before."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Rejected(LOGIN_REQUIRED)
    verifier: Verifier = request.app.state.verifier
    who = verifier.recall(token)
    if who is None:
        who = await run_in_threadpool(verifier.verify, token)
    acts.known(who)
    return who


Who = Annotated[Principal, Depends(principal)]


def require(*roles: str) -> Callable[[Principal], Principal]:
    """A dependency that lets only bearers of one of the roles pass."""

    def check(who: Who) -> Principal:
        if not who.roles & set(roles):
            raise Rejected(FORBIDDEN)
        return who

    return check


def transaction(request: Request, who: Who) -> Iterator[db.Tx]:
    with db.transaction(request.app.state.pool, agency=who.agency_id, person=who.person_id) as tx:
        yield tx


# Function scope: the commit happens before the answer is sent. With the default scope a failing commit answers 200.
Tx = Annotated[db.Tx, Depends(transaction, scope="function")]


def plain_transaction(request: Request) -> Iterator[db.Tx]:
    with db.transaction(request.app.state.pool) as tx:
        yield tx


AnonymousTx = Annotated[db.Tx, Depends(plain_transaction, scope="function")]


# --- answers


def answer(view: BaseModel) -> Response:
    """A view as JSON, as FastAPI makes it of the `response_model`, but in the thread that made the view: the framework
    goes to another for it, which costs more than the JSON. For what people have open all day.
    """
    return Response(view.model_dump_json(by_alias=True), media_type="application/json")


# --- idempotency

Answer = TypeVar("Answer", bound=BaseModel)


class Once:
    """Runs a creating request once per (principal, Idempotency-Key): a second click gets the first one's answer."""

    def __init__(self, tx: db.Tx, who: Principal, key: str, fingerprint: str) -> None:
        self.tx, self.who, self.key, self.fingerprint = tx, who, key, fingerprint

    def run(self, act: Callable[[], Answer], model: type[Answer]) -> Answer:
        """`act` and the stored answer commit together; the insert waits for a first request still under way."""
        first = self.tx.execute(
            "INSERT INTO idempotency (principal, key, fingerprint) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [self.who.id, self.key, self.fingerprint],
        )
        if first.rowcount == 0:
            return self._before(model)
        answer = act()
        self.tx.execute(
            "UPDATE idempotency SET answer = %s WHERE principal = %s AND key = %s",
            [json.dumps(jsonable_encoder(answer)), self.who.id, self.key],
        )
        return answer

    def _before(self, model: type[Answer]) -> Answer:
        row = self.tx.execute(
            "SELECT fingerprint, answer FROM idempotency WHERE principal = %s AND key = %s",
            [self.who.id, self.key],
        ).fetchone()
        if row is None or row["fingerprint"] != self.fingerprint or row["answer"] is None:
            raise Rejected(IDEMPOTENCY_KEY_REUSED)
        return model.model_validate(row["answer"])


async def _fingerprint(request: Request) -> str:
    body = b"" if "multipart" in request.headers.get("content-type", "") else await request.body()
    return hashlib.sha256(b"\n".join([request.method.encode(), request.url.path.encode(), body])).hexdigest()


def once(
    tx: Tx,
    who: Who,
    fingerprint: Annotated[str, Depends(_fingerprint)],
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Once:
    if not idempotency_key:
        raise Rejected(IDEMPOTENCY_KEY_REQUIRED)
    return Once(tx, who, idempotency_key, fingerprint)


OnceOnly = Annotated[Once, Depends(once)]


# --- pages


def encode_cursor(*values: object) -> str:
    """An opaque cursor from the sort values of the last row."""
    return urlsafe_b64encode(json.dumps([str(v) for v in values]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, length: int) -> list[str] | None:
    """The values of a cursor that we made, None for the first page; Rejected(invalid_request) for anything else."""
    if not cursor:
        return None
    try:
        values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise Rejected(INVALID_REQUEST, where="/query/cursor") from error
    if not isinstance(values, list) or len(values) != length:
        raise Rejected(INVALID_REQUEST, where="/query/cursor")
    return [str(v) for v in values]


# --- health and the operator

health_router = APIRouter(include_in_schema=False)


@health_router.get("/healthz", response_class=PlainTextResponse)
def healthz() -> str:
    """Alive: asks nothing of anybody, so that a slow database does not get every process killed."""
    return "ok\n"


@health_router.get("/readyz", response_class=PlainTextResponse)
def readyz(tx: AnonymousTx) -> str:
    tx.execute("SELECT 1")
    return "ready\n"


@health_router.get("/metrics", response_class=PlainTextResponse)
def metrics() -> str:
    from prometheus_client import generate_latest

    return generate_latest().decode()


operator_router = APIRouter(tags=["operator"])
Operator = Annotated[Principal, Depends(require("operator"))]


class Parked(BaseModel):
    """A key whose events wait."""

    topic: str
    key: str
    events: int
    since: str
    code: str
    reason: str


class Replayed(BaseModel):
    """How a replay ended: how many events were taken in, and why it stopped, if it did."""

    taken: int
    stopped_because: str | None


@operator_router.get("/parked")
def list_parked(tx: Tx, _who: Operator) -> list[Parked]:
    return [Parked(**{**row, "since": row["since"].isoformat()}) for row in inbox.list_parked(tx)]


@operator_router.post("/parked/{topic}/{key}/replay")
def replay_parked(topic: str, key: str, request: Request, tx: Tx, _who: Operator) -> Replayed:
    """Take the parked events of one key in, in order; those behind a failing one stay parked."""
    follower: inbox.Follower | None = request.app.state.follower
    taken, reason = follower.replay(tx, topic, key) if follower else (0, None)
    return Replayed(taken=taken, stopped_because=reason)


@operator_router.get("/backlog")
def outbox_backlog(tx: Tx, _who: Operator) -> dict[str, Any]:
    return outbox.backlog(tx)


# --- what is read of a request


class BodyLimit:
    """Refuses large bodies before anybody's token is looked at: forms and JSON are read into memory first."""

    def __init__(self, app: ASGIApp, large: Mapping[str, int | None]) -> None:
        self.app = app
        self.large = [(re.compile(path), limit) for path, limit in large.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._limit(scope["path"]) if scope["type"] == "http" else None
        if limit is None:
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if limit == MAX_BODY and (not announced.isdigit() or int(announced) > limit):
            refusal = problem(Request(scope), REQUEST_TOO_LARGE, limit_kb=limit // 1024)
            await refusal(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise Rejected(REQUEST_TOO_LARGE, limit_kb=limit // 1024)
            return message

        await self.app(scope, counted, send)

    def _limit(self, path: str) -> int | None:
        return next((limit for pattern, limit in self.large if pattern.fullmatch(path)), MAX_BODY)


# --- tracing


class Watched:
    """A request's transactions are watched for what it changes without a word, its refusal is told: acts.py."""

    def __init__(self, app: ASGIApp, recorder: acts.Recorder) -> None:
        self.app = app
        self.recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        token = db.WATCH.set(acts.Watch(self.recorder, scope))
        try:
            await self.app(scope, receive, send)
        finally:
            db.WATCH.reset(token)


class Tracing:
    """A server span around each request, the route in its name; the trace id goes back in `X-Trace-Id`.

    It also answers for what nobody caught, inside the span: the framework's own last resort is outside of it and
    raises the exception once more into the server's log.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in {"/healthz", "/readyz", "/metrics"}:
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        parent = headers.get(b"traceparent", b"").decode("ascii", "ignore") or None
        begun, status, answered = time.perf_counter(), 500, False

        with telemetry.span(f"{scope['method']} {self.service}", parent=parent, kind=telemetry.SpanKind.SERVER) as span:

            async def send_with_trace(message: Message) -> None:
                nonlocal status, answered
                if message["type"] == "http.response.start":
                    status, answered = message["status"], True
                    message.setdefault("headers", []).append((b"x-trace-id", telemetry.current_trace_id().encode()))
                await send(message)

            try:
                await self.app(scope, receive, send_with_trace)
            except Exception as error:
                if answered:
                    raise
                await _unexpected(Request(scope), error)(scope, receive, send_with_trace)
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                telemetry.http_seconds.labels(scope["method"], route, str(status)).observe(time.perf_counter() - begun)
