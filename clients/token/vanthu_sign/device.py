"""The token as the program sees it: every call goes to the one process that talks to the driver (token_process).

Drivers crash, and threads on one module crash it; a child process that dies is a sentence, not the end of the program,
and can be started again.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from vanthu_sign import drivers
from vanthu_sign.words import (
    CERTIFICATE_AMBIGUOUS,
    CERTIFICATE_EARLY,
    CERTIFICATE_EXPIRED,
    CERTIFICATE_MISSING,
    TOKEN_GONE,
    Refused,
)
from vanthu_sign.words_device import (
    CERTIFICATE_BESIDE_KEY_MISSING,
    CERTIFICATE_NOT_FOR_SIGNING,
    DRIVER_CRASHED,
    DRIVER_SILENT,
    TOKEN_OTHER,
)

KINDS = ("ec-p256", "rsa-3072")  # what a key pair made here may be
PATIENCE = 90.0  # seconds for one call; a slow token takes some for an RSA signature
KEY_PATIENCE = 600.0  # for an RSA key pair made on a token, and a PIN typed on a reader
# Signatures ordered ahead, so that the token never waits for us and yet stops soon when asked to: a few, and in a long
# pile more and more, as many as the token makes in a moment (seconds).
AHEAD, MOST_AHEAD, MOMENT = 3, 32, 0.2


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate on the token; a private key of the same CKA_ID belongs to it."""

    der: bytes
    key_id: bytes
    serial: str
    subject: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class About:
    """What token and driver say of themselves. `tries` before the lock: full, low, last or none.

    `on_reader`: the PIN is typed on the reader's own keys. `pss`: RSASSA-PSS is offered.
    """

    label: str
    serial: str
    model: str
    maker: str
    driver: str
    driver_version: str
    pss: bool
    needs_pin: bool
    on_reader: bool
    tries: str


@dataclass(frozen=True, slots=True)
class Order:
    """One signature: `mechanism` rsa-pkcs1v15, rsa-pss or ecdsa, `digest` sha256, sha384 or sha512."""

    key_id: bytes
    mechanism: str
    digest: str
    data: bytes


def find_module(named: str | None, label: str | None = None) -> str:
    """The PKCS#11 library to use; see drivers.choose."""
    return drivers.choose(named, label)


def choose(certificates: list[Certificate], serial: str | None) -> Certificate:
    """The one certificate to sign with, valid today by this machine's clock.

    CAs' certificates on the token are none, and of several the only valid one is meant: tokens keep the old one after
    a renewal. Refused otherwise.
    """
    wanted = [c for c in certificates if serial is None or c.serial.lower() == serial.lower()]
    usable = [c for c in wanted if not c.der or not _is_ca(c.der)]
    if not usable:
        raise Refused(CERTIFICATE_MISSING)
    signing = [c for c in usable if not c.der or _may_sign(c.der)]
    if not signing:
        raise Refused(CERTIFICATE_NOT_FOR_SIGNING, serial=usable[0].serial)
    now = datetime.now(UTC)
    valid = [c for c in signing if c.not_before <= now <= c.not_after] or signing
    if len(valid) > 1:
        raise Refused(CERTIFICATE_AMBIGUOUS, serials=", ".join(c.serial for c in valid))
    certificate = valid[0]
    if now > certificate.not_after:
        raise Refused(CERTIFICATE_EXPIRED, until=f"{certificate.not_after:%d/%m/%Y}")
    if now < certificate.not_before:
        raise Refused(CERTIFICATE_EARLY, since=f"{certificate.not_before:%d/%m/%Y}")
    return certificate


