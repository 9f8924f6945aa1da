"""`sfauth.timer`: one heap, one sleeping task."""

from __future__ import annotations

import gc
from contextlib import asynccontextmanager

import anyio
import pytest

from sfauth.testing import VirtualClock
from sfauth.timer import LONGEST_NAP, Timer

Rung = list[tuple[object, float]]


class Bell:
    def __init__(self, clock, name="bell", rung=None):
        self.clock, self.name, self.rung = clock, name, [] if rung is None else rung

    def on_timer(self):
        self.rung.append((self.name, self.clock.elapsed()))


@pytest.fixture
def clock():
    return VirtualClock()


@asynccontextmanager
async def running(clock):
    timer = Timer(clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(timer.run)
        yield timer
        tasks.cancel_scope.cancel()


async def test_it_rings_at_its_moment_and_once(clock):
    bell = Bell(clock)
    async with running(clock) as timer:
        timer.schedule(clock.elapsed() + 12.5, bell)
        await clock.advance(12)
        assert bell.rung == []
        await clock.advance(100)
    assert bell.rung == [("bell", 1_012.5)]


async def test_moments_come_in_order_whatever_the_order_of_scheduling(clock):
    rung: Rung = []
    bells = [Bell(clock, name, rung) for name in "abc"]
    async with running(clock) as timer:
        for bell, after in zip(bells, (50, 10, 30), strict=True):
            timer.schedule(clock.elapsed() + after, bell)
        await clock.advance(60)
    assert [name for name, _ in rung] == ["b", "c", "a"]


async def test_an_earlier_moment_wakes_it_up_sooner(clock):
    rung: Rung = []
    late, early = Bell(clock, "late", rung), Bell(clock, "early", rung)
    async with running(clock) as timer:
        timer.schedule(clock.elapsed() + 25, late)
        await clock.advance(1)
        timer.schedule(clock.elapsed() + 2, early)
        await clock.advance(2)
        assert rung == [("early", 1_003.0)]
        await clock.advance(30)
    assert rung == [("early", 1_003.0), ("late", 1_025.0)]


async def test_several_at_one_moment_all_ring(clock):
    rung: Rung = []
    bells = [Bell(clock, number, rung) for number in range(100)]
    async with running(clock) as timer:
        for bell in bells:
            timer.schedule(clock.elapsed() + 5, bell)
        await clock.advance(5)
    assert [number for number, _ in rung] == list(range(100))


async def test_what_is_gone_is_not_called(clock):
    rung: Rung = []
    bell = Bell(clock, "gone", rung)
    async with running(clock) as timer:
        timer.schedule(clock.elapsed() + 5, bell)
        del bell
        gc.collect()
        await clock.advance(10)
    assert rung == []


async def test_a_moment_that_has_passed_rings_at_once(clock):
    bell = Bell(clock)
    async with running(clock) as timer:
        timer.schedule(clock.elapsed() - 100, bell)
        await clock.advance(0)
        assert len(bell.rung) == 1


async def test_a_moment_scheduled_before_it_runs_is_not_lost(clock):
    bell, timer = Bell(clock), Timer(clock)
    timer.schedule(clock.elapsed() + 5, bell)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(timer.run)
        await clock.advance(10)
        tasks.cancel_scope.cancel()
    assert len(bell.rung) == 1


async def test_who_rings_may_schedule_again(clock):
    class Again(Bell):
        def on_timer(self):
            super().on_timer()
            timer.schedule(self.clock.elapsed() + 10, self)

    bell = Again(clock)
    async with running(clock) as timer:
        timer.schedule(clock.elapsed() + 10, bell)
        await clock.advance(100)
    assert [moment for _, moment in bell.rung] == [1_000.0 + 10 * number for number in range(1, 11)]


async def test_after_a_suspension_it_looks_up_within_its_longest_nap(clock):
    bell = Bell(clock)
    async with running(clock) as timer:
        timer.schedule(clock.elapsed() + 3_600, bell)
        await clock.advance(1)
        clock.suspend(7_200)
        await clock.advance(LONGEST_NAP)
        assert len(bell.rung) == 1


async def test_clearing_forgets_all(clock):
    bell = Bell(clock)
    async with running(clock) as timer:
        timer.schedule(clock.elapsed() + 5, bell)
        timer.clear()
        await clock.advance(10)
    assert bell.rung == []
