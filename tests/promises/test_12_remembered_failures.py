"""Promise 12: a fatal refusal is remembered, so that no storm of tries locks an account, until something changes."""

from __future__ import annotations

import httpx
import pytest

from sfauth import ConfigurationError, LoginRequiredError, MemoryStore, State, TryLaterError
from tests.support import (
    ACME,
    calls,
    credentials,
    opaque,
    outcomes,
    refresh_token_grant,
    refused,
    reply,
    settle,
)

FATAL = [
    ("invalid_grant", "authentication failure", ConfigurationError),
    ("invalid_client", "invalid client credentials", ConfigurationError),
    ("invalid_client_id", "client identifier invalid", ConfigurationError),
    ("inactive_user", "user is inactive", ConfigurationError),
    ("inactive_org", "organization is inactive", ConfigurationError),
    ("invalid_app_access", "user is not admin approved by administrator", ConfigurationError),
    ("app_blocked", None, ConfigurationError),
    ("unsupported_grant_type", "grant type not supported", ConfigurationError),
]


@pytest.mark.parametrize(("error", "description", "error_class"), FATAL, ids=[each[0] for each in FATAL])
async def test_a_fatal_refusal_is_asked_for_once_in_a_day_of_tries(world, error, description, error_class):
    async with world.scripted(refused(error, description)) as acme:
        for _ in range(24):
            for raised in await outcomes(acme.token, times=5):
                assert type(raised) is error_class
                assert raised.error == error
            acme.clock.suspend(3600)
        assert acme.manager.status()["acme"].state is State.BLOCKED
    assert len(acme.endpoint) == 1


async def test_a_dead_refresh_token_is_sent_once(world):
    async with world.scripted(
        refused("invalid_grant", "expired access/refresh token"), grant=refresh_token_grant()
    ) as acme:
        for _ in range(24):
            assert isinstance((await outcomes(acme.token, times=1))[0], LoginRequiredError)
            assert isinstance((await outcomes(acme.manager.refresh, "acme", times=1))[0], LoginRequiredError)
            acme.clock.suspend(3600)
    assert len(acme.endpoint) == 1


async def test_an_org_that_is_kept_alive_does_not_try_a_refused_secret_by_itself(world):
    async with world.scripted(keep_alive=True) as acme:
        await acme.first(expires_in=1000)
        acme.endpoint.answers.append(refused("inactive_user"))
        await acme.clock.advance(24 * 3600)
    assert len(acme.endpoint) == 2


async def test_a_reset_allows_one_more_try(world):
    async with world.scripted(refused("inactive_user"), refused("inactive_user"), reply(1)) as acme:
        await outcomes(acme.token, times=3)
        acme.manager.reset("acme")
        await outcomes(acme.token, times=3)
        assert len(acme.endpoint) == 2
        acme.manager.reset("acme")
        assert (await acme.token()).access_token == opaque(1)
        assert acme.manager.status()["acme"].last_error is None


async def test_a_reset_does_not_throw_a_living_token_away(world):
    async with world.scripted(reply(1)) as acme:
        token = await acme.token()
        acme.manager.reset("acme")
        assert await acme.token() is token


async def test_adding_the_org_again_with_another_secret_clears_it(world):
    async with world.scripted(refused("invalid_client"), reply(1)) as acme:
        await outcomes(acme.token, times=1)
        acme.manager.add("acme", credentials(client_secret="consumer-secret-2"), org=ACME)
        assert (await acme.token()).access_token == opaque(1)
        assert acme.endpoint.last.form["client_secret"] == "consumer-secret-2"


async def test_adding_the_very_same_again_does_not_clear_it(world):
    async with world.scripted(refused("invalid_client")) as acme:
        await outcomes(acme.token, times=1)
        acme.manager.add("acme", credentials(), org=ACME)
        assert isinstance((await outcomes(acme.token, times=1))[0], ConfigurationError)
    assert len(acme.endpoint) == 1


async def test_a_file_with_a_refused_secret_is_tried_again_when_it_has_another_one(world, tmp_path):
    path = tmp_path / "secret"
    path.write_text("wrong")
    async with world.scripted(refused("invalid_client"), grant=credentials(client_secret=path)) as acme:
        for _ in range(20):
            await outcomes(acme.token, times=3)
            await acme.clock.advance(31)
        assert len(acme.endpoint) == 1
        path.write_text("right")
        acme.endpoint.answers.append(reply(1))
        assert (await acme.token()).access_token == opaque(1)
        assert acme.endpoint.last.form["client_secret"] == "right"


async def test_a_callable_that_gave_a_refused_secret_is_asked_at_most_twice_a_minute(world):
    asked = []

    async def secret():
        asked.append(1)
        return "wrong"

    async with world.scripted(refused("invalid_client"), grant=credentials(client_secret=secret)) as acme:
        for _ in range(600):
            await outcomes(acme.token, times=1)
            acme.clock.suspend(1.0)
    assert len(acme.endpoint) == 1
    assert 15 <= len(asked) <= 22


