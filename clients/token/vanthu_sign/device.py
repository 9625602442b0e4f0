"""The token: PKCS#11 in a process of its own, with one session and one thread.

Drivers crash, and threads on one module crash it; a child process that dies is a sentence, not the end of the program.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vanthu_sign.words import (
    CERTIFICATE_AMBIGUOUS,
    CERTIFICATE_EARLY,
    CERTIFICATE_EXPIRED,
    CERTIFICATE_MISSING,
    KEY_NOT_MADE,
    MODULE_BROKEN,
    MODULE_MISSING,
    PIN_FINAL_TRY,
    PIN_LOCKED,
    PIN_WRONG,
    TOKEN_AMBIGUOUS,
    TOKEN_GONE,
    TOKEN_MISSING,
    Refused,
)

# The drivers that Vietnamese tokens, common smart cards and SoftHSM2 install, in the usual places.
DRIVERS = (
    "/usr/lib/libvgca_csp_v1.so",
    "/usr/lib/libbkavcap11.so",
    "/usr/lib/libeTPkcs11.so",
    "/usr/lib/x86_64-linux-gnu/libeTPkcs11.so",
    "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
    "/usr/lib/x86_64-linux-gnu/pkcs11/opensc-pkcs11.so",
    "/usr/lib64/opensc-pkcs11.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    r"C:\Windows\System32\eTPKCS11.dll",
    r"C:\Windows\System32\bkavcapkcs11.dll",
    r"C:\Windows\System32\vgcapkcs11.dll",
)

KINDS = ("ec-p256", "rsa-3072")  # what a key pair made here may be
LABEL = "Vanthu"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate on the token with a private key of the same CKA_ID beside it."""

    der: bytes
    key_id: bytes
    serial: str
    subject: str
    not_before: datetime
    not_after: datetime


def find_module(named: str | None) -> str:
    """The PKCS#11 library: the one named, else the environment's, else the first usual one that is there."""
    wanted = named or os.environ.get("VANTHU_SIGN_MODULE")
    if wanted:
        if not Path(wanted).exists():
            raise Refused(MODULE_BROKEN, module=wanted)
        return wanted
    found = next((driver for driver in DRIVERS if Path(driver).exists()), None)
    if found is None:
        raise Refused(MODULE_MISSING)
    return found


def choose(certificates: list[Certificate], serial: str | None) -> Certificate:
    """The one certificate to sign with, valid today by this machine's clock."""
    wanted = [c for c in certificates if serial is None or c.serial.lower() == serial.lower()]
    if not wanted:
        raise Refused(CERTIFICATE_MISSING)
    if len(wanted) > 1:
        raise Refused(CERTIFICATE_AMBIGUOUS, serials=", ".join(c.serial for c in wanted))
    certificate, now = wanted[0], datetime.now(UTC)
    if now > certificate.not_after:
        raise Refused(CERTIFICATE_EXPIRED, until=f"{certificate.not_after:%d/%m/%Y}")
    if now < certificate.not_before:
        raise Refused(CERTIFICATE_EARLY, since=f"{certificate.not_before:%d/%m/%Y}")
    return certificate


