"""Samples taken in turn, so that whatever else the machine does falls on both sides of a ratio."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

__all__ = ["FULL", "QUICK", "Contestant", "Effort", "Result", "interleaved", "timed"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of a benchmark to run.

    Attributes:
        rounds: Samples of each contestant.
        share: Of the full sizes.
    """

    rounds: int
    share: float

    def of(self, full: int) -> int:
        """The size to use where ``full`` is the one that a bar is about; at least 1."""
        return max(1, round(full * self.share))


FULL = Effort(rounds=21, share=1.0)
QUICK = Effort(rounds=5, share=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table.

    Attributes:
        what: What was measured.
        unit: Of ``values`` and ``floor``: ``s`` or ``B`` per operation, operations ``/s``, or nothing for a count.
        values: One per round.
        against: What ``floor`` is; None where the values speak for themselves.
        floor: The contestant's samples of the same rounds.
        bar: What the median has to keep to: of the ratios where there is a floor, else of the values.
        at_least: Whether the bar is a least, not a most.
    """

    what: str
    unit: str
    values: tuple[float, ...]
    against: str | None = None
    floor: tuple[float, ...] = ()
    bar: float | None = None
    at_least: bool = False

    @property
    def figures(self) -> tuple[float, ...]:
        """What the bar is about: ratios of samples taken one after the other, or the values."""
        if not self.floor:
            return self.values
        return tuple(value / floor for value, floor in zip(self.values, self.floor, strict=True))

    @property
    def kept(self) -> bool | None:
        """Whether the median keeps to the bar; None where there is none."""
        if self.bar is None:
            return None
        figure = median(self.figures)
        return figure >= self.bar if self.at_least else figure <= self.bar


Contestant: TypeAlias = Callable[[], Awaitable[float]]
"""Takes one sample."""


async def interleaved(rounds: int, *contestants: Contestant) -> tuple[tuple[float, ...], ...]:
    """The samples of each contestant, one per round, after one round that doesn't count.

    Every other round goes backwards: what grows warmer or slower in the course of a round favours nobody.
    """
    samples: list[list[float]] = [[] for _ in contestants]
    turns = list(zip(contestants, samples, strict=True))
    for number in range(-1, rounds):
        for contestant, taken in turns if number % 2 else reversed(turns):
            sample = await contestant()
            if number >= 0:
                taken.append(sample)
    return tuple(tuple(taken) for taken in samples)


def timed(
    operations: int, work: Callable[[], Awaitable[object]], *, clock: Callable[[], float] = time.process_time
) -> Contestant:
    """Seconds per operation of ``work``, which does so many of them.

    CPU seconds of this process, unless another clock is given: other processes then take nothing but cache.
    """

    async def sample() -> float:
        gc.collect()
        started = clock()
        await work()
        return (clock() - started) / operations

    return sample
