"""`sfauth.source`: what one source says and does; the promises about it are in `tests/promises`."""

from __future__ import annotations

import gc
import weakref

import httpx
import pytest

from sfauth import (
    InstanceMoved,
    LoginRequiredError,
    MemoryStore,
    Reason,
    RefreshFailed,
    RefreshStarted,
    SessionRejected,
    TokenAcquired,
    TokenInvalidated,
    TokenRevoked,
    TryLaterError,
)
from tests.support import (
    ACME,
    FlakyStore,
    World,
    calls,
    credentials,
    opaque,
    outcomes,
    refresh_token_grant,
    refused,
    reply,
    settle,
)

MOVED = "https://acme-2.my.salesforce.com"


@pytest.fixture
def world():
    return World()


# ── events ──


async def test_a_login_is_told_in_two_events(world):
    async with world.scripted() as acme, calls() as start:
        waiting = [start(acme.token) for _ in range(3)]
        await acme.clock.advance(2.5)
        acme.endpoint.last.answer(reply(1))
        await settle()
        assert all(call.over for call in waiting)
    assert world.events == [
        RefreshStarted(org="acme", generation=0, reason=Reason.COLD),
        TokenAcquired(
            org="acme",
            generation=1,
            reason=Reason.COLD,
            seconds=2.5,
            waiters=3,
            lifetime=7200.0,
            lifetime_source="assumed",
        ),
    ]


async def test_each_reason_for_a_request_is_told(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=1000)
        await acme.clock.advance(800)
        acme.endpoint.answers.append(reply(2, expires_in=1000))
        await acme.token()
        await settle()
        await acme.clock.advance(1100)
        acme.endpoint.answers.append(reply(3, expires_in=1000))
        await acme.token()
        acme.source.reject(acme.source.generation)
        acme.endpoint.answers.append(reply(4, expires_in=1000))
        await acme.token()
        acme.endpoint.answers.append(reply(5, expires_in=1000))
        await acme.manager.refresh("acme")
        acme.source.invalidate()
        acme.endpoint.answers.append(reply(6, expires_in=1000))
        await acme.token()
    reasons = [event.reason for event in world.named("refresh_started")]
    assert reasons == [Reason.COLD, Reason.DUE, Reason.EXPIRED, Reason.REJECTED, Reason.ASKED, Reason.COLD]
    assert [event.reason for event in world.named("token_acquired")] == reasons
    assert [event.generation for event in world.named("token_acquired")] == [1, 2, 3, 4, 5, 6]


async def test_a_failure_says_who_it_hit_and_when_the_next_try_is(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=1000)
        await acme.clock.advance(800)
        acme.endpoint.answers.append(reply(status=503, headers={"retry-after": "45"}))
        await acme.token()
        await settle()
        (failed,) = world.named("refresh_failed")
    assert isinstance(failed, RefreshFailed)
    assert (failed.generation, failed.reason, failed.error_class) == (1, Reason.DUE, "TryLaterError")
    assert (failed.error, failed.retry_in, failed.waiters, failed.serving) == (None, 45.0, 0, True)
    assert "503" in failed.message


async def test_a_fatal_failure_has_no_next_try(world):
    async with world.scripted(refused("inactive_user")) as acme:
        await outcomes(acme.token, times=2)
        (failed,) = world.named("refresh_failed")
    assert (failed.error, failed.retry_in, failed.waiters, failed.serving) == ("inactive_user", None, 2, False)


async def test_a_rejection_says_how_old_the_token_was(world):
    async with world.scripted() as acme:
        await acme.first(expires_in=1000)
        await acme.clock.advance(300)
        acme.source.reject(1, status=403)
        acme.source.reject(1, status=403)
    assert world.named("session_rejected") == [
        SessionRejected(org="acme", generation=1, status=403, age=300.0, expected=1000.0)
    ]


# ── invalidate ──


