"""Registering what is on the token, asking for a certificate for its key, and the receipt for a token handed over.

The key signs three things here, and nothing else that a server sends: a challenge of the one known form, a request
built here, and a receipt that was shown and names the certificate on the token.
"""

from __future__ import annotations

import argparse
import json
import re
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asn1crypto import algos, csr, x509
from asn1crypto.keys import PublicKeyInfo
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from vanthu_sign import device
from vanthu_sign.device import Certificate, Device
from vanthu_sign.server import Server, problem
from vanthu_sign.words import (
    AGENCY_UNKNOWN,
    CHAIN_MISSING,
    DEVICE_UNKNOWN,
    NO_RECEIPT,
    NOT_ON_TOKEN,
    OTHER_KEY,
    PERSON_UNKNOWN,
    RECEIPT_NOT_DUE,
    REQUEST_WAITS,
    SEVERAL_RECEIPTS,
    TEXT_UNEXPECTED,
    Refused,
    say,
)

CHALLENGE = re.compile(r"Vanthu registry: proof of possession\n[0-9a-f]{64}\n")
ISSUING = ("issue_person", "issue_agency")  # procedures that a new certificate answers (Mẫu 01, 02)
RECEIPT = "BIÊN NHẬN BÀN GIAO CHỨNG THƯ CHỮ KÝ SỐ VÀ THIẾT BỊ LƯU KHÓA BÍ MẬT\n"
EnterPin = Callable[..., None]
Act = Callable[[argparse.Namespace, EnterPin], int]


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose certificate it is: the registry's id by its field, and the name for the eye and the request."""

    field: str
    id: str
    name: str

    @property
    def body(self) -> dict[str, str]:
        return {self.field: self.id}


def register(options: argparse.Namespace, enter_pin: EnterPin) -> int:
    """Enter the certificate on the token in the registry, with proof that its key is there."""
    server = Server(options.home)
    whose = _holder(server, options)
    body: dict[str, Any] = dict(whose.body)
    if options.device:
        body["device_id"] = _device_id(server, options.device)
    with device.opened(device.find_module(options.module, options.token), options.token) as token:
        found = token.certificates()
        own = _choose([each for each in found if not _is_ca(each.der)], options)
        chain = [ssl.DER_cert_to_PEM_cert(each.der) for each in found if _is_ca(each.der)]
        if options.chain:
            chain.append(_read_chain(options.chain))
        bundle = ssl.DER_cert_to_PEM_cert(own.der) + "".join(chain)
        print(say(f"Sẽ đăng ký cho {whose.name}:", f"To be registered for {whose.name}:"))
        print(_facts(own), flush=True)
        if not _confirmed(options):
            return 0
        enter_pin(token, options)
        asked = server.registry("POST", "/certificates/challenge")
        if not CHALLENGE.fullmatch(asked["text"]):
            raise Refused(TEXT_UNEXPECTED)
        signature = _sign(token, own.key_id, _public_key(own.der), asked["text"].encode())
    body |= _procedure(server, whose)
    body |= {"content": b64encode(bundle.encode()).decode(), "challenge_id": asked["challenge_id"]}
    made = server.registry("POST", "/certificates", json=body | {"signature": b64encode(signature).decode()})
    print(
        say(
            f"Đã đăng ký chứng thư {made['certificate_id']} ({made['stage']}).",
            f"Certificate {made['certificate_id']} is registered ({made['stage']}).",
        )
    )
    return 0


def request(options: argparse.Namespace, enter_pin: EnterPin) -> int:
    """A key pair made on the token (or one without a certificate there), a request for it, the certificate beside it.

    A key made here is remembered as its holder's before anything is asked for it, and so is its request: the same command
    later goes on with both and makes no second pair.
    """
    server = Server(options.home)
    whose = _holder(server, options)
    on_device = {"device_id": _device_id(server, options.device)} if options.device else {}
    asked = _Asked(options.home)
    with device.opened(device.find_module(options.module, options.token), options.token) as token:
        print(say(f"Sẽ xin chứng thư cho {whose.name}.", f"A certificate will be asked for {whose.name}."), flush=True)
        _say_held(token, whose)
        if not _confirmed(options):
            return 0
        enter_pin(token, options, writing=True)
        usable = (whose.id,) if options.key else (whose.id, None)
        unused = [
            each
            for each in token.unused_keys()
            if asked.holder(each[1]) in usable and options.key in (None, _kind(each[1]))
        ]
        key_id, spki = unused[0] if unused else token.make_key(options.key or device.KINDS[0])
        request_id = asked.request(spki)
        if request_id is None:
            asked.keep(spki, whose.id, None)
            made = _request(token, key_id, spki, whose.name)
            kind = "person" if whose.field == "person_id" else "seal"
            body = whose.body | _procedure(server, whose) | on_device | {"csr_pem": made, "kind": kind}
            request_id = str(server.registry("POST", "/certificate-requests", json=body)["request_id"])
            asked.keep(spki, whose.id, request_id)
        certificate_id = _wait(server, request_id, options.wait, lambda: asked.keep(spki, whose.id, None))
        der = ssl.PEM_cert_to_DER_cert(server.registry("GET", f"/certificates/{certificate_id}")["pem"])
        if _public_key(der).dump() != PublicKeyInfo.load(spki).dump():
            raise Refused(OTHER_KEY, certificate=certificate_id)
        token.write_certificate(key_id, der)
        asked.forget(spki)
        serial = f"{x509.Certificate.load(der).serial_number:x}"
        [written] = [each for each in token.certificates() if each.serial == serial]
    print(
        say(f"Chứng thư {certificate_id} đã ở trên token:", f"Certificate {certificate_id} is on the token:"),
        _facts(written),
        sep="\n",
    )
    return 0


