"""The simulator itself: its state, and the ASGI application over it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Router
from starlette.types import Message, Receive, Scope, Send

from . import api, browser, control, oauth
from .approvals import Approval, Approvals
from .ceremonies import Ceremonies
from .counts import Counts
from .exchange import Exchange, LogRecord, replay
from .faults import Fault, FaultBody, FaultSchedule
from .identifiers import random_id, random_token
from .identities import App, TokenFormat, User
from .interference import TOKEN_PATH, identify, suffer
from .keys import KeyRing
from .logins import LoginRate
from .org import OrgKind, SimulatedOrg
from .places import Hosts, Place
from .sessions import Session, Sessions

if TYPE_CHECKING:
    from .server import RunningServer


class Simulator:
    """Salesforce's authorization server, in this process. It is an ASGI application.

        simulator = Simulator()
        org = simulator.add_org("acme")
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=simulator), base_url=org.my_domain)

    Over TCP: ``async with simulator.serve(ports=2) as server``.

    Args:
        now: Unix seconds; the simulator reads no other clock. The ``Date`` header comes from it, too.
        random: All identifiers and secrets come out of it. They guard nothing but simulated data.
        sleep: How `SimulatedOrg.token_latency` and `Fault.delay` wait.
        log_size: How many records `log` keeps.

    Attributes:
        orgs: By key.
        counts: What was served, per org and in total.
        log: The latest requests, oldest first, without any secret.
        origins: The loopback origins while the simulator is served over TCP.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        random: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        log_size: int = 10_000,
    ) -> None:
        self.now = now
        self.sleep = sleep
        self.random = random or Random(0)
        self.orgs: dict[str, SimulatedOrg] = {}
        self.counts: Counts = Counts()
        self.log: deque[LogRecord] = deque(maxlen=log_size)
        self.origins: tuple[str, ...] = ()
        self.hosts = Hosts()
        self.keys = KeyRing()
        self.sessions = Sessions()
        self.approvals = Approvals(self.random)
        self.ceremonies = Ceremonies(self.random)
        self.logins = LoginRate()
        self.faults = FaultSchedule()
        self.seen_jtis: dict[tuple[str, str], float] = {}
        routes: list[BaseRoute] = [*api.routes(), *oauth.routes(), *browser.routes(), *control.routes()]
        self._router = Router(routes=routes, redirect_slashes=False, default=_not_found)
        self._date = (0, b"")

    # ── set-up ───────────────────────────────────────────────────────────────────────────────────────────────────

    def add_org(
        self,
        key: str,
        kind: OrgKind = "production",
        *,
        my_domain: str = "",
        site_url: str | None = None,
        session_timeout: float = 7200.0,
        token_format: TokenFormat = "opaque",
        jwt_lifetime: float = 1800.0,
        rotate_refresh_tokens: bool = False,
        private_key: Any = None,
        **settings: Any,
    ) -> SimulatedOrg:
        """A new org with one app and one user, ready for all grants.

        Args:
            key: Lower case letters, digits and hyphens: it becomes part of host names.
            kind: Production orgs log in at login.salesforce.com, sandboxes and scratch orgs at test.salesforce.com.
            my_domain: Another My Domain URL than the one made from the key.
            site_url: An Experience Cloud site with its path prefix, ``https://acme.my.site.com/customers``.
            session_timeout: Seconds.
            token_format: Of the first app's access tokens.
            jwt_lifetime: Seconds, of JWT access tokens.
            rotate_refresh_tokens: Refresh token rotation of the first app.
            private_key: An RSA key (object or PEM) for the first app; without one all apps share a pair.
            settings: Further attributes of `SimulatedOrg`.
        """
        if key in self.orgs:
            raise ValueError(f"there is already an org {key!r}")
        org_id = random_id("00D", self.random)
        org = SimulatedOrg(
            self, key, kind, org_id, my_domain, site_url=site_url, session_timeout=session_timeout, **settings
        )
        self.hosts.add_org_host(org.my_domain, org)
        if org.site_url:
            self.hosts.add_site(org.site_url, org)
        org.add_user()
        org.add_app(
            private_key=private_key,
            token_format=token_format,
            jwt_lifetime=jwt_lifetime,
            rotate_refresh_tokens=rotate_refresh_tokens,
        )
        if self.origins:
            org.loopback_origin = self.origins[0]
        self.orgs[key] = org
        return org

    def fail_next(
        self,
        *,
        status: int | None = None,
        retry_after: float | str | None = None,
        org: str | None = None,
        path: str | None = None,
        times: int = 1,
        body: FaultBody | bytes | None = None,
        delay: float = 0.0,
        cut: bool = False,
        after: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        """Schedule a `Fault` for the next requests that match. With nothing said at all: one 503."""
        if org is not None and org not in self.orgs:
            raise ValueError(f"there is no org {org!r}")
        if status is None and body is None and not cut and not delay:
            status = 503
        fault = Fault(
            status=status,
            retry_after=retry_after,
            org=org,
            path=path,
            times=times,
            body=body,
            delay=delay,
            cut=cut,
            after=after,
            headers=headers or {},
        )
        self.faults.add(fault)
        return fault

    def serve(
        self, *, ports: int | Sequence[int] = 1, host: str = "127.0.0.1"
    ) -> AbstractAsyncContextManager[RunningServer]:
        """Serve over TCP on loopback; see `sfauth.simulator.server.serve`."""
        from .server import serve

        return serve(self, ports=ports, host=host)

    # ── what endpoints share ─────────────────────────────────────────────────────────────────────────────────────

    def start_session(
        self,
        org: SimulatedOrg,
        app: App | None,
        user: User,
        scope: str,
        issuer: str,
        *,
        approval: Approval | None = None,
        reusable: bool = False,
    ) -> Session:
        """A new session with a new access token, in the app's token format.

        Args:
            approval: What the session hangs on, where it came from a refresh token.
            reusable: Whether a repeated grant of the same user, app and scopes may get this session's token again.
        """
        now = self.now()
        jwt_based = app is not None and app.jwt_based
        timeout = (app.session_timeout if app is not None else None) or org.session_timeout
        token = org.org_id[:15] + "!AQ" + random_token(self.random, 94)
        if app is not None and jwt_based:
            from .oauth.access_tokens import mint

            timeout = app.jwt_lifetime
            token = mint(self, org, app, user, scope, issuer, now)
        session = Session(
            token=token,
            org=org,
            user=user,
            app=app,
            scope=scope,
            issuer=issuer,
            jwt_based=jwt_based,
            started=now,
            timeout=timeout,
            sliding=org.sliding and not jwt_based,
            last_activity=now,
            approval=approval,
        )
        self.sessions.add(session, reusable=reusable)
        for tally in self.counts.of(org.key):
            tally.tokens_issued += 1
        return session

    def revoke_approval(self, approval: Approval) -> None:
        """End a refresh token, and the sessions that came from it; JWT access tokens live on until their `exp`."""
        approval.revoked = True
        for session in self.sessions.of_approval(approval):
            if session.ending is None and not session.jwt_based:
                session.ending = "revoked"
        self.approvals.forget(approval)

    def start_browser_session(
        self, org: SimulatedOrg, user: User, issuer: str, *, scope: str = "full", parent: Session | None = None
    ) -> Session:
        """What a browser gets as the cookie ``sid``. It is no token response, and not counted as one.

        Args:
            parent: The access token's session that opened it, and with which it ends.
        """
        now = self.now()
        session = Session(
            token=org.org_id[:15] + "!AQ" + random_token(self.random, 94),
            org=org,
            user=user,
            app=parent.app if parent is not None else None,
            scope=scope,
            issuer=issuer,
            jwt_based=False,
            started=now,
            timeout=org.session_timeout,
            sliding=org.sliding,
            last_activity=now,
            approval=parent.approval if parent is not None else None,
            parent=parent,
        )
        self.sessions.add(session, reusable=False)
        return session

    # ── ASGI ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the place, meet a fault if one is due, answer, and write it down."""
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"the simulator speaks HTTP only, not {scope['type']}")
        now = self.now()
        host, path = _host(scope), _normalised(scope["path"])
        found, path = self.hosts.find(host, path)
        place = found or Place("ui", f"https://{host}")
        exchange = Exchange(self, place, now)
        body = await _whole_body(receive) if scope["method"] not in ("GET", "HEAD") else b""
        if body is None:
            return None  # the client went away while sending
        scope = {**scope, "path": path, "root_path": "", "exchange": exchange}
        status = 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"date", self._date_header(now))]
            await send(message)

        try:
            fault = None
            if self.faults and not path.startswith(control.PREFIX):
                if self.faults.needs_org:
                    identify(exchange, scope, body)
                fault = self.faults.take(path, exchange.org_key)
            if fault is not None:
                await suffer(fault, exchange, scope, body, self._router, receive, send_noting)
            elif found is None:
                await PlainTextResponse(f"this simulator has no host {host}\n", 421)(scope, receive, send_noting)
            elif place.kind == "ui" and path != TOKEN_PATH:
                page = await browser.lightning(Request(scope))
                await page(scope, receive, send_noting)
            else:
                await self._router(scope, replay(body), send_noting)
        finally:
            self.log.append(LogRecord(now, exchange.org_key, scope["method"], path, status, exchange.error))

    def _date_header(self, now: float) -> bytes:
        second = int(now)
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]


async def _whole_body(receive: Receive) -> bytes | None:
    chunks = []
    async for chunk in _chunks(receive):
        if chunk is None:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


async def _chunks(receive: Receive) -> AsyncIterator[bytes | None]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            yield None
            return
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("Not Found\n", 404)(scope, receive, send)


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            return str(value.decode("latin-1"))
    return ""


def _normalised(path: str) -> str:
    # Salesforce takes doubled and trailing slashes, which clients send when a configured URL ends in one.
    while "//" in path:
        path = path.replace("//", "/")
    return path.rstrip("/") or "/"
