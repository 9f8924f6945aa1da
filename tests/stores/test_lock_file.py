"""The moments in which a lock could be lost, or stay for ever."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import anyio
import pytest

from sfauth.stores import FileStore, generate_key, lock_file
from sfauth.testing.store_contract import KEY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lease"
    path.write_text("somewhere:1")
    return path


def test_a_lock_is_taken_away_only_from_who_gave_no_sign_of_life(path: Path) -> None:
    """Of several who lose patience with a dead holder, the second must not take away the first one's new lock."""
    guard, seen = path.with_name("guard"), lock_file._sign(path)
    assert lock_file._touch(path, seen) not in (None, seen)
    lock_file._take_away(path, seen, guard)
    assert path.exists()
    lock_file._take_away(path, lock_file._sign(path), guard)
    assert not path.exists()


def test_a_lock_is_not_taken_away_while_somebody_else_is_at_it(path: Path) -> None:
    guard = path.with_name("guard")
    with lock_file.try_lock(guard) as mine:
        assert mine
        lock_file._take_away(path, lock_file._sign(path), guard)
    assert path.exists()


def test_who_lost_a_lock_gives_no_sign_of_life_for_its_successor(path: Path) -> None:
    seen = lock_file._sign(path)
    successor = path.with_name("new")
    successor.write_text("elsewhere:2")
    successor.replace(path)
    before = lock_file._sign(path)
    assert lock_file._touch(path, seen) is None
    assert lock_file._sign(path) == before
    path.unlink()
    assert lock_file._touch(path, seen) is None


def test_a_lock_can_be_tried_from_the_same_process(path: Path) -> None:
    with lock_file.try_lock(path) as first, lock_file.try_lock(path) as second:
        assert (first, second) == (True, False)
    with lock_file.try_lock(path) as again:
        assert again
    assert lock_file.holder_of(path).endswith(f":{os.getpid()}")
    assert lock_file.holder_of(path.with_name("missing")) == ""


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_of_asyncios_own_leaves_no_lock_behind(
    tmp_path: Path, anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It doesn't wait for worker threads, so the lock may come when nobody is there any more to have it."""
    store, chance = FileStore(tmp_path / "tokens", generate_key()), random.Random(1)

    async def work() -> None:
        async with store.lease(KEY):
            await asyncio.sleep(0.0005)

    async with store.open():
        for _ in range(200):
            task = asyncio.create_task(work())
            await asyncio.sleep(chance.random() * 0.003)
            task.cancel()
            await asyncio.wait([task])
        with anyio.fail_after(2):
            async with store.lease(KEY, waits_for=pytest.fail):
                pass
