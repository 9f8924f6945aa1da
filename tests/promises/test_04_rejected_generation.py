"""Promise 4: however many requests come back with a 401 of one generation, and in which order, one refresh."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfauth import TryLaterError
from tests.support import World, calls, opaque, outcomes, reply, settle


async def straggle(source, generation):
    """What an HTTP client does with a 401 of a request that was signed with this generation."""
    source.reject(generation)
    return await source.acquire()


async def test_twenty_stragglers_cause_one_refresh(world):
    org = world.org(session_timeout=3600.0)
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        source = manager.source("acme")
        dead = await source.acquire()
        org.revoke_sessions()
        tokens = await outcomes(straggle, source, 1, times=20)
        assert {token.access_token for token in tokens} != {dead.access_token}
        assert len({token.access_token for token in tokens}) == 1
    assert world.token_requests() == 2


async def test_a_straggler_that_comes_after_the_refresh_uses_its_token(world):
    async with world.scripted(reply(1), reply(2)) as acme:
        await acme.token()
        assert (await straggle(acme.source, 1)).access_token == opaque(2)
        assert (await straggle(acme.source, 1)).access_token == opaque(2)
    assert len(acme.endpoint) == 2
    assert len(world.named("session_rejected")) == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_stragglers_in_any_order_cause_one_refresh_per_generation(data):
    """Some come back before the refresh, some during it and some after it, those of older generations in between."""
    world = World()
    async with world.scripted() as acme, calls() as start:
        await acme.first()
        newest, waiting = 1, []
        for _ in range(data.draw(st.integers(1, 3), label="generations that die")):
            requests_before = len(acme.endpoint)
            late = data.draw(st.lists(st.integers(1, newest), min_size=1, max_size=8), label="stragglers")
            late.insert(data.draw(st.integers(0, len(late)), label="place"), newest)
            lands_after = data.draw(st.integers(0, len(late)), label="refresh lands after so many")
            for number, generation in enumerate(late):
                waiting.append(start(straggle, acme.source, generation))
                await settle()
                if number >= lands_after and len(acme.endpoint) > requests_before and acme.source.flight is not None:
                    acme.endpoint.last.answer(reply(newest + 1))
                    await settle()
            if acme.source.flight is not None:
                acme.endpoint.last.answer(reply(newest + 1))
                await settle()
            assert len(acme.endpoint) == requests_before + 1
            newest += 1
            assert acme.source.generation == newest
            acme.source.accepted = newest
        assert all(call.over for call in waiting)
        assert waiting[-1].result().access_token == opaque(newest)


async def test_a_failed_refresh_is_shared_by_all_stragglers_also_by_those_that_come_later(world):
    async with world.scripted(reply(1)) as acme, calls() as start:
        await acme.token()
        early = [start(straggle, acme.source, 1) for _ in range(10)]
        await settle()
        acme.endpoint.last.answer(reply(status=503))
        await settle()
        late = [start(straggle, acme.source, 1) for _ in range(10)]
        await settle()
        assert all(isinstance(call.error, TryLaterError) for call in early + late)
        assert len({id(call.error) for call in early + late}) == 20
    assert len(acme.endpoint) == 2


async def test_a_dead_token_is_not_handed_out_while_its_refresh_fails(world):
    async with world.scripted(reply(1), reply(status=503), reply(2)) as acme:
        await acme.token()
        acme.source.reject(1)
        for _ in range(3):
            with pytest.raises(TryLaterError):
                await acme.token()
        await world.clock.advance(60)
        assert (await acme.token()).access_token == opaque(2)


async def test_a_rejection_of_an_older_generation_changes_nothing(world):
    async with world.scripted(reply(1), reply(2)) as acme:
        await acme.token()
        await acme.manager.refresh("acme")
        acme.source.reject(1)
        assert (await acme.token()).access_token == opaque(2)
        assert world.named("session_rejected") == []


async def test_a_rejection_of_a_generation_that_never_was_changes_nothing(world):
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        acme.source.reject(7)
        assert (await acme.token()).access_token == opaque(1)


async def test_a_rejection_during_a_refresh_that_began_before_it_waits_for_that(world):
    async with world.scripted() as acme, calls() as start:
        await acme.first(expires_in=1000)
        await acme.clock.advance(760)
        await acme.token()  # due: a refresh goes on behind our back
        await settle()
        call = start(straggle, acme.source, 1)
        await settle()
        acme.endpoint.last.answer(reply(2))
        await settle()
        assert call.result().access_token == opaque(2)
    assert len(acme.endpoint) == 2


async def test_a_replaced_secret_does_not_hide_that_the_token_was_rejected(world):
    # Rotating the secret in Salesforce ends the app's sessions; requests that are under way meanwhile come back 401.
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        source = manager.source("acme")
        dead = await source.acquire()
        signed_with = source.generation
        org.rotate_secret()
        manager.add("acme", world.credentials(org), org=org.my_domain)
        assert (await straggle(source, signed_with)).access_token != dead.access_token
