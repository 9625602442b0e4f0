"""A ticket redeemed: the server as one person for one sitting. What it gives lies in memory only and ends with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from vanthu_sign.agent_words import TICKET_ORIGIN
from vanthu_sign.line import check_origin, origin, problem
from vanthu_sign.server import CLIENT_ID, Server
from vanthu_sign.words import Refused
from vanthu_sign.words_sitting import ANSWER_UNEXPECTED

GRANT = "urn:vanthu:params:oauth:grant-type:signing-ticket"


@dataclass(frozen=True, slots=True)
class MadeFor:
    """What the portal says the ticket was made for: who signs, and which documents as they were seen (id: SHA-256)."""

    person: str
    documents: dict[str, str]


class TicketServer(Server):
    """The portal at `where`, an origin that is paired with this program."""

    def __init__(self, where: str, home: Path, *, stop: Event) -> None:
        super().__init__(home, stop=stop)
        self._where = where

    def redeem(self, ticket: str, verifier: str) -> MadeFor:
        """Once; Refused with the portal's own sentence otherwise, or when it issued the ticket for another origin.

        The portal's own answer says where its token endpoint is; only the paired origin's is believed, and it has to
        be there itself: a ticket goes nowhere else.
        """
        about = self._good(self._line.ask("GET", f"{self._where}/.well-known/oauth-authorization-server")).json()
        try:
            endpoint = str(about["token_endpoint"])
            for url in about["vanthu_services"].values():
                check_origin(self._where, str(url))
        except (KeyError, TypeError, AttributeError) as error:
            raise self._unexpected() from error
        if origin(endpoint) != self._where:
            raise Refused(TICKET_ORIGIN, issued=origin(endpoint), asked=self._where)
        form = {
            "grant_type": GRANT,
            "ticket": ticket,
            "code_verifier": verifier,
            "client_id": CLIENT_ID,
            "audience": "signing",
        }
        answer = self._line.ask("POST", endpoint, once=True, data=form)
        body = answer.json()
        if answer.status != 200:
            raise problem({"code": body.get("error", "server_error"), **body})
        self._session = {"portal": about, "address": self._where}
        self._keep(body)
        return self._made_for(body.get("ticket"))

    def _made_for(self, said: Any) -> MadeFor:
        try:
            issued = str(said["origin"])
            documents = {str(each["document_id"]): str(each["sha256"]) for each in said["documents"]}
            person = ", ".join(str(part) for part in (said["person"], said.get("post")) if part)
        except (KeyError, TypeError, AttributeError) as error:
            raise self._unexpected() from error
        if issued != self._where:
            raise Refused(TICKET_ORIGIN, issued=issued, asked=self._where)
        return MadeFor(person, documents)

    def _unexpected(self) -> Refused:
        return Refused(ANSWER_UNEXPECTED, where=self._where, found="oauth")

    def _read(self) -> dict[str, Any]:
        return {}

    def _keep(self, answer: dict[str, Any]) -> None:
        self._session["refresh_token"] = answer.get("refresh_token", self._session.get("refresh_token"))
