"""OAuth 2.0 client credentials flow (RFC 6749 section 4.4): ``client_credentials``."""

from __future__ import annotations

from ..logins import check_app, check_user
from ..problems import (
    CLIENT_CREDENTIALS_INVALID,
    END_USER_DENIED,
    LOGIN_HOST_NOT_SUPPORTED,
    NO_RUN_AS_USER,
    NO_VALID_SCOPES,
    SCOPE_NOT_SUPPORTED,
    OAuthError,
)
from .clients import identify_client
from .grants import Granted, open_session, token_fields
from .requests import FormRequest

GRANT_TYPE = "client_credentials"

# Salesforce takes these out of what it grants: there is no user who could open a page or come back later.
_STRIPPED = frozenset({"full", "web", "refresh_token", "offline_access"})


async def redeem(request: FormRequest) -> Granted:
    """The app's own credentials for a session of its run-as user; on My Domain and sites only."""
    exchange = request.exchange
    if exchange.place.kind == "login":
        raise OAuthError(LOGIN_HOST_NOT_SUPPORTED)
    client = identify_client(request)
    org, app = client.org, client.app
    if not client.authenticated:
        raise OAuthError(CLIENT_CREDENTIALS_INVALID)
    check_app(org, app, GRANT_TYPE)
    if request.get("scope") is not None:
        raise OAuthError(SCOPE_NOT_SUPPORTED)
    user = app.run_as
    if user is None:
        raise OAuthError(NO_RUN_AS_USER)
    if user.external:
        raise OAuthError(END_USER_DENIED)
    check_user(org, app, user)
    scopes = [scope for scope in app.scopes if scope not in _STRIPPED]
    if not set(scopes) - {"id"}:
        raise OAuthError(NO_VALID_SCOPES)
    exchange.simulator.logins.check(org, user, exchange.now)
    session, reissued = open_session(exchange, org, app, user, " ".join(scopes), reuse=True)
    return Granted(session, token_fields(exchange, session), reissued)
