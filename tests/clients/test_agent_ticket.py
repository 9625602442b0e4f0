"""A ticket and a portal that lies: nothing of it goes elsewhere, and nothing is signed for anybody else."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from vanthu_sign.agent_ticket import TicketServer
from vanthu_sign.words import Refused

DIGEST = "ab" * 32


@dataclass(slots=True)
class Portal:
    """A portal in the hands of somebody bad: what it says of itself and what its token endpoint answers."""

    url: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    posted: list[str] = field(default_factory=list)

    def made_for(self, **changed: Any) -> dict[str, Any]:
        documents = [{"document_id": "d", "sha256": DIGEST}]
        return {"origin": self.url, "person": "Nguyễn Văn Bình", "post": "Chủ tịch", "documents": documents, **changed}


def _handler(portal: Portal) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200, portal.about)

        def do_POST(self) -> None:
            portal.posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._say(portal.status, portal.answer)

        def _say(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the test says what it saw."""

    return Handler


@pytest.fixture
def portal() -> Iterator[Portal]:
    made = Portal()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.url = f"http://127.0.0.1:{server.server_port}"
    made.about = {
        "token_endpoint": f"{made.url}/oauth/token",
        "vanthu_services": {"signing": f"{made.url}"},
    }
    made.answer = {"access_token": "a", "expires_in": 300, "refresh_token": "r", "ticket": made.made_for()}
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield made
    server.shutdown()
    serving.join()
    server.server_close()


def redeem(portal: Portal, home: Path, where: str | None = None) -> Any:
    return TicketServer(where or portal.url, home, stop=Event()).redeem("ticket", "verifier")


def test_what_a_ticket_was_made_for_is_told_and_nothing_is_written_down(portal: Portal, tmp_path: Path) -> None:
    made_for = redeem(portal, tmp_path)
    assert (made_for.person, made_for.documents) == ("Nguyễn Văn Bình, Chủ tịch", {"d": DIGEST})
    assert not list(tmp_path.rglob("session.json"))
    assert len(portal.posted) == 1


Change = Callable[[Portal], None]


def _endpoint_elsewhere(portal: Portal) -> None:
    portal.about["token_endpoint"] = "https://evil.example/oauth/token"


def _endpoint_on_another_port(portal: Portal) -> None:
    portal.about["token_endpoint"] = "http://127.0.0.1:1/oauth/token"


def _service_elsewhere(portal: Portal) -> None:
    portal.about["vanthu_services"] = {"signing": "https://evil.example"}


def _nothing_said(portal: Portal) -> None:
    portal.about = {}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_endpoint_elsewhere, "ticket_of_other_portal"),
        (_endpoint_on_another_port, "ticket_of_other_portal"),
        (_service_elsewhere, "other_origin"),
        (_nothing_said, "answer_unexpected"),
    ],
)
def test_a_ticket_goes_to_the_paired_portal_only(portal: Portal, tmp_path: Path, change: Change, code: str) -> None:
    change(portal)
    with pytest.raises(Refused) as refused:
        redeem(portal, tmp_path)
    assert refused.value.code == code
    assert portal.posted == []


def test_a_ticket_that_another_portal_issued_is_refused(portal: Portal, tmp_path: Path) -> None:
    portal.answer["ticket"] = portal.made_for(origin="https://vanthu.example")
    with pytest.raises(Refused) as refused:
        redeem(portal, tmp_path)
    assert refused.value.code == "ticket_of_other_portal"
    assert "https://vanthu.example" in refused.value.vi


@pytest.mark.parametrize("said", [None, {}, {"origin": "x"}, {"origin": "x", "documents": [1], "person": "p"}, []])
def test_an_answer_that_is_not_one_is_refused_in_words(portal: Portal, tmp_path: Path, said: Any) -> None:
    portal.answer["ticket"] = said
    with pytest.raises(Refused) as refused:
        redeem(portal, tmp_path)
    assert refused.value.code == "answer_unexpected"


def test_the_portals_own_refusal_is_told_as_it_is(portal: Portal, tmp_path: Path) -> None:
    portal.status = 400
    portal.answer = {"error": "signing_ticket_expired", "detail_vi": "Vé ký đã quá hai phút.", "detail_en": "Too old."}
    with pytest.raises(Refused) as refused:
        redeem(portal, tmp_path)
    assert (refused.value.code, refused.value.vi) == ("signing_ticket_expired", "Vé ký đã quá hai phút.")
