"""The login page, at the root of every login host, My Domain and site, and what is there after logging in."""

from __future__ import annotations

import hmac
from html import escape
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..exchange import Exchange, exchange_of
from ..identities import User
from ..oauth.requests import read_form
from ..org import SimulatedOrg
from .html import alert, field, form, message, page
from .visitor import Visitor, here, is_local, visitor_of

PATH = "/"
LOGOUT_PATH = "/secur/logout.jsp"

# One text for everything that is wrong with name, password or user: it is not for strangers to learn which.
_WRONG = "Please check your username and password. If you still can't log in, contact your Salesforce administrator."
_RESTRICTED = "You can't log in from here or at this time. Contact your Salesforce administrator."
_EXPLANATIONS = {
    "other_org": "The user who is logged in belongs to an org that does not have this app. Log in as somebody else.",
}


def routes() -> list[BaseRoute]:
    """Login page and home page."""
    return [Route(PATH, show, methods=["GET"]), Route(PATH, log_in, methods=["POST"])]


def to_login(
    visitor: Visitor, start: str, *, username: str | None = None, why: str = "302", display: str = ""
) -> Response:
    """Send the browser to the login page, and from there to the path `start`.

    Args:
        username: To be filled in already.
        why: A key of the explanations, or Salesforce's 302 for "not logged in".
        display: How the page is to look.
    """
    given = {"ec": why, "startURL": start, "un": username, "display": display}
    query = urlencode({name: value for name, value in given.items() if value})
    return visitor.remember(RedirectResponse(f"{here(visitor.exchange.place, PATH)}?{query}", 302))


async def show(request: Request) -> Response:
    """The login page; for those who are logged in and want nowhere else, where they have arrived."""
    place = exchange_of(request).place
    visitor = visitor_of(request)
    query = request.query_params
    if visitor.session is not None and "startURL" not in query:
        who = escape(visitor.session.user.username)
        link = f'<p><a href="{here(place, LOGOUT_PATH)}">Log Out</a></p>'
        return page("Home", f'<p role="status">You are logged in as {who}.</p>\n{link}')
    return _page(
        visitor,
        start=query.get("startURL", ""),
        username=query.get("un", ""),
        explanation=_EXPLANATIONS.get(query.get("ec", "")),
        display=query.get("display", "page"),
    )


async def log_in(request: Request) -> Response:
    """Name and password, for a session and the page that it was needed for."""
    visitor = visitor_of(request)
    exchange = visitor.exchange
    sent = await read_form(request)
    if not visitor.confirms(sent.get("_CONFIRMATIONTOKEN")):
        return stale(exchange)
    start, username, display = sent.get("startURL") or "", sent.get("username") or "", sent.get("display") or "page"
    outcome, found = _check(exchange, username, sent.get("pw") or "")
    _count(exchange, found[0] if found else None, outcome)
    if found is None or outcome != "logged_in":
        exchange.error = outcome
        text = _RESTRICTED if outcome == "restricted" else _WRONG
        return _page(visitor, start=start, username=username, wrong=text, display=display)
    session = exchange.simulator.start_browser_session(*found, found[0].issuer_at(exchange.place))
    target = start if is_local(start) else here(exchange.place, PATH)
    return visitor.log_in(RedirectResponse(target, 303), session)


def stale(exchange: Exchange) -> Response:
    """A form that was not shown in this browser, or so long ago that the browser has forgotten."""
    exchange.error = "confirmation_token"
    text = "This form is not from this browser. Allow cookies, go back to the app and start again."
    return message("Your request can't be processed", text, status=403, problem=True)


def _check(exchange: Exchange, username: str, password: str) -> tuple[str, tuple[SimulatedOrg, User] | None]:
    place = exchange.place
    orgs = [place.org] if place.org is not None else exchange.simulator.orgs.values()
    known = ((org, user) for org in orgs if place.logs_in(org) for user in org.users if user.username == username)
    found = next(known, None)
    if found is None:
        return "unknown_user", None
    org, user = found
    exchange.org = org
    if not hmac.compare_digest(password.encode(), user.password.encode()):
        return "wrong_password", found
    if not user.active or not org.active:
        return "inactive_user", found
    if user.locked_out or user.password_expired:
        return "locked_out" if user.locked_out else "password_expired", found
    if user.external and place.kind not in ("site", "loopback"):
        return "external_user", found
    if org.ip_restricted or user.ip_restricted or user.outside_login_hours:
        return "restricted", found
    return "logged_in", found


def _count(exchange: Exchange, org: SimulatedOrg | None, outcome: str) -> None:
    for tally in exchange.simulator.counts.of(org.key if org else exchange.org_key):
        tally.browser_logins[outcome] += 1


def _page(
    visitor: Visitor,
    *,
    start: str,
    username: str,
    wrong: str | None = None,
    explanation: str | None = None,
    display: str = "page",
) -> Response:
    failed = wrong is not None
    inner = (
        field("username", "Username", value=username, autocomplete="username", focus=not username, error=failed)
        + field("pw", "Password", kind="password", autocomplete="current-password", focus=bool(username), error=failed)
        + '<button class="main" type="submit">Log In</button>\n'
    )
    action = here(visitor.exchange.place, PATH)
    hidden = {"startURL": start, "display": display}
    body = alert(wrong or explanation) + form(action, visitor.confirmation_token, hidden, inner)
    return visitor.remember(page("Log In", body, display=display))
