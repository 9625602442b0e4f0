"""Who gets in: everything that is checked of a request before anything is done for it.

A web page of anybody can make a browser send requests to 127.0.0.1; so can a page whose name was pointed at 127.0.0.1
after it was loaded (DNS rebinding). Neither gets further than here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from vanthu_sign.agent_http import Answer, Request
from vanthu_sign.agent_pairing import Pairing, Pairings, Seen
from vanthu_sign.agent_words import WRONG_FORM, WRONG_HOST, WRONG_ORIGIN, WRONG_PROOF
from vanthu_sign.words import Words

PAIRING_PATH = "/v1/pairings"
# Plain HTTP only where nobody is in between: whoever alters such a page on its way would sign with it.
ORIGIN = re.compile(r"https://[a-z0-9.-]{1,250}(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")
# "Vanthu <pairing>.<milliseconds>.<nonce>.<HMAC>"
PROOF = re.compile(r"Vanthu ([0-9a-f]{32})\.([0-9]{13})\.([0-9a-f]{32})\.([0-9a-f]{64})")
ANSWER_PROOF = "Vanthu-Proof"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a page of `origin`; `pairing` is None on the way to one."""

    origin: str
    pairing: Pairing | None
    nonce: str = ""

    def answer(self, answer: Answer) -> Answer:
        """The answer as this page may read it, with our own proof: a page must not believe another program."""
        headers = {**answer.headers, **_readable_by(self.origin)}
        if self.pairing:
            digest = hashlib.sha256(answer.content()).hexdigest()
            headers[ANSWER_PROOF] = self.pairing.proof("answer", self.nonce, str(answer.status), digest)
        return Answer(answer.status, answer.body, headers)


class Gate:
    """`host` is our own address as browsers name it; `may_ask` says which origins may ask to be paired."""

    def __init__(self, *, host: str, pairings: Pairings, may_ask: Callable[[str], bool]) -> None:
        self._host, self._pairings, self._may_ask = host, pairings, may_ask
        self._seen = Seen()

    def check(self, request: Request) -> Caller | Answer:
        """The caller once all of this holds; else the answer that refuses.

        1. The Host is 127.0.0.1 and our port, to the letter: a rebound name is another one.
        2. No cookies: this is nobody's session.
        3. The Origin is one that a portal may have, and paired; an unpaired one may only ask for a pairing.
        4. A preflight of such an origin is answered.
        5. What is asked is a POST of JSON, which no form and no simple request can send.
        6. Beyond pairing, it carries the proof of the pairing over method, path, origin, time, nonce and body, and
           that nonce is new.
        """
        origin = request.headers.get("origin", "")
        pairs = request.path == PAIRING_PATH or request.path.startswith(PAIRING_PATH + "/")
        if against := self._against_origin(request, origin, pairs=pairs):  # 1. to 3.
            return against
        # 4.
        if request.method == "OPTIONS":
            return _preflight(request, origin)
        # 5.
        kind = request.headers.get("content-type", "")
        if request.method != "POST" or kind.partition(";")[0].strip().lower() != "application/json":
            return Caller(origin, None).answer(refusal(400, WRONG_FORM))
        if pairs:
            return Caller(origin, None)
        # 6.
        return self._proven(request, origin) or Caller(origin, None).answer(refusal(401, WRONG_PROOF))

    def _against_origin(self, request: Request, origin: str, *, pairs: bool) -> Answer | None:
        """What no page but a portal's may even read."""
        # 1.
        if request.headers.get("host") != self._host:
            return refusal(403, WRONG_HOST)
        # 2.
        if "cookie" in request.headers:
            return refusal(400, WRONG_FORM)
        # 3.
        let_in = ORIGIN.fullmatch(origin) and (self._may_ask(origin) if pairs else origin in self._pairings.origins())
        return None if let_in else refusal(403, WRONG_ORIGIN)

    def _proven(self, request: Request, origin: str) -> Caller | None:
        said = PROOF.fullmatch(request.headers.get("authorization", ""))
        pairing = self._pairings.find(said[1], origin) if said else None
        if said is None or pairing is None:
            return None
        digest = hashlib.sha256(request.body).hexdigest()
        right = pairing.proof(request.method, request.path, origin, said[2], said[3], digest)
        if not hmac.compare_digest(right, said[4]) or not self._seen.first_time(said[3], int(said[2]) / 1000):
            return None
        return Caller(origin, pairing, said[3])


def refusal(status: int, words: Words, **values: object) -> Answer:
    """In both languages, as everything that a person may meet."""
    return Answer(status, {"code": words.code, "vi": words.vi.format(**values), "en": words.en.format(**values)})


def _preflight(request: Request, origin: str) -> Answer:
    headers = {
        **_readable_by(origin),
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": "300",
    }
    if request.headers.get("access-control-request-private-network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return Answer(204, None, headers)


def _readable_by(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": ANSWER_PROOF,
        "Vary": "Origin",
    }
