"""From an access token to a browser session: /secur/frontdoor.jsp, and the pages that a web session opens."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..exchange import Exchange, exchange_of
from ..oauth.requests import FormRequest, read_form
from ..oauth.single_access import FRONTDOOR_PATH
from ..sessions import Session
from .html import page
from .login import to_login
from .visitor import here, is_local, session_of, visitor_of

# What a browser without a session sees on Lightning and Setup hosts; a client must not take it for an answer.
LOGIN_PAGE = (
    "<!DOCTYPE html><html><body><script>window.location.replace('/?ec=302&startURL=%2F')</script></body></html>"
)


def routes() -> list[BaseRoute]:
    """The front door."""
    return [Route(FRONTDOOR_PATH, frontdoor, methods=["GET", "POST"])]


async def frontdoor(request: Request) -> Response:
    """A one-time password (``otp``) opens a session; or, as of old, an access token itself (``sid``, ``retURL``)."""
    visitor = visitor_of(request)
    exchange = visitor.exchange
    sent = await read_form(request)
    opened = _by_password(exchange, sent.get("otp") or "") or _by_token(exchange, sent)
    if opened is None:
        exchange.error = "invalid_frontdoor"
        return to_login(visitor, here(exchange.place, "/"))
    parent, path = opened
    exchange.org = parent.org
    session = exchange.simulator.start_browser_session(
        parent.org, parent.user, parent.issuer, scope=parent.scope, parent=parent
    )
    return visitor.log_in(RedirectResponse(path, 303), session)


async def lightning(request: Request) -> Response:
    """A Lightning, Visualforce or file host: a page for those with a web session, and else the way to a login."""
    exchange = exchange_of(request)
    session = exchange.simulator.sessions.get(request.cookies.get("sid", ""))
    host = urlsplit(exchange.place.origin).netloc
    if session is not None and host in session.org.web_domains.values():
        exchange.org = session.org
        if session_of(request, session.org) is not None:
            who = escape(session.user.username)
            return page("Home", f'<p role="status">You are logged in as {who}.</p>')
    return HTMLResponse(LOGIN_PAGE)


def _by_password(exchange: Exchange, password: str) -> tuple[Session, str] | None:
    passed = exchange.simulator.ceremonies.passes.take(password, exchange.now)
    if passed is None or passed.session.ended(exchange.now) is not None:
        return None
    return (passed.session, passed.path) if passed.session.org.serves_apis_at(exchange.place) else None


def _by_token(exchange: Exchange, sent: FormRequest) -> tuple[Session, str] | None:
    session = exchange.simulator.sessions.get(sent.get("sid") or "")
    # JWT access tokens open no page (Salesforce Help, "JWT-Based Access Tokens").
    if session is None or session.jwt_based or session.ended(exchange.now) is not None:
        return None
    if not session.org.serves_apis_at(exchange.place) or not {"web", "full"} & set(session.scope.split()):
        return None
    path = sent.get("retURL") or sent.get("startURL") or ""
    return session, path if is_local(path) else here(exchange.place, "/")
