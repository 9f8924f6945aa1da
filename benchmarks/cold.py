"""The herd: thousands of callers ask for a token of an org that has none yet."""

from __future__ import annotations

import asyncio

import anyio

from sfauth import TokenManager

from .canned import GRANT, ORG, CannedTransport
from .measure import Effort, Result, interleaved, timed

__all__ = ["run"]

CALLERS = 10_000


def run(effort: Effort) -> list[Result]:
    """Token requests per herd, and the CPU time of a caller against that of a task that waits for an event."""
    return asyncio.run(_compare(effort, effort.of(CALLERS)))


async def _compare(effort: Effort, callers: int) -> list[Result]:
    transport = CannedTransport()
    requests: list[float] = []
    async with TokenManager(transport=transport) as manager:

        async def herd() -> None:
            before = transport.token_requests
            manager.invalidate("acme")
            async with anyio.create_task_group() as tasks:
                for _ in range(callers):
                    tasks.start_soon(manager.token, "acme")
            requests.append(transport.token_requests - before)

        manager.add("acme", GRANT, org=ORG)
        values, floors = await interleaved(effort.rounds, timed(callers, herd), timed(callers, lambda: _floor(callers)))
    return [
        # The worst herd: a promise isn't kept by the median.
        Result(what=f"{callers:,} cold callers, all at once: token requests", unit="", values=(max(requests),), bar=1),
        Result(what="a cold caller", unit="s", values=values, against="a task waiting for one event", floor=floors),
    ]


async def _floor(callers: int) -> None:
    event = anyio.Event()

    async def happen() -> None:
        event.set()

    async with anyio.create_task_group() as tasks:
        for _ in range(callers):
            tasks.start_soon(event.wait)
        tasks.start_soon(happen)
