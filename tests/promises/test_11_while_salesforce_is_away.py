"""Promise 11: while a refresh fails and the token lives, callers get the token, and tries become rarer."""

from __future__ import annotations

import httpx
import pytest

from sfauth import ConfigurationError, State, TryLaterError
from tests.support import calls, opaque, outcomes, refused, reply, settle


async def test_callers_get_the_living_token_while_its_refresh_fails(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=10_000)
        await acme.clock.advance(7_600)
        acme.endpoint.answers.extend([reply(status=503)] * 1000)
        for _ in range(200):
            assert (await acme.token()).access_token == opaque(1)
            await acme.clock.advance(10)
        assert acme.manager.status()["acme"].state is State.FAILING
        assert "503" in acme.manager.status()["acme"].last_error
    assert len(acme.endpoint) < 30


async def test_when_salesforce_is_back_the_next_try_succeeds_without_anybody_asking(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=10_000)
        await acme.clock.advance(7_600)
        acme.endpoint.answers.extend([reply(status=503)] * 3)
        await acme.token()
        await acme.clock.advance(1)
        await acme.token()
        acme.endpoint.answers.extend([reply(2, expires_in=10_000)])
        await acme.clock.advance(300)
        assert acme.source.current.access_token == opaque(2)
        assert acme.manager.status()["acme"].last_error is None


async def test_tries_double_their_distance_up_to_the_ceiling(world):
    async with world.scripted(keep_alive=True, jitter=0.0, retry_interval=1.0, retry_ceiling=64.0) as acme:
        await acme.first(expires_in=100_000)
        await acme.clock.advance(74_999)
        acme.endpoint.answers.extend([reply(status=503)] * 1000)
        await acme.clock.advance(20_000)
    tries = [event.retry_in for event in world.named("refresh_failed")]
    assert all(1.0 <= wait <= min(2.0**number, 64.0) for number, wait in enumerate(tries))
    assert max(tries) > 32
    assert 20_000 / 64 <= len(tries) <= 20_000 / 64 * 2.5
    assert len(set(tries[1:])) == len(tries[1:])


@pytest.mark.parametrize("given", ["120", "Fri, 15 Jan 2027 08:02:00 GMT"])
async def test_retry_after_is_a_floor(world, given):
    async with world.scripted() as acme:
        acme.endpoint.answers.append(reply(status=429, headers={"retry-after": given}))
        assert isinstance((await outcomes(acme.token, times=1))[0], TryLaterError)
        for _ in range(119):
            assert isinstance((await outcomes(acme.token, times=1))[0], TryLaterError)
            await acme.clock.advance(1)
        assert len(acme.endpoint) == 1
        acme.endpoint.answers.append(reply(1))
        await acme.clock.advance(1.5)
        assert (await acme.token()).access_token == opaque(1)


async def test_retry_after_below_the_backoff_does_not_shorten_it(world):
    async with world.scripted(retry_interval=10.0) as acme:
        acme.endpoint.answers.append(reply(status=503, headers={"retry-after": "1"}))
        await outcomes(acme.token, times=1)
        await acme.clock.advance(5)
        await outcomes(acme.token, times=1)
        assert len(acme.endpoint) == 1


async def test_a_cold_org_whose_endpoint_fails_raises_the_same_error_until_another_try_makes_sense(world):
    async with world.scripted(httpx.ConnectError("refused")) as acme:
        for _ in range(20):
            with pytest.raises(TryLaterError, match="refused"):
                await acme.token()
        assert len(acme.endpoint) == 1
        await acme.clock.advance(2)
        acme.endpoint.answers.append(reply(1))
        assert await acme.token()


async def test_a_fatal_refusal_of_a_refresh_still_leaves_the_living_token(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=10_000)
        await acme.clock.advance(7_600)
        acme.endpoint.answers.append(refused("inactive_user"))
        for _ in range(20):
            assert (await acme.token()).access_token == opaque(1)
            await acme.clock.advance(60)
        assert acme.manager.status()["acme"].state is State.BLOCKED
        await acme.clock.advance(2_000)
        with pytest.raises(ConfigurationError):
            await acme.token()
    assert len(acme.endpoint) == 2


async def test_an_opaque_token_past_its_thought_end_is_served_while_salesforce_is_away(world):
    # A session in use slides on, so the end was a guess.
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        await acme.clock.advance(7_300)
        acme.endpoint.answers.append(reply(status=503))
        assert (await acme.token()).access_token == opaque(1)
        assert (await acme.token()).access_token == opaque(1)
    assert len(acme.endpoint) == 2


async def test_a_token_past_a_certain_end_is_not_served(world):
    async with world.scripted(reply(1, expires_in=7_200)) as acme:
        await acme.token()
        await acme.clock.advance(7_300)
        acme.endpoint.answers.append(reply(status=503))
        with pytest.raises(TryLaterError):
            await acme.token()


async def test_a_rejected_token_is_not_served_while_salesforce_is_away(world):
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        acme.source.reject(1)
        acme.endpoint.answers.append(reply(status=503))
        with pytest.raises(TryLaterError):
            await acme.token()


async def test_who_asked_for_a_new_token_gets_the_error_and_not_the_old_one(world):
    async with world.scripted(reply(1), reply(status=503)) as acme:
        await acme.token()
        with pytest.raises(TryLaterError):
            await acme.manager.refresh("acme")
        assert (await acme.token()).access_token == opaque(1)


async def test_a_refresh_that_hangs_delays_nobody_before_the_end_of_the_token(world):
    async with world.scripted() as acme, calls() as start:
        await acme.first(expires_in=10_000)
        await acme.clock.advance(7_600)
        for _ in range(20):
            call = start(acme.token)
            await settle()
            assert call.result().access_token == opaque(1)
            await acme.clock.advance(100)
    assert len(acme.endpoint) == 2
