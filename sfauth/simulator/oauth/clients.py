"""Who is asking: client authentication (RFC 6749 section 2.3, RFC 7523 section 2.2).

``client_secret`` in the body or a Basic header, or a signed client assertion. A secret is checked whenever one is
sent, even where the app requires none.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from ..exchange import Exchange
from ..identities import App
from ..org import SimulatedOrg
from ..problems import (
    ASSERTION_TYPE_INVALID,
    BASIC_HEADER_INVALID,
    CLIENT_CREDENTIALS_INVALID,
    CLIENT_UNKNOWN,
    OAuthError,
    Problem,
)
from .assertions import check_expiry, check_jti, unverified_claims, verified_claims
from .requests import FormRequest

CLIENT_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Client:
    """An app of an org, and whether it proved to be it."""

    org: SimulatedOrg
    app: App
    authenticated: bool


def registrations(exchange: Exchange, client_id: str) -> list[tuple[SimulatedOrg, App]]:
    """The apps with this consumer key in the orgs that log in at this host: more than one for copies of an org."""
    place = exchange.place
    orgs = [place.org] if place.org is not None else exchange.simulator.orgs.values()
    return [(org, app) for org in orgs if place.logs_in(org) for app in org.apps if app.client_id == client_id]


def identify_client(
    request: FormRequest,
    *,
    prefer: Callable[[SimulatedOrg, App], bool] = lambda org, app: True,
    invalid: Problem = CLIENT_CREDENTIALS_INVALID,
) -> Client:
    """The client of a request, or `OAuthError` when it is unknown here or its secret is wrong.

    Args:
        prefer: Chooses among several orgs that know the consumer key.
        invalid: The answer to a wrong secret.
    """
    assertion = request.get("client_assertion")
    client_id, secret = _named(request)
    if assertion is not None:
        if request.get("client_assertion_type") != CLIENT_ASSERTION_TYPE:
            raise OAuthError(ASSERTION_TYPE_INVALID)
        client_id = client_id or str(unverified_claims(assertion, invalid).get("iss") or "")
    if not client_id:
        raise OAuthError(CLIENT_UNKNOWN)
    known = registrations(request.exchange, client_id)
    if not known:
        raise OAuthError(CLIENT_UNKNOWN)
    org, app = next(((org, app) for org, app in known if prefer(org, app)), known[0])
    request.exchange.org = org
    if assertion is not None:
        _check_assertion(request, assertion, app, invalid)
    if secret is not None and not _same(secret, app.client_secret):
        raise OAuthError(invalid)
    return Client(org, app, authenticated=secret is not None or assertion is not None)


def _named(request: FormRequest) -> tuple[str | None, str | None]:
    client_id, secret = request.get("client_id"), request.get("client_secret")
    scheme, _, encoded = (request.authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return client_id, secret
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError(BASIC_HEADER_INVALID) from None
    if not colon or (client_id is not None and client_id != user):
        raise OAuthError(BASIC_HEADER_INVALID)
    return user, password


def _same(sent: str, secret: str) -> bool:
    # RFC 6749 section 2.3.1 has both halves of Basic form-encoded; the clients in use send them as they are.
    return any(hmac.compare_digest(value.encode(), secret.encode()) for value in (sent, unquote_plus(sent)))


def _check_assertion(request: FormRequest, assertion: str, app: App, invalid: Problem) -> None:
    exchange = request.exchange
    claims = verified_claims(assertion, app, invalid)
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != app.client_id or claims.get("sub") != app.client_id:
        raise OAuthError(invalid)
    if not any(one in request.urls for one in audiences):
        raise OAuthError(invalid)
    expires_at = check_expiry(claims, exchange.now, missing=invalid, expired=invalid)
    check_jti(exchange.simulator, app, claims, expires_at, exchange.now)
