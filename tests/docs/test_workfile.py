"""Work files over HTTP: the list, files and what stands in them, archive, disposal, and the package with its verifier."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pypdfium2
import pytest
from vanthu_verify.package.command import main

from deploy.devpki.server import Running, running
from services.docs import access, numbering
from services.docs.ledger import domain as ledger
from services.docs.ledger import heads
from services.docs.ledger import store as entries
from services.docs.workfile import work
from services.docs.workfile.work import Packer
from shared import db
from shared.blobs import Blobs
from shared.errors import Rejected
from shared.events import BlobRef
from shared.events.signing import TreeHeadSealed
from shared.ids import new_id
from shared.jobs import Runner
from tests.docs.conftest import SAMPLES, Docs, ok, refusal
from tests.docs.facts import SIGNING, sealed, validated
from tests.docs.ledger_world import Seal
from tests.docs.test_ledger import sequence, told

YEAR = numbering.today(datetime.now(UTC)).year
LINES = [
    {"code": "01.TCCB", "heading": "Tổ chức cán bộ", "title": "Hồ sơ tuyển dụng", "years": 5, "basis": "TT 10/2022"},
    {"code": "02.VP", "title": "Chương trình, kế hoạch năm", "person": "Nông Thị Thu Hằng"},
]


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


def listed(docs: Docs) -> dict[str, Any]:
    """The year's list, approved."""
    ok(docs.http(docs.a.clerk.principal).put(f"/file-lists/{YEAR}", json={"lines": LINES}))
    found = ok(docs.post(docs.a.leader, f"/file-lists/{YEAR}/approve", {"basis": "01/QĐ-UBND"}))
    return {each["code"]: each["id"] for each in found["lines"]}


def opened(docs: Docs, **more: Any) -> str:
    body = {"title": "Tuyển dụng công chức đợt 1", "line_id": listed(docs)["01.TCCB"]} | more
    return str(ok(docs.post(docs.a.clerk, "/work-files", body), 201)["id"])


def issued(docs: Docs, **changed: Any) -> tuple[UUID, BlobRef]:
    """With real bytes, as signing stores them."""
    document = docs.signed(docs.a, **changed)
    number = ok(docs.post(docs.a.clerk, f"/documents/{document}/issue"))["number"]
    data = (SAMPLES / "03-quyet-dinh-pdfa2b.pdf").read_bytes()
    content = Blobs(docs.settings.blobs, "signing").put(data, "application/pdf")
    docs.hear(sealed(document, number, content))
    return document, content


def put(docs: Docs, file: str, kind: str, subject: Any) -> dict[str, Any]:
    return ok(docs.post(docs.a.clerk, f"/work-files/{file}/members", {"kind": kind, "subject_id": str(subject)}))


def archived(docs: Docs, file: str) -> None:
    ok(docs.post(docs.a.clerk, f"/work-files/{file}/close", {"ended_on": str(today())}))
    ok(docs.post(docs.a.clerk, "/work-files/submit", {"file_ids": [file], "minutes": "01/BB-LT"}))
    ok(docs.post(docs.a.leader, f"/work-files/{file}/accept"))


def today() -> date:
    return numbering.today(datetime.now(UTC))


def packer(docs: Docs) -> Packer:
    return Packer(docs.pool, Blobs(docs.settings.blobs, "docs"))


def run_jobs(docs: Docs) -> None:
    with db.transaction(docs.pool) as tx:
        tx.execute("UPDATE job SET run_at = now() WHERE kind = ANY(%s)", [[work.EXPORT, work.ERASE]])
    runner = Runner(docs.pool, packer(docs).kinds, stop=threading.Event())
    while runner.run_one():
        pass


def later(docs: Docs, years: int) -> None:
    """The clock of the office some years on."""
    docs.app.dependency_overrides[access.clock_dependency] = lambda: (
        lambda: datetime.now(UTC) + timedelta(days=366 * years)
    )


# --- the list


