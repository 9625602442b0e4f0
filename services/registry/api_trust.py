"""HTTP in front of trust anchors and of the revocation data kept for when a CA is not reachable."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from cryptography import x509
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, Field

from services.registry import store_trust, trusting
from services.registry.anchor import PURPOSES, PinnedAnchor, Purpose, Terms
from services.registry.directory import require_version
from services.registry.edge import Caller, ExpectedVersion, Limit, OfficerOfProvince, Reader, Shape, desk, etag
from services.registry.scope import EVERYWHERE
from services.registry.store_trust import Row
from services.registry.trust import read_anchor
from shared.errors import FORBIDDEN, Rejected
from shared.http import OnceOnly, Tx, decode_cursor, encode_cursor

router = APIRouter()

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PEM_EXAMPLE = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"


def watcher(caller: Reader) -> Caller:
    """An officer of the province, or an operator: both must see whether signing would go on."""
    officer = caller.is_officer and caller.scope == EVERYWHERE
    if not officer and "operator" not in caller.post.roles:
        raise Rejected(FORBIDDEN)
    return caller


Watcher = Annotated[Caller, Depends(watcher)]


class TermsIn(Shape):
    """For what an anchor vouches and when; times with offset, `trusted_until` the first moment it does not."""

    purposes: list[Purpose] = Field(default=list(PURPOSES), min_length=1, examples=[["sign_documents"]])
    trusted_from: AwareDatetime | None = Field(default=None, description="now, unless given")
    trusted_until: AwareDatetime | None = None

    def terms(self, start: datetime) -> Terms:
        chosen = tuple(purpose for purpose in PURPOSES if purpose in self.purposes)
        return Terms(purposes=chosen, start=self.trusted_from or start, until=self.trusted_until)


class AnchorIn(TermsIn):
    """`fingerprint` is the SHA-256 that the CA published another way: the file alone is no proof of whose it is."""

    pem: str = Field(max_length=50_000, examples=[PEM_EXAMPLE])
    fingerprint: str = Field(max_length=100, examples=["9f:86:d0:81:88:4c:7d:65:…"])


class Withdrawal(Shape):
    reason: str = Field(max_length=500, examples=["Khóa của cơ quan cấp chứng thư bị lộ"])


class AnchorView(Shape):
    fingerprint: str
    subject: str
    purposes: list[Purpose]
    trusted_from: datetime
    trusted_until: datetime | None
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    not_after: datetime
    believed_now: bool
    pem: str
    version: int

    @classmethod
    def of(cls, pinned: PinnedAnchor) -> AnchorView:
        at = datetime.now(UTC)
        return cls(
            fingerprint=pinned.fingerprint,
            subject=pinned.anchor.subject,
            purposes=list(pinned.terms.purposes),
            trusted_from=pinned.terms.start,
            trusted_until=pinned.terms.until,
            withdrawn_at=pinned.withdrawn_at,
            withdrawn_reason=pinned.withdrawn_reason,
            not_after=pinned.anchor.certificate.not_valid_after_utc,
            believed_now=any(pinned.vouches(purpose, at) for purpose in PURPOSES),
            pem=pinned.anchor.pem,
            version=pinned.version,
        )


class AnchorList(Shape):
    items: list[AnchorView]


@router.get("/trust-anchors")
def list_trust_anchors(tx: Tx, _who: Watcher) -> AnchorList:
    """Every root CA that was ever pinned, the withdrawn ones too."""
    return AnchorList(items=[AnchorView.of(one) for one in store_trust.list_anchors(tx)])


@router.get("/trust-anchors/{fingerprint}")
def get_trust_anchor(fingerprint: Fingerprint, tx: Tx, _who: Watcher, response: Response) -> AnchorView:
    pinned = store_trust.get_anchor(tx, fingerprint)
    etag(response, pinned.version)
    return AnchorView.of(pinned)


@router.post("/trust-anchors", status_code=201)
def pin_trust_anchor(body: AnchorIn, request: Request, tx: Tx, who: OfficerOfProvince, once: OnceOnly) -> AnchorView:
    """Believe a root CA. It is stated at once and counts for signing as soon as signing has taken it in."""

    def act() -> AnchorView:
        at = datetime.now(UTC)
        root = read_anchor(body.pem, at, body.fingerprint)
        return AnchorView.of(trusting.pin(desk(request, tx, who), root, body.terms(at))[0])

    return once.run(act, AnchorView)


@router.put("/trust-anchors/{fingerprint}")
def change_trust_anchor(
    *,
    fingerprint: Fingerprint,
    body: TermsIn,
    request: Request,
    response: Response,
    tx: Tx,
    who: OfficerOfProvince,
    expected: ExpectedVersion,
) -> AnchorView:
    """Other purposes or dates."""
    before = store_trust.get_anchor(tx, fingerprint)
    require_version(before.version, expected)
    after, _ = trusting.pin(desk(request, tx, who), before.anchor, body.terms(before.terms.start))
    etag(response, after.version)
    return AnchorView.of(after)


@router.post("/trust-anchors/{fingerprint}/withdraw")
def withdraw_trust_anchor(
    fingerprint: Fingerprint, body: Withdrawal, request: Request, tx: Tx, who: OfficerOfProvince
) -> AnchorView:
    """Nothing that leads to it is believed any more, whenever it was signed. Repeating this changes nothing."""
    before = store_trust.get_anchor(tx, fingerprint)
    return AnchorView.of(trusting.withdraw(desk(request, tx, who), before, body.reason))


@router.post("/trust-anchors/{fingerprint}/restore")
def restore_trust_anchor(fingerprint: Fingerprint, request: Request, tx: Tx, who: OfficerOfProvince) -> AnchorView:
    """A withdrawal was a mistake."""
    before = store_trust.get_anchor(tx, fingerprint)
    return AnchorView.of(trusting.restore(desk(request, tx, who), before))


# --- revocation data


class Problem(Shape):
    code: str
    vi: str
    en: str


class SourceView(Shape):
    """An OCSP responder or the address of a CRL. `lasts_until`: when the first kept answer runs out, `last_until` the
    last one; `questions` of which `fresh` have a kept answer.
    """

    kind: str
    url: str
    last_success: datetime | None
    down_since: datetime | None
    problem: Problem | None
    questions: int
    fresh: int
    lasts_until: datetime | None
    last_until: datetime | None
    next_fetch: datetime | None


class SourceList(Shape):
    items: list[SourceView]


@router.get("/revocation-sources")
def list_revocation_sources(tx: Tx, _who: Watcher) -> SourceList:
    """Which responders answer, which are down since when, and until when what is kept helps."""
    return SourceList(items=[_source(row) for row in store_trust.list_sources(tx)])


class DataView(Shape):
    """One kept answer. `status` and `serial` are of a certificate (ocsp); a list (crl) has neither."""

    data_id: str
    kind: str
    url: str
    issuer: str
    certificate_id: UUID | None
    serial: str | None
    status: str | None
    this_update: datetime | None
    next_update: datetime | None
    last_success: datetime | None
    next_fetch: datetime | None
    problem: Problem | None


class DataPage(Shape):
    items: list[DataView]
    next_cursor: str | None


@router.get("/revocation-data")
def list_revocation_data(
    tx: Tx,
    _who: Watcher,
    *,
    kind: Annotated[str | None, Query(pattern="^(ocsp|crl)$")] = None,
    url: Annotated[str | None, Query(max_length=2000)] = None,
    problems: Annotated[bool, Query(description="only what is not good, not fresh or not answered")] = False,
    cursor: str | None = None,
    limit: Limit = 50,
) -> DataPage:
    """What is kept, question by question."""
    after = decode_cursor(cursor, 1)
    found = store_trust.list_data(
        tx, kind=kind, url=url, problems=problems, after=after[0] if after else None, limit=limit + 1
    )
    page, more = found[:limit], len(found) > limit
    return DataPage(items=[_data(row) for row in page], next_cursor=encode_cursor(page[-1]["id"]) if more else None)


def _source(row: Row) -> SourceView:
    told = {name: row[name] for name in SourceView.model_fields if name != "problem"}
    return SourceView(**told, problem=_problem(row))


def _data(row: Row) -> DataView:
    certificate = x509.load_pem_x509_certificate(row["pem"].encode()) if row["pem"] else None
    due = row["due_at"]
    return DataView(
        data_id=row["id"],
        kind=row["kind"],
        url=row["url"],
        issuer=x509.load_pem_x509_certificate(row["issuer_pem"].encode()).subject.rfc4514_string(),
        certificate_id=row["certificate_id"],
        serial=f"{certificate.serial_number:x}" if certificate else None,
        status=row["status"],
        this_update=row["this_update"],
        next_update=row["next_update"],
        last_success=row["fetched_at"],
        next_fetch=due,
        problem=_problem(row),
    )


def _problem(row: Row) -> Problem | None:
    if row["problem_code"] is None:
        return None
    return Problem(code=row["problem_code"], vi=row["problem_vi"], en=row["problem_en"])
