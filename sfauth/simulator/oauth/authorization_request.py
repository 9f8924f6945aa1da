"""The authorization request (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core section 3.1.2.1), checked.

The client and the redirect URI come first: as long as they are in doubt, nothing may be sent to the redirect URI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..exchange import Exchange
from ..identities import App
from ..logins import check_app
from ..org import SimulatedOrg
from ..problems import (
    CHALLENGE_INVALID,
    CHALLENGE_METHOD_INVALID,
    CHALLENGE_MISSING,
    CLIENT_UNKNOWN,
    FLOW_DISABLED,
    PROMPT_INVALID,
    REDIRECT_URI_MISMATCH,
    REDIRECT_URI_MISSING,
    UNSUPPORTED_RESPONSE_TYPE,
    OAuthError,
    missing_parameter,
)
from .clients import registrations
from .scopes import granted_scope

USER_AGENT_TYPES = frozenset({"token", "token id_token", "hybrid_token"})
RESPONSE_TYPES = USER_AGENT_TYPES | {"code"}

_USER_AGENT = ("implicit",)
_WEB_SERVER = ("authorization_code", "hybrid_auth_code")  # which of them it will be shows when the code is redeemed
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of SHA-256, without padding
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An app that asks, and where to answer it.

    Attributes:
        redirect_uri: Registered.
        response_type: As sent: it decides where errors go, even when it is wrong itself.
    """

    org: SimulatedOrg = field(repr=False)
    app: App = field(repr=False)
    redirect_uri: str
    response_type: str
    state: str | None = field(repr=False)

    @property
    def user_agent(self) -> bool:
        """Whether the answer belongs into the fragment."""
        return " ".join(sorted(self.response_type.split(), reverse=True)) in USER_AGENT_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """An authorization request with nothing wrong.

    Attributes:
        scope: What will be granted.
        prompt: ``login``, ``consent``, ``select_account``; or ``none`` alone.
        silent: No page may be shown: ``immediate=true``, or ``prompt=none``.
        brand: The last part of the path, for login pages in different looks.
    """

    client: Client
    scope: str
    nonce: str | None = field(repr=False)
    code_challenge: str | None
    prompt: frozenset[str]
    login_hint: str | None
    display: str
    silent: bool
    sso_provider: str | None
    brand: str | None


def identify_client(exchange: Exchange, parameters: Mapping[str, str]) -> Client:
    """Who asks, with a redirect URI that is the app's own; or `OAuthError`, for a page."""
    known = registrations(exchange, parameters.get("client_id") or "")
    if not known:
        raise OAuthError(CLIENT_UNKNOWN)
    org, app = known[0]
    exchange.org = org
    redirect_uri = parameters.get("redirect_uri")
    if not redirect_uri:
        raise OAuthError(REDIRECT_URI_MISSING)
    if not _registered(app, redirect_uri):
        raise OAuthError(REDIRECT_URI_MISMATCH)
    return Client(
        org=org,
        app=app,
        redirect_uri=redirect_uri,
        response_type=parameters.get("response_type") or "",
        state=parameters.get("state"),
    )


def check_request(client: Client, parameters: Mapping[str, str], brand: str | None) -> AuthorizationRequest:
    """The rest of the request; or `OAuthError`, for the redirect URI."""
    response_type = client.response_type
    if not response_type:
        raise OAuthError(missing_parameter("response_type"))
    if response_type != "code" and not client.user_agent:
        raise OAuthError(UNSUPPORTED_RESPONSE_TYPE)
    if client.user_agent and client.org.blocks_user_agent_flow:
        raise OAuthError(FLOW_DISABLED)
    check_app(client.org, client.app, *(_USER_AGENT if client.user_agent else _WEB_SERVER))
    nonce = parameters.get("nonce") or None
    if nonce is None and "id_token" in response_type.split():
        raise OAuthError(missing_parameter("nonce"))
    prompt = _prompt(parameters.get("prompt") or "")
    return AuthorizationRequest(
        client=client,
        scope=granted_scope(client.app, parameters.get("scope") or None),
        nonce=nonce,
        code_challenge=None if client.user_agent else _challenge(client, parameters),
        prompt=prompt,
        login_hint=parameters.get("login_hint") or None,
        display=parameters.get("display") or "page",
        silent=parameters.get("immediate") == "true" or "none" in prompt,
        sso_provider=parameters.get("sso_provider") or None,
        brand=brand,
    )


def _registered(app: App, redirect_uri: str) -> bool:
    if redirect_uri in app.callback_urls:
        return True
    if not app.any_loopback_callback:
        return False
    url = urlsplit(redirect_uri)
    return url.scheme == "http" and url.hostname in _LOOPBACK and not url.fragment


def _challenge(client: Client, parameters: Mapping[str, str]) -> str | None:
    challenge = parameters.get("code_challenge") or None
    # Salesforce's own clients send no method at all, and mean S256: there is no other.
    if parameters.get("code_challenge_method", "S256") not in ("S256", ""):
        raise OAuthError(CHALLENGE_METHOD_INVALID)
    if challenge is None:
        if client.app.pkce_required or client.org.pkce_required:
            raise OAuthError(CHALLENGE_MISSING)
        return None
    if not _CHALLENGE.fullmatch(challenge):
        raise OAuthError(CHALLENGE_INVALID)
    return challenge


def _prompt(text: str) -> frozenset[str]:
    words = frozenset(text.split())
    if not words <= _PROMPTS or ("none" in words and len(words) > 1):
        raise OAuthError(PROMPT_INVALID)
    return words
