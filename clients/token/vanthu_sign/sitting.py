"""A sitting of one person at one token: what waits, pre-flight, look, PIN, signatures, results.

The command line and the browser agent share it; it prints nothing and asks nothing by itself.

    with Sitting(server, home, told=progress) as sitting:   # one at a time on a machine: Refused(sitting_busy)
        results = sitting.take_up()                         # what an earlier sitting signed and could not hand in
        tasks = sitting.tasks()                             # what waits, as the server lists it
        with device.opened(device.find_module(None), None) as token:
            certificate = device.choose(token.certificates(), None)
            items = sitting.prepare(tasks, token, certificate)  # Item each: .ready, .file, .against, .task
            sitting.first_page(item), sitting.addressees(item)  # to show; the file is item.file
            results = sitting.sign(token, chosen, ask=ask_pin, review=review)

- `told: Callable[[Progress], None]` hears every step, never two at once, from whichever thread works.
- `ask: pin.AskPin` gets a `PinAsk` (which token, why, for how many) and returns the PIN, or None to stop. A wrong PIN
  raises Refused(pin_wrong) out of `sign` with everything as it was: call `sign` again with the same items to ask again.
- `review: Callable[[list[Item]], Collection[str]]` is shown items that were prepared anew after they had been shown
  (`item.change` says why, which pages look different, and where the file as shown before is) and returns the document
  ids that may be signed as they are now. Nothing that is not returned is signed.
- `interrupt()` from any thread or a signal handler: the signature under way is finished and handed in, the rest is
  LEFT. The same `sign` (or another process, later) goes on from there: documents that are done no longer wait.
- `sign` returns a `Result` for each item, in order: SIGNED, TAKEN, KEPT, LEFT or REFUSED with a sentence.
- A driver that crashes is started again (twice at most) and the PIN is asked for again with `Why.AGAIN`.
- A key with CKA_ALWAYS_AUTHENTICATE asks with `Why.EACH` for every document; a `Step.SAID` tells the count before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from vanthu_sign import pin
from vanthu_sign.device import Certificate, Device, Order
from vanthu_sign.folder import Documents, Journal, Signed, locked
from vanthu_sign.handing import Handing
from vanthu_sign.pages import Viewer
from vanthu_sign.pile import Ended, Item, Pile, Result, Task
from vanthu_sign.pin import AskPin, Counter, PinAsk, Why
from vanthu_sign.server import Server
from vanthu_sign.words import Refused
from vanthu_sign.words_device import DRIVER_RESTARTED, PIN_EACH
from vanthu_sign.words_sitting import BASE_IS_NEW, NOT_REVIEWED, STOPPED

RESTARTS = 2
Review = Callable[[list[Item]], Collection[str]]


class Step(StrEnum):
    """What a Progress is about."""

    PREPARED = "prepared"  # `item`: one more document is ready to be shown, or has something against it
    SIGNING = "signing"  # `done` of `total` signatures made
    ENDED = "ended"  # `result`: one document ended
    SAID = "said"  # `words`: something the person should read now (driver restarted, PIN for each)


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a sitting; `done` of `total` where there is something to count."""

    step: Step
    done: int = 0
    total: int = 0
    item: Item | None = None
    result: Result | None = None
    words: Refused | None = None


def nobody(_progress: Progress) -> None:
    """Progress that nobody looks at."""


def no_review(_items: list[Item]) -> Collection[str]:
    """Nothing that changed after it was shown is signed."""
    return ()


