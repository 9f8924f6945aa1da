"""The warm path: a token that is there, against the cheapest coroutine that reads a dict slot and a clock."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from sfauth import TokenManager

from .canned import CannedTransport
from .logged_in import OneIdentity, log_in
from .measure import Effort, Result, interleaved, timed

__all__ = ["run"]

ORGS = (1, 1_000, 100_000)
CALLS = 200_000
BAR = 2.0


def run(effort: Effort) -> list[Result]:
    """``await manager.token(key)`` of random orgs."""
    return [asyncio.run(_compare(effort, effort.of(orgs))) for orgs in ORGS]


async def _compare(effort: Effort, orgs: int) -> Result:
    keys = [f"org-{number}" for number in range(orgs)]
    asked = random.Random(orgs).choices(keys, k=effort.of(CALLS))
    async with TokenManager(transport=CannedTransport(), store=OneIdentity(), hook=_deaf) as manager:
        await log_in(manager, keys)
        floor = _floor({key: (float("inf"), object()) for key in keys})
        values, floors = await interleaved(
            effort.rounds,
            timed(len(asked), lambda: _ask(manager.token, asked)),
            timed(len(asked), lambda: _ask(floor, asked)),
        )
    return Result(
        what=f"token(), {orgs:,} org{'s' * (orgs > 1)}",
        unit="s",
        values=values,
        against="a dict slot and a clock",
        floor=floors,
        bar=BAR,
    )


def _floor(slots: dict[str, tuple[float, object]]) -> Callable[[str], Awaitable[object]]:
    clock = time.monotonic

    async def read(key: str) -> object:
        due, value = slots[key]
        return value if clock() < due else None

    return read


async def _ask(token: Callable[[str], Awaitable[object]], keys: list[str]) -> None:
    for key in keys:
        await token(key)


def _deaf(event: object) -> None:
    """Logging 100,000 logins isn't what is measured."""
