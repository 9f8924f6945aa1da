"""What the simulator served, so that a client's promises can be checked from the server's side."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Tally:
    """Counters of one org, or of all.

    Attributes:
        api_requests: Requests to REST, SOAP (``login()`` apart) and Bulk, whatever the answer.
        rejected: API and identity requests that were refused, by reason: ``expired``, ``revoked``, ``migrated``,
            ``logged_out``, ``user_inactive``, ``unknown_token``, ``wrong_host``, ``missing_token``, ``malformed``, ...
        dead_token_requests: API and identity requests that carried a token that had been good once: the sum of
            ``expired``, ``revoked``, ``migrated``, ``logged_out`` and ``user_inactive``.
        token_requests: Requests to the token endpoint, by (grant type, outcome); an outcome is ``issued``,
            ``reissued``, an OAuth error code, or ``fault``.
        tokens_issued: Distinct access tokens, SOAP ``login()`` included.
        reissued: Token responses that repeated the token of a live session.
        identity_requests: userinfo and identity URL.
        soap_logins: SOAP ``login()`` calls, by outcome.
        introspections: By outcome: ``active``, ``inactive`` or an OAuth error code.
        revocations: By outcome: ``revoked`` or an OAuth error code.
        authorizations: Answers of the authorize endpoint to apps: ``code``, ``token`` or an OAuth error code.
        browser_logins: Attempts on the login page, by outcome: ``logged_in``, ``sso``, ``wrong_password``, ...
        single_accesses: Frontdoor URLs asked for, by outcome: ``issued`` or what was wrong.
        logouts: Browser sessions ended by a logout.
        faults: Requests that met a scheduled fault.
    """

    api_requests: int = 0
    dead_token_requests: int = 0
    tokens_issued: int = 0
    reissued: int = 0
    identity_requests: int = 0
    logouts: int = 0
    faults: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    token_requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    soap_logins: Counter[str] = field(default_factory=Counter)
    introspections: Counter[str] = field(default_factory=Counter)
    revocations: Counter[str] = field(default_factory=Counter)
    authorizations: Counter[str] = field(default_factory=Counter)
    browser_logins: Counter[str] = field(default_factory=Counter)
    single_accesses: Counter[str] = field(default_factory=Counter)

    @property
    def token_requests_total(self) -> int:
        """All requests to the token endpoint, whatever the answer."""
        return self.token_requests.total()

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts and numbers, ready for JSON."""
        by_grant: dict[str, dict[str, int]] = {}
        for (grant_type, outcome), number in sorted(self.token_requests.items()):
            by_grant.setdefault(grant_type, {})[outcome] = number
        return {
            "api_requests": self.api_requests,
            "dead_token_requests": self.dead_token_requests,
            "tokens_issued": self.tokens_issued,
            "reissued": self.reissued,
            "identity_requests": self.identity_requests,
            "faults": self.faults,
            "rejected": dict(self.rejected),
            "token_requests": by_grant,
            "token_requests_total": self.token_requests_total,
            "soap_logins": dict(self.soap_logins),
            "introspections": dict(self.introspections),
            "revocations": dict(self.revocations),
            "authorizations": dict(self.authorizations),
            "browser_logins": dict(self.browser_logins),
            "single_accesses": dict(self.single_accesses),
            "logouts": self.logouts,
        }


DEAD = frozenset({"expired", "revoked", "migrated", "logged_out", "user_inactive"})


class Counts:
    """The tallies: ``counts.total``, and ``counts["acme"]`` for one org (empty if nothing came yet)."""

    def __init__(self) -> None:
        self.total = Tally()
        self.orgs: dict[str, Tally] = {}

    def __getitem__(self, org: str) -> Tally:
        return self.orgs.setdefault(org, Tally())

    def of(self, org: str | None) -> tuple[Tally, ...]:
        """The tallies that an event of this org goes into."""
        return (self.total,) if org is None else (self.total, self[org])

    def reject(self, org: str | None, reason: str) -> None:
        """A request with a bearer token was refused."""
        for tally in self.of(org):
            tally.rejected[reason] += 1
            if reason in DEAD:
                tally.dead_token_requests += 1

    def as_dict(self) -> dict[str, Any]:
        """``{"total": {...}, "orgs": {key: {...}}}`` of plain values: a snapshot."""
        return {"total": self.total.as_dict(), "orgs": {key: tally.as_dict() for key, tally in self.orgs.items()}}

    def reset(self) -> None:
        """Start again from zero."""
        self.total = Tally()
        self.orgs.clear()
