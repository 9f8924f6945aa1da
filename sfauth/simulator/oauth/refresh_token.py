"""OAuth 2.0 refresh token flow (RFC 6749 section 6): ``refresh_token``, with rotation and family revocation.

``hybrid_refresh`` is the same, and answers with new web sessions as well. That it takes the refresh tokens of any flow
is unconfirmed.
"""

from __future__ import annotations

from ..approvals import Approval
from ..logins import check_app, check_user
from ..problems import CLIENT_CREDENTIALS_INVALID, REFRESH_TOKEN_DEAD, OAuthError
from .clients import Client, identify_client
from .grants import Granted, extra_fields, open_session, redeem_once, token_fields
from .requests import FormRequest

GRANT_TYPE = "refresh_token"
HYBRID_GRANT_TYPE = "hybrid_refresh"


async def redeem(request: FormRequest) -> Granted:
    """A refresh token for a new session; the response has a new refresh token only where the app rotates them."""
    exchange = request.exchange
    refresh_token = request.require("refresh_token")
    approval = exchange.simulator.approvals.find(refresh_token)
    client = identify_client(request, prefer=lambda org, app: approval is not None and app is approval.app)
    if client.app.secret_required_for_refresh and not client.authenticated:
        raise OAuthError(CLIENT_CREDENTIALS_INVALID)
    check_app(client.org, client.app, request.require("grant_type"))
    if approval is None or approval.app is not client.app:
        raise OAuthError(REFRESH_TOKEN_DEAD)
    return await redeem_once(
        exchange,
        client.org,
        approval.in_flight,
        refresh_token,
        lambda: _redeem(request, client, approval, refresh_token),
    )


def _redeem(request: FormRequest, client: Client, approval: Approval, refresh_token: str) -> Granted:
    exchange = request.exchange
    simulator = exchange.simulator
    if refresh_token != approval.refresh_token:
        # A token that was rotated out is used again: somebody has stolen it, or lost an answer. Either way the whole
        # family ends (RFC 9700 section 4.14.2; Salesforce Help, "Refresh Token Rotation").
        simulator.revoke_approval(approval)
    if approval.revoked or approval.lapsed(exchange.now):
        raise OAuthError(REFRESH_TOKEN_DEAD)
    org, app, user = approval.org, approval.app, approval.user
    check_user(org, app, user)
    simulator.logins.check(org, user, exchange.now)
    approval.last_used = exchange.now
    session, _ = open_session(exchange, org, app, user, approval.scope, approval=approval)
    hybrid = request.get("grant_type") == HYBRID_GRANT_TYPE
    fields = token_fields(exchange, session) | extra_fields(exchange, app, session, hybrid=hybrid)
    if app.rotate_refresh_tokens:
        fields["refresh_token"] = simulator.approvals.rotate(approval)
    return Granted(session, fields)
