"""The agencies' seal keys in a PKCS#11 device: the only module that knows where keys live.

The device is driven from a spawned process with one session and one thread, logged in once: python-pkcs11 gives
the module no locking, threads crash SoftHSM, and closing the session that logged in logs everybody out.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from services.signing.mechanism import Mechanism
from services.signing.refusals import (
    KEY_DEVICE_UNAVAILABLE,
    PIN_WRONG,
    SEAL_KEY_EXISTS,
    SEAL_KEY_MISSING,
)
from shared.errors import Rejected

ANSWER_WITHIN = 30.0  # seconds; generating an RSA key on a slow device is the longest
# DER of DigestInfo for SHA-256 up to the digest itself (RFC 8017, 9.2 note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_spawn = multiprocessing.get_context("spawn")
_lock = threading.Lock()
_devices: dict[KeyStore, _Device] = {}


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair in the device. `spki_sha256` is hexadecimal, over the DER of SubjectPublicKeyInfo."""

    label: str
    algorithm: str
    spki: bytes

    @property
    def spki_sha256(self) -> str:
        return hashlib.sha256(self.spki).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Where the keys are: PKCS#11 module, token label, user PIN. Plain values, so it travels to other processes.

    Every call may raise Rejected(key_device_unavailable) or, once and without another try, Rejected(pin_wrong).
    """

    module: str
    token: str
    pin: str = field(repr=False)

    def list_keys(self) -> tuple[Key, ...]:
        """All key pairs of the token, by label."""
        return tuple(self._ask("keys"))

    def generate(self, label: str, *, kind: str = "rsa2048") -> Key:
        """A new key pair ("rsa2048", "rsa3072" or "p256") that can't leave the device."""
        key: Key = self._ask("generate", label, kind)
        return key

    def csr(self, label: str, *, common_name: str, organisation: str | None = None) -> str:
        """A PKCS#10 request (PEM) for the key with this label, signed by it."""
        request: str = self._ask("csr", label, common_name, organisation)
        return request

    def sign(self, label: str, digest: bytes, mechanism: Mechanism) -> bytes:
        """The raw signature over a SHA-256 digest: RSA's bytes, or r || s."""
        signature: bytes = self._ask("sign", label, digest, mechanism)
        return signature

    def close(self) -> None:
        """End this process's connection to the device."""
        with _lock:
            device = _devices.pop(self, None)
        if device:
            device.close()

    def _ask(self, act: str, *arguments: object) -> Any:
        with _lock:
            device = _devices.setdefault(self, _Device(self))
        return device.ask(act, *arguments)


@dataclass(frozen=True, slots=True)
class SealKey:
    """One agency's seal: its certificate (DER) with chain, and the key in the device (a pdf.Sealer)."""

    store: KeyStore
    label: str
    certificate: bytes
    chain: tuple[bytes, ...]
    mechanism: Mechanism

    def sign(self, digest: bytes) -> bytes:
        return self.store.sign(self.label, digest, self.mechanism)


