"""The half of the interactive flows that talks to Salesforce: random numbers, clocks and HTTP for `sfauth.flows`."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias, Unpack, cast

import httpx

from .clock import Clock, SystemClock
from .credentials import resolve
from .endpoint import TokenEndpoint
from .errors import SfauthError
from .flows import DeviceCode, DeviceFlow, LoginOptions, PendingLogin, UserAgentFlow, WebServerFlow
from .flows.authorization import RandomBytes
from .flows.device import Polling, explained, too_late
from .grants.base import Grant
from .org import Org
from .token import Token

__all__ = ["DeviceState", "Waiting", "begin", "device_login", "device_states", "open_endpoint", "redeem"]

TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The user hasn't approved yet.

    Attributes:
        left: Seconds until the codes expire.
        interval: Seconds until the next question.
    """

    left: float
    interval: float


DeviceState: TypeAlias = DeviceCode | Waiting | Token
"""What a device login goes through: the codes, then waiting any number of times, then the token."""


def begin(
    flow: WebServerFlow | UserAgentFlow,
    *,
    random_bytes: RandomBytes = secrets.token_bytes,
    **options: Unpack[LoginOptions],
) -> PendingLogin:
    """Start a login in a browser: keep the result in that browser's session, and send the browser to its ``url``.

    Args:
        flow: Its ``finish`` takes what the browser brings back.
        random_bytes: Where state, nonce and code verifier come from; tests give another source.
        options: ``prompt``, ``login_hint``, ``display``, ``sso_provider``, ``extra``; see `sfauth.flows.LoginOptions`.

    Raises:
        ConfigurationError: An option is none that Salesforce knows, or doesn't work at this org.
    """
    return flow.start(random_bytes=random_bytes, **options)


@asynccontextmanager
async def open_endpoint(*, clock: Clock | None = None) -> AsyncIterator[TokenEndpoint]:
    """A token endpoint with connections of its own, for a login or two. A `TokenManager` has its own one."""
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        yield TokenEndpoint(http, clock=clock or SystemClock(), random=Random())


async def redeem(grant: Grant, org: Org | str, *, endpoint: TokenEndpoint | None = None) -> Token:
    """Get the token that a grant stands for, without a manager. A code works once: keep what comes.

    Args:
        grant: Its secrets may be paths and callables.
        org: `Org`, or what it takes.
        endpoint: To use; by default one for this request only.

    Raises:
        SfauthError: Of the class that says what to do.
    """
    if endpoint is None:
        async with open_endpoint() as own:
            return await redeem(grant, org, endpoint=own)
    return await endpoint.fetch(await resolve(grant), org if isinstance(org, Org) else Org(org))


async def device_states(
    flow: DeviceFlow, endpoint: TokenEndpoint, *, clock: Clock | None = None
) -> AsyncGenerator[DeviceState]:
    """A device login as an async iterator: `DeviceCode` to show, `Waiting` before each question, at last the `Token`.

    ::

        async for state in device_states(flow, endpoint):
            match state:
                case DeviceCode(): print(f"Enter {state.user_code} at {state.verification_uri}")
                case Waiting(): print(f"{state.left:.0f} s left")
                case Token(): ...

    Leave the loop, or cancel it, whenever you like: the codes expire by themselves.

    Raises:
        LoginRequiredError: The user said no, or didn't answer in time.
        ConfigurationError: The flow is blocked; the hint says when it is.
        SfauthError: There's no code to be had at the moment. Failures later on are waited out.
    """
    clock = clock or SystemClock()
    org = flow.org if isinstance(flow.org, Org) else Org(flow.org)
    flow = await resolve(cast(Any, flow))  # not a grant, but its secrets are named in the same way
    code = await _asked(flow, endpoint, org)
    begun = clock.elapsed()
    yield code
    grant = flow.grant(code)
    polling = Polling(code.interval)
    while (left := code.lifetime - (clock.elapsed() - begun)) > 0:
        yield Waiting(left, polling.interval)
        await clock.sleep(min(polling.interval, left))
        if clock.elapsed() - begun >= code.lifetime:
            break
        try:
            token = await endpoint.fetch(grant, org)
        except SfauthError as error:
            polling = _next(polling, error)
        else:
            yield token
            return
    raise too_late(code.lifetime)


async def device_login(
    flow: DeviceFlow,
    show: Callable[[DeviceCode], Awaitable[None] | None],
    *,
    endpoint: TokenEndpoint | None = None,
    clock: Clock | None = None,
) -> Token:
    """A device login as one call: shows the code, and returns when the user has approved.

    Args:
        flow: Its ``renewing_grant(token)`` is what a manager goes on with.
        show: Is called once, with what to show to the user; may be async.
        endpoint: To use; by default one for this login only.
        clock: Tests give a virtual one.

    Raises:
        SfauthError: As `device_states`.
    """
    if endpoint is None:
        async with open_endpoint(clock=clock) as own:
            return await device_login(flow, show, endpoint=own, clock=clock)
    async with aclosing(device_states(flow, endpoint, clock=clock)) as states:
        async for state in states:
            if isinstance(state, Token):
                return state
            if isinstance(state, DeviceCode):
                shown = show(state)
                if inspect.isawaitable(shown):
                    await shown
    raise AssertionError("a device login ends in a token or an error")


async def _asked(flow: DeviceFlow, endpoint: TokenEndpoint, org: Org) -> DeviceCode:
    request = flow.request(now=endpoint.server_now(), jti=secrets.token_urlsafe(16))
    answer = await endpoint.post(org, org.token_url, request.form, request.headers)
    return flow.read(answer, now=endpoint.server_now())


def _next(polling: Polling, error: SfauthError) -> Polling:
    try:
        return polling.after(error)
    except SfauthError as final:
        raise explained(final) from None
