"""Request parameters that are no secrets and that several flows share: redirect URI, scope, developer names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import ConfigurationError
from ..hosts import authority, is_loopback
from .fields import check_text

__all__ = ["check_code_verifier", "check_developer_name", "check_redirect_uri", "scope_text"]

LONGEST_REDIRECT_URI = 2000
"""Characters. Salesforce's limit for all callback URLs of an app together."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):.+")
_DEVELOPER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 section 3.3
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1
# Addresses that a browser runs or reads instead of handing them to an app.
_NO_APP = frozenset({"about", "blob", "data", "file", "ftp", "javascript", "vbscript", "ws", "wss"})


def check_redirect_uri(value: object) -> None:
    """One of the app's callback URLs (RFC 6749 section 3.1.2): https, loopback http, or a scheme of the app's own.

    Raises:
        ConfigurationError: It can't be one.
    """
    hint = (
        "Give one of the app's callback URLs, letter by letter: Setup > External Client App Manager > (your app) > "
        "Settings > OAuth Settings > Callback URL."
    )
    text = check_text(value, "redirect_uri", hint=hint)
    if len(text) > LONGEST_REDIRECT_URI:
        raise ConfigurationError(f"redirect_uri is longer than {LONGEST_REDIRECT_URI} characters", hint=hint)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError("redirect_uri contains blanks, line breaks or characters other than ASCII", hint=hint)
    if "#" in text:
        raise ConfigurationError("redirect_uri has a fragment", hint=hint)
    match = _SCHEME.fullmatch(text)
    scheme = match[1].lower() if match else ""
    if not scheme or scheme in _NO_APP:
        raise ConfigurationError("redirect_uri is not an absolute URL that leads to an app", hint=hint)
    if scheme == "urn":
        raise ConfigurationError(
            "redirect_uri is an out-of-band one, which Salesforce no longer takes",
            hint="Use a loopback URL such as http://localhost:8080/callback, or the device flow.",
        )
    if scheme in ("http", "https"):
        _check_web_address(text, hint)


def _check_web_address(text: str, hint: str) -> None:
    try:
        scheme, host, _ = authority(text)
    except ConfigurationError:
        raise ConfigurationError("redirect_uri names no valid host", hint=hint) from None
    if scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"redirect_uri is http on {host}: the code would travel in the clear",
            hint="Use https. http is for localhost only.",
        )


def scope_text(value: str | Iterable[str]) -> str:
    """Scopes as RFC 6749 section 3.3 writes them: each once, blanks between; empty means all that the app has.

    Raises:
        ConfigurationError: Not scopes.
    """
    hint = "Give names with blanks between them, such as 'api refresh_token openid', or a list of names."
    words = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(each, str) for each in words):
        raise ConfigurationError("scope holds something else than text", hint=hint)
    names = list(dict.fromkeys(name for each in words for name in each.split()))
    if not all(_SCOPE.fullmatch(name) and "," not in name for name in names):
        raise ConfigurationError("scope holds characters that no scope has", hint=hint)
    return " ".join(names)


def check_developer_name(value: object, name: str, *, hint: str) -> None:
    """The API name of something in Setup: letters, digits and underscores.

    Raises:
        ConfigurationError: It can't be one.
    """
    if not _DEVELOPER_NAME.fullmatch(check_text(value, name, hint=hint)):
        raise ConfigurationError(f"{name} is not a developer name: letters, digits and underscores", hint=hint)


def check_code_verifier(value: str) -> None:
    """A PKCE code verifier.

    Raises:
        ConfigurationError: Not 43 to 128 unreserved characters.
    """
    if not _VERIFIER.fullmatch(value):
        raise ConfigurationError(
            "code_verifier is not 43 to 128 letters, digits and -._~",
            hint="Give the verifier itself, not the challenge or random bytes; WebServerFlow makes one.",
        )
