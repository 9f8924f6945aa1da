"""Promise 1: however many callers, one token request."""

from __future__ import annotations

import httpx
import pytest

from sfauth import LoginRequiredError, ProtocolError, SfauthError, TryLaterError
from tests.support import calls, outcomes

GRANTS = ["jwt", "credentials", "refresh"]


@pytest.mark.parametrize("grant", GRANTS)
async def test_a_thousand_callers_on_a_cold_key_make_one_token_request(world, grant):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", getattr(world, grant)(org), org=org.my_domain)
        tokens = await outcomes(manager.token, "acme", times=1000)
    assert world.token_requests() == 1
    assert {token.access_token for token in tokens} == {tokens[0].access_token}


async def test_a_thousand_callers_meet_a_slow_server_with_one_token_request(world):
    org = world.org(token_latency=20.0)
    async with world.manager() as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        async with calls() as start:
            waiting = [start(manager.token, "acme") for _ in range(1000)]
            await world.clock.advance(10)
            assert not any(call.over for call in waiting)
            await world.clock.advance(10)
            assert len({id(call.result()) for call in waiting}) == 1
    assert world.token_requests() == 1


async def test_callers_after_the_first_token_make_no_request_at_all(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        first = await manager.token("acme")
        assert set(await outcomes(manager.token, "acme", times=100)) == {first}
    assert world.token_requests() == 1


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        ({"status": 503}, TryLaterError),
        ({"cut": True}, TryLaterError),
        ({"body": "garbage"}, ProtocolError),
    ],
    ids=["503", "cut", "garbage"],
)
async def test_a_thousand_callers_on_a_failing_endpoint_make_one_request_and_all_get_its_error(
    world, fault, error_class
):
    org = world.org()
    world.simulator.fail_next(path="/services/oauth2/token", times=1000, **fault)
    async with world.manager() as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        errors = await outcomes(manager.token, "acme", times=1000)
    assert world.token_requests() == 1
    assert {type(error) for error in errors} == {error_class}


async def test_everybody_gets_an_error_of_their_own_that_names_the_org(world):
    org = world.org()
    org.user.active = False
    async with world.manager() as manager:
        manager.add("the key", world.jwt(org), org=org.my_domain)
        errors = await outcomes(manager.token, "the key", times=50)
    assert len({id(error) for error in errors}) == 50
    assert all(isinstance(error, SfauthError) and error.org == "the key" for error in errors)
    assert {(error.error, error.status) for error in errors} == {("inactive_user", 400)}


async def test_all_callers_of_a_dead_refresh_token_hear_that_somebody_must_log_in(world):
    org = world.org()
    grant = world.refresh(org)
    org.revoke_refresh_tokens()
    async with world.manager() as manager:
        manager.add("acme", grant, org=org.my_domain)
        errors = await outcomes(manager.token, "acme", times=100)
    assert {type(error) for error in errors} == {LoginRequiredError}
    assert world.token_requests() == 1


async def test_one_callers_error_is_not_spoiled_by_what_another_does_to_his(world):
    async with world.scripted(httpx.ConnectError("refused")) as acme:
        first, second = await outcomes(acme.token, times=2)
        first.hint = "changed"
        first.add_note("note")
        assert second.hint != "changed"
        assert not getattr(second, "__notes__", [])
