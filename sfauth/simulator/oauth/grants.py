"""What the grants have in common: the shape of a handler, and the fields of a token response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from ..approvals import Approval
from ..exchange import Exchange
from ..identities import App, User
from ..logins import check_user
from ..org import SimulatedOrg
from ..problems import ALREADY_PROCESSED, OAuthError
from ..sessions import Session
from . import id_tokens
from .hybrid import hybrid_fields
from .replies import sign
from .requests import FormRequest
from .scopes import lasting


@dataclass(frozen=True, slots=True)
class Granted:
    """What a grant was redeemed for.

    Attributes:
        fields: The token response.
        reissued: Whether the token had been handed out before.
        held: Whether the answer was already held back for `SimulatedOrg.token_latency`.
    """

    session: Session
    fields: dict[str, str]
    reissued: bool = False
    held: bool = False


GrantHandler = Callable[[FormRequest], Awaitable[Granted]]


def open_session(
    exchange: Exchange,
    org: SimulatedOrg,
    app: App,
    user: User,
    scope: str,
    *,
    approval: Approval | None = None,
    reuse: bool = False,
) -> tuple[Session, bool]:
    """A session for a login that was allowed; the second value is True when it existed before.

    Args:
        approval: The refresh token's, where there is one: each refresh starts a new session.
        reuse: Whether this flow is handed the live session of the same user, app and scopes again.
    """
    simulator = exchange.simulator
    if reuse and org.reuse_sessions:
        session = simulator.sessions.reusable(org, app, user, scope, exchange.now)
        if session is not None:
            return session, True
    issuer = org.issuer_at(exchange.place)
    session = simulator.start_session(org, app, user, scope, issuer, approval=approval, reusable=reuse)
    return session, False


def token_fields(exchange: Exchange, session: Session, *, scope: bool = True, signed: bool = True) -> dict[str, str]:
    """The fields of a token response. There is no ``expires_in``: Salesforce sends none in these flows.

    Args:
        scope: The username-password flow's sample shows none.
        signed: JWT bearer's sample has neither ``issued_at`` nor ``signature``.
    """
    org, app, place = session.org, session.app, exchange.place
    identity_url = org.identity_url_at(place, session.user)
    fields = {
        "access_token": session.token,
        "instance_url": org.instance_url_at(place),
        "id": identity_url,
        "token_type": "Bearer",
    }
    if scope:
        fields["scope"] = session.scope
    if signed and app is not None:
        fields["issued_at"] = str(int(exchange.now * 1000))  # of this response, even when the token is an older one
        fields["signature"] = sign(app, identity_url, fields["issued_at"])
    if session.jwt_based:
        fields["token_format"] = "jwt"
    if "sfap_api" in session.scope.split():
        fields["api_instance_url"] = "https://api.salesforce.com"
    if place.kind == "site":
        fields["sfdc_community_url"] = place.origin
        fields["sfdc_community_id"] = org.site_id
    return fields


def log_in(
    exchange: Exchange,
    org: SimulatedOrg,
    app: App,
    user: User,
    scope: str,
    *,
    nonce: str | None = None,
    hybrid: bool = False,
    refreshable: bool = True,
) -> Granted:
    """A session for a user who agreed to it in person, with all that the scopes promise.

    Args:
        nonce: For the ID token.
        hybrid: Add web sessions.
        refreshable: Whether this flow may give a refresh token at all.
    """
    simulator = exchange.simulator
    check_user(org, app, user, present=True)
    simulator.logins.check(org, user, exchange.now)
    approval = None
    if refreshable and lasting(scope) and app.refresh_token_lifetime != 0:
        approval, evicted = simulator.approvals.grant(org, app, user, scope, exchange.now)
        if evicted is not None:
            simulator.revoke_approval(evicted)
    session, _ = open_session(exchange, org, app, user, scope, approval=approval)
    fields = token_fields(exchange, session)
    if approval is not None:
        fields["refresh_token"] = approval.refresh_token
    fields |= extra_fields(exchange, app, session, nonce=nonce, hybrid=hybrid)
    return Granted(session, fields)


def extra_fields(
    exchange: Exchange, app: App, session: Session, *, nonce: str | None = None, hybrid: bool = False
) -> dict[str, str]:
    """The ID token, where ``openid`` is among the scopes; and the web sessions of a hybrid flow."""
    fields = hybrid_fields(exchange, session) if hybrid else {}
    if hybrid or session.jwt_based:
        fields["token_format"] = "jwt" if session.jwt_based else "opaque"
    if "openid" in session.scope.split():
        fields["id_token"] = id_tokens.mint(exchange, app, session, nonce)
    return fields


async def redeem_once(
    exchange: Exchange, org: SimulatedOrg, in_flight: set[str], credential: str, redeem: Callable[[], Granted]
) -> Granted:
    """Redeem something that is good once, or `OAuthError` while the same thing is being redeemed already."""
    if credential in in_flight:
        raise OAuthError(ALREADY_PROCESSED)
    in_flight.add(credential)
    try:
        granted = redeem()
        # The request has taken effect; its answer is held back, and meanwhile the same credential finds it in progress.
        if org.token_latency:
            await exchange.simulator.sleep(org.token_latency)
        return replace(granted, held=True)
    finally:
        in_flight.discard(credential)
