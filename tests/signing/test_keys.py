"""Seal keys in a real PKCS#11 device (SoftHSM2), driven from a process of their own."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from deploy.devpki.server import Running, running
from services.signing import pdf
from services.signing.keys import KeyStore, find_seal
from services.signing.mechanism import Mechanism
from shared.errors import Rejected
from tests.interop import paper

MODULES = [Path("/usr/lib/softhsm/libsofthsm2.so"), *Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")]
PIN = "246813"
DIGEST = hashlib.sha256(b"what is sealed").digest()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyStore]:
    """A fresh token in a directory of this test."""
    home = tmp_path_factory.mktemp("softhsm")
    module = os.environ.get("VANTHU_PKCS11_MODULE") or str(next(m for m in MODULES if m.exists()))
    (home / "tokens").mkdir()
    conf = home / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {home}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(conf))
        tool = shutil.which("softhsm2-util")
        assert tool, "SoftHSM2 is installed by `make run` and `make test`"
        command = [tool, "--init-token", "--free", "--label", "seals", "--pin", PIN, "--so-pin", "13572468"]
        subprocess.run(command, check=True, capture_output=True)
        store = KeyStore(module, "seals", PIN)
        yield store
        store.close()


@pytest.fixture(scope="module")
def pki() -> Iterator[Running]:
    with running() as server:
        yield server


def _refused(code: str) -> pytest.RaisesExc[Rejected]:
    return pytest.RaisesExc(Rejected, check=lambda error: error.code == code)


STRANGERS: set[int] = set()  # processes that other tests' sessions keep


@pytest.fixture(scope="module", autouse=True)
def _strangers() -> None:
    STRANGERS.update(p.pid for p in psutil.Process().children(recursive=True))


def _device_processes() -> list[psutil.Process]:
    mine = [p for p in psutil.Process().children(recursive=True) if p.pid not in STRANGERS]
    return [p for p in mine if "spawn_main" in _line(p)]


def _line(process: psutil.Process) -> str:
    """What it was started with; nothing of one that ends just now, as the workers of a session's database do."""
    try:
        return " ".join(process.cmdline()) if process.is_running() else ""
    except psutil.NoSuchProcess:
        return ""


def test_a_key_is_made_once_and_listed_by_its_digest(store: KeyStore) -> None:
    made = store.generate("khoá niêm phong", kind="p256")
    assert made in store.list_keys()
    public = x509.load_pem_x509_csr(store.csr(made.label, common_name="x").encode()).public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert made.spki_sha256 == hashlib.sha256(spki).hexdigest()
    with _refused("seal_key_exists"):
        store.generate(made.label, kind="p256")


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_a_request_is_signed_inside_the_device(store: KeyStore, kind: str) -> None:
    store.generate(f"csr-{kind}", kind=kind)
    request = x509.load_pem_x509_csr(
        store.csr(f"csr-{kind}", common_name=paper.AGENCY, organisation="Tỉnh Lạng Sơn").encode()
    )
    assert request.is_signature_valid
    assert request.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == paper.AGENCY


def test_digests_are_signed_in_each_way(store: KeyStore) -> None:
    store.generate("sign-rsa")
    store.generate("sign-ec", kind="p256")
    hashed = Prehashed(hashes.SHA256())
    public = x509.load_pem_x509_csr(store.csr("sign-rsa", common_name="x").encode()).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(store.sign("sign-rsa", DIGEST, Mechanism.RSA_PKCS1), DIGEST, padding.PKCS1v15(), hashed)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    public.verify(store.sign("sign-rsa", DIGEST, Mechanism.RSA_PSS), DIGEST, pss, hashed)
    curve = x509.load_pem_x509_csr(store.csr("sign-ec", common_name="x").encode()).public_key()
    assert isinstance(curve, ec.EllipticCurvePublicKey)
    raw = store.sign("sign-ec", DIGEST, Mechanism.ECDSA)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    curve.verify(der, DIGEST, ec.ECDSA(hashed))


def test_all_calls_share_one_process_and_one_login(store: KeyStore) -> None:
    store.list_keys()
    before = _device_processes()
    for _ in range(20):
        store.list_keys()
    assert _device_processes() == before
    assert len(before) == 1


def test_the_device_is_asked_again_after_its_process_died(store: KeyStore) -> None:
    labels = [k.label for k in store.list_keys()]
    for process in _device_processes():
        process.kill()
        process.wait()
    assert [k.label for k in store.list_keys()] == labels


def test_a_wrong_pin_is_tried_once_only(store: KeyStore) -> None:
    wrong = KeyStore(store.module, store.token, "999999")
    try:
        with _refused("pin_wrong"):
            wrong.list_keys()
        processes = _device_processes()
        with _refused("pin_wrong"):
            wrong.list_keys()
        assert _device_processes() == processes, "the second refusal reaches no device"
    finally:
        wrong.close()
    store.list_keys()