def receipt(options: argparse.Namespace, enter_pin: EnterPin) -> int:
    """Sign the receipt for a certificate handed over, with its own key; then it may be used."""
    server = Server(options.home)
    due = _due(server, options.certificate_id)
    said = str(server.registry("GET", f"/certificates/{due['certificate_id']}/receipt-text")["text"])
    with device.opened(device.find_module(options.module, options.token), options.token) as token:
        held = [each for each in token.certificates() if sha256(each.der).hexdigest() == due["fingerprint"]]
        if not held:
            raise Refused(NOT_ON_TOKEN, serial=due["serial"])
        _check_receipt(said, str(due["certificate_id"]), held[0].der)
        print(said, end="")
        print(f"SHA-256: {sha256(said.encode()).hexdigest()}", flush=True)
        if not _confirmed(options):
            return 0
        enter_pin(token, options)
        signature = _sign(token, held[0].key_id, _public_key(held[0].der), said.encode())
    body = {"kind": "signed", "form": "raw", "signature": b64encode(signature).decode()}
    server.registry("POST", f"/certificates/{due['certificate_id']}/receipt", json=body)
    print(
        say("Đã ký biên nhận; từ nay chứng thư dùng được.", "The receipt is signed; the certificate may be used now.")
    )
    return 0


# --- what the registry knows


def _procedure(server: Server, whose: Holder) -> dict[str, str]:
    """The procedure that went out for this holder's certificate, if one waits for it: the certificate answers that."""
    found = server.registry_items("/procedures", state="forwarded", **{whose.field: whose.id})
    fits = [each for each in found if each["kind"] in ISSUING and each[whose.field] == whose.id]
    return {"procedure_id": str(fits[0]["procedure_id"])} if len(fits) == 1 else {}


def _holder(server: Server, options: argparse.Namespace) -> Holder:
    """Of the list that contains the name, the one that has it exactly."""
    if options.person:
        for each in server.registry_items("/people", q=options.person):
            if each["login"] == options.person:
                return Holder("person_id", each["person_id"], each["name"])
        raise Refused(PERSON_UNKNOWN, login=options.person)
    for each in server.registry_items("/agencies", q=options.agency):
        if each["identifier"].lower() == options.agency.lower():
            return Holder("agency_id", each["agency_id"], each["name"])
    raise Refused(AGENCY_UNKNOWN, identifier=options.agency)


def _device_id(server: Server, serial: str) -> str:
    for each in server.registry_items("/devices", serial=serial):
        if each["serial"] == serial:
            return str(each["device_id"])
    raise Refused(DEVICE_UNKNOWN, serial=serial)


def _due(server: Server, certificate_id: str | None) -> dict[str, Any]:
    """The certificate named, or the one of one's own that waits for its receipt."""
    if certificate_id:
        named = server.registry("GET", f"/certificates/{quote(certificate_id, safe='')}")
        if named["stage"] != "handed_over":
            raise Refused(RECEIPT_NOT_DUE, certificate=certificate_id)
        return named
    own = server.registry_items("/certificates", person_id=server.person_id)
    waiting = [each for each in own if each["stage"] == "handed_over"]
    if not waiting:
        raise Refused(NO_RECEIPT)
    for each in waiting:
        print(f"{each['certificate_id']}  {each['serial']}")
    if len(waiting) > 1:
        raise Refused(SEVERAL_RECEIPTS, certificates=", ".join(each["certificate_id"] for each in waiting))
    return waiting[0]


def _wait(server: Server, request_id: str, seconds: float, ended: Callable[[], None]) -> str:
    """The id of the certificate once it is issued; `ended` is called when the request was refused instead."""
    until, pause = time.monotonic() + seconds, 0.1
    while True:
        found = server.registry("GET", f"/certificate-requests/{request_id}")
        if found["certificate_id"]:
            return str(found["certificate_id"])
        why = found["problem"]
        if found["state"] == "refused" and why:
            ended()
            raise problem({"code": why["code"], "detail_vi": why["vi"], "detail_en": why["en"]})
        if time.monotonic() > until:
            raise Refused(REQUEST_WAITS, seconds=f"{seconds:.0f}", request=request_id)
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)


