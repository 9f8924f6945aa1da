"""OAuth 2.0 JWT bearer flow (RFC 7523): ``urn:ietf:params:oauth:grant-type:jwt-bearer``."""

from __future__ import annotations

from typing import Any

from ..exchange import Exchange
from ..identities import App, User
from ..logins import check_app, check_user
from ..org import SimulatedOrg
from ..places import LOGIN_ORIGINS
from ..problems import (
    ASSERTION_EXPIRED,
    ASSERTION_INVALID,
    AUDIENCE_INVALID,
    CLIENT_UNKNOWN,
    NOT_ADMIN_APPROVED,
    NOT_APPROVED,
    OAuthError,
)
from .assertions import check_expiry, check_jti, unverified_claims, verified_claims
from .clients import registrations
from .grants import Granted, open_session, token_fields
from .requests import FormRequest

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


async def redeem(request: FormRequest) -> Granted:
    """An assertion for a session. ``client_id``, ``client_secret`` and ``scope`` may come along and are ignored."""
    exchange = request.exchange
    assertion = request.require("assertion")
    claims = unverified_claims(assertion, ASSERTION_INVALID)
    known = registrations(exchange, str(claims.get("iss") or ""))
    if not known:
        raise OAuthError(CLIENT_UNKNOWN)
    username = _username(claims)
    org, app = next(((org, app) for org, app in known if _user(org, username)), known[0])
    exchange.org = org
    claims = verified_claims(assertion, app, ASSERTION_INVALID)
    if not _audience_accepted(exchange, org, claims.get("aud")):
        raise OAuthError(AUDIENCE_INVALID)
    expires_at = check_expiry(claims, exchange.now, missing=ASSERTION_INVALID, expired=ASSERTION_EXPIRED)
    check_jti(exchange.simulator, app, claims, expires_at, exchange.now)
    check_app(org, app, GRANT_TYPE)
    user = _user(org, username)
    if user is None:
        raise OAuthError(NOT_APPROVED)
    if user.external and exchange.place.kind not in ("site", "loopback"):
        raise OAuthError(AUDIENCE_INVALID)  # site users log in at their site, whose URL is the audience; the text is GK
    check_user(org, app, user)
    _check_approval(exchange, app, user)
    exchange.simulator.logins.check(org, user, exchange.now)
    session, reissued = open_session(exchange, org, app, user, app.scope, reuse=True)
    return Granted(session, token_fields(exchange, session, signed=False), reissued)


def _username(claims: dict[str, Any]) -> str:
    # prn is the old name of sub, and wins when both are there (Salesforce Help article 000204593).
    return str(claims.get("prn") or claims.get("sub") or "")


def _user(org: SimulatedOrg, username: str) -> User | None:
    return next((user for user in org.users if user.username == username), None)


def _check_approval(exchange: Exchange, app: App, user: User) -> None:
    if app.permitted_users == "admin":
        if app.pre_authorized is not None and user.user_id not in app.pre_authorized:
            raise OAuthError(NOT_ADMIN_APPROVED)
        return
    # Without pre-authorization an earlier approval is needed, with at least one scope besides the refresh token's.
    approvals = exchange.simulator.approvals.of_user(app, user)
    if not any(set(approval.scope.split()) - {"refresh_token", "offline_access"} for approval in approvals):
        raise OAuthError(NOT_APPROVED)


def _audience_accepted(exchange: Exchange, org: SimulatedOrg, audience: Any) -> bool:
    place = exchange.place
    if place.kind == "site":
        accepted = {*place.origins, org.site_url}
    elif place.kind == "loopback":  # stands for every login host, and for itself
        accepted = {*place.origins, *LOGIN_ORIGINS.values()}
    else:
        # Documented are the login hosts and sites. My Domain's own origin is sent by clients in wide use, and by
        # Salesforce's CLI among others; that it is taken is unconfirmed.
        accepted = {LOGIN_ORIGINS[org.kind], org.my_domain}
    audiences = audience if isinstance(audience, list) else [audience]
    return any(isinstance(one, str) and one.rstrip("/") in accepted for one in audiences)
