"""From a token to a browser session and out of it again: single access, the legacy front door, single logout.

Salesforce Help, "Generate a Frontdoor URL to Bridge Into UI Sessions"; OpenID Connect RP-Initiated Logout 1.0.
Pure: what to send, and what an answer means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from .errors import ConfigurationError, ProtocolError, UntrustedHostError
from .hosts import FOR_INSTANCES, authority, is_loopback, origin_of
from .org import Org
from .token import Token

__all__ = [
    "FormPost",
    "Frontdoor",
    "legacy_frontdoor",
    "logout_form",
    "logout_url",
    "relative_path",
    "session_for_ui",
    "single_access_url",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontdoor:
    """A URL that logs a browser in: once, and within about a minute. Redirect the browser there at once.

    Attributes:
        url: A secret: whoever opens it first is logged in. Never shown by ``repr``; don't log it.
    """

    url: str = field(repr=False)

    @classmethod
    def from_response(cls, reply: Mapping[str, object], *, asked: str) -> Frontdoor:
        """Read the decoded answer of single access.

        Args:
            reply: The decoded JSON object.
            asked: The origin that answered. The URL has to be there, or on another host of Salesforce's.

        Raises:
            ProtocolError: There's no URL in it.
            UntrustedHostError: The URL leads to a host that isn't Salesforce's.
        """
        url = reply.get("frontdoor_uri")
        if not isinstance(url, str):
            raise ProtocolError("The answer has no frontdoor_uri.", status=200)
        try:
            scheme, host, port = authority(url)
        except ConfigurationError:
            raise ProtocolError("The answer's frontdoor_uri is no URL.", status=200) from None
        known = scheme == "https" and port is None and host.endswith(FOR_INSTANCES)
        if not known and origin_of(url) != origin_of(asked):
            raise UntrustedHostError(f"The browser was about to be logged in at {host}, which is not Salesforce's.")
        return cls(url=url)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPost:
    """A form for a browser to send by POST, so that what's in it stays out of URLs, logs and the history.

    Attributes:
        url: The form's ``action``.
        fields: Hidden inputs. Secrets: never shown by ``repr``. Escape them when you write HTML.
    """

    url: str
    fields: Mapping[str, str] = field(repr=False, hash=False)


def session_for_ui(token: Token) -> str:
    """The session with which single access may be asked for: the token, or the one that it came with.

    Raises:
        ConfigurationError: It's a JWT-based access token, which opens no pages (Salesforce Help, "JWT-Based Access
            Tokens"), and didn't come with an opaque session as those of hybrid flows do (``parent_sid``).
    """
    if not token.is_jwt:
        return token.access_token
    parent = token.extra.get("parent_sid")
    if isinstance(parent, str) and parent:
        return parent
    raise ConfigurationError(
        "JWT-based access tokens can't open a browser session.",
        hint="Turn off 'Issue JSON Web Token (JWT)-based access tokens' in the app's OAuth settings, or use a hybrid"
        " flow, whose reply brings an opaque session along.",
    )


def single_access_url(token: Token) -> str:
    """Where single access is asked for: at a site user's site, else relative to the instance.

    A site under a custom domain is asked at the instance as well: nothing but the reply itself vouches for its host.
    """
    path = "/services/oauth2/singleaccess"
    if token.site_url is None:
        return path
    scheme, host, port = authority(token.site_url)
    own = scheme == "https" and port is None and host.endswith(FOR_INSTANCES)
    return f"{token.site_url}{path}" if own else path


def relative_path(path: str) -> str:
    """A path that a browser may be sent to after its login: of the same host, whatever a browser makes of it.

    Raises:
        ConfigurationError: It leads, or could be read to lead, to another host. Holds nothing of the path.
    """
    # Browsers read a backslash as a slash, and drop tabs and line breaks: //evil, /\evil and /<tab>/evil are one.
    sound = (
        isinstance(path, str)
        and path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
    )
    if not sound:
        raise ConfigurationError(
            "The path to go to after the login is not a path of the same host.",
            hint="Give one that begins with a single slash, such as /lightning/page/home.",
        )
    return path


def legacy_frontdoor(token: Token, *, path: str = "/") -> FormPost:
    """The old way in: ``/secur/frontdoor.jsp`` with the access token itself. Prefer single access.

    It is a POST on purpose: with GET, the token would end up in the browser's history and in every proxy's log.

    Raises:
        ConfigurationError: The token can't open a browser session, or the path leads away.
    """
    fields = {"sid": session_for_ui(token), "retURL": relative_path(path)}
    base = token.site_url or token.instance_url
    if base is None:
        raise ConfigurationError("The token says nothing of its instance, so there's no front door to send it to.")
    return FormPost(url=f"{base}/secur/frontdoor.jsp", fields=fields)


def logout_url(
    org: Org | str,
    *,
    id_token_hint: str | None = None,
    post_logout_redirect_uri: str | None = None,
    state: str | None = None,
) -> str:
    """Where to send the browser to log it out of Salesforce (single logout, started by your app).

    It ends the browser's session, not the tokens: revoke those as well.

    Args:
        org: Where the user has logged in.
        id_token_hint: Says who logs out, so that the user isn't asked. It is signed, but readable: it then stands in
            the browser's history; `logout_form` keeps it out.
        post_logout_redirect_uri: Where the browser goes afterwards; registered with the app (Single Logout URL).
        state: Comes back with it.

    Raises:
        ConfigurationError: The address to go to is no https URL (http on loopback).
    """
    fields = _logout_fields(id_token_hint, post_logout_redirect_uri, state)
    url = _org(org).end_session_url
    return f"{url}?{urlencode(fields)}" if fields else url


def logout_form(
    org: Org | str,
    *,
    id_token_hint: str,
    post_logout_redirect_uri: str | None = None,
    state: str | None = None,
) -> FormPost:
    """`logout_url` as a POST, which OpenID Connect RP-Initiated Logout section 2 has as well."""
    return FormPost(
        url=_org(org).end_session_url, fields=_logout_fields(id_token_hint, post_logout_redirect_uri, state)
    )


def _org(org: Org | str) -> Org:
    return org if isinstance(org, Org) else Org(org)


def _logout_fields(hint: str | None, redirect: str | None, state: str | None) -> dict[str, str]:
    if redirect is not None:
        scheme, host, _ = authority(redirect)
        if scheme != "https" and not is_loopback(host):
            raise ConfigurationError(
                "post_logout_redirect_uri is not https.", hint="http is for addresses of this very machine only."
            )
    named = {"id_token_hint": hint, "post_logout_redirect_uri": redirect, "state": state}
    return {name: value for name, value in named.items() if value is not None}
