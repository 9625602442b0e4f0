"""Is everything there that signing needs? Each point is looked at for itself and said in a sentence.

The test signature is over a text that can never be a document's signed attributes: those are DER and begin with a SET
tag (0x31), this begins with letters and says what it is.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vanthu_sign import __version__, device, drivers, pages, pin
from vanthu_sign.device import About, Certificate, Device
from vanthu_sign.folder import write_private
from vanthu_sign.pin import AskPin, Counter
from vanthu_sign.server import Server
from vanthu_sign.words import CERTIFICATE_MISSING, Refused, say
from vanthu_sign.words_device import CERTIFICATE_ENDS_SOON
from vanthu_sign.words_sitting import (
    CERTIFICATE_UNREGISTERED,
    CLOCK_OFF,
    DISK_LOW,
    ISSUER_MISMATCH,
    TEST_SIGNATURE_WRONG,
)

TEXT = b"vanthu-sign self-test\nThis is no document and no signed attributes of one.\n"
CLOCK = timedelta(minutes=2)  # a clock further off makes certificates look expired and time stamps odd
ROOM = 200 * 1024 * 1024  # bytes: a large document and what it becomes
SOON = timedelta(days=30)


@dataclass(slots=True)
class Found:
    """What a run met on its way, for the report about this machine."""

    about: About | None = None
    certificate: Certificate | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One line: `name` is stable, `refused` says what is wrong, `said` what was found; `warning` alone fails nothing."""

    name: str
    said: str = ""
    refused: Refused | None = None
    warning: bool = False

    @property
    def good(self) -> bool:
        return self.refused is None or self.warning


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which token and certificate; `ask` None leaves the test signature out."""

    module: str | None = None
    label: str | None = None
    serial: str | None = None
    ask: AskPin | None = None


def run(home: Path, server: Server | None, wanted: Wanted, found: Found) -> Iterator[Point]:
    """Every point as it is known, `found` filled on the way; `server` None leaves the server out."""
    yield Point("program", f"vanthu-sign {__version__}, " + _preview())
    yield _point("disk", lambda: _disk(home))
    registered: set[str] | None = None
    if server is not None:
        yield _point("server", lambda: say(*_server(server)))
        yield _point("clock", lambda: _clock(server))
        registered = _registered(server)
    yield from _token(home, wanted, found, registered)


def _token(home: Path, wanted: Wanted, found: Found, registered: set[str] | None) -> Iterator[Point]:
    try:
        chosen = drivers.choose(wanted.module, wanted.label)
        with device.opened(chosen, wanted.label) as token:
            found.about = about = token.about()
            yield Point("driver", f"{about.driver} {about.driver_version} ({chosen})")
            yield Point("token", f"{about.label} {about.serial} ({about.maker} {about.model}), PIN: {_tries(about)}")
            try:
                held = token.certificates()
                found.certificate = certificate = device.choose(held, wanted.serial)
            except Refused as refused:
                found.problem = refused.code
                yield Point("certificate", refused=refused)
                return
            yield Point("certificate", f"{certificate.subject} {certificate.serial} – {certificate.not_after:%d/%m/%Y}")
            yield from _certificate(certificate, held, registered)
            if wanted.ask is not None:
                ask = wanted.ask
                signed = _point("signature", lambda: _signature(home, token, certificate, ask))
                found.problem = signed.refused.code if signed.refused else None
                yield signed
    except Refused as refused:
        found.problem = refused.code
        yield Point("token", refused=refused)


def _tries(about: About) -> str:
    words = {
        "full": say("chưa nhập sai", "no wrong entry"),
        "low": say("đã có lần nhập sai", "a wrong entry before"),
        "last": say("chỉ còn một lần thử", "one try left"),
        "none": say("đã khóa", "locked"),
    }
    return words.get(about.tries, about.tries)


def _certificate(certificate: Certificate, held: list[Certificate], registered: set[str] | None) -> Iterator[Point]:
    left = certificate.not_after - datetime.now(UTC)
    if left < SOON:
        soon = Refused(CERTIFICATE_ENDS_SOON, days=left.days, until=f"{certificate.not_after:%d/%m/%Y}")
        yield Point("certificate_end", refused=soon, warning=True)
    yield _point("chain", lambda: _chain(certificate, held))
    if registered is not None:
        mine = hashlib.sha256(certificate.der).hexdigest() in registered
        yield Point(
            "registered", refused=None if mine else Refused(CERTIFICATE_UNREGISTERED, serial=certificate.serial)
        )


def _point(name: str, look: Callable[[], str]) -> Point:
    try:
        return Point(name, look())
    except Refused as refused:
        return Point(name, refused=refused)


def _preview() -> str:
    return (
        say("có ảnh trang", "with pictures of pages") if pages.available() else say("không có ảnh trang", "no pictures")
    )


def _disk(home: Path) -> str:
    write_private(home / "selftest", b"x")
    (home / "selftest").unlink()
    free = shutil.disk_usage(home).free
    if free < ROOM:
        raise Refused(DISK_LOW, path=home, free_mb=free // 2**20, need_mb=ROOM // 2**20)
    return f"{home}, {free // 2**20} MB"


def _server(server: Server) -> tuple[str, str]:
    waiting = len(server.tasks())
    return f"{server.portal}, {waiting} văn bản chờ ký", f"{server.portal}, {waiting} documents wait"


def _clock(server: Server) -> str:
    off = server.now() - datetime.now(UTC)
    if abs(off) > CLOCK:
        raise Refused(CLOCK_OFF, seconds=f"{abs(off).total_seconds():.0f}")
    return f"{off.total_seconds():+.0f} s"


def _registered(server: Server) -> set[str] | None:
    """Fingerprints of the person's certificates that may be used now; None when the registry can't be asked."""
    try:
        found = list(server.registry_items("/certificates", person_id=server.person_id))
    except (Refused, KeyError, TypeError):
        return None
    return {str(each.get("fingerprint")) for each in found if each.get("status") == "active"}


def _chain(certificate: Certificate, held: list[Certificate]) -> str:
    """The certificate against its issuer's where that one lies on the token; else only the issuer's name."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    own = x509.load_der_x509_certificate(certificate.der)
    name = own.issuer.rfc4514_string()
    for each in held:
        issuer = x509.load_der_x509_certificate(each.der)
        if each.der != certificate.der and issuer.subject == own.issuer:
            try:
                own.verify_directly_issued_by(issuer)
            except (InvalidSignature, ValueError, TypeError) as error:
                raise Refused(ISSUER_MISMATCH, issuer=name) from error
            return say(f"{name}, đã kiểm tra", f"{name}, verified")
    return say(f"{name} (không có trên token)", f"{name} (not on the token)")


