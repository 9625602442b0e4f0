"""What a paired page does, without a browser: proofs over requests, and raw requests for those who attack."""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from vanthu_sign.agent_pairing import Pairing

PORTAL = "https://vanthu.example"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


def raw(port: int, data: bytes, *, timeout: float = 60.0) -> Reply | None:
    """What comes back for these bytes; None when the connection was closed without a word."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        try:
            connection.sendall(data)
            said = b""
            while piece := connection.recv(65536):
                said += piece
        except ConnectionError:
            return None
    return parse(said) if said else None


def parse(said: bytes) -> Reply:
    head, _, body = said.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Reply(int(first.split()[1]), headers, json.loads(body) if body else {})


def request(port: int, path: str, body: bytes = b"{}", *, method: str | None = "POST", **headers: str | None) -> bytes:
    """An HTTP request as a browser sends it; a header that is None is left out, `_` stands for a hyphen."""
    found: dict[str, str | None] = {
        "Host": f"127.0.0.1:{port}",
        "Origin": PORTAL,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **{name.replace("_", "-").title(): value for name, value in headers.items()},
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in found.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Page:
    """A page of `origin` that is paired."""

    port: int
    pairing: Pairing
    origin: str = PORTAL
    sent: list[bytes] = field(default_factory=list)

    def proof(self, path: str, body: bytes, *, at: float | None = None, nonce: str | None = None) -> str:
        moment, nonce = str(int((at or time.time()) * 1000)), nonce or secrets.token_hex(16)
        digest = hashlib.sha256(body).hexdigest()
        mac = self.pairing.proof("POST", path, self.origin, moment, nonce, digest)
        return f"Vanthu {self.pairing.id}.{moment}.{nonce}.{mac}"

    def ask(self, path: str, said: dict[str, Any] | None = None, **headers: str | None) -> Reply:
        """Asked with a proof; the agent's own proof is checked."""
        body = json.dumps(said or {}).encode()
        headers = {"origin": self.origin, "authorization": self.proof(path, body), **headers}
        data = request(self.port, path, body, **headers)
        self.sent.append(data)
        reply = raw(self.port, data)
        assert reply is not None, "closed without an answer"
        return reply

    def proven(self, path: str, said: dict[str, Any] | None = None) -> Reply:
        """As `ask`, and the answer carries the proof of the right agent."""
        body = json.dumps(said or {}).encode()
        authorization = self.proof(path, body)
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request(self.port, path, body, origin=self.origin, authorization=authorization))
            data = b""
            while piece := connection.recv(65536):
                data += piece
        reply, content = parse(data), data.partition(b"\r\n\r\n")[2]
        nonce = authorization.split(".")[2]
        right = self.pairing.proof("answer", nonce, str(reply.status), hashlib.sha256(content).hexdigest())
        assert reply.headers["vanthu-proof"] == right
        return reply


def pairing(origin: str = PORTAL) -> Pairing:
    key = urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return Pairing(secrets.token_hex(16), origin, key, "2026-11-26T09:00:00+00:00")
