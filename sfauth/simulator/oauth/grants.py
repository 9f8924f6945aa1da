"""What the grants have in common: the shape of a handler, and the fields of a token response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..approvals import Approval
from ..exchange import Exchange
from ..identities import App, User
from ..org import SimulatedOrg
from ..sessions import Session
from .replies import sign
from .requests import FormRequest


@dataclass(frozen=True, slots=True)
class Granted:
    """What a grant was redeemed for: session, response, and whether the token had been handed out before."""

    session: Session
    fields: dict[str, str]
    reissued: bool = False


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
        fields["sfdc_community_id"] = "0DB" + org.org_id[3:]
    return fields