def test_a_list_is_drafted_approved_amended_and_goes_through_a_spreadsheet(docs: Docs) -> None:
    http = docs.http(docs.a.clerk.principal)
    path = f"/file-lists/{YEAR}"
    made = http.put(path, json={"lines": LINES}, headers={"If-Match": '"0"'})
    assert [(e["code"], e["retention"]) for e in ok(made)["lines"]] == [("01.TCCB", "5 năm"), ("02.VP", "Vĩnh viễn")]
    assert refusal(http.put(path, json={"lines": LINES}, headers={"If-Match": '"0"'})) == "stale_version"
    assert refusal(docs.post(docs.a.clerk, f"{path}/approve", {})) == "forbidden"
    line = ok(made)["lines"][0]["id"]
    assert refusal(docs.post(docs.a.clerk, "/work-files", {"title": "x", "line_id": line})) == "file_list_not_approved"
    assert ok(docs.post(docs.a.leader, f"{path}/approve", {"basis": "01/QĐ-UBND"}))["approved_by"] == docs.a.leader.name
    assert refusal(http.put(path, json={"lines": LINES[:1]})) == "file_line_kept"

    book = openpyxl.load_workbook(io.BytesIO(http.get(f"{path}/sheet.xlsx").content))
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]][:4] == [
        "Số và ký hiệu hồ sơ",
        "Đề mục",
        "Tiêu đề hồ sơ",
        "Thời hạn bảo quản",
    ]
    sheet.append(["03.ĐĐ", "Đất đai", "Hồ sơ giao đất", "70 năm", "TT 10/2022", "Hoàng Văn Đức", ""])
    sheet["C2"] = "Hồ sơ tuyển dụng, nâng ngạch"
    out = io.BytesIO()
    book.save(out)
    found = ok(http.post(f"{path}/import", params={"filename": "dm.xlsx"}, content=out.getvalue()))
    assert [e["code"] for e in found["lines"]] == ["01.TCCB", "02.VP", "03.ĐĐ"]
    assert (found["lines"][0]["id"], found["lines"][0]["title"]) == (line, "Hồ sơ tuyển dụng, nâng ngạch")
    broken = http.post(f"{path}/import", params={"filename": "dm.xlsx"}, content=b"no sheet")
    assert refusal(broken) == "file_list_sheet_broken"

    pdf = pypdfium2.PdfDocument(http.get(f"{path}/sheet.pdf").content)
    text = pdf[0].get_textpage().get_text_bounded()
    assert all(word in text for word in ("DANH MỤC HỒ SƠ", "01.TCCB", "Vĩnh viễn", "01/QĐ-UBND"))
    pdf.close()
    assert docs.get(docs.b.clerk, path)["lines"] == []


# --- files


def test_a_file_is_opened_filled_sorted_and_closed(docs: Docs) -> None:
    file = opened(docs)
    document, _ = issued(docs)
    docs.delivered(docs.issued(docs.b, abstract="V/v báo cáo"), docs.b, docs.a)
    arrival = UUID(docs.arrived(docs.a)["id"])
    docs.hear(validated(arrival, docs.a.agency_id))
    put(docs, file, "document", document)
    found = put(docs, file, "incoming", arrival)
    assert [(e["ordinal"], e["kind"]) for e in found["contents"]] == [(1, "document"), (2, "incoming")]
    assert len(found["unfinished"]) == 1
    twice = docs.post(docs.a.clerk, f"/work-files/{file}/members", {"kind": "document", "subject_id": str(document)})
    assert refusal(twice) == "already_filed"
    theirs = docs.post(docs.a.clerk, f"/work-files/{file}/members", {"kind": "document", "subject_id": str(new_id())})
    assert theirs.status_code == 404
    assert (
        refusal(docs.post(docs.a.clerk, f"/work-files/{file}/close", {"ended_on": str(today())})) == "file_unfinished"
    )
    ok(docs.post(docs.a.clerk, f"/work-files/{file}/members/{arrival}/take-out", {"reason": "nhầm hồ sơ"}))

    outside = {"title": "Việc đột xuất", "outside": {"code": "99.VP", "years": 2, "reason": "phát sinh trong năm"}}
    second = ok(docs.post(docs.a.clerk, "/work-files", outside), 201)["id"]
    assert refusal(docs.post(docs.a.clerk, "/work-files", {"title": "x"})) == "file_outside_needs_reason"
    put(docs, second, "document", document)
    assert len(docs.get(docs.a.clerk, f"/work-files?subject={document}")["items"]) == 2

    done = ok(docs.post(docs.a.clerk, f"/work-files/{file}/close", {"ended_on": str(today())}))
    assert done["archive_due"] == f"{today().year + 1}{str(today())[4:]}"
    put_late = docs.post(docs.a.clerk, f"/work-files/{file}/members", {"kind": "incoming", "subject_id": str(arrival)})
    assert refusal(put_late) == "file_wrong_state"
    assert ok(docs.post(docs.a.clerk, f"/work-files/{file}/reopen", {"reason": "bổ sung"}))["state"] == "open"
    assert docs.http(docs.b.clerk.principal).get(f"/work-files/{file}").status_code == 404
    names = [type(e.data).__name__ for e in docs.outbox(after=0) if e.topic == "docs.workfile" and e.key == file]
    assert names == ["WorkfileOpened", *["WorkfileFiled"] * 3, *["WorkfileStood"] * 2]

    sheet = docs.http(docs.a.clerk.principal).get(f"/work-files/{file}/contents.xlsx").content
    rows = list(openpyxl.load_workbook(io.BytesIO(sheet)).worksheets[0].iter_rows(values_only=True))
    assert (rows[0][1], rows[1][0]) == ("Số, ký hiệu văn bản", 1)