class _Asked:
    """Which request waits for which key, in a small file of the person's own."""

    def __init__(self, home: Path) -> None:
        self._file = home / "requests.json"
        self._kept: dict[str, dict[str, str | None]] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def holder(self, spki: bytes) -> str | None:
        return self._kept.get(sha256(spki).hexdigest(), {}).get("holder")

    def request(self, spki: bytes) -> str | None:
        return self._kept.get(sha256(spki).hexdigest(), {}).get("request")

    def keep(self, spki: bytes, holder: str, request_id: str | None) -> None:
        """`request_id` none: the key was made for them, and nothing waits for it."""
        self._kept[sha256(spki).hexdigest()] = {"holder": holder, "request": request_id}
        self._write()

    def forget(self, spki: bytes) -> None:
        self._kept.pop(sha256(spki).hexdigest(), None)
        self._write()

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file.write_text(json.dumps(self._kept))


# --- what is signed


def _request(token: Device, key_id: bytes, spki: bytes, name: str) -> str:
    """PKCS#10 (RFC 2986), PEM, signed on the token: its own proof that the key is there."""
    information = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": x509.Name.build({"common_name": name}),
            "subject_pk_info": PublicKeyInfo.load(spki),
            "attributes": csr.CRIAttributes([]),
        }
    )
    rsa = PublicKeyInfo.load(spki).algorithm == "rsa"
    signature = _sign(token, key_id, PublicKeyInfo.load(spki), information.dump())
    if not rsa:
        half = len(signature) // 2
        signature = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    made = csr.CertificationRequest(
        {
            "certification_request_info": information,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa" if rsa else "sha256_ecdsa"}),
            "signature": signature,
        }
    )
    body = b64encode(made.dump()).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE REQUEST-----", *lines, "-----END CERTIFICATE REQUEST-----", ""])


def _check_receipt(said: str, certificate_id: str, der: bytes) -> None:
    """A receipt, for this certificate, with nothing in it that a screen doesn't show."""
    wanted = (f"Mã bản ghi: {certificate_id}\n", f"SHA-256 của chứng thư: {sha256(der).hexdigest()}\n")
    shown = all(line.isprintable() for line in said.split("\n"))
    if not (said.startswith(RECEIPT) and shown and all(line in said for line in wanted)):
        raise Refused(TEXT_UNEXPECTED)


def _sign(token: Device, key_id: bytes, public: PublicKeyInfo, data: bytes) -> bytes:
    return token.sign(key_id, "rsa-pkcs1v15" if public.algorithm == "rsa" else "ecdsa", data)


# --- certificates


def _say_held(token: Device, whose: Holder) -> None:
    """A second certificate is seldom meant: what the token has for the same name is said before the question."""
    with suppress(Refused):  # a token without any
        now = datetime.now(UTC)
        for each in token.certificates():
            if each.subject == whose.name and each.not_after > now:
                print(
                    say(
                        f"Token đã có chứng thư của {whose.name}, còn hiệu lực; đi tiếp là xin thêm một chứng thư nữa:",
                        f"The token has a valid certificate of {whose.name}; going on asks for another one:",
                    ),
                    _facts(each),
                    sep="\n",
                    flush=True,
                )


def _kind(spki: bytes) -> str:
    """As in device.KINDS."""
    public = PublicKeyInfo.load(spki)
    return f"rsa-{public.bit_size}" if public.algorithm == "rsa" else f"ec-p{public.bit_size}"


def _choose(found: list[Certificate], options: argparse.Namespace) -> Certificate:
    """The one named, the only one, or the one that the person points at."""
    serial = options.certificate
    if len(found) > 1 and serial is None and not options.pin_stdin:
        for number, each in enumerate(found, 1):
            print(f"{number}.\n{_facts(each)}")
        answer = input(say("Chọn chứng thư số mấy? ", "Which certificate, by number? ")).strip()
        if answer.isdecimal() and 1 <= int(answer) <= len(found):
            serial = found[int(answer) - 1].serial
    return device.choose(found, serial)


def _facts(certificate: Certificate) -> str:
    key = _public_key(certificate.der)
    size = f"{key.algorithm} {key.bit_size}".upper()
    return say(
        f"    {certificate.subject}\n    số hiệu {certificate.serial}\n"
        f"    hiệu lực đến {certificate.not_after:%d/%m/%Y}\n    khóa {size}",
        f"    {certificate.subject}\n    serial {certificate.serial}\n"
        f"    valid until {certificate.not_after:%d/%m/%Y}\n    key {size}",
    )


def _public_key(der: bytes) -> PublicKeyInfo:
    return x509.Certificate.load(der).public_key


def _is_ca(der: bytes) -> bool:
    return bool(x509.Certificate.load(der).ca)


def _read_chain(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(CHAIN_MISSING, path=path) from error


def _confirmed(options: argparse.Namespace) -> bool:
    if options.yes:
        return True
    answer = input(say("Tiếp tục? [c/K] ", "Go on? [y/N] "))
    return answer.strip().lower() in {"c", "co", "có", "y", "yes"}
