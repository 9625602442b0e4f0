"""A CA that is asked by forms and files, as the government's is: orders wait for a batch, certificates come as a file."""

from __future__ import annotations

from services.registry.ca import Alone, Answer, Order
from services.registry.refusals_ca import CA_BY_HAND
from shared.errors import Rejected


class ManualCA(Alone):
    """Nobody to call: whoever does is told so."""

    name = "manual"
    answers_later = True

    def issue(self, order: Order) -> Answer:
        raise Rejected(CA_BY_HAND, order=order.key)

    def end(self, serial: str, reason: str) -> None:
        raise Rejected(CA_BY_HAND, serial=serial, reason=reason)
