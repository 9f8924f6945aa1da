"""What tests of the heart share: a simulated Salesforce on virtual time, a token endpoint that answers on command."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from random import Random
from typing import Any
from urllib.parse import parse_qs

import anyio
import anyio.lowlevel
import httpx

from sfauth import (
    ClientCredentialsGrant,
    Event,
    JWTBearerGrant,
    MemoryStore,
    RefreshTokenGrant,
    TokenManager,
    TokenSource,
)
from sfauth.errors import StoreUnavailableError
from sfauth.simulator import SimulatedOrg, Simulator
from sfauth.simulator.keys import KeyRing
from sfauth.testing import VirtualClock
from sfauth.testing import settle as settle_thoroughly

__all__ = [
    "ACME",
    "Call",
    "Endpoint",
    "FlakyStore",
    "Held",
    "World",
    "calls",
    "credentials",
    "opaque",
    "outcomes",
    "refresh_token_grant",
    "reply",
    "settle",
]

KEYS = KeyRing()  # one RSA key for the whole run: making one takes a tenth of a second
PATIENCE = 10.0  # real seconds after which a test that hangs fails
START = 1_800_000_000.0
ACME = "https://acme.my.salesforce.com"


async def settle() -> None:
    """Wait until nothing goes on any more. A few turns first: on asyncio, the thorough way looks every 0.1 s only."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()
    await settle_thoroughly()


# ── callers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Call:
    """Somebody who waits for something: what came of it, once it came."""

    def __init__(self) -> None:
        self.value: Any = None
        self.error: Exception | None = None
        self.cancelled = False
        self.done = anyio.Event()
        self._scope = anyio.CancelScope()

    async def run(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        try:
            with self._scope:
                self.value = await function(*args)
            self.cancelled = self._scope.cancelled_caught
        except Exception as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error
        finally:
            self.done.set()

    def cancel(self) -> None:
        self._scope.cancel()

    @property
    def over(self) -> bool:
        return self.done.is_set()

    def result(self) -> Any:
        """What was returned; raises what was raised."""
        assert self.over, "the call hasn't come back yet"
        assert not self.cancelled, "the call was cancelled"
        if self.error is not None:
            raise self.error
        return self.value


@asynccontextmanager
async def calls() -> AsyncIterator[Callable[..., Call]]:
    """``start(function, *args)`` runs it beside the test. Whoever still waits at the end is cancelled."""
    failed: BaseException | None = None
    async with anyio.create_task_group() as tasks:

        def start(function: Callable[..., Awaitable[Any]], *args: Any) -> Call:
            call = Call()
            tasks.start_soon(call.run, function, *args)
            return call

        try:
            yield start
        except Exception as error:  # noqa: BLE001 - raised again below, outside of the group that would wrap it
            failed = error
        tasks.cancel_scope.cancel()
    if failed is not None:
        raise failed


async def outcomes(function: Callable[..., Awaitable[Any]], *args: Any, times: int) -> list[Any]:
    """Call it so many times at once; the values and exceptions that came."""
    made = [Call() for _ in range(times)]
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            for call in made:
                tasks.start_soon(call.run, function, *args)
    return [call.value if call.error is None else call.error for call in made]


# ── a token endpoint that answers on command ─────────────────────────────────────────────────────────────────────────


def opaque(number: int) -> str:
    """An access token, different for each number."""
    return f"00D000000000001!AQ{number:04}"


def reply(
    number: int = 1, *, status: int = 200, headers: dict[str, str] | None = None, **fields: Any
) -> httpx.Response:
    """A token response; a field given as None is left out."""
    body = {"access_token": opaque(number), "instance_url": ACME, "token_type": "Bearer", **fields}
    return httpx.Response(
        status, json={name: value for name, value in body.items() if value is not None}, headers=headers
    )


def refused(error: str, description: str | None = None, *, status: int = 400, **options: Any) -> httpx.Response:
    """An error of the token endpoint (RFC 6749 section 5.2)."""
    body = {"error": error} if description is None else {"error": error, "error_description": description}
    return httpx.Response(status, json=body, **options)


class Held:
    """A request that waits for the test to answer it."""

    def __init__(self, request: httpx.Request) -> None:
        self.request = request
        self.path = request.url.path
        self.host = request.url.host
        self.form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.cancelled = False
        self._answer: httpx.Response | Exception | None = None
        self._released = anyio.Event()

    def answer(self, what: httpx.Response | Exception) -> None:
        self._answer = what
        self._released.set()

    async def wait(self) -> httpx.Response:
        try:
            with anyio.fail_after(PATIENCE):
                await self._released.wait()
        except anyio.get_cancelled_exc_class():
            self.cancelled = True
            raise
        if isinstance(self._answer, Exception):
            raise self._answer
        assert self._answer is not None
        return self._answer


class Endpoint(httpx.AsyncBaseTransport):
    """Holds each request until the test answers it, or answers by itself from a queue.

    Attributes:
        requests: All that came, in order.
        answers: Given to the next requests, as they come; those after that are held.
        most_at_once: How many were in flight at the busiest moment.
    """

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.requests: list[Held] = []
        self.answers: deque[httpx.Response | Exception] = deque(answers)
        self.most_at_once = 0
        self._in_flight = 0
        self.closed = False

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def last(self) -> Held:
        return self.requests[-1]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        held = Held(request)
        self.requests.append(held)
        if self.answers:
            held.answer(self.answers.popleft())
        self._in_flight += 1
        self.most_at_once = max(self.most_at_once, self._in_flight)
        try:
            response = await held.wait()
        finally:
            self._in_flight -= 1
        # A copy: one answer may be queued several times.
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)

    async def aclose(self) -> None:
        self.closed = True


