"""`sfauth.renewal`: a token from the store or from Salesforce, kept before it is used."""

from __future__ import annotations

import itertools
from dataclasses import replace

import httpx
import pytest

from sfauth import ConfigurationError, LoginRequiredError, MemoryStore, SfauthError, State, Token, TryLaterError
from sfauth.errors import StoreUnavailableError
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


@pytest.fixture
def world():
    return World()


@pytest.fixture
def store():
    return FlakyStore()


# ── from the store ──


async def test_a_token_that_a_peer_has_fetched_is_used(world, store):
    async with world.scripted(reply(1), store=store) as one, world.scripted(store=store) as two:
        await one.token()
        await two.clock.advance(600)
        assert (await two.token()).access_token == opaque(1)
        assert two.manager.status()["acme"].expires_in == pytest.approx((7200 - 600) * 0.98)
    assert len(two.endpoint) == 0


async def test_a_stored_token_that_is_due_is_not_worth_taking(world, store):
    async with world.scripted(reply(1, expires_in=1000), store=store) as one, world.scripted(store=store) as two:
        await one.token()
        await two.clock.advance(760)
        two.endpoint.answers.append(reply(2))
        assert (await two.token()).access_token == opaque(2)


async def test_who_asks_for_a_new_token_gets_none_from_the_store(world, store):
    async with world.scripted(reply(1), store=store) as one, world.scripted(reply(2), store=store) as two:
        await one.token()
        assert (await two.manager.refresh("acme")).access_token == opaque(2)


async def test_a_peer_that_was_faster_after_a_rejection_is_enough(world, store):
    async with world.scripted(reply(1), store=store) as one, world.scripted(store=store) as two:
        await one.token()
        await two.token()
        one.source.reject(1)
        one.endpoint.answers.append(reply(2))
        await one.token()
        two.source.reject(1)
        assert (await two.token()).access_token == opaque(2)
    assert len(two.endpoint) == 0


async def test_a_stored_token_that_was_rejected_here_is_not_taken(world, store):
    async with world.scripted(reply(1), store=store) as one, world.scripted(store=store) as two:
        await one.token()
        await two.token()
        two.source.reject(1)
        two.endpoint.answers.append(reply(2))
        assert (await two.token()).access_token == opaque(2)


async def test_nor_is_it_taken_as_a_later_generation(world):
    store = MemoryStore()
    async with world.scripted(reply(1), store=store) as acme:
        await acme.token()
        (key,) = store._records
        store._records[key] = replace(store._records[key], generation=7)
        acme.source.reject(1)
        acme.endpoint.answers.append(reply(2))
        assert (await acme.token()).access_token == opaque(2)


# ── what is kept ──


async def test_the_answer_is_in_the_store_before_anybody_uses_it(world, store):
    async with world.scripted(grant=refresh_token_grant(), store=store) as acme, calls() as start:
        call = start(acme.token)
        await settle()
        acme.endpoint.last.answer(reply(1, refresh_token="5Aep861second"))
        await settle()
        assert call.over
        assert store.record.token.refresh_token == "5Aep861second"
        assert store.calls[:3] == ["lease", "get", "put"]


async def test_a_reply_without_a_refresh_token_keeps_the_old_one(world, store):
    async with world.scripted(reply(1), reply(2), grant=refresh_token_grant("5Aep861only"), store=store) as acme:
        for _ in range(2):
            await acme.manager.refresh("acme")
            assert store.record.token.refresh_token == "5Aep861only"


async def test_the_refresh_token_is_the_one_that_a_peer_left(world, store):
    grant = refresh_token_grant("5Aep861first")
    async with world.scripted(grant=grant, store=store) as one, world.scripted(grant=grant, store=store) as two:
        one.endpoint.answers.append(reply(1, refresh_token="5Aep861second"))
        await one.token()
        two.endpoint.answers.append(reply(2, refresh_token="5Aep861third"))
        await two.manager.refresh("acme")
        assert two.endpoint.last.form["refresh_token"] == "5Aep861second"
        one.endpoint.answers.append(reply(3))
        await one.manager.refresh("acme")
        assert one.endpoint.last.form["refresh_token"] == "5Aep861third"


