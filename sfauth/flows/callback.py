"""Reads what a browser brings back (RFC 6749 sections 4.1.2 and 4.2.2). Trusts nothing of it.

Authlib's ``parse_authorization_code_response`` isn't used: of a parameter that comes twice it takes the last one, it
compares ``state`` in a time that depends on it, and it takes an error for a missing code.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from ..diagnosis import diagnose
from ..errors import LoginRequiredError, ProtocolError
from ..wire import scrub
from .pending import PendingLogin

__all__ = ["check_error", "check_state", "read_callback"]

LONGEST_CALLBACK: Final = 65_536
"""Characters. JWT access tokens make a long fragment; this is far beyond any of them."""

# What Salesforce sends. The callback URL may have parameters of its own beside these, even twice.
_SALESFORCES: Final = frozenset(
    "code state error error_description sfdc_community_url sfdc_community_id access_token refresh_token token_type "
    "instance_url id issued_at signature scope id_token".split()
)


def read_callback(callback: str | Mapping[str, Any], redirect_uri: str, *, fragment: bool = False) -> dict[str, str]:
    """The parameters of a callback, URL-decoded once.

    Args:
        callback: The URL that the browser came to; or from its path on, or its query; or its parameters, decoded
            (values may be lists, as `urllib.parse.parse_qs` makes them).
        redirect_uri: Where it should have come to.
        fragment: Whether the parameters may stand in the fragment as well.

    Raises:
        ProtocolError: It came to another address, is far too long, or says one thing twice.
    """
    if isinstance(callback, str):
        pairs = _pairs(callback, redirect_uri, fragment=fragment)
    elif isinstance(callback, Mapping):
        pairs = list(_items(callback))
    else:
        raise TypeError(f"a callback is a str or a mapping, not {type(callback).__name__}")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found and name in _SALESFORCES:
            raise ProtocolError(
                f"The callback has {name} twice: Salesforce doesn't send that.",
                hint="Start the login again. If it happens each time, look for a proxy or router that rewrites URLs.",
            )
        found[name] = value
    return found


def check_state(parameters: Mapping[str, str], pending: PendingLogin) -> None:
    """Whether it's the browser that was sent away, coming back from that login.

    Raises:
        LoginRequiredError: It isn't, or nothing proves it.
    """
    came = parameters.get("state", "")
    if not hmac.compare_digest(came.encode("utf-8", "replace"), pending.state.encode()):
        raise LoginRequiredError(
            "The callback has no state." if not came else "The callback's state is not that of this login.",
            hint="Start the login again. It may be an old page, a second tab, or a session cookie that got lost; a "
            "callback that somebody else has prepared looks the same, which is why it is refused.",
        )


def check_error(parameters: Mapping[str, str], *, grant_type: str | None) -> None:
    """Raise what Salesforce's ``error`` stands for, where there is one."""
    code = parameters.get("error")
    if not code:
        return
    text = scrub(parameters.get("error_description", "")) or None
    diagnosis = diagnose(code, text, grant_type=grant_type)
    raise diagnosis.error_class(
        diagnosis.meaning,
        error=scrub(code),
        error_description=text,
        hint=diagnosis.hint,
        retry_after=diagnosis.retry_after,
    )


def _pairs(callback: str, redirect_uri: str, *, fragment: bool) -> list[tuple[str, str]]:
    if len(callback) > LONGEST_CALLBACK:
        raise ProtocolError(f"The callback is longer than {LONGEST_CALLBACK:,} characters.")
    base, _, after = callback.partition("#")
    address, asked, query = base.partition("?")
    if not asked and "=" in address and not _is_address(address):
        address, query = "", address
    if address:
        _check_address(address, redirect_uri)
    pairs = parse_qsl(query, keep_blank_values=True)
    return pairs + parse_qsl(after, keep_blank_values=True) if fragment else pairs


def _is_address(text: str) -> bool:
    return text.startswith("/") or "://" in text.partition("=")[0]


def _check_address(address: str, redirect_uri: str) -> None:
    wanted = redirect_uri.partition("?")[0]
    if address.startswith("/"):
        wanted = urlsplit(wanted).path or "/"
    if _normal(address) != _normal(wanted):
        raise ProtocolError(
            "The callback came to another address than the redirect_uri.",
            hint="Behind a proxy that ends TLS or changes paths, hand over the query alone (in most frameworks "
            "request.query_params). Otherwise this is not the callback of this flow.",
        )


def _normal(address: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(address)
        usual = {"https": 443, "http": 80}.get(parts.scheme)
        host = (parts.hostname or "") + ("" if parts.port in (None, usual) else f":{parts.port}")
    except ValueError:
        return "", "", address
    return parts.scheme, f"{'@' if '@' in parts.netloc else ''}{host}", parts.path or "/"


def _items(parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    # Starlette's and httpx's QueryParams show one value of many by items(), and all of them by multi_items().
    several: Callable[[], Iterable[tuple[str, Any]]] = getattr(parameters, "multi_items", parameters.items)
    for name, value in several():
        for each in value if isinstance(value, list | tuple) else (value,):
            if not isinstance(name, str) or not isinstance(each, str):
                raise ProtocolError("The callback's parameters are no texts.", hint="Give them URL-decoded, as str.")
            yield name, each
