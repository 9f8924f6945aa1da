"""The connection pools that all orgs of a manager share."""

from __future__ import annotations

import ssl
import urllib.request
from typing import Any

import httpx

__all__ = ["DEFAULT_LIMITS", "SharedTransport", "make_transport"]

DEFAULT_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30.0)
"""Over all orgs of a manager. Many more don't make httpx faster: its pool looks at every connection each time."""


class SharedTransport(httpx.AsyncBaseTransport):
    """Somebody else's transport: closing this leaves that open."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        # The bound method itself, so that sharing costs no frame per request.
        self.handle_async_request = transport.handle_async_request  # type: ignore[method-assign]

    async def aclose(self) -> None:
        """Nothing: the owner closes it."""


def make_transport(
    *,
    verify: ssl.SSLContext | str | bool = True,
    http2: bool = False,
    limits: httpx.Limits = DEFAULT_LIMITS,
    proxy: httpx.Proxy | str | None = None,
) -> httpx.AsyncBaseTransport:
    """A pool. Without ``proxy``, the usual environment variables (HTTPS_PROXY, NO_PROXY, …) count, as for httpx."""
    options: dict[str, Any] = {"verify": verify, "http2": http2, "limits": limits}
    if proxy is not None:
        return httpx.AsyncHTTPTransport(proxy=proxy, **options)
    direct = httpx.AsyncHTTPTransport(**options)
    proxies = {scheme: url for scheme, url in urllib.request.getproxies().items() if scheme in ("http", "https", "all")}
    if not proxies:
        return direct
    routes = {scheme: httpx.AsyncHTTPTransport(proxy=_with_scheme(url), **options) for scheme, url in proxies.items()}
    return _EnvironmentProxies(direct, routes)


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"


class _EnvironmentProxies(httpx.AsyncBaseTransport):
    """httpx reads these variables in its client, for each client anew; a shared transport has to do it itself."""

    def __init__(self, direct: httpx.AsyncBaseTransport, routes: dict[str, httpx.AsyncHTTPTransport]) -> None:
        self._direct = direct
        self._routes = routes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        route = self._routes.get(request.url.scheme) or self._routes.get("all")
        if route is None or urllib.request.proxy_bypass(request.url.netloc.decode()):
            return await self._direct.handle_async_request(request)
        return await route.handle_async_request(request)

    async def aclose(self) -> None:
        for transport in (self._direct, *self._routes.values()):
            await transport.aclose()
