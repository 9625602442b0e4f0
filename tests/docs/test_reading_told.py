"""Where an agency wants it recorded, whoever is given a document's content leaves an act, whatever it is given out as."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Response

from services.docs import store, store_proof
from shared import db
from shared.events.docs import DocsAct
from tests.docs.bringing import Intake
from tests.docs.conftest import SAMPLES, Docs, ok
from tests.docs.facts import Agency
from tests.docs.kept_from import kept
from tests.docs.test_isolation import all_routes
from tests.docs.test_need_to_know import TABLE, tries

# Files that are no document's content, and why.
NOTHING_READ = {
    "GET /exchange/deliveries/{delivery_id}/files/{sha256}": "a partner's system fetches what was sent to it: no agency's person",
    "GET /incoming/{incoming_id}/report": "what signatures are worth, not what is written",
    "GET /incoming/{incoming_id}/slip.pdf": "the leader's own words",
    "GET /receipts/{receipt_id}": "that it was delivered",
    "GET /search/export.{form}": "a list",
    "GET /book-prints/{print_id}/content": "a list",
    "GET /file-lists/{year}/sheet.{form}": "a list",
    "GET /work-files/submission.{form}": "a list",
    "GET /work-files/{file_id}/contents.{form}": "a list",
    "GET /figures.csv": "numbers",
    "GET /figures.xlsx": "numbers",
    "GET /ledger/heads.ndjson": "hashes",
    "GET /ledger/export": "an act of its own",
    "GET /metrics": "numbers",
    "GET /healthz": "whether it runs",
    "GET /readyz": "whether it runs",
}
ITEM = {"GET /intake/{item_id}/content", "GET /intake/{item_id}/text"}  # in the second test
NO_FILE = {"GET /documents/{document_id}/comparison"}  # JSON, with the words of two versions in it


def recording(docs: Docs, at: Agency) -> None:
    body = {"dispatch_level": "LT", "urgent_may_owe": True, "unchecked_allowed": True, "record_reading": True}
    ok(docs.http(at.leader.principal).put("/policy", json=body))
    docs.stated()


def read(docs: Docs) -> list[tuple[str, str, dict[str, str]]]:
    """What was read since it was last asked: of which kind, which one, and which page or version."""
    acts: list[DocsAct] = docs.stated("DocsAct")
    return [(each.object_kind, each.object_id, each.detail) for each in acts if each.act == "document_read"]


def files_of(docs: Docs) -> set[str]:
    """Every endpoint that answers a GET with a file."""
    routes = [each for each in all_routes(docs.app.router.routes) if "GET" in (each.methods or set())]
    given = [
        each for each in routes if isinstance(each.response_class, type) and issubclass(each.response_class, Response)
    ]
    return {f"GET {each.path.removeprefix('/docs/v1')}" for each in given}


def test_whoever_is_given_a_documents_content_leaves_an_act(docs: Docs) -> None:
    made, clerk = kept(docs), docs.b.clerk
    recording(docs, docs.b)
    with db.transaction(docs.pool, agency=docs.b.agency_id) as tx:  # as if a better version had come
        content = store.get(tx, made.document).parts[0].content
        store_proof.add_version(tx, made.document, docs.b.agency_id, content, level=None, until=datetime.now(UTC))
    files = files_of(docs)
    assert set(NOTHING_READ) | ITEM <= files, "these are gone"
    known = {str(made.document), str(made.incoming), *made.names["file_id"]}
    for request in sorted((files | NO_FILE) - set(NOTHING_READ) - ITEM):
        for each in tries(made, request, TABLE[request]):
            answer = each.by(docs, clerk)
            assert answer.is_success, f"{request}: {answer.status_code} {answer.text[:300]}"
            told = read(docs)
            assert [subject for _, subject, _ in told if subject in known] != [], f"{each.path} tells {told}"
            assert len(told) == 1, f"{each.path} tells {told}"
    page = f"/documents/{made.document}/parts/0/pages/1.webp"
    reader = docs.http(clerk.principal)
    assert reader.get(f"{page}?width=160").status_code == 200
    assert read(docs) == [], "a small picture in a list is no page that was read"
    tag = reader.get(f"{page}?width=1080").headers["etag"]
    assert reader.get(f"{page}?width=1080", headers={"If-None-Match": tag}).status_code == 304
    assert read(docs) == [("document", str(made.document), {"page": "1"})] * 2, "looked at again is read again"


def test_reading_what_came_in_is_told_of_the_item_and_then_of_the_arrival(docs: Docs, intake: Intake) -> None:
    clerk = docs.a.clerk
    item = intake.brought(clerk, (SAMPLES / "01-cong-van.pdf").read_bytes())["id"]
    reader = docs.http(clerk.principal)
    paths = [f"/intake/{item}/content", f"/intake/{item}/text"]
    docs.stated()
    assert [reader.get(path).status_code for path in paths] == [200, 200]
    assert read(docs) == [], "the agency does not ask for it"
    recording(docs, docs.a)
    assert [reader.get(path).status_code for path in paths] == [200, 200]
    assert read(docs) == [("intake", item, {})] * 2
    typed = {"number_symbol": "12/ĐLLS", "sender_name": "Công ty Điện lực", "abstract": "V/v ngừng cấp điện"}
    arrived = ok(docs.post(clerk, f"/intake/{item}/register", typed), 201)["incoming_id"]
    docs.stated()
    assert [reader.get(path).status_code for path in paths] == [200, 200]
    assert read(docs) == [("incoming", arrived, {})] * 2
