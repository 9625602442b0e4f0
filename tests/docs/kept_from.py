"""An agency with one document and one arrival that are restricted, every text in them marked; and who must not read it."""

from __future__ import annotations

import base64
import html
import io
import re
import threading
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pypdfium2
from psycopg import sql

from services.docs import numbering, standing, store_registry
from services.docs.registers import work as registers
from services.docs.registers.work import Press
from services.docs.workfile.work import Packer
from shared import db
from shared.blobs import Blobs
from shared.events import BlobRef
from shared.events.docs import SealReceipt
from shared.events.signing import ReceiptSealed
from shared.jobs import Runner
from shared.workshop import Workshop
from tests.docs.conftest import SAMPLES, Docs, ok
from tests.docs.facts import SIGNING, Agency, Person, agency, prepared, sealed, signed, states_of, validated
from tests.docs.test_handling import Office
from tests.docs.test_ledger import sequence, told

MARK = "zqxwkjv"  # in every text of what is restricted, and nowhere else: too long to stand in a digest or in base64 by chance
YEAR = numbering.today(datetime.now(UTC)).year


@dataclass(slots=True)
class Kept:
    """`document` and `incoming` are restricted at agency B; `names` fills in paths, each with all that is to be tried."""

    docs: Docs
    office: Office
    author: Person
    colleague: Person
    c: Agency
    document: UUID
    incoming: UUID
    names: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def strangers(self) -> dict[str, Person]:
        return {
            "colleague of the unit": self.colleague,
            "colleague of another unit": self.office.other,
            "clerk of another agency": self.c.clerk,
            "head of another agency": self.c.leader,
        }

    @property
    def knowing(self) -> dict[str, Person]:
        return {"clerk": self.docs.b.clerk, "head": self.docs.b.leader, "author": self.author}


def kept(docs: Docs) -> Kept:
    """The whole life of both: drafted, discussed, issued, sent, received for, filed, printed; arrived, given to a unit."""
    office, c = Office(docs), agency("H37.03", "UBND xã Ba Sơn")
    docs.hear(*states_of(c))
    colleague = Person("Vy Thị Chung", "Chuyên viên", docs.b.agency_id, ("clerk",), unit="Phòng Tài chính")
    docs.hear(colleague.stated())
    document = _issued(docs, office.officer)
    incoming = _arrived(docs, office)
    made = Kept(docs, office, office.officer, colleague, c, document, incoming)
    for path in (f"/documents/{document}", f"/incoming/{incoming}"):
        ok(docs.post(docs.b.clerk, f"{path}/access", {"restricted": True}))
    _file(made)
    _send(made)
    sequence(docs, *told(docs))
    _name(made)
    return made


def _upload(docs: Docs, who: Person, name: str) -> str:
    return str(ok(docs.upload(who, "01-cong-van.pdf", filename=f"{MARK}-{name}.pdf"), 201)["file_id"])


def _issued(docs: Docs, author: Person) -> UUID:
    fields = {
        "type_code": "CV",
        "symbol": f"UBND-{MARK.upper()}",
        "abstract": f"V/v {MARK} phòng chống dịch",
        "authority_id": str(docs.b.authority_id),
        "parts": [{"file_id": _upload(docs, author, "chinh"), "kind": "main", "filename": f"{MARK}-chinh.pdf"}],
        "workflow": "",
        "note": f"{MARK} ghi chú",
    }
    draft = ok(docs.post(author, "/drafts", fields), 201)["draft_id"]
    second = fields | {"abstract": f"V/v {MARK} phòng chống dịch bệnh"}
    ok(docs.http(author.principal).put(f"/drafts/{draft}", json=second, headers={"If-Match": '"1"'}))
    document = UUID(ok(docs.post(author, f"/drafts/{draft}/submit"))["document_id"])
    path = f"/documents/{document}"
    ok(docs.post(author, f"{path}/remarks", {"text": f"{MARK} xem lại"}), 201)
    asked = {"question": f"{MARK} đúng không", "asked": [{"kind": "role", "role": "leader"}]}
    request = ok(docs.post(author, f"{path}/opinions", asked), 201)["request_id"]
    ok(docs.post(docs.b.leader, f"{path}/opinions/{request}/answer", {"verdict": "agreed", "text": f"{MARK} đồng ý"}))
    docs.hear(prepared(document, docs.b.leader), signed(document, docs.b.leader))
    number = ok(docs.post(docs.b.clerk, f"{path}/issue"))["number"]
    docs.hear(sealed(document, number, _bytes(docs)))
    return document


