"""One timer for all orgs: a heap of moments and one sleeping task."""

from __future__ import annotations

import heapq
import itertools
from typing import Protocol
from weakref import ref

import anyio

from .clock import Clock

__all__ = ["Timer"]

LONGEST_NAP = 30.0
"""Seconds. The loop's clock stands still while a machine is suspended and ours does not, so look up now and then."""


class _Timed(Protocol):
    def on_timer(self) -> None: ...


class Timer:
    """Calls ``on_timer()`` of what was scheduled, at the earliest at its moment.

    Nothing is ever taken out of the heap before its time: whoever is called decides by its own state whether the call
    still means something. Entries hold weak references, so a removed org costs one dead entry until its moment.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, ref[_Timed]]] = []
        self._order = itertools.count()
        self._nap: anyio.CancelScope | None = None

    def schedule(self, at: float, target: _Timed) -> None:
        """Call ``target.on_timer()`` once ``clock.elapsed()`` has reached ``at``."""
        heapq.heappush(self._heap, (at, next(self._order), ref(target)))
        if self._nap is not None and self._heap[0][0] == at:
            self._nap.cancel()

    def clear(self) -> None:
        self._heap.clear()
        self._nap = None

    async def run(self) -> None:
        """Never returns; the owner cancels it."""
        while True:
            now = self._clock.elapsed()
            while self._heap and self._heap[0][0] <= now:
                target = heapq.heappop(self._heap)[2]()
                if target is not None:
                    target.on_timer()
            delay = self._heap[0][0] - now if self._heap else LONGEST_NAP
            with anyio.CancelScope() as self._nap:
                await self._clock.sleep(min(max(delay, 0.0), LONGEST_NAP))
            self._nap = None
