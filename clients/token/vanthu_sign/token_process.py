"""The process that talks to the driver: one module, one token, one session, one thread, one call after another.

It is started by `device`; nothing else imports PKCS#11 for signing. The session that logged in is kept: closing it
would log out.
"""

from __future__ import annotations

import hashlib
import secrets
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import pkcs11
from pkcs11 import MGF, Attribute, Mechanism, ObjectClass, TokenFlag

from vanthu_sign.words import (
    KEY_NOT_MADE,
    MODULE_BROKEN,
    PIN_FINAL_TRY,
    PIN_LOCKED,
    PIN_WRONG,
    TOKEN_AMBIGUOUS,
    TOKEN_GONE,
    TOKEN_MISSING,
    Refused,
)
from vanthu_sign.words_device import (
    KEY_MISSING,
    MECHANISM_MISSING,
    NO_READER,
    PIN_TO_CHANGE,
    PIN_UNSET,
    TOKEN_BLANK,
    TOKEN_BROKEN,
)

LABEL = "Vanthu"
HASHES = {"sha256": Mechanism.SHA256, "sha384": Mechanism.SHA384, "sha512": Mechanism.SHA512}
MASKS = {"sha256": MGF.SHA256, "sha384": MGF.SHA384, "sha512": MGF.SHA512}
# PKCS#11 mechanisms that hash themselves, by ours and the digest; without them the digest is made here.
COMBINED = {
    ("rsa-pkcs1v15", "sha256"): Mechanism.SHA256_RSA_PKCS,
    ("rsa-pkcs1v15", "sha384"): Mechanism.SHA384_RSA_PKCS,
    ("rsa-pkcs1v15", "sha512"): Mechanism.SHA512_RSA_PKCS,
    ("rsa-pss", "sha256"): Mechanism.SHA256_RSA_PKCS_PSS,
    ("rsa-pss", "sha384"): Mechanism.SHA384_RSA_PKCS_PSS,
    ("rsa-pss", "sha512"): Mechanism.SHA512_RSA_PKCS_PSS,
    ("ecdsa", "sha256"): Mechanism.ECDSA_SHA256,
    ("ecdsa", "sha384"): Mechanism.ECDSA_SHA384,
    ("ecdsa", "sha512"): Mechanism.ECDSA_SHA512,
}
PLAIN = {"rsa-pkcs1v15": Mechanism.RSA_PKCS, "rsa-pss": Mechanism.RSA_PKCS_PSS, "ecdsa": Mechanism.ECDSA}
# DigestInfo without the digest (RFC 8017 §9.2 note 1).
DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
# Errors that mean "the token is not there any more", whichever call meets them.
GONE = (
    pkcs11.DeviceRemoved,
    pkcs11.TokenNotPresent,
    pkcs11.TokenNotRecognised,
    pkcs11.SessionHandleInvalid,
    pkcs11.exceptions.SlotIDInvalid,
)


