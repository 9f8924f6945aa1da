"""Many orgs in one manager: memory of each, and what registering one and building a client cost."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import httpx

from sfauth import JWTBearerGrant, TokenManager

from .canned import GRANT, ORG, CannedTransport
from .logged_in import OneIdentity, log_in
from .measure import Effort, Result, interleaved, timed

__all__ = ["run"]

ORGS = 100_000
LOGGED_IN = 10_000
CLIENTS = 10_000
MOST_BYTES = 1536
LEAST_PER_SECOND = 10_000
KEY = Path("server.key")


def run(effort: Effort) -> list[Result]:
    """Bytes per org; orgs added and clients built per second."""
    return [_idle(effort.of(ORGS)), _in_use(effort.of(LOGGED_IN)), *asyncio.run(_rates(effort))]


def _add(manager: TokenManager, orgs: int) -> None:
    for number in range(orgs):
        grant = JWTBearerGrant(client_id="3MVG9benchmark", username=f"etl@org-{number}.example", private_key=KEY)
        manager.add(f"org-{number}", grant, org=f"https://org-{number}.my.salesforce.com")


def _traced(work: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        kept = work()
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del kept
    return size


def _idle(orgs: int) -> Result:
    manager = TokenManager(transport=CannedTransport())
    size = _traced(lambda: _add(manager, orgs)) / orgs
    return Result(
        what=f"an org of {orgs:,}, never used: key, grant, address and all", unit="B", values=(size,), bar=MOST_BYTES
    )


def _in_use(orgs: int) -> Result:
    async def hold() -> float:
        async with TokenManager(transport=CannedTransport(), store=OneIdentity(), hook=_deaf) as manager:
            gc.collect()
            tracemalloc.start()
            try:
                await log_in(manager, [f"org-{number}" for number in range(orgs)])
                gc.collect()
                return tracemalloc.get_traced_memory()[0] / orgs
            finally:
                tracemalloc.stop()

    return Result(what="an org that is logged in, its grant shared", unit="B", values=(asyncio.run(hold()),))


async def _rates(effort: Effort) -> list[Result]:
    count = effort.of(CLIENTS)
    transport = CannedTransport()
    async with TokenManager(transport=transport) as manager:
        manager.add("acme", GRANT, org=ORG)

        async def build() -> None:
            for _ in range(count):
                manager.client("acme")

        async def build_bare() -> None:
            for _ in range(count):
                httpx.AsyncClient(transport=transport, base_url=ORG)

        clients, bare = await interleaved(effort.rounds, timed(count, build), timed(count, build_bare))
    added = tuple(_seconds_to_add(transport, count) for _ in range(effort.rounds))
    return [
        Result(what="clients built", unit="/s", values=_per_second(clients), bar=LEAST_PER_SECOND, at_least=True),
        Result(
            what="a client", unit="s", values=clients, against="an httpx.AsyncClient on the same transport", floor=bare
        ),
        Result(what="orgs added", unit="/s", values=_per_second(added), bar=LEAST_PER_SECOND, at_least=True),
    ]


def _seconds_to_add(transport: httpx.AsyncBaseTransport, orgs: int) -> float:
    manager = TokenManager(transport=transport)
    gc.collect()
    started = time.process_time()
    _add(manager, orgs)
    return (time.process_time() - started) / orgs


def _per_second(seconds: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(1 / each for each in seconds)


def _deaf(event: object) -> None:
    """Log records are not what is weighed."""