def find_seal(store: KeyStore, certificate: bytes, chain: Sequence[bytes], *, pss: bool = False) -> SealKey:
    """The seal whose key belongs to this certificate; Rejected(seal_key_missing) when the device has none."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_der_x509_certificate

    public = load_der_x509_certificate(certificate).public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = next((k for k in store.list_keys() if k.spki == spki), None)
    if key is None:
        raise Rejected(SEAL_KEY_MISSING, label=hashlib.sha256(spki).hexdigest()[:16])
    rsa = Mechanism.RSA_PSS if pss else Mechanism.RSA_PKCS1
    return SealKey(store, key.label, certificate, tuple(chain), Mechanism.ECDSA if key.algorithm == "ec" else rsa)


class _Device:
    """The parent's end of the process that drives the device; started when first asked, again when it died."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._busy = threading.Lock()
        self._process: Any = None
        self._pipe: Connection | None = None
        self._refused: Rejected | None = None

    def ask(self, act: str, *arguments: object) -> Any:
        with self._busy:
            if self._refused:
                raise self._refused
            for last in (False, True):
                try:
                    return self._once(act, arguments)
                except (EOFError, OSError) as error:
                    self._stop()
                    # A lost signature is only wasted; a key that may have been made is looked for, not made anew.
                    if last or act == "generate":
                        raise Rejected(KEY_DEVICE_UNAVAILABLE, why=type(error).__name__) from error
            raise AssertionError

    def close(self) -> None:
        with self._busy:
            self._stop()

    def _once(self, act: str, arguments: tuple[object, ...]) -> Any:
        if self._pipe is None:
            self._start()
        assert self._pipe is not None  # noqa: S101  _start sets it
        self._pipe.send((act, arguments))
        if not self._pipe.poll(ANSWER_WITHIN):
            raise TimeoutError
        answer = self._pipe.recv()
        if isinstance(answer, Rejected):
            if answer.code == PIN_WRONG.code:
                self._refused = answer
            if answer.code in (PIN_WRONG.code, KEY_DEVICE_UNAVAILABLE.code):
                self._stop()
            raise answer
        return answer

    def _start(self) -> None:
        ours, theirs = _spawn.Pipe()
        store = (self._store.module, self._store.token, self._store.pin)
        self._process = _spawn.Process(target=_serve, args=(theirs, *store), name="pkcs11", daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours

    def _stop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join(2)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        self._pipe = self._process = None


def _serve(pipe: Connection, module: str, token: str, pin: str) -> None:
    """The process: one session, kept logged in, until the other end closes (also when the parent is killed)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import pkcs11

    session: Any = None
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            act, arguments = pipe.recv()
            try:
                session = session or _log_in(module, token, pin)
                answer = _ACTS[act](session, *arguments)
            except Rejected as error:
                answer = error
            except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
                # The session may be gone with the device: the next request logs in anew, in a new process.
                pipe.send(Rejected(KEY_DEVICE_UNAVAILABLE, why=type(error).__name__))
                return
            pipe.send(answer)


def _log_in(module: str, label: str, pin: str) -> Any:
    """Open the one session. A PIN is never tried when the device says that the next miss locks it."""
    import pkcs11

    try:
        token = pkcs11.lib(module).get_token(token_label=label)
        if token.flags & (pkcs11.TokenFlag.USER_PIN_FINAL_TRY | pkcs11.TokenFlag.USER_PIN_LOCKED):
            raise Rejected(PIN_WRONG)
        return token.open(user_pin=pin, rw=True)
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked, pkcs11.PinExpired):
        raise Rejected(PIN_WRONG) from None


def _keys(session: Any) -> list[Key]:
    from pkcs11 import Attribute, ObjectClass

    pairs = session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})
    return sorted((_describe(p) for p in pairs), key=lambda k: k.label)


def _describe(public: Any) -> Key:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_ec_public_key

    if public.key_type is KeyType.EC:
        return Key(public.label, "ec", encode_ec_public_key(public))
    numbers = RSAPublicNumbers(
        int.from_bytes(public[Attribute.PUBLIC_EXPONENT]), int.from_bytes(public[Attribute.MODULUS])
    )
    spki = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(public.label, "rsa", spki)


def _generate(session: Any, label: str, kind: str) -> Key:
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_named_curve_parameters

    if any(key.label == label for key in _keys(session)):
        raise Rejected(SEAL_KEY_EXISTS, label=label)
    where: dict[str, Any] = {
        "id": hashlib.sha256(label.encode()).digest()[:16],
        "label": label,
        "store": True,
        "private_template": {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    }
    if kind == "p256":
        curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        public, _ = session.create_domain_parameters(KeyType.EC, curve, local=True).generate_keypair(**where)
    else:
        public, _ = session.generate_keypair(KeyType.RSA, {"rsa2048": 2048, "rsa3072": 3072}[kind], **where)
    return _describe(public)


def _sign(session: Any, label: str, digest: bytes, mechanism: Mechanism) -> bytes:
    import pkcs11
    from pkcs11 import MGF, ObjectClass
    from pkcs11 import Mechanism as Device

    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("a SHA-256 digest is signed")
    try:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
    except pkcs11.NoSuchKey:
        raise Rejected(SEAL_KEY_MISSING, label=label) from None
    if mechanism is Mechanism.ECDSA:
        return bytes(key.sign(digest, mechanism=Device.ECDSA))
    if mechanism is Mechanism.RSA_PSS:
        return bytes(key.sign(digest, mechanism=Device.RSA_PKCS_PSS, mechanism_param=(Device.SHA256, MGF.SHA256, 32)))
    return bytes(key.sign(_DIGEST_INFO + digest, mechanism=Device.RSA_PKCS))


def _csr(session: Any, label: str, common_name: str, organisation: str | None) -> str:
    """RFC 2986, signed inside the device."""
    from asn1crypto import algos, csr, keys, pem, x509

    key = next((k for k in _keys(session) if k.label == label), None)
    if key is None:
        raise Rejected(SEAL_KEY_MISSING, label=label)
    names = {"common_name": common_name} | ({"organization_name": organisation} if organisation else {})
    about = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": x509.Name.build(names, use_printable=False),
            "subject_pk_info": keys.PublicKeyInfo.load(key.spki),
            "attributes": csr.CRIAttributes([]),
        }
    )
    ec = key.algorithm == "ec"
    raw = _sign(session, label, hashlib.sha256(about.dump()).digest(), Mechanism.ECDSA if ec else Mechanism.RSA_PKCS1)
    request = csr.CertificationRequest(
        {
            "certification_request_info": about,
            "signature_algorithm": {"algorithm": "sha256_ecdsa" if ec else "sha256_rsa"},
            "signature": algos.DSASignature.from_p1363(raw).dump() if ec else raw,
        }
    )
    return str(pem.armor("CERTIFICATE REQUEST", request.dump()).decode("ascii"))


_ACTS: dict[str, Callable[..., Any]] = {"keys": _keys, "generate": _generate, "sign": _sign, "csr": _csr}
