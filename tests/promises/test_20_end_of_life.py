"""Promise 20: closing leaves nothing behind; forks and other event loops are told so, and never hang."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading

import anyio
import httpx
import pytest

from sfauth import ConfigurationError, Reason, SfauthError, TokenManager, TryLaterError
from tests.support import (
    ACME,
    PATIENCE,
    Endpoint,
    World,
    calls,
    credentials,
    opaque,
    outcomes,
    refresh_token_grant,
    reply,
    settle,
)


def tasks():
    """All tasks of this event loop, by something that tells them apart."""
    return set(anyio.get_running_tasks())


async def test_closing_leaves_no_task(world):
    before = tasks()
    org = world.org(token_latency=1.0)
    async with world.manager() as manager, calls() as start:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        start(manager.token, "acme")
        await settle()
        assert tasks() > before
    await settle()
    assert tasks() == before


async def test_closing_waits_for_the_answer_to_a_one_time_refresh_token(world):
    async with calls() as start:
        async with world.scripted(grant=refresh_token_grant("5Aep861first")) as acme:
            waiting = [start(acme.token) for _ in range(3)]
            await settle()
            answered = start(answer_in_a_while, acme.endpoint, reply(1, refresh_token="5Aep861second"))
        assert answered.over
        await settle()
        assert all(call.over for call in waiting)
    (record,) = acme.manager._runtime.store._records.values()
    assert record.token.refresh_token == "5Aep861second"


async def answer_in_a_while(endpoint, answer):
    await settle()
    endpoint.last.answer(answer)


async def test_closing_does_not_wait_for_a_request_that_can_be_repeated(world):
    async with calls() as start:
        async with world.scripted() as acme:
            waiting = [start(acme.token) for _ in range(3)]
            await settle()
        assert acme.endpoint.last.cancelled
        await settle()
        for call in waiting:
            assert isinstance(call.error, TryLaterError)
            assert call.error.org == "acme"


async def test_closing_does_not_send_what_had_not_been_sent(world):
    endpoint = Endpoint()
    async with calls() as start:
        async with world.manager(transport=endpoint, max_token_requests=1, introspect=False) as manager:
            for number in range(5):
                manager.add(f"org{number}", refresh_token_grant(f"5Aep861number{number}"), org=ACME)
            waiting = [start(manager.token, f"org{number}") for number in range(5)]
            await settle()
            start(answer_in_a_while, endpoint, reply(1))
        assert len(endpoint) == 1
        await settle()
        assert all(call.over for call in waiting)


async def test_after_closing_there_are_no_tokens(world):
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        source = acme.source
    for function in (acme.manager.token, acme.manager.refresh):
        with pytest.raises(ConfigurationError, match="not open"):
            await function("acme")
    assert source.current is None


async def test_an_identity_that_was_dropped_but_is_still_held_has_no_token_after_closing_either(world):
    endpoint = Endpoint(reply(1), reply(2))
    async with world.manager(transport=endpoint, max_dynamic=1, introspect=False) as manager:
        manager.add("ada", credentials(client_id="3MVG9ada"), org=ACME, dynamic=True)
        held = manager.source("ada")
        await held.acquire()
        manager.add("bob", credentials(client_id="3MVG9bob"), org=ACME, dynamic=True)
        assert "ada" not in manager
    with pytest.raises(ConfigurationError, match="not open"):
        await held.acquire()


async def test_closing_twice_is_harmless(world):
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        await acme.manager.aclose()
        await acme.manager.aclose()


async def test_closing_what_was_never_opened_is_harmless(world):
    await world.manager().aclose()


async def test_a_manager_that_was_never_opened_says_so(world):
    manager = world.manager()
    manager.add("acme", credentials(), org=ACME)
    with pytest.raises(ConfigurationError, match="async with"):
        await manager.token("acme")


async def test_opening_twice_is_refused(world):
    async with world.manager() as manager:
        with pytest.raises(ConfigurationError, match="open already"):
            await manager.__aenter__()


async def test_closing_closes_the_connections_that_are_its_own(world):
    manager = TokenManager(clock=world.clock)
    own = Endpoint()
    manager._owned = [own]
    async with manager:
        pass
    assert own.closed


async def test_closing_leaves_the_callers_transport_open(world):
    endpoint = Endpoint()
    async with world.manager(transport=endpoint) as manager, manager_client(manager):
        pass
    assert not endpoint.closed


def manager_client(manager):
    manager.add("acme", credentials(), org=ACME)
    return manager.client("acme")


async def test_closing_goes_all_the_way_also_when_the_caller_is_being_cancelled(world):
    own = Endpoint(reply(1))
    manager = world.manager(transport=own, introspect=False)
    manager._owned = [own]
    manager.add("acme", credentials(), org=ACME)
    before = tasks()
    with anyio.CancelScope() as scope:
        async with manager:
            await manager.token("acme")
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert own.closed
    assert manager.source("acme").current is None
    await settle()
    assert tasks() == before


async def test_a_one_time_refresh_is_waited_for_also_when_the_caller_is_being_cancelled(world):
    endpoint = Endpoint()
    manager = world.manager(transport=endpoint, introspect=False)
    manager.add("acme", refresh_token_grant("5Aep861first"), org=ACME)

    async def program():
        async with manager:
            await manager.token("acme")

    async with calls() as start:
        running = start(program)
        await settle()
        running.cancel()
        await settle()
        assert not running.over
        endpoint.last.answer(reply(1, refresh_token="5Aep861second"))
        await settle()
        assert running.over
    (record,) = manager._runtime.store._records.values()
    assert record.token.refresh_token == "5Aep861second"


async def test_an_error_in_the_callers_block_comes_out_as_it_is(world):
    with pytest.raises(ZeroDivisionError):
        async with world.manager():
            raise ZeroDivisionError


async def test_a_manager_can_be_opened_again_after_it_was_closed(world):
    endpoint = Endpoint(reply(1), reply(2))
    manager = world.manager(transport=endpoint, introspect=False)
    manager.add("acme", credentials(), org=ACME)
    async with manager:
        await manager.token("acme")
    async with manager:
        assert (await manager.token("acme")).access_token == opaque(2)


class TestOnAsyncio:
    """Where a task may end what another has begun."""

    @pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
    def anyio_backend(self, request):
        return "asyncio", {"use_uvloop": request.param}

    async def test_one_task_may_open_it_and_another_close_it(self, world):
        manager = world.manager(transport=Endpoint(reply(1)), introspect=False)
        manager.add("acme", credentials(), org=ACME)
        before = asyncio.all_tasks()
        await asyncio.create_task(manager.__aenter__())
        assert await manager.token("acme")
        await asyncio.create_task(manager.aclose())
        assert asyncio.all_tasks() == before

    async def test_a_cancelled_closer_does_not_stop_the_closing(self, world):
        manager = world.manager(transport=Endpoint(), introspect=False)
        manager.add("acme", refresh_token_grant(), org=ACME)
        before = asyncio.all_tasks()
        await manager.__aenter__()
        asked = asyncio.create_task(manager.token("acme"))
        await settle()
        closer = asyncio.create_task(manager.aclose())
        await settle()
        closer.cancel()
        await settle()
        manager._transport.last.answer(reply(1))
        await settle()
        assert not [task for task in asyncio.all_tasks() - before if not task.done() and task is not asked]
        await asyncio.wait([asked, closer])
        asked.exception()


# ── other event loops ──


def in_another_loop(backend, function, *args):
    """Run it in an event loop of its own in another thread; the error it ended with, or None when it hangs."""
    ended: list[Exception | None] = []

    async def guarded():
        with anyio.fail_after(2):
            await function(*args)

    def run():
        name, options = backend
        try:
            anyio.run(guarded, backend=name, backend_options=options)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, ended


async def joined(thread):
    with anyio.move_on_after(PATIENCE):
        while thread.is_alive():
            await anyio.sleep(0.01)


@pytest.mark.parametrize("state", ["cold", "in flight", "in flight and awaited", "expired"])
async def test_another_event_loop_gets_a_clear_error_and_never_hangs(world, anyio_backend, state):
    async with world.scripted() as acme, calls() as start:
        if state == "expired":
            await acme.first(expires_in=100)
            await acme.clock.advance(200)
        elif state == "in flight":
            acme.source._begin(Reason.COLD)
        elif state == "in flight and awaited":
            start(acme.token)
        await settle()
        thread, ended = in_another_loop(anyio_backend, acme.manager.token, "acme")
        await joined(thread)
        assert isinstance(ended[0], ConfigurationError), ended[0]
        assert "another event loop" in str(ended[0])
        assert ended[0].org in ("acme", None)


async def test_what_another_event_loop_did_harms_nobody_here(world, anyio_backend):
    async with world.scripted() as acme, calls() as start:
        call = start(acme.token)
        await settle()
        thread, _ = in_another_loop(anyio_backend, acme.manager.token, "acme")
        await joined(thread)
        acme.endpoint.last.answer(reply(1))
        await settle()
        assert call.result().access_token == opaque(1)


async def test_another_event_loop_can_not_start_a_refresh_either(world, anyio_backend):
    async with world.scripted() as acme:
        await acme.first(expires_in=1000)
        await acme.clock.advance(800)
        thread, _ended = in_another_loop(anyio_backend, acme.manager.token, "acme")
        await joined(thread)
        assert len(acme.endpoint) == 1
        assert acme.source.flight is None


# ── forks ──

CHILD = """
    import asyncio, os, sys
    import httpx
    from sfauth import ClientCredentialsGrant, ConfigurationError, TokenManager

    class Endpoint(httpx.AsyncBaseTransport):
        requests = 0
        async def handle_async_request(self, request):
            self.requests += 1
            return httpx.Response(200, json={"access_token": f"00D000000000001!AQ{self.requests}",
                                             "instance_url": "https://acme.my.salesforce.com"})

    ORG = "https://acme.my.salesforce.com"

    def grant(name):
        return ClientCredentialsGrant(client_id="3MVG9" + name, client_secret="secret")

    async def child(manager, held):
        for ask in (lambda: manager.token("acme"), lambda: manager.token("warm"), lambda: held.acquire(),
                    lambda: manager.refresh("acme"), lambda: manager.client("warm").get("/services/data")):
            try:
                await asyncio.wait_for(ask(), 5)
            except ConfigurationError as error:
                assert "forked" in str(error), error
            else:
                return "got a token of the parent's"
        async with TokenManager(transport=Endpoint(), introspect=False) as own:
            own.add("acme", grant("acme"), org=ORG)
            await own.token("acme")
        await manager.aclose()
        return "ok"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no os.fork here")
