"""What a `RedisStore` has of one event loop in one process: connections, a listener, things to bring to an end.

redis-py's asyncio client belongs to the loop that it was first used in, and to the process. So all of this is made when
a store is entered and closed when the last one leaves it; another loop, or a forked child, makes its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from redis import exceptions

from ..errors import StoreUnavailableError
from .redis_errors import unavailable
from .redis_scripts import Names

__all__ = ["Line"]

_T = TypeVar("_T")

BACKLOG = 1000
"""Changes that a manager may fall behind by before it misses some."""

HEARTBEAT = 15.0
"""Seconds of silence after which the listener asks whether the server is still there; after as many more, it is not."""

logger = logging.getLogger("sfauth")


class Line:
    """Connections to Redis.

    Args:
        client: redis-py's client; closed by `close`.
        place: Where it is, for people.
        deadline: Seconds after which a command has failed, waiting for a connection and a second try included.
        max_connections: Commands in flight at once.
        names: Of the channels.

    Attributes:
        users: How often the store has been entered and not left.
        hears: Subscribed to both channels: from now on nothing is missed.
        closing: What waits before another try needs to wait no longer: it's the last.
    """

    def __init__(self, client: Any, *, place: str, deadline: float, max_connections: int, names: Names) -> None:
        self.users = 0
        self.hears = False
        self.closing = asyncio.Event()
        self._client = client
        self._place = place
        self._deadline = deadline
        # redis-py would open as many connections as there are commands, or raise when there are too many.
        self._slots = asyncio.Semaphore(max_connections)
        self._changed, self._released = names.changed, names.released
        self._listener: asyncio.Task[None] | None = None
        self._lost: StoreUnavailableError | None = None
        self._streams: set[MemoryObjectSendStream[str]] = set()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._giving_back: dict[str, asyncio.Task[None]] = {}

    async def call(self, command: Callable[[Any], Awaitable[_T]]) -> _T:
        """Run a command.

        Raises:
            StoreUnavailableError: Not chained to what redis-py said, which may hold a password.
        """
        try:
            async with asyncio.timeout(self._deadline), self._slots:
                # A cluster's client sends commands to any node until it has been told the map of slots.
                await self._client.initialize()
                return await command(self._client)
        except Exception as problem:  # noqa: BLE001 - redis-py's own errors, and others when it closes under our feet
            error = unavailable(problem, self._place)
        raise error

    def begin(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Start something that goes on to its end whatever becomes of the caller. `close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._ended)
        return task

    async def see_through(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run something to its end, even when the caller is cancelled meanwhile."""
        task = self.begin(work)
        await asyncio.wait([task])
        return task.result()

    def give_back(self, key: str, release: Coroutine[Any, Any, None]) -> None:
        """Give a lease back. Nobody waits for it: so nothing can cancel it, and a new token need not wait either."""
        self._giving_back[key] = task = self.begin(release)
        task.add_done_callback(lambda _: self._giving_back.pop(key) if self._giving_back.get(key) is task else None)

    async def given_back(self, key: str) -> None:
        """Wait until this loop doesn't hold a lease any more that it is about to give back."""
        if (task := self._giving_back.get(key)) is not None:
            await asyncio.wait([task])

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.debug("A command to Redis at %s failed: %s", self._place, type(error).__name__)

    async def close(self) -> None:
        """Finish what was begun, stop listening, close the connections. Takes as long as a few commands at most."""
        self.closing.set()
        with anyio.move_on_after(self._deadline, shield=True):
            while self._unfinished:
                await asyncio.wait(self._unfinished)
        with anyio.move_on_after(self._deadline, shield=True), suppress(Exception):
            for task in (self._listener, *self._unfinished):
                if task is not None and not task.done():
                    task.cancel()
                    await asyncio.wait([task])
            await self._client.aclose()
            sentinels = getattr(getattr(self._client, "connection_pool", None), "sentinel_manager", None)
            for sentinel in getattr(sentinels, "sentinels", ()):
                await sentinel.aclose()

    # ---------------------------------------------------------------- what others tell

    @contextmanager
    def waiting(self, key: str) -> Iterator[asyncio.Event]:
        """An event that is set when this key's lease was given back, or when nothing can be heard any more."""
        woken = asyncio.Event()
        others = self._waiting.setdefault(key, set())
        others.add(woken)
        try:
            yield woken
        finally:
            others.discard(woken)
            if not others and self._waiting.get(key) is others:
                del self._waiting[key]

    @contextmanager
    def changes(self) -> Iterator[AsyncIterator[str]]:
        """Keys of records as others change them. The iterator raises when the connection is lost."""
        send, receive = anyio.create_memory_object_stream[str](BACKLOG)
        self._streams.add(send)
        try:
            with send, receive:
                yield _Changes(self, receive)
        finally:
            self._streams.discard(send)

    def lost(self) -> StoreUnavailableError:
        """Why nothing is heard."""
        return self._lost or StoreUnavailableError(f"The connection to Redis at {self._place} was closed.")

    async def listen(self) -> None:
        """Subscribe, unless that is so; from when this returns nothing is missed until the connection is lost.

        Raises:
            StoreUnavailableError: That was not possible.
        """
        if self.hears:
            return
        if self._listener is None or self._listener.done():
            self._listener = asyncio.get_running_loop().create_task(self._listen())
        with self.waiting(_SUBSCRIBED) as subscribed:
            await subscribed.wait()
        if not self.hears:
            raise self.lost()

    async def _listen(self) -> None:
        subscriber = None
        self._lost = None
        try:
            async with asyncio.timeout(self._deadline):
                await self._client.initialize()
                subscriber = self._client.pubsub()
                await subscriber.subscribe(self._changed, self._released)
            await self._hear(subscriber)
        except Exception as problem:  # noqa: BLE001 - as for any command
            self._lost = unavailable(problem, self._place)
        finally:
            try:
                if subscriber is not None:
                    with anyio.CancelScope(shield=True), suppress(Exception):
                        await subscriber.aclose()
            finally:
                # No await from here to the task's end: whoever asks for a listener finds this one gone, or is woken.
                self.hears = False
                for stream in self._streams:
                    stream.close()
                self._wake_all()

    async def _hear(self, subscriber: Any) -> None:
        confirmed: set[str] = set()
        silent = False
        while True:
            message = await subscriber.get_message(timeout=HEARTBEAT)
            if message is None:
                if silent:
                    raise exceptions.TimeoutError
                silent = True
                await subscriber.ping()
                continue
            silent = False
            kind, channel = message["type"], _text(message["channel"])
            if kind == "subscribe" and channel in confirmed:
                self._wake_all()  # redis-py has connected again, and what was told meanwhile is lost
            elif kind == "subscribe":
                confirmed.add(channel)
                if confirmed == {self._changed, self._released}:
                    self.hears = True
                    self._wake(_SUBSCRIBED)
            elif kind == "message" and channel == self._released:
                self._wake(_text(message["data"]))
            elif kind == "message" and channel == self._changed:
                self._tell(_text(message["data"]))

    def _wake(self, key: str) -> None:
        for woken in self._waiting.get(key, ()):
            woken.set()

    def _wake_all(self) -> None:
        # Whoever waits for a lease asks once more: what was to wake them may be lost.
        for key in list(self._waiting):
            self._wake(key)

    def _tell(self, key: str) -> None:
        for stream in self._streams:
            with suppress(anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
                stream.send_nowait(key)


_SUBSCRIBED = ""
"""In place of a key: wakes who waits for the subscription."""


class _Changes:
    def __init__(self, line: Line, heard: MemoryObjectReceiveStream[str]) -> None:
        self._line = line
        self._heard = heard

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        try:
            return await self._heard.receive()
        except anyio.EndOfStream:
            pass
        raise self._line.lost()


def _text(value: object) -> str:
    # A client of the user's own may have been told to decode replies.
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