async def test_a_token_that_comes_again_is_the_same_generation_in_the_store(world, store):
    async with world.scripted(reply(1), reply(1), reply(2), store=store) as acme:
        seen = []
        for _ in range(3):
            await acme.manager.refresh("acme")
            seen.append(store.record.generation)
    assert seen == [1, 1, 2]


async def test_the_time_in_the_store_is_when_it_was_asked_for_on_the_servers_clock(world, store):
    async with world.scripted(store=store) as acme, calls() as start:
        call = start(acme.token)
        await acme.clock.advance(5)
        acme.endpoint.last.answer(reply(1))
        await settle()
        assert call.over
        assert store.record.obtained_at == pytest.approx(acme.clock.wall() - 5)


# ── while the store is away ──


async def test_without_the_store_a_token_is_fetched_all_the_same_and_that_is_told(world, store):
    store.down = True
    async with world.scripted(reply(1), store=store) as acme:
        assert (await acme.token()).access_token == opaque(1)
        assert {event.unsaved for event in world.named("store_failed")} == {False, True}
        assert acme.manager.status()["acme"].unsaved
        store.down = False


async def test_where_that_is_forbidden_callers_hear_that_the_store_is_away(world, store):
    store.down = True
    async with world.scripted(reply(1), store=store, when_store_fails="strict") as acme:
        with pytest.raises(StoreUnavailableError) as error:
            await acme.token()
        assert error.value.org == "acme"
        store.down = False
        await acme.clock.advance(5)
        assert await acme.token()
    assert len(acme.endpoint) == 1


async def test_what_could_not_be_written_is_written_once_the_store_is_back(world, store):
    store.down = True
    async with world.scripted(reply(1), store=store) as acme:
        await acme.token()
        await acme.clock.advance(100)
        store.down = False
        await acme.clock.advance(300)
        assert store.record.token.access_token == opaque(1)
        assert [event.org for event in world.named("store_recovered")] == ["acme"]
        assert not acme.manager.status()["acme"].unsaved


async def test_what_could_not_be_written_is_written_on_closing_at_the_latest(world, store):
    store.down = True
    async with world.scripted(
        reply(1, refresh_token="5Aep861second"), grant=refresh_token_grant(), store=store
    ) as acme:
        await acme.token()
        store.down = False
    assert store.record.token.refresh_token == "5Aep861second"


@pytest.mark.parametrize("outage", ["put", "everything"])
async def test_a_refresh_token_rotated_during_an_outage_is_never_lost(world, store, outage):
    store.only = {"put"} if outage == "put" else None
    async with world.scripted(grant=refresh_token_grant("5Aep861number0"), store=store) as acme:
        for number in range(1, 9):
            store.down = number in (2, 3, 6)
            acme.endpoint.answers.append(reply(number, refresh_token=f"5Aep861number{number}"))
            assert (await acme.manager.refresh("acme")).access_token == opaque(number)
            assert acme.endpoint.last.form["refresh_token"] == f"5Aep861number{number - 1}"
        await acme.clock.advance(600)
        assert store.record.token.refresh_token == "5Aep861number8"


async def test_after_an_outage_of_hours_the_newest_refresh_token_is_used_and_written(world, store):
    org = world.org(rotate_refresh_tokens=True, session_timeout=3600.0)
    async with world.manager(store=store, introspect=False) as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        for hour in range(12):
            store.down = 3 <= hour < 9
            assert await world.alive(await manager.refresh("acme"))
            await world.clock.advance(3600)
        assert await world.alive(await manager.refresh("acme"))
        assert store.record.token.refresh_token == next(world.simulator.approvals.of_org(org)).refresh_token
    assert world.refusals() == {}


async def test_a_store_that_lost_everything_does_not_lose_the_newest_refresh_token(world, store):
    async with world.scripted(grant=refresh_token_grant("5Aep861number0"), store=store) as acme:
        for number in range(1, 4):
            acme.endpoint.answers.append(reply(number, refresh_token=f"5Aep861number{number}"))
            await acme.manager.refresh("acme")
            assert acme.endpoint.last.form["refresh_token"] == f"5Aep861number{number - 1}"
            store._records.clear()
        acme.endpoint.answers.append(reply(9))
        await acme.manager.refresh("acme")
        assert acme.endpoint.last.form["refresh_token"] == "5Aep861number3"


