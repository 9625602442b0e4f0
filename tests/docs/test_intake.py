"""What comes in passes its steps: seen, done again, refused with a reason; what is secret or infected is erased."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from services.docs.intake import work
from services.docs.intake.programs import find
from shared.ids import new_id
from shared.jobs import Runner
from tests.docs import papers
from tests.docs.bringing import Intake, codes, states
from tests.docs.conftest import SAMPLES, Docs, ok, refusal
from tests.support.parts import free_port

LETTER = (SAMPLES / "01-cong-van.pdf").read_bytes()


def test_a_pdf_becomes_a_file_that_a_draft_can_use_byte_for_byte(docs: Docs, intake: Intake) -> None:
    found = intake.brought(docs.a.clerk, LETTER)
    assert found["state"] == "ready", found
    assert states(found) == {
        "received": "done", "type": "done", "size": "done", "virus": "skipped",
        "convert": "skipped", "secrecy": "done", "text": "skipped", "ready": "done",
    }  # fmt: skip
    assert codes(found) == {"virus": "scanner_not_set", "convert": "not_needed", "text": "has_text"}
    got = docs.http(docs.a.clerk.principal).get(f"/intake/{found['id']}/content")
    assert got.content == LETTER
    assert "ngày" in docs.http(docs.a.clerk.principal).get(f"/intake/{found['id']}/text").text
    ok(docs.post(docs.a.clerk, f"/intake/{found['id']}/use"))
    body = docs.draft(docs.a) | {"parts": [{"file_id": found["file_id"], "kind": "main"}]}
    ok(docs.post(docs.a.clerk, "/documents", body), 201)
    assert intake.quarantined() == []


def test_nobody_opens_what_has_not_passed_and_nobody_of_another_agency_sees_it(docs: Docs, intake: Intake) -> None:
    made = ok(intake.bring(docs.a.clerk, LETTER), 201)
    path = f"/intake/{made['id']}"
    assert refusal(docs.http(docs.a.clerk.principal).get(f"{path}/content")) == "intake_not_ready"
    intake.work()
    for act in ("", "/content", "/text"):
        assert refusal(docs.http(docs.b.clerk.principal).get(path + act)) == "not_found"
    for act in ("retry", "discard", "use"):
        assert refusal(docs.post(docs.b.clerk, f"{path}/{act}")) == "not_found"
    assert docs.get(docs.b.clerk, "/intake")["items"] == []
    tables = ("upload", "upload_piece", "intake_item", "intake_step", "intake_taken")
    for table in tables:
        for agency_id in (None, docs.b.agency_id):
            assert docs.rows(agency_id, f"SELECT * FROM {table}") == []  # noqa: S608  our own names


def test_a_second_click_brings_nothing_twice(docs: Docs, intake: Intake) -> None:
    client = docs.http(docs.a.clerk.principal)
    for _ in range(2):
        answer = client.post("/intake?filename=a.pdf", content=LETTER, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 201
    intake.work()
    assert len(intake.items(docs.a.clerk)) == 1
    assert intake.quarantined() == []


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"MZ\x90\0", "van-ban.pdf", "type_not_taken"),
        (papers.bomb(), "bao-cao.docx", "office_bomb"),
        (papers.liar(), "bao-cao.docx", "office_bomb"),
        (papers.nested(), "bao-cao.docx", "office_bomb"),
        (papers.docx(more={"word/vbaProject.bin": b"x"}), "bao-cao.docx", "office_macros"),
        (LETTER[:2000], "cut.pdf", "pdf_damaged"),
        ((SAMPLES / "r1-mat-khau-mo.pdf").read_bytes(), "khoa.pdf", "pdf_password"),
        (papers.scan(kind="JPEG")[:9000], "quet.jpg", "image_damaged"),
        (papers.scan(kind="TIFF")[:9000], "quet.tif", "image_damaged"),
    ],
)
def test_a_bad_file_says_which_step_why_and_what_to_do(
    docs: Docs, intake: Intake, data: bytes, name: str, code: str
) -> None:
    found = intake.brought(docs.a.clerk, data, name)
    assert (found["state"], states(found)["type"], codes(found)["type"]) == ("refused", "refused", code)
    assert "hãy" in found["reason"]["vi"]
    assert refusal(docs.post(docs.a.clerk, f"/intake/{found['id']}/use")) == "intake_not_ready"
    ok(docs.post(docs.a.clerk, f"/intake/{found['id']}/discard"))
    intake.work()
    assert intake.quarantined() == []


def test_without_libreoffice_one_sentence_says_what_to_do_and_later_it_goes_on(docs: Docs, intake: Intake) -> None:
    found = intake.brought(docs.a.clerk, papers.docx(), "báo cáo.docx")
    assert (found["state"], codes(found)["convert"]) == ("failed", "converter_absent")
    if shutil.which("soffice") is None:
        pytest.skip("no LibreOffice here: the conversion itself is not tried; type: apt-get install libreoffice-writer")
    intake.use(soffice=find().soffice)
    ok(docs.post(docs.a.clerk, f"/intake/{found['id']}/retry"))
    intake.work()
    after = intake.item(docs.a.clerk, found["id"])
    assert after["state"] == "ready", after["reason"]
    pdf = docs.http(docs.a.clerk.principal).get(f"/intake/{found['id']}/content")
    assert pdf.content.startswith(b"%PDF-")
    assert "filename*=UTF-8''b%C3%A1o%20c%C3%A1o.pdf" in pdf.headers["Content-Disposition"]
    text = docs.http(docs.a.clerk.principal).get(f"/intake/{found['id']}/text").text
    assert papers.WORDS in " ".join(text.split())


@pytest.mark.skipif(shutil.which("soffice") is None, reason="no LibreOffice here: apt-get install libreoffice-writer")
def test_an_odt_that_is_secret_is_erased_after_its_conversion(docs: Docs, intake: Intake) -> None:
    intake.use(soffice=find().soffice)
    data = papers.odt("SỞ NỘI VỤ", "TỐI MẬT", "Nội dung không được lưu")
    found = intake.brought(docs.a.clerk, data, "van-ban.odt")
    assert (found["state"], codes(found)["secrecy"]) == ("refused", "secret_document")
    assert intake.quarantined() == []
    assert not intake.holds(data[:200])
    assert refusal(docs.post(docs.a.clerk, f"/intake/{found['id']}/retry")) == "content_purged"


@pytest.mark.parametrize("name", ["[MẬT] ke-hoach.pdf", "TỐI MẬT - ke-hoach.pdf"])
def test_a_file_whose_name_says_that_it_is_secret_is_erased_at_once(docs: Docs, intake: Intake, name: str) -> None:
    found = intake.brought(docs.a.clerk, LETTER, name)
    assert (found["state"], codes(found)["received"]) == ("refused", "secret_document")
    assert "ke-hoach" not in found["filename"]
    assert intake.quarantined() == []
    assert not intake.holds(LETTER)


@pytest.mark.skipif(find().tesseract is None, reason="no Vietnamese Tesseract here: apt-get install tesseract-ocr-vie")
def test_a_scan_is_read_into_a_text_of_its_own(docs: Docs, intake: Intake) -> None:
    intake.use(tesseract=find().tesseract)
    data = papers.scan("UBND xã Bắc Sơn", "Quyết định phòng chống dịch bệnh mùa mưa lũ", kind="TIFF", pages=2)
    found = intake.brought(docs.a.clerk, data, "quét 1.tif")
    assert found["state"] == "ready", found["reason"]
    assert (states(found)["text"], found["page_count"]) == ("done", 2)
    text = docs.http(docs.a.clerk.principal).get(f"/intake/{found['id']}/text").text
    assert text.count("\f") == 1
    assert "phòng chống dịch bệnh" in " ".join(text.split())


@pytest.mark.skipif(find().tesseract is None, reason="no Vietnamese Tesseract here: apt-get install tesseract-ocr-vie")
def test_a_stamp_that_only_the_picture_shows_is_found_too(docs: Docs, intake: Intake) -> None:
    intake.use(tesseract=find().tesseract)
    found = intake.brought(docs.a.clerk, papers.scan("SỞ Y TẾ", "", "MẬT", "", "Kính gửi các đơn vị"), "quet.png")
    assert (found["state"], codes(found)["text"]) == ("refused", "secret_document")
    assert intake.quarantined() == []


def test_a_scan_is_ready_without_a_reader_and_says_that_it_is_not_found_by_content(docs: Docs, intake: Intake) -> None:
    found = intake.brought(docs.a.clerk, papers.scan(kind="JPEG"), "quet.jpg")
    assert (found["state"], codes(found)["text"]) == ("ready", "reader_absent")
    pdf = docs.http(docs.a.clerk.principal).get(f"/intake/{found['id']}/content").content
    assert papers.scan(kind="JPEG")[200:400] in pdf  # the picture's own bytes, not drawn anew


# --- the scanner


@contextmanager
def scanner(answer: bytes) -> Iterator[str]:
    """A server that speaks clamd's protocol: reads what is sent as INSTREAM chunks and answers."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line, line.makefile("rb") as sent:
                assert sent.read(10) == b"zINSTREAM\0"
                while length := int.from_bytes(sent.read(4), "big"):
                    assert len(sent.read(length)) == length
                line.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


