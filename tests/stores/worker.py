"""A process of its own that uses a store: it takes commands as lines of JSON and answers each with one.

It may be told to die or to stop at a given moment of its next token request, as `kill -9` and `kill -STOP` would have
it. That is done from outside of sfauth, around its transport and its store.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import anyio
import anyio.to_thread
import httpx

from sfauth import RefreshTokenGrant, SfauthError, TokenManager
from sfauth.stores import FileStore, RedisStore, TokenStore

Moments = dict[str, signal.Signals]


def make_store(spec: str, *, lease: float) -> TokenStore:
    """`file:/path`, or any URL of a Redis; the key comes from the environment."""
    kind, _, rest = spec.partition(":")
    if kind == "file":
        return FileStore(rest, lease_timeout=lease, poll_interval=0.1)
    return RedisStore(spec, lease=lease)


class At:
    """Raises a signal at a moment, once."""

    def __init__(self) -> None:
        self.moments: Moments = {}

    def __call__(self, moment: str) -> None:
        number = self.moments.pop(moment, None)
        if number is not None:
            sys.stdout.write(json.dumps({"moment": moment}) + "\n")
            sys.stdout.flush()
            os.kill(os.getpid(), number)


class Transport(httpx.AsyncHTTPTransport):
    def __init__(self, at: At) -> None:
        super().__init__()
        self.at = at

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/token"):
            return await super().handle_async_request(request)
        self.at("before sending")
        response = await super().handle_async_request(request)
        await response.aread()
        self.at("after the answer")
        return response


class Watched:
    """A store that tells when it is used."""

    def __init__(self, store: TokenStore, at: At) -> None:
        self.open, self.delete, self.lease, self.changes = store.open, store.delete, store.lease, store.changes
        self._store, self._at = store, at

    async def get(self, key: str) -> Any:
        record = await self._store.get(key)
        self._at("after reading")
        return record

    async def put(self, key: str, record: Any, *, expected: int) -> bool:
        self._at("before writing")
        kept = await self._store.put(key, record, expected=expected)
        self._at("after writing")
        return kept


class AheadClock:
    """The machine's clock, set ahead on command."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def elapsed(self) -> float:
        return time.monotonic() + self.ahead

    def wall(self) -> float:
        return time.time() + self.ahead

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class Worker:
    def __init__(self, spec: str, *, lease: float) -> None:
        self.clock, self.at = AheadClock(), At()
        self.manager = TokenManager(
            store=Watched(make_store(spec, lease=lease), self.at),
            transport=Transport(self.at),
            clock=self.clock,
            introspect=False,
            retry_interval=0.1,
            hook=lambda event: None,
        )

    async def add(self, key: str, url: str, client_id: str, client_secret: str, refresh_token: str) -> None:
        grant = RefreshTokenGrant(client_id=client_id, client_secret=client_secret, refresh_token=refresh_token)
        self.manager.add(key, grant, org=url)

    async def advance(self, seconds: float) -> None:
        self.clock.ahead += seconds

    async def send_signal(self, at: str, number: int) -> None:
        self.at.moments[at] = signal.Signals(number)

    async def tokens(self, key: str, callers: int = 1) -> dict[str, Any]:
        """What so many tasks get that ask at once."""
        tokens: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        hints: set[str | None] = set()

        async def ask() -> None:
            try:
                tokens[(await self.manager.token(key)).access_token] += 1
            except SfauthError as error:
                errors[type(error).__name__] += 1
                hints.add(error.hint)

        began = time.monotonic()
        async with anyio.create_task_group() as group:
            for _ in range(callers):
                group.start_soon(ask)
        seconds = time.monotonic() - began
        return {"tokens": tokens, "errors": errors, "hints": sorted(map(str, hints)), "seconds": seconds}

    async def requests(self, key: str, number: int) -> list[int]:
        """Statuses of so many API requests at once."""
        statuses: list[int] = []
        client = self.manager.client(key)

        async def request() -> None:
            statuses.append((await client.get("/services/data/v66.0/limits")).status_code)

        async with anyio.create_task_group() as group:
            for _ in range(number):
                group.start_soon(request)
        return statuses

    async def status(self, key: str) -> dict[str, Any]:
        status = self.manager.status()[key]
        return {"generation": status.generation, "lease_holder": status.lease_holder, "unsaved": status.unsaved}

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.manager)
            _say({"ready": os.getpid()})
            while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
                name, arguments = json.loads(line)
                _say({"answer": await getattr(self, name)(**arguments)})


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(Worker(sys.argv[1], lease=float(sys.argv[2])).run)