async def test_a_token_that_the_store_never_takes_is_used_all_the_same(world, store):
    class Stubborn(FlakyStore):
        async def put(self, key, record, *, expected):
            return False

    async with world.scripted(reply(1), reply(2), store=Stubborn()) as acme:
        assert (await acme.token()).access_token == opaque(1)
        assert (await acme.manager.refresh("acme")).access_token == opaque(2)


async def test_what_could_not_be_written_does_not_overwrite_what_a_peer_has_written_since(world, store):
    async with world.scripted(reply(1), store=store) as acme:
        await acme.token()
        store.down = True
        acme.endpoint.answers.append(reply(2))
        await acme.manager.refresh("acme")
        store.down = False
        (key,) = store._records
        peers = replace(store._records[key], generation=9)
        store._records[key] = peers
        await acme.clock.advance(300)
        assert store.record == peers
        assert not acme.manager.status()["acme"].unsaved


async def test_a_change_that_can_not_be_read_is_logged_and_missed(world, store, caplog):
    async with world.scripted(reply(1), store=store) as one, world.scripted(store=store) as two:
        await one.token()
        await two.token()
        store.down, store.only = True, {"get"}
        (key,) = store._records
        store._tell(key)
        await settle()
        store.down = False
        assert "can't be reached" in caplog.text
        one.endpoint.answers.append(reply(2))
        await one.manager.refresh("acme")
        await settle()
        assert two.source.current.access_token == opaque(2)


# ── standing still ──


async def test_who_waited_long_for_a_free_slot_looks_once_more_whether_a_peer_was_faster(world):
    store = MemoryStore()
    grant = refresh_token_grant("5Aep861first")
    async with world.scripted(grant=grant, store=store, max_token_requests=1) as acme, calls() as start:
        await acme.first(refresh_token="5Aep861second")
        (key,) = store._records
        acme.manager.add("slow", credentials(client_id="3MVG9slow"), org=ACME)
        slow = start(acme.manager.token, "slow")
        await settle()
        call = start(acme.manager.refresh, "acme")
        await settle()
        old = store._records[key]
        newer = Token(access_token=opaque(7), refresh_token="5Aep861third", instance_url=ACME)
        store._records[key] = replace(old, generation=old.generation + 1, token=newer)
        acme.clock.suspend(3600)
        acme.endpoint.answers.append(reply(8, refresh_token="5Aep861fourth"))
        acme.endpoint.last.answer(reply(9))
        await settle()
        assert slow.over
        assert call.result().access_token in (opaque(7), opaque(8))
        sent = [request.form.get("refresh_token") for request in acme.endpoint.requests]
        assert "5Aep861second" not in sent


# ── refusals ──


async def test_a_peer_does_not_repeat_a_request_that_was_refused_for_good(world, store):
    async with world.scripted(refused("inactive_user"), store=store) as one, world.scripted(store=store) as two:
        first = (await outcomes(one.token, times=1))[0]
        second = (await outcomes(two.token, times=1))[0]
    assert type(first) is type(second) is ConfigurationError
    assert (first.error, first.status, first.hint) == (second.error, second.status, second.hint)
    assert len(two.endpoint) == 0


async def test_a_dead_refresh_token_is_dead_for_peers_too(world, store):
    grant = refresh_token_grant()
    dead = refused("invalid_grant", "expired access/refresh token")
    async with world.scripted(dead, grant=grant, store=store) as one, world.scripted(grant=grant, store=store) as two:
        for acme in (one, two):
            assert isinstance((await outcomes(acme.token, times=1))[0], LoginRequiredError)
    assert len(two.endpoint) == 0


async def test_a_refusal_that_was_mended_is_forgotten_for_all(world, store):
    async with world.scripted(refused("inactive_user"), store=store) as one, world.scripted(store=store) as two:
        await outcomes(one.token, times=1)
        await outcomes(two.token, times=1)
        one.manager.reset("acme")
        one.endpoint.answers.append(reply(1))
        await one.token()
        two.manager.reset("acme")
        assert (await two.token()).access_token == opaque(1)
    assert len(two.endpoint) == 0


