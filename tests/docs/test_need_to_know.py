"""Need to know, at every endpoint: whoever is not to read a document learns nothing of it, wherever they ask.

The table names each endpoint of docs; one without a line fails the test.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import httpx
import pytest
from fastapi.routing import APIRoute

from services.docs.registers import books
from shared.events.docs import DeliveryDispatched
from shared.ids import new_id
from tests.docs.bringing import Intake
from tests.docs.conftest import SAMPLES, Docs, ok, refusal
from tests.docs.facts import Person, validated
from tests.docs.kept_from import MARK, YEAR, Kept, kept, make, the_database_itself_shows_nothing, words_of
from tests.docs.test_handling import Office
from tests.docs.test_isolation import BODIES, SOMEBODY, all_routes

UNSEEN = {"not_found", "forbidden", "people_only", "partners_only", "export_of_others"}


@dataclass(frozen=True, slots=True)
class Row:
    """`of`: names the document or what hangs on it, strangers are refused. `list`: answers everybody, who knows it finds
    it there. `quiet`: says nothing about any document, `why`; a GET is looked at all the same.
    """

    kind: Literal["of", "list", "quiet"]
    query: str = ""
    body: Any = None
    why: str = ""


def of(body: Any = None, query: str = "") -> Row:
    return Row("of", query, body)


def listing(query: str = "") -> Row:
    return Row("list", query)


def quiet(why: str, query: str = "") -> Row:
    return Row("quiet", query, why=why)


D = "/documents/{document_id}"
REASON, DAY = {"reason": "x"}, f"{YEAR}-12-31"
OWN = "settings of the agency"
NEW = "makes something of the caller's own"
TABLE: dict[str, Row] = (
    {
        # --- documents
        "GET /documents": listing(),
        f"GET {D}": of(),
        f"GET {D}/content": of(),
        f"GET {D}/issued-parts/{{ordinal}}/content": of(),
        f"GET {D}/parts/{{ordinal}}/content": of(),
        f"GET {D}/parts/{{ordinal}}/pages": of(),
        f"GET {D}/parts/{{ordinal}}/pages/{{page}}.{{form}}": of(),
        f"GET {D}/versions/{{sha256}}/content": of(),
        f"GET {D}/proof": of(),
        f"GET {D}/route": of(),
        f"GET {D}/circulation": of(),
        f"GET {D}/receipts": of(),
        f"GET {D}/remarks": of(),
        f"GET {D}/opinions": of(),
        f"GET {D}/editions": of(),
        f"GET {D}/editions/{{number}}/parts/{{ordinal}}/content": of(),
        f"GET {D}/comparison": of(query="?before=1&after=2"),
        f"GET {D}/access": of(),
        f"POST {D}/access": of({"restricted": False}),
        f"POST {D}/access/confirm": of(),
        f"POST {D}/resubmit": of(BODIES["resubmit"]),
        f"POST {D}/approve": of(),
        f"POST {D}/return": of(REASON),
        f"POST {D}/issue": of(),
        f"POST {D}/void-number": of(REASON),
        f"POST {D}/dispatch": of(BODIES["dispatch"]),
        f"POST {D}/counter-seal": of(),
        f"POST {D}/replace-reviewer": of(BODIES["replace-reviewer"]),
        f"POST {D}/remarks": of({"text": "x"}),
        f"POST {D}/opinions": of(BODIES["opinions"]),
        f"POST {D}/opinions/{{request_id}}/answer": of({"verdict": "agreed"}),
        f"POST {D}/opinions/{{request_id}}/close": of(),
        f"POST {D}/withdraw": of(REASON),
        f"POST {D}/recipients": of(BODIES["recipients"]),
        f"POST {D}/recall": of(REASON),
        f"POST {D}/chase": of({"note": "x"}),
        f"POST {D}/relations": of(BODIES["relations"]),
        f"DELETE {D}/relations/{{relation_id}}": of(),
        "POST /documents/{open}/relations": of({"kind": "replaces", "document_id": "{document_id}"}),
        "GET /receipts/{receipt_id}": of(),
        "GET /receipts/{receipt_id}/page": of(),
        "POST /documents": quiet(NEW),
        "POST /copies": of({"form": "SY", "symbol": "UBND", "document_id": "{document_id}"}),
        # --- drafts
        "GET /drafts": quiet("those that the reader may edit"),
        "POST /drafts": quiet(NEW),
        "GET /drafts/{draft_id}": of(),
        "PUT /drafts/{draft_id}": of({"abstract": "x"}),
        "PUT /drafts/{draft_id}/typed": of({"base": 1, "fields": {}}),
        "POST /drafts/{draft_id}/typed/drop": of(),
        "PUT /drafts/{draft_id}/editors": of({"person_ids": []}),
        "POST /drafts/{draft_id}/drop": of(),
        "POST /drafts/{draft_id}/submit": of(),
        # --- what arrived, and its tasks
        "GET /incoming": listing(),
        "GET /incoming/{incoming_id}": of(),
        "GET /incoming/{incoming_id}/content": of(),
        "GET /incoming/{incoming_id}/parts/{ordinal}/content": of(),
        "GET /incoming/{incoming_id}/parts/{ordinal}/pages": of(),
        "GET /incoming/{incoming_id}/parts/{ordinal}/pages/{page}.{form}": of(),
        "GET /incoming/{incoming_id}/report": of(),
        "GET /incoming/{incoming_id}/circulation": of(),
        "GET /incoming/{incoming_id}/print": of(),
        "GET /incoming/{incoming_id}/access": of(),
        "POST /incoming/{incoming_id}/access": of({"restricted": False}),
        "POST /incoming/{incoming_id}/access/confirm": of(),
        "GET /incoming/{incoming_id}/slip": of(),
        "GET /incoming/{incoming_id}/slip.pdf": of(),
        "POST /incoming/{incoming_id}/slip": of(BODIES["slip"]),
        "POST /incoming/{incoming_id}/register": of(),
        "POST /incoming/{incoming_id}/refuse": of(REASON),
        "POST /incoming/{incoming_id}/assign": of({"person_id": SOMEBODY}),
        "POST /incoming/{incoming_id}/start": of(),
        "POST /incoming/{incoming_id}/complete": of(),
        "POST /incoming/{incoming_id}/recall-answer": of({"agreed": True}),
        "GET /arrivals/{delivery_id}": of(),
        "GET /handling/choices": quiet("people and units"),
        "GET /tasks": listing("?whose=all"),
        "GET /counters/tasks": quiet("numbers of the reader's own tasks"),
        "GET /tasks/{task_id}": of(),
        "POST /tasks/{task_id}/give": of({"person_id": SOMEBODY}),
        "POST /tasks/{task_id}/start": of(),
        "POST /tasks/{task_id}/note": of({"text": "x", "percent": 10}),
        "POST /tasks/{task_id}/propose": of({"text": "x"}),
        "POST /tasks/{task_id}/close": of(),
        "POST /tasks/{task_id}/return": of(REASON),
        "POST /tasks/{task_id}/withdraw": of(REASON),
        "POST /tasks/{task_id}/decline": of(REASON),
        "POST /tasks/{task_id}/deadline": of({"due_on": DAY, "reason": "x"}),
        "POST /tasks/{task_id}/reassign": of({"person_id": SOMEBODY, "reason": "x"}),
        "POST /tasks/{task_id}/extend": of({"until": DAY, "reason": "x"}),
        "POST /tasks/{task_id}/extension": of({"agreed": True}),
        # --- what came in, and was made of it
        "GET /intake": quiet("its documents are in the next test"),
        "GET /incoming/{incoming_id}/intake": of(),
        "GET /intake-mails": quiet("what a mailbox got: the registrar's and the head's (test_intake_mail.py)"),
        "GET /intake/{item_id}": quiet("its documents are in the next test"),
        "GET /intake/{item_id}/content": quiet("its documents are in the next test"),
        "GET /intake/{item_id}/text": quiet("its documents are in the next test"),
        "POST /intake": quiet(NEW),
        "POST /intake/{item_id}/retry": quiet("its documents are in the next test"),
        "POST /intake/{item_id}/discard": quiet("its documents are in the next test"),
        "POST /intake/{item_id}/use": quiet("its documents are in the next test"),
        "POST /intake/{item_id}/register": quiet("its documents are in the next test"),
        "POST /uploads": quiet(NEW),
        "HEAD /uploads/{upload_id}": quiet("the caller's own upload"),
        "PATCH /uploads/{upload_id}": quiet("the caller's own upload"),
        "DELETE /uploads/{upload_id}": quiet("the caller's own upload"),
        "POST /files": quiet(NEW),
        # --- found, counted, listed
        "GET /search": listing(f"?q={MARK}"),
        "GET /search/choices": quiet("types, registers, states"),
        "GET /search/export.{form}": listing(f"?q={MARK}"),
        "POST /searches": quiet(NEW),
        "GET /searches": quiet("searches, not what they find"),
        "DELETE /searches/{search_id}": quiet("searches, not what they find"),
        "GET /texts": quiet("files that can't be read; the next but one is the same row"),
        "GET /texts/{subject_id}": of(),
        "POST /texts/{subject_id}/read": of(),
        "GET /counters": quiet("numbers"),
        "GET /figures": quiet("numbers"),
        "GET /figures.csv": quiet("numbers"),
        "GET /figures.xlsx": quiet("numbers"),
        "POST /figures/recount": quiet("numbers"),
        "GET /access/changes": quiet("who reads what, by its id, of what the reader may see"),
        "GET /access/policy": quiet(OWN),
        "PUT /access/policy": quiet(OWN),
        # --- registers and books
        "GET /books/{kind}": listing(),
        "POST /book-prints": quiet("made as its orderer reads it: the test after the next"),
        "GET /book-prints": quiet("one's own orders"),
        "GET /book-prints/{print_id}": of(),
        "GET /book-prints/{print_id}/content": of(),
        "GET /registers": quiet(OWN),
        "PUT /registers": quiet(OWN),
        "GET /registers/preview": quiet("the next number", "?type_code=CV&symbol=UBND"),
        "POST /registers/{code}/{year}/close": quiet(OWN),
        "GET /number-blocks": quiet(OWN),
        "POST /number-blocks": quiet(OWN),
        "POST /number-blocks/{block_id}/return": quiet(OWN),
        "POST /registers/paper": quiet(NEW),
        "POST /registers/{code}/{year}/{number}/void": quiet("a number of paper"),
        # --- work files
        "GET /work-files": quiet("files, open to the agency", "?subject={document_id}"),
        "GET /work-files/suggested": of(query="?kind=document&subject_id={document_id}"),
        "GET /work-files/submission.{form}": quiet("as the contents list", "?minutes=1"),
        "GET /work-files/{file_id}": listing(),
        "GET /work-files/{file_id}/contents.{form}": listing(),
        "POST /work-files": quiet(NEW),
        "POST /work-files/{file_id}/members": of({"kind": "document", "subject_id": "{document_id}"}),
        "POST /work-files/{file_id}/members/{subject_id}/take-out": of(REASON),
        "POST /work-files/{file_id}/exports": quiet("made as its orderer reads it, who is told what is withheld"),
        "GET /work-file-exports/{export_id}": quiet("how large a package is; its content is the next"),
        "GET /work-file-exports/{export_id}/content": of(),
    }
    | {
        f"POST /work-files/{path}": quiet("answers as the file's page")
        for path in (
            *("submit", "freeze", "unfreeze", "dispose"),
            *(f"{{file_id}}/{act}" for act in ("sort", "close", "reopen", "hold-back", "accept", "return")),
        )
    }
    | {
        request: quiet("the file list of a year")
        for request in (
            "GET /file-lists/{year}",
            "PUT /file-lists/{year}",
            "POST /file-lists/{year}/approve",
            "POST /file-lists/{year}/import",
            "GET /file-lists/{year}/sheet.{form}",
        )
    }
    | {
        # --- the ledger
        "GET /ledger": quiet("hashes"),
        "GET /ledger/heads": quiet("hashes"),
        "POST /ledger/heads": quiet("hashes"),
        "GET /ledger/entries": listing(),
        "GET /ledger/entries/{position}": of(),
        "GET /ledger/entries/{position}/proof": of(),
        "GET /ledger/consistency": quiet("hashes", "?first=1&second=2"),
        "POST /ledger/checks": quiet("an operator's"),
        "GET /ledger/heads.ndjson": quiet("hashes"),
        "GET /ledger/export": quiet("an operator's, and an act that is recorded: the whole is what proves"),
        # --- everything else
        "GET /policy": quiet(OWN),
        "PUT /policy": quiet(OWN),
        "GET /choices": quiet(OWN),
        "GET /agencies": quiet("agencies"),
        "GET /agencies/{identifier}/authorities": quiet("who may sign"),
        "GET /address-groups": quiet("groups of agencies"),
        "GET /address-groups/{group_id}": quiet("groups of agencies"),
        "POST /address-groups": quiet("groups of agencies"),
        "PUT /address-groups/{group_id}": quiet("groups of agencies"),
        "DELETE /address-groups/{group_id}": quiet("groups of agencies"),
        "GET /calendar/{year}": quiet("working days"),
        "PUT /calendar/days/{day}": quiet("working days"),
        "DELETE /calendar/days/{day}": quiet("working days"),
        "GET /workflows": quiet("procedures"),
        "GET /workflows/schema": quiet("procedures"),
        "GET /workflows/directory": quiet("procedures"),
        "GET /workflows/{code}": quiet("procedures"),
        "GET /workflows/{code}/versions": quiet("procedures"),
        "PUT /workflows/{code}": quiet("procedures"),
        "POST /workflows/{code}/retire": quiet("procedures"),
        "POST /workflows/preview": quiet("procedures"),
        "POST /exchange/files": quiet("a partner's"),
        "GET /exchange/deliveries": quiet("a partner's own deliveries"),
        "GET /exchange/deliveries/{delivery_id}/files/{sha256}": quiet("a partner's own deliveries"),
        "OPTIONS /uploads": quiet("what the protocol can do"),
        "OPTIONS /uploads/{upload_id}": quiet("what the protocol can do"),
        "GET /backlog": quiet("numbers"),
        "GET /metrics": quiet("numbers"),
        "GET /healthz": quiet("whether it runs"),
        "GET /readyz": quiet("whether it runs"),
        "GET /parked": quiet("an operator's"),
        "POST /parked/{topic}/{key}/replay": quiet("an operator's"),
    }
)
ALSO = {"POST /documents/{open}/relations"}  # rows about what a body names: no endpoints of their own
KINDS: dict[str, list[Any]] = {  # of a name that means something else elsewhere
    "GET /books/{kind}": ["out", "in", "follow_up", "transfer"],
    "GET /search/export.{form}": ["csv", "xlsx", "pdf"],
    "GET /work-files/{file_id}/contents.{form}": ["pdf", "xlsx"],
    "GET /file-lists/{year}/sheet.{form}": ["xlsx"],
}


@dataclass(frozen=True, slots=True)
class Try:
    request: str
    method: str
    path: str
    body: Any

    def by(self, docs: Docs, who: Person) -> httpx.Response:
        headers = {"Idempotency-Key": str(new_id()), "If-Match": '"1"'}
        return docs.http(who.principal).request(self.method, self.path, json=self.body, headers=headers)


def tries(made: Kept, request: str, row: Row) -> Iterator[Try]:
    """A request for each thing that its names may mean."""
    method, template = request.split(" ")
    whole = template + row.query
    wanted = {name for _, name, _, _ in string.Formatter().parse(whole) if name} | _in_body(row.body)
    values = made.names | {"year": [YEAR], "code": ["VB"]}
    if request in KINDS:
        values = values | dict.fromkeys({"kind", "form"} & wanted, KINDS[request])
    names = sorted(wanted)
    for chosen in itertools.product(*(values.get(name, [SOMEBODY]) for name in names)):
        found = dict(zip(names, map(str, chosen), strict=True))
        yield Try(request, method, whole.format_map(found), _filled(row.body, found))


def _in_body(body: Any) -> set[str]:
    texts = [each for each in body.values() if isinstance(each, str)] if isinstance(body, dict) else []
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


def _filled(body: Any, found: dict[str, str]) -> Any:
    if not isinstance(body, dict):
        return body
    return {k: v.format_map(found) if isinstance(v, str) else v for k, v in body.items()}


def leaks(docs: Docs, each: Try, row: Row, name: str, who: Person) -> Iterator[str]:
    answer = each.by(docs, who)
    if MARK in words_of(answer):
        yield f"{name}: {each.request} tells of it ({each.path}: {answer.status_code})"
    if row.kind == "of" and (answer.is_success or refusal(answer) not in UNSEEN):
        yield f"{name}: {each.request} answers {answer.status_code} {answer.text[:200]}"
    if answer.status_code >= 500 and answer.status_code != 503:
        yield f"{name}: {each.request} fails: {answer.text[:200]}"


def shown(docs: Docs, each: Try, people: list[Person]) -> bool:
    answers = [each.by(docs, who) for who in people]
    return any(MARK in words_of(answer) for answer in answers)


@pytest.fixture
def made(docs: Docs) -> Kept:
    return kept(docs)


def test_nobody_learns_of_a_restricted_document_at_any_endpoint(docs: Docs, made: Kept) -> None:
    offered = {request for route in all_routes(docs.app.router.routes) for request in _requests(route)}
    assert offered - set(TABLE) == set(), "endpoints without a line: what do they say of a document?"
    assert set(TABLE) - offered - ALSO == set(), "these endpoints are gone"
    found: list[str] = []
    for request, row in TABLE.items():
        if row.kind == "quiet" and not request.startswith("GET"):
            continue
        asked = list(tries(made, request, row))
        assert asked, f"{request}: nothing to ask for"
        for each, (name, who) in itertools.product(asked, made.strangers.items()):
            found += leaks(docs, each, row, name, who)
        if row.kind == "list" or (row.kind == "of" and request in SHOWN):
            found += [
                f"{request}: nobody is shown it" for each in asked if not shown(docs, each, list(made.knowing.values()))
            ]
    assert found == [], "\n".join(found)


def test_the_book_keeps_its_line_and_shows_nothing_of_it(docs: Docs, made: Kept) -> None:
    """On screen, printed and as a spreadsheet alike: the number stands there, for whoever may not know nothing else."""
    stranger = made.office.other
    for kind, number in (("out", "01"), ("in", "01"), ("follow_up", "01")):
        lines = docs.get(stranger, f"/books/{kind}")["items"]
        known = docs.get(docs.b.clerk, f"/books/{kind}")["items"]
        assert len(lines) == len(known)
        (line,) = (each for each in lines if books.WITHHELD in each["cells"])
        assert set(line["cells"]) == {"", number, books.WITHHELD}
        assert (line["document_id"], line["incoming_id"]) == (None, None)
    for who, told in ((stranger, False), (docs.b.clerk, True), (made.author, True)):
        for kind, form in (("out", "pdf"), ("in", "xlsx")):
            order = ok(docs.post(who, "/book-prints", {"year": YEAR, "kind": kind, "format": form}), 201)["id"]
            make(docs)
            words = words_of(docs.http(who.principal).get(f"/book-prints/{order}/content"))
            assert (MARK in words, "hạn chế tiếp cận" in words) == (told, not told), (who.name, kind)
    # Printed while it could be read, fetched when it can't be any more.
    path = f"/documents/{made.document}/access"
    ok(docs.post(docs.b.clerk, path, {"restricted": True, "people": [str(stranger.person_id)]}))
    order = ok(docs.post(stranger, "/book-prints", {"year": YEAR, "kind": "out", "format": "xlsx"}), 201)["id"]
    make(docs)
    fetch = f"/book-prints/{order}/content"
    assert MARK in words_of(docs.http(stranger.principal).get(fetch))
    ok(docs.post(docs.b.clerk, path, {"restricted": True}))
    assert refusal(docs.http(stranger.principal).get(fetch)) == "print_says_too_much"
    the_database_itself_shows_nothing(docs, made)


def test_a_restricted_twin_is_found_and_not_shown(docs: Docs) -> None:
    """The same letter comes twice, the first for one officer only: whoever registers the second is told whom to ask."""
    office, clerk = Office(docs), docs.b.person("second clerk")
    first = office.registered()
    (fact,) = [e.data for e in docs.outbox(after=0) if isinstance(e.data, DeliveryDispatched)]
    docs.hear(fact.model_copy(update={"delivery_id": new_id(), "document_id": new_id()}))
    second = UUID(docs.arrived(docs.b)["id"])
    docs.hear(validated(second, docs.b.agency_id))
    ok(docs.post(docs.b.leader, f"/incoming/{first}/assign", {"person_id": str(office.officer.person_id)}))
    ok(docs.post(docs.b.clerk, f"/incoming/{first}/access", {"restricted": True}))
    (twin,) = docs.get(clerk, f"/incoming/{second}/circulation")["twins"]
    assert (twin["hidden"], twin["ask"]) == (True, "Đàm Thị Lan hoặc văn thư")
    assert (twin["incoming_id"], twin["number_symbol"], twin["abstract"]) == (None, None, "")
    answer = docs.post(clerk, f"/incoming/{second}/register")
    assert refusal(answer) == "looks_like_duplicate"
    assert "mà bạn không được xem (hỏi Đàm Thị Lan" in answer.json()["detail_vi"]
    (twin,) = docs.get(docs.b.clerk, f"/incoming/{second}/circulation")["twins"]
    assert (twin["hidden"], twin["incoming_id"]) == (False, str(first))


def test_what_was_brought_in_for_a_document_is_kept_with_it(docs: Docs, intake: Intake) -> None:
    clerk, stranger = docs.b.clerk, docs.b.person("second clerk")
    item = intake.brought(clerk, (SAMPLES / "01-cong-van.pdf").read_bytes())
    ok(docs.post(clerk, f"/intake/{item['id']}/use"))
    body = docs.draft(docs.b) | {"parts": [{"file_id": item["file_id"], "kind": "main"}]}
    document = ok(docs.post(clerk, "/documents", body), 201)["id"]
    paths = [f"/intake/{item['id']}{more}" for more in ("", "/content", "/text")]
    assert [docs.http(stranger.principal).get(path).status_code for path in paths] == [200, 200, 200]
    ok(docs.post(clerk, f"/documents/{document}/access", {"restricted": True}))
    assert [refusal(docs.http(stranger.principal).get(path)) for path in paths] == ["not_found"] * 3
    for act in ("retry", "discard", "use"):
        assert refusal(docs.post(stranger, f"/intake/{item['id']}/{act}")) == "not_found"
    assert docs.get(stranger, "/intake")["items"] == []
    assert docs.http(clerk.principal).get(paths[1]).status_code == 200


# Where whoever knows reads the marked words themselves: the test would see a leak there.
SHOWN = {
    f"GET {D}",
    f"GET {D}/circulation",
    f"GET {D}/remarks",
    f"GET {D}/opinions",
    f"GET {D}/editions",
    "GET /drafts/{draft_id}",
    "GET /incoming/{incoming_id}",
    "GET /incoming/{incoming_id}/slip",
    "GET /incoming/{incoming_id}/slip.pdf",
    "GET /tasks/{task_id}",
    "GET /book-prints/{print_id}/content",
    "GET /work-file-exports/{export_id}/content",
}


def _requests(route: APIRoute) -> list[str]:
    return [f"{method} {route.path.removeprefix('/docs/v1')}" for method in route.methods or set()]
