"""The token endpoint: a table of grants."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..exchange import exchange_of
from ..problems import ALREADY_PROCESSED, MUST_USE_POST, UNSUPPORTED_GRANT_TYPE, OAuthError
from . import (
    authorization_code,
    client_credentials,
    device,
    jwt_bearer,
    password,
    refresh_token,
    token_exchange,
)
from .grants import Granted, GrantHandler
from .replies import problem_fields, render
from .requests import FormRequest, read_form

# A new flow adds its row here, and its grant type to `sfauth.simulator.org.DEFAULT_GRANT_TYPES`.
GRANTS: MappingProxyType[str, GrantHandler] = MappingProxyType(
    {
        jwt_bearer.GRANT_TYPE: jwt_bearer.redeem,
        client_credentials.GRANT_TYPE: client_credentials.redeem,
        refresh_token.GRANT_TYPE: refresh_token.redeem,
        refresh_token.HYBRID_GRANT_TYPE: refresh_token.redeem,
        authorization_code.GRANT_TYPE: authorization_code.redeem,
        authorization_code.HYBRID_GRANT_TYPE: authorization_code.redeem,
        device.GRANT_TYPE: device.redeem,
        token_exchange.GRANT_TYPE: token_exchange.redeem,
        token_exchange.HYBRID_GRANT_TYPE: token_exchange.redeem,
        password.GRANT_TYPE: password.redeem,
    }
)


def routes() -> list[BaseRoute]:
    """The token endpoint."""
    return [Route("/services/oauth2/token", token, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]


async def token(request: Request) -> Response:
    """POST /services/oauth2/token."""
    exchange = exchange_of(request)
    if request.method != "POST":
        exchange.error = MUST_USE_POST.error
        return render(problem_fields(MUST_USE_POST), MUST_USE_POST.status)
    form = await read_form(request)
    grant_type = form.get("grant_type")
    asks_for_codes = grant_type is None and form.get("response_type") == device.RESPONSE_TYPE
    fields: Mapping[str, str | int | float]
    try:
        if asks_for_codes:
            fields, outcome = device.issue(form), "issued"
        else:
            granted = await _redeem(form, grant_type)
            fields, outcome = granted.fields, "reissued" if granted.reissued else "issued"
    except OAuthError as refused:
        problem = refused.problem
        exchange.error = problem.error
        if exchange.org is not None and exchange.org.token_latency and problem is not ALREADY_PROCESSED:
            await exchange.simulator.sleep(exchange.org.token_latency)
        _count(form, device.RESPONSE_TYPE if asks_for_codes else grant_type, problem.error)
        return render(problem_fields(problem), problem.status, wanted=form.get("format"), accept=form.accept)
    _count(form, device.RESPONSE_TYPE if asks_for_codes else grant_type, outcome)
    return render(fields, wanted=form.get("format"), accept=form.accept)


async def _redeem(form: FormRequest, grant_type: str | None) -> Granted:
    handler = GRANTS.get(grant_type or "")
    # Lightning and Setup hosts answer like this to every grant ("Resolve Common Authorization Errors").
    if handler is None or form.exchange.place.kind in ("ui", "gateway"):
        raise OAuthError(UNSUPPORTED_GRANT_TYPE)
    granted = await handler(form)
    org = granted.session.org
    if org.token_latency and not granted.held:
        await form.exchange.simulator.sleep(org.token_latency)
    return granted


def _count(form: FormRequest, grant_type: str | None, outcome: str) -> None:
    exchange = form.exchange
    known = grant_type in GRANTS or grant_type == device.RESPONSE_TYPE
    name = grant_type if known else "none" if grant_type is None else "unknown"
    for tally in exchange.simulator.counts.of(exchange.org_key):
        tally.token_requests[str(name), outcome] += 1
        tally.reissued += outcome == "reissued"
