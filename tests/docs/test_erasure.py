"""What may not be kept is erased, what nothing refers to is swept, and what anything refers to never is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from services.docs.circulation import unfit
from services.docs.erasure import domain, store, work
from services.docs.finding import work as finding_work
from services.docs.finding.reading import Reader
from shared import db
from shared.events import Envelope, encode
from shared.events.docs import DocsAct
from shared.events.exchange import RecallSent
from shared.ids import new_id
from shared.jobs import Job, Runner
from tests.docs import papers
from tests.docs.bringing import WORKSHOP, Intake
from tests.docs.conftest import SAMPLES, Docs, ok, registered
from tests.docs.facts import PARTNER, record
from tests.docs.test_intake import scanner
from tests.docs.test_intake_exchange import INBOUND, LETTER, comes, items

LONG_AGO = datetime.now(UTC) - timedelta(days=3)


def acts(docs: Docs, name: str) -> list[DocsAct]:
    return [e.data for e in docs.outbox(after=0) if isinstance(e.data, DocsAct) and e.data.act == name]


def files(intake: Intake) -> list[Path]:
    return [path for path in intake.stored.rglob("*") if path.is_file()]


def age(intake: Intake) -> None:
    """All that lies in the store has lain there for days."""
    for path in files(intake):
        os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))


def sweep(intake: Intake, *, hold: timedelta = timedelta(0), rounds: int = 1) -> list[str]:
    """Whole passes over the store as the worker makes them, one job after the other; what the acts say was swept."""
    before = len(acts(intake.docs, "bytes_swept"))
    sweeper = intake.sweeper(hold=hold)
    for _ in range(rounds):
        for _each in domain.ROUNDS:
            with db.transaction(intake.docs.pool) as tx:
                tx.execute("UPDATE job SET run_at = now() WHERE kind = 'sweep'")
            assert Runner(intake.docs.pool, {work.SWEEP: sweeper.kinds[work.SWEEP]}, stop=threading.Event()).run_one()
    return [digest for act in acts(intake.docs, "bytes_swept")[before:] for digest in act.detail["sha256"].split()]


def path_of(intake: Intake, prefix: str, digest: str) -> Path:
    return intake.stored / prefix / digest[:2] / digest[2:4] / digest


def of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- at once


def test_malware_that_a_partner_sent_is_erased_with_all_that_was_made_of_it(docs: Docs, intake: Intake) -> None:
    annex = papers.docx("Bảng kê")
    arrived = comes(docs, ("to-trinh.pdf", LETTER), ("phu-luc.docx", annex))
    reader = Reader(docs.pool, intake.desk.blobs, WORKSHOP)
    runner = Runner(docs.pool, finding_work.kinds(reader), stop=threading.Event())
    while runner.run_one():
        pass
    assert docs.rows(None, "SELECT sha256 FROM rendition WHERE sha256 = %s", of(LETTER))
    with scanner(b"stream: Eicar-Test-Signature FOUND\0") as address:
        intake.use(clamd=address)
        intake.work()
    assert files(intake) == []
    assert docs.rows(None, "SELECT * FROM rendition") == []
    (told,) = acts(docs, "content_erased")
    assert (told.object_kind, told.object_id) == ("incoming", arrived["id"])
    assert told.detail["why"] == "virus_found"
    assert set(told.detail["sha256"].split()) == {of(LETTER), of(annex)}
    after = docs.get(docs.b.clerk, f"/incoming/{arrived['id']}")
    assert "content_erased" in [each["act"] for each in after["history"]]
    assert {each["state"] for each in items(docs, arrived["id"])} <= {"refused", "discarded"}


def test_a_secret_paper_of_a_partner_is_erased(docs: Docs, intake: Intake) -> None:
    comes(docs, ("to-trinh.pdf", LETTER), abstract="[MẬT] Kế hoạch A2")
    intake.work()
    assert files(intake) == []
    assert [act.detail["why"] for act in acts(docs, "content_erased")] == ["secret_document"]


def test_what_somebody_else_came_as_the_same_bytes_stays_theirs(docs: Docs, intake: Intake) -> None:
    ok(docs.upload(docs.a.clerk, "06-to-trinh-tagged.pdf"), 201)
    comes(docs, ("to-trinh.pdf", LETTER), abstract="[MẬT] Kế hoạch A2")
    intake.work()
    assert [path.read_bytes() for path in files(intake)] == [LETTER]
    (told,) = acts(docs, "content_erased")
    assert (told.detail["kept"], told.detail["files"]) == ("1", "0")


def test_the_erasing_of_a_killed_worker_is_done_again_and_said_once(docs: Docs, intake: Intake) -> None:
    comes(docs, ("to-trinh.pdf", LETTER), abstract="[MẬT] Kế hoạch A2")
    kinds = intake.sweeper().kinds
    Runner(docs.pool, unfit.kinds(docs.settings.source), stop=threading.Event()).run_one()
    (row,) = docs.rows(None, "SELECT id, subject, payload FROM job WHERE kind = %s", work.ERASE)
    kinds[work.ERASE].run(Job(row["id"], work.ERASE, row["subject"], row["payload"], 1, new_id(), None))  # then it dies
    assert files(intake) == []
    intake.work()
    (told,) = acts(docs, "content_erased")
    assert told.detail["sha256"] == of(LETTER)


def test_what_a_partner_takes_back_is_erased(docs: Docs, intake: Intake, now: datetime) -> None:
    arrived = comes(docs, ("to-trinh.pdf", LETTER))
    intake.work()
    (row,) = docs.rows(docs.b.agency_id, "SELECT delivery_id FROM incoming WHERE id = %s", arrived["id"])
    asked = RecallSent(delivery_id=row["delivery_id"], reason="Gửi nhầm", staff="Lan", at=now)
    docs.take(record(asked, topic=INBOUND))
    docs.circulate()
    ok(docs.post(docs.b.clerk, f"/incoming/{arrived['id']}/recall-answer", {"agreed": True, "reason": "Đã hủy"}))
    intake.work()
    assert files(intake) == []
    assert [act.detail["why"] for act in acts(docs, "content_erased")] == ["recall_agreed"]


# --- round by round


def test_what_nothing_refers_to_goes_after_it_was_set_aside_and_is_told(docs: Docs, intake: Intake) -> None:
    stray = intake.desk.blobs.put(b"nobody knows of me", "application/pdf")
    young = intake.desk.blobs.put(b"put this minute", "application/pdf")
    left = intake.desk.quarantine(new_id()).put(b"a process died here", "application/pdf")
    os.utime(path_of(intake, "docs", stray.sha256), (LONG_AGO.timestamp(),) * 2)
    os.utime(path_of(intake, left.prefix, left.sha256), (LONG_AGO.timestamp(),) * 2)
    hour = timedelta(hours=1)
    assert sweep(intake, hold=hour, rounds=2) == [left.sha256]
    assert intake.desk.blobs.get(stray) == b"nobody knows of me"  # set aside, still found
    with db.transaction(docs.pool) as tx:
        tx.execute("UPDATE set_aside SET set_aside_at = set_aside_at - interval '2 hours'")
    assert sweep(intake, hold=hour) == [stray.sha256]
    assert intake.desk.blobs.get(young) == b"put this minute"
    assert [path.name for path in files(intake)] == [young.sha256]
    assert docs.rows(None, "SELECT * FROM set_aside") == []
    told = acts(docs, "bytes_swept")[-1]
    assert (told.detail["files"], told.detail["bytes"], told.by.system) == ("1", "18", "docs")


def test_who_puts_the_same_bytes_while_they_are_swept_loses_nothing(docs: Docs, intake: Intake) -> None:
    blobs, data = intake.desk.blobs, (SAMPLES / "01-cong-van.pdf").read_bytes()
    stray = blobs.put(data, "application/pdf")
    age(intake)
    # Put again while a round is past its look at the store, and written down only after the bytes were set aside.
    sweeper = intake.sweeper()
    with db.transaction(docs.pool) as tx:
        store.add_aside(tx, list(blobs.list_held(f"{stray.sha256[:2]}")), datetime.now(UTC) - timedelta(hours=2))
    blobs.set_aside(stray.sha256)
    ok(docs.upload(docs.a.clerk), 201)
    sweeper._round(stray.sha256[0], datetime.now(UTC))
    assert blobs.get(stray) == data
    # The other order: their bytes themselves were set aside, and their row came after.
    with db.transaction(docs.pool) as tx:
        store.add_aside(tx, list(blobs.list_held(f"{stray.sha256[:2]}")), datetime.now(UTC) - timedelta(hours=2))
    blobs.set_aside(stray.sha256)
    assert blobs.get(stray) == data
    sweeper._round(stray.sha256[0], datetime.now(UTC))
    assert blobs.get(stray) == data
    assert [path.parent.name for path in files(intake)] == [stray.sha256[2:4]]
    assert docs.rows(None, "SELECT * FROM set_aside") == []


def test_a_round_takes_no_more_than_it_may_and_the_next_one_comes_soon(docs: Docs, intake: Intake) -> None:
    stray = [intake.desk.blobs.put(f"stray {n}".encode(), "text/plain").sha256 for n in range(60)]
    same = [each for each in stray if each[0] == stray[0][0]]
    age(intake)
    sweeper = intake.sweeper(most=1)
    done = sweeper._round(same[0][0], datetime.now(UTC))
    assert done.more == (len(same) > 1)
    assert len(docs.rows(None, "SELECT * FROM set_aside")) == 1
    job = Job(new_id(), work.SWEEP, work.SWEEP, {"round": same[0][0]}, 1, new_id(), None)
    with db.transaction(docs.pool) as tx:
        tx.execute("DELETE FROM job WHERE kind = 'sweep'")
        sweeper.sweep(job)(tx)
    (row,) = docs.rows(
        None, "SELECT payload, run_at - now() < interval '2 minutes' AS soon FROM job WHERE kind = 'sweep'"
    )
    assert (row["payload"]["round"], row["soon"]) == (same[0][0], True)


def test_uploads_that_were_given_up_go_and_what_waits_for_somebody_stays(docs: Docs, intake: Intake) -> None:
    given_up = UUID(ok(docs.upload(docs.a.clerk, "02-bao-cao.pdf"), 201)["file_id"])
    ok(docs.partner().post("/exchange/files", params={"filename": "x.pdf"}, content=LETTER), 201)
    draft = docs.submitted(docs.a)
    waits = intake.brought(docs.a.clerk, (SAMPLES / "04-giay-moi.pdf").read_bytes())
    dropped = intake.brought(docs.a.clerk, (SAMPLES / "12-to-trinh-linearized.pdf").read_bytes())
    ok(docs.post(docs.a.clerk, f"/intake/{dropped['id']}/discard"))
    intake.work()
    assert sweep(intake) == []  # nothing is old
    with db.transaction(docs.pool, agency=docs.a.agency_id) as tx:
        tx.execute("UPDATE file SET uploaded_at = uploaded_at - interval '31 days'")
        tx.execute("SELECT set_config('vanthu.partner', %s, true)", [PARTNER])
        tx.execute("UPDATE partner_file SET uploaded_at = uploaded_at - interval '31 days'")
    age(intake)
    sweep(intake, rounds=2)
    age(intake)
    gone = set(sweep(intake, rounds=2))
    lying = {path.name for path in files(intake)}
    assert of(LETTER) not in lying
    assert docs.rows(docs.a.agency_id, "SELECT id FROM file WHERE id = %s", given_up) == []
    assert docs.http(docs.a.clerk.principal).get(f"/documents/{draft}/content").status_code == 200
    assert of((SAMPLES / "01-cong-van.pdf").read_bytes()) in lying
    assert docs.http(docs.a.clerk.principal).get(f"/intake/{waits['id']}/content").status_code == 200
    assert of((SAMPLES / "12-to-trinh-linearized.pdf").read_bytes()) not in lying
    assert gone or lying


# --- never


def test_whatever_a_fact_or_order_names_is_referred_to_by_a_row(docs: Docs, intake: Intake) -> None:
    """So the sweep takes nothing that the ledger names, unless an act destroyed it."""
    comes(docs, ("to-trinh.pdf", LETTER), ("phu-luc.pdf", (SAMPLES / "02-bao-cao.pdf").read_bytes()))
    intake.work()
    document = docs.issued(docs.a)
    docs.delivered(document, docs.a, docs.b, docs.p)
    registered(docs, docs.b)
    with db.transaction(docs.pool) as tx:
        known = store.referred_to(tx, (PARTNER,))
    named = {digest for each in docs.outbox(after=0) for digest in digests_of(each)}
    assert len(named) == 3
    assert named - known == set()
    age(intake)
    before = {path.name for path in files(intake)}
    assert sweep(intake, rounds=2) == []
    assert {path.name for path in files(intake)} == before


def digests_of(envelope: Envelope) -> set[str]:
    """Of what lies in our own store."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("prefix", "").startswith("docs") and "sha256" in value:
                found.add(value["sha256"])
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    look(json.loads(encode(envelope)))
    return found