async def test_a_file_that_vanished_for_a_while_is_used_again_when_it_is_back(world, tmp_path):
    # A secret is mounted anew: for a moment there is no file, then the same one as before.
    path = tmp_path / "secret"
    path.write_text("right")
    async with world.scripted(reply(1), grant=credentials(client_secret=path)) as acme:
        await acme.token()
        path.unlink()
        acme.source.reject(1)
        with pytest.raises(ConfigurationError, match="can't be read"):
            await acme.token()
        path.write_text("right")
        await acme.clock.advance(60)
        acme.endpoint.answers.append(reply(2))
        assert (await acme.token()).access_token == opaque(2)


async def test_a_file_that_is_not_there_yet_is_used_once_it_comes(world, tmp_path):
    path = tmp_path / "secret"
    async with world.scripted(reply(1), grant=credentials(client_secret=path)) as acme:
        with pytest.raises(ConfigurationError, match="can't be read"):
            await acme.token()
        path.write_text("right")
        await acme.clock.advance(31)
        assert await acme.token()


async def test_a_vault_that_is_down_is_asked_again_soon(world):
    async def secret():
        if world.clock.elapsed() < 1_005:
            raise ConnectionError("vault is sealed")
        return "right"

    async with world.scripted(reply(1), grant=credentials(client_secret=secret)) as acme:
        with pytest.raises(TryLaterError):
            await acme.token()
        await acme.clock.advance(10)
        assert await acme.token()


async def test_a_remembered_failure_does_not_grow_with_each_look_at_the_credentials(world):
    async with world.scripted(refused("invalid_client"), grant=credentials(client_secret=lambda: "wrong")) as acme:
        lengths = []
        for _ in range(40):
            await outcomes(acme.token, times=1)
            trace, length = acme.source.failure.error.__traceback__, 0
            while trace is not None:
                trace, length = trace.tb_next, length + 1
            lengths.append(length)
            await acme.clock.advance(31)
    assert lengths[-1] <= lengths[5]


async def test_a_request_that_is_already_being_processed_is_tried_again_and_is_not_fatal(world):
    async with (
        world.scripted(
            refused("invalid_grant", "token request is already being processed"),
            refused("invalid_grant", "token request is already being processed"),
            reply(1),
            grant=refresh_token_grant(),
        ) as acme,
        calls() as start,
    ):
        call = start(acme.token)
        await acme.clock.advance(10)
        assert call.result().access_token == opaque(1)
        assert world.named("refresh_failed") == []
    assert len(acme.endpoint) == 3


async def test_even_when_it_goes_on_it_is_not_fatal(world):
    busy = refused("invalid_grant", "token request is already being processed")
    async with world.scripted(*[busy] * 4, grant=refresh_token_grant()) as acme, calls() as start:
        call = start(acme.token)
        await acme.clock.advance(60)
        assert isinstance(call.error, TryLaterError)
        assert len(acme.endpoint) == 4
        await acme.clock.advance(10)
        acme.endpoint.answers.append(reply(1))
        assert await acme.token()


async def test_another_program_with_the_same_refresh_token_is_waited_out(world):
    org = world.org(token_latency=1.5)
    grant = world.refresh(org)
    async with world.manager(introspect=False) as ours, world.manager(introspect=False) as theirs, calls() as start:
        for manager in (ours, theirs):
            manager.add("acme", grant, org=org.my_domain)
        both = [start(manager.token, "acme") for manager in (ours, theirs)]
        await world.clock.advance(30)
        for call in both:
            assert await world.alive(call.result())
    assert set(world.refusals()) == {"invalid_grant"}


@pytest.mark.parametrize("shared", [False, True])
async def test_removing_and_adding_an_org_is_a_fresh_start(world, shared):
    async with world.scripted(refused("inactive_user"), reply(1), store=MemoryStore() if shared else None) as acme:
        await outcomes(acme.token, times=1)
        acme.manager.remove("acme")
        acme.manager.add("acme", credentials(), org=ACME)
        if shared:  # a peer's word counts until somebody says that the cause is mended
            assert isinstance((await outcomes(acme.token, times=1))[0], ConfigurationError)
            acme.manager.reset("acme")
        assert await acme.token()
    assert len(acme.endpoint) == 2


async def test_a_bug_in_a_transport_is_an_error_for_its_org_and_for_no_other(world):
    async with world.scripted(RuntimeError("a bug")) as acme:
        acme.manager.add("globex", credentials(client_id="3MVG9globex"), org=ACME)
        errors = await outcomes(acme.token, times=3)
        assert {type(error).__name__ for error in errors} == {"ProtocolError"}
        acme.endpoint.answers.append(reply(1))
        assert await acme.manager.token("globex")


async def test_a_lost_answer_to_a_login_that_may_be_sent_again_is_sent_again_later(world):
    async with world.scripted(httpx.ReadError("gone")) as acme:
        await outcomes(acme.token, times=1)
        await acme.clock.advance(3)
        acme.endpoint.answers.append(reply(1))
        assert await acme.token()
        await settle()
