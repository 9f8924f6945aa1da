"""One renewal: from the store if somebody else was faster, else one token request whose answer is kept before use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import anyio

from .errors import ConfigurationError, LoginRequiredError, SfauthError, StoreUnavailableError, TryLaterError
from .events import CertificateExpiring
from .lifetime import Lifetime, LifetimeSource, lifetime_of
from .stores import Record, Refusal

if TYPE_CHECKING:
    from .grants.base import Grant
    from .org import Org
    from .runtime import Runtime
    from .token import Token

__all__ = ["Place", "Progress", "Renewal", "Renewed", "ask_for_lifetime", "given", "newest", "place_of", "renew"]

BUSY_TRIES = 4
"""Token requests made while Salesforce says that another one with the same refresh token is being processed."""

STALE = 0.5
"""Seconds after which what was read under a lease is looked at again: this process may have stood still since."""


Place: TypeAlias = "tuple[str, str | None]"
"""An access token and where it is used: what one address rejects, another may take, after an org has moved."""


def place_of(token: Token) -> Place:
    """The token and its instance."""
    return token.access_token, token.instance_url


@dataclass(slots=True)
class Progress:
    """What one source has gone through, and what it is waiting for.

    Attributes:
        token_requests: Sent to the token endpoint.
        failures: Flights that ended without a token.
        rejections: Times that an API said that the session is over.
        lease_holder: Who has the lease that a flight waits for.
        certificate_expires: When the grant's certificate expires, in Unix seconds, where the grant knows it.
        certificate_warned: Days that it had left when that was last said.
    """

    token_requests: int = 0
    failures: int = 0
    rejections: int = 0
    lease_holder: str | None = None
    certificate_expires: float | None = None
    certificate_warned: float | None = None

    def waits_for(self, holder: str) -> None:
        self.lease_holder = holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What is to be renewed.

    Attributes:
        key: The org's key in the manager, for events.
        grant: With its secrets resolved.
        credential: `sfauth.credentials.fingerprint` of the grant.
        org: Where to ask.
        store_key: Under which all who share the identity keep its tokens.
        own: What this process has kept of it itself.
        generation: Of the token to be replaced, for events.
        useless: Tokens that are no answer: the current one and one that an API rejected.
        forced: Somebody asked for a new token, so none from the store will do.
        retrying: Somebody has mended what the credential was refused for, so a remembered refusal doesn't count.
        assumed: Seconds a token is thought to live where nothing is known.
        progress: Kept up to date on the way.
    """

    key: str
    grant: Grant
    credential: str
    org: Org
    store_key: str
    own: Record | None
    generation: int
    useless: tuple[Place | None, ...] = field(repr=False)
    forced: bool
    retrying: bool
    assumed: float
    progress: Progress


@dataclass(frozen=True, slots=True)
class Renewed:
    """A token that is newer than the one to be replaced.

    Attributes:
        record: As it is in the store.
        token: Its token.
        age: Seconds since the token was asked for.
    """

    record: Record
    token: Token = field(repr=False)
    age: float


async def renew(runtime: Runtime, wanted: Renewal) -> Renewed:
    """Get a newer token.

    Raises:
        SfauthError: None is to be had.
    """
    tries = 0
    while True:
        tries += 1
        async with _leased(runtime, wanted) as (kept, since):
            if kept is not None:
                _learn(runtime, wanted, kept)
                if _will_do(runtime, wanted, kept) and kept.token is not None:
                    return Renewed(kept, kept.token, max(0.0, runtime.endpoint.server_now() - kept.obtained_at))
            try:
                return await _request(runtime, wanted, kept, since)
            except _OvertakenError:
                continue
            except TryLaterError as busy:
                # invalid_grant to try later: "token request is already being processed", by whoever else has it.
                if busy.error != "invalid_grant" or tries == BUSY_TRIES:
                    raise
            except (ConfigurationError, LoginRequiredError) as refused:
                # A peer may have used up the refresh token that we sent: then its newer record has the living one.
                if tries < BUSY_TRIES and await _overtaken(runtime, wanted, kept):
                    continue
                await _tell_peers(runtime, wanted, kept, refused)
                raise
        await runtime.clock.sleep(runtime.policy.retry_interval * tries * (0.5 + runtime.random.random()))


