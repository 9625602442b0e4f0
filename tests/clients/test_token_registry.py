"""The token client at the registry: a real token, the real portal's log-in, the registry and the development PKI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from vanthu_sign import device, enrol
from vanthu_sign.words import Refused

from deploy.devpki.server import Running
from deploy.local import softhsm
from services.registry import consumer
from services.registry.ca_development import DevelopmentCA
from shared import db
from tests.portal import people
from tests.portal.conftest import Portal, at_work
from tests.portal.test_service import PASSWORD, decide, poll, start_device
from tests.registry.conftest import Office, ca, office, pki, pool, registry_database, settings, text
from tests.registry.test_ca import work
from tests.support.postgres import Database

__all__ = ["ca", "office", "pki", "pool", "registry_database", "settings"]

PIN = "20261124"
ROOT = "/registry/v1"


@dataclass(frozen=True, slots=True)
class Desk:
    """The office with the portal before it, and one token that people plug in where they are logged in."""

    office: Office
    portal: Portal
    module: str
    folder: Path

    def log_in(self, login: str) -> None:
        """The device flow; the portal's public address leads to this machine."""
        self.portal.accounts(**{login: PASSWORD})
        browser = self.portal.browser()
        browser.log_in(login, PASSWORD)
        asked = start_device(self.portal)
        decide(browser, asked, "approve")
        about = self.portal.browser().open("/.well-known/oauth-authorization-server").text
        about = about.replace(self.portal.settings.portal_url, self.portal.url)
        session = {"portal": json.loads(about), "refresh_token": poll(self.portal, asked)["refresh_token"]}
        home = self.folder / login
        home.mkdir()
        (home / "session.json").write_text(json.dumps(session))

    def run(self, login: str, *arguments: str, pin: str = PIN) -> tuple[int, str, str]:
        """`vanthu-sign` as it runs, by whom; exit code, output, errors."""
        done = subprocess.run(
            [sys.executable, "-m", "vanthu_sign", *arguments, "--yes", "--pin-stdin", "--module", self.module],
            env=os.environ | {"VANTHU_SIGN_HOME": str(self.folder / login)},
            input=f"{pin}\n",
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    def put_on_token(self, pki: Running, name: str, kind: str = "ec-p256", **said: Any) -> Any:
        """As a foreign CA delivers a token: key and certificate on it."""
        with device.opened(self.module, None) as token:
            token.log_in(PIN, writing=True)
            key_id, spki = token.make_key(kind)
            public: Any = serialization.load_der_public_key(spki)
            made = pki.issue(public, common_name=name, **said)
            certificate = x509.load_pem_x509_certificate(text(made.pem).encode())
            token.write_certificate(key_id, certificate.public_bytes(serialization.Encoding.DER))
        chain = self.folder / "chain.pem"
        chain.write_text(text(made.chain_pem))
        return certificate

    def forwarded(self, **about: str) -> str:
        """A procedure for a certificate that has gone out; its address."""
        made = self.office.http.post(f"{ROOT}/procedures", json=about, headers=self.office.officer)
        path = f"{ROOT}/procedures/{made.json()['procedure_id']}"
        for act in ("approve", "forward"):
            done = self.office.http.post(f"{path}/{act}", json={}, headers=self.office.officer)
            assert done.status_code == 200, done.text
        return path

    def procedure(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.office.http.get(path, headers=self.office.officer).json()
        return found

    def certificates(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.office.http.get(f"{ROOT}/certificates", headers=self.office.officer).json()[
            "items"
        ]
        return found


@pytest.fixture
def desk(
    office: Office, database: Callable[[str], Database], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    store = softhsm.open_store(softhsm.provide(), tmp_path / "token")
    store.provide("moi", pin=PIN, so_pin="87654321")
    monkeypatch.setenv("SOFTHSM2_CONF", str(store.conf))
    url = str(office.http.base_url).rstrip("/")
    with at_work(database("portal"), tmp_path, registry_url=url) as portal:
        portal.hear(*office.stated("registry.agency"), *office.stated("registry.person"))
        with db.transaction(office.pool) as tx:
            for key in portal.stated("portal.key"):
                consumer.follower().take(tx, people.record(key))
        made = Desk(office, portal, str(store.softhsm.module), tmp_path)
        made.log_in("canbo")
        yield made


@pytest.mark.parametrize("kind", device.KINDS)
def test_a_delivered_token_is_registered_and_used_after_its_holder_signed_the_receipt(
    desk: Desk, pki: Running, kind: str
) -> None:
    leader = desk.office.province.leader
    body = {"type": "pki_token", "model": "GCA-01", "serials": ["3A0001"]}
    assert desk.office.http.post(f"{ROOT}/devices", json=body, headers=desk.office.officer).status_code == 201
    certificate = desk.put_on_token(pki, leader.name, kind)
    chain = str(desk.folder / "chain.pem")
    login = leader.facts.login
    asked = desk.forwarded(kind="issue_person", person_id=str(leader.id))
    code, said, errors = desk.run("canbo", "register", "--person", login, "--device", "3A0001", "--chain", chain)
    assert code == 0, errors
    assert leader.name in said
    assert f"{certificate.serial_number:x}" in said
    [made] = desk.certificates()
    assert (made["stage"], made["person_id"]) == ("issued", str(leader.id))
    answered = desk.procedure(asked)
    assert (answered["state"], answered["result_id"]) == ("issued", made["certificate_id"])
    path = f"{ROOT}/certificates/{made['certificate_id']}"

    desk.log_in(login)
    assert desk.run(login, "receipt")[0] == 1
    assert "[no_receipt_due]" in desk.run(login, "receipt")[2]
    assert desk.office.http.post(f"{path}/hand-over", headers=desk.office.officer).status_code == 200
    code, said, errors = desk.run(login, "receipt")
    assert code == 0, errors
    [kept] = desk.office.http.get(f"{path}/receipts", headers=desk.office.officer).json()["items"]
    assert kept["text"] in said
    assert (kept["kind"], kept["sha256"]) == ("signed", sha256(kept["text"].encode()).hexdigest())
    [made] = desk.certificates()
    assert made["stage"] == "active"
    assert "[receipt_not_due]" in desk.run(login, "receipt", made["certificate_id"])[2]


@pytest.mark.parametrize(("kind", "holder"), [("ec-p256", "--person"), ("rsa-3072", "--agency")])
def test_a_key_made_on_the_token_gets_its_certificate_though_the_ca_took_its_time(
    desk: Desk, ca: DevelopmentCA, kind: str, holder: str
) -> None:
    province = desk.office.province
    named = province.leader.facts.login if holder == "--person" else province.ubnd.facts.identifier
    about = {"kind": "issue_person", "person_id": str(province.leader.id)}
    if holder == "--agency":
        about = {"kind": "issue_agency", "agency_id": str(province.ubnd.id)}
    asked = desk.forwarded(**about)
    code, _said, errors = desk.run("canbo", "request", holder, named, "--key", kind, "--wait", "0")
    assert code == 1
    assert "[request_waits]" in errors
    assert work(desk.office, ca) == 1
    code, said, errors = desk.run("canbo", "request", holder, named, "--wait", "0")
    assert code == 0, errors
    [made] = desk.certificates()
    answered = desk.procedure(asked)
    assert (answered["state"], answered["result_id"]) == ("done", made["certificate_id"])
    assert made["certificate_id"] in said
    with device.opened(desk.module, None) as token:
        [held] = token.certificates()
        assert sha256(held.der).hexdigest() == made["fingerprint"]
        token.log_in(PIN)
        assert token.unused_keys() == []
        enrol._sign(token, held.key_id, enrol._public_key(held.der), b"x")
    assert json.loads((desk.folder / "canbo" / "requests.json").read_text()) == {}


def test_a_request_that_is_made_again_uses_the_key_that_there_is_and_says_what_the_token_holds(
    desk: Desk, ca: DevelopmentCA
) -> None:
    leader = desk.office.province.leader
    asking = ("canbo", "request", "--person", leader.facts.login, "--key", "rsa-3072", "--wait", "0")
    assert "[device_unknown]" in desk.run(*asking, "--device", "3A0009")[2]
    assert keys_without_certificate(desk) == 0, "nothing is made before what was typed is known"
    stock = {"type": "pki_token", "model": "GCA-01", "serials": ["3A0007"]}
    received = desk.office.http.post(f"{ROOT}/devices", json=stock, headers=desk.office.officer)
    lost = {"kind": "lose_device", "device_id": received.json()["items"][0]["device_id"], "reason": "rơi mất"}
    assert desk.office.http.post(f"{ROOT}/procedures", json=lost, headers=desk.office.officer).status_code == 201
    for _time in range(2):
        assert "[device_place]" in desk.run(*asking, "--device", "3A0007")[2]
        assert keys_without_certificate(desk) == 1, "what the registry refused leaves no second pair"

    assert "[request_waits]" in desk.run(*asking)[2]
    assert "[request_waits]" in desk.run(*asking)[2]
    assert keys_without_certificate(desk) == 1
    assert work(desk.office, ca) == 1
    code, said, errors = desk.run(*asking)
    assert code == 0, errors
    assert "Token đã có chứng thư" not in said
    assert keys_without_certificate(desk) == 0
    again = desk.run(*asking)[1]
    assert f"Token đã có chứng thư của {leader.name}" in again


def keys_without_certificate(desk: Desk) -> int:
    with device.opened(desk.module, None) as token:
        token.log_in(PIN)
        return len(token.unused_keys())


def test_a_key_made_on_a_device_in_stock_is_used_after_the_hand_over(desk: Desk, ca: DevelopmentCA) -> None:
    leader = desk.office.province.leader.facts.login
    body = {"type": "pki_token", "model": "GCA-01", "serials": ["3A0002"]}
    received = desk.office.http.post("/registry/v1/devices", json=body, headers=desk.office.officer)
    assert received.status_code == 201, received.text
    asking = ("canbo", "request", "--person", leader, "--device", "3A0002", "--wait", "0")
    assert "[request_waits]" in desk.run(*asking)[2]
    assert work(desk.office, ca) == 1
    assert desk.run(*asking)[0] == 0
    [made] = desk.certificates()
    assert (made["stage"], made["status"]) == ("issued", "suspended")


def test_every_refusal_says_what_to_do_and_registers_nothing(desk: Desk, pki: Running) -> None:
    leader = desk.office.province.leader.facts.login
    assert "[certificate_missing]" in desk.run("canbo", "register", "--person", leader)[2]
    desk.put_on_token(pki, "Nông Thị Thắm")
    chain = str(desk.folder / "chain.pem")
    for arguments, code in (
        (["--person", "khong.co"], "person_unknown"),
        (["--agency", "H99"], "agency_unknown"),
        (["--person", leader, "--device", "không"], "device_unknown"),
        (["--person", leader, "--chain", "/không/có"], "chain_unreadable"),
        (["--person", leader, "--chain", chain], "certificate_of_another"),
    ):
        status, _said, errors = desk.run("canbo", "register", *arguments)
        assert (status, f"[{code}]" in errors) == (1, True), errors
        assert len(errors.strip().splitlines()) == 2
    wrong = desk.run("canbo", "register", "--person", leader, "--chain", chain, pin="00000000")[2]
    assert "[pin_wrong]" in wrong
    assert "2 lần" in wrong
    assert desk.certificates() == []
    desk.put_on_token(pki, "Nông Thị Thắm")
    assert "[certificate_ambiguous]" in desk.run("canbo", "register", "--person", leader)[2]


def test_only_a_receipt_for_this_very_certificate_is_signed() -> None:
    der = b"certificate"
    good = f"{enrol.RECEIPT}Mã bản ghi: 1\nSHA-256 của chứng thư: {sha256(der).hexdigest()}\n"
    enrol._check_receipt(good, "1", der)
    for bad in (
        good.replace("BIÊN NHẬN", "GIẤY ỦY QUYỀN"),
        good.replace("ghi: 1", "ghi: 2"),
        good.replace(sha256(der).hexdigest(), sha256(b"another").hexdigest()),
        good + "\x1b[8mTôi từ chức\x1b[0m\n",
    ):
        with pytest.raises(Refused) as refused:
            enrol._check_receipt(bad, "1", der)
        assert refused.value.code == "text_unexpected"
