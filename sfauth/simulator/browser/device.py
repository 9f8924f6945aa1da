"""Where a user lets a device in: /setup/connect. Type the code, log in, allow or deny."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..ceremonies import DeviceCode
from ..logins import check_user
from ..oauth.device import PAGE
from ..oauth.requests import read_form
from ..problems import NOT_ADMIN_APPROVED, OAuthError
from ..sessions import Session
from .html import alert, decision, field, form, message, page, scope_list
from .login import stale, to_login
from .visitor import Visitor, here, visitor_of

ALLOW_PAGE = PAGE + "/allow"


def routes() -> list[BaseRoute]:
    """The page for the code, and the page for the decision."""
    return [
        Route(PAGE, show, methods=["GET"]),
        Route(PAGE, take_code, methods=["POST"]),
        Route(ALLOW_PAGE, ask, methods=["GET"]),
        Route(ALLOW_PAGE, answer, methods=["POST"]),
    ]


async def show(request: Request) -> Response:
    """Ask for the code; ``?user_code=`` fills it in (unconfirmed), and does not send it."""
    return _code_page(visitor_of(request), request.query_params.get("user_code", ""))


async def take_code(request: Request) -> Response:
    """A code that a device waits with leads on."""
    visitor = visitor_of(request)
    sent = await read_form(request)
    if not visitor.confirms(sent.get("_CONFIRMATIONTOKEN")):
        return stale(visitor.exchange)
    user_code = sent.get("user_code") or ""
    if _device(visitor, user_code) is None:
        visitor.exchange.error = "invalid_user_code"
        return _code_page(visitor, user_code, wrong=True)
    query = urlencode({"user_code": user_code})
    return RedirectResponse(f"{here(visitor.exchange.place, ALLOW_PAGE)}?{query}", 303)


async def ask(request: Request) -> Response:
    """The decision, after a login."""
    visitor = visitor_of(request)
    user_code = request.query_params.get("user_code", "")
    found = _decidable(visitor, user_code)
    if isinstance(found, Response):
        return found
    device, session = found
    inner = (
        f"<p><strong>{escape(device.app.name)}</strong> on your device is asking to:</p>\n{scope_list(device.scope)}"
        f"<p>Do you want to allow access for {escape(session.user.username)}?</p>\n" + decision()
    )
    action = here(visitor.exchange.place, ALLOW_PAGE)
    return page("Allow Access?", form(action, visitor.confirmation_token, {"user_code": user_code}, inner))


async def answer(request: Request) -> Response:
    """Allow or Deny. Users are asked each time: a device's login leaves no consent behind."""
    visitor = visitor_of(request)
    sent = await read_form(request)
    if not visitor.confirms(sent.get("_CONFIRMATIONTOKEN")):
        return stale(visitor.exchange)
    found = _decidable(visitor, sent.get("user_code") or "")
    if isinstance(found, Response):
        return found
    device, session = found
    device.user = session.user
    if sent.get("decision") != "allow":
        device.answer = "denied"
        return message("Access denied", "Your device does not get access. You can close this window now.")
    device.answer = "allowed"
    return message("You're connected", "Your device goes on by itself in a moment. You can close this window now.")


def _decidable(visitor: Visitor, user_code: str) -> tuple[DeviceCode, Session] | Response:
    """The device, and the user who may decide about it; or what the browser has to see instead."""
    exchange, session = visitor.exchange, visitor.session
    device = _device(visitor, user_code)
    if device is None:
        return _code_page(visitor, user_code, wrong=True)
    path = f"{here(exchange.place, ALLOW_PAGE)}?{urlencode({'user_code': user_code})}"
    if session is None:
        return to_login(visitor, path)
    if session.org is not device.org:
        return to_login(visitor, path, why="other_org")
    admitted = device.app.pre_authorized
    try:
        check_user(device.org, device.app, session.user, present=True)
        if device.app.permitted_users == "admin" and admitted is not None and session.user.user_id not in admitted:
            raise OAuthError(NOT_ADMIN_APPROVED)
    except OAuthError as refused:
        exchange.error = refused.problem.error
        text = f"{refused.problem.error}: {refused.problem.description}"
        return message("Access denied", text, status=403, problem=True)
    return device, session


def _device(visitor: Visitor, user_code: str) -> DeviceCode | None:
    exchange = visitor.exchange
    device = exchange.simulator.ceremonies.device_by_user_code(user_code, exchange.now)
    if device is None or not exchange.place.logs_in(device.org):
        return None
    exchange.org = device.org
    return device


def _code_page(visitor: Visitor, user_code: str, *, wrong: bool = False) -> Response:
    text = "No device waits with this code. Check it, or have the device show a new one." if wrong else None
    inner = (
        field("user_code", "Code that your device shows", value=user_code, focus=True, error=wrong)
        + '<button class="main" type="submit">Connect</button>\n'
    )
    body = alert(text) + form(here(visitor.exchange.place, PAGE), visitor.confirmation_token, {}, inner)
    return visitor.remember(page("Connect Your Device", body))