def test_a_scanner_that_is_down_is_waited_for_and_the_file_goes_on_by_itself(docs: Docs, intake: Intake) -> None:
    with scanner(b"stream: OK\0") as address:
        pass
    intake.use(clamd=address)
    found = intake.brought(docs.a.clerk, LETTER)
    assert (found["state"], states(found)["virus"], codes(found)["virus"]) == ("working", "waiting", "scanner_away")
    with scanner(b"stream: OK\0") as address:
        intake.use(clamd=address)
        ok(docs.post(docs.a.clerk, f"/intake/{found['id']}/retry"))
        intake.work()
    after = intake.item(docs.a.clerk, found["id"])
    assert (after["state"], states(after)["virus"]) == ("ready", "done")


def test_an_infected_file_is_refused_with_the_name_and_erased(docs: Docs, intake: Intake) -> None:
    with scanner(b"stream: Eicar-Test-Signature FOUND\0") as address:
        intake.use(clamd=address)
        found = intake.brought(docs.a.clerk, LETTER)
    assert (found["state"], codes(found)["virus"]) == ("refused", "virus_found")
    assert "Eicar-Test-Signature" in found["reason"]["vi"]
    assert intake.quarantined() == []


def test_files_of_drafts_and_of_partners_are_scanned_before_they_are_kept(docs: Docs, intake: Intake) -> None:
    def send() -> tuple[str, str]:
        """The codes that a clerk and a partner get."""
        partner = docs.partner().post("/exchange/files", params={"filename": "a.pdf"}, content=LETTER)
        return refusal(docs.upload(docs.a.clerk)), refusal(partner)

    with scanner(b"stream: Eicar-Test-Signature FOUND\0") as address:
        docs.app.state.intake = replace(intake.desk, programs=replace(intake.desk.programs, clamd=address))
        assert send() == ("virus_found", "virus_found")
    assert send() == ("scanner_away", "scanner_away")
    docs.app.state.intake = intake.desk
    assert refusal(docs.upload(docs.a.clerk, filename="[MẬT] a.pdf")) == "secret_document"
    assert not intake.holds(LETTER)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (papers.bomb(), "office_bomb"),
        (papers.docx("x", more={"word/vbaProject.bin": b"x"}), "office_macros"),
        (papers.packed({"a.pdf": LETTER}), "archive_attached"),
        (b"MZ" * 50, "type_not_taken"),
    ],
)
def test_files_of_drafts_and_of_partners_are_told_by_their_content(
    docs: Docs, intake: Intake, data: bytes, code: str
) -> None:
    """Whatever the name says: the same functions look at them as at what comes in by the other ways."""
    partner = docs.partner().post("/exchange/files", params={"filename": "a.pdf"}, content=data)
    assert refusal(partner) == code
    draft = docs.http(docs.a.clerk.principal).post(
        "/files", params={"filename": "a.pdf"}, content=data, headers={"Idempotency-Key": str(new_id())}
    )
    assert refusal(draft) == code
    assert not intake.holds(data)