def _bytes(docs: Docs) -> BlobRef:
    """A sealed file as signing stores it."""
    data = (SAMPLES / "03-quyet-dinh-pdfa2b.pdf").read_bytes()
    return Blobs(docs.settings.blobs, "signing").put(data, "application/pdf")


def arrived(docs: Docs, **changed: Any) -> UUID:
    """At agency B, with real bytes, and registered."""
    document = docs.signed(docs.a, **changed)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    docs.hear(sealed(document, number, _bytes(docs)))
    docs.delivered(document, docs.a, docs.b)
    found = UUID(docs.arrived(docs.b)["id"])
    docs.hear(validated(found, docs.b.agency_id))
    ok(docs.post(docs.b.clerk, f"/incoming/{found}/register"))
    return found


def _arrived(docs: Docs, office: Office) -> UUID:
    found = arrived(docs, abstract=f"V/v {MARK} văn bản đến", symbol=f"UBND-{MARK.upper()}")
    holder = {"person_id": str(office.officer.person_id), "instruction": f"{MARK} tham mưu"}
    ok(docs.post(docs.b.leader, f"/incoming/{found}/slip", {"lead": holder}), 201)
    return found


def _file(made: Kept) -> None:
    """Into a work file that everybody at the agency sees, beside something open; printed and packed by the registrar."""
    docs, clerk = made.docs, made.docs.b.clerk
    outside = {"code": "99.VP", "reason": "Việc đột xuất"}
    file = ok(docs.post(clerk, "/work-files", {"title": "Phòng chống dịch", "outside": outside}), 201)["id"]
    for kind, subject in (("document", made.document), ("incoming", made.incoming)):
        body = {"kind": kind, "subject_id": str(subject), "note": f"{MARK} lưu"}
        ok(docs.post(clerk, f"/work-files/{file}/members", body))
    export = ok(docs.post(clerk, f"/work-files/{file}/exports"), 201)["id"]
    prints = [
        ok(docs.post(clerk, "/book-prints", {"year": YEAR, "kind": kind, "format": form}), 201)["id"]
        for kind, form in (("out", "pdf"), ("in", "xlsx"))
    ]
    make(docs)
    made.names |= {"file_id": [file], "export_id": [export], "print_id": prints}


def make(docs: Docs) -> None:
    """What the worker makes of ordered books and packages."""
    workshop, blobs = Workshop(size=1), Blobs(docs.settings.blobs, "docs")
    try:
        kinds = {registers.PRINT: Press(docs.pool, blobs, workshop).kind, **Packer(docs.pool, blobs).kinds}
        runner = Runner(docs.pool, kinds, stop=threading.Event())
        while runner.run_one():
            pass
    finally:
        workshop.close()


def _send(made: Kept) -> None:
    """To agency A, whose seal gives receipts for it; chased, and asked back."""
    docs, path = made.docs, f"/documents/{made.document}"
    ok(docs.post(docs.b.clerk, f"{path}/dispatch", {"recipients": [docs.a.identifier], "note": f"{MARK} gửi"}))
    docs.circulate()
    orders = [e.data for e in docs.outbox(after=0) if isinstance(e.data, SealReceipt)]
    for order in orders:
        docs.hear(
            ReceiptSealed(
                receipt_id=order.receipt_id,
                agency_id=order.agency_id,
                text=order.text,
                signature="c2VhbA==",
                certificate_serial="01",
                by=SIGNING,
                at=datetime.now(UTC),
            )
        )
    docs.circulate()
    ok(docs.post(docs.b.clerk, f"{path}/chase", {"note": f"{MARK} đôn đốc"}))
    ok(docs.post(docs.b.clerk, f"{path}/recall", {"reason": f"{MARK} thu hồi"}))
    docs.circulate()
    made.names["receipt_id"] = [each.receipt_id for each in orders]


