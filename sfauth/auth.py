"""Signs httpx requests with a source's token, and replays one once when its session turns out to be over."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Literal, TypeAlias

import httpx

from .errors import ConfigurationError, UntrustedHostError
from .expiry import BODY_LIMIT, Api, api_of, is_session_expired, worth_reading
from .source import TokenSource
from .token import Token

__all__ = ["ANY_INSTANCE", "OtherOrigins", "SalesforceAuth"]

ANY_INSTANCE = httpx.URL("https://instance.sfauth.invalid/")
"""Stands for "wherever the org is" in a request that is built before the first token (RFC 2606: never resolves)."""

OtherOrigins: TypeAlias = Literal["refuse", "anonymous"]
"""What becomes of a request to a host that is not the org's own: an error, or sent without the token."""


class SalesforceAuth(httpx.Auth):
    """``auth=`` for an `httpx.AsyncClient` of your own; clients from `TokenManager.client` have it built in.

    - The bearer goes only to the org's own origins: its instance, its My Domain or site, and
      ``https://api.salesforce.com`` where the token is for it.
    - A request to an address at which the org used to be goes to where it is now.
    - When an API says that the session is over, the request is sent once more with a new token, unless its body is a
      stream that is gone; then the caller gets the answer as it came, and the next request works.
    - Bulk API 1.0 (``/services/async/``) gets its ``X-SFDC-Session`` header. httpx takes ``Authorization`` off when a
      redirect leads to another host, but neither this one nor the session in a SOAP body: don't follow redirects there.

    Args:
        source: From `TokenManager.source`.
        other_origins: ``"refuse"`` (an `UntrustedHostError`) or ``"anonymous"`` (sent without the token).
    """

    def __init__(self, source: TokenSource, *, other_origins: OtherOrigins = "refuse") -> None:
        self._source = source
        self._other_origins = other_origins
        self._bound: Token | None = None
        self._authorization = ""
        self._prefix = _ANYWHERE
        self._instance = ANY_INSTANCE
        self._own: frozenset[_Origin] = frozenset()
        self._movable: frozenset[_Origin] = frozenset()

    def instance(self) -> httpx.URL:
        """Where the org's APIs are now, with a trailing slash; a stand-in before the first token."""
        token = self._source.current
        if token is None:
            return ANY_INSTANCE
        if token is not self._bound:
            self._bind(token)
        return self._instance

    def prefix(self) -> str:
        """`instance` as text without the slash at its end, to put a path behind."""
        return _ANYWHERE if self.instance() is ANY_INSTANCE else self._prefix

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        raise RuntimeError("SalesforceAuth awaits tokens: use it with httpx.AsyncClient, not with httpx.Client.")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        source = self._source
        token = source.fresh() or await source.acquire()
        # No await between getting a token and reading its generation: they belong together.
        generation = source.generation
        api = api_of(request.url.path)
        if not self._sign(request, token, api):
            yield request
            return
        response = yield request
        if response.status_code < 400:
            if source.accepted < generation:
                source.accepted = generation
            return
        if not await _session_is_over(response, request, api):
            self._accept(response, generation)
            return
        sent = _session_in_body(request, api) or token.access_token
        if sent == token.access_token:
            source.reject(generation, status=response.status_code)
        if not _replayable(request):
            return
        newer = await source.acquire()
        generation = source.generation
        again = _with_session(request, sent, newer.access_token) if api is Api.SOAP else request
        self._sign(again, newer, api)
        response = yield again
        if await _session_is_over(response, again, api):
            source.reject(generation, status=response.status_code)
        else:
            self._accept(response, generation)

    def _accept(self, response: httpx.Response, generation: int) -> None:
        # Whatever else is wrong, the token was good enough for an answer other than 401.
        if response.status_code != 401 and self._source.accepted < generation:
            self._source.accepted = generation

    def _sign(self, request: httpx.Request, token: Token, api: Api) -> bool:
        if token is not self._bound:
            self._bind(token)
        origin = _origin(request.url)
        if origin in self._movable:
            _move(request, self._instance)
        elif origin not in self._own:
            if self._other_origins == "anonymous":
                _unsign(request)
                return False
            raise UntrustedHostError(
                f"{request.url.host} is not a host of this org: its token is not sent there.",
                org=self._source.key,
                hint="Give a relative URL (/services/data/...). To call other hosts without the token through this"
                " client, make it with other_origins='anonymous'.",
            )
        if api is Api.SOAP and token.is_jwt:
            raise ConfigurationError(
                "Salesforce's SOAP APIs don't take JWT-based access tokens, and a new one would not help.",
                org=self._source.key,
                hint="Use the REST API, or turn off 'Issue JWT-based access tokens' in the app's settings.",
            )
        if api is Api.BULK:
            request.headers["X-SFDC-Session"] = token.access_token
            request.extensions[_SIGNED] = "X-SFDC-Session"
        else:
            request.headers["Authorization"] = self._authorization
            request.extensions[_SIGNED] = "Authorization"
        return True

    def _bind(self, token: Token) -> None:
        source = self._source
        # A reply without instance_url (a few flows have none) leaves the login host: a My Domain or site.
        self._instance = httpx.URL((token.instance_url or source.org.url) + "/")
        self._prefix = str(self._instance).rstrip("/")
        self._authorization = f"{token.token_type} {token.access_token}"
        own = [str(self._instance), token.api_instance_url]
        if not source.org.is_login_host:
            own.append(source.org.url)
        if token.site_url is not None and source.org.allows_instance(token.site_url):
            own.append(token.site_url)
        self._own = frozenset(_origin(httpx.URL(url)) for url in own if url)
        former = {_origin(httpx.URL(url)) for url in source.former_instances}
        self._movable = frozenset({_origin(ANY_INSTANCE), *former}) - {_origin(self._instance)}
        self._bound = token


