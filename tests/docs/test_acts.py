"""Whatever succeeds leaves a fact or an act in the outbox of its own transaction, and a second click leaves none:
a day's work through nearly every endpoint that changes something, looked at in the rows themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import psycopg

from services.docs import numbering
from services.docs.access import NO_ACTS
from shared.ids import new_id
from tests.docs.acts_areas import at_units, in_the_archive, in_the_calendar, who_may_read
from tests.docs.conftest import SAMPLES, Docs, ok
from tests.docs.facts import Person, prepared, sealed, validated
from tests.docs.test_kinds import ON_PAPER
from tests.support.told import mark, told_since, untold

CHANGING = {"post", "put", "patch", "delete"}
# Endpoints that this day does not reach, each with the reason; the net beneath (shared/acts.py) is the same for all.
ELSEWHERE = {
    "POST /documents/{document_id}/recipients": "shows who would get it, changes nothing",
    "POST /workflows/preview": "shows the way, changes nothing",
    "POST /ledger/checks": "looks at the ledger: needs a sealed tree (test_ledger.py)",
    "POST /ledger/heads": "orders a sealed tree (test_ledger.py)",
    "POST /parked/{topic}/{key}/replay": "needs a failed event (tests/shared/test_inbox.py)",
    "POST /intake": "needs the workers of intake (test_intake.py)",
    "POST /intake/{item_id}/retry": "needs the workers of intake (test_intake.py)",
    "POST /intake/{item_id}/discard": "needs the workers of intake (test_intake.py)",
    "POST /intake/{item_id}/use": "needs the workers of intake (test_intake.py)",
    "POST /intake/{item_id}/register": "needs the workers of intake (test_intake.py)",
    "POST /texts/{subject_id}/read": "needs a file that was read (test_finding.py)",
    "DELETE /uploads/{upload_id}": "needs tus (test_intake_upload.py)",
    "POST /documents/{document_id}/withdraw": "needs a document that nobody has (test_circulation.py)",
    "POST /documents/{document_id}/counter-seal": "needs a second issuer with a seal (test_kinds.py)",
    "POST /incoming/{incoming_id}/recall-answer": "needs a recall on its way (test_circulation.py)",
    "POST /documents/{document_id}/replace-reviewer": "needs a workflow (test_review.py)",
    "PUT /workflows/{code}": "needs an officer's workflow (test_review.py)",
    "POST /workflows/{code}/retire": "needs an officer's workflow (test_review.py)",
    "PUT /registers": "needs a plan of the year (test_registers.py)",
    "POST /registers/{code}/{year}/close": "needs a year that is over (test_registers.py)",
    "DELETE /documents/{document_id}/relations/{relation_id}": "needs a relation (test_circulation.py)",
    "POST /documents/{document_id}/relations": "needs two issued documents (test_circulation.py)",
}

AGAIN = {  # acts that a second click repeats
    "PUT /drafts/{draft_id}": "a save that comes too late is kept as typed, and the person is shown the difference",
    "POST /figures/recount": "the period is counted once more",
    "POST /tasks/{task_id}/note": "somebody notes the same once more",
}


@dataclass(slots=True)
class Day:
    """Each request is sent twice, as by a second click, and what it left is looked at after each."""

    docs: Docs
    owner: psycopg.Connection[Any]
    done: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def act(
        self, who: Person, request: str, body: Any = None, *, raw: bytes | None = None, version: int = 0, **names: Any
    ) -> Any:
        method, template = request.split(" ")
        headers = {"Idempotency-Key": str(new_id())} | ({"If-Match": f'"{version}"'} if version else {})

        def click() -> httpx.Response:
            path = template.format_map({name: str(value) for name, value in names.items()})
            sent = {"content": raw} if raw else {"json": body} if body is not None else {}
            params = {"filename": "cong-van.pdf"} if raw else None
            return self.docs.http(who.principal).request(method, path, headers=headers, params=params, **sent)

        before = mark(self.owner)
        first = click()
        assert first.is_success, f"{request}: {first.text}"
        if not told_since(self.owner, before):
            self.wrong.append(f"{request} told nothing")
        between = mark(self.owner)
        click()
        if (told := told_since(self.owner, between)) and request not in AGAIN:
            self.wrong.append(f"a second {request} told {told}")
        self.done.add(request.partition("?")[0])
        return first.json() if first.content else None


def keep_house(day: Day) -> None:
    clerk, leader = day.docs.a.clerk, day.docs.a.leader
    saved = day.act(clerk, "POST /searches", {"name": "Đê điều", "query": {"q": "đê"}})
    day.act(clerk, "DELETE /searches/{id}", id=saved["id"])
    group = day.act(clerk, "POST /address-groups", {"name": "Cụm", "members": [day.docs.b.identifier]})
    renamed = {"name": "Cụm 2", "members": [day.docs.b.identifier]}
    day.act(clerk, "PUT /address-groups/{id}", renamed, id=group["id"])
    day.act(clerk, "DELETE /address-groups/{id}", id=group["id"])
    policy = {"dispatch_level": "T", "urgent_may_owe": False, "unchecked_allowed": False, "record_reading": True}
    day.act(leader, "PUT /policy", policy)
    block = day.act(clerk, "POST /number-blocks", {"register_code": "VB", "count": 2, "purpose": "Mất điện"})
    day.act(clerk, "POST /number-blocks/{id}/return", {"reason": "Đã có điện"}, id=block["id"])
    today = numbering.today(datetime.now(UTC))
    paper = {"register_code": "VB", "type_code": "CV", "symbol": "UBND-VP", "abstract": "V/v trực bão"}
    more = {"signed_on": today.isoformat(), "signer": "Lương Quốc Khánh", "recipients": "Các thôn"}
    made = day.act(clerk, "POST /registers/paper", paper | more)
    where: dict[str, Any] = {"code": "VB", "year": today.year, "number": made["number"]}
    day.act(clerk, "POST /registers/{code}/{year}/{number}/void", {"reason": "Viết hỏng"}, **where)
    day.act(clerk, "POST /book-prints", {"year": today.year, "kind": "out", "format": "pdf"})
    day.act(clerk, "POST /figures/recount")


def draft(day: Day) -> None:
    clerk, second = day.docs.a.clerk, day.docs.a.person("second clerk")
    fields = {"abstract": "V/v phòng chống lũ", "type_code": "CV"}
    made = day.act(clerk, "POST /drafts", fields)
    where: dict[str, Any] = {"draft_id": made["draft_id"]}
    day.act(clerk, "PUT /drafts/{draft_id}", made["fields"] | {"abstract": "V/v phòng chống bão"}, version=1, **where)
    day.act(clerk, "PUT /drafts/{draft_id}/editors", {"person_ids": [str(second.person_id)]}, **where)
    day.act(clerk, "POST /drafts/{draft_id}/drop", **where)
    file = ok(day.docs.upload(clerk), 201)
    part = {"file_id": file["file_id"], "kind": "main", "filename": file["filename"]}
    whole = day.docs.draft(day.docs.a) | {"parts": [part]}
    made = day.act(clerk, "POST /drafts", fields | whole)
    day.act(clerk, "POST /drafts/{draft_id}/submit", draft_id=made["draft_id"])


def review(day: Day) -> UUID:
    """A document returned, sent again, approved by one and by the last, discussed, signed."""
    docs, clerk, leader = day.docs, day.docs.a.clerk, day.docs.a.leader
    file = day.act(clerk, "POST /files", raw=(SAMPLES / "01-cong-van.pdf").read_bytes())
    reviewers = [docs.a.person("second clerk"), leader]
    chosen = {"reviewer_ids": [str(each.person_id) for each in reviewers]}
    parts = {"parts": [{"file_id": file["file_id"], "kind": "main"}]}
    made = UUID(day.act(clerk, "POST /documents", docs.draft(docs.a) | parts | chosen)["id"])
    path = "/documents/{document_id}"
    day.act(clerk, f"POST {path}/remarks", {"text": "Xem lại khoản 2"}, document_id=made)
    question = {"question": "Có đúng thẩm quyền?", "asked": [{"kind": "role", "role": "leader"}]}
    asked = day.act(clerk, f"POST {path}/opinions", question, document_id=made)
    about: dict[str, Any] = {"document_id": made, "request_id": asked["request_id"]}
    day.act(leader, f"POST {path}/opinions/{{request_id}}/answer", {"verdict": "agreed"}, **about)
    asked = day.act(clerk, f"POST {path}/opinions", question, document_id=made)
    day.act(clerk, f"POST {path}/opinions/{{request_id}}/close", **about | {"request_id": asked["request_id"]})
    day.act(reviewers[0], f"POST {path}/return", {"reason": "Sai thẩm quyền"}, document_id=made)
    day.act(clerk, f"POST {path}/resubmit", parts | chosen, document_id=made)
    for each in reviewers:
        day.act(each, f"POST {path}/approve", document_id=made)
    return made


def send(day: Day) -> None:
    docs, clerk = day.docs, day.docs.a.clerk
    document, other = docs.signed(docs.a), docs.signed(docs.a)
    path = "/documents/{document_id}"
    for each in (document, other):
        issued = day.act(clerk, f"POST {path}/issue", document_id=each)
        if each == document:
            docs.hear(sealed(each, issued["number"]))
    day.act(clerk, f"POST {path}/void-number", {"reason": "Sai người ký"}, document_id=other)
    scan = ok(docs.upload(clerk, "09-ban-quet-200dpi.pdf"), 201)["file_id"]
    day.act(clerk, "POST /copies", {"form": "SY", "symbol": "UBND", "file_id": scan, "original": ON_PAPER})
    day.act(clerk, f"POST {path}/dispatch", {"recipients": [docs.b.identifier]}, document_id=document)
    docs.circulate()
    day.act(clerk, f"POST {path}/chase", {"note": "Đề nghị xử lý"}, document_id=document)
    docs.circulate()
    handle(day, UUID(docs.arrived(docs.b)["id"]))
    docs.circulate()
    day.act(clerk, f"POST {path}/recall", {"reason": "Gửi nhầm", "even_if_completed": True}, document_id=document)
    third = docs.issued(docs.a)
    docs.delivered(third, docs.a, docs.b)
    refused = {"reason": "Gửi nhầm cơ quan"}
    day.act(docs.b.clerk, "POST /incoming/{incoming_id}/refuse", refused, incoming_id=docs.arrived(docs.b)["id"])


def handle(day: Day, arrived: UUID) -> None:
    docs, handler = day.docs, day.docs.b.person("second clerk")
    docs.hear(validated(arrived, docs.b.agency_id))
    where: dict[str, Any] = {"incoming_id": arrived}
    day.act(docs.b.clerk, "POST /incoming/{incoming_id}/register", **where)
    assigned = {"person_id": str(handler.person_id)}
    day.act(docs.b.leader, "POST /incoming/{incoming_id}/assign", assigned, **where)
    day.act(handler, "POST /incoming/{incoming_id}/start", **where)
    day.act(handler, "POST /incoming/{incoming_id}/complete", {"note": "Đã trả lời"}, **where)


def test_whatever_succeeds_is_told_and_a_second_click_is_not(docs: Docs) -> None:
    with psycopg.connect(docs.database.admin, autocommit=True) as owner:
        begun, day = mark(owner), Day(docs, owner)
        made = review(day)
        docs.hear(prepared(made, docs.a.leader))
        draft(day)
        send(day)
        keep_house(day)
        at_units(day)
        who_may_read(day)
        in_the_archive(day)
        in_the_calendar(day)
        partner = docs.partner().post("/exchange/files?filename=x.pdf", content=b"%PDF-1.7")
        ok(partner, 201)
        day.done.add("POST /exchange/files")
        assert day.wrong == [], "\n".join(day.wrong)
        assert untold(owner, begun) == []
    offered = _offered(docs)
    shaped = {_shape(request) for request in day.done}
    missed = {request for request in offered - set(ELSEWHERE) - set(NO_ACTS) if _shape(request) not in shaped}
    assert missed == set(), "do it in this day, or say in ELSEWHERE where it is shown"
    assert (set(ELSEWHERE) | set(NO_ACTS)) - offered == set(), "these endpoints are gone"


def _offered(docs: Docs) -> set[str]:
    spec = httpx.get(f"{docs.url}/docs/v1/openapi.json", timeout=60).json()
    return {
        f"{method.upper()} {path.removeprefix('/docs/v1')}"
        for path, methods in spec["paths"].items()
        for method in methods
        if method in CHANGING
    }


def _shape(request: str) -> str:
    """Without the names of what stands in the path."""
    return "/".join("{}" if piece.startswith("{") else piece for piece in request.split("/"))