def test_the_file_of_what_is_answered_is_suggested(docs: Docs) -> None:
    file = opened(docs)
    docs.delivered(docs.issued(docs.b), docs.b, docs.a)
    arrival = UUID(docs.arrived(docs.a)["id"])
    docs.hear(validated(arrival, docs.a.agency_id))
    ok(docs.post(docs.a.clerk, f"/incoming/{arrival}/register"))
    put(docs, file, "incoming", arrival)
    reply, _ = issued(docs)
    ok(docs.post(docs.a.clerk, f"/documents/{reply}/relations", {"kind": "answers", "incoming_id": str(arrival)}), 201)
    found = docs.get(docs.a.clerk, f"/work-files/suggested?kind=document&subject_id={reply}")["items"]
    assert [each["id"] for each in found] == [file]


# --- archive, freezing, disposal


def test_a_due_file_is_warned_of_once_and_listed(docs: Docs) -> None:
    file = opened(docs)
    put(docs, file, "document", issued(docs)[0])
    ok(docs.post(docs.a.clerk, f"/work-files/{file}/close", {"ended_on": str(today())}))
    soon = datetime.now(UTC) + timedelta(days=340)
    assert [work.warn_all(docs.pool, "urn:vanthu:test", at) for at in (datetime.now(UTC), soon, soon)] == [0, 1, 0]
    assert docs.get(docs.a.clerk, "/work-files?due=true")["items"] == []
    docs.app.dependency_overrides[access.clock_dependency] = lambda: lambda: soon
    assert [e["id"] for e in docs.get(docs.a.clerk, "/work-files?due=true")["items"]] == [file]


