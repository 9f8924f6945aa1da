"""An `httpx.AsyncClient` whose relative URLs go to wherever the org is when the request is sent."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, NoReturn

import httpx

from ..auth import OtherOrigins, SalesforceAuth
from ..expiry import Api, api_of
from ..source import TokenSource
from .transport import SharedTransport

__all__ = ["DEFAULT_TIMEOUT", "SalesforceClient"]

DEFAULT_TIMEOUT = httpx.Timeout(60.0, connect=10.0, pool=None)
"""Salesforce may think for long; and a crawler with more tasks than connections wants them to queue, not to fail."""

_OWN_TRANSPORT = frozenset({"transport", "mounts", "http1", "http2", "limits", "proxy", "verify", "cert", "trust_env"})


class SalesforceClient(httpx.AsyncClient):
    """Made by `TokenManager.client`. It takes what `httpx.AsyncClient` takes, but ``auth`` and ``base_url``.

    Closing it closes nothing that other clients use: transport and TLS context belong to the manager. Given
    ``transport``, ``http2``, ``limits``, ``proxy`` or whatever else shapes a transport, it has one of its own.
    """

    def __init__(
        self,
        source: TokenSource,
        *,
        shared: httpx.AsyncBaseTransport,
        other_origins: OtherOrigins = "refuse",
        **options: Any,
    ) -> None:
        for name in ("auth", "base_url"):
            if name in options:
                raise TypeError(
                    f"{name} is what this client is there for; make an httpx.AsyncClient with SalesforceAuth"
                )
        # Before httpx's __init__, which may read base_url.
        self._salesforce = SalesforceAuth(source, other_origins=other_origins)
        options.setdefault("timeout", DEFAULT_TIMEOUT)
        if _OWN_TRANSPORT.isdisjoint(options):
            options["transport"] = SharedTransport(shared)
        super().__init__(auth=self._salesforce, **options)

    @property
    def base_url(self) -> httpx.URL:
        """The org's newest ``instance_url``; a stand-in that is replaced at send time before the first token."""
        return self._salesforce.instance()

    @base_url.setter
    def base_url(self, url: object) -> NoReturn:
        raise AttributeError("base_url follows the org's instance_url; give absolute URLs for anything else.")

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        # What base_url would do, joined as text: httpx then parses one URL instead of three. A path that begins with
        # two slashes names another host, so it takes httpx's own way.
        if type(url) is str and url[:1] == "/" and url[1:2] != "/":
            url = self._salesforce.prefix() + url
        return super().build_request(method, url, **options)

    def send(self, request: httpx.Request, **options: Any) -> Coroutine[Any, Any, httpx.Response]:
        if api_of(request.url.path) in (Api.BULK, Api.SOAP):
            # httpx takes Authorization off when a redirect leads to another host, but not X-SFDC-Session, nor the
            # session out of a SOAP body.
            options["follow_redirects"] = False
        return super().send(request, **options)
