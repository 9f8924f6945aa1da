"""Many orgs that are logged in, without as many token requests."""

from __future__ import annotations

from dataclasses import replace

from sfauth import MemoryStore, TokenManager
from sfauth.stores import Record

from .canned import GRANT, ORG

__all__ = ["OneIdentity", "log_in"]


class OneIdentity(MemoryStore):
    """Each who reads the one record gets a token object of its own, as in real life: memory is what misses caches."""

    async def get(self, key: str) -> Record | None:
        record = await super().get(key)
        return record and replace(record, token=record.token and replace(record.token))


async def log_in(manager: TokenManager, keys: list[str]) -> None:
    """Add orgs to a manager on `OneIdentity`: the first makes a token request, all others take its record."""
    for key in keys:
        manager.add(key, GRANT, org=ORG)
    for key in keys:
        await manager.token(key)
