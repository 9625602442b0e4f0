"""Migrations are applied in the order of their names: a number given twice leaves the order to the words after it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from deploy.local.layout import ROOT

FOLDERS = [ROOT / "shared" / "migrations", *sorted(ROOT.glob("services/*/migrations"))]

# Applied to databases before this rule was; a version is the whole name, so they stay as they are. No number comes to these.
GIVEN_TWICE = {
    ROOT / "services" / "docs" / "migrations": {"0008", "0010", "0012", "0019"},
    ROOT / "services" / "signing" / "migrations": {"0010"},
}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_no_number_of_a_migration_is_given_twice(folder: Path) -> None:
    names = [file.stem for file in folder.glob("*.sql")]
    assert names, folder
    assert [name for name in names if not re.fullmatch(r"\d{4}_[a-z0-9_]+", name)] == []
    counted = Counter(name[:4] for name in names)
    assert {number for number, count in counted.items() if count > 1} == GIVEN_TWICE.get(folder, set())
