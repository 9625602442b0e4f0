"""Every level × algorithm × placement is accepted by EU DSS at its level, by pyHanko, pdfsig and qpdf, and by us."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator import ValidationContext

from deploy.devpki.server import Running
from services.signing import pdf, pdf_evidence
from services.signing.mechanism import DIGESTS
from tests.interop import matrix, paper
from tests.interop.judge import judge
from tests.interop.matrix import Case

SOME_BOUND, KEY_BOUND = 480.0, 900.0  # seconds for EU DSS with the cut of 28 documents and with the 84 of one key


def judged(cases: list[Case], pki: Running, folder: Path, bound: float) -> list[str]:
    """What anybody objects to, by document.

    pyHanko used plainly judges as of now: it is asked at once, since the OCSP answers that a file carries run out after
    ten minutes, and EU DSS may need longer than that for all of them.
    """
    pdf_evidence.forget()  # nothing older than these documents
    trust = folder / "trust.pem"
    trust.write_bytes(pki.root_pem)
    made, found = [], list[str]()
    for case, content in matrix.make(cases, pki):
        (folder / case.file).write_bytes(content)
        made.append(case)
        found += [f"{case.file}: {said}" for said in (*pyhanko(content, pki), *ours(content, case, pki))]
    verdicts = judge([folder / case.file for case in made], trust, bound=bound)
    for case in made:
        verdict = verdicts[case.file]
        levels = [one.level for one in verdict.signatures]
        if not verdict.accepted or levels != [case.level] * case.signatures:
            found.append(f"{case.file}: EU DSS: {verdict}")
        found += [f"{case.file}: EU DSS suspects: {s.suspicious}" for s in verdict.signatures if s.suspicious]
    return found


def pyhanko(content: bytes, pki: Running) -> list[str]:
    """Used plainly: with the validation data that the file carries from LT on; before, by signature and chain."""
    reader = PdfFileReader(io.BytesIO(content))
    told: dict[str, Any] = {"trust_roots": [x509.Certificate.load(pki.pki.hierarchy.root.ca.der)]}
    found = []
    for signature in reader.embedded_regular_signatures:
        if "/DSS" in reader.root:
            store = DocumentSecurityStore.read_dss(reader)
            context = store.as_validation_context({**told, "allow_fetching": False})
        else:
            context = ValidationContext(**told, allow_fetching=False, revocation_mode="soft-fail")
        status = validate_pdf_signature(signature, context)
        if not status.bottom_line:
            found.append(f"pyHanko: {signature.field_name}: {status.summary()}")
    return found


def ours(content: bytes, case: Case, pki: Running) -> list[str]:
    report = pdf.validate(content, paper.trust(pki))
    levels = [one.level for one in report.signatures if one.kind == "signature"]
    good = report.indication == "TOTAL_PASSED" and levels == [case.level] * case.signatures
    return [] if good else [f"ours: {report.indication} {levels}"]


def pdfsig(file: Path, home: Path) -> list[str]:
    """Poppler, by the signatures alone: it knows no roots, and not every release knows time stamps of documents."""
    environment = os.environ | {"HOME": str(home)}
    command = ["pdfsig", "-nocert", str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return re.findall(r"Signature Validation: (.+)\.$", done.stdout, re.MULTILINE)


def test_each_level_at_each_place_and_each_key_with_each_digest(pki: Running, tmp_path: Path) -> None:
    assert judged(matrix.some(), pki, tmp_path, SOME_BOUND) == []


@pytest.mark.full
@pytest.mark.parametrize("key", matrix.KEYS)
def test_the_whole_matrix(pki: Running, tmp_path: Path, key: str) -> None:
    """All 504 documents, a key at a time: what EU DSS needs for all at once exceeds any bound on a busy machine."""
    assert judged([case for case in matrix.every() if case.key == key], pki, tmp_path, KEY_BOUND) == []


def test_poppler_and_qpdf_agree(pki: Running, tmp_path: Path) -> None:
    cases = [Case(pdf.Level.LTA, key, digest, "numbered") for key, digest in zip(matrix.KEYS, 2 * DIGESTS, strict=True)]
    cases += [Case(pdf.Level.B_T, "P-256", "sha256", placement) for placement in matrix.PLACEMENTS]
    for case, content in matrix.make(cases, pki):
        file = tmp_path / case.file
        file.write_bytes(content)
        assert pdfsig(file, tmp_path)[: case.signatures] == ["Signature is Valid"] * case.signatures, case
        checked = subprocess.run(
            ["qpdf", "--check", str(file)], capture_output=True, text=True, timeout=60, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