def test_a_forked_child_uses_nothing_of_its_parents():
    script = textwrap.dedent(CHILD) + textwrap.dedent(
        """
        async def run():
            transport = Endpoint()
            manager = TokenManager(transport=transport, introspect=False, max_dynamic=1)
            await manager.__aenter__()
            manager.add("warm", grant("warm"), org=ORG)
            manager.add("acme", grant("acme"), org=ORG)
            manager.add("dropped", grant("dropped"), org=ORG, dynamic=True)
            held = manager.source("dropped")
            await held.acquire()
            manager.add("other", grant("other"), org=ORG, dynamic=True)
            await manager.token("warm")
            return manager, held, transport

        loop = asyncio.new_event_loop()
        manager, held, transport = loop.run_until_complete(run())
        before = transport.requests
        pid = os.fork()
        if pid == 0:
            said = "failed"
            try:
                asyncio.set_event_loop(None)
                said = asyncio.run(child(manager, held))
                assert transport.requests == before, "the child used the parent's connections"
            except BaseException as error:
                said = f"{type(error).__name__}: {error}"
            os.write(2, said.encode())
            os._exit(0 if said == "ok" else 1)
        _, status = os.waitpid(pid, 0)

        async def go_on():
            assert await manager.token("warm")
            assert await manager.token("acme")
            await manager.aclose()

        loop.run_until_complete(go_on())
        loop.close()
        sys.exit(os.waitstatus_to_exitcode(status))
        """
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "ok"), done.stderr


async def test_errors_after_closing_are_errors_of_sfauth(world):
    async with world.scripted(reply(1)) as acme:
        client = acme.manager.client("acme")
    for error in [
        *await outcomes(acme.manager.token, "acme", times=2),
        *await outcomes(client.get, "/services/data", times=2),
    ]:
        assert isinstance(error, SfauthError)
        assert not isinstance(error, httpx.HTTPError)


def test_two_event_loops_one_after_the_other_each_have_their_own_manager():
    async def once():
        world = World()
        async with world.scripted(reply(1)) as acme:
            return (await acme.token()).access_token

    assert [anyio.run(once), anyio.run(once)] == [opaque(1), opaque(1)]