# What never holds a reference by which somebody asks for bytes of ours, each with the reason.
NO_REFERENCE = {
    "content_destroyed.parts": "names of what was destroyed",
    "content_erased.erased": "digests of what was erased",
    "content_erased.kept": "digests of what was not",
    "incoming.destroyed": "names of what was destroyed",
    "rendition.content": "asked for by itself: goes when its file goes",
    "set_aside.sha256": "what is about to go",
    "rendition.sha256": "of what it was made",
    "partner_file.sha256": "beside the reference",
    "earlier_version.sha256": "beside the reference",
    "incoming.validation": "a report of signing's",
    "incoming.descriptor": "words",
    "exchange_out.message": "digests beside the references in `parts`",
    "job.payload": "the job asks by ids; what is to be erased stands in it",
    "search_entry.files": "beside the references of the thing found",
}


def test_no_column_that_may_name_bytes_was_forgotten(docs: Docs) -> None:
    """Every column of JSON in which, after a day's life, a digest stands, and every column called so."""
    with psycopg.connect(docs.database.owner) as owner:
        columns = owner.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
            " AND (data_type = 'jsonb' OR column_name LIKE '%sha256%') AND table_name !~ '^search_entry_'"
        ).fetchall()
    places = {f"{t}.{c}" for t, c, *_ in (*store.OF_AGENCY, *store.OF_PARTNER)}
    found = {f"{table}.{column}" for table, column, _ in columns}
    assert places - found == set(), "a place that is no column"
    assert set(NO_REFERENCE) - found == set(), "an exception that is no column"
    text = "\n".join(path.read_text() for path in sorted(Path("services/docs/migrations").glob("*.sql")))
    blobs = set(re.findall(r"^ *(?:ADD COLUMN )?(\w+) jsonb[^\n]*BlobRef", text, re.MULTILINE))
    assert blobs <= {place.partition(".")[2] for place in (*places, *NO_REFERENCE)}
