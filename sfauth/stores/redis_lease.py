"""One process's claim to the right to make a token request, and how it's given back whatever happens."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio

from ..clock import Clock
from ..errors import StoreUnavailableError
from .redis_line import Line
from .redis_scripts import ACQUIRE, RELEASE, RENEW, Names

__all__ = ["Lease"]

SHORTEST_NAP = 0.005
"""Seconds between two polls, however soon the other one's lease ends."""


class Lease:
    """Used once: acquired, renewed, released.

    Args:
        line: Connections of this event loop.
        names: Of keys and channels.
        key: Of which identity.
        seconds: How long it lasts without being renewed.
        poll_interval: Seconds between two looks at a lease that somebody else has.
        clock: What sleeps.
    """

    def __init__(
        self, line: Line, names: Names, key: str, *, seconds: float, poll_interval: float, clock: Clock
    ) -> None:
        self._line = line
        self._key = key
        self._keys = (names.of(key, "lease"), names.of(key, "awaited"))
        self._channel = names.released
        self._seconds = seconds
        self._milliseconds = max(1, round(seconds * 1000))
        self._poll_interval = poll_interval
        self._clock = clock
        # The first half is for people, the second one makes it unique.
        self._owner = f"{socket.gethostname()}:{os.getpid()} {secrets.token_hex(16)}"
        self._asking: asyncio.Task[Any] | None = None
        self._held = False

    async def acquire(self, waits_for: Callable[[str], None] | None) -> None:
        """Wait until it is ours.

        Raises:
            StoreUnavailableError: The server can't be asked.
        """
        line = self._line
        while True:
            # From before we ask, or giving back the lease could fall between the question and the wait.
            with line.waiting(self._key) as woken:
                heard = line.hears
                refused = await self._ask()
                if refused is None:
                    return
                owner, left = refused
                if waits_for is not None:
                    waits_for(owner)
                if not heard:
                    with suppress(StoreUnavailableError):  # then polling has to do
                        await line.listen()
                        continue
                await self._nap(woken, min(left, self._poll_interval))

    async def _ask(self) -> tuple[str, float] | None:
        """Nothing when it is ours now; else who has it, and seconds until that ends unless it's renewed."""
        ask = self._line.call(lambda redis: redis.eval(ACQUIRE, 2, *self._keys, self._owner, self._milliseconds))
        # Its answer may be that we have the lease: so `release` must be able to wait for it when we are cancelled.
        self._asking = self._line.begin(ask)
        await asyncio.wait([self._asking])
        answer = self._asking.result()
        if answer is None:
            self._held = True
            return None
        owner, milliseconds = answer
        name = owner.decode(errors="replace") if isinstance(owner, bytes) else str(owner)
        # Below 0 for one that doesn't end, which is none of ours.
        left = int(milliseconds) / 1000 if int(milliseconds) >= 0 else math.inf
        return name.partition(" ")[0], max(left, SHORTEST_NAP)

    async def _nap(self, woken: asyncio.Event, seconds: float) -> None:
        async def poll() -> None:
            await self._clock.sleep(seconds)
            woken.set()

        async with anyio.create_task_group() as group:
            group.start_soon(poll)
            await woken.wait()
            group.cancel_scope.cancel()

    async def renew(self) -> None:
        """Renew it until it's lost or this is cancelled."""
        while True:
            await self._clock.sleep(self._seconds / 3)
            with suppress(StoreUnavailableError):
                if not await self._line.call(
                    lambda redis: redis.eval(RENEW, 1, self._keys[0], self._owner, self._milliseconds)
                ):
                    return

    async def release(self) -> None:
        """Give it back, if it is ours."""
        if self._asking is None:
            return
        await asyncio.wait([self._asking])
        try:
            await self._give_back()
        except StoreUnavailableError:
            if self._held:
                self._line.begin(self._give_back_later())

    async def _give_back(self) -> None:
        arguments = (self._owner, self._channel, self._key)
        await self._line.call(lambda redis: redis.eval(RELEASE, 2, *self._keys, *arguments))

    async def _give_back_later(self) -> None:
        # A server that restarts brings our lease back with its data: the others would wait for nobody.
        for _ in range(math.ceil(self._seconds / self._poll_interval)):
            with anyio.move_on_after(self._poll_interval):
                await self._line.closing.wait()
            with suppress(StoreUnavailableError):
                await self._give_back()
                return
            if self._line.closing.is_set():
                return
