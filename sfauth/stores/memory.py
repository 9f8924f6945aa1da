"""Tokens kept in this process only: the default."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakSet, WeakValueDictionary

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from .base import Record

__all__ = ["MemoryStore"]

_BACKLOG = 1000
"""Changes that a manager may fall behind by before it misses some."""


class MemoryStore:
    """A dict. Several managers of one event loop may share it; nothing survives the process."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        # A lock lives as long as somebody holds or awaits it, so that 100,000 idle identities cost none.
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()
        self._listeners: WeakSet[MemoryObjectSendStream[str]] = WeakSet()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        yield

    async def get(self, key: str) -> Record | None:
        return self._records.get(key)

    async def put(self, key: str, record: Record, *, expected: int) -> bool:
        there = self._records.get(key)
        if (there.generation if there is not None else 0) != expected:
            return False
        self._records[key] = record
        self._tell(key)
        return True

    async def delete(self, key: str) -> None:
        if self._records.pop(key, None) is not None:
            self._tell(key)

    def discard(self, key: str, *, unless_rotated_from: object) -> None:
        """Forget the record, unless it has a refresh token that is not the one given: that exists nowhere else."""
        record = self._records.get(key)
        if record is None:
            return
        if record.token is None or record.token.refresh_token in (None, unless_rotated_from):
            del self._records[key]

    @asynccontextmanager
    async def lease(self, key: str, *, waits_for: Callable[[str], None] | None = None) -> AsyncIterator[None]:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = anyio.Lock()
        if waits_for is not None and lock.locked():
            waits_for("another manager in this process")
        async with lock:
            yield

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[str]]:
        send, receive = anyio.create_memory_object_stream[str](_BACKLOG)
        self._listeners.add(send)
        try:
            with send, receive:
                yield receive
        finally:
            self._listeners.discard(send)

    def _tell(self, key: str) -> None:
        for listener in list(self._listeners):
            try:
                listener.send_nowait(key)
            except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
                continue
