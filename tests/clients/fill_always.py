"""Puts a key that wants its PIN for every signature on a token and prints CKA_ID and public key (DER), in hex."""

from __future__ import annotations

import sys

import pkcs11
from pkcs11 import Attribute
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters


def main(module: str, label: str, pin: str) -> None:
    token = pkcs11.lib(module).get_token(token_label=label)
    with token.open(rw=True, user_pin=pin) as session:
        curve = session.create_domain_parameters(
            pkcs11.KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True
        )
        template = {Attribute.ALWAYS_AUTHENTICATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
        public, _ = curve.generate_keypair(id=b"\x07", label="each", store=True, private_template=template)
        sys.stdout.write(f"07 {encode_ec_public_key(public).hex()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
