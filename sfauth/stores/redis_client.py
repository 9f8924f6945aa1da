"""From a URL to a client of redis-py: one server, a primary behind Sentinels, or a cluster."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import anyio
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import ConnectionPool, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ConstantBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import RedisError

from ..errors import ConfigurationError
from .redis_errors import NoPassword

__all__ = ["MAX_CONNECTIONS", "Address", "Password", "parse_address"]

Password: TypeAlias = "str | Path | Callable[[], str | Awaitable[str]]"
"""A password, a file that holds one, or an (async) callable; the latter two are asked for each new connection."""

MAX_CONNECTIONS = 16
"""Commands in flight at once per event loop, unless the URL says ``?max_connections=``."""

_SCHEMES = {
    "redis": ("redis", "server"),
    "rediss": ("rediss", "server"),
    "unix": ("unix", "server"),
    "redis+sentinel": ("redis", "sentinel"),
    "rediss+sentinel": ("rediss", "sentinel"),
    "redis+cluster": ("redis", "cluster"),
    "rediss+cluster": ("rediss", "cluster"),
}
_PORTS = {"server": 6379, "sentinel": 26379, "cluster": 6379}

_HINT = (
    "It looks like redis://user:password@host:6379/0, rediss:// for TLS, unix:///path/to/socket,"
    " redis+sentinel://host1,host2/name-of-primary or redis+cluster://host1,host2."
    " Special characters in the password are written as %XX (urllib.parse.quote)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where Redis is, and how to talk to it.

    Attributes:
        place: The URL without credentials and options, for people.
        kind: ``server``, ``sentinel`` or ``cluster``.
        nodes: Host and port of servers or Sentinels.
        service: What the Sentinels call the primary.
        max_connections: Commands in flight at once per event loop.
        options: For redis-py's connections; they hold the password.
        sentinel_options: The same for those to Sentinels.
    """

    place: str
    kind: str
    nodes: tuple[tuple[str, int], ...]
    service: str
    max_connections: int
    options: dict[str, Any] = field(repr=False)
    sentinel_options: dict[str, Any] = field(repr=False)

    def connect(self) -> Any:
        """A new client, which connects when it is first used, and must be closed.

        Raises:
            ConfigurationError: redis-py doesn't know an option of the URL.
        """
        try:
            return self._client()
        except (TypeError, ValueError, RedisError):
            pass
        # Outside of the except block: that error may hold an option's value.
        raise ConfigurationError(
            f"redis-py doesn't take the options in the URL of {self.place}.",
            hint="Check what follows the question mark; the options are those of redis-py's from_url().",
        )

    def _client(self) -> Any:
        # A second try at once: most failures are idle connections that a restart or a firewall has cut.
        retry = Retry(ConstantBackoff(0.05), 1)
        # One more for the listener, and some that are being closed after a cancelled command.
        options = {**self.options, "retry": retry, "max_connections": self.max_connections + 4}
        if self.kind == "cluster":
            nodes = [ClusterNode(*node) for node in self.nodes]
            # 0: learn slot by slot where it went. By default redis-py closes all connections at each fifth MOVED, also
            # those in use.
            return RedisCluster(startup_nodes=nodes, reinitialize_steps=0, **options)
        client: Any
        if self.kind == "sentinel":
            sentinel: Any = Sentinel  # redis-py forgot its types
            sentinels = sentinel(self.nodes, sentinel_kwargs={**self.sentinel_options, "retry": retry}, **options)
            client = sentinels.master_for(self.service)
        else:
            client = Redis.from_pool(ConnectionPool(**options))
        client.connection_pool.make_connection()  # raises for options that no connection takes
        return client


def parse_address(url: str, *, username: str | None, password: Password | None, socket_timeout: float) -> Address:
    """Read a URL.

    Raises:
        ConfigurationError: It is none that the store understands; the message doesn't repeat it.
    """
    try:
        return _parse(url, username, password, socket_timeout)
    except (LookupError, ValueError, AttributeError):
        pass
    raise ConfigurationError("The URL of Redis can't be read.", hint=_HINT)  # not chained: a piece of it may be secret


