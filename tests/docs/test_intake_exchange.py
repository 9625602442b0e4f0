"""Files of a partner's message pass the steps of intake: seen, done again, and what may not be taken goes back."""

from __future__ import annotations

import shutil
import threading
from typing import Any

import pytest

from services.docs.finding import work as finding_work
from services.docs.finding.reading import Reader
from services.docs.intake.programs import find
from shared.events import exchange
from shared.events.docs import DeliveryStatusReported
from shared.events.exchange import File
from shared.jobs import Runner
from tests.docs import papers
from tests.docs.bringing import WORKSHOP, Intake, codes, states
from tests.docs.conftest import SAMPLES, Docs, ok, record_of, refusal
from tests.docs.facts import PARTNER, record, sent, validated
from tests.docs.test_intake import scanner

INBOUND = exchange.INBOUND.of(PARTNER)
LETTER = (SAMPLES / "06-to-trinh-tagged.pdf").read_bytes()
TESSERACT = shutil.which("tesseract")


def comes(docs: Docs, *files: tuple[str, bytes], **said: Any) -> dict[str, Any]:
    """A partner uploads, its message comes over Kafka, twice as Kafka may; the arrival of agency B."""
    told = []
    for name, data in files:
        made = ok(docs.partner().post("/exchange/files", params={"filename": name}, content=data), 201)
        told.append(File(filename=name, media_type=made["media_type"], size=made["size"], sha256=made["sha256"]))
    event = sent(docs.p, docs.b.ref, digest=told[0].sha256, size=told[0].size, files=tuple(told), **said)
    one = record(event, topic=INBOUND)
    assert docs.take(one, one) == ["handled", "duplicate"]
    docs.circulate()  # each twice, too
    return docs.arrived(docs.b)


