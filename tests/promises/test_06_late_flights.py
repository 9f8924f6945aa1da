"""Promise 6: a flight that was overtaken changes nothing."""

from __future__ import annotations

from sfauth import MemoryStore, Token
from sfauth.stores import Record
from tests.support import ACME, FlakyStore, calls, credentials, opaque, outcomes, refresh_token_grant, reply, settle


async def test_a_flight_with_replaced_credentials_does_not_bring_its_token(world):
    async with world.scripted() as acme, calls() as start:
        waiting = [start(acme.token) for _ in range(3)]
        await settle()
        acme.manager.add("acme", credentials(client_secret="consumer-secret-2"), org=ACME)
        acme.endpoint.last.answer(reply(1))
        await settle()
        assert not any(call.over for call in waiting)
        assert len(acme.endpoint) == 2
        assert acme.endpoint.last.form["client_secret"] == "consumer-secret-2"
        acme.endpoint.last.answer(reply(2))
        await settle()
        assert {call.result().access_token for call in waiting} == {opaque(2)}


async def test_a_flight_to_a_replaced_org_does_not_bring_its_token(world):
    async with world.scripted() as acme, calls() as start:
        await acme.first(expires_in=1000)
        await acme.clock.advance(760)
        await acme.token()
        await settle()
        acme.manager.add("acme", credentials(), org="https://globex.my.salesforce.com")
        call = start(acme.token)
        acme.endpoint.requests[1].answer(reply(2))
        await settle()
        assert acme.endpoint.last.host == "globex.my.salesforce.com"
        acme.endpoint.last.answer(reply(3, instance_url="https://globex.my.salesforce.com"))
        await settle()
        assert call.result().access_token == opaque(3)


async def test_the_failure_of_a_flight_with_replaced_credentials_is_not_the_failure_of_the_new_ones(world):
    org = world.org(token_latency=5.0)
    async with world.manager() as manager, calls() as start:
        manager.add("acme", world.credentials(org, client_secret="wrong"), org=org.my_domain)
        call = start(manager.token, "acme")
        await settle()
        manager.add("acme", world.credentials(org), org=org.my_domain)
        await world.clock.advance(20)
        assert call.over
        assert await world.alive(await manager.token("acme"))
    assert world.refusals() == {"invalid_client": 1}


async def test_a_writer_that_comes_too_late_uses_what_its_peer_has_written(world):
    store = FlakyStore()
    async with world.scripted(store=store) as acme, calls() as start:
        await acme.first()
        call = start(acme.manager.refresh, "acme")
        await settle()
        # A peer took over the lease, which had run out, and was faster.
        (key,) = store._records
        old = store._records[key]
        peers = Record(
            generation=old.generation + 1,
            token=Token(access_token=opaque(77), instance_url=ACME),
            obtained_at=old.obtained_at,
            lifetime=old.lifetime,
            credential=old.credential,
        )
        store._records[key] = peers
        acme.endpoint.last.answer(reply(2))
        await settle()
        assert call.result().access_token == opaque(77)
        assert acme.source.generation == peers.generation


async def test_generations_never_go_back_when_the_store_was_emptied(world):
    store = MemoryStore()
    async with world.scripted(*[reply(number) for number in range(1, 5)], store=store) as acme:
        seen = []
        for _ in range(4):
            await acme.manager.refresh("acme")
            seen.append(acme.source.generation)
            store._records.clear()
    assert seen == sorted(set(seen))


async def test_removing_an_org_during_its_flight_leaves_nothing_behind(world):
    async with world.scripted() as acme, calls() as start:
        call = start(acme.token)
        await settle()
        acme.manager.remove("acme")
        acme.manager.add("acme", credentials(client_id="3MVG9other"), org=ACME)
        acme.endpoint.answers.append(reply(2))
        assert (await acme.token()).access_token == opaque(2)
        acme.endpoint.requests[0].answer(reply(1))
        await settle()
        assert call.over
        assert (await acme.token()).access_token == opaque(2)


async def test_a_client_of_a_removed_org_never_has_two_requests_in_flight(world):
    async with world.scripted(grant=refresh_token_grant()) as acme, calls() as start:
        source = acme.source
        start(source.acquire)
        await settle()
        acme.manager.remove("acme")
        second = start(source.acquire)
        await settle()
        acme.endpoint.requests[0].answer(reply(1, refresh_token="5Aep861second"))
        await settle()
        start(source.acquire)
        start(source.refresh)
        await settle()
        assert acme.endpoint.most_at_once == 1
        while source.flight is not None:
            acme.endpoint.last.answer(reply(2))
            await settle()
        assert second.over


async def test_two_aliases_that_refresh_at_once_agree_on_the_newest_token(world):
    store = MemoryStore()
    async with world.scripted(store=store) as one, world.scripted(store=store) as two:
        one.endpoint.answers.extend([reply(1), reply(2)])
        two.endpoint.answers.extend([reply(3), reply(4)])
        await outcomes(one.token, times=1)
        await two.token()
        await one.manager.refresh("acme")
        await settle()
        assert (await two.token()).access_token == (await one.token()).access_token == opaque(2)