def credentials(**fields: Any) -> ClientCredentialsGrant:
    """A client credentials grant."""
    return ClientCredentialsGrant(**{"client_id": "3MVG9consumerkey", "client_secret": "consumer-secret-1", **fields})


def refresh_token_grant(refresh_token: Any = "5Aep861first", **fields: Any) -> RefreshTokenGrant:
    """A refresh token grant."""
    values = {"client_id": "3MVG9consumerkey", "client_secret": "consumer-secret-1", **fields}
    return RefreshTokenGrant(refresh_token=refresh_token, **values)


# ── a store that comes and goes ──────────────────────────────────────────────────────────────────────────────────────


class FlakyStore(MemoryStore):
    """A memory store that can't be reached while ``down`` is set; ``calls`` says what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.only: set[str] | None = None
        self.calls: list[str] = []

    def _reach(self, method: str) -> None:
        self.calls.append(method)
        if self.down and (self.only is None or method in self.only):
            raise StoreUnavailableError("The store can't be reached.")

    async def get(self, key):
        self._reach("get")
        return await super().get(key)

    async def put(self, key, record, *, expected):
        self._reach("put")
        return await super().put(key, record, expected=expected)

    async def delete(self, key):
        self._reach("delete")
        await super().delete(key)

    @asynccontextmanager
    async def lease(self, key, *, waits_for=None):
        self._reach("lease")
        async with super().lease(key, waits_for=waits_for):
            yield

    @property
    def record(self):
        """The only one that there is."""
        (record,) = self._records.values()
        return record


# ── the world ────────────────────────────────────────────────────────────────────────────────────────────────────────


class World:
    """Managers and a simulated Salesforce on one virtual clock.

    The server's clock does not follow ``clock.step_wall``: that is this machine's wall clock. ``server_ahead`` is by
    how many seconds the server's is ahead of true time.
    """

    def __init__(self, seed: object = 0) -> None:
        self.clock = VirtualClock(START)
        self.server_ahead = 0.0
        self.random = Random(str(seed))
        self.simulator = Simulator(now=self.server_now, random=Random(0), sleep=self.clock.sleep)
        self.simulator.keys = KEYS
        self.transport = httpx.ASGITransport(app=self.simulator)
        self.events: list[Event] = []

    def server_now(self) -> float:
        return START - 1_000.0 + self.clock.elapsed() + self.server_ahead

    # ── set-up ──

    def org(self, key: str = "acme", **settings: Any) -> SimulatedOrg:
        return self.simulator.add_org(key, **settings)

    def manager(self, **options: Any) -> TokenManager:
        return TokenManager(
            **{
                "transport": self.transport,
                "clock": self.clock,
                "random": Random(1),
                "hook": self.events.append,
                **options,
            }
        )

    @asynccontextmanager
    async def scripted(self, *answers: httpx.Response | Exception, **options: Any) -> AsyncIterator[Scripted]:
        """A manager with one org, ``acme``, whose token endpoint does what the test says."""
        endpoint = Endpoint(*answers)
        grant = options.pop("grant", None) or credentials()
        added = {name: options.pop(name) for name in ("assumed_lifetime", "keep_alive") if name in options}
        async with self.manager(**{"transport": endpoint, "introspect": False, **options}) as manager:
            manager.add("acme", grant, org=ACME, **added)
            yield Scripted(self, manager, endpoint)

    def jwt(self, org: SimulatedOrg, **fields: Any) -> JWTBearerGrant:
        return JWTBearerGrant(
            **{
                "client_id": org.app.client_id,
                "username": org.user.username,
                "private_key": org.app.private_key_pem,
                **fields,
            }
        )

    def credentials(self, org: SimulatedOrg, **fields: Any) -> ClientCredentialsGrant:
        return ClientCredentialsGrant(
            **{"client_id": org.app.client_id, "client_secret": org.app.client_secret, **fields}
        )

    def refresh(self, org: SimulatedOrg, refresh_token: Any = None, **fields: Any) -> RefreshTokenGrant:
        return RefreshTokenGrant(
            **{
                "client_id": org.app.client_id,
                "client_secret": org.app.client_secret,
                "refresh_token": refresh_token or org.issue_refresh_token(),
                **fields,
            }
        )

    # ── the server's side ──

    def counts(self, org: str = "acme") -> dict[str, Any]:
        every: dict[str, Any] = self.simulator.counts.as_dict()["orgs"]
        return every.get(org, self.simulator.counts[org].as_dict())

    def token_requests(self, org: str = "acme") -> int:
        return int(self.counts(org)["token_requests_total"])

    def refusals(self, org: str = "acme") -> dict[str, int]:
        """Token requests that were not answered by a token, by error."""
        found: dict[str, int] = {}
        for outcomes in self.counts(org)["token_requests"].values():
            for outcome, number in outcomes.items():
                if outcome not in ("issued", "reissued"):
                    found[outcome] = found.get(outcome, 0) + number
        return found

    async def alive(self, token: Any) -> bool:
        """Whether the org's REST API takes the token."""
        async with httpx.AsyncClient(transport=self.transport) as http:
            answer = await http.get(
                f"{token.instance_url}/services/data/v66.0/limits",
                headers={"authorization": f"Bearer {token.access_token}"},
            )
        return answer.status_code == 200

    # ── our side ──

    def named(self, name: str) -> list[Any]:
        return [event for event in self.events if event.name == name]


class Scripted:
    """What `World.scripted` gives."""

    def __init__(self, world: World, manager: TokenManager, endpoint: Endpoint) -> None:
        self.world = world
        self.clock = world.clock
        self.manager = manager
        self.endpoint = endpoint

    @property
    def source(self) -> TokenSource:
        return self.manager.source("acme")

    async def token(self) -> Any:
        with anyio.fail_after(PATIENCE):
            return await self.manager.token("acme")

    async def first(self, **fields: Any) -> Any:
        """Log in: token number 1."""
        self.endpoint.answers.append(reply(1, **fields))
        return await self.token()


def with_date(response: httpx.Response, unix_seconds: float) -> httpx.Response:
    """The same answer with a ``Date``."""
    response.headers["date"] = formatdate(unix_seconds, usegmt=True)
    return response


def jwt_token(**claims: Any) -> str:
    """A JWT access token that nobody verifies."""
    import base64

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    header = {"alg": "RS256", "typ": "JWT", "tnk": "core/na1/00D000000000001AAA"}
    return f"{part(header)}.{part(claims)}.c2lnbmF0dXJl"
