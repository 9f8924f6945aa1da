"""Approvals: what a refresh token stands for (RFC 6749 section 6), with rotation and families (RFC 9700 section 2.2.2).

Each user has at most five approvals per app; the sixth revokes the one that was not used for the longest time
(Salesforce Help, "Manage OAuth Access Policies").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from .identifiers import random_token

if TYPE_CHECKING:
    from .identities import App, User
    from .org import SimulatedOrg

APPROVALS_PER_USER_AND_APP = 5


@dataclass(slots=True, eq=False)
class Approval:
    """A user's approval of an app, and the family of refresh tokens that descend from it.

    Attributes:
        refresh_token: The one that is good now; with rotation, earlier ones are only remembered to notice their reuse.
        approved_at: Unix seconds.
        last_used: Unix seconds.
        delete_token: Ends the approval when it is revoked (``DeleteToken`` of the object OauthToken).
        in_flight: Refresh tokens with a request being processed at this moment.
    """

    org: SimulatedOrg = field(repr=False)
    app: App = field(repr=False)
    user: User = field(repr=False)
    scope: str
    refresh_token: str = field(repr=False)
    approved_at: float
    last_used: float
    revoked: bool = False
    delete_token: str = field(default="", repr=False)
    in_flight: set[str] = field(default_factory=set, repr=False)

    def lapsed(self, now: float) -> bool:
        """True once the app's refresh token policy ends it. Policies are evaluated only when a token is used."""
        lifetime, inactivity = self.app.refresh_token_lifetime, self.app.refresh_token_inactivity
        return (lifetime is not None and now >= self.approved_at + lifetime) or (
            inactivity is not None and now >= self.last_used + inactivity
        )


class Approvals:
    """All approvals of a simulator, found by any refresh token that ever belonged to them.

    Beside them it remembers what users allowed an app on the consent page, which outlives a login without a refresh
    token, but not the revocation of the user's last one.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._by_token: dict[str, Approval] = {}
        self._by_delete_token: dict[str, Approval] = {}
        self._allowed: dict[tuple[str, str, str], frozenset[str]] = {}

    def find(self, refresh_token: str) -> Approval | None:
        """The approval of a refresh token, be the token current, rotated out or revoked."""
        return self._by_token.get(refresh_token)

    def grant(
        self, org: SimulatedOrg, app: App, user: User, scope: str, now: float
    ) -> tuple[Approval, Approval | None]:
        """A new approval, and the one that had to go because it was the sixth."""
        mine = sorted((a for a in self.of_user(app, user)), key=lambda a: a.last_used)
        evicted = mine[0] if len(mine) >= APPROVALS_PER_USER_AND_APP else None
        approval = Approval(org, app, user, scope, self._new_token(), approved_at=now, last_used=now)
        approval.delete_token = random_token(self._random, 40)
        self._by_token[approval.refresh_token] = approval
        self._by_delete_token[approval.delete_token] = approval
        return approval, evicted

    def find_by_delete_token(self, delete_token: str) -> Approval | None:
        """The approval that a delete token ends."""
        return self._by_delete_token.get(delete_token)

    def allow(self, org: SimulatedOrg, app: App, user: User, scope: str) -> None:
        """The user allowed the app these scopes, on top of what they allowed before."""
        key = (org.org_id, app.client_id, user.user_id)
        self._allowed[key] = self._allowed.get(key, frozenset()) | set(scope.split())

    def allowed(self, org: SimulatedOrg, app: App, user: User, scope: str) -> bool:
        """Whether the user allowed the app all of these scopes before."""
        return set(scope.split()) <= self._allowed.get((org.org_id, app.client_id, user.user_id), frozenset())

    def forget(self, approval: Approval) -> None:
        """After a revocation: with the last approval goes what the user once allowed."""
        if not any(self.of_user(approval.app, approval.user)):
            self._allowed.pop((approval.org.org_id, approval.app.client_id, approval.user.user_id), None)

    def rotate(self, approval: Approval) -> str:
        """A new refresh token for the approval; the old one dies at once."""
        approval.refresh_token = self._new_token()
        self._by_token[approval.refresh_token] = approval
        return approval.refresh_token

    def of_user(self, app: App, user: User) -> Iterator[Approval]:
        """A user's living approvals of an app."""
        return (a for a in self._all() if a.app is app and a.user is user and not a.revoked)

    def of_org(self, org: SimulatedOrg) -> Iterator[Approval]:
        """All living approvals of an org."""
        return (a for a in self._all() if a.org is org and not a.revoked)

    def _all(self) -> list[Approval]:
        return list(dict.fromkeys(self._by_token.values()))

    def _new_token(self) -> str:
        return "5Aep861" + random_token(self._random, 80)
