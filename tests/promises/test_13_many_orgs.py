"""Promise 13: a slow org delays no other, and token requests in flight are bounded."""

from __future__ import annotations

from tests.support import ACME, Endpoint, calls, credentials, opaque, outcomes, reply, settle


async def test_a_slow_org_delays_no_other(world):
    slow, quick = world.org("slow", token_latency=60.0), world.org("quick")
    async with world.manager() as manager, calls() as start:
        manager.add("slow", world.credentials(slow), org=slow.my_domain)
        manager.add("quick", world.credentials(quick), org=quick.my_domain)
        waiting = [start(manager.token, "slow") for _ in range(10)]
        await settle()
        assert await manager.token("quick")
        assert not any(call.over for call in waiting)
        await world.clock.advance(61)
        assert all(call.result() for call in waiting)


async def test_a_dead_org_delays_no_other(world):
    async with world.scripted() as acme, calls() as start:
        for number in range(20):
            acme.manager.add(f"other{number}", credentials(client_id=f"3MVG9other{number}"), org=ACME)
        start(acme.token)
        await settle()
        acme.endpoint.answers.extend(reply(number) for number in range(20))
        for number in range(20):
            assert await acme.manager.token(f"other{number}")


async def test_no_more_token_requests_are_in_flight_than_allowed(world):
    endpoint = Endpoint()
    async with world.manager(transport=endpoint, max_token_requests=5, introspect=False) as manager, calls() as start:
        for number in range(40):
            manager.add(f"org{number}", credentials(client_id=f"3MVG9{number}"), org=ACME)
        waiting = [start(manager.token, f"org{number}") for number in range(40)]
        answered = 0
        while answered < 40:
            await settle()
            for request in endpoint.requests[answered:]:
                request.answer(reply(answered))
                answered += 1
        await settle()
        assert all(call.result() for call in waiting)
    assert endpoint.most_at_once == 5


async def test_introspections_count_as_well(world):
    endpoint = Endpoint()
    async with world.manager(transport=endpoint, max_token_requests=1) as manager, calls() as start:
        for number in range(3):
            manager.add(f"org{number}", credentials(client_id=f"3MVG9{number}"), org=ACME)
            start(manager.token, f"org{number}")
        for number in range(6):
            await settle()
            assert len(endpoint) == number + 1
            endpoint.last.answer(reply(number))
    assert endpoint.most_at_once == 1


async def test_a_slot_is_given_back_after_a_failure(world):
    endpoint = Endpoint(*[reply(status=503)] * 3, reply(4))
    async with world.manager(transport=endpoint, max_token_requests=1, introspect=False) as manager:
        for number in range(4):
            manager.add(f"org{number}", credentials(client_id=f"3MVG9{number}"), org=ACME)
        for number in range(3):
            await outcomes(manager.token, f"org{number}", times=1)
        assert (await manager.token("org3")).access_token == opaque(4)


async def test_hundreds_of_orgs_are_refreshed_by_one_timer(world):
    endpoint = Endpoint()
    async with world.manager(transport=endpoint, introspect=False, keep_alive=True) as manager:
        endpoint.answers.extend(reply(number, expires_in=3_600) for number in range(500))
        for number in range(500):
            manager.add(f"org{number}", credentials(client_id=f"3MVG9{number}"), org=ACME)
            await manager.token(f"org{number}")
        endpoint.answers.extend(reply(number, expires_in=36_000) for number in range(500, 1000))
        # All at once, as after a suspension.
        world.clock.suspend(3_000)
        await world.clock.advance(30)
        assert len(endpoint) == 1000
        assert all(status.generation == 2 for status in manager.status().values())
    assert endpoint.most_at_once <= 64