@asynccontextmanager
async def _leased(runtime: Runtime, wanted: Renewal) -> AsyncIterator[tuple[Record | None, float]]:
    """Hold the lease; the newest record that the store or this process has, and when that was."""
    async with AsyncExitStack() as stack:
        kept, since = None, runtime.elapsed()
        try:
            lease = runtime.store.lease(wanted.store_key, waits_for=wanted.progress.waits_for)
            await stack.enter_async_context(lease)
            since = runtime.elapsed()
            kept = await runtime.store.get(wanted.store_key)
        except StoreUnavailableError as error:
            runtime.store_failed(wanted.key, wanted.generation, error)
            if runtime.policy.when_store_fails == "strict":
                raise
            # What can't be locked may be read all the same, and may hold the refresh token that is to be used next.
            with suppress(StoreUnavailableError):
                kept = await runtime.store.get(wanted.store_key)
        finally:
            wanted.progress.lease_holder = None
        yield newest(wanted.own, kept), since


def newest(own: Record | None, kept: Record | None) -> Record | None:
    """Of what this process knows and what the store has: ours is the newer one where it could not be written."""
    return own if own is not None and (kept is None or own.generation > kept.generation) else kept


async def _request(runtime: Runtime, wanted: Renewal, kept: Record | None, since: float) -> Renewed:
    refusal = kept.refusal if kept is not None and not wanted.retrying else None
    if refusal is not None and refusal.credential == wanted.credential:
        raise _as_error(refusal)
    grant = wanted.grant if kept is None or kept.token is None else wanted.grant.renewed(kept.token)
    renewed = None
    async with runtime.limiter:
        # After standing still, or waiting for its turn: the lease may have passed on, and the refresh token with it.
        if runtime.elapsed() - since > STALE and await _overtaken(runtime, wanted, kept):
            raise _OvertakenError
        # Shielded: the answer to a one-time refresh token must be kept even when everybody is gone.
        with anyio.CancelScope(shield=not grant.resendable):
            renewed = await _request_and_keep(runtime, wanted, grant, kept)
    assert renewed is not None  # nobody cancels that scope itself
    return renewed


async def _request_and_keep(runtime: Runtime, wanted: Renewal, grant: Grant, kept: Record | None) -> Renewed:
    _watch_certificate(runtime, wanted, grant)
    wanted.progress.token_requests += 1
    asked = runtime.elapsed()
    token = await runtime.endpoint.fetch(grant, wanted.org)
    age = runtime.elapsed() - asked
    asked_at = runtime.endpoint.server_now() - age
    there = kept.generation if kept is not None else 0
    reissued = kept is not None and kept.token is not None and kept.token.access_token == token.access_token
    record = Record(
        token=token,
        generation=there if reissued else there + 1,
        obtained_at=asked_at,
        lifetime=lifetime_of(
            token,
            runtime.observed(token, wanted.org, grant.client_id),
            server_now=asked_at,
            assumed=wanted.assumed,
        ),
        credential=wanted.credential,
    )
    newer = await runtime.save(wanted.key, wanted.store_key, record, expected=there)
    if newer is not None and newer.token is not None:
        # Our lease had passed to somebody whose token is newer than ours: theirs is the one to use.
        return Renewed(newer, newer.token, max(0.0, runtime.endpoint.server_now() - newer.obtained_at))
    return Renewed(record, token, age)


def _watch_certificate(runtime: Runtime, wanted: Renewal, grant: Grant) -> None:
    certificate = getattr(grant, "certificate", None)
    if certificate is None:
        return
    from .certificates import days_left, expires_at, warning_due

    progress, left = wanted.progress, days_left(certificate, runtime.endpoint.server_now())
    progress.certificate_expires = expires_at(certificate)
    if warning_due(left, progress.certificate_warned):
        progress.certificate_warned = left
        runtime.emit(CertificateExpiring(org=wanted.key, generation=wanted.generation, days_left=left))


