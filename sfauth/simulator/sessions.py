"""Sessions: what an access token stands for, and how long.

An opaque token names a sliding session: Salesforce moves the time of last activity only once *half* of the timeout
has passed (Salesforce Help, "Modify Session Security Settings"). With 30 minutes, a call at minute 10 changes nothing
and a call at minute 20 gives a new 30. A JWT access token is good until its ``exp``, whatever happens in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .approvals import Approval
    from .identities import App, User
    from .org import SimulatedOrg

Ending = Literal["expired", "revoked", "migrated", "logged_out"]


@dataclass(slots=True, eq=False)
class Session:
    """One live or dead session.

    Attributes:
        started: Unix seconds.
        timeout: Seconds of inactivity (opaque) or of life (JWT).
        last_activity: Unix seconds; what the half-time rule moves.
        ending: Why it ended before its time; None: it did not.
        approval: The refresh token's approval that it hangs on, where there is one.
        parent: The session that this one lives and dies with: a browser's session that an access token opened.
    """

    token: str = field(repr=False)
    org: SimulatedOrg = field(repr=False)
    user: User = field(repr=False)
    app: App | None = field(repr=False)
    scope: str
    issuer: str
    jwt_based: bool
    started: float
    timeout: float
    sliding: bool
    last_activity: float
    approval: Approval | None = field(default=None, repr=False)
    ending: Ending | None = None
    parent: Session | None = field(default=None, repr=False)

    @property
    def expires_at(self) -> float:
        """Unix seconds; for a sliding session the present bound, which use may still move."""
        return self.last_activity + self.timeout

    def ended(self, now: float) -> str | None:
        """Why this session's token is dead, or None while it lives."""
        if self.ending is not None:
            return self.ending
        if now >= self.last_activity + self.timeout:
            return "expired"
        if not self.jwt_based and not self.user.active:
            # A JWT access token outlives its user's deactivation (Salesforce Help, "JWT-Based Access Tokens").
            return "user_inactive"
        return None if self.parent is None else self.parent.ended(now)

    def touch(self, now: float) -> None:
        """An API call at ``now``; only in the second half of the timeout does it prolong anything."""
        if self.sliding and now - self.last_activity >= self.timeout / 2:
            self.last_activity = now
        if self.parent is not None:
            self.parent.touch(now)


class Sessions:
    """All sessions of a simulator by access token. Dead ones stay, so that late requests with them can be counted."""

    def __init__(self) -> None:
        self._by_token: dict[str, Session] = {}
        self._latest: dict[tuple[str, str, str, str], Session] = {}

    def get(self, token: str) -> Session | None:
        """The session of a token, dead or alive."""
        return self._by_token.get(token)

    def add(self, session: Session, *, reusable: bool) -> None:
        """A new session; `reusable`: a repeated grant may get its token again."""
        self._by_token[session.token] = session
        if session.app is not None and reusable:
            self._latest[_reuse_key(session.org, session.app, session.user, session.scope)] = session

    def reusable(self, org: SimulatedOrg, app: App, user: User, scope: str, now: float) -> Session | None:
        """The live session whose token a repeated grant of the same user, app and scopes gets again.

        Seen with JWT bearer in a Developer Edition org (eight requests, one token). That it holds for opaque tokens
        only is an assumption, as is that being handed out again does not prolong the session.
        """
        session = self._latest.get(_reuse_key(org, app, user, scope))
        if session is None or session.ended(now) is not None or session.jwt_based:
            return None
        return session

    def of_org(self, org: SimulatedOrg) -> Iterator[Session]:
        """Every session of an org, dead ones included."""
        return (session for session in list(self._by_token.values()) if session.org is org)

    def of_approval(self, approval: Approval) -> Iterator[Session]:
        """Every session that came out of one refresh token's family."""
        return (session for session in list(self._by_token.values()) if session.approval is approval)


def _reuse_key(org: SimulatedOrg, app: App, user: User, scope: str) -> tuple[str, str, str, str]:
    return org.org_id, app.client_id, user.user_id, scope
