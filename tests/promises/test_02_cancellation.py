"""Promise 2: cancelling whoever waits harms nobody, and the answer to a rotating refresh token is kept in any case."""

from __future__ import annotations

import pytest

from tests.support import calls, opaque, refresh_token_grant, reply, settle


@pytest.mark.parametrize("victims", [[0], [1], [0, 2], [1, 2, 3]], ids=["leader", "follower", "two", "all but leader"])
async def test_cancelling_some_callers_leaves_the_others_their_token(world, victims):
    async with world.scripted() as acme, calls() as start:
        waiting = [start(acme.token) for _ in range(4)]
        await settle()
        for number in victims:
            waiting[number].cancel()
        await settle()
        acme.endpoint.last.answer(reply(1))
        await settle()
        for number, call in enumerate(waiting):
            if number in victims:
                assert call.cancelled
            else:
                assert call.result().access_token == opaque(1)
        assert len(acme.endpoint) == 1


async def test_when_everybody_is_cancelled_the_token_still_comes_and_serves_the_next(world):
    async with world.scripted() as acme, calls() as start:
        waiting = [start(acme.token) for _ in range(3)]
        await settle()
        for call in waiting:
            call.cancel()
        await settle()
        assert not acme.endpoint.last.cancelled
        acme.endpoint.last.answer(reply(1))
        await settle()
        assert (await acme.token()).access_token == opaque(1)
        assert len(acme.endpoint) == 1


async def test_a_rotated_refresh_token_is_kept_and_used_next_though_every_caller_is_gone(world):
    async with world.scripted(grant=refresh_token_grant("5Aep861first")) as acme, calls() as start:
        waiting = [start(acme.token) for _ in range(3)]
        await settle()
        for call in waiting:
            call.cancel()
        await settle()
        acme.endpoint.last.answer(reply(1, refresh_token="5Aep861second"))
        await settle()
        acme.endpoint.answers.append(reply(2, refresh_token="5Aep861third"))
        await acme.manager.refresh("acme")
        acme.endpoint.answers.append(reply(3))
        await acme.manager.refresh("acme")
    assert [request.form["refresh_token"] for request in acme.endpoint.requests] == [
        "5Aep861first",
        "5Aep861second",
        "5Aep861third",
    ]


async def test_salesforce_never_sees_a_used_refresh_token_again_however_callers_come_and_go(world):
    org = world.org(token_latency=1.0, rotate_refresh_tokens=True)
    async with world.manager(introspect=False) as manager, calls() as start:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        for _ in range(5):
            waiting = [start(manager.refresh, "acme") for _ in range(3)]
            await settle()
            for call in waiting:
                call.cancel()
            await world.clock.advance(2)
        token = await manager.token("acme")
        assert await world.alive(token)
    assert world.refusals() == {}
    assert world.token_requests() == 5


async def test_a_caller_cancelled_before_the_request_was_sent_harms_nobody_either(world):
    async with world.scripted(reply(1)) as acme, calls() as start:
        first, second = start(acme.token), start(acme.token)
        first.cancel()
        await settle()
        assert first.cancelled
        assert second.result().access_token == opaque(1)
        assert len(acme.endpoint) == 1


async def test_cancelling_the_caller_who_found_the_token_due_does_not_cancel_its_refresh(world):
    async with world.scripted() as acme, calls() as start:
        await acme.first(expires_in=1000)
        await world.clock.advance(700)  # nobody has used it since, so that the timer left it alone
        await world.clock.advance(60)
        call = start(acme.token)
        await settle()
        assert call.result().access_token == opaque(1)
        call.cancel()
        acme.endpoint.last.answer(reply(2, expires_in=1000))
        await settle()
        assert (await acme.token()).access_token == opaque(2)
