"""What can be wrong with a token or its driver, a sentence each; and every way in which a token can sign."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from vanthu_sign import device, drivers, token_process
from vanthu_sign.drivers import Look, Seen
from vanthu_sign.words import MODULE_BROKEN, Refused
from vanthu_sign.words_device import DRIVER_CRASHED

from deploy.local import softhsm
from tests.clients.test_device import PIN, Token, token

__all__ = ["token"]

HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


def verify(certificate: device.Certificate, mechanism: str, digest: str, signature: bytes, data: bytes) -> None:
    key: Any = x509.load_der_x509_certificate(certificate.der).public_key()
    used = HASHES[digest]()
    if mechanism == "ecdsa":
        half = len(signature) // 2
        signature = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
        key.verify(signature, data, ec.ECDSA(used))
    elif mechanism == "rsa-pss":
        key.verify(signature, data, padding.PSS(padding.MGF1(used), used.digest_size), used)
    else:
        key.verify(signature, data, padding.PKCS1v15(), used)


@pytest.mark.parametrize("plain", [False, True], ids=["token hashes", "token only signs"])
def test_every_mechanism_and_digest_is_signed_whether_the_token_hashes_or_not(
    token: Token,
    plain: bool,  # noqa: FBT001
) -> None:
    if plain:  # a token without the combined mechanisms: the digest is made here
        conf = Path(os.environ["SOFTHSM2_CONF"])
        conf.write_text(
            conf.read_text()
            + "slots.mechanisms = CKM_RSA_PKCS,CKM_RSA_PKCS_PSS,CKM_ECDSA,CKM_SHA256,CKM_SHA384,CKM_SHA512\n"
        )
    with device.opened(token.module, token.label) as opened:
        found = {c.subject: c for c in opened.certificates()}
        opened.log_in(PIN)
        assert opened.about().pss
        for mechanism, name in (("rsa-pkcs1v15", "RSA"), ("rsa-pss", "RSA"), ("ecdsa", "EC")):
            for digest in HASHES:
                signature = opened.sign(found[name].key_id, mechanism, b"attributes", digest=digest)
                verify(found[name], mechanism, digest, signature, b"attributes")
                with pytest.raises(InvalidSignature):
                    verify(found[name], mechanism, digest, signature, b"other attributes")


def test_a_token_that_cannot_sign_this_way_is_said(token: Token) -> None:
    conf = Path(os.environ["SOFTHSM2_CONF"])
    conf.write_text(conf.read_text() + "slots.mechanisms = CKM_SHA256_RSA_PKCS\n")
    with device.opened(token.module, token.label) as opened:
        found = {c.subject: c for c in opened.certificates()}
        assert not opened.about().pss, "so PKCS#1 v1.5 is asked for"
        opened.log_in(PIN)
        for name, mechanism, digest in (
            ("EC", "ecdsa", "sha256"),
            ("RSA", "rsa-pss", "sha256"),
            ("RSA", "none", "sha256"),
        ):
            with pytest.raises(Refused) as refused:
                opened.sign(found[name].key_id, mechanism, b"x", digest=digest)
            assert refused.value.code == "mechanism_missing"
        assert opened.sign(found["RSA"].key_id, "rsa-pkcs1v15", b"x"), "the process is as good as before"


def test_a_pile_ordered_ahead_comes_in_order_and_a_failing_one_spoils_no_later_answer(token: Token) -> None:
    with device.opened(token.module, token.label) as opened:
        ec_certificate = next(c for c in opened.certificates() if c.subject == "EC")
        opened.log_in(PIN)
        orders = [device.Order(ec_certificate.key_id, "ecdsa", "sha256", b"%d" % n) for n in range(20)]
        for n, signature in enumerate(opened.sign_many(orders)):
            verify(ec_certificate, "ecdsa", "sha256", signature, b"%d" % n)
        bad = [*orders[:2], device.Order(b"no such key", "ecdsa", "sha256", b"x"), *orders[3:]]
        made: list[bytes] = []
        with pytest.raises(Refused) as refused:
            made.extend(opened.sign_many(bad))
        assert (refused.value.code, len(made)) == ("key_missing", 2)
        verify(ec_certificate, "ecdsa", "sha256", opened.sign(ec_certificate.key_id, "ecdsa", b"later"), b"later")


def test_the_longer_the_pile_the_more_is_ordered_ahead_and_no_more_than_a_moments_work() -> None:
    assert [device._ahead(made, made * 0.004) for made in (0, 7, 8, 80, 232, 1000)] == [3, 3, 4, 13, 32, 32]
    assert {device._ahead(made, made * 0.5) for made in range(200)} == {3}, "a slow token is stopped after a few"


def test_a_token_without_a_certificate_or_without_anything_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = softhsm.open_store(softhsm.provide(), tmp_path / "token")
    monkeypatch.setenv("SOFTHSM2_CONF", str(store.conf))
    module = str(store.softhsm.module)
    with pytest.raises(Refused) as refused, device.opened(module, None):
        pass
    assert refused.value.code == "token_missing"
    store.provide("moi", pin=PIN, so_pin="87654321")
    with device.opened(module, None) as opened:
        assert opened.certificates() == []
        with pytest.raises(Refused) as refused:
            device.choose([], None)
        assert refused.value.code == "certificate_missing"
        opened.log_in(PIN, writing=True)
        opened.make_key("ec-p256")
        with pytest.raises(Refused) as refused:
            opened.certificates()
        assert refused.value.code == "certificate_not_on_token_yet"
    store.provide("khac", pin=PIN, so_pin="87654321")
    with pytest.raises(Refused) as refused, device.opened(module, None):
        pass
    assert refused.value.code == "token_ambiguous"
    assert "moi" in refused.value.vi


def test_another_token_is_not_taken_for_the_first_one_after_a_crash(token: Token) -> None:
    conf = Path(os.environ["SOFTHSM2_CONF"])
    with device.opened(token.module, None) as opened:
        opened._process.kill()
        with pytest.raises(Refused) as refused:
            opened.about()
        assert refused.value.code == "driver_crashed"
        tokens = conf.parent / "tokens"
        shutil.rmtree(tokens)
        tokens.mkdir()
        softhsm.open_store(softhsm.provide(), conf.parent).provide(token.label, pin=PIN, so_pin="87654321")
        with pytest.raises(Refused) as refused:
            opened.restart()
        assert refused.value.code == "token_changed"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (pkcs11.PinIncorrect, "pin_wrong"),
        (pkcs11.exceptions.PinLenRange, "pin_wrong"),
        (pkcs11.exceptions.PinLocked, "pin_locked"),
        (pkcs11.exceptions.PinExpired, "pin_to_be_changed"),
        (pkcs11.UserPinNotInitialized, "pin_not_set"),
    ],
)
def test_what_a_token_says_of_a_pin_has_its_sentence(error: type[pkcs11.PKCS11Error], code: str) -> None:
    """SoftHSM2 never locks a PIN and asks for no change: here only the words of real tokens are heard."""
    refused = token_process._pin_said(error())
    assert refused is not None
    assert refused.code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (pkcs11.DeviceRemoved, "token_gone"),
        (pkcs11.SessionHandleInvalid, "token_gone"),
        (pkcs11.exceptions.DeviceError, "token_error"),
    ],
)
def test_a_removed_token_and_a_failing_one_are_told_apart(error: type[pkcs11.PKCS11Error], code: str) -> None:
    assert token_process._said(error(), None).code == code


# --- drivers


def a_look(module: str, *tokens: Seen, slots: int = 1, refused: Refused | None = None) -> Look:
    return Look(module, "driver", "1.0", slots, tokens, refused)


def seen(label: str, serial: str, *, initialised: bool = True) -> Seen:
    return Seen(label, serial, "ePass", "Feitian", initialised)


BROKEN = Refused(MODULE_BROKEN, module="x")
CRASHED = Refused(DRIVER_CRASHED, module="x")


@pytest.mark.parametrize(
    ("looks", "label", "found"),
    [
        ([a_look("maker", seen("A", "1"))], None, "maker"),
        ([a_look("maker", seen("A", "1")), a_look("opensc", seen("A (User PIN)", "1"))], None, "maker"),
        ([a_look("empty"), a_look("other", seen("B", "2"))], None, "other"),
        ([a_look("one", seen("A", "1")), a_look("two", seen("B", "2"))], "B", "two"),
        ([a_look("crashes", refused=CRASHED), a_look("other", seen("B", "2"))], None, "other"),
        ([a_look("one", seen("A", "1")), a_look("two", seen("B", "2"))], None, "[token_ambiguous]"),
        ([a_look("one", slots=0), a_look("two", slots=0)], None, "[reader_missing]"),
        ([a_look("one"), a_look("two", slots=0)], None, "[token_missing]"),
        ([a_look("one", seen("", "1", initialised=False))], None, "[token_not_initialised]"),
        ([a_look("one", refused=BROKEN), a_look("two", refused=CRASHED)], None, "[module_broken]"),
        ([a_look("one", seen("A", "1"))], "B", "[token_missing]"),
    ],
)
def test_of_several_drivers_the_one_with_the_token_is_used(looks: list[Look], label: str | None, found: str) -> None:
    if not found.startswith("["):
        assert drivers.pick(looks, label) == found
        return
    with pytest.raises(Refused) as refused:
        drivers.pick(looks, label)
    assert f"[{refused.value.code}]" == found


def test_drivers_are_asked_apart_so_that_a_broken_one_stops_nobody(token: Token) -> None:
    ours, broken = drivers.look([token.module, __file__])
    assert [each.label for each in ours.tokens if each.initialised] == [token.label]
    assert ours.refused is None
    assert broken.refused is not None
    assert broken.refused.code == "module_broken"


@pytest.mark.parametrize(
    ("body", "code", "patience"),
    [("*(volatile int *)0 = 1;", "driver_crashed", 60.0), ("for (;;) pause();", "driver_silent", 2.0)],
)
def test_a_driver_that_crashes_or_hangs_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, code: str, patience: float
) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine to build a driver that crashes with")
    source = tmp_path / "driver.c"
    source.write_text(f"#include <unistd.h>\nlong C_GetFunctionList(void **list) {{ {body} return 0; }}\n")
    library = tmp_path / "libcrash.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True, capture_output=True)
    monkeypatch.setattr(drivers, "PATIENCE", patience)
    [found] = drivers.look([str(library)])
    assert found.refused is not None
    assert found.refused.code == code
    monkeypatch.setattr(device, "PATIENCE", patience)
    with pytest.raises(Refused) as refused, device.opened(str(library), None):
        pass
    assert refused.value.code == code


def test_what_p11_kit_names_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libmaker.so"
    library.write_bytes(b"")
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "maker.module").write_text(f"# a maker\nmodule: {library}\npriority: 1\n")
    (modules / "relative.module").write_text("module: libother.so\n")
    (tmp_path / "libother.so").write_bytes(b"")
    (modules / "trust.module").write_text(f"module: {tmp_path / 'p11-kit-trust.so'}\n")
    (tmp_path / "p11-kit-trust.so").write_bytes(b"")
    monkeypatch.setattr(drivers, "P11_KIT", (str(modules),))
    monkeypatch.setattr(drivers, "LINUX", ())
    monkeypatch.setattr(drivers, "LINUX_FOLDERS", (str(tmp_path),))
    monkeypatch.setattr(sys, "platform", "linux")
    assert drivers.installed() == [str(library), str(tmp_path / "libother.so")]


# --- which certificate


def certificate(serial: str, days: tuple[int, int]) -> device.Certificate:
    now = datetime.now(UTC)
    return device.Certificate(b"", b"", serial, "x", now + timedelta(days=days[0]), now + timedelta(days=days[1]))


def test_after_a_renewal_the_valid_certificate_is_meant() -> None:
    old, new = certificate("1a", (-400, -3)), certificate("2b", (-4, 400))
    assert device.choose([old, new], None) == new
    with pytest.raises(Refused) as refused:
        device.choose([old, new], "1a")
    assert refused.value.code == "certificate_expired"
    with pytest.raises(Refused) as refused:
        device.choose([new, certificate("3c", (-1, 10))], None)
    assert refused.value.code == "certificate_ambiguous"
