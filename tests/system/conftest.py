"""The story, played once for all tests that look at what it left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import Stack


@dataclass(frozen=True, slots=True)
class Told:
    """What a played story left behind."""

    stack: Stack
    summary: dict[str, Any]
    folder: Path

    @property
    def pdfs(self) -> list[Path]:
        return [self.folder / document["file"] for document in self.summary["documents"]]


def tell(stack: Stack, *arguments: str) -> Told:
    """Play the story with the stack's own programs; the test fails with what it said when it does not end."""
    done = stack.run("deploy.demo.story", *arguments, bound=900)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    folder = stack.layout.var / "demo"
    return Told(stack, json.loads((folder / "summary.json").read_text(encoding="utf-8")), folder)


@pytest.fixture(scope="session")
def told(stack: Stack) -> Told:
    return tell(stack)
