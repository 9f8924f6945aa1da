"""The seam behind which tokens are shared: one Protocol for memory, files and servers.

Who writes a store needs to know this much. A manager reads and writes a `Record` for each identity. Before a token
request it takes the *lease* of that identity, reads the record again, and uses it if a peer was faster. The answer of
the request is written before anybody uses it: where refresh tokens rotate, the one that was sent is dead by then.

Leases can be lost: a process may stand still for longer than its lease lasts. So `TokenStore.put` compares. It writes
only when the generation that is there is still the one that the writer has read, and a writer that comes too late
learns so and uses what its peer has written. Where refresh tokens rotate, a store needs both: without the lease two
processes send the same refresh token, without the comparison a late one overwrites the newest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from ..lifetime import Lifetime
from ..token import Token

__all__ = ["Record", "Refusal", "TokenStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """That Salesforce refused a credential, and how; the fields are those of `SfauthError`, scrubbed.

    Attributes:
        credential: Names the secrets that were refused. Others are worth a try.
        error_class: ``ConfigurationError`` or ``LoginRequiredError``.
    """

    credential: str
    error_class: str
    message: str
    error: str | None = None
    error_description: str | None = None
    status: int | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a store keeps of one identity.

    Attributes:
        generation: Counts the identity's tokens over all who share the store, from 1. Never decreases.
        token: The newest token, None after it was revoked. Its ``refresh_token`` is the one to use next, whether or
            not the last reply had one.
        obtained_at: When it was asked for, in Unix seconds on the server's clock.
        lifetime: What is known of its time to live.
        credential: Names the configured secrets that it was got with (a SHA-256 of them).
        refusal: Set when Salesforce has refused a credential for good since, so that no peer tries it again.
    """

    generation: int
    token: Token | None
    obtained_at: float
    lifetime: Lifetime
    credential: str
    refusal: Refusal | None = None


class TokenStore(Protocol):
    """Where tokens are shared. Every method may be called by many tasks at once, for one key or for many.

    Keys are 64 hexadecimal digits and hold no secret. Methods raise `StoreUnavailableError` when the store can't be
    reached; nothing else is expected of them.
    """

    def open(self) -> AbstractAsyncContextManager[None]:
        """Entered by a manager before it uses the store and left when it closes; connections belong in here.

        A store may be entered several times, by managers of several event loops and, after a fork, processes.
        """

    async def get(self, key: str) -> Record | None:
        """The record under this key, or None."""

    async def put(self, key: str, record: Record, *, expected: int) -> bool:
        """Keep the record, durably when this returns, if the generation that is there is ``expected``.

        Args:
            key: Which identity.
            record: Its ``generation`` is ``expected`` or higher.
            expected: The generation that the writer has read; 0 where there was no record.

        Returns:
            Whether it was kept. False tells a writer that somebody else was faster.
        """

    async def delete(self, key: str) -> None:
        """Forget the record; no error when there is none."""

    def lease(self, key: str, *, waits_for: Callable[[str], None] | None = None) -> AbstractAsyncContextManager[None]:
        """Hold the right to make a token request for this key.

        Entering waits until whoever holds it lets go, dies, or has held it for too long. ``waits_for`` is called with
        the holder's name (host and process, or whatever the store knows) when it has to wait.
        """

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Keys whose records others have written or deleted, as one hears of it. May be late, may miss some."""
