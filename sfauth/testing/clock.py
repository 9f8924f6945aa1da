"""Time that passes only when told to."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import anyio.to_thread

__all__ = ["VirtualClock", "settle"]

STEPS = 40
"""Turns that other tasks get before anyone looks whether they are done."""


@dataclass(order=True, slots=True)
class _Sleeper:
    moment: float
    order: int
    woken: anyio.Event = field(compare=False)


class VirtualClock:
    """A `sfauth.clock.Clock` that stands still until `advance` is called: hours pass in milliseconds.

    Works on asyncio, uvloop and trio alike, as it patches no event loop::

        clock = VirtualClock()
        async with TokenManager(clock=clock, transport=httpx.ASGITransport(Simulator(now=clock.wall))) as manager:
            ...
            await clock.advance(5400)

    Args:
        wall: Unix seconds to begin with.
    """

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self._elapsed = 1_000.0
        self._ahead = wall - self._elapsed
        self._sleepers: list[_Sleeper] = []
        self._order = itertools.count()

    def elapsed(self) -> float:
        """Seconds since some fixed point."""
        return self._elapsed

    def wall(self) -> float:
        """Unix seconds."""
        return self._elapsed + self._ahead

    async def sleep(self, seconds: float) -> None:
        """Until the clock has been advanced this far."""
        woken = anyio.Event()
        entry = _Sleeper(self._elapsed + max(seconds, 0.0), next(self._order), woken)
        heapq.heappush(self._sleepers, entry)
        try:
            if seconds <= 0:
                await anyio.lowlevel.checkpoint()
                return
            await woken.wait()
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass. Whoever sleeps wakes at its moment, and all that follows from it happens before this returns.

        Only for what waits on this clock or on other tasks: a test with real sockets does not settle.
        """
        until = self._elapsed + seconds
        await settle()
        while self._sleepers and self._sleepers[0].moment <= until:
            sleeper = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, sleeper.moment)
            sleeper.woken.set()
            await settle()
        self._elapsed = until
        await settle()

    def step_wall(self, seconds: float) -> None:
        """Somebody sets the machine's wall clock, forward or (negative) back."""
        self._ahead += seconds

    def suspend(self, seconds: float) -> None:
        """The machine is suspended: both clocks go on, nobody wakes, and sleepers sleep as much longer."""
        self._elapsed += seconds
        for sleeper in self._sleepers:  # all by the same, so their order stays
            sleeper.moment += seconds


async def settle() -> None:
    """Wait until every other task waits for something that is not about to happen, worker threads included."""
    await _blocked()
    while anyio.to_thread.current_default_thread_limiter().borrowed_tokens:
        await anyio.sleep(0.0005)
        await _blocked()


async def _blocked() -> None:
    # On asyncio, anyio looks again after 0.1 s of real time where a task still runs: let them run first.
    for _ in range(STEPS):
        await anyio.lowlevel.checkpoint()
    await anyio.wait_all_tasks_blocked()