async def test_our_own_refusals_are_not_told_to_peers(world, store):
    # A key file that is damaged here may be sound elsewhere.
    org = world.org()
    grant = world.jwt(org, private_key=org.app.private_key_pem.replace("a", "b"))
    async with world.scripted(grant=grant, store=store) as acme:
        assert isinstance((await outcomes(acme.token, times=1))[0], ConfigurationError)
        assert acme.manager.status()["acme"].state is State.BLOCKED
    assert store._records == {}


async def test_a_refusal_does_not_take_the_refresh_token_along(world, store):
    async with world.scripted(grant=refresh_token_grant("5Aep861first"), store=store) as acme:
        acme.endpoint.answers.extend([reply(1, refresh_token="5Aep861second"), refused("inactive_user"), reply(3)])
        await acme.token()
        await outcomes(acme.manager.refresh, "acme", times=1)
        acme.manager.reset("acme")
        await acme.manager.refresh("acme")
    assert acme.endpoint.last.form["refresh_token"] == "5Aep861second"


async def test_a_refresh_token_that_a_peer_used_up_is_no_refusal(world):
    """Our lease had run out, and the peer that got it has rotated the refresh token that we sent."""
    store = MemoryStore()
    grant = refresh_token_grant("5Aep861first")
    async with world.scripted(grant=grant, store=store) as acme, calls() as start:
        await acme.first(refresh_token="5Aep861second")
        (key,) = store._records
        call = start(acme.manager.refresh, "acme")
        await settle()
        old = store._records[key]
        newer = Token(access_token=opaque(7), refresh_token="5Aep861third")
        store._records[key] = replace(old, generation=old.generation + 1, token=newer)
        acme.endpoint.answers.append(reply(8, refresh_token="5Aep861fourth"))
        acme.endpoint.requests[-1].answer(refused("invalid_grant", "expired access/refresh token"))
        await settle()
        assert call.result().access_token in (opaque(7), opaque(8))
        if len(acme.endpoint) == 3:
            assert acme.endpoint.last.form["refresh_token"] == "5Aep861third"


async def test_a_store_that_fails_while_a_refusal_is_told_hides_nothing(world, store):
    async with world.scripted(store=store) as acme, calls() as start:
        call = start(acme.token)
        await settle()
        store.down = True
        acme.endpoint.last.answer(refused("inactive_user"))
        await settle()
        assert isinstance(call.error, SfauthError)
        assert call.error.error == "inactive_user"
        store.down = False


# ── what is learned from peers ──


async def test_a_lifetime_that_a_peer_has_learned_is_taken_over(world, store):
    async with world.scripted(store=store) as one, world.scripted(store=store) as two:
        one.endpoint.answers.extend(reply(number) for number in range(1, 4))
        for generation in (1, 2):
            await one.token()
            one.source.accepted = generation
            await one.clock.advance(1_000)
            one.source.reject(generation)
        await one.token()
        assert one.manager.status()["acme"].lifetime_source == "learned"
        await two.token()
        two.endpoint.answers.append(reply(9))
        await two.manager.refresh("acme")
        status = two.manager.status()["acme"]
        assert (status.lifetime_source, status.lifetime) == ("learned", 1_000.0)


# ── one more ──


async def test_a_hanging_peer_does_not_make_a_request_by_itself(world, store):
    async with world.scripted(store=store) as one, world.scripted(store=store) as two, calls() as start:
        start(one.token)
        await settle()
        waiting = start(two.token)
        await settle()
        assert (len(one.endpoint), len(two.endpoint)) == (1, 0)
        one.endpoint.last.answer(httpx.ReadError("gone"))
        await settle()
        two.endpoint.last.answer(reply(1))
        await settle()
        assert waiting.result().access_token == opaque(1)


async def test_a_busy_refresh_token_is_tried_again_after_growing_pauses(world):
    busy = refused("invalid_grant", "token request is already being processed")
    async with world.scripted(*[busy] * 4, grant=refresh_token_grant(), retry_interval=2.0) as acme, calls() as start:
        call = start(acme.token)
        moments: list[float] = []
        for _ in range(400):
            await acme.clock.advance(0.1)
            if len(moments) < len(acme.endpoint):
                moments.append(acme.clock.elapsed())
        pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
        assert [1 <= pauses[0] <= 3.2, 2 <= pauses[1] <= 6.2, 3 <= pauses[2] <= 9.2] == [True] * 3
        assert isinstance(call.error, TryLaterError)
