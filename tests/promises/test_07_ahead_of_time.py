"""Promise 7: a refresh is due at three quarters of the lifetime, each token's a little apart; nobody waits for it."""

from __future__ import annotations

from random import Random

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth import State
from sfauth.lifetime import due_after
from tests.support import ACME, PATIENCE, Endpoint, calls, credentials, opaque, reply, settle


@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.5])
async def test_the_refresh_comes_at_three_quarters_or_earlier_by_the_jitter(world, jitter):
    async with world.scripted(jitter=jitter) as acme:
        await acme.first(expires_in=10_000)
        born = acme.clock.elapsed()
        await acme.clock.advance(1)
        await acme.token()
        while len(acme.endpoint) == 1:
            await acme.clock.advance(50)
        age = acme.clock.elapsed() - born
        assert 7_500 * (1 - jitter) <= age <= 7_500 + 51


@given(
    lifetime=st.floats(1, 1e6),
    fraction=st.floats(0.05, 0.95),
    jitter=st.floats(0, 0.99),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_no_refresh_is_later_than_its_share_of_the_lifetime_nor_earlier_than_the_jitter(
    lifetime, fraction, jitter, chance
):
    due = due_after(lifetime, fraction=fraction, jitter=jitter, chance=chance)
    assert lifetime * fraction * (1 - jitter) * 0.999999 <= due <= lifetime * fraction * 1.000001


async def test_tokens_minted_together_are_not_refreshed_together(world):
    endpoint = Endpoint(*[reply(number, expires_in=10_000) for number in range(100)])
    async with world.manager(transport=endpoint, introspect=False) as manager:
        for number in range(100):
            manager.add(f"org{number}", credentials(client_id=f"3MVG9{number}"), org=ACME)
            await manager.token(f"org{number}")
        dues = sorted(manager.source(f"org{number}").due for number in range(100))
    assert dues[-1] - dues[0] > 500
    assert len(set(dues)) == 100


async def test_the_jitter_is_drawn_once_per_token(world):
    async with world.scripted(random=Random(7)) as acme:
        await acme.first(expires_in=10_000)
        due = acme.source.due
        for _ in range(5):
            await acme.clock.advance(100)
            await acme.token()
            assert acme.source.due == due


async def test_callers_go_on_with_the_living_token_while_its_refresh_is_under_way(world):
    async with world.scripted() as acme, calls() as start:
        await acme.first(expires_in=10_000)
        await acme.clock.advance(7_600)
        waiting = [start(acme.token) for _ in range(100)]
        await settle()
        assert {call.result().access_token for call in waiting} == {opaque(1)}
        assert len(acme.endpoint) == 2
        assert acme.manager.status()["acme"].state is State.REFRESHING
        acme.endpoint.last.answer(reply(2, expires_in=10_000))
        await settle()
        assert (await acme.token()).access_token == opaque(2)


async def test_nobody_waits_until_the_very_end_of_the_lifetime(world):
    async with world.scripted() as acme, calls() as start:
        await acme.first(expires_in=10_000)
        await acme.clock.advance(7_600)
        await acme.token()
        await acme.clock.advance(2_150)  # 9,750 s old; 2 % are kept back
        assert (await acme.token()).access_token == opaque(1)
        await acme.clock.advance(100)  # 9,850
        late = start(acme.token)
        await settle()
        assert not late.over
        acme.endpoint.last.answer(reply(2))
        await settle()
        assert late.result().access_token == opaque(2)
    assert len(acme.endpoint) == 2


async def test_a_day_in_use_takes_one_request_per_three_quarters_of_a_lifetime(world):
    # With a refresh token each request gives a new session.
    org = world.org(session_timeout=7200.0)
    async with world.manager() as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        for _ in range(24 * 12):
            assert await world.alive(await manager.token("acme"))
            await world.clock.advance(300)
    assert 16 <= world.token_requests() <= 20
    assert world.counts()["dead_token_requests"] == 0


@pytest.mark.parametrize("grant", ["jwt", "credentials"])
async def test_a_day_in_use_where_salesforce_repeats_the_living_token_takes_few_requests_as_well(world, grant):
    org = world.org(session_timeout=7200.0)
    async with world.manager() as manager:
        manager.add("acme", getattr(world, grant)(org), org=org.my_domain)
        for _ in range(24 * 12):
            assert await world.alive(await manager.token("acme"))
            await world.clock.advance(300)
    assert world.token_requests() <= 24
    assert world.counts()["dead_token_requests"] == 0


async def test_a_repeated_jwt_access_token_is_asked_for_again_at_its_end_only(world):
    async with world.scripted(jitter=0.0) as acme:
        await acme.first(expires_in=10_000)
        await acme.clock.advance(7_600)
        await acme.token()
        await settle()
        acme.endpoint.last.answer(reply(1, expires_in=2_400))
        await settle()
        await acme.clock.advance(2_300)
        assert (await acme.token()).access_token == opaque(1)
        await settle()
        assert len(acme.endpoint) == 2
        assert acme.source.generation == 1
        acme.endpoint.answers.append(reply(2, expires_in=10_000))
        await acme.clock.advance(80)
        assert (await acme.token()).access_token == opaque(2)


@pytest.mark.parametrize("grant", ["jwt", "credentials"])
async def test_an_org_that_is_kept_alive_asks_rarely_while_the_same_token_is_repeated(world, grant):
    # Nobody uses the session, so it does not slide: it ends after two hours, and each of them may take a few requests.
    org = world.org(session_timeout=7200.0)
    async with world.manager(keep_alive=True) as manager:
        manager.add("acme", getattr(world, grant)(org), org=org.my_domain)
        await manager.token("acme")
        with anyio.fail_after(PATIENCE):
            await world.clock.advance(24 * 3600)
    assert world.token_requests() <= 12 * 4


async def test_a_session_used_in_its_first_half_only_causes_no_crowd_of_requests_at_its_end(world):
    org = world.org(session_timeout=7200.0)
    async with world.manager() as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        await manager.token("acme")
        await world.clock.advance(600)
        await manager.token("acme")
        with anyio.fail_after(PATIENCE):
            await world.clock.advance(7200)
    assert world.token_requests() <= 4
