"""Time as a parameter: nothing in sfauth reads a clock but through one of these."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

import anyio

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Two readings and a sleep. Tests give a virtual one (`sfauth.testing.VirtualClock`)."""

    @property
    def elapsed(self) -> Callable[[], float]:
        """Seconds since some fixed point: never set back, and going on while the machine is suspended."""

    @property
    def wall(self) -> Callable[[], float]:
        """Unix seconds, as far as this machine knows them."""

    async def sleep(self, seconds: float) -> None:
        """Sleep at least this long, or until cancelled."""


def _elapsed() -> Callable[[], float]:
    # time.monotonic() stands still while Linux and macOS are suspended: a token would look young after a night
    # with the lid closed. Linux has CLOCK_BOOTTIME for this; on macOS CLOCK_MONOTONIC goes on, on Windows all do.
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        if (which := getattr(time, name, None)) is not None:
            return partial(time.clock_gettime, which)
    return time.monotonic


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self.elapsed: Callable[[], float] = _elapsed()
        self.wall: Callable[[], float] = time.time

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
