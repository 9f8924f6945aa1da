"""The authorization server over HTTP. Every method here goes to the network."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from random import Random
from typing import TypeVar, cast
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx

from .clock import Clock
from .errors import ConfigurationError, ProtocolError, SfauthError, TryLaterError
from .grants.base import Grant, TokenRequest
from .introspection import Introspection
from .org import Org
from .token import Token
from .wire import Answer, check_revocation, read_introspection, read_token, scrub

__all__ = ["TokenEndpoint"]

_T = TypeVar("_T")

MAX_ANSWER = 1024 * 1024
"""Bytes. A token reply has a few kilobytes; more than this is no token reply."""

SKEW_WORTH_A_RETRY = 60.0
"""Seconds by which this machine's clock must be off for a failed assertion to be signed and sent again."""

HEADERS = {"Accept": "application/json"}


class TokenEndpoint:
    """Sends grants and tokens to Salesforce's OAuth endpoints and reads the answers.

    It keeps one thing in mind: `skew`, by how many seconds the server's clock is ahead of this machine's, read from
    each answer's ``Date``. Assertions are dated with it, so a machine whose clock is wrong can log in all the same.

    Args:
        http: A client without auth and base URL. Redirects are never followed, whatever it is set to.
        clock: For the time at which assertions are dated.
        random: For assertion ids; any `random.Random`.
    """

    def __init__(self, http: httpx.AsyncClient, *, clock: Clock, random: Random) -> None:
        self._http = http
        self._clock = clock
        self._random = random
        self.skew = 0.0

    def server_now(self) -> float:
        """Unix seconds on the server's clock, as far as known."""
        return self._clock.wall() + self.skew

    async def fetch(self, grant: Grant, org: Org) -> Token:
        """Redeem a grant whose secrets are resolved.

        A reply without a refresh token keeps the one that was sent (RFC 6749 section 6).

        Raises:
            SfauthError: Of the class that says what to do.
        """
        grant.check(org)
        dated = self.skew
        try:
            return await self._fetch(grant, org)
        except SfauthError as error:
            # An assertion dated by a wrong clock fails as a bare invalid_grant; only the answer's Date tells why.
            misdated = abs(self.skew - dated) >= SKEW_WORTH_A_RETRY
            if not (grant.signs and error.error in _UNTIMELY and misdated):
                raise self._mentioning_clock(error, grant) from None
        try:
            return await self._fetch(grant, org)
        except SfauthError as error:
            raise self._mentioning_clock(error, grant) from None

    async def introspect(self, token: str, grant: Grant, org: Org, *, host: str | None = None) -> Introspection | None:
        """Ask what Salesforce knows of a token (RFC 7662); None when this client has no way to prove itself.

        Args:
            token: An access or refresh token.
            grant: Whose client asks; resolved.
            org: Where to ask.
            host: Origin to ask instead of the org's login URL: the token's own instance.
        """
        url = f"{host}/services/oauth2/introspect" if host else org.introspect_url
        proof = await self._signed(
            grant.signs, partial(grant.client_authentication, org, audience=url, now=self.server_now(), jti=self._jti())
        )
        if proof is None:
            return None
        answer = await self.post(org, url, {"token": token, **proof.form}, proof.headers)
        return read_introspection(answer, now=self.server_now(), secrets=(token, *_secret_values(grant, proof)))

    async def revoke(self, token: str, org: Org) -> None:
        """Revoke an access or refresh token (RFC 7009). One that is already invalid is no error."""
        answer = await self.post(org, org.revoke_url, {"token": token}, {})
        check_revocation(answer, now=self.server_now(), secrets=(token,))

    async def _fetch(self, grant: Grant, org: Org) -> Token:
        make = partial(grant.request, org, now=self.server_now(), jti=self._jti())
        request = await self._signed(grant.signs, make)
        answer = await self.post(org, org.token_url, request.form, request.headers)
        token = read_token(
            answer,
            now=self.server_now(),
            grant_type=grant.grant_type,
            secrets=_secret_values(grant, request),
        )
        self._check_addresses(org, token)
        if token.site_url is not None and not org.allows_instance(token.site_url):
            token = replace(token, site_url=None)  # a custom domain that nobody has named as trusted
        kept = request.form.get("refresh_token")
        return replace(token, refresh_token=kept) if token.refresh_token is None and kept else token

    def _mentioning_clock(self, error: SfauthError, grant: Grant) -> SfauthError:
        if grant.signs and error.error in _UNTIMELY and abs(self.skew) >= SKEW_WORTH_A_RETRY:
            side = "behind" if self.skew > 0 else "ahead of"
            clock = f"This machine's clock is {abs(self.skew):.0f} s {side} Salesforce's: set it (NTP)."
            error.hint = f"{clock} {error.hint}" if error.hint else clock
        return error

    @staticmethod
    def _check_addresses(org: Org, token: Token) -> None:
        for url in (token.instance_url, token.api_instance_url):
            if url is not None and not (org.allows_instance(url) and _is_callable(url)):
                raise ProtocolError(
                    f"The token reply sends the bearer to {urlsplit(url).hostname}, which is no Salesforce host.",
                    hint="If that is a custom domain of yours, name it: Org(..., trusted_hosts=[...]).",
                )

    @staticmethod
    async def _signed(signs: bool, make: Callable[[], _T]) -> _T:
        # About 1 ms of RSA: in a worker thread, so that 5,000 cold orgs don't stop the event loop for seconds.
        return await anyio.to_thread.run_sync(make) if signs else make()

    def _jti(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    async def post(self, org: Org, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Send a form with secrets in it; the answer, whatever its status.

        Raises:
            UntrustedHostError: ``url`` is not one that this org's secrets may go to.
            TryLaterError: No answer came.
            ProtocolError: It is too long to be one.
        """
        org.check_secret_url(url)
        sent_at = self._clock.wall()
        # Thousands of orgs log in at one host; no cookie may tie them together.
        self._http.cookies.clear()
        failure: SfauthError
        try:
            async with self._http.stream(
                "POST", url, data=dict(form), headers={**HEADERS, **headers}, auth=None, follow_redirects=False
            ) as response:
                body = await read_body(response)
        except (httpx.HTTPError, OSError) as problem:
            failure = unreachable(problem, url, form.values())
        except (httpx.InvalidURL, UnicodeError):
            failure = ConfigurationError(f"{org.url!r} is no URL that can be called.")
        else:
            return self._answer(response, body, sent_at)
        # Raised out here, without a context: an httpx error holds the request, and so the secrets in its body.
        raise failure

    def _answer(self, response: httpx.Response, body: bytes, sent_at: float) -> Answer:
        answer = Answer(response.status_code, dict(response.headers), body)
        if (date := answer.server_time) is not None:
            now = self._clock.wall()
            # Date has whole seconds and the answer took time: within that, the clocks agree.
            self.skew = 0.0 if sent_at - 2.0 <= date <= now + 1.0 else date - now
        return answer


_UNTIMELY = ("invalid_grant", "invalid_client")
"""Codes by which assertions of a wrong time are refused: as a grant, or as a client's proof (RFC 7523 section 3.2)."""

_PUBLIC = frozenset(
    "grant_type client_id client_assertion_type username redirect_uri scope subject_token_type token_handler".split()
)


def _secret_values(grant: Grant, request: TokenRequest) -> list[str]:
    """What a server's text might echo."""
    own = (getattr(grant, name) for name in grant.secrets)
    plain = [each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in own if each]
    sent = [value for name, value in request.form.items() if name not in _PUBLIC]
    return [*plain, *sent, *(value.rpartition(" ")[2] for value in request.headers.values())]


def _is_callable(url: str) -> bool:
    try:
        return bool(httpx.URL(url).host)  # which decodes it: there are hosts that only look international
    except (httpx.InvalidURL, UnicodeError):
        return False


async def read_body(response: httpx.Response) -> bytes:
    """The whole body, unless it is too long to be an answer of an OAuth endpoint."""
    body = bytearray()
    chunks = cast("AsyncGenerator[bytes]", response.aiter_bytes())  # httpx's annotation hides that it can be closed
    async with aclosing(chunks):  # or trio complains of a generator that was left open
        async for chunk in chunks:
            body += chunk
            if len(body) > MAX_ANSWER:
                raise ProtocolError(f"The answer is longer than {MAX_ANSWER} bytes.", status=response.status_code)
    return bytes(body)


def unreachable(problem: Exception, url: str, secrets: Iterable[str]) -> TryLaterError:
    """What a network error means to the caller; the error itself is dropped, as it holds the request."""
    kind = type(problem).__name__
    detail = scrub(str(problem), secrets)
    return TryLaterError(
        f"No answer from {urlsplit(url).hostname}: {kind}{': ' + detail if detail else ''}.",
        hint=_NETWORK_HINTS.get(kind, "Check the network between this machine and Salesforce."),
    )


_NETWORK_HINTS = {
    "ConnectError": "Check the host name (DNS), the firewall, the proxy settings and the TLS trust store.",
    "ConnectTimeout": "Check the firewall and the proxy settings: the host does not take connections.",
    "ReadTimeout": "Salesforce took too long; nothing to change unless it goes on.",
    "PoolTimeout": "All connections are busy: raise max_connections in limits=, or send fewer requests at once.",
    "ProxyError": "Check the proxy's address and credentials.",
}
