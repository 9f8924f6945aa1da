"""Token introspection (RFC 7662): POST /services/oauth2/introspect."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..exchange import exchange_of
from ..identities import App
from ..org import SimulatedOrg
from ..problems import INTROSPECTION_CLIENT_INVALID, MUST_USE_POST, OAuthError
from .clients import identify_client
from .replies import problem_fields, render
from .requests import FormRequest, read_form

_INACTIVE: dict[str, Any] = {"active": False}


def routes() -> list[BaseRoute]:
    """The introspection endpoint."""
    return [Route("/services/oauth2/introspect", introspect, methods=["GET", "POST"])]


async def introspect(request: Request) -> Response:
    """What is known of a token. An app may ask about its own; one with the right flag about any of the org."""
    exchange = exchange_of(request)
    try:
        if request.method != "POST":
            raise OAuthError(MUST_USE_POST)
        form = await read_form(request)
        fields = _introspect(form)
    except OAuthError as refused:
        exchange.error = refused.problem.error
        _count(request, refused.problem.error)
        return render(problem_fields(refused.problem), refused.problem.status)
    _count(request, "active" if fields["active"] else "inactive")
    return render(fields)


def _introspect(form: FormRequest) -> dict[str, Any]:
    client = identify_client(form, invalid=INTROSPECTION_CLIENT_INVALID)
    if not client.authenticated:
        raise OAuthError(INTROSPECTION_CLIENT_INVALID)
    token = form.require("token")
    return (
        _access_token(form, client.org, client.app, token)
        or _refresh_token(form, client.org, client.app, token)
        or _INACTIVE
    )


def _access_token(form: FormRequest, org: SimulatedOrg, app: App, token: str) -> dict[str, Any] | None:
    exchange = form.exchange
    session = exchange.simulator.sessions.get(token)
    if session is None or session.org is not org or session.app is None or session.ended(exchange.now):
        return None
    if session.app is not app and not app.introspect_all_tokens:
        return None
    # Asking does not count as activity (an assumption): exp is where the session ends if nobody uses it again.
    fields = {
        "active": True,
        "scope": session.scope,
        "client_id": session.app.client_id,
        "username": session.user.username,
        "sub": org.identity_url_at(exchange.place, session.user),
        "token_type": "access_token",
        "exp": int(session.expires_at),
        "iat": int(session.started),
        "nbf": int(session.started),
    }
    return {**fields, "iss": session.issuer, "aud": session.issuer} if session.jwt_based else fields


def _refresh_token(form: FormRequest, org: SimulatedOrg, app: App, token: str) -> dict[str, Any] | None:
    exchange = form.exchange
    approval = exchange.simulator.approvals.find(token)
    if approval is None or approval.org is not org or token != approval.refresh_token:
        return None
    if approval.revoked or approval.lapsed(exchange.now) or (approval.app is not app and not app.introspect_all_tokens):
        return None
    return {
        "active": True,
        "scope": approval.scope,
        "client_id": approval.app.client_id,
        "username": approval.user.username,
        "sub": org.identity_url_at(exchange.place, approval.user),
        "token_type": "refresh_token",
        "iat": int(approval.approved_at),
        "nbf": int(approval.approved_at),
    }


def _count(request: Request, outcome: str) -> None:
    exchange = exchange_of(request)
    for tally in exchange.simulator.counts.of(exchange.org_key):
        tally.introspections[outcome] += 1
