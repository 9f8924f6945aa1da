"""The lease in Redis: renewed, lost, fenced off, waited for, cancelled at every step; loops, threads and forks."""

from __future__ import annotations

import asyncio
import secrets
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import anyio
import pytest
import redis
import redis.asyncio

from sfauth import ConfigurationError, StoreUnavailableError
from sfauth.stores import RedisStore, generate_key, redis_line
from sfauth.testing import example_record

from .redis_servers import Server, valkey_binary

ROOT = Path(__file__).parent.parent.parent
KEY = "a1" * 32
STORE_KEY = generate_key()
LONG = 600.0
"""Seconds: a lease that ends by itself too late for any test."""


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(valkey_binary(), tmp_path_factory.mktemp("valkey")).running() as running:
        yield running


@pytest.fixture
def prefix():
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def make(server, prefix):
    def make(url=server.url, **options):
        return RedisStore(url, STORE_KEY, prefix, **{"lease": LONG, "poll_interval": 0.05, **options})

    return make


@pytest.fixture(autouse=True)
async def patience():
    with anyio.fail_after(20):
        yield


class Standing:
    """A clock on which nobody ever wakes up: a process that stands still, or one that only hears what it's told."""

    def __init__(self):
        self.sleepers = []

    def elapsed(self):
        return 0.0

    wall = elapsed

    async def sleep(self, seconds):
        self.sleepers.append(seconds)
        await anyio.sleep_forever()


class Waiting:
    """Somebody who wants the lease; ``refused`` says how often it was told that another one has it."""

    def __init__(self, store):
        self.store = store
        self.refused = []
        self.heard = anyio.Event()
        self.has_it = anyio.Event()
        self.done = anyio.Event()

    def __call__(self, holder):
        self.refused.append(holder)
        self.heard.set()

    async def run(self):
        async with self.store.lease(KEY, waits_for=self):
            self.has_it.set()
            await self.done.wait()


async def test_a_holder_that_lives_keeps_its_lease(make):
    holder, peer = make(lease=0.2), make(lease=0.2)
    async with holder.open(), peer.open(), anyio.create_task_group() as group:
        waiting = Waiting(peer)
        async with holder.lease(KEY):
            group.start_soon(waiting.run)
            await anyio.sleep(0.8)
            assert waiting.refused
            assert not waiting.has_it.is_set()
        await waiting.has_it.wait()
        waiting.done.set()


async def test_a_holder_that_stands_still_loses_its_lease_and_is_fenced_off(make):
    paused, peer = make(lease=0.3, clock=Standing()), make(lease=LONG)
    async with paused.open(), peer.open(), anyio.create_task_group() as group:
        waiting = Waiting(peer)
        async with paused.lease(KEY):
            group.start_soon(waiting.run)
            await waiting.has_it.wait()
            assert await peer.put(KEY, example_record(1, name="successor"), expected=0)
            assert not await paused.put(KEY, example_record(1, name="late"), expected=0)
            assert await paused.get(KEY) == example_record(1, name="successor")
        # What the late one gives back is not its successor's lease.
        third = Waiting(paused)
        group.start_soon(third.run)
        await third.heard.wait()
        waiting.done.set()
        await third.has_it.wait()
        third.done.set()


async def test_a_lease_that_was_lost_is_not_renewed(make, server, prefix):
    holder = make(lease=0.15)
    name = f"{prefix}:{{{KEY}}}:lease"
    async with holder.open(), holder.lease(KEY):
        server.ask("SET", name, "somebody else")
        await anyio.sleep(0.3)
        assert server.ask("GET", name) == b"somebody else"
        assert server.ask("PTTL", name) == -1
    assert server.ask("GET", name) == b"somebody else"


async def test_a_holder_renews_again_once_redis_is_back(make, server, prefix):
    holder = make(lease=1.0, socket_timeout=0.1)
    async with holder.open(), holder.lease(KEY):
        server.ask("CLIENT", "PAUSE", "600", "ALL")
        await anyio.sleep(1.5)
        assert server.ask("EXISTS", f"{prefix}:{{{KEY}}}:lease") == 1


async def test_waiters_are_woken_and_need_not_poll(make):
    """On this clock a nap never ends: whoever gets the lease has been told."""
    clock = Standing()
    holder, peer = make(clock=clock), make(clock=clock)
    async with holder.open(), peer.open(), anyio.create_task_group() as group:
        waiting = [Waiting(peer) for _ in range(5)]
        async with holder.lease(KEY):
            for each in waiting:
                group.start_soon(each.run)
                await each.heard.wait()
                each.done.set()
        for each in waiting:
            await each.has_it.wait()


