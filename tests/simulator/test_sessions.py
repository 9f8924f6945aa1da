"""How long a token is good: the half-time rule, and everything that ends a session early."""

from __future__ import annotations

import pytest

MINUTE = 60.0


@pytest.fixture
def half_hour(world):
    world.org.session_timeout = 30 * MINUTE
    world.started = world.time
    return world


async def at(world, minute, token):
    world.time = world.started + minute * MINUTE
    return await world.alive(token)


async def test_an_unused_session_ends_with_the_timeout(half_hour):
    one, two = await half_hour.token(), (await half_hour.password()).json()["access_token"]
    assert await at(half_hour, 29.99, one)
    assert not await at(half_hour, 30, two)


async def test_a_call_in_the_first_half_changes_nothing(half_hour):
    token = await half_hour.token()
    assert await at(half_hour, 10, token)
    assert not await at(half_hour, 30, token)


async def test_a_call_in_the_second_half_gives_a_whole_timeout_more(half_hour):
    token = await half_hour.token()
    assert await at(half_hour, 20, token)
    assert await at(half_hour, 49, token)
    assert not await at(half_hour, 79, token)


async def test_the_half_counts_from_the_last_extension(half_hour):
    token = await half_hour.token()
    assert await at(half_hour, 20, token)  # ends at 50
    assert await at(half_hour, 30, token)  # not half of the new 30 yet
    assert not await at(half_hour, 50, token)


async def test_getting_the_same_token_again_extends_nothing(half_hour):
    token = await half_hour.token()
    half_hour.time += 25 * MINUTE
    assert await half_hour.token() == token
    assert not await at(half_hour, 30, token)


async def test_sliding_can_be_switched_off(half_hour):
    half_hour.org.sliding = False
    token = await half_hour.token()
    assert await at(half_hour, 20, token)
    assert not await at(half_hour, 30, token)


async def test_an_apps_session_policy_comes_before_the_orgs(half_hour):
    half_hour.org.app.session_timeout = 15 * MINUTE
    token = await half_hour.token()
    assert await at(half_hour, 7, token)
    assert not await at(half_hour, 15, token)


async def test_sessions_can_be_made_to_expire(world):
    token = await world.token()
    assert world.org.expire_sessions() == 1
    assert world.org.expire_sessions() == 0
    assert not await world.alive(token)
    assert world.counts.rejected == {"expired": 1}


async def test_an_administrator_removes_sessions(world):
    token = await world.token()
    assert world.org.revoke_sessions() == 1
    assert not await world.alive(token)
    assert await world.alive(await world.token())
    assert world.counts.rejected == {"revoked": 1}


async def test_only_the_orgs_own_sessions_end(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    token = await bare.token(two)
    one.revoke_sessions()
    assert await bare.alive(token, two)


async def test_deactivating_the_user_ends_opaque_sessions(world):
    token = await world.token()
    world.org.user.active = False
    assert not await world.alive(token)


async def test_dead_tokens_are_counted(world):
    token = await world.token()
    world.org.expire_sessions()
    for _ in range(3):
        await world.alive(token)
    await world.alive("00Dxx!never.was")
    assert world.counts.dead_token_requests == 3
    assert world.counts.rejected == {"expired": 3, "unknown_token": 1}
    assert world.counts.api_requests == 4


# ── migration ──


async def test_after_a_migration_the_new_host_serves_and_the_old_one_refuses(world):
    token, before = await world.token(), world.org.instance_url
    after = world.org.migrate()
    assert after == world.org.instance_url != before
    answer = (await world.client_credentials()).json()
    assert answer["instance_url"] == after
    assert answer["access_token"] != token
    assert await world.alive(answer["access_token"])
    for stale in (token, answer["access_token"]):
        response = await world.get("/services/data/v66.0/limits", stale, at=before)
        assert response.status_code == 401
        assert response.json()[0]["errorCode"] == "INVALID_SESSION_ID"
    assert world.counts.rejected == {"migrated": 1, "wrong_host": 1}
    assert world.counts.dead_token_requests == 1


async def test_an_org_may_move_twice_and_to_a_named_place(world):
    assert world.org.migrate("https://acme-new.my.salesforce.com/") == "https://acme-new.my.salesforce.com"
    world.org.migrate()
    assert await world.alive(await world.token())


async def test_my_domain_still_logs_in_after_a_migration(world):
    world.org.migrate()
    refresh_token = world.org.issue_refresh_token()
    assert (await world.refresh(refresh_token, at=world.org.my_domain)).json()["instance_url"] == world.org.instance_url
