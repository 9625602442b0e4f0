"""A work file's package whose ZIP itself is damaged: said by name, never a crash."""

from __future__ import annotations

import zipfile
from pathlib import Path

from vanthu_verify.ledger.seals import Believed
from vanthu_verify.package.checking import MANIFEST, check
from vanthu_verify.report import ValidationReport


def _never(path: Path) -> ValidationReport:
    raise AssertionError(f"there is no PDF in the package: {path}")


def test_a_packed_entry_that_is_damaged_is_named(tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(MANIFEST, "0" * 64 + "  metadata.txt\n")
        made.writestr("metadata.txt", "Hồ sơ " * 1000)
        start = made.getinfo("metadata.txt").header_offset
    raw = bytearray(package.read_bytes())
    data = start + 30 + len("metadata.txt")
    raw[data] |= 0b110  # a block type that deflate (RFC 1951, 3.2.3) does not have
    package.write_bytes(raw)
    found = check(package, _never, Believed(roots=()))
    assert ("zip_broken", "metadata.txt") in [(each.code, each.name) for each in found.findings]
