"""The values of the tables: what an error means, and the rows that lead there."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigurationError, LoginRequiredError, ProtocolError, SfauthError, TryLaterError

# Where things are in Salesforce Setup. Connected apps, which external client apps replace, have other doors to them.
SETTINGS = "Setup > External Client App Manager (connected app: App Manager) > (your app) > Settings"
POLICIES = "Setup > External Client App Manager (connected app: Manage Connected Apps) > (your app) > Policies"
SETUP_OAUTH = "Setup > OAuth and OpenID Connect Settings"
USAGE = "Setup > Connected Apps OAuth Usage"
HISTORY = "Setup > Login History of that moment names the exact reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What an error means.

    Attributes:
        error_class: What to raise: the decision that the caller has to make.
        meaning: What happened, one sentence.
        hint: What to change, and where in Salesforce Setup or on this machine.
        retry_after: Seconds that must pass at least before another try, where there is such a floor.
        busy: Whether the same refresh token or code is in use elsewhere at this moment: re-read it, then try again.
    """

    error_class: type[SfauthError]
    meaning: str
    hint: str
    retry_after: float | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A row for errors of the OAuth endpoints. All that is given must fit; the first row that fits counts.

    Attributes:
        error: The code; None for any.
        contains: A part of the description, in lower case; None for any, and for none.
        grant_types: The grants that it holds for; None for any, and for none.
        diagnosis: What it means.
    """

    error: str | None
    contains: str | None
    grant_types: tuple[str, ...] | None
    diagnosis: Diagnosis

    def fits(self, error: str, description: str, grant_type: str | None) -> bool:
        """Whether the row holds; both texts as `plain` makes them."""
        return (
            (self.error is None or self.error == error)
            and (self.contains is None or self.contains in description)
            and (self.grant_types is None or grant_type in self.grant_types)
        )


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """A row for errors of the APIs. All that is given must fit; the first row that fits counts.

    Attributes:
        error_code: The code in capitals, its end left open by ``*``; None for any.
        contains: A part of the message, in lower case; None for any.
        statuses: HTTP statuses; None for any.
        diagnosis: What it means.
    """

    error_code: str | None
    contains: str | None
    statuses: tuple[int, ...] | None
    diagnosis: Diagnosis

    def fits(self, status: int, error_code: str, message: str) -> bool:
        """Whether the row holds; the code in capitals, the message as `plain` makes it."""
        return (
            (self.error_code is None or _fits(self.error_code, error_code))
            and (self.contains is None or self.contains in message)
            and (self.statuses is None or status in self.statuses)
        )


def _fits(pattern: str, code: str) -> bool:
    return code.startswith(pattern[:-1]) if pattern.endswith("*") else code == pattern


def plain(text: str | None) -> str:
    """Lower case, single blanks, straight apostrophes."""
    return " ".join((text or "").replace("’", "'").lower().split())


def fix(meaning: str, hint: str) -> Diagnosis:
    """An admin or a developer has to change something."""
    return Diagnosis(error_class=ConfigurationError, meaning=meaning, hint=hint)


def login(meaning: str, hint: str) -> Diagnosis:
    """Somebody has to log in again."""
    return Diagnosis(error_class=LoginRequiredError, meaning=meaning, hint=hint)


def later(meaning: str, hint: str, retry_after: float | None = None, *, busy: bool = False) -> Diagnosis:
    """It passes by itself."""
    return Diagnosis(error_class=TryLaterError, meaning=meaning, hint=hint, retry_after=retry_after, busy=busy)


def bug(meaning: str, hint: str) -> Diagnosis:
    """A request that should not have been sent so."""
    return Diagnosis(error_class=ProtocolError, meaning=meaning, hint=hint)
