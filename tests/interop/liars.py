"""Time-stamping authorities that lie, over real HTTP on loopback: each answer is well-formed but for its one lie."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from asn1crypto import tsp
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.devpki import hierarchy, tsa
from deploy.devpki.der import SEQUENCE, tlv
from deploy.devpki.hierarchy import TSA_POLICY, Identity
from deploy.devpki.server import Running

# What a server does with a request: the answer's bytes, or pieces that come one after the other until it is told to stop.
Answering = Callable[[bytes], bytes | Iterator[bytes]]
OTHER_POLICY = "1.3.6.1.4.1.99999.1"
DAY = dt.timedelta(days=1)


@dataclass(slots=True)
class Server:
    """A running one: how often it was asked."""

    url: str
    asked: list[bytes] = field(default_factory=list)


@contextmanager
def answering(answer: Answering) -> Iterator[Server]:
    """A server on a port of its own that answers every POST that way."""
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            served.asked.append(body)
            given = answer(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            if isinstance(given, bytes):
                self.send_header("Content-Length", str(len(given)))
                self.end_headers()
                self.wfile.write(given)
                return
            self.end_headers()
            try:
                for piece in given:
                    self.wfile.write(piece)
                    self.wfile.flush()
                    if stop.wait(0.1):
                        return
            except ConnectionError:
                return  # the client had enough

        def log_message(self, *_: object) -> None:
            """Nothing of it belongs into the test's output."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Server(f"http://127.0.0.1:{http.server_address[1]}/tsa")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        stop.set()
        http.shutdown()
        thread.join()
        http.server_close()


def authority(pki: Running, signer: Identity | None = None) -> tsa.TimeStampAuthority:
    """The PKI's authority, or one that signs as somebody else."""
    itself = pki.pki.hierarchy
    return tsa.TimeStampAuthority(replace(itself, tsa=signer or itself.tsa), pki.pki.database)


def stamped(pki: Running, signer: Identity | None = None, **lies: Any) -> Answering:
    """An authority whose TSTInfo says something else than was asked, in these fields; None leaves one out."""

    def answer(request: bytes) -> bytes:
        asked = tsp.TimeStampReq.load(request)
        info: dict[str, Any] = {
            "version": "v1",
            "policy": TSA_POLICY.dotted_string,
            "message_imprint": asked["message_imprint"],
            "serial_number": 4711,
            "gen_time": dt.datetime.now(dt.UTC).replace(microsecond=0),
            "nonce": asked["nonce"].native,
        }
        told = {name: value() if callable(value) else value for name, value in lies.items()}
        info = {name: value for name, value in (info | told).items() if value is not None}
        token = authority(pki, signer)._sign(tsp.TSTInfo(info).dump(), with_certificates=True)
        return tlv(SEQUENCE, tsp.PKIStatusInfo({"status": "granted"}).dump(), token)

    return answer


def off_by(shift: dt.timedelta) -> Callable[[], dt.datetime]:
    """A clock that is wrong by so much."""
    return lambda: (dt.datetime.now(dt.UTC) + shift).replace(microsecond=0)


def other_digest() -> dict[str, Any]:
    return {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes(32)}


def wrong_signature(pki: Running) -> Answering:
    """Whole to the last bit, which is another one."""

    def answer(request: bytes) -> bytes:
        good = stamped(pki)(request)
        assert isinstance(good, bytes)
        return good[:-1] + bytes((good[-1] ^ 1,))

    return answer


def expired_tsa(pki: Running) -> Identity:
    """An authority whose certificate ended yesterday."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    return hierarchy._tsa(pki.pki.hierarchy.issuing.ca, key, (now - 30 * DAY, now - DAY), pki.url)


def person_as_tsa(pki: Running) -> Identity:
    """Somebody's personal certificate, which is not for time stamps."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Identity(pki.issue(key.public_key(), common_name="Người khác").certificate, key)


def revoked_tsa(pki: Running) -> Identity:
    """An authority of this PKI that was revoked."""
    from deploy.devpki import store
    from deploy.devpki.issuing import serial_text

    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    made = hierarchy._tsa(pki.pki.hierarchy.issuing.ca, key, (now - DAY, now + DAY), pki.url)
    serial = serial_text(made.certificate.serial_number)
    with pki.pki.database.transaction() as tx:
        store.add(tx, serial, issuer="issuing", profile="infrastructure", der=made.der, at=int(now.timestamp()))
    pki.revoke(serial)
    return made


def rejecting(_request: bytes) -> bytes:
    return tsa.reject("system_failure", "Not today.")


def huge(_request: bytes) -> Iterator[bytes]:
    while True:
        yield bytes(4 * 1024 * 1024)


def trickle(_request: bytes) -> Iterator[bytes]:
    while True:
        yield b"\x30"
