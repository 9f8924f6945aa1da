"""Tokens kept in this process only: the default."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import anyio

from .base import Record

__all__ = ["MemoryStore"]


class MemoryStore:
    """A dict. Several managers of one event loop may share it; nothing survives the process."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        # A lock lives as long as somebody holds or awaits it, so that 100,000 idle identities cost none.
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    async def get(self, key: str) -> Record | None:
        return self._records.get(key)

    async def put(self, key: str, record: Record) -> bool:
        there = self._records.get(key)
        if there is not None and there.generation >= record.generation:
            return False
        self._records[key] = record
        return True

    async def delete(self, key: str) -> None:
        self._records.pop(key, None)

    def discard(self, key: str, *, unless_rotated_from: object) -> None:
        """Forget the record, unless it has a refresh token that is not the one given: that exists nowhere else."""
        record = self._records.get(key)
        if record is not None and record.token.refresh_token in (None, unless_rotated_from):
            del self._records[key]

    @asynccontextmanager
    async def lease(self, key: str) -> AsyncIterator[None]:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = anyio.Lock()
        async with lock:
            yield
