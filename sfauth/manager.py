"""Many orgs, one manager: it owns the tasks, the timer, the connections and the store."""

from __future__ import annotations

import math
import os
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import WeakSet, WeakValueDictionary

import anyio
import httpx
from cachetools import LRUCache

from .clients.httpx import SalesforceClient
from .clients.transport import DEFAULT_LIMITS, SharedTransport, make_transport
from .clock import Clock, SystemClock
from .credentials import resolve
from .endpoint import TokenEndpoint
from .errors import ConfigurationError, UnknownOrgError
from .events import EventHook, log_event
from .grants.base import Grant
from .grants.insecure import BLOCK_ALL, InsecureFlows
from .org import Org
from .runtime import Policy, Runtime
from .source import TokenSource
from .status import OrgStatus, status_of
from .stores import MemoryStore, TokenStore

if TYPE_CHECKING:
    from .auth import OtherOrigins
    from .browser_sessions import Frontdoor
    from .identity import Identity, UserInfo
    from .introspection import Introspection
    from .token import Token

__all__ = ["TokenManager"]

TOKEN_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""For token requests, which have connections of their own: a busy crawl never holds up a login."""


class TokenManager:
    """Holds the credentials of many orgs and hands out tokens and authorised clients.

    Use it as ``async with TokenManager() as manager:``, one for each process and event loop::

        manager.add("acme", JWTBearerGrant(...), org="https://acme.my.salesforce.com")
        client = manager.client("acme")
        reply = await client.get("/services/data/v66.0/limits")

    Args:
        store: Where tokens are shared; by default in this process only.
        hook: Called with each `sfauth.events.Event`; by default it writes to the logger ``sfauth``.
        refresh_at: Share of the observed lifetime after which a refresh is due.
        jitter: Share of that time by which a refresh may be due earlier, drawn once per token.
        assumed_lifetime: Seconds a token is thought to live where nothing better is known.
        introspect: Ask Salesforce, once per org and app, how long a token lives where the reply doesn't say it.
        keep_alive: Refresh ahead of time even the orgs that nobody uses.
        retry_interval: Seconds between a failure and the next token request for that org; doubles up to
            ``retry_ceiling``.
        retry_ceiling: Seconds.
        max_token_requests: Token requests in flight at once, over all orgs.
        when_store_fails: ``"local"``: without its store, a manager goes on alone with what it knows, and catches up
            later; ``"strict"``: it makes no token request then. Living tokens are served either way.
        insecure_flows: Which insecure flows to let through; by default none.
        max_dynamic: Identities added with ``dynamic=True`` that are kept; the least recently used go first.
        transport: Used for everything, and left open; ``verify`` to ``proxy`` then mean nothing.
        verify: A TLS context, the path of a CA bundle, or True; see httpx.
        http2: Needs ``httpx[http2]``.
        limits: Of the connection pool that all orgs share.
        proxy: For everything. Without it, HTTPS_PROXY and its like count.
        timeout: Of token requests.
        clock: `sfauth.clock.Clock`; tests give a virtual one.
        random: For jitter and ids; tests give a seeded one.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    def __init__(
        self,
        *,
        store: TokenStore | None = None,
        hook: EventHook = log_event,
        refresh_at: float = 0.75,
        jitter: float = 0.1,
        assumed_lifetime: float = 7200.0,
        introspect: bool = True,
        keep_alive: bool = False,
        retry_interval: float = 1.0,
        retry_ceiling: float = 300.0,
        max_token_requests: int = 64,
        when_store_fails: Literal["local", "strict"] = "local",
        insecure_flows: InsecureFlows = BLOCK_ALL,
        max_dynamic: int = 10_000,
        transport: httpx.AsyncBaseTransport | None = None,
        verify: ssl.SSLContext | str | bool = True,
        http2: bool = False,
        limits: httpx.Limits = DEFAULT_LIMITS,
        proxy: httpx.Proxy | str | None = None,
        timeout: httpx.Timeout | float = TOKEN_TIMEOUT,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        if max_dynamic < 1:
            raise ConfigurationError("max_dynamic must be at least 1.")
        policy = Policy(
            refresh_at=refresh_at,
            jitter=jitter,
            assumed_lifetime=assumed_lifetime,
            introspect=introspect,
            keep_alive=keep_alive,
            retry_interval=retry_interval,
            retry_ceiling=retry_ceiling,
            max_token_requests=max_token_requests,
            when_store_fails=when_store_fails,
        )
        clock, random = clock or SystemClock(), random or Random()
        self._owned: list[httpx.AsyncBaseTransport] = []
        if transport is None:
            # One TLS context for both pools: making one costs more than everything else here.
            if not isinstance(verify, ssl.SSLContext):
                verify = httpx.create_ssl_context(verify=verify)
            transport = make_transport(verify=verify, http2=http2, limits=limits, proxy=proxy)
            logins = make_transport(verify=verify, http2=http2, proxy=proxy)
            self._owned = [transport, logins]
        else:
            logins = transport
        self._transport = transport
        http = httpx.AsyncClient(transport=SharedTransport(logins), timeout=timeout)
        self._private_store = MemoryStore() if store is None else None
        self._runtime = Runtime(
            clock=clock,
            random=random,
            endpoint=TokenEndpoint(http, clock=clock, random=random),
            store=store if store is not None else self._private_store or MemoryStore(),
            shared=store is not None,
            policy=policy,
            hook=hook,
        )
        self._sources: dict[str, TokenSource] = {}
        self._insecure_flows = insecure_flows
        self._max_dynamic = max_dynamic
        self._dynamic: LRUCache[str, TokenSource] = LRUCache(math.inf)
        # An evicted identity that a client still holds must come back as the same source: two sources of one identity
        # would use up each other's refresh token.
        self._evicted: WeakValueDictionary[str, TokenSource] = WeakValueDictionary()
        _managers.add(self)

    # ---------------------------------------------------------------- life

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, *, prefix: str = "SFAUTH", **options: Any) -> Self:
        """A manager with the orgs that environment variables describe (`sfauth.settings`).

        Raises:
            ConfigurationError: A variable is missing or contradicts another; it is named.
        """
        from .settings import read_environment

        return cls._with(read_environment(environ, prefix=prefix), options)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str] = "sfauth.toml", **options: Any) -> Self:
        """A manager with the orgs that a TOML file describes (`sfauth.settings`).

        Raises:
            ConfigurationError: The file can't be read, or an entry is wrong; it is named.
        """
        from .settings import read_file

        return cls._with(read_file(Path(path)), options)

    @classmethod
    def _with(cls, entries: Iterable[tuple[str, Grant, Org]], options: Mapping[str, Any]) -> Self:
        manager = cls(**options)
        for key, grant, org in entries:
            manager.add(key, grant, org=org)
        return manager

    async def __aenter__(self) -> Self:
        await self._runtime.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all tasks and close the connections. A refresh that uses up a refresh token is waited for."""
        try:
            await self._runtime.stop()
        finally:
            with anyio.CancelScope(shield=True):
                for transport in self._owned:
                    await transport.aclose()
            self._abandon_sources()

    # ---------------------------------------------------------------- orgs

    def add(
        self,
        key: str,
        grant: Grant,
        *,
        org: Org | str,
        token: Token | None = None,
        assumed_lifetime: float | None = None,
        keep_alive: bool | None = None,
        dynamic: bool = False,
    ) -> None:
        """Say how to log in to an org. No request is made until somebody asks for a token.

        Adding the same key again changes its credentials: a failure is forgotten, clients made before go on with the
        new ones. Adding the very same again does nothing.

        Args:
            key: What you call it: an org's alias, or a user's id.
            grant: What to log in with.
            org: `Org`, or what it takes: ``"https://acme.my.salesforce.com"``, ``"acme"``, ``"login"``, …
            token: One that was got just now, by a login in a browser for instance: it is used as long as it lives.
            assumed_lifetime: Seconds, instead of the manager's.
            keep_alive: Instead of the manager's: for a refresh token that dies when it is not used for a while.
            dynamic: One of many that come and go, as the users of a web service do: kept in a bounded cache, from
                which an identity is dropped after long disuse, but never during a token request.

        Raises:
            ConfigurationError: This grant can't work at this org.
            InsecureFlowError: Its flow is blocked, see ``insecure_flows``.
        """
        if not isinstance(key, str) or not key:
            raise ConfigurationError("A key is a text that is not empty.")
        if isinstance(grant, type) or not isinstance(grant, Grant):
            raise ConfigurationError(
                f"{getattr(grant, '__name__', type(grant).__name__)} is no grant.",
                org=key,
                hint="Give a JWTBearerGrant, ClientCredentialsGrant, …",
            )
        org = org if isinstance(org, Org) else Org(org)
        try:
            self._insecure_flows.check(grant.insecure)
            grant.check(org)
        except ConfigurationError as error:
            raise error.for_org(key) from None
        source = self._find(key) or self._evicted.pop(key, None)
        if source is None:
            policy = self._runtime.policy
            source = TokenSource(
                key,
                grant,
                org,
                self._runtime,
                policy.assumed_lifetime,
                policy.keep_alive,
            )
        elif (source.grant, source.org) != (grant, org):
            source.replace(grant, org)
        if assumed_lifetime is not None:
            source.assumed_lifetime = assumed_lifetime
        if keep_alive is not None:
            source.keep_alive = keep_alive
        if token is not None:
            source.adopt(token)
        if not dynamic:
            self._dynamic.pop(key, None)
            self._sources[key] = source
        elif key not in self._sources:
            self._dynamic[key] = source
            self._evict(but=key)

    def remove(self, key: str) -> None:
        """Forget an org. Its token stays valid at Salesforce (see `revoke`) and in a shared store."""
        source = self._known(key)
        self._sources.pop(key, None)
        self._dynamic.pop(key, None)
        self._evicted.pop(key, None)
        self._forget(source)
        source.abandon()

    def __contains__(self, key: object) -> bool:
        return key in self._sources or key in self._dynamic

    def __len__(self) -> int:
        return len(self._sources) + len(self._dynamic)

    # ---------------------------------------------------------------- tokens and clients

    async def token(self, key: str) -> Token:
        """The org's current token; a new one where there is none that lives.

        Raises:
            UnknownOrgError: Nobody added this key.
            SfauthError: No token is to be had.
        """
        source = self._sources.get(key)
        if source is None:
            source = self._known(key)
        # source.fresh(), spelt out: this is the warm path.
        now = self._runtime.elapsed()
        if now < source.due:
            source.last_used = now
            return source.current  # type: ignore[return-value]  # the invariant of `due`
        return await source.acquire()

    def client(self, key: str, *, other_origins: OtherOrigins = "refuse", **options: Any) -> SalesforceClient:
        """An `httpx.AsyncClient` that is always authorised and always talks to the org's newest ``instance_url``.

        It is cheap: make one and keep it, or one per request. It works as long as the manager is open.

        Args:
            key: The org.
            other_origins: What to do with a URL of another host: ``"refuse"`` it, or send it ``"anonymous"``.
            options: What `httpx.AsyncClient` takes. ``transport``, ``http2``, ``limits``, ``proxy``, ``verify`` and
                their like give this client a connection pool of its own.
        """
        return SalesforceClient(self._known(key), shared=self._transport, other_origins=other_origins, **options)

    def source(self, key: str) -> TokenSource:
        """What `SalesforceAuth` and adapters for other HTTP clients build on."""
        return self._known(key)

    async def refresh(self, key: str) -> Token:
        """A new token, whatever the old one is worth."""
        return await self._known(key).refresh()

    def invalidate(self, key: str) -> None:
        """Forget the org's token here; it stays valid at Salesforce."""
        self._known(key).invalidate()

    def reset(self, key: str) -> None:
        """Forget a remembered failure, after the cause was mended in Salesforce Setup."""
        self._known(key).reset()

    async def revoke(self, key: str) -> None:
        """Revoke the org's token at Salesforce: with a refresh token, that and all its access tokens.

        Other processes that use the same session or refresh token lose it, too.
        """
        await self._known(key).revoke()

    def status(self) -> dict[str, OrgStatus]:
        """A snapshot of every org, without a secret in it."""
        runtime = self._runtime
        now, server_now = runtime.elapsed(), runtime.endpoint.server_now()
        return {
            source.key: status_of(source, now=now, server_now=server_now, unsaved=source.store_key in runtime.unsaved)
            for source in self._every_source()
        }

    async def introspect(self, key: str) -> Introspection | None:
        """What Salesforce knows of the org's token (RFC 7662); None when the grant's client can't prove itself."""
        source = self._known(key)
        token, grant = await source.acquire(), await resolve(source.grant)
        return await self._runtime.endpoint.introspect(token.access_token, grant, source.org, host=token.instance_url)

    async def userinfo(self, key: str) -> UserInfo:
        """Who the org's token acts for (OpenID Connect Core section 5.3)."""
        from .asking import userinfo

        async with self.client(key) as client:
            return await userinfo(client)

    async def identity(self, key: str) -> Identity:
        """What the token's identity URL says about the user."""
        from .asking import identity

        token = await self.token(key)
        async with self.client(key) as client:
            return await identity(client, token.identity_url or "")

    async def single_access(self, key: str, *, path: str | None = None) -> Frontdoor:
        """A one-time URL that opens the org's UI in a browser, at ``path`` if given."""
        from .asking import single_access

        token = await self.token(key)
        async with self.client(key) as client:
            return await single_access(client, token, path=path)

    # ---------------------------------------------------------------- inside

    def _find(self, key: str) -> TokenSource | None:
        source = self._sources.get(key)
        return self._dynamic.get(key) if source is None else source

    def _known(self, key: str) -> TokenSource:
        source = self._find(key)
        if source is None:
            raise UnknownOrgError(
                "Nobody has added this key to the manager.",
                org=str(key),
                hint="Call manager.add(key, grant, org=...) first. A dynamic key may have been dropped: add it again"
                " before each use, which costs nothing when it is still there.",
            )
        return source

    def _every_source(self) -> list[TokenSource]:
        return [*self._sources.values(), *self._dynamic.values()]

    def _abandon_sources(self) -> None:
        for source in [*self._every_source(), *self._evicted.values()]:
            source.abandon()

    def _evict(self, *, but: str) -> None:
        busy: dict[str, TokenSource] = {}
        while self._dynamic and len(self._dynamic) + len(busy) > self._max_dynamic:
            key, source = self._dynamic.popitem()
            if source.flight is not None or key == but:
                busy[key] = source
                continue
            self._evicted[key] = source
            self._forget(source)
        self._dynamic.update(busy)

    def _forget(self, source: TokenSource) -> None:
        # What the private store keeps goes, too, but for a refresh token that exists nowhere else.
        if self._private_store is not None and source.store_key is not None:
            given = getattr(source.grant, "refresh_token", None)
            self._private_store.discard(source.store_key, unless_rotated_from=given)

    def abandon(self) -> None:
        """In a forked child: use nothing of the parent's."""
        self._runtime.background.forget()
        self._runtime.timer.clear()
        self._runtime.unsaved.clear()
        self._abandon_sources()


_managers: WeakSet[TokenManager] = WeakSet()


def _after_fork() -> None:
    for manager in list(_managers):
        manager.abandon()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none
    os.register_at_fork(after_in_child=_after_fork)
