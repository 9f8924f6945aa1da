"""Promise 10: only orgs in use are refreshed ahead of time, unless an org is to be kept alive."""

from __future__ import annotations

import pytest

from tests.support import opaque, reply, settle


async def test_an_idle_org_lapses(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        await manager.token("acme")
        await world.clock.advance(24 * 3600)
    assert world.token_requests() == 1


async def test_an_org_that_lapsed_gets_a_new_token_when_it_is_used_again(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        await manager.token("acme")
        await world.clock.advance(24 * 3600)
        assert await world.alive(await manager.token("acme"))
    assert world.token_requests() == 2


async def test_an_org_used_once_since_its_token_came_is_refreshed_once(world):
    async with world.scripted(keep_alive=False) as acme:
        await acme.first(expires_in=1000)
        await acme.clock.advance(10)
        await acme.token()
        acme.endpoint.answers.extend(reply(number, expires_in=1000) for number in range(2, 9))
        await acme.clock.advance(10_000)
        assert len(acme.endpoint) == 2


@pytest.mark.parametrize("whose", ["manager", "org"])
async def test_an_org_to_be_kept_alive_is_refreshed_though_nobody_uses_it(world, whose):
    async with world.manager(keep_alive=whose == "manager") as manager:
        org = world.org(session_timeout=7200.0)
        manager.add("acme", world.refresh(org), org=org.my_domain, keep_alive=True if whose == "org" else None)
        await manager.token("acme")
        await world.clock.advance(24 * 3600)
        assert await world.alive(await manager.token("acme"))
    assert 16 <= world.token_requests() <= 20


async def test_one_org_may_lapse_where_all_others_are_kept_alive(world):
    async with world.scripted(keep_alive=True) as acme:
        acme.manager.add("idle", world.credentials(world.org("idle")), org="idle", keep_alive=False)
        assert acme.source.keep_alive
        assert not acme.manager.source("idle").keep_alive


async def test_an_inactivity_policy_does_not_kill_the_refresh_token_of_an_org_that_is_kept_alive(world):
    org = world.org()
    org.app.refresh_token_inactivity = 4 * 3600.0
    async with world.manager(keep_alive=True) as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        await manager.token("acme")
        await world.clock.advance(24 * 3600)
        assert await world.alive(await manager.token("acme"))


async def test_it_survives_an_outage_that_is_longer_than_the_token_lives(world):
    async with world.scripted(keep_alive=True) as acme:
        await acme.first(expires_in=1000)
        acme.endpoint.answers.extend([reply(status=503)] * 500)
        await acme.clock.advance(3 * 3600)
        tried = len(acme.endpoint)
        assert tried < 500
        acme.endpoint.answers.clear()
        acme.endpoint.answers.extend([reply(2, expires_in=100_000)])
        await acme.clock.advance(3600)
        assert len(acme.endpoint) == tried + 1
        assert acme.source.current.access_token == opaque(2)


async def test_it_survives_an_administrator_who_ends_the_session(world):
    async with world.scripted(keep_alive=True) as acme:
        await acme.first(expires_in=1000)
        acme.source.reject(1)
        acme.endpoint.answers.append(reply(2, expires_in=1000))
        await acme.clock.advance(3600)
        assert len(acme.endpoint) >= 2


async def test_a_due_token_of_an_idle_org_is_served_and_refreshed_at_its_next_use(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=1000)
        await acme.clock.advance(800)
        assert len(acme.endpoint) == 1
        assert (await acme.token()).access_token == opaque(1)
        await settle()
        assert len(acme.endpoint) == 2
