"""Every state-changing endpoint of docs leaves an act or a fact: generated from its own routes. The other services state an act
of their own with every change; their tests say which.

A request's transactions are all watched (shared/acts.py), so it is enough that the service is, that nobody goes around
it, and that every exception is a path that exists, with a reason.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from shared.acts import CHANGING, Recorder

ROOT = Path(__file__).parents[2]


class _Pool:
    """Nothing asks it: the applications are looked at, not run."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"pool.{name}")


COMMON = {
    "database": "postgresql://nowhere",
    "kafka": "nowhere:1",
    "kafka_user": "x",
    "kafka_password": "x",
    "port": 1,
    "worker_port": 1,
    "portal_url": "http://portal.example",
}
OWN: dict[str, tuple[str, str, dict[str, str]]] = {
    "docs": ("DocsSettings", "api", {}),
}


def _app(name: str, tmp_path: Path) -> FastAPI:
    settings, api, more = OWN[name]
    module = importlib.import_module(f"services.{name}.__main__")
    chosen = getattr(module, settings)(service=name, blobs=tmp_path.as_uri(), **COMMON, **more)
    app: FastAPI = getattr(module, api)(chosen, _Pool())
    return app


@pytest.mark.parametrize("name", sorted(OWN))
def test_every_request_of_a_service_is_watched(name: str, tmp_path: Path) -> None:
    app = _app(name, tmp_path)
    recorder = app.state.recorder
    assert isinstance(recorder, Recorder)
    assert recorder.service == name
    changing = {path.removeprefix(f"/{name}/v1") for path in _changing(app)}
    assert len(changing) >= 3
    assert set(recorder.silent) <= changing, "an exception for an endpoint that is gone"
    assert all(reason for reason in recorder.silent.values())


def _changing(app: FastAPI) -> list[str]:
    return [path for path, methods in app.openapi()["paths"].items() if {m.upper() for m in methods} & CHANGING]


def _calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def test_nobody_goes_around_the_watched_transaction() -> None:
    """A connection that is taken from the pool by hand would commit unseen."""
    around = [
        f"{path.relative_to(ROOT)}: {call}"
        for folder in ("services", "shared")
        for path in (ROOT / folder).rglob("*.py")
        for call in _calls(path)
        if call in {"getconn", "connection"} and path.name != "db.py"
    ]
    assert around == []
