"""What all token sources of one manager share."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Literal, Protocol
from weakref import WeakSet

import anyio
from cachetools import LRUCache

from .background import Background
from .clock import Clock
from .endpoint import TokenEndpoint
from .errors import ConfigurationError, SfauthError, StoreUnavailableError
from .events import Event, EventHook, StoreFailed, StoreRecovered
from .flight import backoff
from .lifetime import ASSUMED_LIFETIME, Observed
from .org import Org
from .stores import Record, TokenStore
from .timer import Timer
from .token import Token

__all__ = ["Policy", "Runtime"]

logger = logging.getLogger("sfauth")

REMEMBERED_LIFETIMES = 100_000
"""Orgs and apps whose observed lifetime is kept in mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The numbers that a manager goes by.

    Attributes:
        refresh_at: Share of the observed lifetime after which a refresh is due.
        jitter: Share of that time by which a refresh may be due earlier, drawn once per token.
        assumed_lifetime: Seconds a token is thought to live where nothing better is known.
        introspect: Ask once per org and app how long a token lives, where neither the reply nor a JWT says it.
        keep_alive: Refresh ahead of time even where nobody asks for tokens.
        retry_interval: Seconds between a failure and the next token request; doubles with each further one.
        retry_ceiling: Seconds that this interval grows to.
        max_token_requests: Token requests in flight at once, over all orgs.
        when_store_fails: ``local``: go on with what this process knows; ``strict``: make no token request.
    """

    refresh_at: float = 0.75
    jitter: float = 0.1
    assumed_lifetime: float = ASSUMED_LIFETIME
    introspect: bool = True
    keep_alive: bool = False
    retry_interval: float = 1.0
    retry_ceiling: float = 300.0
    max_token_requests: int = 64
    when_store_fails: Literal["local", "strict"] = "local"

    def __post_init__(self) -> None:
        checks = {
            "refresh_at must be above 0 and below 1": 0 < self.refresh_at < 1,
            "jitter must be from 0 to below 1": 0 <= self.jitter < 1,
            "assumed_lifetime must be above 0 seconds": self.assumed_lifetime > 0,
            "retry_interval must be above 0 seconds": self.retry_interval > 0,
            "retry_ceiling must not be below retry_interval": self.retry_ceiling >= self.retry_interval,
            "max_token_requests must be at least 1": self.max_token_requests >= 1,
            "when_store_fails must be 'local' or 'strict'": self.when_store_fails in ("local", "strict"),
        }
        for rule, kept in checks.items():
            if not kept:
                raise ConfigurationError(f"{rule}.")


class _Follower(Protocol):
    key: str

    async def on_change(self) -> None: ...


class Runtime:
    """Clock, chance, network, store, timer and tasks of one manager, in one slot of each of its sources."""

    __slots__ = (
        "_followers",
        "background",
        "clock",
        "elapsed",
        "endpoint",
        "hook",
        "lifetimes",
        "limiter",
        "policy",
        "random",
        "shared",
        "store",
        "timer",
        "unsaved",
    )

    def __init__(
        self,
        *,
        clock: Clock,
        random: Random,
        endpoint: TokenEndpoint,
        store: TokenStore,
        shared: bool,
        policy: Policy,
        hook: EventHook,
    ) -> None:
        self.clock = clock
        self.elapsed: Callable[[], float] = clock.elapsed
        self.random = random
        self.endpoint = endpoint
        self.store = store
        self.shared = shared
        self._followers: dict[str, WeakSet[_Follower]] = {}
        self.policy = policy
        self.hook = hook
        self.background = Background(self._opened_store)
        self.timer = Timer(clock)
        self.limiter = anyio.CapacityLimiter(policy.max_token_requests)
        # Records that the store could not take. They are the newest truth until it can.
        self.unsaved: dict[str, Record] = {}
        self.lifetimes: LRUCache[tuple[str, str], Observed] = LRUCache(REMEMBERED_LIFETIMES)

    async def start(self) -> None:
        await self.background.start()
        self.background.spawn(self.timer.run)
        if self.shared:
            self.background.spawn(self._listen)

    async def stop(self) -> None:
        await self.background.stop()
        self.timer.clear()

    # ---------------------------------------------------------------- the store

    async def save(self, key: str, store_key: str, record: Record, *, expected: int) -> Record | None:
        """Write a record. Returns the one of a peer that was faster, if any.

        Where the store can't be reached, the record is kept here and written as soon as it can.
        """
        try:
            for _ in range(2):
                if await self.store.put(store_key, record, expected=expected):
                    self.unsaved.pop(store_key, None)
                    return None
                there = await self.store.get(store_key)
                if there is not None and there.generation >= record.generation:
                    return there
                # Behind us: we went on alone while the store was away, or it has lost what it had.
                expected = there.generation if there is not None else 0
            return None
        except SfauthError as error:  # unreachable, or unreadable: either way nothing of ours may be lost
            self.store_failed(key, record.generation, error, unsaved=True)
            if store_key not in self.unsaved:
                self.background.spawn(self._write_until_written, key, store_key)
            self.unsaved[store_key] = record
            return None

    def backoff(self, tries: int) -> float:
        """Seconds to wait after so many failures in a row."""
        policy = self.policy
        return backoff(tries, shortest=policy.retry_interval, longest=policy.retry_ceiling, chance=self.random.random())

    def store_failed(self, key: str, generation: int, error: SfauthError, *, unsaved: bool = False) -> None:
        self.emit(StoreFailed(org=key, generation=generation, message=str(error), unsaved=unsaved))

    async def _write_until_written(self, key: str, store_key: str) -> None:
        wait = self.policy.retry_interval
        while store_key in self.unsaved:
            await self.clock.sleep(wait * (0.5 + self.random.random()))
            wait = min(wait * 2.0, self.policy.retry_ceiling)
            record = self.unsaved.get(store_key)
            if record is not None and await self._write_again(store_key, record):
                self.emit(StoreRecovered(org=key, generation=record.generation))

    async def _write_again(self, store_key: str, record: Record) -> bool:
        try:
            there = await self.store.get(store_key)
            stored = there.generation if there is not None else 0
            # Not taken means that a peer has written a newer one: then ours is history.
            if stored < record.generation:
                await self.store.put(store_key, record, expected=stored)
        except SfauthError:
            return False
        if self.unsaved.get(store_key) is record:
            del self.unsaved[store_key]
        return True

    @asynccontextmanager
    async def _opened_store(self) -> AsyncIterator[None]:
        async with self.store.open():
            try:
                yield
            finally:
                # The last flights have landed by now; a rotated refresh token must not die with this process.
                with anyio.CancelScope(shield=True):
                    for store_key, record in list(self.unsaved.items()):
                        await self._write_again(store_key, record)

    def follow(self, store_key: str, source: _Follower) -> str:
        """From now on, tell the source when others change its record."""
        if self.shared:
            self._followers.setdefault(store_key, WeakSet()).add(source)
        return store_key

    async def _listen(self) -> None:
        while True:
            with suppress(StoreUnavailableError):
                async with self.store.changes() as keys:
                    async for key in keys:
                        for source in list(self._followers.get(key, ())):
                            try:
                                await source.on_change()
                            except SfauthError as error:
                                logger.warning("%s", error.for_org(source.key))
            await self.clock.sleep(self.policy.retry_interval)

    # ---------------------------------------------------------------- what happened

    def emit(self, event: Event) -> None:
        try:
            self.hook(event)
        except Exception:  # a broken metrics exporter must not break a login
            logger.exception("An event hook of sfauth raised on %s", event.name)

    def observed(self, token: Token, org: Org, client_id: str) -> Observed:
        """What is known of the lifetimes of this org's tokens for this app."""
        # By org id where the token tells it: thousands of orgs may share login.salesforce.com and one app.
        key = (token.org_id or org.url, client_id)
        found = self.lifetimes.get(key)
        if found is None:
            found = self.lifetimes[key] = Observed()
        return found
