"""A work file as a package: what is in it, that it is checked without Vanthu, and what is withheld is owned up to."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from vanthu_verify.package.command import main

from deploy.devpki.server import Running, running
from services.docs.ledger import domain as ledger
from services.docs.ledger import heads
from services.docs.ledger import store as entries
from shared import db
from shared.events.signing import TreeHeadSealed
from tests.docs.conftest import SAMPLES, Docs, ok, refusal
from tests.docs.facts import SIGNING, Person, validated
from tests.docs.ledger_world import Seal
from tests.docs.test_handling import Office
from tests.docs.test_ledger import sequence, told
from tests.docs.test_workfile import issued, opened, packer, put, run_jobs


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture
def package(docs: Docs, pki: Running, tmp_path: Path) -> tuple[Path, Path]:
    """A package with what was sent and what arrived, under a sealed head, and the root that is trusted."""
    file = opened(docs)
    document, _ = issued(docs)
    ok(docs.post(docs.a.clerk, f"/documents/{document}/remarks", {"text": "Đã sửa đoạn 3."}), 201)
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


def change_draft(files: Files) -> None:
    """An earlier draft with a manifest to match: the metadata name another digest."""
    name = next(name for name in files if name.startswith("drafts/"))
    files[name] += b"\n% more"
    again(files)


def change_talk(files: Files) -> None:
    files["discussion/0001.json"] = files["discussion/0001.json"].replace("Đã sửa".encode(), "Chưa sửa".encode())
    again(files)


def hide_talk(files: Files) -> None:
    del files["discussion/0001.json"]
    again(files)


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
    change_draft: {"part_differs"},
    change_talk: {"part_differs"},
    hide_talk: {"part_differs"},
    drop_manifest: {"no_manifest"},
    another_head: {"head_bad"},
    another_entry: {"proof_failed"},
    forge_content: {"content_unlike_ledger"},
    leave_out: {"document_left_out"},
    unlike_xml: {"metadata_differ"},
}


def test_a_package_is_checked_without_vanthu_and_each_change_is_found(
    docs: Docs, package: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
    # The drafts that it came from and what was said about it are members too.
    (draft,) = folder.glob("drafts/0001/*/*.pdf")
    assert draft.read_bytes() == (SAMPLES / "01-cong-van.pdf").read_bytes()
    talk = json.loads((folder / "discussion/0001.json").read_text(encoding="utf-8"))["Said"]
    assert [(each["Kind"], each["By"], each["Text"]) for each in talk] == [
        ("remark", docs.a.clerk.name, "Đã sửa đoạn 3.")
    ]
    assert "HỒ SƠ 01.TCCB" in (folder / "README.txt").read_text(encoding="utf-8")

    for deed, codes in DEEDS.items():
        assert main([str(remade(path, deed)), "--trust", str(root), "--json"]) == 1, deed.__name__
        found = {f["code"] for f in json.loads(capsys.readouterr().out)["findings"]}
        assert codes <= found, (deed.__name__, found)
    assert main([str(path)]) == 3  # no root was given
    assert "no_trust" in capsys.readouterr().out
    (tmp_path / "no.zip").write_bytes(b"nothing")
    assert main([str(tmp_path / "no.zip"), "--json"]) == 1


def test_what_the_packer_may_not_know_is_withheld_and_the_package_says_so(
    docs: Docs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The number of them, nothing of their content; whoever may not know them gets nobody else's package either."""
    office, b = Office(docs), docs.b
    outside = {"code": "09.VP", "years": 5, "basis": "TT 10/2022", "reason": "Việc đột xuất"}
    body = {"title": "Phòng chống lũ", "outside": outside}
    file = str(ok(docs.post(b.clerk, "/work-files", body), 201)["id"])
    sent, _ = issued(docs)
    docs.delivered(sent, docs.a, b)
    secret, plain = UUID(docs.arrived(b)["id"]), docs.submitted(b, abstract="Lịch trực phòng, chống lũ")
    docs.hear(validated(secret, b.agency_id))
    ok(docs.post(b.clerk, f"/incoming/{secret}/register"))
    for kind, subject in (("incoming", secret), ("document", plain)):
        member = {"kind": kind, "subject_id": str(subject)}
        ok(docs.post(b.clerk, f"/work-files/{file}/members", member))
    ok(docs.post(b.clerk, f"/incoming/{secret}/access", {"restricted": True}))

    def packed(who: Person) -> tuple[str, Path]:
        order = ok(docs.post(who, f"/work-files/{file}/exports"), 201)["id"]
        run_jobs(docs)
        answer = docs.http(who.principal).get(f"/work-file-exports/{order}/content")
        assert answer.status_code == 200, answer.text
        path = tmp_path / f"{order}.zip"
        path.write_bytes(answer.content)
        return order, path

    whole, all_of_it = packed(b.clerk)
    _, part = packed(office.other)
    with zipfile.ZipFile(all_of_it) as package:
        assert json.loads(package.read("metadata.json"))["File"]["Withheld"] == 0
    with zipfile.ZipFile(part) as package:
        told_of = json.loads(package.read("metadata.json"))
        everything = b"".join(package.read(name) for name in package.namelist())
    assert (told_of["File"]["DocTotal"], told_of["File"]["Withheld"], len(told_of["Document"])) == (2, 1, 1)
    assert told_of["Document"][0]["Id"] == str(plain)
    abstract = docs.get(b.clerk, f"/incoming/{secret}")["abstract"]
    assert abstract.encode() not in everything
    assert refusal(docs.http(office.other.principal).get(f"/work-file-exports/{whole}/content")) == "export_of_others"

    # Whoever fetched it before may not any more once something in it was restricted; a new one withholds it.
    part_order = part.stem
    ok(docs.post(b.clerk, f"/documents/{plain}/access", {"restricted": True}))
    assert (
        refusal(docs.http(office.other.principal).get(f"/work-file-exports/{part_order}/content")) == "export_outdated"
    )
    assert docs.http(b.clerk.principal).get(f"/work-file-exports/{whole}/content").status_code == 200
    ok(docs.post(b.clerk, f"/work-files/{file}/members/{plain}/take-out", {"reason": "Xếp nhầm"}))
    assert (
        refusal(docs.http(office.other.principal).get(f"/work-file-exports/{part_order}/content")) == "export_outdated"
    )
    _, less = packed(office.other)
    with zipfile.ZipFile(less) as package:
        assert json.loads(package.read("metadata.json"))["Document"] == []

    capsys.readouterr()
    assert main([str(part), "--json"]) == 3
    said = {f["code"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert "1 văn bản" in said["documents_withheld"]["vi"]
    assert "document_left_out" not in said
