"""`sfauth.testing`: time that passes only when told to."""

from __future__ import annotations

import anyio
import pytest

from sfauth.testing import VirtualClock, settle
from tests.support import calls


@pytest.fixture
def clock():
    return VirtualClock(wall=1_000_000.0)


def test_time_stands_still(clock):
    assert (clock.elapsed(), clock.wall()) == (clock.elapsed(), 1_000_000.0)


async def test_advancing_moves_both_clocks(clock):
    before = clock.elapsed()
    await clock.advance(90)
    assert (clock.elapsed() - before, clock.wall()) == (90.0, 1_000_090.0)


async def test_a_sleeper_wakes_at_its_moment_not_at_the_end(clock):
    woken = []

    async def sleep(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.wall() - 1_000_000.0))

    async with calls() as start:
        for seconds in (30, 10, 20):
            start(sleep, seconds)
        await clock.advance(25)
        assert woken == [(10, 10.0), (20, 20.0)]
        await clock.advance(5)
        assert woken[-1] == (30, 30.0)


async def test_what_follows_from_waking_happens_before_time_goes_on(clock):
    moments = []

    async def every(seconds):
        while True:
            await clock.sleep(seconds)
            moments.append(clock.wall() - 1_000_000.0)

    async with calls() as start:
        start(every, 10)
        await clock.advance(45)
    assert moments == [10.0, 20.0, 30.0, 40.0]


async def test_a_sleep_of_nothing_gives_way_and_returns(clock):
    await clock.sleep(0)
    await clock.sleep(-5)
    assert clock.wall() == 1_000_000.0
    await clock.advance(1)
    assert clock.wall() == 1_000_001.0


async def test_a_cancelled_sleeper_leaves_nothing_behind(clock):
    async with calls() as start:
        call = start(clock.sleep, 10)
        await settle()
        call.cancel()
        await settle()
    assert call.cancelled
    assert clock._sleepers == []


async def test_setting_the_wall_clock_wakes_nobody(clock):
    async with calls() as start:
        call = start(clock.sleep, 10)
        await settle()
        clock.step_wall(3_600)
        await settle()
        assert not call.over
        assert clock.wall() == 1_003_600.0
        await clock.advance(10)
        assert call.over


async def test_while_the_machine_is_suspended_nobody_wakes_and_sleepers_sleep_longer(clock):
    async with calls() as start:
        call = start(clock.sleep, 10)
        await clock.advance(4)
        clock.suspend(3_600)
        await settle()
        assert not call.over
        assert clock.wall() == 1_003_604.0
        await clock.advance(5)
        assert not call.over
        await clock.advance(1)
        assert call.over


async def test_who_is_cancelled_after_a_suspension_leaves_nothing_behind_either(clock):
    async with calls() as start:
        call = start(clock.sleep, 10)
        await settle()
        clock.suspend(100)
        call.cancel()
        await settle()
        assert clock._sleepers == []


async def test_settling_waits_for_worker_threads(clock):
    done = []

    async def work():
        import time

        await anyio.to_thread.run_sync(time.sleep, 0.02)
        done.append(1)

    async with calls() as start:
        start(work)
        await settle()
        assert done == [1]
