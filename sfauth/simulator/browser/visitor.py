"""Which browser it is, and who is logged in with it: the cookies ``BrowserId`` and ``sid``."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ..exchange import Exchange, exchange_of
from ..org import SimulatedOrg
from ..places import Place
from ..sessions import Session

_BROWSER_ID, _SESSION_ID = "BrowserId", "sid"
_WEB_SCOPES = frozenset({"web", "full", "lightning", "visualforce", "content"})


@dataclass(slots=True)
class Visitor:
    """A browser at one of the pages.

    Attributes:
        browser: The value of its cookie, which tells it from others; made up when it has none yet.
        session: The living session that it brought along.
    """

    exchange: Exchange
    browser: str = field(repr=False)
    is_new: bool
    session: Session | None = field(repr=False)

    @property
    def confirmation_token(self) -> str:
        """What a form of ours carries. It comes from a cookie that pages of other sites can't read."""
        return hashlib.sha256(b"confirmation:" + self.browser.encode()).hexdigest()

    def confirms(self, sent: str | None) -> bool:
        """Whether a posted form is one of ours, shown in this browser."""
        return (
            not self.is_new
            and sent is not None
            and hmac.compare_digest(sent.encode(), self.confirmation_token.encode())
        )

    def remember(self, response: Response) -> Response:
        """Give a new browser its cookie."""
        if self.is_new:
            _set_cookie(self.exchange.place, response, _BROWSER_ID, self.browser)
        return response

    def log_in(self, response: Response, session: Session) -> Response:
        """Give the browser a session. It is always a new one: what was there before is not taken over."""
        _set_cookie(self.exchange.place, response, _SESSION_ID, session.token)
        return self.remember(response)

    def log_out(self, response: Response) -> Response:
        """End the browser's session."""
        if self.session is not None:
            self.session.ending = "logged_out"
            for tally in self.exchange.simulator.counts.of(self.session.org.key):
                tally.logouts += 1
        response.delete_cookie(_SESSION_ID, path=here(self.exchange.place, "/"))
        return response


def visitor_of(request: Request) -> Visitor:
    """The browser that a request comes from."""
    exchange = exchange_of(request)
    known = request.cookies.get(_BROWSER_ID)
    session = session_of(request)
    if session is not None and exchange.org is None:
        exchange.org = session.org
    return Visitor(exchange, known or exchange.simulator.ceremonies.new_name(), not known, session)


def session_of(request: Request, org: SimulatedOrg | None = None) -> Session | None:
    """The browser session of the cookie, if it lives and is good here (or, if given, in this org)."""
    exchange = exchange_of(request)
    session = exchange.simulator.sessions.get(request.cookies.get(_SESSION_ID, ""))
    if session is None or session.jwt_based or session.ended(exchange.now) is not None:
        return None
    if _WEB_SCOPES.isdisjoint(session.scope.split()):
        return None
    if session.org is not org and not exchange.place.logs_in(session.org):
        return None
    session.touch(exchange.now)
    return session


def here(place: Place, path: str) -> str:
    """A path of ours as the browser has to ask for it: below the site's own path."""
    return (urlsplit(place.origin).path if place.kind == "site" else "") + path


def is_local(path: str) -> bool:
    """Whether it is a path on this host, and no way to leave it."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path


def _set_cookie(place: Place, response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name, value, path=here(place, "/"), secure=place.origin.startswith("https:"), httponly=True, samesite="lax"
    )
