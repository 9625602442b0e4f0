"""Handing raw signatures in while the token makes the next ones, and hearing how each document ended."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from vanthu_sign.folder import Documents, Journal, Signed
from vanthu_sign.pile import CHUNK, MOVED_ON, Ended, Result
from vanthu_sign.server import Server, problem
from vanthu_sign.words import STILL_WORKING, Refused
from vanthu_sign.words_sitting import KEPT

WAIT = 60.0  # seconds without any document being finished, before the rest is left to the server
ASKED = 100  # signatures asked for in one call
SOON, SOON_EACH = 0.05, 0.01  # seconds until the next question, at least and for each document that still waits
HASTE = 2.0  # the same when the person has asked to stop
PREPARE_AGAIN = (*MOVED_ON, "preparation_expired")


class Handing:
    """A thread that hands in what `put` gives it. `ended` hears each result once, from that thread or from `finish`."""

    def __init__(
        self,
        server: Server,
        journal: Journal,
        documents: Documents,
        ended: Callable[[Result], None],
        stop: threading.Event,
    ) -> None:
        self._server, self._journal, self._documents = server, journal, documents
        self._ended, self._stop = ended, stop
        self._queue: queue.Queue[Signed | None] = queue.Queue()
        self._taken: list[Signed] = []
        self._again: list[Signed] = []
        self._down: Refused | None = None
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="handing", daemon=True)
        self._thread.start()

    def put(self, signed: Signed) -> None:
        self._queue.put(signed)

    def settle(self) -> list[Signed]:
        """Wait until all that was put is handed in; those that have to be prepared again."""
        self._queue.join()
        if self._failed is not None:
            raise self._failed
        again, self._again = self._again, []
        return again

    def finish(self) -> None:
        """Wait for the server to embed what it took, as long as it makes progress; tell how each ended."""
        self._queue.put(None)
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        waiting, since, pause = list(self._taken), time.monotonic(), SOON
        while waiting:
            still = self._unfinished(waiting)
            if len(still) < len(waiting):
                # While many wait, asking too often would only keep the server from them.
                since, pause = time.monotonic(), min(max(SOON, SOON_EACH * len(still)), 1.0)
            waiting = still
            if time.monotonic() - since > (HASTE if self._stop.is_set() else WAIT) or self._down:
                for signed in waiting:
                    self._tell(signed, Ended.TAKEN, Refused(STILL_WORKING))
                return
            if waiting:
                time.sleep(pause)
                pause = min(pause * 1.5, 2.0)

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                self._queue.task_done()
                return
            chunk = [first]
            while len(chunk) < CHUNK:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._queue.task_done()
                    self._queue.put(None)
                    break
                chunk.append(more)
            try:
                self._hand_in(chunk)
            except Exception as error:  # noqa: BLE001  told by settle and finish; nobody may wait for it for ever
                self._failed = error
            finally:
                for _ in chunk:
                    self._queue.task_done()

    def _hand_in(self, chunk: Sequence[Signed]) -> None:
        """1. Safe on the disk. 2. Sent, again and again while the line is cut. 3. Each answered for itself."""
        try:
            self._journal.sync()
            if self._down:
                raise self._down
            answered = self._server.complete([(each.preparation_id, each.signature) for each in chunk])
        except Refused as refused:
            self._down = refused
            for signed in chunk:
                self._tell(signed, Ended.KEPT, Refused(KEPT), keep=True)
            return
        said = {str(item.get("preparation_id")): item for item in answered}
        for signed in chunk:
            self._judge(signed, said.get(signed.preparation_id))

    def _judge(self, signed: Signed, item: dict[str, Any] | None) -> None:
        if item is None:  # not answered for: asked again by the next run
            self._tell(signed, Ended.KEPT, Refused(KEPT), keep=True)
        elif not item.get("problem"):
            self._taken.append(signed)
        elif str(item["problem"].get("code")) in PREPARE_AGAIN:
            self._journal.end(signed.preparation_id)
            self._again.append(signed)
        else:
            self._tell(signed, Ended.REFUSED, problem(dict(item["problem"])))

    def _unfinished(self, waiting: Sequence[Signed]) -> list[Signed]:
        """Those that the server still works on, asked for some at a time; the others end here."""
        still: list[Signed] = []
        for start in range(0, len(waiting), ASKED):
            chunk = waiting[start : start + ASKED]
            try:
                found = self._server.preparations([signed.preparation_id for signed in chunk])
            except Refused as refused:
                if refused.code == "unreachable":
                    self._down = refused
                    return [*still, *waiting[start:]]
                found = {}
            still += [each for each in chunk if not self._is_over(each, found.get(each.preparation_id))]
        return still

    def _is_over(self, signed: Signed, found: dict[str, Any] | None) -> bool:
        try:
            found = found or self._server.preparation(signed.preparation_id)
        except Refused as refused:
            if refused.code == "unreachable":
                self._down = refused
                return False
            self._tell(signed, Ended.REFUSED, refused)
            return True
        state = found.get("state")
        if state == "completed":
            notice = found.get("notice")
            self._documents.forget(signed.document_id, signed.base_sha256)
            self._tell(signed, Ended.SIGNED, notice=_notice(notice) if notice else None)
        elif state in {"failed", "expired"}:
            self._tell(signed, Ended.REFUSED, problem(dict(found.get("problem") or {"code": state})))
        return state in {"completed", "failed", "expired"}

    def _tell(
        self,
        signed: Signed,
        ended: Ended,
        refused: Refused | None = None,
        *,
        notice: Refused | None = None,
        keep: bool = False,
    ) -> None:
        if not keep and ended is not Ended.TAKEN:  # what is still being embedded is asked for at the next run
            self._journal.end(signed.preparation_id)
        self._ended(Result(signed.document_id, ended, refused, signed.title, notice))


def _notice(found: dict[str, Any]) -> Refused:
    return problem({"code": found.get("code"), "detail_vi": found.get("vi"), "detail_en": found.get("en")})