def test_a_file_that_the_scanner_cannot_judge_waits_for_a_person(docs: Docs, intake: Intake) -> None:
    with scanner(b"INSTREAM size limit exceeded. ERROR\0") as address:
        intake.use(clamd=address)
        found = intake.brought(docs.a.clerk, LETTER)
        assert (found["state"], codes(found)["virus"]) == ("failed", "scanner_limit")


# --- a worker that dies


def test_a_worker_killed_between_or_within_steps_loses_nothing(docs: Docs, intake: Intake) -> None:
    made = ok(intake.bring(docs.a.clerk, LETTER), 201)
    runner = Runner(docs.pool, work.kinds(intake.desk), stop=threading.Event())
    seen = []
    while (job := runner._claim()) is not None:
        done = work.run_step(intake.desk, job) if job.kind == "intake_step" else None
        del done  # the process is gone here: what the step found out is lost, its lease runs out
        docs.rows(None, "UPDATE job SET lease_until = now() - interval '1 second' RETURNING id")
        assert runner.run_one()
        seen.append(
            next((s["name"] for s in intake.item(docs.a.clerk, made["id"])["steps"] if s["state"] == "due"), "")
        )
    found = intake.item(docs.a.clerk, made["id"])
    assert found["state"] == "ready"
    assert seen[:7] == ["size", "virus", "convert", "secrecy", "text", "ready", ""]
    assert len(docs.rows(docs.a.agency_id, "SELECT id FROM file")) == 1