def _signature(home: Path, token: Device, certificate: Certificate, ask: AskPin) -> str:
    pin.enter(token, Counter(home), ask)
    rsa = _public(certificate).__class__.__name__.lower().find("rsa") >= 0
    mechanism = ("rsa-pss" if token.about().pss else "rsa-pkcs1v15") if rsa else "ecdsa"
    data = TEXT + secrets.token_hex(16).encode()
    each = token.wants_pin_each_time(certificate.key_id)
    given = None
    if each:
        question = pin.PinAsk(token.about().label, token.serial, pin.Why.EACH, 1, token.about().tries, 0)
        given = ask(question)
    signature = token.sign(certificate.key_id, mechanism, data, pin=given)
    if not _verifies(_public(certificate), mechanism, signature, data):
        raise Refused(TEST_SIGNATURE_WRONG)
    return mechanism


def _public(certificate: Certificate) -> Any:
    from cryptography import x509

    if not certificate.der:
        raise Refused(CERTIFICATE_MISSING)
    return x509.load_der_x509_certificate(certificate.der).public_key()


def _verifies(key: Any, mechanism: str, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    try:
        if mechanism == "ecdsa":
            half = len(signature) // 2
            der = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
            key.verify(der, data, ec.ECDSA(hashes.SHA256()))
        elif mechanism == "rsa-pss":
            key.verify(signature, data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        else:
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
