"""Single access (Salesforce Help, "Generate a Frontdoor URL to Bridge into UI Sessions"): POST …/singleaccess.

An access token with the scope ``web`` or ``full`` for a URL that logs a browser in: once, and within a minute. What the
errors look like is unconfirmed, apart from the bare word for a bad token, which all of /services/oauth2 has in common.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ..bearer import Refused, admit, credentials_of
from ..ceremonies import FRONTDOOR_LIFETIME, FrontdoorPass
from ..exchange import Exchange
from ..problems import NO_WEB_SCOPE, RELATIVE_PATH_REQUIRED, TOKEN_TYPE_NOT_SUPPORTED, OAuthError
from ..sessions import Session
from .replies import problem_fields, render
from .requests import FormRequest, read_form

FRONTDOOR_PATH = "/secur/frontdoor.jsp"


def routes() -> list[BaseRoute]:
    """The endpoint. Some integrations use GET, which is taken."""
    return [Route("/services/oauth2/singleaccess", single_access, methods=["GET", "POST"])]


async def single_access(request: Request) -> Response:
    """A frontdoor URL."""
    sent = await read_form(request)
    exchange = sent.exchange
    try:
        token = credentials_of(sent.authorization) or sent.get("access_token")
        session = admit(exchange, token)
    except Refused as refusal:
        word = "Missing_OAuth_Token" if refusal.reason == "missing_token" else "Bad_OAuth_Token"
        exchange.error = word
        _count(exchange, word)
        return PlainTextResponse(word, 403)
    try:
        url = _frontdoor_url(exchange, session, sent)
    except OAuthError as refused:
        exchange.error = refused.problem.error
        _count(exchange, refused.problem.error)
        return render(problem_fields(refused.problem), refused.problem.status)
    _count(exchange, "issued")
    return render({"frontdoor_uri": url})


def _frontdoor_url(exchange: Exchange, session: Session, sent: FormRequest) -> str:
    if session.jwt_based:
        raise OAuthError(TOKEN_TYPE_NOT_SUPPORTED)
    if not {"web", "full"} & set(session.scope.split()):
        raise OAuthError(NO_WEB_SCOPE)
    path = sent.get("redirect_uri") or "/"
    path = path if path.startswith("/") else "/" + path
    if "://" in path.partition("?")[0] or path.startswith(("//", "/\\")) or not path.isprintable():
        raise OAuthError(RELATIVE_PATH_REQUIRED)
    site = urlsplit(exchange.place.origin).path
    path = path if path.startswith(site) else site + path
    ceremonies = exchange.simulator.ceremonies
    password = ceremonies.new_name()
    ceremonies.passes.put(password, FrontdoorPass(session, path, exchange.now + FRONTDOOR_LIFETIME), exchange.now)
    return f"{exchange.place.origin}{FRONTDOOR_PATH}?{urlencode({'otp': password})}"


def _count(exchange: Exchange, outcome: str) -> None:
    for tally in exchange.simulator.counts.of(exchange.org_key):
        tally.single_accesses[outcome] += 1