async def test_who_can_not_hear_polls(make, server):
    """An ACL without channels is one way to be deaf."""
    server.ask("ACL", "SETUSER", "deaf", "on", ">pass", "~*", "resetchannels", "+@all")
    deaf = make(f"redis://deaf:pass@127.0.0.1:{server.port}")
    holder = make()
    async with holder.open(), deaf.open(), anyio.create_task_group() as group:
        waiting = Waiting(deaf)
        async with holder.lease(KEY):
            group.start_soon(waiting.run)
            await waiting.heard.wait()
        await waiting.has_it.wait()
        waiting.done.set()
        with pytest.raises(StoreUnavailableError, match="NOPERM"):
            async with deaf.changes():
                pass


async def test_who_is_told_too_early_asks_and_waits_on(make, server, prefix):
    clock = Standing()
    holder, peer = make(clock=clock), make(clock=clock)
    async with holder.open(), peer.open(), anyio.create_task_group() as group:
        waiting = Waiting(peer)
        async with holder.lease(KEY):
            group.start_soon(waiting.run)
            await waiting.heard.wait()
            for _ in range(3):
                before = len(waiting.refused)
                while len(waiting.refused) == before:
                    server.ask("PUBLISH", f"{prefix}:released", KEY)
                    await anyio.sleep(0.01)
            server.ask("PUBLISH", f"{prefix}:released", b"\xff\x00 no key")
            server.ask("PUBLISH", f"{prefix}:changed", b"\xff\x00 no key")
            assert not waiting.has_it.is_set()
        await waiting.has_it.wait()
        waiting.done.set()


async def test_a_waiter_survives_the_loss_of_its_subscription(make, server):
    clock = Standing()
    holder, peer = make(clock=clock), make(clock=clock)
    async with holder.open(), peer.open(), anyio.create_task_group() as group:
        waiting = Waiting(peer)
        async with holder.lease(KEY):
            group.start_soon(waiting.run)
            for _ in range(3):
                before = len(waiting.refused)
                while len(waiting.refused) < before + 2:
                    server.ask("CLIENT", "KILL", "TYPE", "pubsub")
                    await anyio.sleep(0.02)
        await waiting.has_it.wait()
        waiting.done.set()


async def test_who_listens_for_changes_is_told_when_nothing_can_be_heard(make, server):
    store, peer = make(), make()
    async with store.open(), peer.open():
        async with peer.changes() as changes:
            # redis-py takes up a subscription that was cut once; a server that is gone it can't.
            server.kill()
            with pytest.raises(StoreUnavailableError):
                await anext(aiter(changes))
            server.start()
        async with peer.changes() as changes:
            assert await store.put(KEY, example_record(1), expected=0)
            assert await anext(aiter(changes)) == KEY


async def test_silence_is_no_loss_but_a_server_that_answers_nothing_is(make, server, monkeypatch):
    """Somebody in between may have dropped the connection without a word to either side."""
    monkeypatch.setattr(redis_line, "HEARTBEAT", 0.1)
    store, peer = make(), make(socket_timeout=0.2)
    async with store.open(), peer.open(), peer.changes() as changes:
        await anyio.sleep(0.5)
        assert await store.put(KEY, example_record(1), expected=0)
        assert await anext(aiter(changes)) == KEY
        server.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailableError, match="no answer in time"):
                await anext(aiter(changes))
        finally:
            server.process.send_signal(signal.SIGCONT)


async def test_giving_back_is_announced_only_where_somebody_waits(make, server, prefix):
    store = make()
    async with store.open(), redis.asyncio.Redis(**server.how) as client, client.pubsub() as ear:
        await ear.subscribe(f"{prefix}:released")
        assert (await ear.get_message(timeout=5))["type"] == "subscribe"
        async with store.lease(KEY):
            pass
        async with store.lease(KEY):  # by now the first one is given back
            assert await ear.get_message(timeout=0.05) is None


async def _cancelled_after(steps, store, how):
    """Try to get the lease, and cancel that after so many turns of the event loop; whether it was held then."""
    held = False

    async def hold():
        nonlocal held
        async with store.lease(KEY):
            held = True
            await anyio.sleep_forever()

    if how == "task":
        task = asyncio.create_task(hold())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    else:
        async with anyio.create_task_group() as group:
            group.start_soon(hold)
            for _ in range(steps):
                await asyncio.sleep(0)
            group.cancel_scope.cancel()
    return held