class Sitting:
    """One person, one server, one folder; may outlive several tokens. `stop` may be shared with the server's line."""

    def __init__(
        self,
        server: Server,
        home: Path,
        *,
        told: Callable[[Progress], None] = nobody,
        stop: threading.Event | None = None,
    ) -> None:
        self.server, self.home = server, home
        self.documents = Documents(home)
        self.counter = Counter(home)
        self.viewer = Viewer()
        self._told, self._telling = told, threading.Lock()
        self._stop = stop or threading.Event()
        self._pile: Pile | None = None
        self._open = ExitStack()
        self._journal: Journal | None = None

    def __enter__(self) -> Self:
        self._open.enter_context(locked(self.home / "sitting.lock", wait=False))
        self._journal = Journal(self.home)
        self._open.callback(self._journal.close)
        self._open.callback(self.viewer.close)
        self.documents.clean()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def journal(self) -> Journal:
        assert self._journal is not None, "used outside of its `with` block"  # noqa: S101
        return self._journal

    def interrupt(self) -> None:
        """Finish what is under way, then stop."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    # 1. what an earlier sitting left

    def take_up(self) -> list[Result]:
        """Hand in what was signed and could not be handed in; how each of those ended. No token is needed.

        One whose preparation ran out in the meantime is LEFT: it waits again and is signed with the others.
        """
        portal, person = self.server.portal, self.server.person_id if self.journal.pending() else ""
        mine = [each for each in self.journal.pending() if (each.portal, each.person_id) == (portal, person)]
        if not mine:
            return []
        results, handing = self._handing()
        for signed in mine:
            handing.put(signed)
        for signed in handing.settle():
            self._end(results, Result(signed.document_id, Ended.LEFT, Refused(STOPPED), signed.title))
        handing.finish()
        return [results[each.document_id] for each in mine if each.document_id in results]

    # 2. what waits

    def tasks(self) -> list[Task]:
        """What waits for this person; `problems` of each are the server's reasons against signing it now."""
        return self.server.tasks()

    def prepare(
        self, tasks: Sequence[Task], token: Device, certificate: Certificate, *, pss: bool = True
    ) -> list[Item]:
        """Fetch, have prepared, check. RSASSA-PSS where the token offers it and `pss`; else PKCS#1 v1.5."""
        self._pile = Pile(self.server, self.documents, self.viewer, certificate, pss=pss and token.about().pss)
        done = 0

        def one(item: Item) -> None:
            nonlocal done
            done += 1
            self._say(Progress(Step.PREPARED, done, len(tasks), item=item))

        self._certificate = certificate
        return self._pile.prepare(tasks, one)

    def first_page(self, item: Item) -> Path | None:
        """The first page as a PNG beside the file; None when it cannot be drawn on this machine."""
        if item.file is None:
            return None
        picture = item.file.with_suffix(".png")
        # One that is older than the file shows what the document was before it was prepared again.
        fresh = picture.exists() and picture.stat().st_mtime_ns >= item.file.stat().st_mtime_ns
        return picture if fresh else self.viewer.first_page(item.file, picture)

    def addressees(self, item: Item) -> str:
        """To whom the document is addressed, by its own text; empty when it says nobody or can't be read here."""
        return self.viewer.addressees(item.file) if item.file is not None else ""

    # 3. sign

    def sign(self, token: Device, items: Sequence[Item], *, ask: AskPin, review: Review = no_review) -> list[Result]:
        """One PIN, then all of `items` that are ready; see the module's text.

        1. What ran out while it was read is prepared again and reviewed, before the PIN.
        2. The PIN. 3. The token signs; each signature is kept before it goes out, and goes out while the next is made.
        4. What the server finds to have moved on is prepared again once and reviewed. 5. How each document ended.
        """
        self._stop.clear()
        results, handing = self._handing()
        try:
            chosen = self._fresh(items, review, results)  # 1.
            if chosen:
                self._enter(token, ask, len(chosen))  # 2.
                again = self._round(token, chosen, ask, handing, results)  # 3.
                if again and not self.stopped:
                    renewed = self._reviewed(self._prepare_again(again), review, results)  # 4.
                    for item in self._round(token, renewed, ask, handing, results):
                        self._leave(results, item, Refused(BASE_IS_NEW))
                else:
                    for item in again:
                        self._leave(results, item, Refused(STOPPED))
        finally:
            handing.finish()  # 5.
        return [results[item.document_id] for item in items if item.document_id in results]

    def _fresh(self, items: Sequence[Item], review: Review, results: dict[str, Result]) -> list[Item]:
        pile = self._prepared_pile()
        ready = [item for item in items if item.ready]
        for item in items:
            if not item.ready:
                self._end(results, Result(item.document_id, Ended.REFUSED, item.against[0], item.title))
        old = [item for item in ready if pile.ran_out(item)]
        if not old:
            return ready
        renewed = {item.document_id: item for item in self._reviewed(self._prepare_again(old), review, results)}
        return [renewed.get(item.document_id, item) for item in ready if item.document_id in renewed or item not in old]

    def _prepare_again(self, items: Sequence[Item]) -> list[Item]:
        return self._prepared_pile().again(items)

    def _reviewed(self, items: Sequence[Item], review: Review, results: dict[str, Result]) -> list[Item]:
        """What may be signed as it is now; the others end here."""
        for item in items:
            if not item.ready:
                self._end(results, Result(item.document_id, Ended.REFUSED, item.against[0], item.title))
        changed = [item for item in items if item.ready]
        accepted = set(review(changed)) if changed else set()
        for item in changed:
            if item.document_id not in accepted:
                self._leave(results, item, Refused(NOT_REVIEWED))
        return [item for item in changed if item.document_id in accepted]

    def _round(
        self, token: Device, items: Sequence[Item], ask: AskPin, handing: Handing, results: dict[str, Result]
    ) -> list[Item]:
        """Sign these and hand them in; those that the server wants prepared again."""
        portal, person = self.server.portal, self.server.person_id
        for item, signature in self._signatures(token, items, ask, results):
            signed = Signed(
                portal=portal,
                person_id=person,
                document_id=item.document_id,
                preparation_id=item.preparation_id,
                base_sha256=str(item.task["sha256"]),
                title=item.title,
                signature=signature,
            )
            self.journal.add(signed)
            handing.put(signed)
        again = {signed.document_id for signed in handing.settle()}
        return [item for item in items if item.document_id in again]

    def _signatures(
        self, token: Device, items: Sequence[Item], ask: AskPin, results: dict[str, Result]
    ) -> Iterator[tuple[Item, bytes]]:
        """Each item with its signature; over a crashed driver; what is not signed is LEFT with the reason."""
        todo, total, restarts = list(items), len(items), 0
        why = Refused(STOPPED)
        while todo and not self.stopped:
            try:
                for signature in self._made(token, list(todo), ask):
                    item = todo.pop(0)
                    self._say(Progress(Step.SIGNING, total - len(todo), total, item=item))
                    yield item, signature
            except Refused as refused:
                why = refused
                if refused.code not in ("driver_crashed", "driver_silent") or restarts == RESTARTS:
                    break
                restarts += 1
                try:
                    token.restart()
                    self._say(Progress(Step.SAID, words=Refused(DRIVER_RESTARTED)))
                    self._enter(token, ask, len(todo), Why.AGAIN)
                except Refused as failed:
                    why = failed
                    break
        for item in todo:
            self._leave(results, item, why)

    def _made(self, token: Device, items: Sequence[Item], ask: AskPin) -> Iterator[bytes]:
        key = self._certificate.key_id
        if not token.wants_pin_each_time(key):
            orders = (Order(key, item.mechanism, item.digest, item.signed_attributes) for item in items)
            yield from token.sign_many(orders, lambda: self.stopped)
            return
        about = token.about()
        self._say(Progress(Step.SAID, words=Refused(PIN_EACH, count=len(items))))
        for number, item in enumerate(items):
            if self.stopped:
                return
            question = PinAsk(
                token=about.label,
                serial=token.serial,
                why=Why.EACH,
                documents=len(items) - number,
                tries=token.about().tries,
                wrong=self.counter.count(token.serial),
                title=item.title,
            )

            def use(given: str, item: Item = item) -> bytes:
                return token.sign(key, item.mechanism, item.signed_attributes, digest=item.digest, pin=given)

            yield pin.enter_for_one(self.counter, token, ask(question), use)

    def _enter(self, token: Device, ask: AskPin, documents: int, why: Why = Why.BATCH) -> None:
        pin.enter(token, self.counter, ask, why=why, documents=documents)

    def _prepared_pile(self) -> Pile:
        assert self._pile is not None, "prepare comes before sign"  # noqa: S101
        return self._pile

    # results

    def _handing(self) -> tuple[dict[str, Result], Handing]:
        results: dict[str, Result] = {}
        handing = Handing(
            self.server, self.journal, self.documents, lambda result: self._end(results, result), self._stop
        )
        return results, handing

    def _leave(self, results: dict[str, Result], item: Item, why: Refused) -> None:
        self._end(results, Result(item.document_id, Ended.LEFT, why, item.title))

    def _end(self, results: dict[str, Result], result: Result) -> None:
        results[result.document_id] = result
        self._say(Progress(Step.ENDED, len(results), result=result))

    def _say(self, progress: Progress) -> None:
        with self._telling:
            self._told(progress)
