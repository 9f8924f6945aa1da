"""What every login has to pass, whatever the flow: org, app, user and rate."""

from __future__ import annotations

from .identities import App, User
from .org import SimulatedOrg
from .problems import (
    APP_BLOCKED,
    APP_NOT_INSTALLED,
    FLOW_DISABLED,
    IP_OR_HOURS_RESTRICTED,
    IP_RESTRICTED,
    ORG_INACTIVE,
    RATE_LIMIT,
    SESSION_LEVEL,
    UNSUPPORTED_GRANT_TYPE,
    USER_INACTIVE,
    OAuthError,
)

HOUR = 3600.0


def check_app(org: SimulatedOrg, app: App, *grant_types: str) -> None:
    """The org and the app allow this flow, or `OAuthError`; with several grant types, one of them is enough."""
    if not org.active:
        raise OAuthError(ORG_INACTIVE)
    if app.blocked:
        raise OAuthError(APP_BLOCKED)
    if not app.installed:
        raise OAuthError(APP_NOT_INSTALLED)
    if org.disabled_grant_types.issuperset(grant_types):
        raise OAuthError(FLOW_DISABLED)
    if app.grant_types.isdisjoint(grant_types):
        raise OAuthError(UNSUPPORTED_GRANT_TYPE)


def check_user(org: SimulatedOrg, app: App, user: User, *, present: bool = False) -> None:
    """The user may log in from here and now, or `OAuthError`.

    Args:
        present: Whether the user is there to raise the session's level, as in flows with a browser.
    """
    if not user.active:
        raise OAuthError(USER_INACTIVE)
    if org.ip_restricted:
        raise OAuthError(IP_RESTRICTED)
    if user.ip_restricted or user.outside_login_hours:
        raise OAuthError(IP_OR_HOURS_RESTRICTED)
    if app.high_assurance and not present:
        raise OAuthError(SESSION_LEVEL)


class LoginRate:
    """Logins per user and hour.

    The figure of 3,600 is documented for SOAP ``login()`` ("Login Rate Exceeded", SOAP API Developer Guide), which then
    blocks the user for an hour. That it applies to the token endpoint in the same way is unconfirmed.
    """

    def __init__(self) -> None:
        self._windows: dict[str, tuple[float, int]] = {}

    def exceeded(self, org: SimulatedOrg, user: User, now: float) -> bool:
        """Count one login; True when it is one too many."""
        started, logins = self._windows.get(user.user_id, (now, 0))
        if now - started >= HOUR:
            started, logins = now, 0
        if logins == org.logins_per_hour:
            started = now  # the block lasts an hour from the login that was one too many
            self._windows[user.user_id] = (started, logins + 1)
            return True
        self._windows[user.user_id] = (started, logins + 1)
        return logins > org.logins_per_hour

    def check(self, org: SimulatedOrg, user: User, now: float) -> None:
        """Count one login, or `OAuthError`."""
        if self.exceeded(org, user, now):
            raise OAuthError(RATE_LIMIT)
