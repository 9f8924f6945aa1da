"""The seam behind which tokens are shared: one Protocol for memory, files and servers."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from ..lifetime import Lifetime
from ..token import Token

__all__ = ["Record", "TokenStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a store keeps of one identity.

    Attributes:
        token: The newest token. Its ``refresh_token`` is the one to use next, whether or not the last reply had one.
        generation: Counts the identity's tokens over all who share the store, from 1.
        obtained_at: When it was asked for, in Unix seconds on the server's clock.
        lifetime: What was known of its time to live.
        credential: Names the configured secret with which the chain of refresh tokens began (a SHA-256, not the
            secret). When somebody logs in again, the configured secret changes, and the chain is void.
    """

    token: Token
    generation: int
    obtained_at: float
    lifetime: Lifetime
    credential: str


class TokenStore(Protocol):
    """Where tokens are shared. Every method may be called by many tasks at once."""

    async def get(self, key: str) -> Record | None:
        """The record under this key, or None."""

    async def put(self, key: str, record: Record) -> bool:
        """Keep the record, durably when this returns, unless one of the same or a later generation is there.

        Returns:
            Whether it was kept. False tells a writer that it came too late: its lease had passed to somebody else.
        """

    async def delete(self, key: str) -> None:
        """Forget the record; no error when there is none."""

    def lease(self, key: str) -> AbstractAsyncContextManager[None]:
        """Hold the right to make a token request for this key; entering waits until whoever holds it lets go."""