async def test_an_invalidated_token_is_replaced_at_the_next_use(world):
    async with world.scripted(reply(1), reply(2)) as acme:
        await acme.token()
        acme.manager.invalidate("acme")
        assert world.events[-1] == TokenInvalidated(org="acme", generation=1)
        assert (await acme.token()).access_token == opaque(2)


async def test_only_the_generation_that_is_meant_is_invalidated(world):
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        for generation in (0, 2):
            acme.source.invalidate(generation)
        assert acme.source.fresh() is not None
        acme.source.invalidate(1)
        assert acme.source.fresh() is None
        acme.source.invalidate(1)
        assert len(world.named("token_invalidated")) == 1


async def test_an_invalidated_token_may_come_again(world):
    # It is alive at Salesforce: nobody has rejected it.
    async with world.scripted(reply(1), reply(1)) as acme:
        await acme.token()
        acme.source.invalidate()
        assert (await acme.token()).access_token == opaque(1)
    assert len(acme.endpoint) == 2


# ── the same token again ──


async def test_a_token_that_comes_again_keeps_its_generation(world):
    async with world.scripted(reply(1), reply(1)) as acme:
        await acme.token()
        await acme.manager.refresh("acme")
        assert acme.source.generation == 1
        assert [event.reissued for event in world.named("token_acquired")] == [False, True]


async def test_a_session_that_was_used_in_its_second_half_counts_from_that_use(world):
    async with world.scripted(reply(1), reply(1), assumed_lifetime=1000.0, jitter=0.0) as acme:
        await acme.token()
        await acme.clock.advance(700)
        await acme.token()
        await acme.clock.advance(60)
        await settle()
        assert len(acme.endpoint) == 2
        status = acme.manager.status()["acme"]
        # Used at 700, asked again at 750, so that it lives until 1,700.
        assert status.expires_in == pytest.approx(950 * 0.98 - 10)


async def test_a_session_that_was_not_used_in_its_second_half_ends_as_it_was_thought_to(world):
    async with world.scripted(reply(1), reply(1), assumed_lifetime=1000.0, jitter=0.0) as acme:
        await acme.token()
        await acme.clock.advance(400)
        await acme.token()
        await acme.clock.advance(360)
        assert len(acme.endpoint) == 2
        assert acme.manager.status()["acme"].expires_in == pytest.approx(250 * 0.98 - 10)


# ── where the org is ──


async def test_a_move_is_told_and_the_old_address_is_remembered(world):
    async with world.scripted(reply(1), reply(2, instance_url=MOVED)) as acme:
        await acme.token()
        await acme.manager.refresh("acme")
        assert acme.source.former_instances == (ACME,)
    assert InstanceMoved(org="acme", generation=2, old=ACME, new=MOVED) in world.events


async def test_a_move_back_takes_the_address_off_the_former_ones(world):
    async with world.scripted(reply(1), reply(2, instance_url=MOVED), reply(3)) as acme:
        for _ in range(3):
            await acme.manager.refresh("acme")
        assert acme.source.former_instances == (MOVED,)


async def test_the_newest_few_former_addresses_are_enough(world):
    hosts = [f"https://acme-{number}.my.salesforce.com" for number in range(7)]
    async with world.scripted(*[reply(n, instance_url=host) for n, host in enumerate(hosts)]) as acme:
        for _ in hosts:
            await acme.manager.refresh("acme")
        assert acme.source.former_instances == tuple(hosts[2:6])


async def test_replies_without_an_address_tell_of_no_move(world):
    async with world.scripted(reply(1), reply(2, instance_url=None), reply(3)) as acme:
        for _ in range(3):
            await acme.manager.refresh("acme")
        assert acme.source.former_instances == ()
    assert world.named("instance_moved") == []


async def test_a_move_is_noticed_also_when_the_old_token_was_rejected_first(world):
    async with world.scripted(reply(1), reply(2, instance_url=MOVED)) as acme:
        await acme.token()
        acme.source.reject(1)
        await acme.token()
        assert acme.source.former_instances == (ACME,)