# --- on paper


def paper(docs: Docs, intake: Intake, **changed: object) -> tuple[str, dict[str, object]]:
    found = intake.brought(docs.a.clerk, papers.scan(kind="JPEG"), "quet.jpg")
    body = {
        "sender_name": "Công ty Điện lực Lạng Sơn", "number_symbol": "12/ĐLLS-KT", "dated": "2026-11-20",
        "abstract": "V/v ngừng cấp điện", "urgency": 1, "signer_name": "Trần Văn Bình",
    }  # fmt: skip
    return str(found["id"]), body | changed


def test_a_paper_is_registered_with_an_arrival_number_like_any_other(docs: Docs, intake: Intake) -> None:
    item_id, body = paper(docs, intake)
    first = ok(docs.post(docs.a.clerk, f"/intake/{item_id}/register", body), 201)
    again = ok(docs.post(docs.a.clerk, f"/intake/{item_id}/register", body), 201)
    assert again == first
    assert first["arrival_number"] == 1
    arrival = docs.get(docs.a.clerk, f"/incoming/{first['incoming_id']}")
    assert (arrival["status"], arrival["arrival_number"], arrival["urgency"]) == ("03", 1, 1)
    assert arrival["sender"]["name"] == "Công ty Điện lực Lạng Sơn"
    assert arrival["validation"]["sub_indication"] == "NO_SIGNATURE"
    assert intake.item(docs.a.clerk, item_id)["used_for"] == first["incoming_id"]
    ok(docs.post(docs.a.clerk, f"/incoming/{first['incoming_id']}/start"))
    docs.circulate()


def test_the_same_number_of_the_same_sender_is_warned_of_once(docs: Docs, intake: Intake) -> None:
    one, body = paper(docs, intake)
    two, _ = paper(docs, intake)
    ok(docs.post(docs.a.clerk, f"/intake/{one}/register", body), 201)
    assert refusal(docs.post(docs.a.clerk, f"/intake/{two}/register", body)) == "duplicate_arrival"
    other = ok(docs.post(docs.a.clerk, f"/intake/{two}/register", body | {"even_if_known": True}), 201)
    assert other["arrival_number"] == 2


