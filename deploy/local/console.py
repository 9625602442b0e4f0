"""What a person sees: one line at a time, with the name of the process that said it, coloured on a terminal."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Mapping

from shared.errors import Sentence

WIDTH = 16  # of the longest process name
COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
OURS = "vanthu"

# These two say much that concerns nobody as long as they run; their logs have all of it.
SHOWN: Mapping[str, re.Pattern[str]] = {
    "kafka": re.compile(r" FATAL |Exiting Kafka|^đã dừng|^đã tải"),
    "postgres": re.compile(r"PANIC|^đã dừng"),
}


class Console:
    """Lines of all processes on standard output, whole and in the order of their coming."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self._colourful = sys.stdout.isatty()
        self._gone = quiet
        self.closing = False  # what a broker says about being stopped half-way through its start is no news

    def say(self, name: str, line: str) -> None:
        """A line that a process wrote, unless it belongs into the log only."""
        pattern = SHOWN.get(name.split(" ", maxsplit=1)[0])
        if pattern is None or (pattern.search(line) and not self.closing):
            self.tell(line, name)

    def both(self, sentence: Sentence) -> None:
        self.tell(sentence.vi)
        self.tell(sentence.en)

    def tell(self, line: str, name: str = OURS) -> None:
        with self._lock:
            if self._gone:
                return
            try:
                print(f"{self._prefix(name)} {line}", flush=True)
            except OSError:
                self._gone = True  # the terminal was closed; the logs go on

    def _prefix(self, name: str) -> str:
        text = f"{name:<{WIDTH}}│"
        if not self._colourful:
            return text
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        return f"\x1b[{colour}m{text}\x1b[0m"
