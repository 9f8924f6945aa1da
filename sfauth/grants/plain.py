"""Secrets as plain text. No message holds a value.

Errors are raised outside ``except`` blocks, because a ``UnicodeError`` carries the text that it failed on, and
``raise ... from None`` hides it from the traceback but keeps it in ``__context__``.
"""

from __future__ import annotations

from typing import TypeGuard

from ..errors import ConfigurationError
from .base import Credential

__all__ = ["is_plain", "is_utf8", "plain_text", "resolved"]


def is_plain(value: object) -> TypeGuard[str | bytes]:
    """Whether a `Credential` is a value already, rather than a path or a callable that gives one."""
    return isinstance(value, (str, bytes))


def is_utf8(value: str | bytes) -> bool:
    """False also for a str with lone surrogates, which is what ``os.environ`` makes of bytes that are not UTF-8."""
    try:
        value.decode() if isinstance(value, bytes) else value.encode()
    except UnicodeError:
        return False
    return True


def plain_text(value: str | bytes, name: str) -> str:
    """A secret as text: UTF-8 decoded, without the newline with which editors end a file.

    Blanks are kept, for a password may end in one.

    Raises:
        ConfigurationError: Not UTF-8.
    """
    if not is_utf8(value):
        raise ConfigurationError(
            f"{name} is not UTF-8 text", hint=f"Save {name} as UTF-8, or look for a binary file in its place."
        )
    text = value.decode() if isinstance(value, bytes) else value
    return text.rstrip("\r\n")


def resolved(value: Credential | None, name: str) -> str | bytes:
    """The plain value of a secret at the time of a request.

    Raises:
        TypeError: It's still a path or a callable: a bug in whoever sends the request, not in a configuration.
    """
    if not is_plain(value):
        raise TypeError(
            f"{name} is still a {type(value).__name__}: read it and put it in with dataclasses.replace() "
            "before request() is called"
        )
    return value
