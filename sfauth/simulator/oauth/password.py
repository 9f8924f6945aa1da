"""OAuth 2.0 username-password flow (RFC 6749 section 4.3): ``password``. Legacy, blocked in new orgs."""

from __future__ import annotations

import hmac

from ..identities import User
from ..logins import check_app, check_user
from ..org import SimulatedOrg
from ..problems import AUTHENTICATION_FAILURE, CLIENT_CREDENTIALS_INVALID, UNSUPPORTED_GRANT_TYPE, OAuthError
from .clients import identify_client
from .grants import Granted, open_session, token_fields
from .requests import FormRequest

GRANT_TYPE = "password"


async def redeem(request: FormRequest) -> Granted:
    """Username and password for a session."""
    exchange = request.exchange
    username, password = request.require("username"), request.require("password")
    client = identify_client(request, prefer=lambda org, app: any(user.username == username for user in org.users))
    org, app = client.org, client.app
    if not client.authenticated:
        raise OAuthError(CLIENT_CREDENTIALS_INVALID)
    if org.blocks_password_grant:
        raise OAuthError(UNSUPPORTED_GRANT_TYPE)  # unconfirmed: some report invalid_grant, authentication failure
    check_app(org, app, GRANT_TYPE)
    user = next((user for user in org.users if user.username == username), None)
    if user is None or not password_accepted(org, user, password):
        raise OAuthError(AUTHENTICATION_FAILURE)
    check_user(org, app, user)
    exchange.simulator.logins.check(org, user, exchange.now)
    session, reissued = open_session(exchange, org, app, user, app.scope)
    return Granted(session, token_fields(exchange, session, scope=False), reissued)


def password_accepted(org: SimulatedOrg, user: User, sent: str) -> bool:
    """The password, with the security token appended where the caller's network is not trusted."""
    accepted = [user.password + user.security_token]
    if org.trusted_network:
        accepted.append(user.password)
    right = any(hmac.compare_digest(sent.encode(), one.encode()) for one in accepted)
    return right and not user.password_expired and not user.locked_out
