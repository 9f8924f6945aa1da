"""Promise 9: clocks jump, machines sleep, and a wrong clock can still log in."""

from __future__ import annotations

import pytest

from sfauth.stores import MemoryStore
from tests.support import calls, jwt_token, opaque, reply, settle, with_date

HOUR = 3600.0


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
@pytest.mark.parametrize("grant", ["jwt", "credentials", "refresh"])
async def test_a_jump_of_the_wall_clock_causes_no_request_at_all(world, jump, grant):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", getattr(world, grant)(org), org=org.my_domain)
        first = await manager.token("acme")
        world.clock.step_wall(jump)
        for _ in range(60):
            await world.clock.advance(60)
            assert await manager.token("acme") is first
        assert world.token_requests() == 1


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
@pytest.mark.parametrize("token_format", ["opaque", "jwt"])
async def test_after_a_jump_of_the_wall_clock_refreshes_go_on_as_before(world, jump, token_format):
    org = world.org(token_format=token_format, jwt_lifetime=1800.0, session_timeout=1800.0)
    async with world.manager() as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        await manager.token("acme")
        world.clock.step_wall(jump)
        for _ in range(6 * 20):
            assert await world.alive(await manager.token("acme"))
            await world.clock.advance(180)
    assert 12 <= world.token_requests() <= 20


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_an_assertion_signed_right_after_a_jump_is_accepted(world, jump):
    org = world.org(reuse_sessions=False)
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        await manager.token("acme")
        world.clock.step_wall(jump)
        assert await world.alive(await manager.refresh("acme"))
        requests = world.token_requests()
        assert await manager.refresh("acme")
        assert world.token_requests() == requests + 1


async def test_a_suspended_machine_fetches_a_new_token_when_it_wakes(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        before = await manager.token("acme")
        world.clock.suspend(3 * HOUR)
        after = await manager.token("acme")
        assert after is not before
        assert await world.alive(after)
    assert world.token_requests() == 2


async def test_the_timer_notices_within_half_a_minute_that_the_machine_was_suspended(world):
    async with world.scripted(keep_alive=True) as acme:
        await acme.first(expires_in=10_000)
        world.clock.suspend(8_000)
        await acme.clock.advance(30)
        assert len(acme.endpoint) == 2


@pytest.mark.parametrize("ahead", [900.0, -900.0])
async def test_a_machine_with_a_wrong_clock_logs_in_with_one_try_more(world, ahead):
    org = world.org()
    world.server_ahead = ahead
    async with world.manager() as manager, calls() as start:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        waiting = [start(manager.token, "acme") for _ in range(10)]
        await settle()
        for call in waiting:
            assert await world.alive(call.result())
        first = world.token_requests()
        org.expire_sessions()
        await manager.refresh("acme")
        assert world.token_requests() == first + 1
    # A server that is behind takes an assertion from the future: only one that is ahead finds it expired.
    assert first == (2 if ahead > 0 else 1)


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
async def test_the_exp_of_a_jwt_is_read_by_the_servers_clock(world, ahead):
    server = world.clock.wall() + ahead
    token = jwt_token(exp=server + 1800, iat=server)
    async with world.scripted(with_date(reply(access_token=token), server)) as acme:
        await acme.token()
        assert acme.manager.status()["acme"].lifetime == pytest.approx(1800, abs=2)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_shared_token_seen_through_a_jumped_clock_causes_no_loop(world, jump):
    store = MemoryStore()
    answers = [reply(number) for number in range(1, 20)]
    async with world.scripted(*answers, store=store) as one, world.scripted(store=store) as two:
        await one.token()
        world.clock.step_wall(jump)
        two.endpoint.answers.extend(reply(number) for number in range(100, 110))
        for _ in range(50):
            await two.token()
            await world.clock.advance(1)
        assert len(two.endpoint) <= 1
        assert (await one.token()).access_token in (opaque(1), opaque(100))
