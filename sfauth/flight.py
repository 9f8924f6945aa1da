"""One renewal under way, and what is remembered of one that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from .errors import ConfigurationError, LoginRequiredError, SfauthError, TokenRejectedError

if TYPE_CHECKING:
    from .events import Reason
    from .token import Token

__all__ = ["Failure", "Flight", "backoff", "is_fatal", "not_accepted"]


class Flight:
    """One token request and all who wait for it: ends with a token, an error, or neither when it came too late."""

    __slots__ = ("credential", "done", "epoch", "error", "reason", "rejected", "started", "token", "waiters")

    def __init__(self, reason: Reason, epoch: int, rejected: object, started: float) -> None:
        self.reason = reason
        self.epoch = epoch
        self.rejected = rejected
        self.started = started
        self.credential: str | None = None
        self.done = anyio.Event()
        self.waiters = 0
        self.token: Token | None = None
        self.error: SfauthError | None = None


class Failure:
    """What the last flight died of, so that nobody repeats it too early."""

    __slots__ = ("credential", "error", "fatal", "until")

    def __init__(self, error: SfauthError, *, until: float, fatal: bool, credential: str | None) -> None:
        self.error = error
        self.until = until
        self.fatal = fatal
        self.credential = credential


def is_fatal(error: SfauthError) -> bool:
    """Whether trying again is pointless until somebody has changed something."""
    return isinstance(error, ConfigurationError | LoginRequiredError) and not isinstance(error, TokenRejectedError)


def backoff(tries: int, *, shortest: float, longest: float, chance: float) -> float:
    """Seconds to wait after so many failures in a row: drawn between ``shortest`` and its double, fourfold, ….

    ``chance`` is from [0, 1), so that orgs that failed together don't come back together.
    """
    ceiling = min(shortest * 2.0 ** min(tries - 1, 30), longest)
    return shortest + (ceiling - shortest) * chance


def not_accepted(message: str) -> TokenRejectedError:
    """The error for tokens that come, but that no API takes."""
    return TokenRejectedError(
        message,
        hint="The session lives but may not be used there. Check that the app's OAuth scopes include 'api', that the"
        " user's profile has 'API Enabled', and API Access Control in Setup; then revoke the session in Setup >"
        " Session Management, or wait until it ends.",
    )
