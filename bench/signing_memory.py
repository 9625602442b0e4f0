"""How much memory one 200 MB PDF takes: preparing, signing, sealing and validating it, each step in a process of its own.

The figure is the peak of the process's resident memory (VmHWM), its programs and libraries included.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import signing_papers
from bench.signing_keys import Person, opened
from bench.signing_sides import World
from services.signing import appearance, pdf, placement
from shared.errors import Rejected
from tests.interop import paper

ROOT = Path(__file__).resolve().parents[1]
STEPS = ("nothing", "prepare", "sign", "seal", "validate")
BOUND = 120.0  # seconds a step


def measure(world: World, who: dict[str, Person]) -> dict[str, Any]:
    """Megabytes and seconds by step; a step that is refused ends the way, with the reason."""
    draft = world.folder / "huge.pdf"
    draft.write_bytes(signing_papers.huge())
    found: dict[str, Any] = {"size": draft.stat().st_size / 1e6, "steps": {}}
    for step in STEPS:
        folders = str(world.folder), world.tsa, str(who["RSA-3072 PSS"].file), str(who["seal"].file)
        command = [sys.executable, "-m", "bench.signing_memory", step, *folders]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BOUND, check=False)
            said = json.loads(done.stdout) if done.returncode == 0 else {"refused": done.stderr.strip()[-200:]}
        except subprocess.TimeoutExpired:
            said = {"refused": f"not done in {BOUND:.0f} s"}
        found["steps"][step] = said
        if "refused" in said:
            break
    for left in world.folder.glob("huge*.pdf"):
        left.unlink()
    return found


def main(step: str, folder: Path, tsa: str, leader: Path, seal: Path) -> dict[str, Any]:
    """One step; each reads the file that the one before wrote."""
    root = pdf_certificate(folder / "trust.pem")
    world, began = World(tsa, root, folder), time.monotonic()
    try:
        said = _STEPS[step](world, leader, seal)
    except Rejected as refused:
        return {"refused": refused.code}
    return {"megabytes": peak(), "seconds": time.monotonic() - began, **said}


def _nothing(_world: World, _leader: Path, _seal: Path) -> dict[str, Any]:
    return {}


def _prepare(world: World, _leader: Path, _seal: Path) -> dict[str, Any]:
    box = placement.Box(1, 300, 600, 460, 660)
    blank = placement.Blank(placement.Box(1, 130, 100, 160, 116), 112)
    plan = pdf.Plan(
        signers=(pdf.SignerPlace(paper.SIGNER, box, paper.POST),),
        seal=pdf.SignerPlace(pdf.SEAL_FIELD, placement.seal_box(box), "Con dấu"),
        number=blank,
    )
    _write(world, "prepare", pdf.prepare((world.folder / "huge.pdf").read_bytes(), plan))
    return {}


def _sign(world: World, leader: Path, _seal: Path) -> dict[str, Any]:
    base, key, at = _read(world, "prepare"), opened(leader, pdf.Mechanism.RSA_PSS), datetime.now(UTC)
    begun = pdf.begin_signature(
        base,
        paper.SIGNER,
        certificate=key.certificate,
        chain=key.chain,
        look=appearance.SignatureLook(paper.NAME, paper.POST, at),
        signed_at=at,
        mechanism=key.mechanism,
    )
    raw = key.sign(begun.digest_to_sign)
    _write(world, "sign", pdf.finish_signature(base, begun, raw, time_stamps=world.time_stamps))
    return {}


def _seal(world: World, _leader: Path, seal: Path) -> dict[str, Any]:
    sealed = pdf.fill_number_and_seal(
        _read(world, "sign"),
        number="07",
        day=None,
        month=None,
        sealer=opened(seal, pdf.Mechanism.RSA_PSS),
        look=appearance.SealLook(paper.AGENCY),
        sealed_at=datetime.now(UTC),
        level=pdf.Level.LTA,
        trust=world.trust,
        time_stamps=world.time_stamps,
    )
    _write(world, "seal", sealed)
    return {}


def _validate(world: World, _leader: Path, _seal: Path) -> dict[str, Any]:
    return {"indication": str(pdf.validate(_read(world, "seal"), world.trust).indication)}


_STEPS = {"nothing": _nothing, "prepare": _prepare, "sign": _sign, "seal": _seal, "validate": _validate}


def _read(world: World, step: str) -> bytes:
    return (world.folder / f"huge-{step}.pdf").read_bytes()


def _write(world: World, step: str, content: bytes) -> None:
    (world.folder / f"huge-{step}.pdf").write_bytes(content)


def pdf_certificate(pem: Path) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem.read_bytes()).public_bytes(Encoding.DER)


def peak() -> float:
    """Megabytes. The kernel's own high-water mark where it is told: getrusage's begins with the parent's."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)[1]) / 1000  # type: ignore[index]
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    _name, _step, _folder, _tsa, _leader_file, _seal_file = sys.argv
    print(json.dumps(main(_step, Path(_folder), _tsa, Path(_leader_file), Path(_seal_file))))
    sys.stdout.flush()
    os._exit(0)