def serve(pipe: Connection, module: str, label: str | None) -> None:
    """Answer `(what, arguments)` with `(True, result)` or `(False, Refused)` until the pipe closes.

    Ctrl-C reaches the whole process group; the driver is not interrupted in the middle of a call by it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    made: Token | None = None
    while True:
        try:
            what, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if made is None:
                made = Token(module, label)
            call: Callable[..., Any] = getattr(made, what)
            pipe.send((True, call(*arguments)))
        except Refused as refused:
            pipe.send((False, refused))
        except pkcs11.PKCS11Error as error:
            pipe.send((False, _said(error, made)))
        except OSError:  # the program ended while the token worked
            return


def _said(error: pkcs11.PKCS11Error, token: Token | None) -> Refused:
    gone = isinstance(error, GONE) or (token is not None and not token.is_there())
    return Refused(TOKEN_GONE) if gone else Refused(TOKEN_BROKEN, why=type(error).__name__)


class Token:
    """One module, one token, one session."""

    def __init__(self, module: str, label: str | None) -> None:
        try:
            self.library: Any = pkcs11.lib(module)
        except (RuntimeError, pkcs11.PKCS11Error) as error:
            raise Refused(MODULE_BROKEN, module=module) from error
        self.token = _only(self.library, label)
        self.mechanisms = set(self.token.slot.get_mechanisms())
        self.session: Any = self.token.open()
        self._keys: dict[bytes, Any] = {}

    def about(self) -> dict[str, Any]:
        """What the token says of itself, read anew: its flags change with every PIN."""
        now = self.token.slot.get_token()
        flags, locked = now.flags, TokenFlag.USER_PIN_LOCKED
        tries = {locked: "none", TokenFlag.USER_PIN_FINAL_TRY: "last", TokenFlag.USER_PIN_COUNT_LOW: "low"}
        return {
            "label": str(now.label).strip(),
            "serial": now.serial.decode("ascii", "replace"),
            "model": str(now.model).strip(),
            "maker": str(now.manufacturer_id).strip(),
            "driver": str(self.library.library_description).strip(),
            "driver_version": ".".join(map(str, self.library.library_version)),
            "pss": bool({COMBINED["rsa-pss", "sha256"], PLAIN["rsa-pss"]} & self.mechanisms),
            "needs_pin": TokenFlag.LOGIN_REQUIRED in flags,
            "on_reader": TokenFlag.PROTECTED_AUTHENTICATION_PATH in flags,
            "tries": next((said for flag, said in tries.items() if flag in flags), "full"),
        }

    def is_there(self) -> bool:
        try:
            now = self.token.slot.get_token()
        except pkcs11.PKCS11Error:
            return False
        return bool(now.serial == self.token.serial and TokenFlag.TOKEN_INITIALIZED in now.flags)

    def certificates(self) -> list[bytes | tuple[bytes, bytes]]:
        """CKA_ID and DER of each."""
        query = {Attribute.CLASS: ObjectClass.CERTIFICATE}
        found = list(self.session.get_objects(query))
        return [(bytes(item[Attribute.ID]), bytes(item[Attribute.VALUE])) for item in found]

    def has_keys(self) -> bool:
        """Whether any key pair is seen; without a PIN the public halves speak for them."""
        classes = (ObjectClass.PUBLIC_KEY, ObjectClass.PRIVATE_KEY)
        return any(list(self.session.get_objects({Attribute.CLASS: each})) for each in classes)

    def log_in(self, pin: str | None, writing: bool) -> None:  # noqa: FBT001  comes over the pipe by position
        """`pin` None: it is entered on the reader itself. Never on a token's last try."""
        flags = self.token.slot.get_token().flags
        for flag, words in (
            (TokenFlag.USER_PIN_LOCKED, PIN_LOCKED),
            (TokenFlag.USER_PIN_FINAL_TRY, PIN_FINAL_TRY),
            (TokenFlag.USER_PIN_TO_BE_CHANGED, PIN_TO_CHANGE),
        ):
            if flag in flags:
                raise Refused(words)
        if TokenFlag.USER_PIN_INITIALIZED not in flags:
            raise Refused(PIN_UNSET)
        self.session.close()
        self._keys.clear()
        try:
            self.session = self.token.open(rw=writing, user_pin=pkcs11.types.PROTECTED_AUTH if pin is None else pin)
        except pkcs11.PKCS11Error as error:
            refused = _pin_said(error)
            self.session = self.token.open()
            if refused is None:
                raise
            raise refused from None

    def wants_pin_each_time(self, key_id: bytes) -> bool:
        """CKA_ALWAYS_AUTHENTICATE; False as well while the key is not seen."""
        try:
            return bool(self._key(key_id)[Attribute.ALWAYS_AUTHENTICATE])
        except (Refused, pkcs11.exceptions.AttributeTypeInvalid, pkcs11.exceptions.AttributeSensitive):
            return False

    def sign(self, key_id: bytes, mechanism: str, digest: str, data: bytes, pin: str | None) -> bytes:
        """The raw signature over `data`; `pin` for a key that wants it each time (context-specific login)."""
        key = self._key(key_id)
        how, parameter, signed = self._how(mechanism, digest, data)
        try:
            return bytes(key.sign(signed, mechanism=how, mechanism_param=parameter, pin=pin))
        except (pkcs11.MechanismInvalid, pkcs11.MechanismParamInvalid) as error:
            raise Refused(MECHANISM_MISSING, mechanism=f"{mechanism}/{digest}") from error
        except pkcs11.PKCS11Error as error:
            if pin is not None and (refused := _pin_said(error)) is not None:
                raise refused from None
            raise

    def _how(self, mechanism: str, digest: str, data: bytes) -> tuple[Mechanism, Any, bytes]:
        """The token's mechanism, its parameter and what goes in: the data, or its digest where the token only signs."""
        if (mechanism, digest) not in COMBINED:
            raise Refused(MECHANISM_MISSING, mechanism=f"{mechanism}/{digest}")
        hashed = hashlib.new(digest, data).digest()
        parameter = (HASHES[digest], MASKS[digest], len(hashed)) if mechanism == "rsa-pss" else None
        combined, plain = COMBINED[mechanism, digest], PLAIN[mechanism]
        # ECDSA over a digest is what every token offers, the combined form is rare.
        if combined in self.mechanisms and (mechanism != "ecdsa" or plain not in self.mechanisms):
            return combined, parameter, data
        if plain not in self.mechanisms:
            raise Refused(MECHANISM_MISSING, mechanism=f"{mechanism}/{digest}")
        return plain, parameter, DIGEST_INFO[digest] + hashed if mechanism == "rsa-pkcs1v15" else hashed

    def _key(self, key_id: bytes) -> Any:
        if key_id not in self._keys:
            query = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: key_id}
            found = list(self.session.get_objects(query))
            if not found:
                raise Refused(KEY_MISSING)
            self._keys[key_id] = found[0]
        return self._keys[key_id]

    def unused_keys(self) -> list[tuple[bytes, bytes]]:
        certified = {key_id for key_id, _ in self.certificates()}
        found = []
        # A session has one search at a time: the first one ends before the next begins.
        for key in list(self.session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})):
            key_id = bytes(key[Attribute.ID])
            query = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: key_id}
            public = next(iter(list(self.session.get_objects(query))), None)
            if public is not None and key_id not in certified:
                found.append((key_id, _public_key_info(public)))
        return found

    def make_key(self, kind: str) -> tuple[bytes, bytes]:
        from pkcs11.util.ec import encode_named_curve_parameters

        key_id = secrets.token_bytes(16)
        stays = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
        how: dict[str, Any] = {"store": True, "id": key_id, "label": LABEL, "private_template": stays}
        try:
            if kind == "ec-p256":
                curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
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
        from asn1crypto import x509

        certificate = x509.Certificate.load(der)
        self.session.create_object(
            {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                Attribute.TOKEN: True,
                Attribute.PRIVATE: False,
                Attribute.ID: key_id,
                Attribute.LABEL: LABEL,
                Attribute.VALUE: der,
                Attribute.SUBJECT: certificate.subject.dump(),
                Attribute.ISSUER: certificate.issuer.dump(),
                Attribute.SERIAL_NUMBER: certificate["tbs_certificate"]["serial_number"].dump(),
            }
        )