_ANYWHERE = str(ANY_INSTANCE).rstrip("/")
_CARRIERS = ("Authorization", "X-SFDC-Session")
_SIGNED = "sfauth"  # the request extension that names the header that was put on
_SESSION_ID = re.compile(rb"<(?:[\w.-]+:)?sessionId[^>]*>\s*(00D[^<\s]+)\s*</")

_Origin: TypeAlias = tuple[str, str, int | None]


def _origin(url: httpx.URL) -> _Origin:
    return url.scheme, url.host, url.port


def _move(request: httpx.Request, instance: httpx.URL) -> None:
    prefix = instance.raw_path.rstrip(b"/") if _origin(request.url) == _origin(ANY_INSTANCE) else b""
    request.url = instance.copy_with(raw_path=prefix + request.url.raw_path)
    request.headers["Host"] = instance.netloc.decode("ascii")


def _unsign(request: httpx.Request) -> None:
    """Take off what was put on for the org: a redirect that is followed by hand carries it along."""
    name = request.extensions.pop(_SIGNED, None)
    if name is not None:
        request.headers.pop(name, None)


async def _session_is_over(response: httpx.Response, request: httpx.Request, api: Api) -> bool:
    if not worth_reading(api, response.status_code):
        return False
    # After a redirect to another host the answer is a stranger's, who got no token: it says nothing about ours.
    last = response.request if response.history else request
    if last is not request and not any(name in last.headers for name in _CARRIERS):
        return False
    return is_session_expired(api, response.status_code, await _beginning(response))


def _replayable(request: httpx.Request) -> bool:
    try:
        return isinstance(request.content, bytes)
    except httpx.RequestNotRead:
        # A stream is gone, and may have been gigabytes. A form with files is made anew, if they can be read again.
        fields = getattr(request.stream, "fields", None)
        files = [getattr(field, "file", b"") for field in fields or ()]
        return fields is not None and all(isinstance(file, str | bytes) or _seekable(file) for file in files)


def _seekable(file: object) -> bool:
    seekable = getattr(file, "seekable", None)
    return bool(seekable is not None and seekable())


def _session_in_body(request: httpx.Request, api: Api) -> str | None:
    """The session that a SOAP envelope names. It may be an older one: envelopes are built first and sent later."""
    if api is not Api.SOAP:
        return None
    try:
        found = _SESSION_ID.search(request.content)
    except httpx.RequestNotRead:
        return None
    return found[1].decode("ascii", "replace") if found else None


def _with_session(request: httpx.Request, old: str, new: str) -> httpx.Request:
    try:
        body = request.content.replace(old.encode(), new.encode())
        if body == request.content:
            return request
    except httpx.RequestNotRead:  # a form with files
        return request
    headers = [(name, value) for name, value in request.headers.multi_items() if name.lower() != "content-length"]
    return httpx.Request(request.method, request.url, headers=headers, content=body, extensions=request.extensions)


async def _beginning(response: httpx.Response) -> bytes:
    """The first bytes of the body, decoded. The response stays as unread as it was."""
    if response.is_stream_consumed:
        return response.content[:BODY_LIMIT]
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    rest = aiter(stream)
    read = bytearray()
    async for chunk in rest:
        read += chunk
        if len(read) >= BODY_LIMIT:
            break
    response.stream = _Reread(bytes(read), rest, stream)
    coding = response.headers.get("content-encoding")
    if coding is None:
        return bytes(read)
    try:
        return httpx.Response(200, headers={"content-encoding": coding}, content=bytes(read)).content
    except httpx.DecodingError:  # cut off by the limit, or not what it says it is
        return bytes(read)


class _Reread(httpx.AsyncByteStream):
    """A stream of which the beginning was read ahead."""

    def __init__(self, read: bytes, rest: AsyncIterator[bytes], stream: httpx.AsyncByteStream) -> None:
        self._read = read
        self._rest = rest
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._read:
            yield self._read
        async for chunk in self._rest:
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
