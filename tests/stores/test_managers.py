"""Managers that share a folder: what they learn from each other, and what they do when the folder is out of reach."""

from __future__ import annotations

from pathlib import Path

import anyio
import httpx
import pytest

from sfauth import (
    Event,
    LoginRequiredError,
    RefreshTokenGrant,
    StoreFailed,
    StoreRecovered,
    TokenManager,
)
from sfauth.simulator import Simulator
from sfauth.stores import FileStore, UnreadableRecordError, generate_key


class World:
    """One org whose refresh tokens work once, and managers as processes with the same configuration have them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, generate_key()
        self.simulator = Simulator()
        self.org = self.simulator.add_org("acme", rotate_refresh_tokens=True)
        self.grant = RefreshTokenGrant(
            client_id=self.org.app.client_id,
            client_secret=self.org.app.client_secret,
            refresh_token=self.org.issue_refresh_token(),
        )
        self.events: list[Event] = []

    def manager(self, *, key=None) -> TokenManager:
        manager = TokenManager(
            store=FileStore(self.folder, key or self.key, poll_interval=0.02),
            transport=httpx.ASGITransport(app=self.simulator),
            retry_interval=0.05,
            introspect=False,
            hook=self.events.append,
        )
        manager.add("acme", self.grant, org=self.org.my_domain)
        return manager

    @property
    def token_requests(self) -> dict[str, int]:
        return {outcome: n for (_, outcome), n in self.simulator.counts["acme"].token_requests.items()}

    def break_locks(self) -> None:
        """As a folder that may be read and not written: records can be read, and neither leased nor replaced."""
        (self.folder / "locks").rename(self.folder / "elsewhere")
        (self.folder / "locks").touch()

    def mend_locks(self) -> None:
        (self.folder / "locks").unlink()
        (self.folder / "elsewhere").rename(self.folder / "locks")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "tokens")


async def test_a_token_outlives_the_process_that_fetched_it(world):
    async with world.manager() as first:
        token = await first.token("acme")
    async with world.manager() as second:
        assert await second.token("acme") == token
    assert world.token_requests == {"issued": 1}


async def test_a_peer_uses_a_new_token_without_asking_for_it(world):
    async with world.manager() as first, world.manager() as second:
        assert await first.token("acme") == await second.token("acme")
        token = await first.refresh("acme")
        with anyio.fail_after(5):
            while await second.token("acme") != token:
                await anyio.sleep(0.01)
    assert world.token_requests == {"issued": 2}


async def test_a_token_that_one_revokes_is_given_out_by_nobody(world):
    async with world.manager() as first, world.manager() as second:
        assert await first.token("acme") == await second.token("acme")
        await first.revoke("acme")
        with anyio.fail_after(5):
            while second.status()["acme"].state.value == "fresh":
                await anyio.sleep(0.01)
        with pytest.raises(LoginRequiredError):
            await second.token("acme")


async def test_what_salesforce_refused_one_is_not_asked_for_by_all(world):
    world.org.revoke_refresh_tokens()
    async with world.manager() as first, world.manager() as second:
        for manager in (first, second):
            with pytest.raises(LoginRequiredError) as error:
                await manager.token("acme")
            assert error.value.hint
    assert world.token_requests == {"invalid_grant": 1}


async def test_a_rotated_refresh_token_is_kept_until_the_folder_can_be_written(world):
    async with world.manager() as manager:
        await manager.token("acme")
        world.break_locks()
        token = await manager.refresh("acme")
        assert await manager.token("acme") == token
        assert manager.status()["acme"].unsaved
        failures = [event for event in world.events if isinstance(event, StoreFailed)]
        assert failures[-1].unsaved
        assert str(world.folder) in failures[-1].message
        world.mend_locks()
        with anyio.fail_after(5):
            while not any(isinstance(event, StoreRecovered) for event in world.events):
                await anyio.sleep(0.01)
        assert not manager.status()["acme"].unsaved
    async with world.manager() as later:
        assert await later.token("acme") == token
        await later.refresh("acme")
    assert world.token_requests == {"issued": 3}


async def test_a_key_that_a_process_lacks_is_an_error_that_names_the_cure(world):
    async with world.manager() as first:
        await first.token("acme")
    async with world.manager(key=generate_key()) as stranger:
        with pytest.raises(UnreadableRecordError, match=r"key=\[new, old\]"):
            await stranger.token("acme")
    assert world.token_requests == {"issued": 1}


async def test_a_peer_with_a_newer_key_does_not_make_a_manager_deaf(world):
    """Keys are rotated while processes run: for a while, some can't read what others write."""
    newer = generate_key()
    old, new, between = world.manager(), world.manager(key=[newer, world.key]), world.manager(key=[world.key, newer])
    async with old, new, between:
        token = await old.token("acme")
        assert await new.token("acme") == token
        await new.refresh("acme")
        await anyio.sleep(0.2)
        assert await old.token("acme") == token
        token = await between.refresh("acme")
        await anyio.sleep(0.2)
        assert await old.token("acme") == token


async def test_a_folder_that_can_only_be_read_is_read(world):
    """Not reading it would send a refresh token that is used up, which ends the whole family."""
    async with world.manager() as first:
        token = await first.token("acme")
    world.break_locks()
    async with world.manager() as second:
        assert await second.token("acme") == token
    assert world.token_requests == {"issued": 1}