class _OvertakenError(Exception):
    """A peer has written a newer record than the one that we have read."""


async def _overtaken(runtime: Runtime, wanted: Renewal, kept: Record | None) -> bool:
    with suppress(StoreUnavailableError):
        there = await runtime.store.get(wanted.store_key)
        return there is not None and there.generation > (kept.generation if kept is not None else 0)
    return False


def _will_do(runtime: Runtime, wanted: Renewal, kept: Record) -> bool:
    age = runtime.endpoint.server_now() - kept.obtained_at
    return (
        not wanted.forced
        and kept.token is not None
        # Somebody with another secret must not get this token: only who could have fetched it may have it.
        and kept.credential == wanted.credential
        and (wanted.own is None or kept.generation > wanted.own.generation)
        and place_of(kept.token) not in wanted.useless
        and age < kept.lifetime.seconds * runtime.policy.refresh_at
    )


def _learn(runtime: Runtime, wanted: Renewal, kept: Record) -> None:
    """Take over what a peer has found out about lifetimes."""
    if kept.token is None:
        return
    observed = runtime.observed(kept.token, wanted.org, wanted.grant.client_id)
    if kept.lifetime.source is LifetimeSource.INTROSPECTION and observed.introspected is None:
        observed.asked, observed.introspected = True, kept.lifetime.seconds
    elif kept.lifetime.source is LifetimeSource.LEARNED and observed.learned is None:
        observed.learned = kept.lifetime.seconds


async def _tell_peers(runtime: Runtime, wanted: Renewal, kept: Record | None, refused: SfauthError) -> None:
    refusal = Refusal(
        credential=wanted.credential,
        error_class=type(refused).__name__,
        message=refused.message,
        error=refused.error,
        error_description=refused.error_description,
        status=refused.status,
        hint=refused.hint,
    )
    if refused.status is None or (kept is not None and kept.refusal == refusal):
        return  # not Salesforce's word but ours, or known already
    if kept is None:
        nothing = Lifetime(0.0, LifetimeSource.ASSUMED)
        kept = Record(generation=0, token=None, obtained_at=0.0, lifetime=nothing, credential=wanted.credential)
    with suppress(StoreUnavailableError):
        record = replace(kept, refusal=refusal)
        await runtime.store.put(wanted.store_key, record, expected=kept.generation)


def _as_error(refusal: Refusal) -> SfauthError:
    kind = LoginRequiredError if refusal.error_class == LoginRequiredError.__name__ else ConfigurationError
    return kind(
        refusal.message,
        error=refusal.error,
        error_description=refusal.error_description,
        status=refusal.status,
        hint=refusal.hint,
    )


def given(runtime: Runtime, token: Token, org: Org, client_id: str, *, assumed: float) -> Renewed:
    """A token that came from elsewhere, as if it had been fetched just now."""
    now = runtime.endpoint.server_now()
    lifetime = lifetime_of(token, runtime.observed(token, org, client_id), server_now=now, assumed=assumed)
    return Renewed(Record(generation=0, token=token, obtained_at=now, lifetime=lifetime, credential=""), token, 0.0)


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
    unknown = token.expires_at is None and observed.lifetime(0.0).source is LifetimeSource.ASSUMED
    if observed.asked or not unknown or not runtime.policy.introspect:
        return None
    observed.asked = True
    try:
        async with runtime.limiter:
            answer = await runtime.endpoint.introspect(token.access_token, grant, org, host=token.instance_url)
    except Exception:  # noqa: BLE001 - whatever it is, not knowing a lifetime never fails a login
        return None
    if answer is None or not answer.active or answer.expires_at is None:
        return None
    left = answer.expires_at - runtime.endpoint.server_now()
    if left <= 0:
        return None
    whole = answer.expires_at - answer.issued_at if answer.issued_at is not None else left
    observed.introspected = max(left, whole)
    return left
