"""Callers, rejections, outages, replaced credentials and time in any order: what must hold at every step of it."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfauth import SfauthError
from tests.support import PATIENCE, World, calls, settle

TOKEN = "/services/oauth2/token"


class Watched(httpx.AsyncBaseTransport):
    """Counts the token requests in flight."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.in_flight = self.most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != TOKEN:
            return await self.inner.handle_async_request(request)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            return await self.inner.handle_async_request(request)
        finally:
            self.in_flight -= 1


class Run:
    """One org, its manager, all callers so far, and what is known to be dead."""

    def __init__(self, world: World, org: Any, manager: Any, start: Any, watched: Watched, grant: Any) -> None:
        self.world, self.org, self.manager, self.start, self.watched = world, org, manager, start, watched
        self.grant = grant
        self.source = manager.source("acme")
        self.callers: list[Any] = []
        self.dead: set[str] = set()
        self.generation = 0
        self.signatures = [0]

    # ── steps ──

    async def acquire(self, _: int) -> None:
        self.callers.append(self.start(self._use, self.source.acquire))

    async def refresh(self, _: int) -> None:
        self.callers.append(self.start(self._use, self.source.refresh))

    async def straggler(self, number: int) -> None:
        """A request that was signed a while ago comes back with a 401."""
        generation = self.signatures[number % len(self.signatures)]
        if generation == self.source.generation and self.source.current is not None:
            self.dead.add(self.source.current.access_token)
        self.source.reject(generation)
        self.callers.append(self.start(self._use, self.source.acquire))

    async def accepted(self, _: int) -> None:
        self.source.accepted = self.source.generation

    async def invalidate(self, _: int) -> None:
        self.source.invalidate()

    async def cancel(self, number: int) -> None:
        waiting = [call for call in self.callers if not call.over]
        if waiting:
            waiting[number % len(waiting)].cancel()

    async def time(self, number: int) -> None:
        await self.world.clock.advance((0.3, 1.0, 7.0, 60.0, 1_500.0, 5_600.0, 8_000.0)[number % 7])

    async def suspend(self, number: int) -> None:
        self.world.clock.suspend((60.0, 20_000.0)[number % 2])

    async def outage(self, number: int) -> None:
        fault: dict[str, Any] = ({"status": 503}, {"cut": True}, {"status": 429, "retry_after": 30})[number % 3]
        self.world.simulator.fail_next(path=TOKEN, times=1 + number % 2, **fault)

    async def sessions_end(self, _: int) -> None:
        self.org.expire_sessions()

    async def rotation(self, number: int) -> None:
        self.org.app.rotate_refresh_tokens = number % 2 == 0

    async def replace(self, number: int) -> None:
        """The same identity, said in another way."""
        self.manager.add("acme", self.grant(client_auth=("basic", "post")[number % 2]), org=self.org.my_domain)

    async def reset(self, _: int) -> None:
        self.source.reset()

    # ── what must hold ──

    async def _use(self, function: Any) -> Any:
        token = await function()
        assert token.access_token not in self.dead, "a rejected token was handed out"
        assert token is self.source.current
        self.signatures.append(self.source.generation)
        return token

    def check(self) -> None:
        assert self.watched.most <= 1, "two token requests at once"
        assert self.source.generation >= self.generation, "the generation went back"
        self.generation = self.source.generation
        if self.source.current is not None:
            assert self.source.current.access_token not in self.dead
        for call in self.callers:
            if call.error is not None:
                assert isinstance(call.error, SfauthError), call.error
        for approval in self.world.simulator.approvals.of_org(self.org):
            assert not approval.revoked
        assert "invalid_grant" not in self.world.refusals(), "a refresh token was used twice"


STEPS = [
    "acquire",
    "acquire",
    "refresh",
    "straggler",
    "straggler",
    "accepted",
    "invalidate",
    "cancel",
    "cancel",
    "time",
    "time",
    "suspend",
    "outage",
    "sessions_end",
    "rotation",
    "replace",
    "reset",
]


@pytest.mark.parametrize("grant", ["refresh", "credentials"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 20)), min_size=5, max_size=40),
    latency=st.sampled_from([0.0, 1.0]),
    rotate=st.booleans(),
)
async def test_whatever_happens_in_whatever_order(grant, steps, latency, rotate):
    world = World()
    org = world.org(token_latency=latency, rotate_refresh_tokens=rotate)
    fields = {"refresh_token": org.issue_refresh_token()} if grant == "refresh" else {}
    watched = Watched(world.transport)

    def make(**more):
        return getattr(world, grant)(org, **fields, **more)

    async with world.manager(transport=watched) as manager, calls() as start:
        manager.add("acme", make(), org=org.my_domain)
        run = Run(world, org, manager, start, watched, make)
        try:
            with anyio.fail_after(PATIENCE):
                await play(run, steps)
        finally:
            # Closing waits for a refresh that is under way, and so for time to pass.
            with anyio.CancelScope(shield=True):
                await world.clock.advance(5)
    assert watched.in_flight == 0


async def play(run, steps):
    for name, number in steps:
        await getattr(run, name)(number)
        await settle()
        run.check()
    # No more trouble from now on: everybody comes to an end, and the org is well again.
    run.world.simulator.faults.clear()
    await run.world.clock.advance(700)
    run.check()
    assert all(call.over for call in run.callers), "somebody waits for ever"
    run.org.reuse_sessions = False
    run.source.reset()
    refreshed = run.start(run.source.refresh)
    await run.world.clock.advance(2)
    assert await run.world.alive(refreshed.result())
    run.check()