class Device:
    """One token behind one process, with one session and one queue."""

    def __init__(self, module: str, label: str | None) -> None:
        self.module, self._label = module, label
        self._pipe: Connection
        self._process: Any
        self._start()
        try:
            self.serial = self.about().serial  # what is wrong with the token is said before anything else is done
        except Refused:
            self.close()
            raise

    def restart(self) -> None:
        """After a crash: a new process on the same token, logged out. Refused when another token is there now."""
        self.close()
        self._start()
        if (found := self.about().serial) != self.serial:
            raise Refused(TOKEN_OTHER, serial=found)

    def about(self) -> About:
        """Read anew each time: the flags change with every PIN."""
        return About(**self._ask("about"))

    def certificates(self) -> list[Certificate]:
        """All that the token holds; Refused when it holds keys only."""
        found = [parsed for key_id, der in self._ask("certificates") if (parsed := _parsed(bytes(key_id), bytes(der)))]
        if not found and self._ask("has_keys"):
            raise Refused(CERTIFICATE_BESIDE_KEY_MISSING)
        return found

    def log_in(self, pin: str | None, *, writing: bool = False) -> None:
        """Once for the whole batch. Refused(pin_wrong) without a second try; never on a token's last try.

        `pin` None where it is typed on the reader; `writing`: keys and certificates may be put on the token.
        """
        self._ask("log_in", pin, writing, patience=KEY_PATIENCE if pin is None else None)

    def wants_pin_each_time(self, key_id: bytes) -> bool:
        """CKA_ALWAYS_AUTHENTICATE; most tokens show it only after the log-in."""
        return bool(self._ask("wants_pin_each_time", key_id))

    def unused_keys(self) -> list[tuple[bytes, bytes]]:
        """CKA_ID and SubjectPublicKeyInfo (DER) of each key pair without a certificate. Logged in."""
        return [(bytes(key_id), bytes(spki)) for key_id, spki in self._ask("unused_keys")]

    def make_key(self, kind: str) -> tuple[bytes, bytes]:
        """A key pair made on the token that never leaves it; `kind` is one of KINDS. CKA_ID and public key (DER)."""
        key_id, spki = self._ask("make_key", kind, patience=KEY_PATIENCE)
        return bytes(key_id), bytes(spki)

    def write_certificate(self, key_id: bytes, der: bytes) -> None:
        """Beside its key, readable without a PIN."""
        self._ask("write_certificate", key_id, der)

    def sign(
        self, key_id: bytes, mechanism: str, data: bytes, *, digest: str = "sha256", pin: str | None = None
    ) -> bytes:
        """The raw signature over `data` (the signed attributes): RSA as the key's length, ECDSA as r and s."""
        return bytes(self._ask("sign", key_id, mechanism, digest, data, pin))

    def sign_many(self, orders: Iterable[Order], stopped: Callable[[], bool] = lambda: False) -> Iterator[bytes]:
        """Signatures in the order of `orders`, a few ordered ahead; ends early, those under way included, once
        `stopped`.
        """
        under_way, made, began = 0, 0, time.monotonic()
        try:
            for order in orders:
                if stopped():
                    break
                self._send("sign", order.key_id, order.mechanism, order.digest, order.data, None)
                under_way += 1
                if under_way > _ahead(made, time.monotonic() - began):
                    under_way, made = under_way - 1, made + 1
                    yield bytes(self._receive())
            while under_way:
                under_way -= 1
                yield bytes(self._receive())
        finally:
            for _ in range(under_way):  # answers that nobody hears would be taken for those of the next call
                with suppress(Refused):
                    self._receive()

    def close(self) -> None:
        self._pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.module, self._label), daemon=True)
        self._process.start()
        theirs.close()

    def _ask(self, what: str, *arguments: object, patience: float | None = None) -> Any:
        self._send(what, *arguments)
        return self._receive(patience)

    def _send(self, what: str, *arguments: object) -> None:
        try:
            self._pipe.send((what, arguments))
        except OSError as error:
            raise self._died() from error

    def _receive(self, patience: float | None = None) -> Any:
        patience = PATIENCE if patience is None else patience
        try:
            if not self._pipe.poll(patience):
                self._process.kill()  # a driver that hangs is not waited for twice
                raise Refused(DRIVER_SILENT, seconds=f"{patience:.0f}")
            ok, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._died() from error
        if not ok:
            raise answer
        return answer

    def _died(self) -> Refused:
        self._process.join(5)
        crashed = self._process.exitcode not in (0, None)
        return Refused(DRIVER_CRASHED, module=self.module) if crashed else Refused(TOKEN_GONE)


def _ahead(made: int, seconds: float) -> int:
    """How many may be ordered ahead once so many were made in so many seconds."""
    in_a_moment = int(made * MOMENT / seconds) if seconds else 0
    return max(AHEAD, min(AHEAD + made // 8, in_a_moment, MOST_AHEAD))


@contextmanager
def opened(module: str, label: str | None) -> Iterator[Device]:
    """The token with this label (or the only one), opened without a PIN; closed at the end of the block."""
    device = Device(module, label)
    try:
        yield device
    finally:
        device.close()


def _serve(pipe: Connection, module: str, label: str | None) -> None:
    from vanthu_sign.token_process import serve

    serve(pipe, module, label)


def _parsed(key_id: bytes, der: bytes) -> Certificate | None:
    from cryptography import x509

    try:
        parsed = x509.load_der_x509_certificate(der)
        return Certificate(
            der=der,
            key_id=key_id,
            serial=f"{parsed.serial_number:x}",
            subject=_common_name(parsed),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
        )
    except ValueError:  # rubbish beside the good one stops nobody
        return None


def _is_ca(der: bytes) -> bool:
    from asn1crypto import x509

    return bool(x509.Certificate.load(der).ca)


def _may_sign(der: bytes) -> bool:
    """KeyUsage (RFC 5280 §4.2.1.3) absent, or with digitalSignature or nonRepudiation."""
    from asn1crypto import x509

    usage = x509.Certificate.load(der).key_usage_value
    return usage is None or bool(usage.native & {"digital_signature", "non_repudiation"})


def _common_name(certificate: Any) -> str:
    from cryptography.x509.oid import NameOID

    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else certificate.subject.rfc4514_string()
