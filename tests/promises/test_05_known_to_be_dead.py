"""Promise 5: a token known to be rejected is never used again; getting it once more is an error and no loop."""

from __future__ import annotations

import httpx
import pytest

from sfauth import TokenRejectedError
from tests.support import calls, opaque, outcomes, reply, settle


async def reject(source):
    source.reject(source.generation)
    return await source.acquire()


async def test_getting_the_rejected_token_again_is_an_error(world):
    async with world.scripted(reply(1), reply(1)) as acme:
        await acme.token()
        with pytest.raises(TokenRejectedError) as error:
            await reject(acme.source)
        assert "Session Management" in str(error.value)
        assert error.value.org == "acme"
    assert len(acme.endpoint) == 2


async def test_a_hundred_callers_after_that_cause_no_loop(world):
    async with world.scripted(reply(1), reply(1)) as acme:
        await acme.token()
        for error in [*await outcomes(reject, acme.source, times=50), *await outcomes(acme.token, times=50)]:
            assert isinstance(error, TokenRejectedError)
    assert len(acme.endpoint) == 2


async def test_it_heals_by_itself_once_salesforce_gives_another_token(world):
    async with world.scripted(reply(1), reply(1), reply(2)) as acme:
        await acme.token()
        await outcomes(reject, acme.source, times=1)
        await acme.clock.advance(5)
        assert (await acme.token()).access_token == opaque(2)


async def test_tries_become_rarer_while_the_same_token_comes(world):
    async with world.scripted(reply(1), *[reply(1)] * 100) as acme:
        await acme.token()
        await outcomes(reject, acme.source, times=1)
        for _ in range(3600):
            await outcomes(acme.token, times=1)
            acme.clock.suspend(1.0)
    assert 5 <= len(acme.endpoint) <= 40


async def test_a_user_without_api_access_causes_no_storm_of_new_tokens(world):
    # Each refresh gives a new token, and the API rejects every one of them.
    org = world.org(rotate_refresh_tokens=True)
    async with world.manager(introspect=False) as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        source = manager.source("acme")
        for _ in range(600):
            await outcomes(source.acquire, times=1)
            source.reject(source.generation)
            world.clock.suspend(1)
    assert world.token_requests() < 30


async def test_tokens_that_worked_before_they_were_rejected_are_replaced_at_once_each_time(world):
    async with world.scripted(*[reply(number) for number in range(1, 11)]) as acme:
        await acme.token()
        for number in range(2, 11):
            acme.source.accepted = acme.source.generation
            assert (await reject(acme.source)).access_token == opaque(number)


async def test_a_token_rejected_between_its_landing_and_the_callers_waking_is_not_handed_out(world):
    """The timer task of another client is faster than those who have waited for the token."""

    def hook(event):
        if event.name == "token_acquired" and event.generation == 1:
            acme.source.reject(1)

    async with world.scripted(reply(1), reply(2), hook=hook) as acme:
        tokens = await outcomes(acme.token, times=5)
    assert {token.access_token for token in tokens} == {opaque(2)}
    assert len(acme.endpoint) == 2


async def test_an_answer_given_before_the_rejection_is_not_held_against_salesforce(world):
    # Asked for ahead of time, Salesforce repeats the living token; then an administrator ends the session, an API says
    # so, and only then the repeated token arrives. The next request would give a new one.
    async with world.scripted() as acme, calls() as start:
        await acme.first()
        await acme.clock.advance(5500)
        await acme.token()
        await settle()
        assert len(acme.endpoint) == 2
        call = start(reject, acme.source)
        await settle()
        acme.endpoint.answers.append(reply(2))
        acme.endpoint.requests[1].answer(reply(1))
        await settle()
        assert call.result().access_token == opaque(2)


async def test_a_client_sends_the_dead_token_once_and_the_new_one_once(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        client = manager.client("acme")
        assert (await client.get("/services/data/v66.0/limits")).status_code == 200
        org.revoke_sessions()
        assert (await client.get("/services/data/v66.0/limits")).status_code == 200
    counts = world.counts()
    assert (counts["dead_token_requests"], counts["api_requests"], counts["token_requests_total"]) == (1, 3, 2)


async def test_at_most_one_replay(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        client = manager.client("acme")
        await client.get("/services/data/v66.0/limits")
        refusal = b'[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]'
        world.simulator.fail_next(path="/services/data/*", status=401, body=refusal, times=100)
        org.reuse_sessions = False
        answers = [await client.get("/services/data/v66.0/limits") for _ in range(1)]
    assert [answer.status_code for answer in answers] == [401]
    assert world.counts()["api_requests"] == 3
    assert isinstance(answers[0], httpx.Response)
