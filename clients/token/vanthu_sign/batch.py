"""A sitting: what waits is fetched, prepared, checked and shown; then one PIN, and a result for each document.

An interruption costs nothing: what was completed no longer waits, the rest is prepared again at the next run.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vanthu_sign.check import check_base, check_prepared
from vanthu_sign.device import Certificate, Device
from vanthu_sign.server import Server, prepared_from, problem
from vanthu_sign.words import BYTES_DIFFER, STILL_WORKING, Refused

WAIT = 60.0  # seconds for the server to embed and time-stamp a signature
CHUNK = 25


@dataclass(frozen=True, slots=True)
class Ready:
    """One document, prepared and checked; `file` is exactly what the signature will cover."""

    document_id: str
    task: dict[str, Any]
    preparation_id: str
    mechanism: str
    signed_attributes: bytes
    file: Path


@dataclass(frozen=True, slots=True)
class Result:
    """How one document ended; `refused` is None when it is signed."""

    document_id: str
    refused: Refused | None = None


def prepare(
    server: Server, tasks: list[dict[str, Any]], certificate: Certificate, folder: Path
) -> Iterator[Ready | Result]:
    """Fetch, have prepared and check each task; the bytes of a document travel once and are kept by digest."""
    pem = ssl.DER_cert_to_PEM_cert(certificate.der)
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(tasks), CHUNK):
        chunk = {task["document_id"]: task for task in tasks[start : start + CHUNK]}
        items = [{"document_id": i, "base_sha256": t["sha256"]} for i, t in chunk.items()]
        for item in server.prepare(pem, items):
            document_id = str(item["document_id"])
            try:
                yield _ready(server, chunk[document_id], item, certificate, folder)
            except Refused as refused:
                yield Result(document_id, refused)


def _ready(server: Server, task: dict[str, Any], item: dict[str, Any], certificate: Certificate, folder: Path) -> Ready:
    if item.get("problem"):
        raise problem(item["problem"])
    digest, document_id = file_names(task)
    kept = folder / f"{digest}.pdf"
    if not kept.exists():
        kept.write_bytes(server.content(document_id))
    base = kept.read_bytes()
    try:
        check_base(base, digest)
    except Refused:
        kept.unlink()
        raise
    prepared = prepared_from(item)
    document = check_prepared(base, prepared, certificate.der)
    shown = folder / f"{document_id}.pdf"
    shown.write_bytes(document)
    return Ready(
        document_id=document_id,
        task=task,
        preparation_id=item["preparation_id"],
        mechanism=item["mechanism"],
        signed_attributes=prepared.signed_attributes,
        file=shown,
    )


def file_names(task: dict[str, Any]) -> tuple[str, str]:
    """Digest and id of a task, which become names of files here; Refused(bytes_differ) when they lead elsewhere."""
    digest, document_id = str(task["sha256"]), str(task["document_id"])
    if not re.fullmatch(r"[0-9a-f]{64}", digest) or not re.fullmatch(r"[0-9a-f-]{36}", document_id):
        raise Refused(BYTES_DIFFER)
    return digest, document_id


def sign(
    server: Server, device: Device, certificate: Certificate, ready: list[Ready], told: Callable[[Result], None]
) -> list[Result]:
    """Sign all on the token (already logged in) and finish each; `told` hears each result as it comes."""
    results: list[Result] = []

    def end(result: Result) -> None:
        results.append(result)
        told(result)

    for start in range(0, len(ready), CHUNK):
        chunk = {one.preparation_id: one for one in ready[start : start + CHUNK]}
        signatures = [
            (i, device.sign(certificate.key_id, one.mechanism, one.signed_attributes)) for i, one in chunk.items()
        ]
        waiting = []
        for item in server.complete(signatures):
            one = chunk[str(item["preparation_id"])]
            if item.get("problem"):
                end(Result(one.document_id, problem(item["problem"])))
            else:
                waiting.append(one)
        for one in waiting:
            end(Result(one.document_id, _outcome(server, one)))
    return results


def _outcome(server: Server, one: Ready) -> Refused | None:
    until, pause = time.monotonic() + WAIT, 0.1
    while time.monotonic() < until:
        found = server.preparation(one.preparation_id)
        if found["state"] == "completed":
            return None
        if found["state"] in {"failed", "expired"}:
            return problem(found.get("problem") or {"code": found["state"]})
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)
    return Refused(STILL_WORKING)
