"""Tokens shared by many machines through Redis or Valkey; needs the extra ``sfauth[redis]``.

What is kept of an identity, all of it in one slot of a cluster::

    sfauth:{<key>}:record    a hash: generation, and the sealed record (see `sfauth.stores.sealing`)
    sfauth:{<key>}:lease     who may make a token request; expires when it isn't renewed
    sfauth:{<key>}:awaited   somebody waits for that lease, so that giving it back is told
    sfauth:{<key>}:damaged   a record that nobody could read any more, for whoever looks for the cause

and two pub/sub channels, ``sfauth:changed`` and ``sfauth:released``, whose messages are keys.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

from ..clock import Clock, SystemClock
from ..errors import ConfigurationError
from .base import Record
from .redis_client import MAX_CONNECTIONS, Password, parse_address
from .redis_lease import Lease
from .redis_line import Line
from .redis_scripts import DELETE, PUT, SET_ASIDE, Names
from .sealing import Keys, Seal, UnreadableRecordError

__all__ = ["RedisStore"]

logger = logging.getLogger("sfauth")

DAY = 86_400.0

REFRESH_TOKEN_TTL = 365 * DAY
"""A rotated refresh token exists nowhere else: a record with one is kept at least this long after it was written."""

DAMAGED_TTL = 30 * DAY
"""How long a record that nobody can read is kept for whoever looks for the cause."""


class RedisStore:
    """Tokens in Redis or Valkey, encrypted, for all processes and machines that can reach it.

    Needs asyncio: redis-py knows no trio.

    Args:
        url: ``redis://user:password@host:6379/0``; ``rediss://`` for TLS, with ``?ssl_ca_certs=`` and, where the server
            asks for a certificate, ``ssl_certfile=`` and ``ssl_keyfile=``; ``unix:///path``;
            ``redis+sentinel://user:password@host1:26379,host2:26379/name-of-primary/0``;
            ``redis+cluster://host1:6379,host2:6379``; the last two with ``rediss+``, too. Other options after the
            question mark are those of redis-py's ``from_url``.
        key: What records are encrypted with; see `sfauth.stores.sealing.Keys`. By default the environment variable
            ``SFAUTH_STORE_KEY``.
        prefix: Of all keys and channels.
        username: Instead of the one in the URL.
        password: Instead of the one in the URL: text, a file, or an (async) callable. The latter two are read for each
            new connection, so that a rotated password is used from then on.
        lease: Seconds after which a process that died or stands still loses the right to make a token request. A living
            one renews it in time.
        ttl: Seconds that a record is kept after it was last written; None means for ever. One that holds a refresh
            token is kept for a year at least, whatever this says.
        poll_interval: Seconds between two looks at a lease that somebody else has; that it was given back is mostly
            heard at once.
        socket_timeout: Seconds until an attempt to connect, or a command, has failed. The second try included, a
            command fails after three times as long.
        on_damaged: What to do about a record that nobody can read: put it aside and ``"login"`` again, or ``"raise"``.
        client: Instead of a URL: called once per event loop for a ``redis.asyncio`` client (``Redis``, what
            ``Sentinel.master_for`` gives, or ``RedisCluster``), which the store closes.
        clock: Sleeps between two polls and renewals.

    Raises:
        ConfigurationError: The URL can't be read, or a number is out of its range.
    """

    def __init__(
        self,
        url: str | None = None,
        key: Keys | None = None,
        prefix: str = "sfauth",
        *,
        username: str | None = None,
        password: Password | None = None,
        lease: float = 30.0,
        ttl: float | None = 30 * DAY,
        poll_interval: float = 1.0,
        socket_timeout: float = 3.0,
        on_damaged: Literal["login", "raise"] = "login",
        client: Callable[[], Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        checks = {
            "RedisStore takes either a URL or client=...": (url is None) != (client is None),
            "lease must be above 0 seconds": lease > 0,
            "ttl must be above 0 seconds, or None": ttl is None or ttl > 0,
            "poll_interval must be above 0 seconds": poll_interval > 0,
            "socket_timeout must be above 0 seconds": socket_timeout > 0,
            "on_damaged must be 'login' or 'raise'": on_damaged in ("login", "raise"),
            # Braces say which part of a key decides about its slot in a cluster.
            "prefix must be a text without braces and blanks": bool(prefix)
            and not any(each in "{}" or each.isspace() for each in prefix),
        }
        for rule, kept in checks.items():
            if not kept:
                raise ConfigurationError(f"{rule}.")
        if url is not None:
            address = parse_address(url, username=username, password=password, socket_timeout=socket_timeout)
            self._place, self._connect = address.place, address.connect
            self._max_connections = address.max_connections
        elif client is not None:
            self._place, self._connect = "the given client's address", client
            self._max_connections = MAX_CONNECTIONS
        self._seal = Seal(key)
        self._names = Names(prefix)
        self._lease = lease
        self._ttl = ttl
        self._poll_interval = poll_interval
        self._deadline = 3 * socket_timeout
        self._on_damaged = on_damaged
        self._clock = clock or SystemClock()
        # By process and event loop. What a forked child has of its parent's stays in here untouched: closing it, or
        # letting it be collected, would meddle with sockets that are the parent's.
        self._lines: dict[tuple[int, asyncio.AbstractEventLoop], Line] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._place!r}, prefix={self._names.prefix!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a RedisStore is not pickled: it holds secrets; build it where it is used")

    # ---------------------------------------------------------------- the store

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """See `TokenStore.open`. The server need not be reachable yet.

        Raises:
            ConfigurationError: A key can't be had, the URL has an unknown option, or this is not asyncio.
        """
        loop = _loop()
        await self._seal.load()
        me = (os.getpid(), loop)
        line = self._lines.get(me)
        if line is None:
            line = self._lines[me] = Line(
                _able(self._connect()),
                place=self._place,
                deadline=self._deadline,
                max_connections=self._max_connections,
                names=self._names,
            )
        line.users += 1
        try:
            yield
        finally:
            line.users -= 1
            if not line.users:
                del self._lines[me]
                await line.close()

    async def get(self, key: str) -> Record | None:
        """See `TokenStore.get`.

        Raises:
            UnreadableRecordError: Sealed with another key, by a newer sfauth, or, with ``on_damaged="raise"``, damaged.
        """
        generation, sealed = await self._read(key)
        if generation is None and sealed is None:
            return None
        try:
            return await self._seal.open(key, sealed or b"")
        except UnreadableRecordError as error:
            if not error.damaged or self._on_damaged == "raise":
                raise
        await self._set_aside(key, sealed or b"")
        return None

    async def put(self, key: str, record: Record, *, expected: int) -> bool:
        """See `TokenStore.put`.

        Raises:
            UnreadableRecordError: What is there is sealed with another key, or by a newer sfauth: it's left alone.
        """
        _, there = await self._read(key)
        if there is not None:
            try:
                await self._seal.open(key, there)
            except UnreadableRecordError as error:
                if not error.damaged:
                    raise
        name, sealed = self._names.of(key, "record"), await self._seal.seal(key, record)
        arguments = (expected, record.generation, sealed, self._milliseconds_to_live(record), self._names.changed, key)
        line = self._line()
        return bool(await line.see_through(line.call(lambda redis: redis.eval(PUT, 1, name, *arguments))))

    async def delete(self, key: str) -> None:
        """See `TokenStore.delete`."""
        name, channel = self._names.of(key, "record"), self._names.changed
        await self._line().call(lambda redis: redis.eval(DELETE, 1, name, channel, key))

    @asynccontextmanager
    async def lease(self, key: str, *, waits_for: Callable[[str], None] | None = None) -> AsyncIterator[None]:
        """See `TokenStore.lease`. The holder's name is ``host:pid``.

        The lease is renewed as long as this process and its event loop run. Who loses it all the same, having stood
        still, is not told so here, but by `put`.
        """
        line = self._line()
        await line.given_back(key)
        lease = Lease(line, self._names, key, seconds=self._lease, poll_interval=self._poll_interval, clock=self._clock)
        try:
            await lease.acquire(waits_for)
            renewing = line.begin(lease.renew())
            try:
                yield
            finally:
                renewing.cancel()
        finally:
            line.give_back(key, lease.release())

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[str]]:
        """See `TokenStore.changes`. Its iterator raises `StoreUnavailableError` when the connection is lost.

        Raises:
            StoreUnavailableError: The server can't be reached.
        """
        line = self._line()
        with line.changes() as keys:
            await line.listen()
            yield keys

    # ---------------------------------------------------------------- inside

    def _line(self) -> Line:
        line = self._lines.get((os.getpid(), _loop()))
        if line is None:
            raise ConfigurationError(
                "This RedisStore is not open in this event loop and process.",
                hint="Give it to a TokenManager, or use it inside 'async with store.open():'.",
            )
        return line

    async def _read(self, key: str) -> tuple[str | None, bytes | None]:
        name = self._names.of(key, "record")
        generation, sealed = await self._line().call(lambda redis: redis.hmget(name, "generation", "sealed"))
        # A client of the user's own may have been told to decode replies.
        return (
            generation.decode(errors="replace") if isinstance(generation, bytes) else generation,
            sealed.encode() if isinstance(sealed, str) else sealed,
        )

    async def _set_aside(self, key: str, sealed: bytes) -> None:
        record, damaged = self._names.of(key, "record"), self._names.of(key, "damaged")
        logger.warning("A damaged record in Redis at %s was renamed to %s; a new login follows.", self._place, damaged)
        milliseconds = round(DAMAGED_TTL * 1000)
        await self._line().call(lambda redis: redis.eval(SET_ASIDE, 2, record, damaged, sealed, milliseconds))

    def _milliseconds_to_live(self, record: Record) -> int:
        if self._ttl is None:
            return 0
        kept_alone = record.token is not None and record.token.refresh_token is not None
        return max(1, round(1000 * (max(self._ttl, REFRESH_TOKEN_TTL) if kept_alone else self._ttl)))


def _able(client: Any) -> Any:
    if hasattr(client, "pubsub"):
        return client
    raise ConfigurationError(
        "The client of this version of redis-py for clusters on asyncio can't subscribe to channels.",
        hint='pip install --upgrade "redis>=8"',
    )


def _loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError(
        "RedisStore works on asyncio (and uvloop) only: redis-py knows no other event loop.",
        hint="On trio, use FileStore, or run the part that needs Redis on asyncio.",
    )
