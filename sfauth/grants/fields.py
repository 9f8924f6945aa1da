"""Checks of a grant's fields at construction, so that a typo is found at start-up and not at three in the morning.

No message holds a value: a secret often sits in the wrong field.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ConfigurationError
from .base import Credential
from .pem import private_key_block
from .plain import is_plain, is_utf8, plain_text

__all__ = [
    "check_client_id",
    "check_private_key",
    "check_text",
    "check_username",
    "checked_passphrase",
    "checked_secret",
]

_KEY_AND_SECRET = (
    "Setup > External Client App Manager > (your app) > Settings > OAuth Settings > Consumer Key and Secret"
)
_USER_ID = re.compile(r"005[0-9A-Za-z]{12}(?:[0-9A-Za-z]{3})?")


def check_text(value: object, name: str, *, hint: str) -> str:
    """A required text without a secret in it.

    Raises:
        ConfigurationError: No str, empty or blank.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is {_kind(value)}, not a str", hint=hint)
    if not value.strip():
        raise ConfigurationError(f"{name} is empty", hint=hint)
    if not is_utf8(value):
        raise ConfigurationError(f"{name} is not UTF-8 text", hint=hint)
    return value


def check_client_id(value: object) -> None:
    """A consumer key.

    Raises:
        ConfigurationError: No str, empty, or visibly something else: a URL, a username, text with blanks.
    """
    hint = f"client_id is the app's consumer key: {_KEY_AND_SECRET}."
    text = check_text(value, "client_id", hint=hint)
    if any(map(str.isspace, text)):
        raise ConfigurationError("client_id contains blanks or line breaks", hint=hint)
    # A colon would also end the client id inside a Basic header (RFC 7617 section 2).
    if ":" in text or "/" in text or text.endswith((".salesforce.com", ".force.com")):
        raise ConfigurationError("client_id looks like a URL", hint=hint)
    if "@" in text:
        raise ConfigurationError("client_id looks like a username", hint=hint)


def check_username(value: object) -> None:
    """A Salesforce username.

    Raises:
        ConfigurationError: No str, empty, padded with blanks, or a user id.
    """
    hint = "username is the user's Username in Setup > Users (like an e-mail address), not the id, name or e-mail."
    text = check_text(value, "username", hint=hint)
    if text != text.strip():
        raise ConfigurationError("username begins or ends with a blank or line break", hint=hint)
    if _USER_ID.fullmatch(text):
        raise ConfigurationError("username looks like a user id", hint=hint)


def checked_secret(value: Credential, name: str) -> Credential:
    """A secret, made plain text where it's given as a value; paths and callables are left for the sender to resolve.

    Raises:
        ConfigurationError: Neither str, bytes, path nor callable; or an empty, blank or non-UTF-8 value.
    """
    hint = f"Give {name} as str, bytes, pathlib.Path or a callable that returns str or bytes."
    if not is_plain(value):
        if isinstance(value, Path) or callable(value):
            return value
        raise ConfigurationError(f"{name} is {_kind(value)}", hint=hint)
    text = plain_text(value, name)
    if not text.strip():
        raise ConfigurationError(f"{name} is empty", hint=f"{hint} Is the environment variable or file empty?")
    return text


def checked_passphrase(value: Credential | None) -> Credential | None:
    """The passphrase of a private key; an empty one is none, as an unset environment variable makes it."""
    if value is None or (is_plain(value) and not plain_text(value, "passphrase")):
        return None
    return checked_secret(value, "passphrase")


def check_private_key(value: Credential, passphrase: Credential | None) -> None:
    """What can be said about a private key without parsing it, which waits until the first signature.

    Raises:
        ConfigurationError: As for `checked_secret`, or not the PEM of a private key.
    """
    if is_plain(value):
        private_key_block(value, has_passphrase=passphrase is not None)
    else:
        checked_secret(value, "private_key")


def _kind(value: object) -> str:
    return "missing" if value is None else f"of type {type(value).__name__}"
