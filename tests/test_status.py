"""`sfauth.status`: a look at each org."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sfauth import OrgStatus, State
from tests.support import ACME, World, calls, credentials, outcomes, refused, reply, settle


@pytest.fixture
def world():
    return World()


def status(acme) -> Any:
    return acme.manager.status()["acme"]


async def test_an_org_that_nobody_used_is_cold(world):
    async with world.scripted() as acme:
        seen = status(acme)
    known = {name: value for name, value in dataclasses.asdict(seen).items() if value is not None}
    assert known == {
        "key": "acme",
        "org": ACME,
        "state": State.COLD,
        "generation": 0,
        "token_requests": 0,
        "failed_requests": 0,
        "rejections": 0,
        "unsaved": False,
    }


async def test_a_fresh_token_is_told_of_in_seconds(world):
    async with world.scripted(jitter=0.0) as acme:
        await acme.first(expires_in=1_000)
        await acme.clock.advance(100)
        seen = status(acme)
    assert seen.state is State.FRESH
    assert seen.instance_url == ACME
    assert (seen.generation, seen.age, seen.lifetime, seen.lifetime_source) == (1, 100.0, 1_000.0, "expires_in")
    assert (seen.expires_in, seen.next_refresh_in) == (pytest.approx(880), pytest.approx(650))
    assert (seen.token_requests, seen.failed_requests, seen.rejections) == (1, 0, 0)


async def test_it_becomes_due_and_then_expires(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=1_000)
        await acme.clock.advance(800)
        assert status(acme).state is State.DUE
        assert status(acme).next_refresh_in == 0.0
        await acme.clock.advance(300)
        assert status(acme).state is State.EXPIRED
        assert status(acme).expires_in == pytest.approx(-120)


async def test_a_request_under_way_is_seen(world):
    async with world.scripted() as acme, calls() as start:
        start(acme.token)
        await settle()
        assert status(acme).state is State.REFRESHING
        assert status(acme).token_requests == 1


async def test_a_failure_that_will_be_tried_again(world):
    async with world.scripted(reply(status=503, headers={"retry-after": "60"})) as acme:
        await outcomes(acme.token, times=1)
        await acme.clock.advance(20)
        seen = status(acme)
    assert seen.state is State.FAILING
    assert seen.next_refresh_in == pytest.approx(40)
    assert seen.failed_requests == 1
    assert seen.last_error.startswith("[acme] Salesforce is not available")


async def test_a_failure_that_somebody_must_mend(world):
    async with world.scripted(refused("inactive_user")) as acme:
        await outcomes(acme.token, times=1)
        seen = status(acme)
    assert (seen.state, seen.next_refresh_in) == (State.BLOCKED, None)
    assert "What to do" in str(seen.last_error)


async def test_an_org_that_is_blocked_may_still_serve_its_token(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=1_000)
        await acme.clock.advance(800)
        acme.endpoint.answers.append(refused("inactive_user"))
        await acme.token()
        await settle()
        assert status(acme).state is State.BLOCKED
        assert status(acme).expires_in > 0


async def test_a_success_clears_the_failure(world):
    async with world.scripted(reply(status=503), reply(1)) as acme:
        await outcomes(acme.token, times=1)
        await acme.clock.advance(5)
        await acme.token()
        seen = status(acme)
    assert (seen.state, seen.last_error, seen.failed_requests) == (State.FRESH, None, 1)


async def test_rejections_are_counted(world):
    async with world.scripted(reply(1), reply(2)) as acme:
        await acme.token()
        acme.source.reject(1)
        assert (status(acme).state, status(acme).rejections) == (State.COLD, 1)
        assert status(acme).lifetime is None
        await acme.token()
        assert (status(acme).generation, status(acme).rejections) == (2, 1)


async def test_who_has_the_lease_is_seen(world):
    async with world.scripted() as acme, calls() as start:
        acme.manager.add("alias", credentials(), org=ACME)
        start(acme.token)
        await settle()
        start(acme.manager.token, "alias")
        await settle()
        assert acme.manager.status()["alias"].lease_holder is not None
        acme.endpoint.last.answer(reply(1))
        await settle()
        assert acme.manager.status()["alias"].lease_holder is None


async def test_all_orgs_are_there_also_dynamic_ones(world):
    async with world.manager() as manager:
        manager.add("one", credentials(), org=ACME)
        manager.add("two", credentials(), org=ACME, dynamic=True)
        assert set(manager.status()) == {"one", "two"}


async def test_a_snapshot_stays_as_it_was(world):
    async with world.scripted() as acme:
        before = status(acme)
        assert isinstance(before, OrgStatus)
        await acme.first()
        assert before.state is State.COLD
        with pytest.raises(dataclasses.FrozenInstanceError):
            before.state = State.FRESH  # type: ignore[misc]
