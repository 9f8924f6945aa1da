"""What an authorised request costs more than the same request with a static header."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from sfauth import TokenManager

from .canned import GRANT, ORG, CannedTransport
from .measure import Effort, Result, interleaved, timed
from .server import serving

__all__ = ["run"]

PATH = "/services/data/v66.0/limits"
REQUESTS = 100
ROUNDS = 10  # for each of the usual ones: 3 % are seen only in many short turns
AT_ONCE = 10  # enough to keep this process busy all the time
BAR = 1.03


def run(effort: Effort) -> list[Result]:
    """CPU seconds of ``GET`` through `TokenManager.client` and `httpx.AsyncClient`, on a transport that both share."""
    results = asyncio.run(_compare(effort, CannedTransport(), ORG, where="no network", at_once=1))
    with serving() as url:
        transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=AT_ONCE))
        results += asyncio.run(_compare(effort, transport, url, where=f"TCP, {AT_ONCE} at once", at_once=AT_ONCE))
    return results


async def _compare(
    effort: Effort, transport: httpx.AsyncBaseTransport, url: str, *, where: str, at_once: int
) -> list[Result]:
    each = max(1, effort.of(REQUESTS) // at_once)
    async with transport, TokenManager(transport=transport) as manager:
        manager.add("acme", GRANT, org=url)
        token = await manager.token("acme")
        authorised = manager.client("acme")
        static = httpx.AsyncClient(
            transport=transport,
            base_url=url,
            headers={"Authorization": f"Bearer {token.access_token}"},
            timeout=authorised.timeout,
        )

        def contestant(client: httpx.AsyncClient) -> Callable[[], Awaitable[float]]:
            return timed(each * at_once, lambda: _crawl(client, each, at_once))

        values, floors, again = await interleaved(
            effort.rounds * ROUNDS, contestant(authorised), contestant(static), contestant(static)
        )
    return [
        Result(what=f"a request, {where}", unit="s", values=values, against="static header", floor=floors, bar=BAR),
        # What such a ratio is worth here: it would be 1.00 on a quiet machine.
        Result(what=f"static header, {where}", unit="s", values=again, against="itself", floor=floors),
    ]


async def _crawl(client: httpx.AsyncClient, each: int, at_once: int) -> None:
    async def task() -> None:
        for _ in range(each):
            reply = await client.get(PATH)
            if reply.status_code != 200:
                raise RuntimeError(f"HTTP {reply.status_code}")

    if at_once == 1:
        await task()
        return
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(task())
