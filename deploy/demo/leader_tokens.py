"""The leaders' PKCS#11 tokens: key pairs made on them, requests signed by them, certificates written to them.

Runs as a process of its own (`python -m deploy.demo.leader_tokens keys|certificates`, JSON in and out), since the
PKCS#11 module reads its configuration once per process and wants one thread. A private key never leaves its token.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import pkcs11
from asn1crypto import algos, csr, keys, pem, x509
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key

KEY_ID = b"\x01"
LABEL = "ky so"
CURVES = {"ec-p256": "secp256r1", "ec-p384": "secp384r1"}
EC_DIGESTS = {"secp256r1": "sha256", "secp384r1": "sha384"}


def main() -> None:
    wanted = json.load(sys.stdin)
    library = pkcs11.lib(wanted["module"])
    act = {"keys": request, "certificates": write_certificate}[sys.argv[1]]
    done = {}
    for token in wanted["tokens"]:
        with library.get_token(token_label=token["label"]).open(rw=True, user_pin=token["pin"]) as session:
            done[token["label"]] = act(session, token)
    json.dump(done, sys.stdout)


def request(session: Any, token: dict[str, str]) -> str:
    """A certificate request (PKCS#10, PEM) for the token's key pair, which is made unless it is there."""
    query = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.Attribute.ID: KEY_ID}
    if not list(session.get_objects(query)):
        _generate(session, token["kind"])
    private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=KEY_ID)
    public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, id=KEY_ID)
    information = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": x509.Name.build({"common_name": token["common_name"]}),
            "subject_pk_info": _public_key_info(public),
            "attributes": csr.CRIAttributes([]),
        }
    )
    algorithm, signature = _sign(private, information)
    made = csr.CertificationRequest(
        {
            "certification_request_info": information,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": algorithm}),
            "signature": signature,
        }
    )
    return str(pem.armor("CERTIFICATE REQUEST", made.dump()).decode())


def write_certificate(session: Any, token: dict[str, str]) -> bool:
    """Beside its key, readable without a PIN as on a real token; False when it was there."""
    _, _, der = pem.unarmor(token["pem"].encode())
    query = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE, pkcs11.Attribute.ID: KEY_ID}
    there = list(session.get_objects(query))
    if any(bytes(each[pkcs11.Attribute.VALUE]) == der for each in there):
        return False
    for each in there:
        each.destroy()
    certificate = x509.Certificate.load(der)
    session.create_object(
        {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
            pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
            pkcs11.Attribute.TOKEN: True,
            pkcs11.Attribute.PRIVATE: False,
            pkcs11.Attribute.ID: KEY_ID,
            pkcs11.Attribute.LABEL: LABEL,
            pkcs11.Attribute.VALUE: der,
            pkcs11.Attribute.SUBJECT: certificate.subject.dump(),
            pkcs11.Attribute.ISSUER: certificate.issuer.dump(),
            pkcs11.Attribute.SERIAL_NUMBER: certificate["tbs_certificate"]["serial_number"].dump(),
        }
    )
    return True


def _generate(session: Any, kind: str) -> None:
    if kind in CURVES:
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(CURVES[kind])},
            local=True,
        )
        parameters.generate_keypair(store=True, id=KEY_ID, label=LABEL)
    else:
        session.generate_keypair(pkcs11.KeyType.RSA, int(kind.removeprefix("rsa-")), store=True, id=KEY_ID, label=LABEL)


def _public_key_info(public: Any) -> keys.PublicKeyInfo:
    if public.key_type == pkcs11.KeyType.RSA:
        return keys.PublicKeyInfo.wrap(keys.RSAPublicKey.load(encode_rsa_public_key(public)), "rsa")
    return keys.PublicKeyInfo.load(encode_ec_public_key(public))


def _sign(private: Any, information: csr.CertificationRequestInfo) -> tuple[str, bytes]:
    """Algorithm and signature over the request; an EC token signs a digest made here."""
    data = information.dump()
    if private.key_type == pkcs11.KeyType.RSA:
        return "sha256_rsa", private.sign(data, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS)
    digest = EC_DIGESTS[information["subject_pk_info"].curve[1]]
    raw = private.sign(hashlib.new(digest, data).digest(), mechanism=pkcs11.Mechanism.ECDSA)
    return f"{digest}_ecdsa", encode_ecdsa_signature(raw)


if __name__ == "__main__":
    main()
