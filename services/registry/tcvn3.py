"""TCVN3 (ABC), the 8-bit encoding of .VnTime fonts: found, and turned into Unicode. Pure.

Text in it passes for Latin-1, with signs such as "®" and "µ" inside words. Capitals with tones are a matter of the font
(.VnTimeH) there, so they come out as small letters.
"""

from __future__ import annotations

import re

# TCVN 5712:1993, VN3: code → letter. What is not named is ASCII or no letter.
_CODES = (
    "a1a2a3a4a5a6a7a8a9aaabacadaeb5b6b7b8b9bbbcbdbec6c7c8c9cacbcccecfd0d1d2d3d4d5d6d7d8dcdddedfe1e2e3e4e5e6e7e8e9eaeb"
)
_CODES += "ecedeeeff1f2f3f4f5f6f7f8f9fafbfcfdfe"
_LETTERS = "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ"
TABLE = dict(zip(bytes.fromhex(_CODES), _LETTERS, strict=True))

# Letters of TCVN3 that are signs in Latin-1, beside a letter: no Vietnamese, French or English text has that.
_SIGN = "[\u00a1-\u00ad\u00ae\u00b5-\u00b9\u00bb-\u00be]"
_SUSPECT = re.compile(f"[A-Za-z\u00c0-\u00ff]{_SIGN}|{_SIGN}[A-Za-z\u00c0-\u00ff]")
_GENUINE = re.compile("[\u0102\u0103\u0110\u0111\u01a0\u01a1\u01af\u01b0\u0300-\u0323\u1ea0-\u1ef9]")
_QUOTES = re.compile("[«»]")


def looks_like(text: str) -> bool:
    """Whether a text that passes for Unicode is TCVN3 in truth."""
    if text.isascii():
        return False
    bare = _QUOTES.sub(" ", text) if text.count("«") == text.count("»") else text
    return _SUSPECT.search(bare) is not None and _GENUINE.search(text) is None


def convert(text: str) -> str:
    """TCVN3 that was read as Latin-1, as Unicode."""
    return text.translate(TABLE)