class Device:
    """The token as the program sees it; every call goes to the one process that talks to the driver."""

    def __init__(self, pipe: Connection, process: multiprocessing.process.BaseProcess) -> None:
        self._pipe, self._process = pipe, process

    def certificates(self) -> list[Certificate]:
        return [Certificate(**found) for found in self._ask("certificates")]

    @property
    def serial(self) -> str:
        """The token's own serial number."""
        return str(self._ask("serial"))

    def log_in(self, pin: str, *, writing: bool = False) -> None:
        """Once for the whole batch. Refused(pin_wrong) without a second try; never on a token's last try.

        `writing`: keys and certificates may be put on the token.
        """
        self._ask("log_in", pin, writing)

    def unused_keys(self) -> list[tuple[bytes, bytes]]:
        """CKA_ID and SubjectPublicKeyInfo (DER) of each key pair without a certificate. Logged in."""
        return [(bytes(key_id), bytes(spki)) for key_id, spki in self._ask("unused_keys")]

    def make_key(self, kind: str) -> tuple[bytes, bytes]:
        """A key pair made on the token that never leaves it; `kind` is one of KINDS. CKA_ID and public key (DER)."""
        key_id, spki = self._ask("make_key", kind)
        return bytes(key_id), bytes(spki)

    def write_certificate(self, key_id: bytes, der: bytes) -> None:
        """Beside its key, readable without a PIN."""
        self._ask("write_certificate", key_id, der)

    def sign(self, key_id: bytes, mechanism: str, data: bytes) -> bytes:
        """The raw signature over `data` (the signed attributes): RSA as the key's length, ECDSA as r and s."""
        return bytes(self._ask("sign", key_id, mechanism, data))

    def _ask(self, what: str, *arguments: object) -> Any:
        try:
            self._pipe.send((what, arguments))
            ok, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise Refused(TOKEN_GONE) from error
        if not ok:
            raise answer
        return answer


