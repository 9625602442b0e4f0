"""Signing in a process whose clock is wrong: `python -m tests.interop.shifted FOLDER TSA FLOW` under libfaketime.

FOLDER holds draft.pdf, root.der and leader and seal as NAME.key, NAME.der and ca.der; what is made goes to made.pdf. One line of JSON says
how it ended. FLOW is `hurried` (level B, nothing asked) or `whole` (as the service does it, to LTA).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from deploy.devpki.server import Running
from deploy.local import system
from services.signing import appearance, pdf
from shared.errors import Rejected
from tests.interop import paper
from tests.interop.paper import SoftKey

ROOT = Path(__file__).parents[2]
BOUND = 120.0  # seconds


def run(folder: Path, pki: Running, flow: str, shift: int) -> dict[str, Any]:
    """The flow with a clock that is `shift` seconds off; how it ended, the sentence included."""
    library = system.faketime_library()
    assert library is not None, "libfaketime is missing: `python -m deploy.local.system faketime` installs it"
    _lay_out(folder, pki)
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{shift:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }
    command = [sys.executable, "-m", "tests.interop.shifted", str(folder), pki.tsa_url, flow]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=BOUND, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _lay_out(folder: Path, pki: Running) -> None:
    draft = paper.sample("01")
    (folder / "draft.pdf").write_bytes(pdf.prepare(draft, paper.plan(draft)))
    (folder / "root.der").write_bytes(pki.pki.hierarchy.root.ca.der)
    (folder / "ca.der").write_bytes(pki.pki.hierarchy.issuing.ca.der)
    for name, key in (("leader", paper.person(pki)), ("seal", paper.agency(pki))):
        encodings = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / f"{name}.key").write_bytes(key.key.private_bytes(*encodings))
        (folder / f"{name}.der").write_bytes(key.certificate)


# --- in the process with the wrong clock


def main(folder: Path, tsa: str, flow: str) -> dict[str, Any]:
    try:
        (folder / "made.pdf").write_bytes(_FLOWS[flow](folder, tsa))
    except Rejected as refused:
        return {"code": refused.code, "vi": refused.sentence.vi, "en": refused.sentence.en}
    return {"code": "made"}


def _hurried(folder: Path, _tsa: str) -> bytes:
    leader = _opened(folder, "leader", pdf.Mechanism.RSA_PSS)
    base = (folder / "draft.pdf").read_bytes()
    begun = paper.begin(base, leader)
    return pdf.finish_signature(base, begun, leader.sign(begun.digest_to_sign), time_stamps=None)


def _whole(folder: Path, tsa: str) -> bytes:
    from datetime import UTC, datetime

    leader, seal = _opened(folder, "leader", pdf.Mechanism.RSA_PSS), _opened(folder, "seal", pdf.Mechanism.ECDSA)
    trust = pdf.Trust(roots=((folder / "root.der").read_bytes(),))
    stamps = pdf.TimeStampService((tsa,), trust=trust)
    base = (folder / "draft.pdf").read_bytes()
    pdf.check_certificate(leader.certificate, leader.chain, trust, purpose=pdf.SIGN_DOCUMENTS)
    begun = paper.begin(base, leader)
    signed = pdf.finish_signature(base, begun, leader.sign(begun.digest_to_sign), time_stamps=stamps)
    pdf.check_certificate(seal.certificate, seal.chain, trust, purpose=pdf.SEAL_DOCUMENTS)
    return pdf.fill_number_and_seal(
        signed,
        number="07",
        day="05",
        month="01",
        sealer=seal,
        look=appearance.SealLook(paper.AGENCY),
        sealed_at=datetime.now(UTC),
        level=pdf.Level.LTA,
        trust=trust,
        time_stamps=stamps,
    )


_FLOWS = {"hurried": _hurried, "whole": _whole}


def _opened(folder: Path, name: str, mechanism: pdf.Mechanism) -> SoftKey:
    key: Any = serialization.load_der_private_key((folder / f"{name}.key").read_bytes(), password=None)
    return SoftKey(key, (folder / f"{name}.der").read_bytes(), ((folder / "ca.der").read_bytes(),), mechanism)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))
