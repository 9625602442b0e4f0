"""The ledger's offline verifier over logs of growing size: seconds and peak memory of its process.

The lines are those of docs' export (`services/docs/ledger/api.py`) over real acts; no head is sealed, which is a matter of
minutes once an hour and none of size, so the verdict is "not enough proof" (3) and everything else is checked.
"""

from __future__ import annotations

import argparse
import base64
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from services.docs.ledger.merkle import leaf_hash, node_hash
from shared.events import Actor, Envelope, encode
from shared.events.docs import DocsAct
from shared.ids import new_id

CHUNK = 1000
DOUBTFUL = 3


def write_log(file: BinaryIO, size: int) -> None:
    """Entries of as many documents as a fifth of them, each in its own sequence, then the stored hashes."""
    began = datetime.now(UTC) - timedelta(days=1)
    subjects = [str(new_id()) for _ in range(max(size // 5, 1))]
    about = DocsAct(
        by=Actor(name="Nông Thị Thu Hằng", capacity="Văn thư"), at=began, act="document_read",
        object_kind="document", object_id="SUBJECT", detail={"filename": "cong-van.pdf"},
    )  # fmt: skip
    envelope = Envelope(
        id=new_id(), source="urn:vanthu:bench", seq=987654321, time=began, data=about, topic=about.topic
    )
    model = encode(envelope).decode()
    row: list[bytes] = []
    file.write(_line({"log_id": str(new_id()), "size": size, "start": 0, "end": size}))
    for n in range(size):
        text = model.replace(str(envelope.id), str(new_id())).replace("SUBJECT", subjects[n % len(subjects)])
        event = text.replace("987654321", str(n // len(subjects) + 1)).encode()
        row.append(leaf_hash(event))
        file.write(_line({"position": n, "topic": about.topic, "event_b64": base64.b64encode(event).decode()}))
    level = 0
    while row:
        for first in range(0, len(row), CHUNK):
            hashes = [each.hex() for each in row[first : first + CHUNK]]
            file.write(_line({"nodes": {"level": level, "first": first, "hashes": hashes}}))
        row = [node_hash(row[n], row[n + 1]) for n in range(0, len(row) - 1, 2)]
        level += 1


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def measure(path: Path) -> tuple[float, float]:
    """Seconds of processor and MB at the peak, of a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "vanthu_verify.ledger", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != DOUBTFUL:
        sys.exit(f"the verifier ended with {done.returncode}: {done.stdout[:2000]}{done.stderr[:2000]}")
    codes = sorted({json.loads(line)["code"] for line in done.stdout.splitlines()[1:]})
    if codes != ["no_head", "no_trust"]:
        sys.exit(f"the verifier found {codes}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    for size in sorted(int(each) for each in parser.parse_args().sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="vanthu-ledger-") as folder:
            path, began = Path(folder) / "export.ndjson", time.monotonic()
            with path.open("wb") as file:
                write_log(file, size)
            made = time.monotonic() - began
            seconds, peak = measure(path)
            mb = path.stat().st_size / 1024 / 1024
        print(
            f"{size:>9,} entries ({mb:,.0f} MB, made in {made:.0f} s): {seconds:.1f} s of processor, peak {peak:,.0f} MB"
        )


if __name__ == "__main__":
    main()
