"""The half of discovery, key sets, userinfo, identity and single access that talks to Salesforce.

Where a bearer is needed, give a client that has it: one from ``TokenManager.client(key)``, which also gets a new token
when the old one turns out to be dead, or an `httpx.AsyncClient` whose base URL is the token's ``instance_url`` and
whose headers have its ``Authorization``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from .access_tokens import SigningKeys
from .bearer_answers import read_object
from .browser_sessions import Frontdoor, relative_path, session_for_ui, single_access_url
from .clock import Clock, SystemClock
from .discovery import Discovery
from .endpoint import HEADERS, read_body, unreachable
from .errors import ConfigurationError, ProtocolError, SfauthError
from .identity import Identity, UserInfo, identity_path
from .org import Org
from .token import Token
from .wire import Answer

__all__ = ["discover", "identity", "signing_keys", "single_access", "userinfo"]


async def userinfo(client: httpx.AsyncClient, *, subject: str | None = None, clock: Clock | None = None) -> UserInfo:
    """Who the client's token acts for. Needs one of the scopes ``openid``, ``id``, ``api``, ``full``.

    Args:
        client: With the bearer.
        subject: The ``sub`` of an id token that came with the token: the answer has to be about the same user (OpenID
            Connect Core section 5.3.2).
        clock: For ``Retry-After`` as a date.

    Raises:
        SfauthError: Of the class that says what to do.
    """
    answer = await _ask(client, "GET", "/services/oauth2/userinfo")
    try:
        found = UserInfo.from_response(_object(answer, clock))
    except ValueError as problem:
        raise ProtocolError(f"The userinfo answer is unusable: {problem}.", status=answer.status) from None
    if subject is not None and found.subject != subject:
        raise ProtocolError("The userinfo answer is about another user than the id token.", status=answer.status)
    return found


async def identity(
    client: httpx.AsyncClient, identity_url: str, *, version: str | None = None, clock: Clock | None = None
) -> Identity:
    """What the identity URL says of its user. Only its path counts: it is asked at the client's own instance.

    Args:
        client: With the bearer.
        identity_url: `Token.identity_url`.
        version: An API version such as ``"66.0"``, or ``"latest"``, to be filled into the URLs in the answer.
        clock: For ``Retry-After`` as a date.

    Raises:
        SfauthError: Of the class that says what to do. A redirect is one: the bearer isn't sent after it.
    """
    params = {"format": "json", **({} if version is None else {"version": version})}
    answer = await _ask(client, "GET", identity_path(identity_url), params=params)
    try:
        return Identity.from_response(_object(answer, clock))
    except ValueError as problem:
        raise ProtocolError(f"The identity answer is unusable: {problem}.", status=answer.status) from None


async def single_access(
    client: httpx.AsyncClient, token: Token, *, path: str | None = None, clock: Clock | None = None
) -> Frontdoor:
    """A URL that logs a browser in as the token's user: once, and within about a minute.

    The token needs the scope ``web`` or ``full``.

    Args:
        client: With the bearer.
        token: The client's token: tells whether it can open a browser session at all.
        path: Where the browser goes then: a path of the same host, such as ``/lightning/page/home``.
        clock: For ``Retry-After`` as a date.

    Raises:
        ConfigurationError: The token is JWT-based, or the path leads away. Nothing was sent.
        SfauthError: Of the class that says what to do.
    """
    session = session_for_ui(token)
    form = {} if path is None else {"redirect_uri": relative_path(path)}
    options: dict[str, Any] = {"data": form}
    if session != token.access_token:
        options |= {"auth": None, "headers": {"Authorization": f"Bearer {session}"}}
    answer, asked = await _ask_where(client, "POST", single_access_url(token), **options)
    return Frontdoor.from_response(_object(answer, clock, session), asked=asked)


async def discover(http: httpx.AsyncClient, org: Org, *, clock: Clock | None = None) -> Discovery:
    """The org's discovery document.

    Args:
        http: Any client; nothing secret is sent, and none of its credentials.
        org: Whose. It may not speak for another issuer, nor send secrets to hosts that the org doesn't trust.
        clock: For ``Retry-After`` as a date.

    Raises:
        SfauthError: Of the class that says what to do.
    """
    answer = await _ask(http, "GET", org.discovery_url, auth=None)
    try:
        return Discovery.from_response(_object(answer, clock), org=org)
    except ValueError as problem:
        raise ProtocolError(
            f"The discovery document is unusable: {problem}.",
            status=answer.status,
            hint="Give the org's My Domain, or the site with its path.",
        ) from None


async def signing_keys(http: httpx.AsyncClient, org: Org, *, clock: Clock | None = None) -> SigningKeys:
    """The keys that verify what the org has signed, fetched now; `sfauth.validation.KeySets` keeps them.

    Raises:
        SfauthError: Of the class that says what to do.
    """
    answer = await _ask(http, "GET", org.jwks_url, auth=None)
    try:
        return SigningKeys.from_jwks(_object(answer, clock))
    except ValueError as problem:
        raise ProtocolError(f"The key set is unusable: {problem}.", status=answer.status) from None


def _object(answer: Answer, clock: Clock | None, *secrets: str) -> Mapping[str, Any]:
    return read_object(answer, now=answer.server_time or (clock or SystemClock()).wall(), secrets=secrets)


async def _ask(client: httpx.AsyncClient, method: str, url: str, **options: Any) -> Answer:
    answer, _ = await _ask_where(client, method, url, **options)
    return answer


async def _ask_where(
    client: httpx.AsyncClient, method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any
) -> tuple[Answer, str]:
    if url.startswith("/") and not client.base_url.host:
        raise ConfigurationError(
            "This client doesn't know the org's address.",
            hint="Give TokenManager.client(key), or a client with base_url=token.instance_url.",
        )
    problem: SfauthError
    try:
        async with client.stream(
            method, url, headers={**HEADERS, **(headers or {})}, follow_redirects=False, **options
        ) as response:
            body = await read_body(response)
            return Answer(response.status_code, dict(response.headers), body), str(response.url)
    except (httpx.HTTPError, OSError) as failed:
        # The cause is dropped on purpose: an httpx error holds the request, and so the bearer in its headers.
        problem = unreachable(failed, str(client.base_url.join(url)), ())
    raise problem