def _parse(url: str, username: str | None, password: Password | None, socket_timeout: float) -> Address:
    split = urlsplit(url.strip())
    # valkey-py's names for the same things.
    scheme, kind = _SCHEMES[split.scheme.replace("valkeys", "rediss").replace("valkey", "redis")]
    credentials, _, hosts = split.netloc.rpartition("@")
    names = [] if scheme == "unix" else hosts.split(",")
    nodes = tuple(_node(name, _PORTS[kind]) for name in names)
    service, path = "", split.path
    if kind == "sentinel":
        _, service, *database = unquote(split.path).split("/")
        path = f"/{database[0]}" if database and database[0] else ""
        if not service:
            raise ValueError("no name of the primary")
    elif kind == "cluster" and path.strip("/") not in ("", "0"):
        raise ValueError("a cluster has no databases")
    if path.strip("/") and scheme != "unix" and not path.strip("/").isdecimal():
        raise ValueError("no number of a database")  # redis-py would use database 0 without a word

    one = f"{credentials}@{names[0]}" if credentials and names else (names[0] if names else split.netloc)
    given: dict[str, Any] = {**parse_url(urlunsplit(SplitResult(scheme, one, path, split.query, "")))}
    limit = int(given.pop("max_connections", MAX_CONNECTIONS))
    if limit < 1:
        raise ValueError("no connections")
    options = {"protocol": 2, "socket_timeout": socket_timeout, "socket_connect_timeout": socket_timeout, **given}
    if scheme != "unix":
        options.setdefault("socket_keepalive", True)
    _take_credentials(options, username, password)
    to_sentinels = {
        name.removeprefix("sentinel_"): options.pop(name)
        for name in ("sentinel_username", "sentinel_password")
        if name in options
    }
    if kind != "server":
        for name in ("host", "port"):
            options.pop(name, None)
        if options.pop("connection_class", None) is SSLConnection:
            options["ssl"] = True
        to_sentinels |= {name: value for name, value in options.items() if name.startswith(("ssl", "socket_"))}
    where = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in nodes)
    return Address(
        place=f"{split.scheme}://{where}{split.path}",
        kind=kind,
        nodes=nodes,
        service=service,
        max_connections=limit,
        options=options,
        sentinel_options=to_sentinels,
    )


def _node(text: str, port: int) -> tuple[str, int]:
    split = urlsplit(f"//{text}")
    return unquote(split.hostname or "localhost"), split.port or port


def _take_credentials(options: dict[str, Any], username: str | None, password: Password | None) -> None:
    if username is not None:
        options["username"] = username
    if password is None:
        return
    if not isinstance(password, (str, Path)) and not callable(password):
        raise ConfigurationError(f"The password of Redis is a str, Path or callable, not {type(password).__name__}.")
    options.pop("password", None)
    options["credential_provider"] = _Credentials(options.pop("username", None), password)


class _Credentials(CredentialProvider):
    """Reads the password for each connection, so that a rotated one is used from then on."""

    def __init__(self, username: str | None, password: Password) -> None:
        self._username = username
        self._password = password

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        password = await self._read()
        return (password,) if not self._username else (self._username, password)

    async def _read(self) -> str:
        source: Any = self._password
        try:
            if isinstance(source, Path):
                return (await anyio.Path(source).read_text()).strip()
            value = source() if callable(source) else source
            if inspect.isawaitable(value):
                value = await value
        except Exception as problem:  # noqa: BLE001 - whatever a vault's client raises
            raise NoPassword(f"the password for it can't be read ({type(problem).__name__})") from None
        if not isinstance(value, str):
            raise NoPassword(f"the password for it is no text, but {type(value).__name__}")
        return value