def test_disposal_destroys_what_nothing_else_needs_and_keeps_the_record(docs: Docs) -> None:
    file, other = opened(docs), opened(docs, title="Hồ sơ khác")
    own = ok(docs.upload(docs.a.clerk, "06-to-trinh-tagged.pdf"), 201)
    alone, _ = issued(docs, parts=[{"file_id": own["file_id"], "kind": "main"}])
    shared, _ = issued(docs, abstract="V/v nằm trong hai hồ sơ")
    for each in (alone, shared):
        put(docs, file, "document", each)
    put(docs, other, "document", shared)
    archived(docs, file)
    body = {"file_ids": [file], "decision": "09/QĐ-UBND", "decided_on": str(today()), "members": ["A", "B"]}
    assert refusal(docs.post(docs.a.leader, "/work-files/dispose", body)) == "file_before_its_time"
    later(docs, 7)
    word = {"file_ids": [file], "number": "02/YC-TTr", "day": str(today())}
    ok(docs.post(docs.a.clerk, "/work-files/freeze", word))
    assert refusal(docs.post(docs.a.leader, "/work-files/dispose", body)) == "file_frozen"
    ok(docs.post(docs.a.leader, "/work-files/unfreeze", word))
    assert refusal(docs.post(docs.a.clerk, "/work-files/dispose", body)) == "forbidden"
    ok(docs.post(docs.a.leader, "/work-files/dispose", body))

    http = docs.http(docs.a.clerk.principal)
    assert refusal(http.get(f"/documents/{alone}/content")) == "content_disposed"
    assert refusal(http.get(f"/documents/{alone}/parts/0/pages/1.png")) == "content_disposed"
    assert http.get(f"/documents/{shared}/content").status_code == 200
    found = docs.get(docs.a.clerk, f"/work-files/{file}")
    assert (found["state"], found["disposal"]["decision"]) == ("disposed", "09/QĐ-UBND")
    assert [each["destroyed"] for each in found["contents"]] == [True, False]
    assert refusal(docs.post(docs.a.clerk, f"/work-files/{file}/reopen", {"reason": "x"})) == "file_wrong_state"
    assert refusal(docs.post(docs.a.clerk, f"/work-files/{file}/exports")) == "file_wrong_state"
    blobs = Blobs(docs.settings.blobs, "docs")
    ref = BlobRef(prefix="docs", sha256=own["sha256"], size=own["size"], media_type="application/pdf")
    assert len(blobs.get(ref)) == own["size"]
    docs.rows(docs.a.agency_id, "UPDATE file SET uploaded_at = now() - interval '40 days' RETURNING id")
    run_jobs(docs)
    with pytest.raises(Rejected) as gone:
        blobs.get(ref)
    assert gone.value.code == "blob_missing"
    assert http.get(f"/documents/{shared}/parts/0/content").status_code == 200


# --- the package