@contextmanager
def opened(module: str, label: str | None) -> Iterator[Device]:
    """The token with this label (or the only one), opened without a PIN; closed at the end of the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, module, label), daemon=True)
    process.start()
    theirs.close()
    device = Device(ours, process)
    try:
        device._ask("ready")  # noqa: SLF001  what is wrong with the token is said before anything else is done
        yield device
    finally:
        ours.close()
        process.join(5)
        if process.is_alive():
            process.kill()


# In the token's own process


def _serve(pipe: Connection, module: str, label: str | None) -> None:
    import pkcs11

    try:
        worker: _Worker | Refused = _Worker(module, label)
    except Refused as refused:
        worker = refused
    except pkcs11.PKCS11Error:
        worker = Refused(TOKEN_GONE)
    while True:
        try:
            what, arguments = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            if isinstance(worker, Refused):
                raise worker
            pipe.send((True, getattr(worker, what)(*arguments)))
        except Refused as refused:
            pipe.send((False, refused))
        except pkcs11.PKCS11Error:
            pipe.send((False, Refused(TOKEN_GONE)))


class _Worker:
    """One module, one token, one session; the session that logged in is kept, closing it would log out."""

    def __init__(self, module: str, label: str | None) -> None:
        import pkcs11

        try:
            library = pkcs11.lib(module)
        except (RuntimeError, pkcs11.PKCS11Error) as error:
            raise Refused(MODULE_BROKEN, module=module) from error
        tokens = [t for t in library.get_tokens() if label is None or t.label == label]
        tokens = [t for t in tokens if pkcs11.TokenFlag.TOKEN_INITIALIZED in t.flags]
        if not tokens:
            raise Refused(TOKEN_MISSING, wanted=f" ({label})" if label else "")
        if len(tokens) > 1:
            raise Refused(TOKEN_AMBIGUOUS, labels=", ".join(t.label for t in tokens))
        self.token = tokens[0]
        self.session: Any = self.token.open()
        self.logged_in = False

    def ready(self) -> bool:
        return True

    def serial(self) -> str:
        serial = self.token.serial
        return serial.decode("ascii", "replace") if isinstance(serial, bytes) else str(serial)

    def certificates(self) -> list[dict[str, Any]]:
        import pkcs11
        from cryptography import x509

        found = []
        query = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE}
        for item in self.session.get_objects(query):
            der = bytes(item[pkcs11.Attribute.VALUE])
            parsed = x509.load_der_x509_certificate(der)
            found.append(
                {
                    "der": der,
                    "key_id": bytes(item[pkcs11.Attribute.ID]),
                    "serial": f"{parsed.serial_number:x}",
                    "subject": _common_name(parsed),
                    "not_before": parsed.not_valid_before_utc,
                    "not_after": parsed.not_valid_after_utc,
                }
            )
        return found

    def log_in(self, pin: str, writing: bool) -> None:  # noqa: FBT001  comes over the pipe by position
        import pkcs11

        flags = self.token.flags
        if pkcs11.TokenFlag.USER_PIN_LOCKED in flags:
            raise Refused(PIN_LOCKED)
        if pkcs11.TokenFlag.USER_PIN_FINAL_TRY in flags:
            raise Refused(PIN_FINAL_TRY)
        self.session.close()
        try:
            self.session = self.token.open(rw=writing, user_pin=pin)
        except (pkcs11.PinIncorrect, pkcs11.exceptions.PinLenRange, pkcs11.exceptions.PinInvalid):
            self.session = self.token.open()
            raise Refused(PIN_WRONG, left="{left}") from None  # the caller keeps the count
        except pkcs11.exceptions.PinLocked:
            raise Refused(PIN_LOCKED) from None

    def sign(self, key_id: bytes, mechanism: str, data: bytes) -> bytes:
        import hashlib

        import pkcs11

        query = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.Attribute.ID: key_id}
        key = next(iter(self.session.get_objects(query)), None)
        if key is None:
            raise Refused(CERTIFICATE_MISSING)
        if mechanism == "ecdsa":
            return bytes(key.sign(hashlib.sha256(data).digest(), mechanism=pkcs11.Mechanism.ECDSA))
        if mechanism == "rsa-pss":
            parameters = (pkcs11.Mechanism.SHA256, pkcs11.MGF.SHA256, 32)
            return bytes(key.sign(data, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=parameters))
        return bytes(key.sign(data, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS))

    def unused_keys(self) -> list[tuple[bytes, bytes]]:
        import pkcs11

        certified = {found["key_id"] for found in self.certificates()}
        found = []
        # A session has one search at a time: the first one ends before the next begins.
        for key in list(self.session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY})):
            key_id = bytes(key[pkcs11.Attribute.ID])
            query = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.Attribute.ID: key_id}
            public = next(iter(list(self.session.get_objects(query))), None)
            if public is not None and key_id not in certified:
                found.append((key_id, _public_key_info(public)))
        return found

    def make_key(self, kind: str) -> tuple[bytes, bytes]:
        import pkcs11
        from pkcs11.util.ec import encode_named_curve_parameters

        key_id = secrets.token_bytes(16)
        stays = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}
        how: dict[str, Any] = {"store": True, "id": key_id, "label": LABEL, "private_template": stays}
        try:
            if kind == "ec-p256":
                curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
                domain = self.session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
                public, _private = domain.generate_keypair(**how)
            else:
                public, _private = self.session.generate_keypair(pkcs11.KeyType.RSA, 3072, **how)
        except pkcs11.DeviceRemoved:
            raise
        except pkcs11.PKCS11Error as error:
            raise Refused(KEY_NOT_MADE, kind=kind, why=type(error).__name__) from None
        return key_id, _public_key_info(public)

    def write_certificate(self, key_id: bytes, der: bytes) -> None:
        import pkcs11
        from asn1crypto import x509

        certificate = x509.Certificate.load(der)
        self.session.create_object(
            {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
                pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                pkcs11.Attribute.TOKEN: True,
                pkcs11.Attribute.PRIVATE: False,
                pkcs11.Attribute.ID: key_id,
                pkcs11.Attribute.LABEL: LABEL,
                pkcs11.Attribute.VALUE: der,
                pkcs11.Attribute.SUBJECT: certificate.subject.dump(),
                pkcs11.Attribute.ISSUER: certificate.issuer.dump(),
                pkcs11.Attribute.SERIAL_NUMBER: certificate["tbs_certificate"]["serial_number"].dump(),
            }
        )


def _public_key_info(public: Any) -> bytes:
    """SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), DER."""
    import pkcs11
    from asn1crypto import keys
    from pkcs11.util.ec import encode_ec_public_key
    from pkcs11.util.rsa import encode_rsa_public_key

    if public.key_type == pkcs11.KeyType.RSA:
        found = keys.PublicKeyInfo.wrap(keys.RSAPublicKey.load(encode_rsa_public_key(public)), "rsa")
        return bytes(found.dump())
    return bytes(encode_ec_public_key(public))


def _common_name(certificate: Any) -> str:
    from cryptography.x509.oid import NameOID

    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else certificate.subject.rfc4514_string()