def _name(made: Kept) -> None:
    docs, path = made.docs, f"/documents/{made.document}"
    circulation = docs.get(docs.b.clerk, f"{path}/circulation")
    view = docs.get(docs.b.clerk, f"/documents/{made.document}")
    slip = docs.get(docs.b.clerk, f"/incoming/{made.incoming}/slip")
    other = made.docs.issued(docs.b)  # something open, to which the restricted one would be related
    with db.transaction(docs.pool, agency=docs.b.agency_id) as tx:
        (row,) = tx.execute("SELECT delivery_id FROM incoming WHERE id = %s", [made.incoming]).fetchall()
        about = [made.document, made.incoming, row["delivery_id"], UUID(circulation["deliveries"][0]["delivery_id"])]
        entries = tx.execute(
            "SELECT min(pos) AS pos FROM ledger_entry WHERE subjects && %s::uuid[] GROUP BY type", [about]
        ).fetchall()
    made.names |= {
        "document_id": [made.document],
        "draft_id": [made.document],
        "incoming_id": [made.incoming],
        "subject_id": [made.document, made.incoming],
        "delivery_id": [row["delivery_id"]],
        "task_id": [each["id"] for each in slip["leader"]],
        "request_id": [docs.get(docs.b.clerk, f"{path}/opinions")[0]["request_id"]],
        "relation_id": [made.document],
        "ordinal": [0],
        "page": [1],
        "form": ["png"],
        "number": [1],
        "sha256": [view["parts"][0]["sha256"]],
        "position": [each["pos"] for each in entries],
        "open": [other],
    }


# --- what an answer says


def words_of(answer: httpx.Response) -> str:
    """All text in an answer of any kind, events of the ledger and headers included, in lower case."""
    found = _text(answer.content)
    events = (base64.b64decode(each).decode() for each in re.findall(r'"event_b64":"([^"]+)"', found))
    return " ".join((found, *events, str(answer.headers))).lower()


def _text(data: bytes) -> str:
    if data.startswith(b"%PDF"):
        opened = pypdfium2.PdfDocument(data)
        try:
            return " ".join(page.get_textpage().get_text_bounded() for page in opened)
        finally:
            opened.close()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return " ".join(_text(archive.read(name)) + name for name in archive.namelist())
    return html.unescape(data.decode("utf-8", errors="replace"))  # spreadsheets spell letters as numbers


# --- the database itself

# Tables of the machinery, which people's requests never read: events and answers on their way, jobs, digests.
MACHINERY = {
    "outbox",
    "inbox",
    "job",
    "idempotency",
    "parked",
    "whereabouts",
    "ledger_node",
    "ledger_tree",
    "ledger_head",
}
TABLES = (
    "SELECT c.relname AS name FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
    " AND has_table_privilege(c.oid, 'SELECT')"
)
# The book keeps its numbers, a work file its contents' ordinals: lines stay, and are withheld where they are read.
TELLING = {
    "document",
    "incoming",
    "draft",
    "edition",
    "remark",
    "opinion",
    "dispatch",
    "recall",
    "receipt",
    "search_entry",
}


def the_database_itself_shows_nothing(docs: Docs, made: Kept) -> None:
    """Whatever is asked of whatever table, in somebody's own transaction."""
    with db.transaction(docs.pool, agency=docs.b.agency_id) as tx:
        posts = {each.person_id: each for each in store_registry.list_posts(tx, docs.b.agency_id, made.office.today)}
        tables = {row["name"] for row in tx.execute(TABLES).fetchall()} - MACHINERY
    assert len(tables) > 40
    for who, telling in ((made.colleague, set()), (docs.b.clerk, TELLING)):
        found = set()
        for table in tables:
            with db.transaction(docs.pool, agency=docs.b.agency_id) as tx:
                db.know_as(tx, who.person_id, standing.keys_of(posts[who.person_id]))
                rows = tx.execute(sql.SQL("SELECT t::text AS said FROM {} t").format(sql.Identifier(table))).fetchall()
            if any(MARK in row["said"].lower() for row in rows):
                found.add(table)
        assert found >= telling if telling else found <= {"book", "work_file_member"}, (who.name, found)
