"""Receipts of deliveries: sealed by the receiving agency's key for docs alone, in their one form; proven offline."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from vanthu_verify import receipt

from deploy.devpki.issuing import Issued
from deploy.devpki.server import Running
from shared.events import Actor, docs, signing
from tests.signing import office as world
from tests.signing.office import AGENCY, CLERK, OTHER, Leader, Office

DOCS = Actor(name="Vanthu", system="docs")
PDF = b"%PDF-1.7 what was sent"


def text_of(receipt_id: UUID, **changed: Any) -> str:
    said = {
        "receipt_id": str(receipt_id),
        "kind": "registered",
        "sender": {"identifier": "H50.11", "name": "Tỉnh Quảng Trị"},
        "receiver": {"identifier": "H50.10", "name": "UBND xã Đông Hà"},
        "number_symbol": "01/UBND-VX",
        "files": [{"filename": "cong-van.pdf", "sha256": hashlib.sha256(PDF).hexdigest(), "size": len(PDF)}],
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "arrival_number": 7,
    } | changed
    return "vanthu receipt 1\n" + json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def order(**changed: Any) -> docs.SealReceipt:
    receipt_id = uuid4()
    made = {
        "receipt_id": receipt_id,
        "agency_id": AGENCY,
        "text": text_of(receipt_id),
        "by": DOCS,
        "at": datetime.now(UTC),
    }
    return docs.SealReceipt(**{**made, **changed})


def file_of(fact: signing.ReceiptSealed, **changed: Any) -> bytes:
    return json.dumps({"text": fact.text, "signature": fact.signature} | changed).encode()


def sealed(office: Office, seal: Issued, leader: Leader) -> signing.ReceiptSealed:
    office.found(leader)
    office.seal_certificate(seal)
    office.take(order())
    office.work()
    permitted, fact = office.stated()
    assert isinstance(permitted, signing.SigningAct)
    assert (permitted.act, permitted.object_kind) == ("seal_permitted", "receipt")
    assert isinstance(fact, signing.ReceiptSealed)
    return fact


def test_a_receipt_proves_the_delivery_with_nothing_but_itself(
    office: Office, pki: Running, seal: Issued, leader: Leader, tmp_path: Path
) -> None:
    fact = sealed(office, seal, leader)
    assert fact.stamped_at
    verdict = receipt.check(file_of(fact), [("cong-van.pdf", PDF)], [world.root_der(pki)])
    assert (verdict.code, verdict.problems) == (receipt.PROVEN, ())
    assert verdict.proven

    changed = file_of(fact, text=fact.text.replace('"arrival_number":7', '"arrival_number":8'))
    assert receipt.check(changed, (), [world.root_der(pki)]).problems == (("seal_broken", ""),)
    other = receipt.check(file_of(fact), [("khac.pdf", b"another")], [world.root_der(pki)])
    assert (other.code, other.problems) == (receipt.BROKEN, (("file_not_in_receipt", "khac.pdf"),))
    stranger = base64.b64decode(fact.signature)[:-40]
    broken = file_of(fact, signature=base64.b64encode(stranger).decode())
    assert receipt.check(broken).code == receipt.BROKEN
    assert receipt.check(b"{}").problems == (("not_a_receipt", ""),)

    (tmp_path / "r.json").write_bytes(file_of(fact))
    (tmp_path / "cong-van.pdf").write_bytes(PDF)
    command = [sys.executable, "-m", "vanthu_verify.receipt", "r.json", "cong-van.pdf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "số đến 7" in done.stdout, "nobody_trusted" in done.stdout) == (3, True, True)
    assert receipt.main([str(tmp_path / "missing.json")]) == receipt.WRONG_USE


def test_only_docs_has_receipts_sealed_and_only_the_agencys_own(office: Office, seal: Issued, leader: Leader) -> None:
    office.found(leader)
    office.seal_certificate(seal)
    strange = uuid4()
    wrong = (
        order(by=CLERK),
        order(text="vanthu tree head 1\n"),
        order(text=order().text),  # another receipt's
        order(receipt_id=strange, text=text_of(strange, receiver={"identifier": "H50.99", "name": "Nơi khác"})),
        order(receipt_id=strange, text=text_of(strange).replace(",", ", ", 1)),
    )
    for each in wrong:
        office.take(each)
        office.work()
    assert office.stated() == []


def test_an_agency_without_a_seal_gives_no_receipt_and_nothing_waits(office: Office, leader: Leader) -> None:
    office.found(leader)
    office.take(order(agency_id=OTHER))
    office.work()
    assert office.stated() == []
