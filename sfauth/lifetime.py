"""How long a token lives, and how we know: Salesforce's core flows never say it.

``expires_in`` is absent from them (RFC 6749 section 5.1 only recommends it), so the time to live comes from, in this
order: the server's ``expires_in``; the ``exp`` of a JWT access token; introspection (RFC 7662); a 401 that came
earlier than thought; an assumption, by default 2 hours, Salesforce's default session timeout
(Salesforce Help, "Modify Session Security Settings").
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .token import Token

__all__ = ["ASSUMED_LIFETIME", "Lifetime", "LifetimeSource", "Observed", "due_after", "lifetime_of", "slid"]

ASSUMED_LIFETIME = 7200.0
"""Seconds. Salesforce's default session timeout; each org can set 15 minutes to 24 hours."""

SHORTEST_SESSION = 60.0
"""Seconds. No Salesforce session policy goes below a minute, so a token rejected younger than that did not expire."""

EXPIRY_MARGIN = 0.02
"""Share of a lifetime by which a token counts as dead early: time on the wire, rounding of ``exp`` to seconds."""

AGREEMENT = 1.5
"""Two early rejections teach a lifetime when their ages are within this factor; one alone may be an admin's revoke."""


class LifetimeSource(enum.Enum):
    """Where a lifetime is known from, the surest first."""

    SERVER = "expires_in"
    JWT = "jwt"
    INTROSPECTION = "introspection"
    LEARNED = "learned"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """What is known of a token's time to live.

    Attributes:
        seconds: From the moment at which we got the token to its end.
        source: How we know.
    """

    seconds: float
    source: LifetimeSource

    @property
    def certain(self) -> bool:
        """Whether the token is sure to be dead afterwards. An opaque session may slide on while it's used."""
        return self.source is LifetimeSource.SERVER or self.source is LifetimeSource.JWT


def due_after(lifetime: float, *, fraction: float, jitter: float, chance: float) -> float:
    """Seconds after which to refresh: at ``fraction`` of the lifetime, or up to ``jitter`` (a share) earlier.

    ``chance`` is drawn once per token from [0, 1), so that tokens minted together are not refreshed together. The
    result is never later than ``fraction`` says.
    """
    return lifetime * fraction * (1.0 - jitter * chance)


@dataclass(slots=True)
class Observed:
    """What one org's app has shown of its tokens' lifetime, where replies don't say it.

    Attributes:
        asked: Introspection was tried (it is once per org and app).
        introspected: Seconds from introspection.
        learned: Seconds that rejections taught.
    """

    asked: bool = False
    introspected: float | None = None
    learned: float | None = None
    _candidate: float | None = None

    def lifetime(self, assumed: float) -> Lifetime:
        """The best knowledge. Rejections come after introspection and are the later word."""
        if self.learned is not None:
            return Lifetime(self.learned, LifetimeSource.LEARNED)
        if self.introspected is not None:
            return Lifetime(self.introspected, LifetimeSource.INTROSPECTION)
        return Lifetime(assumed, LifetimeSource.ASSUMED)

    def rejected(self, age: float, expected: float) -> None:
        """Take in that a token thought to live ``expected`` seconds was rejected ``age`` seconds old.

        A session in use slides on (Salesforce moves its end once half of the timeout has passed), so a rejection only
        bounds the timeout from above. The bound is believed once two tokens in a row agree on it: one alone may be an
        admin's revoke.
        """
        if age < SHORTEST_SESSION or age >= expected:
            return
        candidate, self._candidate = self._candidate, age
        if candidate is not None and 1 / AGREEMENT <= age / candidate <= AGREEMENT:
            self.learned = min(age, candidate)


def lifetime_of(token: Token, observed: Observed, *, server_now: float, assumed: float) -> Lifetime:
    """How long a token that has just come will live.

    Args:
        token: The token.
        observed: What is known of tokens of this org and app.
        server_now: Unix seconds on the server's clock at the time of the request.
        assumed: Seconds, where nothing is known.
    """
    if token.expires_at is None:
        return observed.lifetime(assumed)
    remaining = token.expires_at - server_now
    if not token.is_jwt:
        return Lifetime(max(remaining, 0.0), LifetimeSource.SERVER)
    issued = token.claims.get("iat")
    if isinstance(issued, int | float) and 0 < issued < token.expires_at:
        # Where no Date header told how far off this machine's clock is, the token itself bounds the error.
        whole = token.expires_at - issued
        remaining = min(remaining, whole) if remaining > 0 else whole
    return Lifetime(max(remaining, 0.0), LifetimeSource.JWT)


def slid(window: float, last_used: float, now: float, lifetime: float) -> float:
    """The moment from which the session of a token that was handed out again counts.

    Salesforce moves a session's end only by use in the second half of its timeout (Salesforce Help, "Modify Session
    Security Settings"). All arguments and the result are in seconds on one clock.
    """
    if last_used - window > lifetime / 2:
        return last_used
    # Beyond its thought end and yet alive: somebody else uses it, or it lives longer than thought.
    return window if now < window + lifetime else now
