"""What the authorize endpoint sends back to an app, through the browser."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from starlette.responses import RedirectResponse, Response

from ..ceremonies import AuthorizationCode
from ..exchange import Exchange
from ..identities import User
from ..problems import OAuthError, Problem
from .authorization_request import AuthorizationRequest, Client
from .grants import log_in
from .replies import problem_fields

SUCCESS_PAGE = "/services/oauth2/success"
_SEE_OTHER = 303  # the browser comes with GET, even from a form (RFC 9700 section 4.12)


def grant(exchange: Exchange, request: AuthorizationRequest, user: User) -> Response:
    """A code, or in the user-agent flow the tokens themselves."""
    client = request.client
    if not client.user_agent:
        return _code(exchange, request, user)
    try:
        granted = log_in(
            exchange,
            client.org,
            client.app,
            user,
            request.scope,
            nonce=request.nonce,
            hybrid=client.response_type == "hybrid_token",
            refreshable=_native(client.redirect_uri),
        )
    except OAuthError as refused:
        return refuse(exchange, client, refused.problem)
    fields = granted.fields
    if "id_token" not in client.response_type.split():
        fields.pop("id_token", None)
    return _send(exchange, client, fields, "token", fragment=True)


def refuse(exchange: Exchange, client: Client, problem: Problem) -> Response:
    """An error (RFC 6749 sections 4.1.2.1 and 4.2.2.1)."""
    exchange.error = problem.error
    fragment = client.user_agent and not client.org.user_agent_errors_in_query
    return _send(exchange, client, problem_fields(problem), problem.error, fragment=fragment)


def _code(exchange: Exchange, request: AuthorizationRequest, user: User) -> Response:
    client, ceremonies = request.client, exchange.simulator.ceremonies
    code = AuthorizationCode(
        org=client.org,
        app=client.app,
        user=user,
        scope=request.scope,
        redirect_uri=client.redirect_uri,
        code_challenge=request.code_challenge,
        nonce=request.nonce,
        expires_at=exchange.now + client.org.code_lifetime,
    )
    name = ceremonies.new_code()
    ceremonies.codes.put(name, code, exchange.now)
    fields = {"code": name}
    if exchange.place.kind == "site":
        fields |= {"sfdc_community_url": exchange.place.origin, "sfdc_community_id": client.org.site_id}
    return _send(exchange, client, fields, "code", fragment=False)


def _native(redirect_uri: str) -> bool:
    # Unconfirmed: in the user-agent flow a refresh token goes only to apps on a device, which no web server sees.
    url = urlsplit(redirect_uri)
    return url.scheme not in ("http", "https") or url.path.endswith(SUCCESS_PAGE)


def _send(exchange: Exchange, client: Client, fields: Mapping[str, str], outcome: str, *, fragment: bool) -> Response:
    for tally in exchange.simulator.counts.of(exchange.org_key):
        tally.authorizations[outcome] += 1
    sent = dict(fields)
    if client.state is not None:
        sent["state"] = client.state
    url = urlsplit(client.redirect_uri)
    if fragment:
        url = url._replace(fragment=urlencode(sent, quote_via=quote))
    else:
        url = url._replace(query="&".join(filter(None, [url.query, urlencode(sent, quote_via=quote)])))
    # The URL holds a code or a token: it is not to be kept, nor told to where the next page leads.
    headers = {"cache-control": "no-cache, no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(urlunsplit(url), _SEE_OTHER, headers)
