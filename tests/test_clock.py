"""`sfauth.clock`: the machine's clocks."""

from __future__ import annotations

import time

import pytest

from sfauth import Clock, SystemClock
from sfauth.testing import VirtualClock


def test_elapsed_time_goes_on_and_the_wall_clock_tells_unix_seconds():
    clock = SystemClock()
    first = clock.elapsed()
    assert clock.elapsed() >= first
    assert clock.wall() == pytest.approx(time.time(), abs=5)


async def test_it_sleeps_at_least_as_long_as_it_was_told():
    clock = SystemClock()
    before = clock.elapsed()
    await clock.sleep(0.01)
    assert clock.elapsed() - before >= 0.009


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no clock that counts suspensions")
def test_where_there_is_a_clock_that_goes_on_while_the_machine_is_suspended_it_is_that():
    assert SystemClock().elapsed() == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=5)


@pytest.mark.parametrize(
    "missing", [["CLOCK_BOOTTIME"], ["CLOCK_BOOTTIME", "CLOCK_MONOTONIC"]], ids=["macOS", "Windows"]
)
def test_where_there_is_none_it_is_the_monotonic_one(monkeypatch, missing):
    for name in missing:
        monkeypatch.delattr(time, name, raising=False)
    assert SystemClock().elapsed() == pytest.approx(time.monotonic(), abs=5)


def test_clocks_fit_the_protocol():
    clocks: list[Clock] = [SystemClock(), VirtualClock()]
    assert all(clock.elapsed() > 0 for clock in clocks)
