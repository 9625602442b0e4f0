"""Invariant 7: bytes are immutable, and what is read is what was stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.blobs import Blobs
from shared.errors import Rejected


def test_bytes_come_back_and_equal_bytes_are_one_blob(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path.as_uri(), "docs")
    ref = blobs.put(b"%PDF-1.7", "application/pdf")
    assert blobs.put(b"%PDF-1.7", "application/pdf") == ref
    assert Blobs(tmp_path.as_uri(), "signing").get(ref) == b"%PDF-1.7"
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 1


def test_bytes_changed_in_the_store_are_never_handed_out(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path.as_uri(), "docs")
    ref = blobs.put(b"%PDF-1.7", "application/pdf")
    (file,) = (found for found in tmp_path.rglob("*") if found.is_file())
    file.write_bytes(b"%PDF-1.8")
    for read in (blobs.get, lambda ref: blobs.copy(ref, tmp_path / "copy")):
        with pytest.raises(Rejected) as refused:
            read(ref)
        assert refused.value.code == "blob_damaged"


def test_a_blob_is_copied_into_a_file_piece_by_piece(tmp_path: Path) -> None:
    blobs, data = Blobs((tmp_path / "store").as_uri(), "docs"), bytes(range(256)) * 100_000
    blobs.copy(blobs.put(data, "application/pdf"), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


def test_a_missing_blob_is_said(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path.as_uri(), "docs")
    ref = blobs.put(b"x", "application/pdf")
    with pytest.raises(Rejected) as refused:
        blobs.get(ref.model_copy(update={"sha256": "0" * 64}))
    assert refused.value.code == "blob_missing"
