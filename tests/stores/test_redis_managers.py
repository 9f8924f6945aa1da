"""Managers that share a Redis: it is killed and comes back, with its data or without, and no refresh token is lost."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager

import anyio
import httpx
import pytest

from sfauth import (
    LoginRequiredError,
    RefreshTokenGrant,
    StoreFailed,
    StoreRecovered,
    StoreUnavailableError,
    TokenManager,
)
from sfauth.simulator import Simulator
from sfauth.stores import RedisStore, generate_key

from .redis_servers import Server, valkey_binary

PASSWORD = "hunter2"


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture(autouse=True)
async def patience():
    with anyio.fail_after(20):
        yield


class World:
    """One org whose refresh tokens work once, and managers as processes on several machines have them."""

    def __init__(self, server):
        self.server, self.key = server, generate_key()
        self.released = anyio.Event()
        self.simulator = Simulator(sleep=self._held)
        self.org = self.simulator.add_org("acme", rotate_refresh_tokens=True)
        self.grant = RefreshTokenGrant(
            client_id=self.org.app.client_id,
            client_secret=self.org.app.client_secret,
            refresh_token=self.org.issue_refresh_token(),
        )
        self.events = []

    async def _held(self, seconds):
        await self.released.wait()

    def manager(self, **options):
        url = f"redis://:{PASSWORD}@127.0.0.1:{self.server.port}"
        manager = TokenManager(
            **{
                "store": RedisStore(url, self.key, socket_timeout=1.0, poll_interval=0.05),
                "transport": httpx.ASGITransport(app=self.simulator),
                "retry_interval": 0.05,
                "introspect": False,
                "hook": self.events.append,
                **options,
            }
        )
        manager.add("acme", self.grant, org=self.org.my_domain)
        return manager

    @property
    def token_requests(self):
        return {outcome: n for (_, outcome), n in self.simulator.counts["acme"].token_requests.items()}

    def happened(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @contextmanager
    def without_redis(self, *, and_its_data=False):
        self.server.kill()
        yield
        if and_its_data:
            for file in self.server.folder.glob("appendonlydir/*"):
                file.unlink()
        self.server.start()


@pytest.fixture
def world(tmp_path):
    config = ("appendonly yes", "appendfsync always", f"user default on >{PASSWORD} ~* &* +@all")
    with Server(valkey_binary(), tmp_path, *config, how={"password": PASSWORD}).running() as server:
        yield World(server)


async def until(true):
    while not true():
        await anyio.sleep(0.01)


async def test_a_token_outlives_the_manager_that_fetched_it(world):
    async with world.manager() as first:
        token = await first.token("acme")
    async with world.manager() as second:
        assert await second.token("acme") == token
    assert world.token_requests == {"issued": 1}


async def test_a_peer_has_the_new_token_without_asking_for_it(world):
    async with world.manager() as first, world.manager() as second:
        assert await first.token("acme") == await second.token("acme")
        await until(lambda: second._runtime.store._line().hears)
        token = await first.refresh("acme")
        await until(lambda: second.status()["acme"].generation == 2)
        assert await second.token("acme") == token
    assert world.token_requests == {"issued": 2}


async def test_a_token_that_one_revokes_is_given_out_by_nobody(world):
    async with world.manager() as first, world.manager() as second:
        assert await first.token("acme") == await second.token("acme")
        await until(lambda: second._runtime.store._line().hears)
        await first.revoke("acme")
        await until(lambda: second.status()["acme"].state.value != "fresh")
        with pytest.raises(LoginRequiredError):
            await second.token("acme")


async def test_who_waits_can_see_for_whom(world):
    world.org.token_latency = 1.0
    async with world.manager() as first, world.manager() as second, anyio.create_task_group() as group:
        group.start_soon(first.token, "acme")
        await until(lambda: world.simulator.counts["acme"].tokens_issued)
        group.start_soon(second.token, "acme")
        await until(lambda: second.status()["acme"].lease_holder)
        assert second.status()["acme"].lease_holder == f"{socket.gethostname()}:{os.getpid()}"
        world.released.set()
        await until(lambda: second.status()["acme"].generation == 1)
        assert second.status()["acme"].lease_holder is None
    assert world.token_requests == {"issued": 1}


@pytest.mark.parametrize("and_its_data", [False, True])
async def test_a_rotated_refresh_token_is_written_when_redis_is_back(world, and_its_data):
    async with world.manager() as manager:
        await manager.token("acme")
        with world.without_redis(and_its_data=and_its_data):
            token = await manager.refresh("acme")
            assert await manager.token("acme") == token
            assert manager.status()["acme"].unsaved
            assert world.happened(StoreFailed)[-1].unsaved
            assert not world.happened(StoreRecovered)
        await until(lambda: world.happened(StoreRecovered))
        assert not manager.status()["acme"].unsaved
        async with world.manager() as peer:
            assert await peer.token("acme") == token
            await peer.refresh("acme")
    assert world.token_requests == {"issued": 3}
    assert world.simulator.counts["acme"].dead_token_requests == 0
    for event in world.events:
        assert PASSWORD not in repr(event)
    assert "can't be reached" in world.happened(StoreFailed)[0].message


async def test_redis_may_lose_its_data_while_it_runs(world):
    async with world.manager() as manager:
        await manager.token("acme")
        world.server.ask("FLUSHALL")
        token = await manager.refresh("acme")
        async with world.manager() as peer:
            assert await peer.token("acme") == token
    assert world.token_requests == {"issued": 2}


async def test_redis_may_go_back_to_an_older_state(world):
    """As a failover to a replica that was behind does."""
    async with world.manager() as manager:
        await manager.token("acme")
        [name] = world.server.ask("KEYS", "*:record")
        before = world.server.ask("DUMP", name)
        await manager.refresh("acme")
        world.server.ask("RESTORE", name, 0, before, "REPLACE")
        token = await manager.refresh("acme")
        async with world.manager() as peer:
            assert await peer.token("acme") == token
    assert world.token_requests == {"issued": 3}
    assert world.simulator.counts["acme"].dead_token_requests == 0


async def test_what_could_not_be_written_is_written_at_the_latest_when_the_manager_closes(world):
    async with world.manager(retry_interval=3600.0, retry_ceiling=3600.0) as manager:
        await manager.token("acme")
        with world.without_redis():
            token = await manager.refresh("acme")
        assert manager.status()["acme"].unsaved
    async with world.manager() as later:
        assert await later.token("acme") == token
        await later.refresh("acme")
    assert world.token_requests == {"issued": 3}


async def test_strict_managers_make_no_token_request_without_redis(world):
    async with world.manager(when_store_fails="strict") as manager:
        token = await manager.token("acme")
        with world.without_redis():
            with pytest.raises(StoreUnavailableError, match="can't be reached"):
                await manager.refresh("acme")
            assert await manager.token("acme") == token
            async with world.manager(when_store_fails="strict") as peer:
                with pytest.raises(StoreUnavailableError, match="can't be reached") as caught:
                    await peer.token("acme")
                assert PASSWORD not in str(caught.value)
        assert world.token_requests == {"issued": 1}
        await until(lambda: manager.status()["acme"].next_refresh_in == 0.0 or manager.reset("acme") is None)
        assert await manager.refresh("acme") != token
    assert world.token_requests == {"issued": 2}


async def test_a_manager_starts_without_redis_and_joins_later(world):
    with world.without_redis():
        async with world.manager() as manager:
            token = await manager.token("acme")
            world.server.start()
            await until(lambda: world.happened(StoreRecovered))
            async with world.manager() as peer:
                assert await peer.token("acme") == token
        world.server.kill()
    assert world.token_requests == {"issued": 1}


async def test_changes_are_heard_again_after_redis_was_away(world):
    async with world.manager() as first, world.manager() as second:
        assert await first.token("acme") == await second.token("acme")
        with world.without_redis():
            await until(lambda: not second._runtime.store._line().hears)
        await until(lambda: second._runtime.store._line().hears)
        token = await first.refresh("acme")
        await until(lambda: second.status()["acme"].generation == 2)
        assert await second.token("acme") == token
    assert world.token_requests == {"issued": 2}