@pytest.mark.parametrize("how", ["scope", "task"])
async def test_cancelling_at_any_moment_frees_the_lease(make, how):
    """The leases last for minutes: where one stayed with nobody, the next one would not get it in time."""
    store, peer = make(), make()
    seen = set()
    async with store.open(), peer.open():
        for steps in range(60):
            seen.add(await _cancelled_after(steps, store, how))
            async with peer.lease(KEY):
                pass
    assert seen == {False, True}


@pytest.mark.parametrize("how", ["scope", "task"])
async def test_cancelling_who_waits_at_any_moment_harms_nobody(make, how):
    store, peer = make(), make()
    async with store.open(), peer.open():
        for steps in range(60):
            async with peer.lease(KEY):
                assert not await _cancelled_after(steps, store, how)
            async with peer.lease(KEY):
                pass


async def test_closing_leaves_no_task_connection_or_lease(make, server, prefix):
    def clients():
        return {line["id"] for line in redis.Redis(**server.how).client_list()}

    before, tasks = clients(), asyncio.all_tasks()
    store = make()
    async with store.open(), store.changes():
        async with store.lease(KEY):
            assert await store.put(KEY, example_record(1), expected=0)
        assert len(clients() - before) > 1
    assert asyncio.all_tasks() == tasks
    assert server.ask("EXISTS", f"{prefix}:{{{KEY}}}:lease") == 0
    while len(clients() - before) > 1:
        await anyio.sleep(0.01)


async def test_a_store_that_is_not_open_says_so(make):
    store = make()
    with pytest.raises(ConfigurationError, match="not open in this event loop"):
        await store.get(KEY)
    async with store.open():
        assert await store.get(KEY) is None
    with pytest.raises(ConfigurationError, match="not open in this event loop"):
        await store.get(KEY)


async def test_one_store_serves_the_loops_of_several_threads(make):
    store = make()
    inside, most, order = 0, 0, []

    async def work(name):
        nonlocal inside, most
        async with store.open():
            for number in range(10):
                async with store.lease(KEY):
                    inside += 1
                    most = max(most, inside)
                    record = await store.get(KEY)
                    there = record.generation if record else 0
                    assert await store.put(KEY, example_record(there + 1), expected=there)
                    order.append((name, number))
                    inside -= 1

    threads = [threading.Thread(target=anyio.run, args=(work, name)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        await anyio.to_thread.run_sync(thread.join)
    assert (most, len(order)) == (1, 30)
    async with store.open():
        assert (await store.get(KEY)).generation == 30


async def test_a_forked_child_uses_nothing_of_its_parents(server, prefix):
    script = textwrap.dedent(f"""
        import asyncio, os, sys
        from sfauth import ConfigurationError
        from sfauth.stores import RedisStore
        from sfauth.testing import example_record

        store = RedisStore({server.url!r}, {STORE_KEY!r}, {prefix!r}, lease=60, poll_interval=0.05)
        KEY = {KEY!r}

        async def child():
            try:
                await store.get(KEY)
            except ConfigurationError as error:
                assert "event loop and process" in str(error)
            else:
                raise AssertionError("it used its parent's connection")
            async with store.open(), store.changes():
                assert (await store.get(KEY)).generation == 1
                async with store.lease(KEY):
                    assert await store.put(KEY, example_record(2), expected=1)

        async def parent():
            async with store.open(), store.changes() as changes:
                async with store.lease(KEY):
                    assert await store.put(KEY, example_record(1), expected=0)
                pid = os.fork()
                if not pid:
                    return None
                while (await store.get(KEY)).generation == 1:
                    await asyncio.sleep(0.01)
                heard = [await anext(aiter(changes)), await anext(aiter(changes))]
                assert heard == [KEY, KEY]
                async with store.lease(KEY):
                    assert await store.put(KEY, example_record(3), expected=2)
                _, status = await asyncio.to_thread(os.waitpid, pid, 0)
                return os.waitstatus_to_exitcode(status)

        def forked():
            asyncio.set_event_loop(None)
            asyncio._set_running_loop(None)
            code = 1
            try:
                asyncio.run(child())
                code = 0
            finally:
                os._exit(code)

        os.register_at_fork(after_in_child=forked)
        sys.exit(asyncio.run(parent()))
    """)
    command = [sys.executable, "-W", "error", "-c", script]
    done = await anyio.run_process(command, cwd=ROOT, check=False, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()
    assert done.stdout == b""


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_on_trio_one_is_told_what_to_do(anyio_backend):
    store = RedisStore("redis://127.0.0.1", STORE_KEY)
    with pytest.raises(ConfigurationError, match="asyncio") as caught:
        async with store.open():
            pass
    assert "FileStore" in str(caught.value)
