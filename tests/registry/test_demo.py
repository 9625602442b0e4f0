"""The demo's leader tokens: real SoftHSM2 tokens, whose keys sign their own requests and never leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from deploy.local import softhsm
from services.registry import trust
from tests.registry.keys import Ca, now, pem

ROOT = Path(__file__).parents[2]
KINDS = ("rsa-2048", "ec-p256", "ec-p384")
READ = """
import json, sys, pkcs11
from pkcs11 import Attribute, ObjectClass
wanted = json.load(sys.stdin)
token = pkcs11.lib(wanted["module"]).get_token(token_label=wanted["label"])
with token.open() as session:
    certificates = [bytes(c[Attribute.VALUE]).hex() for c in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})]
    keys = len(list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})))
with token.open(user_pin=wanted["pin"]) as session:
    [key] = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
    kept = [key[Attribute.SENSITIVE], key[Attribute.NEVER_EXTRACTABLE]]
print(json.dumps({"certificates": certificates, "keys_without_pin": keys, "kept": kept}))
"""


@pytest.fixture
def store(tmp_path: Path) -> softhsm.Store:
    return softhsm.open_store(softhsm.provide(), tmp_path)


def run(store: softhsm.Store, arguments: list[str], given: dict[str, Any]) -> Any:
    """A process of its own, as the loader does: one process reads one token store."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | store.environment,
        cwd=ROOT,
        input=json.dumps(given | {"module": str(store.softhsm.module)}),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_keys_are_made_on_the_tokens_once_and_certificates_stand_beside_them(store: softhsm.Store) -> None:
    for kind in KINDS:
        store.provide(kind, pin="12345678", so_pin="87654321")
    tokens = [{"label": k, "pin": "12345678", "kind": k, "common_name": "Bế Thị Hồng Nguyệt"} for k in KINDS]
    module = ["-m", "deploy.demo.leader_tokens"]
    requests = run(store, [*module, "keys"], {"tokens": tokens})
    again = run(store, [*module, "keys"], {"tokens": tokens})
    ca = Ca()
    for token in tokens:
        kind = token["label"]
        assert trust.read_csr(requests[kind]) == trust.read_csr(again[kind])  # the same key, its possession proved
        csr = x509.load_pem_x509_csr(requests[kind].encode())
        certificate = ca.sign(csr.public_key())
        trust.check(pem(certificate), "", [trust.read_anchor(pem(ca.certificate), now())], now())
        token["pem"] = pem(certificate)
    assert run(store, [*module, "certificates"], {"tokens": tokens}) == dict.fromkeys(KINDS, True)
    assert run(store, [*module, "certificates"], {"tokens": tokens}) == dict.fromkeys(KINDS, False)
    for token in tokens:
        found = run(store, ["-c", READ], token)
        der = x509.load_pem_x509_certificate(token["pem"].encode()).public_bytes(serialization.Encoding.DER)
        assert found == {"certificates": [der.hex()], "keys_without_pin": 0, "kept": [True, True]}
