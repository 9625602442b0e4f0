"""What runs in the process that drives the seal keys' device: one session, one login, one thread, nothing else.

python-pkcs11 gives the module no locking and threads crash SoftHSM; closing the session that logged in logs everybody
out, so it stays open for the life of the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from services.signing.mechanism import DIGEST_OF_SIZE, Mechanism
from services.signing.refusals import KEY_DEVICE_UNAVAILABLE, PIN_WRONG, SEAL_KEY_EXISTS, SEAL_KEY_MISSING
from services.signing.refusals_seal import SEAL_TOKEN_ABSENT
from shared.errors import Rejected

# DER of DigestInfo up to the digest itself (RFC 8017, 9.2 note 1).
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair in the device; `spki` is the DER of SubjectPublicKeyInfo."""

    label: str
    algorithm: str
    spki: bytes

    @property
    def spki_sha256(self) -> str:
        return hashlib.sha256(self.spki).hexdigest()


class _Session:
    """The one session, with the private keys found so far: a search costs more than a signature."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.private: dict[str, Any] = {}


def serve(pipe: Connection, module: str, token: str, pin: str) -> None:
    """The process: answers one request after the other until the other end closes (also when the parent is killed)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import pkcs11

    held: _Session | None = None
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            act, arguments = pipe.recv()
            try:
                held = held or _Session(_log_in(module, token, pin))
                answer = _ACTS[act](held, *arguments)
            except Rejected as error:
                answer = error
            except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
                # The session may be gone with the device: the next request logs in anew, in a new process.
                pipe.send(_lost(error, token))
                return
            pipe.send(answer)


def _lost(error: Exception, token: str) -> Rejected:
    import pkcs11

    absent = (pkcs11.NoSuchToken, pkcs11.TokenNotPresent, pkcs11.DeviceRemoved, pkcs11.TokenNotRecognised)
    if isinstance(error, absent):
        return Rejected(SEAL_TOKEN_ABSENT, token=token)
    return Rejected(KEY_DEVICE_UNAVAILABLE, why=type(error).__name__)


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


def _open(_held: _Session) -> bool:
    """Nothing but the log-in that every request makes first."""
    return True


def _keys(held: _Session) -> list[Key]:
    from pkcs11 import Attribute, ObjectClass

    pairs = held.session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})
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


def _generate(held: _Session, label: str, kind: str) -> Key:
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_named_curve_parameters

    if any(key.label == label for key in _keys(held)):
        raise Rejected(SEAL_KEY_EXISTS, label=label)
    where: dict[str, Any] = {
        "id": hashlib.sha256(label.encode()).digest()[:16],
        "label": label,
        "store": True,
        "private_template": {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    }
    if kind == "p256":
        curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        parameters = held.session.create_domain_parameters(KeyType.EC, curve, local=True)
        public, _ = parameters.generate_keypair(**where)
    else:
        public, _ = held.session.generate_keypair(KeyType.RSA, {"rsa2048": 2048, "rsa3072": 3072}[kind], **where)
    return _describe(public)


def _sign(held: _Session, label: str, digest: bytes, mechanism: Mechanism) -> bytes:
    import pkcs11
    from pkcs11 import MGF, ObjectClass
    from pkcs11 import Mechanism as Device

    if len(digest) not in DIGEST_OF_SIZE:
        raise ValueError("a digest of SHA-256, SHA-384 or SHA-512 is signed")
    algorithm = DIGEST_OF_SIZE[len(digest)]
    try:
        key = held.private.get(label) or held.session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
    except pkcs11.NoSuchKey:
        raise Rejected(SEAL_KEY_MISSING, label=label) from None
    held.private[label] = key
    if mechanism is Mechanism.ECDSA:
        return bytes(key.sign(digest, mechanism=Device.ECDSA))
    if mechanism is Mechanism.RSA_PSS:
        hashed = {"sha256": Device.SHA256, "sha384": Device.SHA384, "sha512": Device.SHA512}[algorithm]
        masked = {"sha256": MGF.SHA256, "sha384": MGF.SHA384, "sha512": MGF.SHA512}[algorithm]
        salted = (hashed, masked, len(digest))
        return bytes(key.sign(digest, mechanism=Device.RSA_PKCS_PSS, mechanism_param=salted))
    return bytes(key.sign(_DIGEST_INFO[algorithm] + digest, mechanism=Device.RSA_PKCS))


def _csr(held: _Session, label: str, common_name: str, organisation: str | None) -> str:
    """RFC 2986, signed inside the device."""
    from asn1crypto import algos, csr, keys, pem, x509

    key = next((k for k in _keys(held) if k.label == label), None)
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
    raw = _sign(held, label, hashlib.sha256(about.dump()).digest(), Mechanism.ECDSA if ec else Mechanism.RSA_PKCS1)
    request = csr.CertificationRequest(
        {
            "certification_request_info": about,
            "signature_algorithm": {"algorithm": "sha256_ecdsa" if ec else "sha256_rsa"},
            "signature": algos.DSASignature.from_p1363(raw).dump() if ec else raw,
        }
    )
    return str(pem.armor("CERTIFICATE REQUEST", request.dump()).decode("ascii"))


_ACTS: dict[str, Callable[..., Any]] = {
    "open": _open,
    "keys": _keys,
    "generate": _generate,
    "sign": _sign,
    "csr": _csr,
}
