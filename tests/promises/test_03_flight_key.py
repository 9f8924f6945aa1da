"""Promise 3: whoever shares an identity shares its tokens, nobody else, and its name holds no secret."""

from __future__ import annotations

import pytest

from sfauth import ConfigurationError, MemoryStore, SfauthError
from sfauth.credentials import store_key
from sfauth.org import Org
from tests.support import ACME, calls, credentials, opaque, outcomes, refresh_token_grant, reply, settle


async def test_two_aliases_of_one_identity_make_one_request(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("one", world.jwt(org), org=org.my_domain)
        manager.add("two", world.jwt(org), org=org.my_domain)
        async with calls() as start:
            waiting = [start(manager.token, key) for key in ("one", "two") for _ in range(20)]
            await settle()
            assert len({call.result().access_token for call in waiting}) == 1
    assert world.token_requests() == 1


async def test_two_managers_on_one_store_make_one_request(world):
    org, store = world.org(), MemoryStore()
    async with world.manager(store=store) as one, world.manager(store=store) as two:
        for manager in (one, two):
            manager.add("acme", world.credentials(org), org=org.my_domain)
        async with calls() as start:
            waiting = [start(manager.token, "acme") for manager in (one, two) for _ in range(20)]
            await settle()
            assert len({call.result().access_token for call in waiting}) == 1
    assert world.token_requests() == 1


async def test_managers_on_one_store_use_up_a_rotating_refresh_token_one_after_the_other(world):
    org, store = world.org(rotate_refresh_tokens=True, token_latency=1.0), MemoryStore()
    grant = world.refresh(org)
    async with world.manager(store=store) as one, world.manager(store=store) as two, calls() as start:
        for manager in (one, two):
            manager.add("acme", grant, org=org.my_domain)
        for _ in range(4):
            waiting = [start(manager.refresh, "acme") for manager in (one, two)]
            await world.clock.advance(30)
            assert all(call.result() for call in waiting)
        assert await world.alive(await one.token("acme"))
    assert world.refusals() == {}


async def test_a_wrong_secret_never_gets_the_token_of_a_right_one(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("right", world.credentials(org), org=org.my_domain)
        manager.add("wrong", world.credentials(org, client_secret="guessed"), org=org.my_domain)
        await manager.token("right")
        with pytest.raises(ConfigurationError) as refused:
            await manager.token("wrong")
        assert refused.value.error == "invalid_client"
        assert await world.alive(await manager.token("right"))


async def test_a_wrong_secret_gets_nothing_even_while_the_right_one_is_logging_in(world):
    org = world.org(token_latency=5.0)
    async with world.manager() as manager, calls() as start:
        manager.add("right", world.credentials(org), org=org.my_domain)
        manager.add("wrong", world.credentials(org, client_secret="guessed"), org=org.my_domain)
        right, wrong = start(manager.token, "right"), start(manager.token, "wrong")
        await world.clock.advance(20)
        assert right.result()
        assert isinstance(wrong.error, ConfigurationError)


async def test_a_wrong_secret_can_not_revoke_the_token_of_a_right_one(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("right", world.credentials(org), org=org.my_domain)
        manager.add("wrong", world.credentials(org, client_secret="guessed"), org=org.my_domain)
        token = await manager.token("right")
        await outcomes(manager.token, "wrong", times=1)
        await outcomes(manager.revoke, "wrong", times=1)
        assert await world.alive(token)
        assert await manager.token("right") is token


async def test_a_refused_secret_is_no_reason_to_refuse_another_one(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("wrong", world.credentials(org, client_secret="guessed"), org=org.my_domain)
        manager.add("right", world.credentials(org), org=org.my_domain)
        await outcomes(manager.token, "wrong", times=1)
        assert await manager.token("right")


async def test_an_alias_with_a_new_secret_gets_the_token_that_its_own_request_gave(world):
    # The store has a token of many generations with the old secret: the newcomer's must not lose against it.
    store = MemoryStore()
    async with (
        world.scripted(store=store) as old,
        world.scripted(store=store, grant=credentials(client_secret="consumer-secret-2")) as new,
    ):
        await old.first()
        old.endpoint.answers.extend(reply(number) for number in (2, 3))
        await old.manager.refresh("acme")
        await old.manager.refresh("acme")
        new.endpoint.answers.append(reply(9))
        assert (await new.token()).access_token == opaque(9)


@pytest.mark.parametrize("rotating", [False, True])
async def test_a_new_client_secret_goes_on_with_the_newest_refresh_token(world, rotating):
    org = world.org(rotate_refresh_tokens=rotating)
    grant = world.refresh(org)
    async with world.manager() as manager:
        manager.add("acme", grant, org=org.my_domain)
        await manager.token("acme")
        await manager.refresh("acme")
        org.app.client_secret = "a new consumer secret"
        manager.add("acme", world.refresh(org, grant.refresh_token, client_secret="a new consumer secret"), org="acme")
        assert await world.alive(await manager.refresh("acme"))
    assert world.refusals() == {}


async def test_users_of_one_app_never_get_each_others_token(world):
    org = world.org()
    users = [org.user, org.add_user(), org.add_user()]
    async with world.manager() as manager:
        for user in users:
            manager.add(user.username, world.jwt(org, username=user.username), org=org.my_domain)
        tokens = {user.user_id: await manager.token(user.username) for user in users}
        assert {user_id: token.user_id for user_id, token in tokens.items()} == {
            user.user_id: user.user_id for user in users
        }
    assert world.token_requests() == 3


async def test_another_users_refresh_token_under_the_same_key_gets_another_users_token(world):
    # Neither grant says whose it is: only the refresh tokens differ.
    org = world.org()
    alice, bob = org.user, org.add_user()
    async with world.manager() as manager:
        manager.add("me", world.refresh(org, org.issue_refresh_token(user=alice)), org=org.my_domain)
        assert (await manager.token("me")).user_id == alice.user_id
        manager.add("me", world.refresh(org, org.issue_refresh_token(user=bob)), org=org.my_domain)
        assert (await manager.token("me")).user_id == bob.user_id


async def test_another_flow_of_the_same_app_under_the_same_key_gets_a_token_of_its_own(world):
    org = world.org()
    human = org.add_user()
    async with world.manager() as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        assert (await manager.token("acme")).user_id == org.user.user_id
        manager.add("acme", world.refresh(org, org.issue_refresh_token(user=human)), org=org.my_domain)
        assert (await manager.token("acme")).user_id == human.user_id


@pytest.mark.parametrize(
    ("grant", "org"),
    [
        (credentials(), "https://globex.my.salesforce.com"),
        (credentials(), "https://acme.my.site.com/customers"),
        (credentials(client_id="3MVG9another"), ACME),
        (refresh_token_grant("5Aep861first"), ACME),
        (refresh_token_grant("5Aep861other"), ACME),
        (refresh_token_grant("5Aep861first", username="ada@acme.com"), ACME),
    ],
    ids=["org", "site", "app", "flow", "refresh token", "user"],
)
def test_whatever_changes_the_token_changes_the_name_of_the_identity(grant, org):
    names = {store_key(credentials(), Org(ACME)), store_key(refresh_token_grant("5Aep861third"), Org(ACME))}
    assert store_key(grant, Org(org)) not in names


@pytest.mark.parametrize("secret", ["client_secret", "refresh_token"])
def test_the_name_of_an_identity_holds_no_secret(secret):
    grant = refresh_token_grant("5Aep861first")
    name = store_key(grant, Org(ACME))
    assert getattr(grant, secret) not in name
    assert len(name) == 64


def test_a_new_client_secret_is_the_same_identity():
    assert store_key(credentials(client_secret="old-secret"), Org(ACME)) == store_key(
        credentials(client_secret="new-secret"), Org(ACME)
    )


async def test_a_failed_login_of_one_alias_is_not_the_failure_of_another_identity(world):
    one, two = world.org("one"), world.org("two")
    one.user.active = False
    async with world.manager() as manager:
        manager.add("one", world.jwt(one), org=one.my_domain)
        manager.add("two", world.jwt(two), org=two.my_domain)
        with pytest.raises(SfauthError):
            await manager.token("one")
        assert await manager.token("two")
