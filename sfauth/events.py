"""What happened, as frozen values without a secret in them: for logs, metrics and traces.

A hook is anything callable with one event. `log_event` is the default and writes to the logger ``sfauth``.
Hooks run inside the event loop, between two steps of a refresh: they must not block, and what they raise is logged
and otherwise ignored.
"""

from __future__ import annotations

import enum
import logging
from dataclasses import dataclass, fields
from typing import ClassVar, Protocol

__all__ = [
    "CertificateExpiring",
    "Event",
    "EventHook",
    "InstanceMoved",
    "Reason",
    "RefreshFailed",
    "RefreshStarted",
    "SessionRejected",
    "StoreFailed",
    "StoreRecovered",
    "TokenAcquired",
    "TokenInvalidated",
    "TokenRevoked",
    "log_event",
]

logger = logging.getLogger("sfauth")


class Reason(enum.Enum):
    """Why a token was asked for."""

    COLD = "cold"
    """There was none."""
    DUE = "due"
    """The old one had lived three quarters of its lifetime."""
    EXPIRED = "expired"
    """The old one had come to its end unused."""
    REJECTED = "rejected"
    """An API rejected the old one."""
    ASKED = "asked"
    """Somebody called ``refresh()``."""
    GIVEN = "given"
    """It was handed to the manager, after a login in a browser for instance."""
    PEER = "peer"
    """Another process that shares the store had fetched it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        org: The key under which the manager knows the org.
        generation: Counts the org's tokens, from 1; 0 before the first.
    """

    name: ClassVar[str] = "event"
    level: ClassVar[int] = logging.INFO

    org: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshStarted(Event):
    """A token request is about to be made; ``generation`` is the one that it will replace."""

    name: ClassVar[str] = "refresh_started"
    level: ClassVar[int] = logging.DEBUG

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAcquired(Event):
    """A token has come.

    Attributes:
        reason: Why it was asked for.
        seconds: From the start of the flight to the token, including the wait for a free slot.
        waiters: Callers that waited for it; 0 when it was refreshed ahead of time.
        lifetime: Seconds that it is thought to live.
        lifetime_source: How that is known (`LifetimeSource` value).
        reissued: Salesforce handed out the same token again: the session was still alive.
    """

    name: ClassVar[str] = "token_acquired"

    reason: Reason
    seconds: float
    waiters: int
    lifetime: float
    lifetime_source: str
    reissued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshFailed(Event):
    """A token request failed.

    Attributes:
        reason: Why the token was asked for.
        error_class: Name of the error's class in `sfauth.errors`.
        error: Salesforce's error code, if any.
        message: The whole error, scrubbed, hint included.
        retry_in: Seconds until the next try is allowed; None when it is fatal.
        waiters: Callers that got the error.
        serving: The old token is still alive and served meanwhile.
    """

    name: ClassVar[str] = "refresh_failed"
    level: ClassVar[int] = logging.WARNING

    reason: Reason
    error_class: str
    error: str | None
    message: str
    retry_in: float | None
    waiters: int
    serving: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRejected(Event):
    """An API said that the session of this generation is over.

    Attributes:
        status: HTTP status of that answer.
        age: Seconds since the token came.
        expected: Seconds that it was thought to live.
    """

    name: ClassVar[str] = "session_rejected"

    status: int
    age: float
    expected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceMoved(Event):
    """The org's APIs live at another address now."""

    name: ClassVar[str] = "instance_moved"

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInvalidated(Event):
    """This process forgot the token on request; it stays valid at Salesforce."""

    name: ClassVar[str] = "token_invalidated"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Event):
    """The token was revoked at Salesforce on request (RFC 7009)."""

    name: ClassVar[str] = "token_revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateExpiring(Event):
    """The certificate of the grant's key expires soon, or has: said 30, 14, 7, 3, 1 and 0 days before.

    Attributes:
        days_left: Negative once it has expired.
    """

    name: ClassVar[str] = "certificate_expiring"
    level: ClassVar[int] = logging.WARNING

    days_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed(Event):
    """The store that tokens are shared through can't be reached.

    Attributes:
        message: The error.
        unsaved: A new token could not be written: it is kept in this process, and writing is tried again.
    """

    name: ClassVar[str] = "store_failed"
    level: ClassVar[int] = logging.WARNING

    message: str
    unsaved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRecovered(Event):
    """A token that could not be written is in the store now."""

    name: ClassVar[str] = "store_recovered"


class EventHook(Protocol):
    """Called with each event, from inside the event loop."""

    def __call__(self, event: Event, /) -> None: ...


def log_event(event: Event) -> None:
    """The default hook: one line to the logger ``sfauth``, the event's fields as ``extra={"sfauth": event}``."""
    if logger.isEnabledFor(event.level):
        logger.log(event.level, "%s", _Line(event), extra={"sfauth": event})


class _Line:
    """Formats only when a handler really writes."""

    def __init__(self, event: Event) -> None:
        self.event = event

    def __str__(self) -> str:
        event = self.event
        details = " ".join(
            f"{field.name}={_plain(getattr(event, field.name))}"
            for field in fields(event)
            if field.name not in ("org", "message")
        )
        message = f"\n  {event.message}" if isinstance(event, RefreshFailed | StoreFailed) else ""
        return f"{event.name} org={event.org} {details}{message}"


def _plain(value: object) -> object:
    if isinstance(value, enum.Enum):
        return value.value
    return f"{value:.3f}" if isinstance(value, float) else value
