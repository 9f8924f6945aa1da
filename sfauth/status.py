"""A look at one org's token, without a secret in it."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from .source import TokenSource

__all__ = ["OrgStatus", "State", "status_of"]


class State(enum.Enum):
    """In one word. A refreshing, failing or blocked org may still serve a living token."""

    COLD = "cold"
    """No token, and nobody has asked for one."""
    FRESH = "fresh"
    DUE = "due"
    """Three quarters of the lifetime are over; the next use refreshes it behind the user's back."""
    EXPIRED = "expired"
    """It came to its end unused; the next use waits for a new one."""
    REFRESHING = "refreshing"
    FAILING = "failing"
    """The last token request failed; another will be made."""
    BLOCKED = "blocked"
    """The last token request failed for a reason that only a change of the configuration or a new login cures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgStatus:
    """A snapshot. Ages and spans are in seconds.

    Attributes:
        key: The org's key in the manager.
        org: Where it logs in.
        instance_url: Where its APIs are, once known.
        state: In one word.
        generation: Counts the tokens; 0 before the first.
        age: Since the current token came; None without one.
        lifetime: How long it is thought to live.
        lifetime_source: How that is known: expires_in, jwt, introspection, learned or assumed.
        expires_in: Until its thought end; negative afterwards.
        next_refresh_in: Until the next token request is due or allowed; None when none is planned.
        last_error: The last failure as text, hint included; None after a success.
        token_requests: Made so far.
        failed_requests: How many of them failed.
        rejections: How often an API said that the session is over.
        lease_holder: Who has the right to make the token request that this org waits for, where a store is shared.
        unsaved: The newest token could not be written to the store yet.
        certificate_days_left: Until the app's certificate expires, where the grant knows it and has been used.
    """

    key: str
    org: str
    instance_url: str | None
    state: State
    generation: int
    age: float | None
    lifetime: float | None
    lifetime_source: str | None
    expires_in: float | None
    next_refresh_in: float | None
    last_error: str | None
    token_requests: int
    failed_requests: int
    rejections: int
    lease_holder: str | None
    unsaved: bool
    certificate_days_left: float | None


def status_of(source: TokenSource, *, now: float, server_now: float, unsaved: bool) -> OrgStatus:
    """The status of a source; ``now`` is its manager's elapsed time, ``server_now`` Unix seconds."""
    expires = source.progress.certificate_expires
    token, failure = source.current, source.failure
    lifetime = source.lifetime if token is not None else None
    next_refresh = failure.until if failure is not None else source.due
    return OrgStatus(
        key=source.key,
        org=source.org.url,
        instance_url=token.instance_url if token is not None else None,
        state=_state(source, now),
        generation=source.generation,
        age=now - source.landed if token is not None else None,
        lifetime=lifetime.seconds if lifetime is not None else None,
        lifetime_source=lifetime.source.value if lifetime is not None else None,
        expires_in=source.expires - now if token is not None else None,
        next_refresh_in=max(0.0, next_refresh - now) if math.isfinite(next_refresh) else None,
        last_error=str(failure.error.for_org(source.key)) if failure is not None else None,
        token_requests=source.progress.token_requests,
        failed_requests=source.progress.failures,
        rejections=source.progress.rejections,
        lease_holder=source.progress.lease_holder,
        unsaved=unsaved,
        certificate_days_left=(expires - server_now) / 86_400.0 if expires is not None else None,
    )


def _state(source: TokenSource, now: float) -> State:
    if source.flight is not None:
        return State.REFRESHING
    if source.failure is not None:
        return State.BLOCKED if source.failure.fatal else State.FAILING
    if source.current is None:
        return State.COLD
    if now < source.due:
        return State.FRESH
    return State.DUE if now < source.expires else State.EXPIRED
