"""The client's own folder: whole files or none, signatures that survive a crash, nothing kept longer than needed."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from vanthu_sign.folder import Documents, Journal, Signed, locked, write_private
from vanthu_sign.words import Refused


def signed(number: int) -> Signed:
    return Signed(
        "https://vanthu.example", "p", f"d{number}", f"prep{number}", "0" * 64, "Công văn", bytes([number]) * 8
    )


def test_a_signature_survives_a_crash_between_token_and_server(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    for number in range(3):
        first.add(signed(number))
    first.end("prep1")
    with (tmp_path / "signatures.jsonl").open("ab") as file:
        file.write(b'{"portal": "https://vanthu.exam')  # the machine died while it wrote
    again = Journal(tmp_path)
    assert again.pending() == [signed(0), signed(2)]
    again.add(signed(3))
    assert Journal(tmp_path).pending() == [signed(0), signed(2), signed(3)]
    for number in (0, 2, 3):
        again.end(f"prep{number}")
    again.close()
    first.close()
    assert not (tmp_path / "signatures.jsonl").exists()


def test_bytes_that_were_damaged_here_are_fetched_again(tmp_path: Path) -> None:
    documents, data = Documents(tmp_path), b"%PDF-1.7"
    digest = hashlib.sha256(data).hexdigest()
    documents.keep(digest, data)
    assert documents.find(digest) == data
    (tmp_path / "documents" / f"{digest}.pdf").write_bytes(b"%PDF-1.6")
    assert documents.find(digest) is None


def test_what_nobody_came_back_to_goes_after_days(tmp_path: Path) -> None:
    documents = Documents(tmp_path)
    documents.keep("a" * 64, b"old")
    documents.keep("b" * 64, b"new")
    old = time.time() - 8 * 86400
    os.utime(tmp_path / "documents" / f"{'a' * 64}.pdf", (old, old))
    documents.clean()
    assert [path.stem for path in documents.folder.glob("*")] == ["b" * 64]


def test_one_process_at_a_time_and_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", wait=False), pytest.raises(Refused) as busy, locked(tmp_path / "lock", wait=False):
        pass
    assert busy.value.code == "sitting_busy"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Refused) as refused:
        write_private(tmp_path / "file" / "x", b"")
    assert refused.value.code == "folder_unusable"


@pytest.mark.skipif(os.name != "posix", reason="file modes say something on POSIX only")
def test_nobody_else_reads_what_is_written(tmp_path: Path) -> None:
    os.umask(0)
    try:
        write_private(tmp_path / "home" / "x", b"1")
        write_private(tmp_path / "home" / "x", b"2")
    finally:
        os.umask(0o022)
    assert (tmp_path / "home" / "x").read_bytes() == b"2"
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "home", tmp_path / "home" / "x")] == [0o700, 0o600]
