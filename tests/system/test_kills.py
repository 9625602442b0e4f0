"""Invariant 11: any process may die at any moment. Each one is killed once while the story is told; the end is the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from deploy.local.layout import ROOT
from tests.support.stack import Stack

PROCESSES = [
    "portal",
    "docs",
    "signing-worker",
    "docs-worker",
    "signing",
    "registry-worker",
    "notify-worker",
    "portal-worker",
    "registry",
    "notify",
]


def test_the_story_ends_the_same_when_each_process_is_killed_once(stack: Stack) -> None:
    before = {name: stack.state()["processes"][name]["restarts"] for name in PROCESSES}
    story = subprocess.Popen(
        [sys.executable, "-m", "deploy.demo.story"],
        cwd=ROOT,
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert story.stdout is not None
    left, said = list(PROCESSES), b""
    while chunk := os.read(story.stdout.fileno(), 4096):
        said += chunk
        # Every step that begins says "…" and, when it is done, its time: in the middle of it somebody dies. (Where two
        # were read at once, the second one's victim dies a little later.)
        if left and said.count("…".encode()) > len(PROCESSES) - len(left):
            stack.kill(left.pop(0))
    _, errors = story.communicate(timeout=600)
    assert story.returncode == 0, said.decode()[-3000:] + errors.decode()[-3000:]
    assert left == [], f"the story was over before {left} could be killed"
    for name in PROCESSES:
        stack.wait_restarted(name, before[name] + 1)
    summary = json.loads((stack.layout.var / "demo" / "summary.json").read_text(encoding="utf-8"))
    assert sorted(history[-1] for history in summary["statuses_seen_by_sender"].values()) == ["03", "03", "06"]
    numbers = [document["number"] for document in summary["documents"]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert summary["tampered_in"]["status"] == summary["tampered_out"]["status"] == "02"
