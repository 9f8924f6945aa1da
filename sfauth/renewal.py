"""One renewal: from the store if somebody else was faster, else one token request whose answer is kept before use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from .errors import SfauthError, TryLaterError
from .lifetime import LifetimeSource, lifetime_of
from .stores import Record

if TYPE_CHECKING:
    from .grants.base import Grant
    from .org import Org
    from .runtime import Runtime
    from .token import Token

__all__ = ["Counters", "Renewal", "ask_for_lifetime", "renew"]

BUSY_TRIES = 4
"""Token requests made while Salesforce says that another one with the same refresh token is being processed."""


@dataclass(slots=True)
class Counters:
    """What one source has gone through.

    Attributes:
        token_requests: Sent to the token endpoint.
        failures: Flights that ended without a token.
        rejections: Times that an API said that the session is over.
    """

    token_requests: int = 0
    failures: int = 0
    rejections: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What is to be renewed.

    Attributes:
        grant: With its secrets resolved.
        credential: `sfauth.credentials.fingerprint` of the grant.
        org: Where to ask.
        store_key: Under which all who share the identity keep its tokens.
        generation: Of the token to be replaced.
        useless: Access tokens that are no answer: the current one and one that an API rejected.
        forced: Somebody asked for a new token, so none from the store will do.
        assumed: Seconds a token is thought to live where nothing is known.
        counters: Where token requests are counted.
    """

    grant: Grant
    credential: str
    org: Org
    store_key: str
    generation: int
    useless: tuple[str | None, ...] = field(repr=False)
    forced: bool
    assumed: float
    counters: Counters


async def renew(runtime: Runtime, wanted: Renewal) -> tuple[Record, float]:
    """Get a newer token.

    Returns:
        The record, and the seconds since its token was asked for.

    Raises:
        SfauthError: None is to be had.
    """
    tries = 0
    while True:
        tries += 1
        async with runtime.store.lease(wanted.store_key):
            kept = await runtime.store.get(wanted.store_key)
            if kept is not None and kept.credential != wanted.credential:
                kept = None  # somebody logged in again: the chain of refresh tokens that it belongs to is void
            if kept is not None and _will_do(runtime, wanted, kept):
                return kept, max(0.0, runtime.endpoint.server_now() - kept.obtained_at)
            try:
                return await _request(runtime, wanted, kept)
            except TryLaterError as busy:
                # invalid_grant to try later: "token request is already being processed", by whoever else has it.
                if busy.error != "invalid_grant" or tries == BUSY_TRIES:
                    raise
        await runtime.clock.sleep(runtime.policy.retry_interval * tries * (0.5 + runtime.random.random()))


async def _request(runtime: Runtime, wanted: Renewal, kept: Record | None) -> tuple[Record, float]:
    grant = wanted.grant if kept is None else wanted.grant.renewed(kept.token)
    # Shielded: the answer to a one-time refresh token must be kept even when everybody is gone.
    with anyio.CancelScope(shield=not grant.resendable):
        async with runtime.limiter:
            wanted.counters.token_requests += 1
            asked = runtime.elapsed()
            token = await runtime.endpoint.fetch(grant, wanted.org)
        age = runtime.elapsed() - asked
        asked_at = runtime.endpoint.server_now() - age
        record = Record(
            token=token,
            generation=max(wanted.generation, kept.generation if kept is not None else 0) + 1,
            obtained_at=asked_at,
            lifetime=lifetime_of(
                token,
                runtime.observed(token, wanted.org, grant.client_id),
                server_now=asked_at,
                assumed=wanted.assumed,
            ),
            credential=wanted.credential,
        )
        if not await runtime.store.put(wanted.store_key, record):
            # Our lease had passed to somebody whose token is newer than ours: theirs is the one to use.
            newer = await runtime.store.get(wanted.store_key)
            if newer is not None:
                return newer, max(0.0, runtime.endpoint.server_now() - newer.obtained_at)
    return record, age


def _will_do(runtime: Runtime, wanted: Renewal, kept: Record) -> bool:
    age = runtime.endpoint.server_now() - kept.obtained_at
    return (
        not wanted.forced
        and kept.generation > wanted.generation
        and kept.token.access_token not in wanted.useless
        and age < kept.lifetime.seconds * runtime.policy.refresh_at
    )


async def ask_for_lifetime(runtime: Runtime, grant: Grant, org: Org, token: Token) -> float | None:
    """Introspect a token whose lifetime is unknown, once per org and app (RFC 7662).

    Args:
        runtime: Where the answer is remembered.
        grant: Whose client asks; resolved.
        org: Where the token is from.
        token: The token.

    Returns:
        Seconds that the token has left; None where that can't be known, which is no error.
    """
    observed = runtime.observed(token, org, grant.client_id)
    if observed.asked or not runtime.policy.introspect:
        return None
    if observed.lifetime(0.0).source is not LifetimeSource.ASSUMED or token.expires_at is not None:
        return None
    observed.asked = True
    try:
        async with runtime.limiter:
            answer = await runtime.endpoint.introspect(token.access_token, grant, org, host=token.instance_url)
    except SfauthError:
        return None
    if answer is None or not answer.active or answer.expires_at is None:
        return None
    left = answer.expires_at - runtime.endpoint.server_now()
    if left <= 0:
        return None
    whole = answer.expires_at - answer.issued_at if answer.issued_at is not None else left
    observed.introspected = max(left, whole)
    return left
