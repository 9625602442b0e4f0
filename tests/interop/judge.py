"""EU DSS as an independent judge of signed PDFs: asks it and says what it objects to.

One Java machine serves a whole test process: starting it and loading DSS costs more than judging ten files.
"""

from __future__ import annotations

import atexit
import io
import json
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pikepdf

from tests.interop import dss

JUDGE_BOUND = 240.0  # seconds
OPTIONS = ("-XX:+UseSerialGC",)
_END = re.compile(rb"startxref\s+\d+\s+%%EOF\s*\Z")
_SUSPICIOUS = ("suspicious", "undefined", "modif", "changes", "differen")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What DSS says of one signature. `changes` are the permitted ones after it, form filling and extensions."""

    field: str
    indication: str
    subindication: str | None
    level: str
    changes: tuple[str, ...]
    objections: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def suspicious(self) -> tuple[str, ...]:
        """Warnings of the kind that the default policy leaves at warnings although something may have been changed."""
        return tuple(one for one in self.warnings if any(word in one.lower() for word in _SUSPICIOUS))

    @property
    def accepted(self) -> bool:
        """TOTAL_PASSED alone is not enough: a reported modification counts too."""
        return self.indication == "TOTAL_PASSED" and not self.objections


@dataclass(frozen=True, slots=True)
class FileVerdict:
    file: str
    signatures: tuple[Verdict, ...]
    timestamps: tuple[str, ...]
    error: str | None
    left_out: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        stamped = all(indication == "PASSED" for indication in self.timestamps)
        whole = not self.error and not self.left_out and bool(self.signatures)
        return whole and stamped and all(s.accepted for s in self.signatures)


@dataclass(frozen=True, slots=True)
class Link:
    """One certificate of a chain as DSS built it; `revocation` are lines "TYPE STATUS address"."""

    name: str
    indication: str
    subindication: str
    errors: tuple[str, ...]
    reason: str
    revocation: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """A certificate's chain, the certificate first, and every address that DSS asked."""

    chain: tuple[Link, ...]
    asked: tuple[str, ...]
    error: str | None


def judge_certificates(certificates: Sequence[Path], trust_pem: Path) -> dict[str, ChainVerdict]:
    """Chains by file name (.cer, DER); DSS asks this machine only."""
    return {read["file"]: _chain_verdict(read) for read in _ask(certificates, trust_pem, JUDGE_BOUND)}


def left_out(pdf: bytes, judged: int) -> tuple[str, ...]:
    """What DSS passes over: filled signature fields that it reports nothing of (spoilt dictionaries), and bytes of no revision."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        fields: Any = document.Root.AcroForm.Fields if "/AcroForm" in document.Root else ()
        filled = sum(1 for field in fields if field.get("/FT") == "/Sig" and "/V" in field)
    found = []
    if filled != judged:
        found.append(f"{filled} signature fields are filled, {judged} were judged")
    if not _END.search(pdf):
        found.append("bytes after the last revision")
    return tuple(found)


def judge(pdfs: Sequence[Path], trust_pem: Path, *, bound: float = JUDGE_BOUND) -> dict[str, FileVerdict]:
    """Verdicts by file name; OCSP, CRL and AIA are fetched from loopback."""
    by_name = {path.name: path for path in pdfs}
    return {read["file"]: _file_verdict(read, by_name[read["file"]]) for read in _ask(pdfs, trust_pem, bound)}


@dataclass(slots=True)
class _Court:
    """The program, started when somebody first asks; it ends with its input, so with this process at the latest."""

    _process: subprocess.Popen[str] | None = None
    _said: Any = None  # a file that takes what it says beside its answers
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, line: str, bound: float) -> list[dict[str, Any]]:
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            late = threading.Timer(bound, process.kill)
            late.start()
            answers = []
            try:
                with suppress(BrokenPipeError):
                    process.stdin.write(line + "\n")
                    process.stdin.flush()
                while (answer := process.stdout.readline()) and answer != "\n":
                    answers.append(answer)
            finally:
                late.cancel()
            if not answer:  # it ended without the empty line
                code, said = process.wait(), self._words()
                self.close()
                raise RuntimeError(f"the judge failed ({code}, {bound:.0f} s at most): {said}")
            return [json.loads(answer) for answer in answers]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed by close()
            self._process = subprocess.Popen(
                dss.command("Judge", options=OPTIONS),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                encoding="utf-8",
            )
            atexit.register(self.close)
        return self._process

    def _words(self) -> str:
        self._said.seek(0)
        return bytes(self._said.read()).decode(errors="replace")[-2000:]

    def close(self) -> None:
        if self._process is None:
            return
        atexit.unregister(self.close)
        self._process.kill()
        self._process.communicate()
        self._said.close()
        self._process = None


_COURT = _Court()


def _ask(files: Sequence[Path], trust_pem: Path, bound: float) -> list[dict[str, Any]]:
    return _COURT.ask("\t".join(map(str, (trust_pem, *files))), bound)


def _chain_verdict(read: dict[str, Any]) -> ChainVerdict:
    links = [
        {**one, "errors": tuple(one["errors"]), "revocation": tuple(one["revocation"])} for one in read.get("chain", ())
    ]
    return ChainVerdict(tuple(Link(**one) for one in links), tuple(read["asked"]), read.get("error"))


def _file_verdict(read: dict[str, Any], file: Path) -> FileVerdict:
    stamps = tuple(t["indication"] for t in read.get("timestamps", ()))
    signatures = tuple(_verdict(s) for s in read.get("signatures", ()))
    of_document = sum(1 for t in read.get("timestamps", ()) if t["type"] == "DOCUMENT_TIMESTAMP")
    return FileVerdict(
        file=read["file"],
        signatures=signatures,
        timestamps=stamps,
        error=read.get("error"),
        left_out=() if "error" in read else left_out(file.read_bytes(), len(signatures) + of_document),
    )


def _verdict(read: dict[str, Any]) -> Verdict:
    """DSS's findings as objections.

    `overlap` alone is none: the decree wants the seal over the signature. What covers something later shows as
    an annotation or undefined change besides.
    """
    objections = [*read["errors"], *read["undefined"], *read["annotation"]]
    objections += [f"visual difference on page {page}" for page in read["visual"]]
    objections += [f"pages differ: {page}" for page in read["pages"]]
    return Verdict(
        field=",".join(read["field"]),
        indication=read["indication"],
        subindication=read["subindication"],
        level=read["level"],
        changes=(*read["form"], *read["extension"]),
        objections=tuple(objections),
        warnings=tuple(read["warnings"]),
    )
