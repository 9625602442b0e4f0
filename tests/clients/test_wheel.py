"""What leaders install: the wheel, in a virtual environment of its own, with nothing of this tree beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = ROOT / "var" / "tools" / "uv" / "bin" / "uv"


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_is_built_and_runs_where_nothing_else_of_ours_is(tmp_path: Path) -> None:
    if not UV.exists():
        pytest.skip(f"{UV} is not there; `make setup` fetches it")
    wheels, room = tmp_path / "wheels", tmp_path / "room"
    for package in ("verify", "token"):
        source = tmp_path / package  # building leaves its traces beside the sources
        shutil.copytree(ROOT / "clients" / package, source, ignore=shutil.ignore_patterns("build", "*.egg-info"))
        # From the cache that `make setup` filled with the same versions: a test asks no registry.
        run(UV, "build", "--quiet", "--offline", "--wheel", "--out-dir", wheels, source, cwd=tmp_path)
    run(UV, "venv", "--quiet", "--offline", room, cwd=tmp_path)
    python = next(path for path in (room / "bin" / "python", room / "Scripts" / "python.exe") if path.exists())
    install = (UV, "pip", "install", "--quiet", "--offline", "--python", python)
    run(*install, "--constraint", ROOT / "requirements.lock", *sorted(wheels.glob("*.whl")), cwd=tmp_path)
    program = python.with_name("vanthu-sign")
    assert run(program, "--version", cwd=tmp_path).startswith("vanthu-sign 0.")
    assert run(python, "-m", "vanthu_sign", "--version", cwd=tmp_path).startswith("vanthu-sign 0.")
    for command in ("login", "list", "sign", "agent", "token", "selftest", "register", "request", "receipt", "verify"):
        assert run(program, command, "--help", cwd=tmp_path).startswith("usage: vanthu-sign"), command
    where = "import vanthu_sign, vanthu_verify; print(vanthu_sign.__file__, vanthu_verify.__file__)"
    assert str(ROOT / "clients") not in run(python, "-c", where, cwd=tmp_path)
    pages = "from vanthu_sign import pages; print(pages.available())"
    assert run(python, "-c", pages, cwd=tmp_path) == "False\n", "the pictures are an extra: it runs without them"
