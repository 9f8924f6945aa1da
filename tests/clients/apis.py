"""What tests of the HTTP side share: one org whose logins the simulator serves, and whose APIs answer on command."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from sfauth import SalesforceAuth, SalesforceClient, TokenManager, TokenSource
from sfauth.simulator import SimulatedOrg
from tests.support import World

__all__ = ["EXPIRED", "Acme", "Apis", "Body", "Flow", "Sent", "an_org", "answer", "bearer", "ended", "expired", "flow"]

EXPIRED = b'[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'
TOKEN_PATH = "/services/oauth2/token"


def expired(request: httpx.Request | None = None) -> httpx.Response:
    """REST's way to say that the session is over."""
    return httpx.Response(401, headers={"content-type": "application/json"}, stream=Body([EXPIRED]))


class Body(httpx.AsyncByteStream):
    """A body that comes in pieces, and how much of it was asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.read = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.read += len(chunk)
            yield chunk

    async def aclose(self) -> None:
        self.closed = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it left."""

    method: str
    url: str
    headers: httpx.Headers
    body: bytes

    @property
    def bearer(self) -> str | None:
        value = self.headers.get("authorization")
        return None if value is None else str(value.removeprefix("Bearer "))


Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Apis(httpx.AsyncBaseTransport):
    """Token requests go to the simulator, and so do all others once the scripted answers are used up.

    Attributes:
        answers: For the next API requests, in order.
        always: For every API request; taken when there are no `answers`.
        sent: API requests as they left.
        logins: How many token requests there were.
    """

    def __init__(self, simulator: httpx.AsyncBaseTransport) -> None:
        self._simulator = simulator
        self.answers: deque[Answer] = deque()
        self.always: Answer | None = None
        self.sent: list[Sent] = []
        self.logins = 0
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == TOKEN_PATH:
            self.logins += 1
            return await self._simulator.handle_async_request(request)
        scripted = self.answers.popleft() if self.answers else self.always
        if scripted is None:
            self._note(request, request.content if isinstance(request.stream, httpx.ByteStream) else b"")
            return await self._simulator.handle_async_request(request)
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self._note(request, b"".join([chunk async for chunk in request.stream]))
        answer = scripted(request) if callable(scripted) else scripted
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _note(self, request: httpx.Request, body: bytes) -> None:
        self.sent.append(Sent(method=request.method, url=str(request.url), headers=request.headers.copy(), body=body))

    async def aclose(self) -> None:
        self.closed = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Acme:
    """One org and all that a test may want to hold of it."""

    world: World
    org: SimulatedOrg
    apis: Apis
    manager: TokenManager

    @property
    def source(self) -> TokenSource:
        return self.manager.source("acme")

    def client(self, **options: Any) -> SalesforceClient:
        return self.manager.client("acme", **options)

    async def access_token(self) -> str:
        return (await self.manager.token("acme")).access_token

    @property
    def sent(self) -> list[Sent]:
        return self.apis.sent


@asynccontextmanager
async def an_org(seed: object, *, grant: str = "refresh", **settings: Any) -> AsyncIterator[Acme]:
    """An org, known to a manager as ``acme``. Its default grant, a refresh token, gives a new token each time."""
    world = World(seed)
    org = world.org("acme", **settings)
    apis = Apis(world.transport)
    async with world.manager(transport=apis, introspect=False) as manager:
        manager.add("acme", getattr(world, grant)(org), org=org.my_domain)
        yield Acme(world=world, org=org, apis=apis, manager=manager)


# ── auth driven by hand ──────────────────────────────────────────────────────────────────────────────────────────────

Flow = AsyncGenerator[httpx.Request, httpx.Response]


def answer(status: int = 200, body: bytes | httpx.AsyncByteStream = b"", **headers: str) -> httpx.Response:
    """As a transport gives it: unread."""
    stream = Body([body]) if isinstance(body, bytes) else body
    return httpx.Response(status, headers={k.replace("_", "-"): v for k, v in headers.items()}, stream=stream)


@asynccontextmanager
async def flow(auth: SalesforceAuth, request: httpx.Request) -> AsyncIterator[Flow]:
    """The requests that auth makes of one."""
    async with aclosing(auth.async_auth_flow(request)) as requests:
        yield requests


async def ended(requests: Flow, response: httpx.Response) -> bool:
    """Whether auth has no further request after this answer."""
    try:
        await requests.asend(response)
    except StopAsyncIteration:
        return True
    return False


def bearer(request: httpx.Request) -> str:
    """The token that a request carries."""
    scheme, _, token = request.headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    return str(token)
