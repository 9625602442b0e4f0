"""The agent's door on real sockets: who is let in, and every way to get in that must not work."""

from __future__ import annotations

import logging
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from vanthu_sign import agent_http
from vanthu_sign.agent_desk import Desk
from vanthu_sign.agent_gate import Gate
from vanthu_sign.agent_http import Listener
from vanthu_sign.agent_pairing import SKEW, Pairings
from vanthu_sign.agent_peer import is_ours, uid_of
from vanthu_sign.agent_run import Run
from vanthu_sign.window import Window
from vanthu_sign.words import Refused

from tests.clients.agent_browser import PORTAL, Page, pairing, raw, request

NOBODY = 65534  # a user that every Linux has and that is not us


@dataclass(frozen=True, slots=True)
class Door:
    """A listening agent without a token: its sittings only write down what they were asked."""

    port: int
    pairings: Pairings
    asked: list[tuple[Run, str]]
    page: Page
    windows: list[str]


def _no_window() -> Window:
    raise AssertionError("nobody asked to be paired")


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    pairings = Pairings(tmp_path)
    paired = pairing()
    pairings.add(paired)
    listener = Listener((0,), is_ours)
    asked: list[tuple[Run, str]] = []
    desk = Desk(
        pairings=pairings, window=_no_window, work=lambda run, ticket: asked.append((run, ticket)), over=lambda: None
    )
    gate = Gate(host=f"127.0.0.1:{listener.port}", pairings=pairings, may_ask=lambda origin: origin == PORTAL)
    serving = threading.Thread(target=listener.serve, args=(desk.handler(gate),))
    serving.start()
    yield Door(listener.port, pairings, asked, Page(listener.port, paired), [])
    listener.close()
    serving.join(60)
    assert not serving.is_alive()


def test_a_paired_page_is_answered_with_a_proof_that_it_is_this_agent(door: Door) -> None:
    reply = door.page.proven("/v1/status")
    assert (reply.status, reply.body["sitting"]) == (200, None)
    assert reply.headers["access-control-allow-origin"] == PORTAL
    assert reply.headers["access-control-expose-headers"] == "Vanthu-Proof"
    assert "access-control-allow-credentials" not in reply.headers


def test_it_listens_on_loopback_only(door: Door) -> None:
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    listening = [line.split()[1] for line in table.splitlines()[1:] if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{door.port:04X}")] == [f"0100007F:{door.port:04X}"]


@pytest.mark.parametrize(
    "host", ["rebound.example", "localhost:{port}", "127.0.0.1", "127.0.0.1:80", "[::1]:{port}", None]
)
def test_a_name_that_was_pointed_at_us_is_refused(door: Door, host: str | None) -> None:
    """DNS rebinding: the browser believes that it speaks with another site, and says its name."""
    named = host.format(port=door.port) if host else None
    reply = door.page.ask("/v1/status", host=named)
    assert (reply.status, reply.body["code"]) == (403, "agent_wrong_host")
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://vanthu.example",  # the portal's name without TLS
        "https://vanthu.example.evil.example",
        "https://vanthu.example:8443",
        "null",
        "file://",
        None,
    ],
)
def test_a_page_of_another_origin_is_refused_even_with_the_secret(door: Door, origin: str | None) -> None:
    reply = door.page.ask("/v1/status", origin=origin)
    assert (reply.status, reply.body["code"]) == (403, "agent_wrong_origin")
    assert "access-control-allow-origin" not in reply.headers


def test_a_page_without_the_secret_or_with_another_one_is_refused(door: Door) -> None:
    other = Page(door.port, pairing())
    for headers in ({"authorization": None}, {"authorization": other.proof("/v1/status", b"{}")}):
        reply = door.page.ask("/v1/status", **headers)
        assert (reply.status, reply.body["code"]) == (401, "agent_wrong_proof")


def test_the_proof_is_over_the_path_and_the_body(door: Door) -> None:
    for path, body in (("/v1/sittings", b"{}"), ("/v1/status", b'{"a": 1}')):
        reply = raw(door.port, request(door.port, "/v1/status", b"{}", authorization=door.page.proof(path, body)))
        assert reply is not None
        assert reply.status == 401


