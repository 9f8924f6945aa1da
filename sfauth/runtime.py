"""What all token sources of one manager share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import anyio
from cachetools import LRUCache

from .background import Background
from .clock import Clock
from .endpoint import TokenEndpoint
from .errors import ConfigurationError
from .events import Event, EventHook
from .lifetime import ASSUMED_LIFETIME, Observed
from .org import Org
from .stores import TokenStore
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
    """

    refresh_at: float = 0.75
    jitter: float = 0.1
    assumed_lifetime: float = ASSUMED_LIFETIME
    introspect: bool = True
    keep_alive: bool = False
    retry_interval: float = 1.0
    retry_ceiling: float = 300.0
    max_token_requests: int = 64

    def __post_init__(self) -> None:
        checks = {
            "refresh_at must be above 0 and below 1": 0 < self.refresh_at < 1,
            "jitter must be from 0 to below 1": 0 <= self.jitter < 1,
            "assumed_lifetime must be above 0 seconds": self.assumed_lifetime > 0,
            "retry_interval must be above 0 seconds": self.retry_interval > 0,
            "retry_ceiling must not be below retry_interval": self.retry_ceiling >= self.retry_interval,
            "max_token_requests must be at least 1": self.max_token_requests >= 1,
        }
        for rule, kept in checks.items():
            if not kept:
                raise ConfigurationError(f"{rule}.")


class Runtime:
    """Clock, chance, network, store, timer and tasks of one manager, in one slot of each of its sources."""

    __slots__ = (
        "background",
        "clock",
        "elapsed",
        "endpoint",
        "hook",
        "lifetimes",
        "limiter",
        "policy",
        "random",
        "store",
        "timer",
    )

    def __init__(
        self,
        *,
        clock: Clock,
        random: Random,
        endpoint: TokenEndpoint,
        store: TokenStore,
        policy: Policy,
        hook: EventHook,
    ) -> None:
        self.clock = clock
        self.elapsed: Callable[[], float] = clock.elapsed
        self.random = random
        self.endpoint = endpoint
        self.store = store
        self.policy = policy
        self.hook = hook
        self.background = Background()
        self.timer = Timer(clock)
        self.limiter = anyio.CapacityLimiter(policy.max_token_requests)
        self.lifetimes: LRUCache[tuple[str, str], Observed] = LRUCache(REMEMBERED_LIFETIMES)

    async def start(self) -> None:
        await self.background.start()
        self.background.spawn(self.timer.run)

    async def stop(self) -> None:
        await self.background.stop()
        self.timer.clear()

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
