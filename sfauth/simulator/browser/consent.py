"""The consent page: may this app act for you?"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..ceremonies import PendingAuthorization
from ..oauth import redirects
from ..oauth.requests import read_form
from ..problems import END_USER_DENIED
from .authorize import CONSENT_PATH, Consent, allow, next_step
from .html import decision, form, message, page, scope_list
from .login import PATH as LOGIN_PATH
from .login import stale
from .visitor import Visitor, here, visitor_of

if TYPE_CHECKING:
    from ..sessions import Session


def routes() -> list[BaseRoute]:
    """The consent page."""
    return [Route(CONSENT_PATH, show, methods=["GET"]), Route(CONSENT_PATH, answer, methods=["POST"])]


async def show(request: Request) -> Response:
    """Ask; or go on, when there is nothing to ask."""
    visitor = visitor_of(request)
    name = request.query_params.get("source", "")
    pending = _find(visitor, name)
    if pending is None:
        return _over()
    step = next_step(visitor, pending.request, name, pending)
    return step if isinstance(step, Response) else _page(visitor, step, name)


async def answer(request: Request) -> Response:
    """Allow or Deny."""
    visitor = visitor_of(request)
    sent = await read_form(request)
    if not visitor.confirms(sent.get("_CONFIRMATIONTOKEN")):
        return stale(visitor.exchange)
    name = sent.get("source") or ""
    pending = _find(visitor, name)
    if pending is None:
        return _over()
    if sent.get("decision") != "allow":  # whatever else may have changed meanwhile, a no is a no
        pending.over = True
        return redirects.refuse(visitor.exchange, pending.request.client, END_USER_DENIED)
    step = next_step(visitor, pending.request, name, pending)
    if isinstance(step, Response):
        return step
    pending.over = True
    return allow(visitor.exchange, step)


def _find(visitor: Visitor, name: str) -> PendingAuthorization | None:
    pending = visitor.exchange.simulator.ceremonies.pending.living(name, visitor.exchange.now)
    if pending is None or pending.over or pending.browser != visitor.browser:
        return None
    visitor.exchange.org = pending.request.client.org
    return pending


def _over() -> Response:
    text = "This request is over, or it began in another browser. Go back to the app and start again."
    return message("Your request can't be processed", text, status=400, problem=True)


def _page(visitor: Visitor, step: Consent, name: str) -> Response:
    asked, session, place = step.request, step.session, visitor.exchange.place
    inner = (
        f"<p><strong>{escape(asked.client.app.name)}</strong> is asking to:</p>\n{scope_list(asked.scope)}"
        f"<p>Do you want to allow access for {escape(session.user.username)}? {_not_you(visitor, session, name)}</p>\n"
        + decision()
    )
    body = form(here(place, CONSENT_PATH), visitor.confirmation_token, {"source": name}, inner)
    return visitor.remember(page("Allow Access?", body, display=asked.display))


def _not_you(visitor: Visitor, session: Session, name: str) -> str:
    place = visitor.exchange.place
    back = here(place, CONSENT_PATH) + "?" + urlencode({"source": name})
    link = here(place, LOGIN_PATH) + "?" + urlencode({"startURL": back})
    return f'<a href="{escape(link)}">(Not you?)</a>'
