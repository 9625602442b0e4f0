"""Reading and writing DER where asn1crypto is not enough: what a bad message raises, and quick assembly.

asn1crypto encodes a whole nested message anew for every change: 30 ms for a time stamp whose changing parts
are some hundred bytes. Those are encoded by it, the frame around them is put together here.
"""

from __future__ import annotations

# asn1crypto raises ValueError on most bytes that are not what they claim, and these others on some (found by
# changing bytes of honest requests at random); deep nesting ends in RecursionError.
MALFORMED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)

INTEGER, BIT_STRING, OCTET_STRING, ENUMERATED, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x0A, 0x30, 0x31
CONTEXT_0 = 0xA0  # constructed


def tlv(tag: int, *parts: bytes) -> bytes:
    """The encoded `parts`, one after the other, under `tag` and a definite length (X.690 §8.1, §10.1)."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def set_of(tag: int, *parts: bytes) -> bytes:
    """SET OF in the order that DER demands (X.690 §11.6)."""
    return tlv(tag, *sorted(parts))
