"""The refresh token flow: rotation, families, overlap, policies."""

from __future__ import annotations

import anyio
import pytest

DEAD = ("invalid_grant", "expired access/refresh token")


@pytest.fixture
def rotating(world):
    world.org.app.rotate_refresh_tokens = True
    return world


async def test_a_refresh_gives_a_new_session_and_no_refresh_token(world):
    refresh_token = world.org.issue_refresh_token()
    first, second = (await world.refresh(refresh_token)).json(), (await world.refresh(refresh_token)).json()
    assert "refresh_token" not in first
    fields = {"access_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at", "id_token"}
    assert fields == set(first)
    assert first["access_token"] != second["access_token"]
    assert await world.alive(first["access_token"])
    assert await world.alive(second["access_token"])


async def test_no_other_flows_session_is_given_again(world):
    others = {(await world.jwt_bearer()).json()["access_token"], (await world.password()).json()["access_token"]}
    assert (await world.refresh(world.org.issue_refresh_token())).json()["access_token"] not in others


async def test_login_host_and_my_domain_both_refresh(world):
    refresh_token = world.org.issue_refresh_token()
    assert (await world.refresh(refresh_token, at="https://login.salesforce.com")).status_code == 200
    assert (await world.refresh(refresh_token, at=world.org.my_domain)).status_code == 200


async def test_unknown_tokens_are_expired(world, refused):
    refused(await world.refresh("5Aep861nothing"), *DEAD)


async def test_a_refresh_token_is_required(world, refused):
    refused(await world.refresh(""), "invalid_request", "missing required parameter: refresh_token")


async def test_another_apps_refresh_token_is_expired(world, refused):
    refresh_token = world.org.issue_refresh_token()
    other = world.org.add_app()
    answer = await world.refresh(refresh_token, client_id=other.client_id, client_secret=other.client_secret)
    refused(answer, *DEAD)


async def test_the_secret_is_required_unless_the_app_says_otherwise(world, refused):
    form = {
        "grant_type": "refresh_token",
        "refresh_token": world.org.issue_refresh_token(),
        "client_id": world.org.app.client_id,
    }
    refused(await world.post(form), "invalid_client", "invalid client credentials")
    world.org.app.secret_required_for_refresh = False
    assert (await world.post(form)).status_code == 200
    refused(await world.post({**form, "client_secret": "wrong"}), "invalid_client", "invalid client credentials")


# ── rotation ──


async def test_each_refresh_gives_a_new_refresh_token(rotating):
    first = (await rotating.refresh(rotating.org.issue_refresh_token())).json()
    second = (await rotating.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]


async def test_reuse_of_a_rotated_token_kills_the_family(rotating, refused):
    used = rotating.org.issue_refresh_token()
    first = (await rotating.refresh(used)).json()
    second = (await rotating.refresh(first["refresh_token"])).json()
    assert await rotating.alive(first["access_token"])
    refused(await rotating.refresh(used), *DEAD)
    refused(await rotating.refresh(second["refresh_token"]), *DEAD)
    assert not await rotating.alive(first["access_token"])
    assert not await rotating.alive(second["access_token"])


async def test_other_families_survive(rotating):
    used, other = rotating.org.issue_refresh_token(), rotating.org.issue_refresh_token()
    await rotating.refresh(used)
    await rotating.refresh(used)
    assert (await rotating.refresh(other)).status_code == 200


# ── overlap ──


@pytest.mark.parametrize("rotate", [False, True])
async def test_two_requests_at_once_with_one_refresh_token(world, refused, rotate):
    world.org.app.rotate_refresh_tokens = rotate
    world.org.token_latency = 1.0
    held, release = anyio.Event(), anyio.Event()

    async def hold(seconds):
        held.set()
        await release.wait()

    world.simulator.sleep = hold
    refresh_token = world.org.issue_refresh_token()
    answers = {}

    async def first():
        answers["first"] = await world.refresh(refresh_token)

    with anyio.fail_after(10):  # a second request that is held, too, would never be released
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await held.wait()
            answers["second"] = await world.refresh(refresh_token)
            release.set()
    refused(answers["second"], "invalid_grant", "token request is already being processed")
    assert answers["first"].status_code == 200
    # The one that was refused has done no harm to the family.
    current = answers["first"].json().get("refresh_token", refresh_token)
    assert (await world.refresh(current)).status_code == 200


