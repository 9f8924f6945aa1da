"""`introspect` and `revoke` at a whole (simulated) org: whose tokens an app sees, and what ends with what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest

from sfauth import ClientCredentialsGrant, Org, RefreshTokenGrant, TokenEndpoint
from sfauth.simulator import App, SimulatedOrg, Simulator
from sfauth.testing import VirtualClock


class World:
    def __init__(self, http: httpx.AsyncClient, org: SimulatedOrg, clock: VirtualClock) -> None:
        self.simulated = org
        self.org = Org(org.my_domain)
        self.clock = clock
        self.endpoint = TokenEndpoint(http, clock=clock, random=Random(1))

    def app(self, app: App | None = None) -> ClientCredentialsGrant:
        app = app or self.simulated.app
        return ClientCredentialsGrant(client_id=app.client_id, client_secret=app.client_secret)

    def user(self, refresh_token: str | None = None) -> RefreshTokenGrant:
        app = self.simulated.app
        return RefreshTokenGrant(
            client_id=app.client_id,
            client_secret=app.client_secret,
            refresh_token=refresh_token or self.simulated.issue_refresh_token(),
        )

    async def alive(self, token: str, grant: ClientCredentialsGrant | None = None) -> bool:
        known = await self.endpoint.introspect(token, grant or self.app(), self.org)
        assert known is not None
        return known.active


@pytest.fixture
async def world() -> AsyncIterator[World]:
    clock = VirtualClock()
    simulator = Simulator(now=clock.wall, sleep=clock.sleep)
    org = simulator.add_org("acme")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=simulator)) as http:
        yield World(http, org, clock)


async def test_an_app_sees_its_own_access_tokens(world: World) -> None:
    token = await world.endpoint.fetch(world.app(), world.org)
    known = await world.endpoint.introspect(token.access_token, world.app(), world.org)

    assert known is not None
    assert known.active
    assert (known.username, known.client_id) == (world.simulated.user.username, world.simulated.app.client_id)
    assert known.expires_at == pytest.approx(world.clock.wall() + 7200, abs=2)


async def test_an_app_sees_its_own_refresh_tokens(world: World) -> None:
    grant = world.user()
    known = await world.endpoint.introspect(str(grant.refresh_token), grant, world.org)

    assert known is not None
    assert (known.active, known.token_type) == (True, "refresh_token")


async def test_another_apps_token_looks_dead(world: World) -> None:
    token = await world.endpoint.fetch(world.app(), world.org)
    assert not await world.alive(token.access_token, world.app(world.simulated.add_app()))


async def test_one_app_may_see_the_tokens_of_all(world: World) -> None:
    token = await world.endpoint.fetch(world.app(), world.org)
    watcher = world.simulated.add_app(introspect_all_tokens=True)
    assert await world.alive(token.access_token, world.app(watcher))


async def test_a_token_that_ended_is_inactive(world: World) -> None:
    token = await world.endpoint.fetch(world.app(), world.org)
    await world.clock.advance(7300)
    assert not await world.alive(token.access_token)
    assert not await world.alive("00D000000000001!never.was")


async def test_revoking_an_access_token_leaves_the_refresh_token(world: World) -> None:
    grant = world.user()
    token = await world.endpoint.fetch(grant, world.org)

    await world.endpoint.revoke(token.access_token, world.org)

    assert not await world.alive(token.access_token)
    assert (await world.endpoint.fetch(grant, world.org)).access_token != token.access_token


async def test_revoking_a_refresh_token_ends_its_access_tokens(world: World) -> None:
    grant = world.user()
    token = await world.endpoint.fetch(grant, world.org)

    await world.endpoint.revoke(str(grant.refresh_token), world.org)

    assert not await world.alive(token.access_token)
    assert not await world.alive(str(grant.refresh_token))


async def test_revoking_twice_is_no_error(world: World) -> None:
    token = await world.endpoint.fetch(world.app(), world.org)
    await world.endpoint.revoke(token.access_token, world.org)
    await world.endpoint.revoke(token.access_token, world.org)
