"""The sides of `bench.signing`: ours, pyHanko used plainly, EU DSS. Each signs and validates the same bytes and shows one result.

A task is measured for some seconds and gives how often a second it was done; the last document lies in a file for the judges.
"""

from __future__ import annotations

import io
import logging
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.loop import repeat
from bench.signing_keys import Person
from bench.signing_papers import FIELD
from services.signing import appearance, pdf
from tests.interop import dss, paper

# Seconds -> times a second.
Measure = Callable[[float], float]
Once = Callable[[int], object]
LEVELS = {"B": pdf.Level.B_B, "T": pdf.Level.B_T, "LT": pdf.Level.LT, "LTA": pdf.Level.LTA}
# Milliseconds that no call exceeds which is worth looking at the clock for only every tenth time.
_SHORT = 0.01


@dataclass(frozen=True, slots=True)
class Signing:
    """What is signed: `paper` with its empty field, by whom, to which level (a key of LEVELS)."""

    paper: Path
    by: Person
    level: str


@dataclass(frozen=True, slots=True)
class World:
    """Where time stamps come from, whom everybody believes, where results are put."""

    tsa: str
    root: bytes
    folder: Path

    @property
    def trust(self) -> pdf.Trust:
        return pdf.Trust(roots=(self.root,))

    @property
    def time_stamps(self) -> pdf.TimeStampService:
        return pdf.TimeStampService((self.tsa,))


def measured(work: Once, seconds: float) -> float:
    """In a loop; what takes long is looked at after each time."""
    start = datetime.now(UTC)
    work(0)
    long = (datetime.now(UTC) - start).total_seconds() > _SHORT
    return repeat(work, seconds, each=1 if long else 10)


# --- ours


def we_sign(task: Signing, world: World, out: Path) -> Once:
    """The functions of services/signing/pdf.py in this process, from the bytes with the field to the signed bytes."""
    base, person, level = task.paper.read_bytes(), task.by, LEVELS[task.level]

    def sign(_n: int) -> bytes:
        at = datetime.now(UTC)
        begun = pdf.begin_signature(
            base,
            FIELD,
            certificate=person.certificate,
            chain=person.chain,
            look=appearance.SignatureLook(paper.NAME, paper.POST, at),
            signed_at=at,
            mechanism=person.mechanism,
        )
        raw = person.sign(begun.digest_to_sign)
        stamps = None if level is pdf.Level.B_B else world.time_stamps
        signed = pdf.finish_signature(base, begun, raw, time_stamps=stamps)
        if level in (pdf.Level.LT, pdf.Level.LTA):
            return pdf.extend(signed, level=level, trust=world.trust, time_stamps=world.time_stamps)
        return signed

    out.write_bytes(sign(0))
    return sign


def we_issue(draft: bytes, leader: Person, seal: Person, world: World, out: Path) -> Once:
    """The whole: fields, the leader's visible signature with its time stamp, number and date, the seal, LTA."""
    plan = paper.plan(draft)
    day, month = appearance.printed_date(paper.ISSUED_ON)

    def issue(_n: int) -> bytes:
        at = datetime.now(UTC)
        prepared = pdf.prepare(draft, plan)
        begun = pdf.begin_signature(
            prepared,
            paper.SIGNER,
            certificate=leader.certificate,
            chain=leader.chain,
            look=appearance.SignatureLook(paper.NAME, paper.POST, at),
            signed_at=at,
            mechanism=leader.mechanism,
        )
        raw = leader.sign(begun.digest_to_sign)
        signed = pdf.finish_signature(prepared, begun, raw, time_stamps=world.time_stamps)
        return pdf.fill_number_and_seal(
            signed,
            number=appearance.printed_number(7),
            day=day,
            month=month,
            sealer=seal,
            look=appearance.SealLook(paper.AGENCY),
            sealed_at=datetime.now(UTC),
            level=pdf.Level.LTA,
            trust=world.trust,
            time_stamps=world.time_stamps,
        )

    out.write_bytes(issue(0))
    return issue


def we_validate(file: Path, world: World) -> Once:
    """With what the file itself carries."""
    content, trust = file.read_bytes(), pdf.Trust(roots=(world.root,), fetch=False)
    return lambda _n: pdf.validate(content, trust)


# --- pyHanko as its documentation shows it


def pyhanko_signs(task: Signing, world: World, out: Path) -> Once:
    """Its high-level signer; the key is loaded once, the rest is made for each document."""
    from asn1crypto import x509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers, timestamps
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko_certvalidator import ValidationContext

    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    base, root = task.paper.read_bytes(), x509.Certificate.load(world.root)
    signer = signers.SimpleSigner.load(
        str(task.by.file.with_suffix(".key.pem")),
        str(task.by.file.with_suffix(".crt")),
        ca_chain_files=(str(task.by.file.with_suffix(".pem")),),
        prefer_pss=task.by.mechanism is pdf.Mechanism.RSA_PSS,
    )
    stamper = timestamps.HTTPTimeStamper(world.tsa) if task.level != "B" else None
    lasting = task.level in ("LT", "LTA")

    def sign(_n: int) -> Any:
        context = ValidationContext(trust_roots=[root], allow_fetching=True) if lasting else None
        about = signers.PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            embed_validation_info=lasting,
            use_pades_lta=task.level == "LTA",
            validation_context=context,
        )
        writer = IncrementalPdfFileWriter(io.BytesIO(base))
        return signers.sign_pdf(writer, about, signer=signer, timestamper=stamper)

    out.write_bytes(sign(0).getvalue())
    return sign


def pyhanko_validates(file: Path, world: World) -> Once:
    """Each signature with the validation data that the file carries."""
    from asn1crypto import x509
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.dss import DocumentSecurityStore

    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    content, root = file.read_bytes(), x509.Certificate.load(world.root)

    def validate(_n: int) -> list[bool]:
        reader = PdfFileReader(io.BytesIO(content))
        store = DocumentSecurityStore.read_dss(reader)
        told = {"trust_roots": [root], "allow_fetching": False}
        return [
            bool(validate_pdf_signature(signature, store.as_validation_context(dict(told))).bottom_line)
            for signature in reader.embedded_regular_signatures
        ]

    return validate


# --- EU DSS


class Dss:
    """A running Speed program: one thread, one core, warm."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.said = ""  # of the last task: levels and indications

    def ask(self, *order: str) -> float:
        """Times a second."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\t".join(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().rstrip("\n").split("\t")
        if answer[0] != "ok":
            raise RuntimeError(f"EU DSS, {order}: {answer}")
        self.said = answer[3]
        return int(answer[1]) / float(answer[2])

    def sign(self, task: Signing, out: Path) -> Measure:
        level = f"PAdES-BASELINE-{task.level}"
        order = ("sign", level, task.by.algorithm, task.by.file.name, str(task.paper), FIELD)
        return lambda seconds: self.ask(*order, str(seconds), str(out))

    def validate(self, file: Path, *, pictures: bool) -> Measure:
        return lambda seconds: self.ask("validate", "pictures" if pictures else "plain", str(file), str(seconds))


@contextmanager
def dss_running(world: World, keys: Path) -> Iterator[Dss]:
    trust = world.folder / "trust.pem"
    order = dss.command("Speed", str(trust), world.tsa, str(keys), options=("-Xmx3g",))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(order, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield Dss(process)
        finally:
            process.terminate()