async def test_a_caller_who_went_away_blocks_nobody(world):
    world.org.token_latency = 1.0

    async def forever(seconds):
        await anyio.sleep_forever()

    world.simulator.sleep = forever
    refresh_token = world.org.issue_refresh_token()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.refresh, refresh_token)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    world.org.token_latency = 0.0
    assert (await world.refresh(refresh_token)).status_code == 200


# ── policies ──


async def test_a_refresh_token_with_a_lifetime_ends_however_often_it_is_used(world, refused):
    world.org.app.refresh_token_lifetime = 3600
    refresh_token = world.org.issue_refresh_token()
    world.time += 3599
    assert (await world.refresh(refresh_token)).status_code == 200
    world.time += 1
    refused(await world.refresh(refresh_token), *DEAD)


async def test_a_refresh_token_with_an_inactivity_policy_lives_by_use(world, refused):
    world.org.app.refresh_token_inactivity = 3600
    refresh_token = world.org.issue_refresh_token()
    for _ in range(3):
        world.time += 3599
        assert (await world.refresh(refresh_token)).status_code == 200
    world.time += 3600
    refused(await world.refresh(refresh_token), *DEAD)


async def test_a_refresh_token_that_expires_immediately_is_never_good(world, refused):
    world.org.app.refresh_token_lifetime = 0
    refused(await world.refresh(world.org.issue_refresh_token()), *DEAD)


async def test_the_sixth_approval_revokes_the_least_recently_used(world, refused):
    tokens = []
    for _ in range(5):
        tokens.append(world.org.issue_refresh_token())
        world.time += 1
    access_token = (await world.refresh(tokens[1])).json()["access_token"]
    assert (await world.refresh(tokens[0])).status_code == 200  # the oldest, but just used
    world.time += 1
    for token in tokens[3:]:
        await world.refresh(token)
    world.time += 1
    await world.refresh(tokens[1])
    world.org.issue_refresh_token()
    refused(await world.refresh(tokens[2]), *DEAD)  # never used
    for token in (tokens[0], tokens[1], tokens[3], tokens[4]):
        assert (await world.refresh(token)).status_code == 200
    assert await world.alive(access_token)


async def test_approvals_are_counted_per_user_and_app(world):
    first = world.org.issue_refresh_token()
    for _ in range(5):
        world.org.issue_refresh_token(user=world.org.add_user())
        world.org.issue_refresh_token(app=world.org.add_app())
    assert (await world.refresh(first)).status_code == 200


async def test_an_evicted_approval_takes_its_sessions_with_it(world):
    access_token = (await world.refresh(world.org.issue_refresh_token())).json()["access_token"]
    for _ in range(5):
        world.time += 1
        world.org.issue_refresh_token()
    assert not await world.alive(access_token)


async def test_an_administrator_revokes_refresh_tokens(world, refused):
    refresh_token = world.org.issue_refresh_token()
    access_token = (await world.refresh(refresh_token)).json()["access_token"]
    assert world.org.revoke_refresh_tokens() == 1
    refused(await world.refresh(refresh_token), *DEAD)
    assert not await world.alive(access_token)


async def test_a_new_secret_ends_all_tokens_of_the_app(world, refused):
    refresh_token = world.org.issue_refresh_token()
    tokens = [(await world.refresh(refresh_token)).json()["access_token"], await world.token()]
    old = world.credentials()
    new = world.org.rotate_secret()
    assert new == world.org.app.client_secret
    refused(await world.client_credentials(**old), "invalid_client", "invalid client credentials")
    refused(await world.refresh(refresh_token), *DEAD)
    assert [await world.alive(token) for token in tokens] == [False, False]
    assert (await world.client_credentials()).status_code == 200
