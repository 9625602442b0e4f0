"""The token client on a real PKCS#11 token: what it signs verifies, and it never uses up a token's PIN tries."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from vanthu_sign import device
from vanthu_sign.__main__ import main
from vanthu_sign.cli.options import enter_pin
from vanthu_sign.pin import TRIES, Counter
from vanthu_sign.words import Refused

from deploy.local import softhsm

PIN = "20261122"


@dataclass(frozen=True, slots=True)
class Token:
    """One SoftHSM2 token with an RSA and an EC key and their certificates."""

    module: str
    label: str


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    store = softhsm.open_store(softhsm.provide(), tmp_path / "token")
    store.provide("lanh-dao", pin=PIN, so_pin="87654321")
    monkeypatch.setenv("SOFTHSM2_CONF", str(store.conf))
    made = Token(str(store.softhsm.module), "lanh-dao")
    filled = subprocess.run(
        [sys.executable, "-m", "tests.clients.fill_token", made.module, made.label, PIN],
        env=os.environ | {"PYTHONPATH": os.getcwd()},  # noqa: PTH109
        check=False,
        capture_output=True,
        text=True,
    )
    assert filled.returncode == 0, filled.stderr
    return made


def test_what_the_token_signs_verifies(token: Token) -> None:
    with device.opened(token.module, token.label) as opened:
        found = {c.subject: c for c in opened.certificates()}
        assert set(found) == {"RSA", "EC"}
        opened.log_in(PIN)
        data = b"signed attributes"
        rsa_key = x509.load_der_x509_certificate(found["RSA"].der).public_key()
        ec_key = x509.load_der_x509_certificate(found["EC"].der).public_key()
        assert isinstance(rsa_key, rsa.RSAPublicKey)
        assert isinstance(ec_key, ec.EllipticCurvePublicKey)
        rsa_key.verify(
            opened.sign(found["RSA"].key_id, "rsa-pkcs1v15", data), data, padding.PKCS1v15(), hashes.SHA256()
        )
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        rsa_key.verify(opened.sign(found["RSA"].key_id, "rsa-pss", data), data, pss, hashes.SHA256())
        raw = opened.sign(found["EC"].key_id, "ecdsa", data)
        half = len(raw) // 2
        der = encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))
        ec_key.verify(der, data, ec.ECDSA(hashes.SHA256()))


def test_a_wrong_pin_is_said_and_the_token_still_opens_with_the_right_one(token: Token) -> None:
    with device.opened(token.module, token.label) as opened:
        with pytest.raises(Refused) as refused:
            opened.log_in("00000000")
        assert refused.value.code == "pin_wrong"
        opened.log_in(PIN)
        assert opened.sign(next(c.key_id for c in opened.certificates() if c.subject == "RSA"), "rsa-pkcs1v15", b"x")


@pytest.mark.parametrize(("label", "code"), [("không-có", "token_missing"), (None, None)])
def test_the_token_is_found_or_its_absence_said(token: Token, label: str | None, code: str | None) -> None:
    if code is None:
        with device.opened(token.module, label) as opened:
            assert opened.serial
        return
    with pytest.raises(Refused) as refused, device.opened(token.module, label):
        pass
    assert refused.value.code == code


def test_a_library_that_is_none_is_said() -> None:
    with pytest.raises(Refused) as refused, device.opened(__file__, None):
        pass
    assert refused.value.code == "module_broken"


def test_three_wrong_pins_and_the_program_stops_before_the_token_locks(tmp_path: Path) -> None:
    counter = Counter(tmp_path)
    said = [counter.wrong("serial") for _ in range(TRIES)]
    assert [refused.code for refused in said] == ["pin_wrong", "pin_wrong", "pin_tries_used"]
    assert "2" in said[0].vi
    with pytest.raises(Refused) as refused:
        Counter(tmp_path).check("serial")
    assert refused.value.code == "pin_tries_used"
    Counter(tmp_path).check("another token")
    counter.right("serial")
    Counter(tmp_path).check("serial")
    assert json.loads((tmp_path / "wrong-pins.json").read_text()) == {}


@pytest.mark.parametrize(
    ("days", "code"), [((-20, -10), "certificate_expired"), ((10, 20), "certificate_not_yet_valid")]
)
def test_a_certificate_out_of_its_time_is_said_before_the_pin_is_asked(days: tuple[int, int], code: str) -> None:
    now = datetime.now(UTC)
    old = device.Certificate(b"", b"", "1a", "x", now + timedelta(days=days[0]), now + timedelta(days=days[1]))
    with pytest.raises(Refused) as refused:
        device.choose([old], None)
    assert refused.value.code == code


def test_an_empty_pin_is_no_try(token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    options = argparse.Namespace(pin_again=False, pin_stdin=True, home=tmp_path)
    with device.opened(token.module, None) as opened, pytest.raises(Refused) as refused:
        enter_pin(opened, options)
    assert refused.value.code == "pin_empty"
    assert not (tmp_path / "wrong-pins.json").exists()


def test_an_address_without_https_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VANTHU_SIGN_HOME", str(tmp_path))
    assert main(["login", "--portal", "127.0.0.1:8080"]) == 1
    assert "[portal_address]" in capsys.readouterr().err
