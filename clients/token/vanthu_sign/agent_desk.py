"""What the agent does for a page that got through the gate: pair, begin a sitting, take its ticket, say how it stands."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from vanthu_sign import __version__
from vanthu_sign.agent_gate import Caller, Gate, refusal
from vanthu_sign.agent_http import Answer, Request
from vanthu_sign.agent_pairing import NONCE, POINT, Offer, Pairing, Pairings, b64, unb64
from vanthu_sign.agent_run import OVER, Item, Run
from vanthu_sign.agent_words import BUSY, NO_SITTING, PAIRING_BUSY, PAIRING_OVER, SITTING_FAILED, WRONG_FORM
from vanthu_sign.window import Window
from vanthu_sign.words import Refused

log = logging.getLogger(__name__)

COOL_DOWN = 60.0  # seconds in which nobody may ask again after a no: a page must not nag
LARGEST = 500  # documents of one ticket
TICKET = re.compile(r"[A-Za-z0-9_-]{20,100}")

Work = Callable[[Run, str], None]


class Desk:
    """`work` runs one sitting with its ticket; `window` asks the person."""

    def __init__(
        self, *, pairings: Pairings, window: Callable[[], Window], work: Work, over: Callable[[], None]
    ) -> None:
        self._pairings, self._window, self._work, self._over = pairings, window, work, over
        self._lock = threading.Lock()
        self._offer: Offer | None = None
        self._quiet_until = 0.0
        self._run: Run | None = None

    def handler(self, gate: Gate) -> Callable[[Request], Answer]:
        """What the listener calls for each request."""

        def handle(request: Request) -> Answer:
            caller = gate.check(request)
            if isinstance(caller, Answer):
                return caller
            try:
                body = _object(request.body)
                return caller.answer(self._route(caller, request.path, body))
            except (ValueError, KeyError, TypeError):
                return caller.answer(refusal(400, WRONG_FORM))
            except Refused as refused:
                said = {"code": refused.code, "vi": refused.vi, "en": refused.en}
                return caller.answer(Answer(409, said))

        return handle

    def _route(self, caller: Caller, path: str, body: dict[str, Any]) -> Answer:
        routes: tuple[tuple[str, Callable[..., Answer]], ...] = (
            (r"/v1/pairings", self._begin_pairing),
            (r"/v1/pairings/([0-9a-f]{32})/reveal", self._reveal),
            (r"/v1/pairings/([0-9a-f]{32})/state", self._pairing_state),
            (r"/v1/status", self._status),
            (r"/v1/sittings", self._begin_sitting),
            (r"/v1/sittings/([0-9a-f]{32})/ticket", self._take_ticket),
            (r"/v1/sittings/([0-9a-f]{32})/stop", self._stop_sitting),
        )
        for pattern, act in routes:
            if found := re.fullmatch(pattern, path):
                return act(caller, body, *found.groups())
        return Answer(404, {"code": WRONG_FORM.code, "vi": WRONG_FORM.vi, "en": WRONG_FORM.en})

    # pairing

    def _begin_pairing(self, caller: Caller, body: dict[str, Any]) -> Answer:
        point = unb64(str(body["point"]))
        if len(point) != POINT:
            raise ValueError
        now = time.monotonic()
        with self._lock:
            # One that was begun and not gone on with holds nobody up; a question that stands before the person does.
            if (self._offer is not None and self._offer.state == "asking") or now < self._quiet_until:
                raise Refused(PAIRING_BUSY)
            self._offer = offer = Offer(caller.origin, point)
        return Answer(200, {"pairing": offer.id, "commitment": b64(offer.commitment)})

    def _reveal(self, caller: Caller, body: dict[str, Any], pairing_id: str) -> Answer:
        nonce = unb64(str(body["nonce"]))
        if len(nonce) != NONCE:
            raise ValueError
        with self._lock:
            offer = self._find_offer(caller, pairing_id)
            if offer.state != "begun":
                raise Refused(PAIRING_OVER)
            code, pairing = offer.agree(nonce)
            offer.state = "asking"
        threading.Thread(target=self._ask_person, args=(offer, code, pairing), daemon=True).start()
        return Answer(200, {"point": b64(offer.point), "nonce": b64(offer.nonce)})

    def _pairing_state(self, caller: Caller, _body: dict[str, Any], pairing_id: str) -> Answer:
        with self._lock:
            return Answer(200, {"state": self._find_offer(caller, pairing_id).state})

    def _find_offer(self, caller: Caller, pairing_id: str) -> Offer:
        if self._offer is None or (self._offer.id, self._offer.origin) != (pairing_id, caller.origin):
            raise Refused(PAIRING_OVER)
        return self._offer

    def _ask_person(self, offer: Offer, code: str, pairing: Pairing) -> None:
        agreed = False
        try:
            agreed = self._window().pair(offer.origin, code)
        except Refused as refused:
            log.warning("pairing: %s", refused)
        if agreed:
            self._pairings.add(pairing)
        with self._lock:
            offer.state = "paired" if agreed else "refused"
            if not agreed:
                self._quiet_until = time.monotonic() + COOL_DOWN
        log.info("pairing with %s: %s", offer.origin, offer.state)

    # sittings

    def _status(self, caller: Caller, _body: dict[str, Any]) -> Answer:
        """The last sitting of this portal, also for a page that was loaded again."""
        run = self._run
        mine = run is not None and run.origin == caller.origin
        return Answer(200, {"version": __version__, "sitting": run.told() if run and mine else None})

    def _begin_sitting(self, caller: Caller, _body: dict[str, Any]) -> Answer:
        with self._lock:
            if self._run is not None and self._run.state not in OVER | {"asked"}:
                raise Refused(BUSY)
            self._run = Run(caller.origin)
            return Answer(200, {"sitting": self._run.id, "challenge": self._run.challenge})

    def _take_ticket(self, caller: Caller, body: dict[str, Any], sitting_id: str) -> Answer:
        ticket, documents = str(body["ticket"]), list(body["documents"])
        if not TICKET.fullmatch(ticket) or not 0 < len(documents) <= LARGEST:
            raise ValueError
        items = [Item(str(each["document_id"]), str(each["sha256"])) for each in documents]
        with self._lock:
            run = self._find_run(caller, sitting_id)
            if run.state != "asked":
                raise Refused(BUSY)
            run.items = {each.document_id: each for each in items}
            run.state = "checking"
        threading.Thread(target=self._sit, args=(run, ticket), daemon=True).start()
        return Answer(202, run.told())

    def _stop_sitting(self, caller: Caller, _body: dict[str, Any], sitting_id: str) -> Answer:
        run = self._find_run(caller, sitting_id)
        run.stop.set()
        return Answer(200, run.told())

    def _find_run(self, caller: Caller, sitting_id: str) -> Run:
        if self._run is None or (self._run.id, self._run.origin) != (sitting_id, caller.origin):
            raise Refused(NO_SITTING)
        return self._run

    def _sit(self, run: Run, ticket: str) -> None:
        try:
            self._work(run, ticket)
            run.state = "done"
        except Refused as refused:
            log.warning("sitting: %s", refused.code)
            run.fail(refused)
        except Exception as error:
            log.exception("sitting")
            run.fail(Refused(SITTING_FAILED, what=type(error).__name__))
        finally:
            self._over()


def _object(body: bytes) -> dict[str, Any]:
    found = json.loads(body or b"{}")
    if not isinstance(found, dict):
        raise TypeError
    return found