def items(docs: Docs, incoming_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = docs.get(docs.b.clerk, f"/incoming/{incoming_id}/intake")
    return found


def reported(docs: Docs) -> list[tuple[str, str | None]]:
    facts: list[DeliveryStatusReported] = docs.stated("DeliveryStatusReported")
    return [(fact.status, fact.reason_code) for fact in facts]


def test_each_file_is_an_item_once_with_its_steps_and_its_bytes_stay(docs: Docs, intake: Intake) -> None:
    arrived = comes(docs, ("to-trinh.pdf", LETTER), ("phu-luc.docx", papers.docx("Bảng kê máy quét")))
    assert {each["state"] for each in items(docs, arrived["id"])} == {"working"}
    intake.use(soffice=find().soffice)
    intake.work()
    annex, main = items(docs, arrived["id"])
    assert (main["channel"], main["state"], main["used_for"]) == ("kafka", "used", arrived["id"])
    assert states(main) == {
        "received": "done", "type": "done", "size": "done", "virus": "skipped",
        "convert": "skipped", "secrecy": "done", "text": "skipped", "ready": "done",
    }  # fmt: skip
    assert main["origin"]["name"] == "Sở X"
    assert annex["filename"] == "phu-luc.docx"
    got = docs.http(docs.b.clerk.principal).get(f"/incoming/{arrived['id']}/content")
    assert got.content == LETTER
    assert intake.quarantined() == []
    assert len(intake.items(docs.b.clerk)) == 2
    assert intake.items(docs.a.clerk) == []
    assert refusal(docs.post(docs.b.clerk, f"/intake/{main['id']}/discard")) == "intake_already_used"


@pytest.mark.skipif(TESSERACT is None, reason="no Tesseract here: apt-get install tesseract-ocr-vie")
def test_a_scan_that_a_partner_sent_is_found_by_what_stands_on_it(docs: Docs, intake: Intake) -> None:
    scanned = intake_pdf(intake, docs)
    arrived = comes(docs, ("quet.pdf", scanned))
    read_all(docs, intake)  # the search was quicker than the recogniser
    assert find_words(docs, "lũ quét") == []
    intake.use(tesseract=TESSERACT)
    intake.work()
    (item,) = items(docs, arrived["id"])
    assert (item["state"], states(item)["text"]) == ("used", "done"), item
    read_all(docs, intake)
    assert find_words(docs, "lũ quét") == [arrived["id"]]
    assert docs.http(docs.b.clerk.principal).get(f"/incoming/{arrived['id']}/content").content == scanned


def intake_pdf(intake: Intake, docs: Docs) -> bytes:
    """A PDF of pictures only."""
    made = intake.brought(docs.a.clerk, papers.scan("PHÒNG CHỐNG LŨ QUÉT", "Kính gửi: các sở, ban, ngành"), "a.png")
    return docs.http(docs.a.clerk.principal).get(f"/intake/{made['id']}/content").content


def read_all(docs: Docs, intake: Intake) -> None:
    reader = Reader(docs.pool, intake.desk.blobs, WORKSHOP)
    runner = Runner(docs.pool, finding_work.kinds(reader), stop=threading.Event())
    while runner.run_one():
        pass


def find_words(docs: Docs, words: str) -> list[str]:
    found = docs.http(docs.b.clerk.principal).get("/search", params={"q": words}).json()
    return [each["id"] for each in found["items"]]


def test_malware_sends_the_arrival_back_at_once_and_nobody_opens_it(docs: Docs, intake: Intake) -> None:
    arrived = comes(docs, ("to-trinh.pdf", LETTER))
    docs.outbox()
    with scanner(b"stream: Eicar-Test-Signature FOUND\0") as address:
        intake.use(clamd=address)
        intake.work()
    (item,) = items(docs, arrived["id"])
    assert (item["state"], codes(item)["virus"]) == ("refused", "virus_found")
    assert reported(docs) == [("02", "virus_found")]
    after = docs.get(docs.b.clerk, f"/incoming/{arrived['id']}")
    assert (after["status"], after["reason_code"]) == ("02", "virus_found")
    assert docs.http(docs.b.clerk.principal).get(f"/incoming/{arrived['id']}/content").status_code >= 400
    # The verdict on its signatures, which comes later, changes nothing of that.
    docs.hear(validated(arrived["id"], docs.b.agency_id))
    assert docs.get(docs.b.clerk, f"/incoming/{arrived['id']}")["status"] == "02"


def test_what_is_found_after_registration_is_written_down_and_takes_nothing_back(docs: Docs, intake: Intake) -> None:
    arrived = comes(docs, ("to-trinh.pdf", LETTER), ("phu-luc.docx", papers.docx("x")))
    docs.hear(validated(arrived["id"], docs.b.agency_id))
    number = ok(docs.post(docs.b.clerk, f"/incoming/{arrived['id']}/register"))["arrival_number"]
    intake.work()  # no LibreOffice: a person has to look, and nothing is refused for that
    states_of = {each["filename"]: each["state"] for each in items(docs, arrived["id"])}
    assert states_of == {"to-trinh.pdf": "used", "phu-luc.docx": "failed"}
    with scanner(b"stream: Eicar-Test-Signature FOUND\0") as address:
        intake.use(clamd=address, soffice=find().soffice)
        (annex,) = (each for each in items(docs, arrived["id"]) if each["state"] == "failed")
        ok(docs.post(docs.b.clerk, f"/intake/{annex['id']}/retry"))
        intake.work()
    after = docs.get(docs.b.clerk, f"/incoming/{arrived['id']}")
    assert (after["status"], after["arrival_number"]) == ("03", number)


def test_a_stamp_of_secrecy_sends_it_back(docs: Docs, intake: Intake) -> None:
    arrived = comes(docs, ("to-trinh.pdf", LETTER), abstract="[MẬT] Kế hoạch A2")
    intake.work()
    (item,) = items(docs, arrived["id"])
    assert (item["state"], item["filename"], item["origin"]["subject"]) == ("refused", "[MẬT]", None)
    assert ("02", "secret_document") in reported(docs)
    assert [record_of(each).topic for each in docs.outbox()] == []
