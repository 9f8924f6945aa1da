"""Every error that sfauth raises. One class is one decision of the caller.

::

    SfauthError
    ├── ConfigurationError       fix it: in Salesforce Setup or on this machine; retrying changes nothing
    │   ├── UnknownOrgError          no such key in this manager
    │   ├── UntrustedHostError       a secret or a bearer would have gone to a host that is not the org's own
    │   ├── InsecureFlowError        this flow is blocked by default (`sfauth.grants.insecure`)
    │   └── TokenRejectedError       Salesforce hands out the very token that it rejects
    ├── LoginRequiredError       log in again: the grant is dead (refresh token expired, revoked, reused)
    ├── TryLaterError            nothing to fix: Salesforce or the network is busy; ``retry_after`` says when
    │   └── StoreUnavailableError    the store that tokens are shared through can't be reached
    └── ProtocolError            a bug or a wrong host: the answer is no OAuth answer

``ConfigurationError`` and ``LoginRequiredError`` are remembered by a manager and raised again without another
request until the credentials change or ``manager.reset(key)`` is called; the other two are tried again by themselves.

No error holds a secret: what Salesforce said has been scrubbed before it gets here.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar

__all__ = [
    "ConfigurationError",
    "LoginRequiredError",
    "ProtocolError",
    "SfauthError",
    "StoreUnavailableError",
    "TokenRejectedError",
    "TryLaterError",
    "UnknownOrgError",
    "UntrustedHostError",
]


_E = TypeVar("_E", bound="SfauthError")


class SfauthError(Exception):
    """Base of all errors of sfauth.

    Attributes:
        message: What happened, in one sentence.
        error: Salesforce's ``error`` code (RFC 6749 section 5.2), where there was one.
        error_description: Salesforce's own words, scrubbed of secrets, where there were any.
        status: HTTP status of the answer, where there was one.
        org: The key under which the org is known to the manager, where there is one.
        hint: What to change, and where.
        retry_after: Seconds after which another try makes sense; None when unknown or pointless.
    """

    def __init__(
        self,
        message: str,
        *,
        error: str | None = None,
        error_description: str | None = None,
        status: int | None = None,
        org: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error = error
        self.error_description = error_description
        self.status = status
        self.org = org
        self.hint = hint
        self.retry_after = retry_after

    def __str__(self) -> str:
        text = f"[{self.org}] {self.message}" if self.org else self.message
        if self.error:
            said = f"{self.error}: {self.error_description}" if self.error_description else self.error
            status = f" (HTTP {self.status})" if self.status else ""
            text += f"\n  Salesforce said: {said}{status}"
        if self.hint:
            text += f"\n  What to do: {self.hint}"
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self.__dict__))

    def for_org(self, org: str) -> Self:
        """A copy of this error that names the org; each waiter of a shared request gets a copy of its own."""
        copy = _rebuild(type(self), {**self.__dict__, "org": org})
        copy.__cause__ = self.__cause__
        return copy


def _rebuild(cls: type[_E], fields: dict[str, Any]) -> _E:
    error = cls.__new__(cls, fields["message"])
    error.__dict__.update(fields)
    return error


class ConfigurationError(SfauthError):
    """Something is set up wrongly, in Salesforce Setup or on this machine; ``hint`` says what to change."""


class UnknownOrgError(ConfigurationError, KeyError):
    """The manager knows no org under this key."""

    __str__ = SfauthError.__str__


class UntrustedHostError(ConfigurationError):
    """A secret or a bearer token would have gone to a host that is not the org's own."""


class TokenRejectedError(ConfigurationError):
    """The token endpoint hands out the very token that the org's APIs reject: a new one is not to be had."""


class LoginRequiredError(SfauthError):
    """The grant is dead; somebody has to log in again."""


class TryLaterError(SfauthError):
    """A passing condition: rate limit, maintenance, network. ``retry_after`` is a floor where it is given."""


class StoreUnavailableError(TryLaterError):
    """The store that tokens are shared through can't be reached, or can't read what it holds."""


class ProtocolError(SfauthError):
    """The answer is no OAuth answer: a wrong host, a proxy's page, or a bug."""