def test_a_missing_key_token_or_module_is_said(store: KeyStore) -> None:
    with _refused("seal_key_missing"):
        store.sign("không có", DIGEST, Mechanism.ECDSA)
    absent, unreadable = KeyStore(store.module, "không có", PIN), KeyStore("/không/có.so", "seals", PIN)
    for nowhere, code in ((absent, "seal_token_absent"), (unreadable, "key_device_unavailable")):
        with _refused(code):
            nowhere.list_keys()
        nowhere.close()


def test_the_pin_is_not_shown(store: KeyStore) -> None:
    assert PIN not in repr(store)
    assert pickle.loads(pickle.dumps(store)) == store  # noqa: S301  our own bytes


def test_a_document_is_sealed_by_the_key_in_the_device(store: KeyStore, pki: Running) -> None:
    store.generate("con dấu UBND", kind="rsa2048")
    request = store.csr("con dấu UBND", common_name=paper.AGENCY)
    issued = pki.issue(request, common_name=paper.AGENCY, profile="agency")
    seal = find_seal(store, issued.der, (pki.pki.hierarchy.issuing.ca.der,), pss=True)
    assert seal.label == "con dấu UBND"
    draft = paper.sample("01")
    signed = paper.sign(pdf.prepare(draft, paper.plan(draft)), paper.person(pki), pki)
    report = pdf.validate(paper.seal(signed, seal, pki), paper.trust(pki, fetch=False))
    assert report.indication is pdf.Indication.PASSED


def test_a_certificate_without_its_key_here_is_no_seal(store: KeyStore, pki: Running) -> None:
    stranger = paper.agency(pki)
    with _refused("seal_key_missing"):
        find_seal(store, stranger.certificate, stranger.chain)


def test_the_pool_logs_in_once_per_process_and_shares_the_work(store: KeyStore) -> None:
    two = KeyStore(store.module, store.token, PIN, processes=2)
    two.generate("pool", kind="p256")
    try:
        with ThreadPoolExecutor(4) as threads:
            signatures = list(threads.map(lambda _: two.sign("pool", DIGEST, Mechanism.ECDSA), range(40)))
        assert len(set(signatures)) == 40
        mine = {p.pid for p in _device_processes()}
        two.sign("pool", DIGEST, Mechanism.ECDSA)
        assert {p.pid for p in _device_processes()} == mine, "no process is begun anew for a signature"
    finally:
        two.close()


def test_a_wrong_pin_is_tried_by_one_process_of_the_pool_only(store: KeyStore) -> None:
    """Four threads ask at once, of a pool of four: the device hears one wrong PIN, and is not locked."""
    wrong = KeyStore(store.module, store.token, "000000", processes=4)
    before = len(_device_processes())
    try:
        with ThreadPoolExecutor(4) as threads:
            tried = [threads.submit(wrong.list_keys) for _ in range(8)]
        for each in tried:
            with _refused("pin_wrong"):
                each.result()
        assert len(_device_processes()) == before, "nobody is left who could try again"
    finally:
        wrong.close()
    store.list_keys()


def test_a_device_that_is_taken_away_is_said_and_used_again_when_it_is_back(store: KeyStore, tmp_path: Path) -> None:
    label = store.generate("taken away", kind="p256").label
    tokens = Path(os.environ["SOFTHSM2_CONF"]).parent / "tokens"
    for process in _device_processes():
        process.kill()
        process.wait()
    tokens.rename(tmp_path / "elsewhere")
    tokens.mkdir()
    try:
        for _ in range(2):
            with _refused("seal_token_absent"):
                store.sign(label, DIGEST, Mechanism.ECDSA)
    finally:
        tokens.rmdir()
        (tmp_path / "elsewhere").rename(tokens)
    assert store.sign(label, DIGEST, Mechanism.ECDSA)


def _spki(store: KeyStore, label: str) -> bytes:
    return next(key.spki for key in store.list_keys() if key.label == label)


def test_a_permit_is_for_its_keys_its_signatures_and_its_time(store: KeyStore) -> None:
    for label in ("permitted", "of others"):
        store.generate(label, kind="p256")
    own, others = _spki(store, "permitted"), _spki(store, "of others")
    with store.permit(frozenset({own}), signatures=2) as keys:
        assert PIN not in repr(keys)
        assert not hasattr(keys, "pin")
        found = keys.find_key(own)
        assert found
        assert keys.find_key(others) is None
        with _refused("seal_not_permitted"):
            keys.sign("of others", DIGEST, Mechanism.ECDSA)
        assert keys.sign("permitted", DIGEST, Mechanism.ECDSA)
        assert pickle.loads(pickle.dumps(keys)).sign("permitted", DIGEST, Mechanism.ECDSA)  # noqa: S301  our own bytes
        with _refused("seal_not_permitted"):
            keys.sign("permitted", DIGEST, Mechanism.ECDSA)
    with _refused("seal_not_permitted"):
        keys.find_key(own)
