"""Java archives at exact versions: chosen by a maintainer, fetched by everybody, each checked by its SHA-256.

`python -m deploy.local.jars fetch LOCKFILE DIR`, and `… resolve COORDINATE… > LOCKFILE` for a maintainer.
Where Maven Central is, the `maven-artifact` package knows; nothing here names a host.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.local import refusals
from shared.errors import Rejected

PARALLEL = 8
TRIES = 4
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces
KAFKA_LOCK = Path(__file__).with_name("kafka.lock")

# group:artifact:version, or group:artifact:extension:classifier:version, as Maven writes them
LINE = re.compile(r"(?P<coordinate>[\w.-]+(?::[\w.+-]+){2,4}) (?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of a lock file."""

    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        """As Maven names it: artifact-version[-classifier].extension."""
        _group, artifact, *rest = self.coordinate.split(":")
        extension, classifier = ([*rest[:-1], "", ""] if rest[:-1] else ["jar", ""])[:2]
        return f"{artifact}-{rest[-1]}{'-' if classifier else ''}{classifier}.{extension}"


def read_lock(lockfile: Path) -> tuple[Jar, ...]:
    jars: dict[str, Jar] = {}
    for number, line in enumerate(lockfile.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        jar = Jar(match["coordinate"], match["sha256"]) if match else None
        # Two groups may have an artifact of the same name: one directory cannot hold both.
        if jar is None or jars.get(jar.filename, jar) != jar:
            raise Rejected(refusals.LOCK_INVALID, line=number, file=lockfile)
        jars[jar.filename] = jar
    return tuple(jars.values())


def fetch(lockfile: Path, directory: Path, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """The jars of `lockfile` in `directory`, in the lock's order; what is missing or damaged is downloaded.

    `progress(done, all)` is called while something is downloaded, never when all is there.
    """
    jars = read_lock(lockfile)
    directory.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        paths = [directory / jar.filename for jar in jars]
        sound = list(pool.map(_is_sound, paths, (jar.sha256 for jar in jars)))
        missing = [jar for jar, good in zip(jars, sound, strict=True) if not good]
        done = len(jars) - len(missing)
        downloads = [pool.submit(_download, jar, directory) for jar in missing]
        try:
            for download in concurrent.futures.as_completed(downloads):
                download.result()
                done += 1
                if progress:
                    progress(done, len(jars))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return paths


def _is_sound(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


def _get(coordinate: str, sink: IO[bytes] | None = None) -> str:
    """Writes the artifact to `sink`; its SHA-256 in hexadecimal."""
    # Imported where something is downloaded: an ordinary start downloads nothing, and they take 0.4 s.
    import requests
    from maven_artifact import Artifact, Downloader

    digest = hashlib.sha256()
    url = Artifact.parse(coordinate).uri(Downloader().resolver.base)
    with requests.get(url, timeout=TIMEOUT, stream=True) as response:
        response.raise_for_status()
        for piece in response.iter_content(1 << 16):
            digest.update(piece)
            if sink:
                sink.write(piece)
    return digest.hexdigest()


def _download(jar: Jar, directory: Path) -> None:
    """Under its final name a file is always whole: it is written beside, checked, then renamed."""
    for attempt in range(1, TRIES + 1):
        with tempfile.NamedTemporaryFile(dir=directory, prefix=f".{jar.filename}.", delete=False) as file:
            partial = Path(file.name)
            try:
                found = _get(jar.coordinate, file)
                file.close()
                if found == jar.sha256:
                    partial.chmod(0o644)
                    partial.replace(directory / jar.filename)
                    return
                failure = Rejected(refusals.CHECKSUM_WRONG, what=jar.coordinate)
            except OSError as error:  # as every failure of requests is
                failure = Rejected(refusals.DOWNLOAD_FAILED, what=jar.coordinate, reason=_reason(error))
            finally:
                partial.unlink(missing_ok=True)
        if attempt == TRIES:
            raise failure
        time.sleep(2 ** (attempt - 1))


def _reason(error: OSError) -> str:
    response = getattr(error, "response", None)
    return type(error).__name__ if response is None else f"HTTP {response.status_code}"


def cache_directory(var: Path) -> Path:
    """VANTHU_CACHE, else ~/.cache/vanthu, else (no writable home) a directory under var."""
    if chosen := os.environ.get("VANTHU_CACHE"):
        path = Path(chosen)
        path.mkdir(parents=True, exist_ok=True)
        return path.resolve()
    with contextlib.suppress(OSError, RuntimeError):
        path = Path.home() / ".cache" / "vanthu"
        path.mkdir(parents=True, exist_ok=True)
        if os.access(path, os.W_OK):
            return path
    path = var / "cache"
    path.mkdir(parents=True, exist_ok=True)
    return path


def resolve(coordinates: Iterable[str]) -> list[Jar]:
    """The jars that `coordinates` need at run time, sorted; a maintainer's tool, hence Maven."""
    maven = shutil.which("mvn")
    if maven is None:
        raise Rejected(refusals.NO_MAVEN)
    with tempfile.TemporaryDirectory() as scratch:
        pom, listing = Path(scratch, "pom.xml"), Path(scratch, "list.txt")
        pom.write_text(_pom(coordinates), encoding="utf-8")
        command = [maven, "-B", "-q", "dependency:list", "-DincludeScope=runtime", f"-DoutputFile={listing}"]
        subprocess.run(command, cwd=scratch, check=True, stdout=sys.stderr)
        found = sorted(set(_listed(listing.read_text(encoding="utf-8"))))
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(Jar, found, pool.map(_get, found)))


def _pom(coordinates: Iterable[str]) -> str:
    from maven_artifact import Artifact

    dependencies = "".join(
        f"<dependency><groupId>{a.group_id}</groupId><artifactId>{a.artifact_id}</artifactId>"
        f"<version>{a.version}</version></dependency>"
        for a in map(Artifact.parse, coordinates)
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>vn.vanthu</groupId><artifactId>resolve</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )


def _listed(listing: str) -> Iterable[str]:
    """From Maven's `group:artifact:type[:classifier]:version:scope` to coordinates."""
    for line in listing.splitlines():
        parts = line.strip().split(" ")[0].split(":")
        if len(parts) == 5 and parts[2] == "jar":
            yield f"{parts[0]}:{parts[1]}:{parts[3]}"
        elif len(parts) == 6:
            yield ":".join(parts[:5])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.jars", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fetching = commands.add_parser("fetch", help="download what a lock file names")
    fetching.add_argument("lockfile", type=Path)
    fetching.add_argument("directory", type=Path)
    resolving = commands.add_parser("resolve", help="write a lock file to standard output (needs Maven)")
    resolving.add_argument("coordinates", nargs="+", metavar="GROUP:ARTIFACT:VERSION")
    arguments = parser.parse_args()
    try:
        if arguments.command == "fetch":
            fetch(
                arguments.lockfile,
                arguments.directory,
                lambda done, count: print(f"{arguments.lockfile.name}: {done}/{count}", file=sys.stderr),
            )
        else:
            print(f"# python -m deploy.local.jars resolve {' '.join(arguments.coordinates)}")
            for jar in resolve(arguments.coordinates):
                print(jar.coordinate, jar.sha256)
    except Rejected as refused:
        print(f"{refused.sentence.vi}\n{refused.sentence.en}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
