"""Logging out: RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0) and the way that Salesforce's pages take.

A logout ends the browser's session. Tokens of apps are ended by revoking them.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..exchange import Exchange
from ..identities import App
from ..oauth.clients import registrations
from ..oauth.id_tokens import verified
from ..oauth.requests import FormRequest, read_form
from .html import form, message, page
from .login import LOGOUT_PATH, stale
from .login import PATH as LOGIN_PATH
from .visitor import Visitor, here, visitor_of

END_SESSION_PATH = "/services/auth/idp/oidc/logout"


def routes() -> list[BaseRoute]:
    """Both ways out."""
    return [
        Route(END_SESSION_PATH, end_session, methods=["GET", "POST"]),
        Route(LOGOUT_PATH, log_out, methods=["GET"]),
    ]


async def end_session(request: Request) -> Response:
    """The app's way, with ``id_token_hint``, ``post_logout_redirect_uri`` and ``state``.

    Without an ID token that names this browser's user, the user is asked first: any page can send a browser here. Where
    to go then is honoured only if it is registered for the ID token's app.
    """
    visitor = visitor_of(request)
    exchange = visitor.exchange
    sent = await read_form(request)
    hint = sent.get("id_token_hint")
    claims = verified(exchange.simulator, hint) if hint is not None else None
    if hint is not None and claims is None:
        return _refused(exchange, "id_token_hint")
    known = registrations(exchange, str(claims["aud"])) if claims is not None else []
    target = sent.get("post_logout_redirect_uri")
    if target is not None and not any(_registered(app, target) for _, app in known):
        return _refused(exchange, "post_logout_redirect_uri")
    confirmed = request.method == "POST" and visitor.confirms(sent.get("_CONFIRMATIONTOKEN"))
    if request.method == "POST" and sent.get("_CONFIRMATIONTOKEN") is not None and not confirmed:
        return stale(exchange)
    session = visitor.session
    named = claims is not None and (session is None or str(claims["sub"]).endswith(f"/{session.user.user_id}"))
    if session is not None and not named and not confirmed:
        return _question(visitor, sent)
    if target is None:
        return visitor.log_out(message("Logged Out", "You are logged out. You can close this window now."))
    return visitor.log_out(RedirectResponse(_with_state(target, sent.get("state")), 303))


async def log_out(request: Request) -> Response:
    """The user's way."""
    visitor = visitor_of(request)
    return visitor.log_out(RedirectResponse(here(visitor.exchange.place, LOGIN_PATH), 302))


def _registered(app: App, target: str) -> bool:
    # Salesforce documents a single logout URL per app; that callback URLs are taken as well is unconfirmed.
    return target == app.single_logout_url or target in app.callback_urls


def _refused(exchange: Exchange, name: str) -> Response:
    exchange.error = f"invalid_{name}"
    return message("We can't log you out", f"The parameter {name} is not valid.", status=400, problem=True)


def _question(visitor: Visitor, sent: FormRequest) -> Response:
    names = ("id_token_hint", "post_logout_redirect_uri", "state")
    carried = {name: value for name in names if (value := sent.get(name)) is not None}
    inner = '<p>Do you want to log out of Salesforce?</p>\n<button class="main" type="submit">Log Out</button>\n'
    action = here(visitor.exchange.place, END_SESSION_PATH)
    return visitor.remember(page("Log Out?", form(action, visitor.confirmation_token, carried, inner)))


def _with_state(target: str, state: str | None) -> str:
    if state is None:
        return target
    url = urlsplit(target)
    return urlunsplit(url._replace(query="&".join(filter(None, [url.query, urlencode({"state": state})]))))