def test_a_replayed_request_is_refused(door: Door) -> None:
    assert door.page.ask("/v1/status").status == 200
    replayed = raw(door.port, door.page.sent[0])
    assert replayed is not None
    assert (replayed.status, replayed.body["code"]) == (401, "agent_wrong_proof")


def test_a_request_kept_for_later_is_refused(door: Door) -> None:
    for moment in (time.time() - SKEW - 1, time.time() + SKEW + 1):
        proof = door.page.proof("/v1/status", b"{}", at=moment)
        assert door.page.ask("/v1/status", authorization=proof).status == 401


def test_a_pairing_of_another_portal_is_no_pairing_here(door: Door) -> None:
    elsewhere = pairing("https://other.example")
    door.pairings.add(elsewhere)
    assert Page(door.port, elsewhere, "https://other.example").ask("/v1/status").status == 200
    assert Page(door.port, elsewhere, PORTAL).ask("/v1/status").status == 401


def test_a_forgotten_portal_is_out_at_once(door: Door) -> None:
    assert door.pairings.forget(PORTAL) == 1
    assert door.page.ask("/v1/status").status == 403


def test_what_a_form_or_a_simple_request_can_send_is_refused(door: Door) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):
        assert door.page.ask("/v1/status", content_type=kind).status == 400
    for method in ("GET", "HEAD", "PUT"):
        body = b""
        sent = request(door.port, "/v1/status", body, method=method, authorization=door.page.proof("/v1/status", body))
        reply = raw(door.port, sent)
        assert reply is not None
        assert reply.status == 400


def test_a_request_with_cookies_is_refused(door: Door) -> None:
    assert door.page.ask("/v1/status", cookie="vanthu=abc").status == 400


def test_a_preflight_is_answered_for_a_paired_origin_only(door: Door) -> None:
    wanted = {
        "content_type": None,
        "content_length": None,
        "access_control_request_method": "POST",
        "access_control_request_headers": "authorization,content-type",
        "access_control_request_private_network": "true",
    }
    good = raw(door.port, request(door.port, "/v1/status", b"", method="OPTIONS", **wanted))
    assert good is not None
    assert (good.status, good.headers["access-control-allow-private-network"]) == (204, "true")
    assert good.headers["access-control-allow-methods"] == "POST"
    evil = raw(
        door.port,
        request(door.port, "/v1/status", b"", method="OPTIONS", **{**wanted, "origin": "https://evil.example"}),
    )
    assert evil is not None
    assert evil.status == 403
    assert not [name for name in evil.headers if name.startswith("access-control")]


def test_a_portal_that_is_not_ours_may_not_even_ask_to_be_paired(door: Door) -> None:
    reply = raw(door.port, request(door.port, "/v1/pairings", b'{"point": "x"}', origin="https://evil.example"))
    assert reply is not None
    assert reply.status == 403


@pytest.mark.parametrize("body", [b"[]", b"{", b'"x"', b"\xff\xfe", b"null", b'{"ticket": 1}'])
def test_a_body_that_is_not_what_was_agreed_is_refused(door: Door, body: bytes) -> None:
    path = f"/v1/sittings/{'0' * 32}/ticket"
    reply = raw(door.port, request(door.port, path, body, authorization=door.page.proof(path, body)))
    assert reply is not None
    assert (reply.status, reply.body["code"]) == (400, "agent_wrong_form")
    assert door.asked == []


def test_a_huge_body_is_not_read(door: Door) -> None:
    reply = raw(door.port, request(door.port, "/v1/status", b"", content_length=str(agent_http.BODY + 1)))
    assert reply is not None
    assert reply.status == 413
    head = raw(door.port, b"POST /v1/status HTTP/1.1\r\nX: " + b"a" * (agent_http.HEAD + 1000))
    assert head is None or head.status == 431


