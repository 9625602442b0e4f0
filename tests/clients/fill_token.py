"""Puts an RSA and an EC key with self-made certificates on a token; a process of its own, as everything PKCS#11."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key


def main(module: str, label: str, pin: str) -> None:
    """The certificates are signed by a key of this process: only their public keys matter here."""
    token = pkcs11.lib(module).get_token(token_label=label)
    with token.open(rw=True, user_pin=pin) as session:
        public, _ = session.generate_keypair(pkcs11.KeyType.RSA, 2048, id=b"\x01", label="RSA", store=True)
        _store(session, "RSA", b"\x01", serialization.load_der_public_key(_spki_rsa(encode_rsa_public_key(public))))
        curve = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")},
            local=True,
        )
        public, _ = curve.generate_keypair(id=b"\x02", label="EC", store=True)
        _store(session, "EC", b"\x02", serialization.load_der_public_key(encode_ec_public_key(public)))


def _spki_rsa(pkcs1: bytes) -> bytes:
    from asn1crypto import keys

    return keys.PublicKeyInfo.wrap(keys.RSAPublicKey.load(pkcs1), "rsa").dump()  # type: ignore[no-any-return]


def _store(session: pkcs11.Session, name: str, key_id: bytes, key: object) -> None:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key, x509.random_serial_number())  # type: ignore[arg-type]
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    session.create_object(
        {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
            pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
            pkcs11.Attribute.TOKEN: True,
            pkcs11.Attribute.ID: key_id,
            pkcs11.Attribute.SUBJECT: made.subject.public_bytes(),
            pkcs11.Attribute.VALUE: made.public_bytes(serialization.Encoding.DER),
        }
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