def test_a_sender_of_the_registry_is_named_by_its_identifier(docs: Docs, intake: Intake) -> None:
    item_id, body = paper(docs, intake, sender_name=None, sender_identifier="X99")
    assert refusal(docs.post(docs.a.clerk, f"/intake/{item_id}/register", body)) == "sender_unknown"
    body = body | {"sender_identifier": docs.b.identifier}
    made = ok(docs.post(docs.a.clerk, f"/intake/{item_id}/register", body), 201)
    assert docs.get(docs.a.clerk, f"/incoming/{made['incoming_id']}")["sender"]["name"] == docs.b.name


def test_a_paper_that_the_clerk_says_is_secret_is_refused_and_erased(docs: Docs, intake: Intake) -> None:
    item_id, body = paper(docs, intake, secrecy="mat")
    assert refusal(docs.post(docs.a.clerk, f"/intake/{item_id}/register", body)) == "secret_document"
    intake.work()
    found = intake.item(docs.a.clerk, item_id)
    assert (found["state"], found["file_id"]) == ("refused", None)
    assert docs.get(docs.a.clerk, "/incoming")["items"] == []


@pytest.mark.skipif(find().tesseract is None, reason="no Vietnamese Tesseract here: apt-get install tesseract-ocr-vie")
def test_a_pdf_that_is_read_stays_byte_for_byte_what_it_was(intake: Intake, docs: Docs) -> None:
    intake.use(tesseract=find().tesseract)
    scanned = (SAMPLES / "09-ban-quet-200dpi.pdf").read_bytes()
    found = intake.brought(docs.a.clerk, scanned, "ban-quet.pdf")
    assert states(found)["text"] == "done"
    assert docs.http(docs.a.clerk.principal).get(f"/intake/{found['id']}/content").content == scanned
    assert len(docs.http(docs.a.clerk.principal).get(f"/intake/{found['id']}/text").text) > 100


CLAMD = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin")


@pytest.mark.skipif(CLAMD is None, reason="no clamd here: apt-get install clamav-daemon")
def test_a_real_scanner_finds_what_its_signatures_say(docs: Docs, intake: Intake, tmp_path: Path) -> None:
    """With a signature of our own: the real data base is 300 MB and lives on the internet."""
    bad = LETTER + b"\n% vanthu-test-malware-0001"
    (tmp_path / "db").mkdir()
    line = f"Vanthu.Test-1:0:*:{b'vanthu-test-malware-0001'.hex()}\n"
    (tmp_path / "db" / "test.ndb").write_text(line, encoding="ascii")
    port = free_port()
    config = tmp_path / "clamd.conf"
    config.write_text(
        f"Foreground yes\nDatabaseDirectory {tmp_path}/db\nTCPSocket {port}\nTCPAddr 127.0.0.1\n"
        f"LogFile {tmp_path}/clamd.log\nStreamMaxLength 1M\nUser root\nConcurrentDatabaseReload no\n",
        encoding="utf-8",
    )
    process = subprocess.Popen([str(CLAMD), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "clamd.log").read_text(encoding="utf-8")
                assert time.monotonic() < until, "clamd did not begin to listen"
                time.sleep(0.1)  # nobody tells when it does
        intake.use(clamd=f"tcp://127.0.0.1:{port}")
        clean = intake.brought(docs.a.clerk, LETTER)
        assert (clean["state"], states(clean)["virus"]) == ("ready", "done")
        found = intake.brought(docs.a.clerk, bad, "xau.pdf")
        assert (found["state"], codes(found)["virus"]) == ("refused", "virus_found")
        assert "Vanthu.Test-1" in found["reason"]["vi"]
        large = intake.brought(docs.a.clerk, LETTER + b"\n%" + b"x" * 3_000_000 + b"\n%%EOF\n", "lon.pdf")
        assert (large["state"], codes(large)["virus"]) == ("failed", "scanner_limit")
    finally:
        process.terminate()
        process.wait(60)