def _only(library: Any, label: str | None) -> Any:
    """The one token that is meant, or what stands in the way."""
    slots = library.get_slots()
    if not slots:
        raise Refused(NO_READER)
    there = []
    for slot in slots:
        try:
            there.append(slot.get_token())
        except (pkcs11.TokenNotPresent, pkcs11.TokenNotRecognised):
            continue
    ready = [token for token in there if TokenFlag.TOKEN_INITIALIZED in token.flags]
    wanted = [token for token in ready if label in (None, str(token.label).strip())]
    if len(wanted) > 1:
        raise Refused(TOKEN_AMBIGUOUS, labels=", ".join(str(token.label).strip() for token in wanted))
    if wanted:
        return wanted[0]
    # SoftHSM always shows one blank slot, which is no token that anybody plugged in.
    blank = [token for token in there if token not in ready and "softhsm" not in str(token.model).lower()]
    if blank and label is None:
        raise Refused(TOKEN_BLANK, label=str(blank[0].label).strip() or str(blank[0].model).strip())
    raise Refused(TOKEN_MISSING, wanted=f" ({label})" if label else "")


def _pin_said(error: pkcs11.PKCS11Error) -> Refused | None:
    if isinstance(error, (pkcs11.PinIncorrect, pkcs11.exceptions.PinLenRange, pkcs11.exceptions.PinInvalid)):
        return Refused(PIN_WRONG, left="{left}")  # the caller keeps the count
    if isinstance(error, pkcs11.exceptions.PinLocked):
        return Refused(PIN_LOCKED)
    if isinstance(error, pkcs11.exceptions.PinExpired):
        return Refused(PIN_TO_CHANGE)
    if isinstance(error, pkcs11.UserPinNotInitialized):
        return Refused(PIN_UNSET)
    return None


def _public_key_info(public: Any) -> bytes:
    """SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), DER."""
    from asn1crypto import keys
    from pkcs11.util.ec import encode_ec_public_key
    from pkcs11.util.rsa import encode_rsa_public_key

    if public.key_type == pkcs11.KeyType.RSA:
        found = keys.PublicKeyInfo.wrap(keys.RSAPublicKey.load(encode_rsa_public_key(public)), "rsa")
        return bytes(found.dump())
    return bytes(encode_ec_public_key(public))