@pytest.mark.parametrize(
    "data",
    [
        b"POST /v1/status HTTP/1.0\r\n\r\n",
        b"POST http://127.0.0.1/v1/status HTTP/1.1\r\n\r\n",
        b"POST /v1/status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /v1/status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/status HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/status HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_other_http_than_a_browsers_is_refused(door: Door, data: bytes) -> None:
    reply = raw(door.port, data)
    assert reply is not None
    assert (reply.status, reply.body) == (400, {})


def test_slow_senders_hold_nobody_up_for_long(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow loris: as many connections as are taken at once, each sending a byte now and then."""
    monkeypatch.setattr(agent_http, "DEADLINE", 0.5)
    slow = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(agent_http.AT_ONCE)]
    began = time.monotonic()
    try:
        for connection in slow:
            connection.sendall(b"POST /v1/status HTTP/1.1\r\nX-")
        until = began + 60
        served = None
        while served is None and time.monotonic() < until:  # closed unread while all places are taken
            served = raw(
                door.port, request(door.port, "/v1/status", authorization=door.page.proof("/v1/status", b"{}"))
            )
        assert served is not None
        assert served.status == 200
        assert time.monotonic() - began < 30
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="only root can act as another user here")
def test_another_user_of_the_machine_is_not_even_read(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """With everything right, the secret included: it is the connection that is not ours."""
    sent = request(door.port, "/v1/status", authorization=door.page.proof("/v1/status", b"{}"))
    program = (
        "import os, socket, sys\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"c = socket.socket(); c.settimeout(60); c.connect(('127.0.0.1', {door.port}))\n"
        "try:\n"
        "    c.sendall(sys.stdin.buffer.read())\n"
        "    print(len(c.recv(100)))\n"
        "except ConnectionError:\n"
        "    print(0)\n"
    )
    with caplog.at_level(logging.WARNING):
        other = subprocess.run([sys.executable, "-c", program], input=sent, capture_output=True, check=True, timeout=90)
    assert other.stdout.strip() == b"0"
    assert "somebody else" in caplog.text
    ours = raw(door.port, sent)
    assert ours is not None
    assert ours.status == 200, "the same bytes from our own user are good"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_whose_connection_it_is_stands_in_the_kernels_list(family: socket.AddressFamily) -> None:
    """A program may reach 127.0.0.1 through a socket of IPv6, too."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as client:
        port = server.getsockname()[1]
        client.connect(("127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1", port))
        connection, peer = server.accept()
        with connection:
            assert uid_of(peer, connection.getsockname()) == os.getuid()
            assert is_ours(peer, connection.getsockname())
            assert uid_of((peer[0], peer[1] ^ 1), connection.getsockname()) is None
            client.close()
            connection.recv(1)
            assert not is_ours(peer, connection.getsockname()), "who has gone can't be told, so is refused"


def test_the_pairings_are_the_persons_own(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "pairings.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    with pytest.raises(Refused) as refused:
        door.pairings.every()
    assert refused.value.code == "pairings_exposed"


# --- a sitting's beginning


def test_a_ticket_goes_to_the_sitting_that_it_was_made_for_and_once(door: Door) -> None:
    begun = door.page.proven("/v1/sittings").body
    documents = [{"document_id": "a", "sha256": "b"}]
    path = f"/v1/sittings/{begun['sitting']}/ticket"
    taken = door.page.proven(path, {"ticket": "t" * 43, "documents": documents})
    assert taken.status == 202
    run, ticket = door.asked[0]
    assert (ticket, run.challenge, run.origin) == ("t" * 43, begun["challenge"], PORTAL)
    assert run.verifier not in str(begun) + str(taken.body), "the secret stays here until the ticket is redeemed"
    again = door.page.proven(path, {"ticket": "t" * 43, "documents": documents})
    assert (again.status, again.body["code"]) == (409, "agent_busy")
    assert len(door.asked) == 1


def test_a_sitting_of_another_portal_is_not_told(door: Door) -> None:
    begun = door.page.proven("/v1/sittings").body["sitting"]
    elsewhere = pairing("https://other.example")
    door.pairings.add(elsewhere)
    other = Page(door.port, elsewhere, "https://other.example")
    assert other.proven("/v1/status").body["sitting"] is None
    reply = other.proven(
        f"/v1/sittings/{begun}/ticket", {"ticket": "t" * 43, "documents": [{"document_id": "a", "sha256": "b"}]}
    )
    assert (reply.status, reply.body["code"]) == (409, "agent_no_sitting")
