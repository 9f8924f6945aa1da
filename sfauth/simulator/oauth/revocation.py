"""Token revocation (RFC 7009): POST or GET /services/oauth2/revoke, without client authentication.

An access token ends its session only; a refresh token ends all access tokens that came from it, and so does a delete
token (field ``DeleteToken`` of the object OauthToken). Every error is a 400 (Salesforce Help, "Revoke OAuth Tokens").
"""

from __future__ import annotations

import re
from json import dumps

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..exchange import Exchange
from ..problems import TOKEN_INVALID, TOKEN_TYPE_NOT_SUPPORTED, OAuthError
from .replies import problem_fields, render
from .requests import FormRequest, read_form

_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]*")


def routes() -> list[BaseRoute]:
    """The revocation endpoint."""
    return [Route("/services/oauth2/revoke", revoke, methods=["GET", "POST"])]


async def revoke(request: Request) -> Response:
    """End a token. The GET form with ``callback`` answers with a script (JSONP; its exact form is unconfirmed)."""
    form = await read_form(request)
    exchange = form.exchange
    error: OAuthError | None = None
    try:
        _revoke(exchange, form)
    except OAuthError as refused:
        error = refused
        exchange.error = refused.problem.error
    for tally in exchange.simulator.counts.of(exchange.org_key):
        tally.revocations[error.problem.error if error else "revoked"] += 1
    fields = problem_fields(error.problem) if error else {}
    callback = form.get("callback")
    if request.method == "GET" and callback is not None and _CALLBACK.fullmatch(callback):
        return Response(f"{callback}({dumps(fields)})", media_type="text/javascript")
    if error is None:
        return Response(status_code=200)
    # Clients parse both: JSON for those that ask for it, form-encoded for those that do not care.
    accept = form.accept if form.accept not in ("", "*/*") else "application/x-www-form-urlencoded"
    return render(fields, 400, accept=accept)


def _revoke(exchange: Exchange, form: FormRequest) -> None:
    token = form.require("token")
    simulator = exchange.simulator
    session = simulator.sessions.get(token)
    deleted = simulator.approvals.find_by_delete_token(token)
    approval = deleted or simulator.approvals.find(token)
    found = session or approval
    if found is not None and exchange.place.logs_in(found.org):
        exchange.org = found.org
        if session is not None and session.ended(exchange.now) is None:
            if session.jwt_based:
                raise OAuthError(TOKEN_TYPE_NOT_SUPPORTED)
            session.ending = "revoked"
            return
        if approval is not None and not approval.revoked and (deleted or token == approval.refresh_token):
            simulator.revoke_approval(approval)
            return
    raise OAuthError(TOKEN_INVALID)
