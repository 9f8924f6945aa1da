"""The authorize endpoint, with which the web server and the user-agent flow begin.

A request that is in order leads by way of the login page and the consent page back to the app: `next_step` says which
of them is still missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..ceremonies import PENDING_LIFETIME, PendingAuthorization
from ..exchange import Exchange
from ..logins import check_user
from ..oauth import redirects
from ..oauth.authorization_request import AuthorizationRequest, check_request, identify_client
from ..oauth.clients import registrations
from ..oauth.requests import read_form
from ..problems import IMMEDIATE_UNSUCCESSFUL, NOT_ADMIN_APPROVED, OAuthError
from ..sessions import Session
from .html import message, refusal
from .login import to_login
from .visitor import Visitor, here, visitor_of

PATH = "/services/oauth2/authorize"
CONSENT_PATH = "/setup/secur/RemoteAccessAuthorizationPage.apexp"


@dataclass(frozen=True, slots=True)
class Consent:
    """All that is missing is the user's consent.

    Attributes:
        request: As far as the user decides it: of the org that the user belongs to.
    """

    request: AuthorizationRequest
    session: Session = field(repr=False)


def routes() -> list[BaseRoute]:
    """The endpoint, also with the name of a brand behind it, and the page that native apps are sent to."""
    return [
        Route(PATH, authorize, methods=["GET", "POST"]),
        Route(PATH + "/{brand}", authorize, methods=["GET", "POST"]),
        Route(redirects.SUCCESS_PAGE, success, methods=["GET"]),
    ]


async def authorize(request: Request) -> Response:
    """GET or POST /services/oauth2/authorize (OpenID Connect Core section 3.1.2.1 has both)."""
    visitor = visitor_of(request)
    exchange = visitor.exchange
    parameters = (await read_form(request)).form
    try:
        client = identify_client(exchange, parameters)
    except OAuthError as refused:
        exchange.error = refused.problem.error
        for tally in exchange.simulator.counts.of(exchange.org_key):
            tally.authorizations[refused.problem.error] += 1
        return refusal(refused.problem)
    try:
        asked = check_request(client, parameters, request.path_params.get("brand"))
    except OAuthError as refused:
        return redirects.refuse(exchange, client, refused.problem)
    signed_in = _sign_in(visitor, asked)
    step = next_step(visitor, asked)
    if isinstance(step, Consent):
        query = urlencode({"source": _remember(visitor, asked)})
        step = visitor.remember(RedirectResponse(f"{here(exchange.place, CONSENT_PATH)}?{query}", 302))
    return step if signed_in is None else visitor.log_in(step, signed_in)


def next_step(
    visitor: Visitor, asked: AuthorizationRequest, name: str | None = None, pending: PendingAuthorization | None = None
) -> Response | Consent:
    """What a request still needs: a login (an answer that leads there), consent, or nothing but its answer.

    Args:
        name: Under which `pending` is kept.
    """
    exchange, session = visitor.exchange, visitor.session
    if asked.silent and exchange.place.kind == "site":  # documented for immediate=true; for prompt=none it's a guess
        return redirects.refuse(exchange, asked.client, IMMEDIATE_UNSUCCESSFUL)
    if session is None or _is_too_old(session, asked, pending):
        return _login(visitor, asked, name)
    found = _for_user(exchange, asked, session)
    if found is None:
        return _login(visitor, asked, name, why="other_org")
    asked, client = found, found.client
    exchange.org = client.org
    try:
        check_user(client.org, client.app, session.user, present=True)
        admitted = client.app.pre_authorized
        if client.app.permitted_users == "admin" and admitted is not None and session.user.user_id not in admitted:
            raise OAuthError(NOT_ADMIN_APPROVED)
    except OAuthError as refused:
        return redirects.refuse(exchange, client, refused.problem)
    if not _needs_consent(exchange, asked, session):
        if pending is not None:
            pending.over = True
        return redirects.grant(exchange, asked, session.user)
    if asked.silent:
        return redirects.refuse(exchange, client, IMMEDIATE_UNSUCCESSFUL)
    return Consent(asked, session)


def allow(exchange: Exchange, consent: Consent) -> Response:
    """The user said yes: remember it, and answer the app."""
    client, user = consent.request.client, consent.session.user
    exchange.simulator.approvals.allow(client.org, client.app, user, consent.request.scope)
    return redirects.grant(exchange, consent.request, user)


async def success(request: Request) -> Response:
    """Where native apps of the user-agent flow have themselves sent, to read the fragment off the address bar."""
    return message("Remote Access Application Authorization", "You can close this window now.")


def _sign_in(visitor: Visitor, asked: AuthorizationRequest) -> Session | None:
    """``sso_provider``: the user is logged in at that provider already. An unknown one leads to the login page."""
    exchange, org = visitor.exchange, asked.client.org
    user = org.sso_providers.get(asked.sso_provider or "")
    if user is None or visitor.session is not None or exchange.place.kind == "login" or not user.active:
        return None
    visitor.session = exchange.simulator.start_browser_session(org, user, org.issuer_at(exchange.place))
    for tally in exchange.simulator.counts.of(org.key):
        tally.browser_logins["sso"] += 1
    return visitor.session


def _is_too_old(session: Session, asked: AuthorizationRequest, pending: PendingAuthorization | None) -> bool:
    if not {"login", "select_account"} & asked.prompt:
        return False
    return pending is None or session.token == pending.before


def _for_user(exchange: Exchange, asked: AuthorizationRequest, session: Session) -> AuthorizationRequest | None:
    # Sandboxes are copies of an org, apps and consumer keys included: only the user tells which of them is meant.
    for org, app in registrations(exchange, asked.client.app.client_id):
        if org is session.org:
            return replace(asked, client=replace(asked.client, org=org, app=app))
    return None


def _needs_consent(exchange: Exchange, asked: AuthorizationRequest, session: Session) -> bool:
    client = asked.client
    if "consent" in asked.prompt:
        return True
    if client.app.permitted_users == "admin":  # "Admin approved users are pre-authorized"
        return False
    # In the user-agent flow, users approve each time.
    return client.user_agent or not exchange.simulator.approvals.allowed(
        client.org, client.app, session.user, asked.scope
    )


def _login(visitor: Visitor, asked: AuthorizationRequest, name: str | None, *, why: str = "302") -> Response:
    if asked.silent:
        return redirects.refuse(visitor.exchange, asked.client, IMMEDIATE_UNSUCCESSFUL)
    query = urlencode({"source": name or _remember(visitor, asked)})
    start = f"{here(visitor.exchange.place, CONSENT_PATH)}?{query}"
    return to_login(visitor, start, username=asked.login_hint, why=why, display=asked.display)


def _remember(visitor: Visitor, asked: AuthorizationRequest) -> str:
    exchange, ceremonies = visitor.exchange, visitor.exchange.simulator.ceremonies
    name = ceremonies.new_name()
    pending = PendingAuthorization(
        request=asked,
        browser=visitor.browser,
        before=None if visitor.session is None else visitor.session.token,
        expires_at=exchange.now + PENDING_LIFETIME,
    )
    ceremonies.pending.put(name, pending, exchange.now)
    return name
