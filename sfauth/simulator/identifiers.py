"""Identifiers and random strings in the shapes that Salesforce uses."""

from __future__ import annotations

from random import Random

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_TOKEN = _BASE62 + "._"


def to_18(identifier: str) -> str:
    """The 18 character form: three letters that make the 15 case-sensitive ones safe without case."""
    if len(identifier) != 15:
        return identifier
    suffix = ""
    for start in range(0, 15, 5):
        chunk = identifier[start : start + 5]
        suffix += _CHECKSUM[sum(1 << i for i, character in enumerate(chunk) if "A" <= character <= "Z")]
    return identifier + suffix


def record_id(prefix: str, number: int) -> str:
    """The 18 character id of the ``number``-th record of an object whose ids start with ``prefix``."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return to_18(prefix + digits.rjust(15 - len(prefix), "0"))


def random_id(prefix: str, random: Random) -> str:
    """A random 18 character id, for example of an org (``00D``) or a user (``005``)."""
    return to_18(prefix + "5" + "".join(random.choices(_BASE62, k=14 - len(prefix))))


def random_token(random: Random, length: int) -> str:
    """Letters, digits, dots and underscores: the characters of access and refresh tokens."""
    return "".join(random.choices(_TOKEN, k=length))


def random_secret(random: Random) -> str:
    """A consumer secret: 64 upper case hexadecimal digits."""
    return "".join(random.choices("0123456789ABCDEF", k=64))
