"""Signatures over certificates and over answers about them: what was verified once in this process is not computed again.

Whether such a signature is good depends on its octets alone, so only good ones are remembered, and nothing else is: whom
we believe, when, and what is revoked is decided anew each time.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from asn1crypto import algos, keys
from pyhanko_certvalidator.sig_validate import (
    DEFAULT_VALIDATION_CONTEXT,
    DefaultSignatureValidator,
    SignatureValidationContext,
)

MAX_REMEMBERED = 4000
_lock = threading.Lock()
_good: OrderedDict[bytes, None] = OrderedDict()


class Remembering(DefaultSignatureValidator):  # type: ignore[misc]
    """pyHanko's own verification, by all that goes into it."""

    def validate_signature(
        self,
        signature: bytes,
        signed_data: bytes,
        public_key_info: keys.PublicKeyInfo,
        signature_algorithm: algos.SignedDigestAlgorithm,
        context: SignatureValidationContext = DEFAULT_VALIDATION_CONTEXT,
    ) -> None:
        """InvalidSignature, or what else pyHanko says against it."""
        named = hashlib.sha256(f"{context.contextual_md_algorithm} {context.prehashed}".encode())
        for part in (signature, signed_data, public_key_info.dump(), signature_algorithm.dump()):
            named.update(len(part).to_bytes(8))
            named.update(part)
        key = named.digest()
        with _lock:
            if key in _good:
                _good.move_to_end(key)
                return
        super().validate_signature(signature, signed_data, public_key_info, signature_algorithm, context)
        with _lock:
            _good[key] = None
            while len(_good) > MAX_REMEMBERED:
                _good.popitem(last=False)