@pytest.fixture
def package(docs: Docs, pki: Running, tmp_path: Path) -> tuple[Path, Path]:
    """A package with what was sent and what arrived, under a sealed head, and the root that is trusted."""
    file = opened(docs)
    document, _ = issued(docs)
    put(docs, file, "document", document)
    sequence(docs, *told(docs))
    with db.transaction(docs.pool) as tx:
        head = heads.order_head(tx, docs.a.identifier, "urn:vanthu:test", datetime.now(UTC))
        log_id = entries.get_tree(tx).log_id
    text = ledger.head_text(log_id, head.size, head.root, head.ordered_at)
    signature, stamped_at = Seal(pki, docs.a.name).over(text)
    docs.hear(
        TreeHeadSealed(
            head_id=head.id,
            text=text.decode(),
            signature=base64.b64encode(signature).decode(),
            certificate_serial="1f",
            stamped_at=stamped_at,
            by=SIGNING,
            at=datetime.now(UTC),
        )
    )
    order = ok(docs.post(docs.a.clerk, f"/work-files/{file}/exports"), 201)
    waiting = docs.http(docs.a.clerk.principal).get(f"/work-file-exports/{order['id']}/content")
    assert refusal(waiting) == "export_not_ready"
    run_jobs(docs)
    done = docs.get(docs.a.clerk, f"/work-file-exports/{order['id']}")
    answer = docs.http(docs.a.clerk.principal).get(f"/work-file-exports/{order['id']}/content")
    assert (done["state"], answer.status_code, len(answer.content)) == ("done", 200, done["size"]), done
    path, root = tmp_path / "ho-so.zip", tmp_path / "root.pem"
    path.write_bytes(answer.content)
    root.write_bytes(pki.root_pem)
    for name in ("one", "two"):  # the same content, the same bytes
        (tmp_path / name).mkdir()
        packer(docs).pack(docs.a.agency_id, UUID(file), tmp_path / f"{name}.zip", tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    return path, root


Files = dict[str, bytes]


def remade(path: Path, change: Callable[[Files], None]) -> Path:
    with zipfile.ZipFile(path) as source:
        files = {name: source.read(name) for name in source.namelist()}
    change(files)
    out = path.with_name("changed.zip")
    with zipfile.ZipFile(out, "w") as target:
        for name, data in files.items():
            target.writestr(name, data)
    return out


def first_pdf(files: Files) -> str:
    return next(name for name in files if name.startswith("documents/"))


def drop_pdf(files: Files) -> None:
    del files[first_pdf(files)]


def change_pdf(files: Files) -> None:
    files[first_pdf(files)] += b"\n% more"


def add_file(files: Files) -> None:
    files["documents/0009/01-them.pdf"] = b"%PDF-1.4"


def drop_manifest(files: Files) -> None:
    del files["manifest-sha256.txt"]


def another_head(files: Files) -> None:
    head = json.loads(files["evidence/ledger/head.json"])
    head["root"] = "0" * 64
    files["evidence/ledger/head.json"] = json.dumps(head).encode()
    again(files)


def another_entry(files: Files) -> None:
    lines = files["evidence/ledger/entries.ndjson"].splitlines()
    entry = json.loads(lines[0])
    event = base64.b64decode(entry["event_b64"]).replace(b"Vanthu", b"Ai khac")
    lines[0] = json.dumps(entry | {"event_b64": base64.b64encode(event + b" ").decode()}).encode()
    files["evidence/ledger/entries.ndjson"] = b"\n".join(lines)
    again(files)


def forge_content(files: Files) -> None:
    """Another PDF with metadata and manifest to match: only the ledger knows."""
    name = first_pdf(files)
    old = hashlib.sha256(files[name]).hexdigest()
    files[name] = (SAMPLES / "02-bao-cao.pdf").read_bytes()
    new = hashlib.sha256(files[name]).hexdigest()
    for each in ("metadata.json", "metadata.xml"):
        files[each] = files[each].replace(old.encode(), new.encode())
    again(files)


def leave_out(files: Files) -> None:
    """A document left out everywhere: the ledger says that it was put in."""
    del files[first_pdf(files)]
    told = json.loads(files["metadata.json"])
    files["metadata.json"] = json.dumps(told | {"Document": []}).encode()
    said = files["metadata.xml"].decode()
    start, end = said.index(" <Document>"), said.rindex("</Document>\n") + len("</Document>\n")
    files["metadata.xml"] = (said[:start] + said[end:]).encode()
    again(files)


def unlike_xml(files: Files) -> None:
    told = json.loads(files["metadata.json"])
    told["File"]["Title"] = "Hồ sơ khác"
    files["metadata.json"] = json.dumps(told).encode()
    again(files)


def again(files: Files) -> None:
    """A manifest that fits."""
    files.pop("manifest-sha256.txt")
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    files["manifest-sha256.txt"] = lines.encode()


DEEDS: dict[Callable[[Files], None], set[str]] = {
    drop_pdf: {"file_missing"},
    change_pdf: {"file_changed"},
    add_file: {"file_added"},
    drop_manifest: {"no_manifest"},
    another_head: {"head_bad"},
    another_entry: {"proof_failed"},
    forge_content: {"content_unlike_ledger"},
    leave_out: {"document_left_out"},
    unlike_xml: {"metadata_differ"},
}


def test_a_package_is_checked_without_vanthu_and_each_change_is_found(
    package: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, root = package
    code = main([str(path), "--trust", str(root), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert code == 0, said
    assert (said["pdfs"], said["entries"] >= 5, {f["code"] for f in said["findings"]} <= {"unsigned"}) == (
        1,
        True,
        True,
    )
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as packed:
        packed.extractall(folder)
    asked = ["sha256sum", "-c", "--quiet", "manifest-sha256.txt"]
    plain = subprocess.run(asked, cwd=folder, capture_output=True, check=False)
    assert plain.returncode == 0, plain.stdout
    sample = (SAMPLES / "03-quyet-dinh-pdfa2b.pdf").read_bytes()
    assert [p.read_bytes() for p in folder.glob("documents/0001/*")] == [sample]
    assert "HỒ SƠ 01.TCCB" in (folder / "README.txt").read_text(encoding="utf-8")

    for deed, codes in DEEDS.items():
        assert main([str(remade(path, deed)), "--trust", str(root), "--json"]) == 1, deed.__name__
        found = {f["code"] for f in json.loads(capsys.readouterr().out)["findings"]}
        assert codes <= found, (deed.__name__, found)
    assert main([str(path)]) == 3  # no root was given
    assert "no_trust" in capsys.readouterr().out
    (tmp_path / "no.zip").write_bytes(b"nothing")
    assert main([str(tmp_path / "no.zip"), "--json"]) == 1