async def test_a_token_that_one_address_rejected_may_serve_at_another(world):
    # An org that moved keeps its sessions.
    async with world.scripted(reply(1), reply(1, instance_url=MOVED)) as acme:
        await acme.token()
        acme.source.reject(1)
        assert (await acme.token()).instance_url == MOVED


# ── revoke ──


async def test_an_access_token_is_revoked_and_never_used_again(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        token = await manager.token("acme")
        await manager.revoke("acme")
        assert not await world.alive(token)
        assert isinstance(world.events[-1], TokenRevoked)
        newer = await manager.token("acme")
        assert newer.access_token != token.access_token
        assert await world.alive(newer)
    assert world.counts()["revocations"] == {"revoked": 1}


@pytest.mark.parametrize("rotate", [False, True])
async def test_of_a_refresh_token_the_newest_is_revoked_with_all_its_sessions(world, rotate):
    org = world.org(rotate_refresh_tokens=rotate)
    async with world.manager() as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        first = await manager.token("acme")
        second = await manager.refresh("acme")
        await manager.revoke("acme")
        assert not await world.alive(first)
        assert not await world.alive(second)
        with pytest.raises(LoginRequiredError):
            await manager.token("acme")
    assert world.counts()["revocations"] == {"revoked": 1}


async def test_nothing_is_asked_where_there_is_nothing_to_revoke(world):
    async with world.scripted() as acme:
        await acme.manager.revoke("acme")
        assert world.events == []
    assert len(acme.endpoint) == 0


async def test_revoking_twice_asks_once(world):
    async with world.scripted(reply(1), httpx.Response(200)) as acme:
        await acme.token()
        await acme.manager.revoke("acme")
        await acme.manager.revoke("acme")
    assert len(acme.endpoint) == 2


async def test_a_token_that_was_dead_already_counts_as_revoked(world):
    async with world.scripted(reply(1), refused("invalid_token", "invalid token")) as acme:
        await acme.token()
        await acme.manager.revoke("acme")
        assert acme.source.current is None


async def test_where_salesforce_can_not_be_asked_the_token_is_kept(world):
    async with world.scripted(reply(1), reply(status=503)) as acme:
        token = await acme.token()
        with pytest.raises(TryLaterError):
            await acme.manager.revoke("acme")
        assert await acme.token() is token


async def test_a_refresh_under_way_is_waited_for_before_revoking(world):
    async with world.scripted(grant=refresh_token_grant("5Aep861first")) as acme, calls() as start:
        start(acme.token)
        await settle()
        call = start(acme.manager.revoke, "acme")
        await settle()
        assert len(acme.endpoint) == 1
        acme.endpoint.answers.append(httpx.Response(200))
        acme.endpoint.last.answer(reply(1, refresh_token="5Aep861second"))
        await settle()
        assert call.over
    assert acme.endpoint.last.form["token"] == "5Aep861second"


async def test_a_revoked_token_is_gone_for_peers_on_the_same_store(world):
    store = MemoryStore()
    async with world.scripted(reply(1), store=store) as one, world.scripted(store=store) as two:
        await one.token()
        await two.token()
        one.endpoint.answers.append(httpx.Response(200))
        await one.manager.revoke("acme")
        await settle()
        two.endpoint.answers.append(reply(2))
        assert (await two.token()).access_token == opaque(2)


# ── peers ──


async def test_a_peers_newer_token_is_taken_over_as_it_comes(world):
    store = MemoryStore()
    async with world.scripted(reply(1), store=store) as one, world.scripted(store=store) as two:
        await one.token()
        await two.token()
        one.endpoint.answers.append(reply(2))
        await one.manager.refresh("acme")
        await settle()
        assert two.source.current.access_token == opaque(2)
        assert [event.reason for event in two.world.named("token_acquired")][-1] is Reason.PEER
    assert len(two.endpoint) == 0


async def test_a_peers_token_got_with_another_secret_is_not_taken_over(world):
    store = MemoryStore()
    async with (
        world.scripted(reply(1), store=store) as one,
        world.scripted(reply(2), store=store, grant=credentials(client_secret="consumer-secret-2")) as two,
    ):
        await one.token()
        await two.token()
        one.endpoint.answers.append(reply(3))
        await one.manager.refresh("acme")
        await settle()
        assert two.source.current.access_token == opaque(2)


async def test_a_peers_token_that_was_rejected_here_is_not_taken_over(world):
    store = MemoryStore()
    async with world.scripted(store=store) as one, world.scripted(store=store) as two:
        one.endpoint.answers.extend([reply(1), reply(2), reply(1)])
        await one.token()
        await two.token()
        two.source.reject(1)
        await one.manager.refresh("acme")
        await settle()
        assert two.source.current.access_token == opaque(2)
        two.source.reject(two.source.generation)
        await one.manager.refresh("acme")
        await settle()
        assert two.source.current is None or two.source.current.access_token == opaque(1)


async def test_a_change_that_brings_nothing_newer_changes_nothing(world):
    store = MemoryStore()
    async with world.scripted(reply(1), store=store) as one, world.scripted(store=store) as two:
        await one.token()
        token = await two.token()
        (key,) = store._records
        store._tell(key)
        await settle()
        assert two.source.current is token
        await store.delete(key)
        await settle()
        assert two.source.current is token


async def test_a_change_during_a_flight_is_left_to_the_flight(world):
    store = MemoryStore()
    async with world.scripted(reply(1), store=store) as one, world.scripted(store=store) as two, calls() as start:
        await one.token()
        await two.token()
        call = start(two.manager.refresh, "acme")
        await settle()
        (key,) = store._records
        store._tell(key)
        await settle()
        two.endpoint.last.answer(reply(2))
        await settle()
        assert call.result().access_token == opaque(2)
        assert one.source.current.access_token == opaque(2)


# ── its lifetime in the store ──


async def test_what_introspection_found_is_kept_for_peers(world):
    store = MemoryStore()
    org = world.org(session_timeout=900.0)
    async with world.manager(store=store) as one, world.manager(store=store) as two:
        for manager in (one, two):
            manager.add("acme", world.credentials(org), org=org.my_domain)
        await one.token("acme")
        await settle()
        await two.token("acme")
        await settle()
        assert round(two.status()["acme"].lifetime) == 900
    assert world.counts()["introspections"] == {"active": 1}


async def test_what_introspection_found_is_used_also_where_the_store_can_not_take_it(world):
    store = FlakyStore()
    org = world.org(session_timeout=900.0)
    async with world.manager(store=store) as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        world.simulator.fail_next(path="/services/oauth2/introspect", delay=5.0)
        await manager.token("acme")
        store.down = True
        await world.clock.advance(6)
        assert round(manager.status()["acme"].lifetime) == 895  # what was left when the answer came
        store.down = False


# ── the timer ──


async def test_the_timer_does_not_shorten_the_pause_after_a_failure(world):
    async with world.scripted(keep_alive=True) as acme:
        await acme.first(expires_in=1000)
        acme.endpoint.answers.append(reply(status=503, headers={"retry-after": "600"}))
        await acme.clock.advance(760)
        assert len(acme.endpoint) == 2
        acme.source.on_timer()
        acme.source.reject(1)  # for an org that is kept alive this rings at once
        await acme.clock.advance(300)
        assert len(acme.endpoint) == 2
        acme.endpoint.answers.append(reply(2))
        await acme.clock.advance(600)
        assert len(acme.endpoint) == 3


# ── odds and ends ──


async def test_using_a_token_notes_when(world):
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        await acme.clock.advance(50)
        for use in (acme.source.fresh, acme.source.acquire):
            before = acme.source.last_used
            result = use()
            if result is not None and not hasattr(result, "access_token"):
                await result
            assert acme.source.last_used == acme.clock.elapsed()
            assert acme.source.last_used >= before


async def test_sources_that_nobody_holds_any_more_are_freed(world):
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        gone = weakref.ref(acme.source)
        acme.manager.remove("acme")
        await settle()
        gc.collect()
        assert gone() is None
