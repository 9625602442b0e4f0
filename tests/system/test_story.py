"""The main job, end to end, on the whole running stack: HTTP, Kafka, the token client, mail, and files afterwards."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as asn1
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from deploy.demo.people import Unexpected, eventually
from services.signing import pdf
from tests.interop import paper
from tests.interop.judge import judge
from tests.support.stack import Stack
from tests.system.conftest import Told, tell

SAMPLES = Path(__file__).parents[2].parent / "shared" / "data" / "samples"


def test_sender_receivers_and_partner_see_the_same_end(told: Told) -> None:
    seen = told.summary["statuses_seen_by_sender"]
    assert sorted(history[-1] for history in seen.values()) == ["03", "03", "06"]
    for receiver, status in told.summary["statuses_seen_by_receivers"].items():
        assert seen[receiver][-1] == status
    assert told.summary["arrivals"].keys() == told.summary["statuses_seen_by_receivers"].keys()


def test_what_was_tampered_with_comes_back_refused_with_a_reason(told: Told) -> None:
    for way in ("tampered_in", "tampered_out"):
        assert told.summary[way]["status"] == "02"
        assert told.summary[way]["reason"]


def test_numbers_follow_each_other(told: Told) -> None:
    numbers = [document["number"] for document in told.summary["documents"]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_partner_messages_are_kept_with_their_place_in_the_log(told: Told) -> None:
    messages = told.summary["partner_messages"]
    assert {m["direction"] for m in messages} == {"sent", "received"}
    places = [(m["topic"], m["partition"], m["offset"]) for m in messages]
    assert len(set(places)) == len(places)


def test_eu_dss_accepts_every_issued_pdf_at_lta(told: Told) -> None:
    for verdict in judge(told.pdfs, told.folder / "trust.pem").values():
        assert verdict.accepted, verdict
        assert [s.level for s in verdict.signatures] == ["PAdES-BASELINE-LTA"] * 2
        assert any("/AP" in change for change in verdict.signatures[0].changes), "number, date, seal: form filling"


def test_a_number_changed_after_the_seal_is_seen_by_three_validators(told: Told, tmp_path: Path) -> None:
    forged = paper.change_number(told.pdfs[0].read_bytes())
    file = tmp_path / "forged.pdf"
    file.write_bytes(forged)
    roots = pdf_roots(told.folder / "trust.pem")
    assert not judge([file], told.folder / "trust.pem")["forged.pdf"].accepted
    with file.open("rb") as stream:
        seal = PdfFileReader(stream).embedded_regular_signatures[-1]
        trusted = ValidationContext(trust_roots=[asn1.Certificate.load(root) for root in roots], allow_fetching=False)
        status = validate_pdf_signature(seal, trusted, ts_validation_context=trusted, skip_diff=False)
        assert status.modification_level == ModificationLevel.OTHER or not status.docmdp_ok
        assert not status.bottom_line
    assert pdf.validate(forged, pdf.Trust(roots=roots, fetch=True)).indication is pdf.Indication.FAILED


def pdf_roots(trust: Path) -> tuple[bytes, ...]:
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificates

    return tuple(c.public_bytes(Encoding.DER) for c in load_pem_x509_certificates(trust.read_bytes()))


def test_one_trace_runs_from_the_request_to_the_last_consumer(told: Told) -> None:
    trace = told.summary["trace_id"]

    def whole() -> list[dict[str, Any]] | None:
        spans = [span for span in _spans(told.stack) if span["trace_id"] == trace]
        names = {f"{s['service']}: {s['name']}" for s in spans}
        wanted = {
            "docs: POST /documents",
            "docs: send signing.commands",
            "signing: process signing.commands",
            "signing: job prepare",
            "signing: send signing.document",
            "docs: process signing.document",
            "notify: process signing.document",
            "notify: job mail",
        }
        known = {None, "", *(span["span_id"] for span in spans)}
        # Each process writes when it has time: what stands below a span may be in the file before it.
        orphans.clear()
        orphans.extend(span["name"] for span in spans if span["parent_id"] not in known)
        return spans if wanted <= names and not orphans else None

    orphans: list[str] = []
    try:
        eventually(whole, "the exporters to write the trace", seconds=180)
    except Unexpected as error:
        error.add_note(f"spans whose parent is not in it: {orphans}")
        raise


def _spans(stack: Stack) -> list[dict[str, Any]]:
    written = [file.read_bytes() for file in stack.layout.directory("traces").glob("*.jsonl")]
    # The last line may be half written yet.
    return [json.loads(line) for data in written for line in data.rpartition(b"\n")[0].splitlines()]


def test_nothing_is_parked_and_nothing_waits_after_the_story(told: Told) -> None:
    import httpx

    def quiet() -> bool | None:
        for port in ("docs_worker", "signing_worker", "notify_worker", "registry_worker", "portal_worker"):
            text = httpx.get(f"{told.stack.url(port)}/metrics", timeout=60).text
            figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
            assert float(figures["vanthu_inbox_parked"]) == 0, port
            if float(figures["vanthu_outbox_oldest_age_seconds"]) > 15:
                return None
        return True

    assert eventually(quiet, "the outboxes to be empty", seconds=180)


@pytest.mark.full
@pytest.mark.skipif(not SAMPLES.exists(), reason="the larger set of sample documents is not beside this checkout")
def test_every_sample_of_the_larger_set_is_issued_and_accepted(stack: Stack) -> None:
    listed = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))["documents"]
    good = [SAMPLES / d["file"] for d in listed if d["expected"] == "accept" and not d["file"].startswith("10-")]
    begun = time.monotonic()
    told = tell(stack, *map(str, good))
    assert len(told.pdfs) == len(good)
    for verdict in judge(told.pdfs, told.folder / "trust.pem").values():
        assert verdict.accepted, verdict
    assert time.monotonic() - begun < 900
