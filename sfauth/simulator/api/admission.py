"""Who may call an API: the token, then the user's and the org's permissions, then the daily limit."""

from __future__ import annotations

from ..bearer import Refused, admit
from ..exchange import Exchange
from ..org import SimulatedOrg
from ..sessions import Session

DAY = 86_400

# Reason of refusal -> status, error code and message of REST and its relatives. What is not here is a plain
# INVALID_SESSION_ID (REST API Developer Guide, "Status Codes and Error Responses").
REFUSALS: dict[str, tuple[int, str, str]] = {
    "malformed": (401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"),
    "foreign_jwt": (401, "INVALID_AUTH_HEADER", "INVALID_ISS"),
    "no_api_scope": (401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"),
    "user_without_api": (403, "API_CURRENTLY_DISABLED", "API is disabled for this User"),
    "org_without_api": (403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"),
    "over_limit": (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    # Which status this has is not documented.
    "login_host": (404, "URL_NOT_RESET", "Destination URL not reset. The URL returned from login must be set"),
}
SESSION_INVALID = (401, "INVALID_SESSION_ID", "Session expired or invalid")


def admit_to_api(exchange: Exchange, token: str | None) -> Session:
    """Count the request and find its session, or `Refused` with a reason of `REFUSALS` or of `bearer.admit`."""
    simulator = exchange.simulator
    try:
        if exchange.place.kind == "login":
            raise _refused(exchange, "login_host")
        session = admit(exchange, token)
        org = session.org
        scopes = session.scope.split()
        if "api" not in scopes and "full" not in scopes:
            raise _refused(exchange, "no_api_scope")
        if not session.user.api_enabled:
            raise _refused(exchange, "user_without_api")
        if not org.api_enabled:
            raise _refused(exchange, "org_without_api")
        if used_today(org, exchange.now) >= org.daily_api_requests:
            raise _refused(exchange, "over_limit")
        org.api_usage[1] += 1
        return session
    finally:
        for tally in simulator.counts.of(exchange.org_key):
            tally.api_requests += 1


def used_today(org: SimulatedOrg, now: float) -> int:
    """API requests of the org since midnight."""
    today = int(now // DAY)
    if org.api_usage[0] != today:
        org.api_usage[:] = [today, 0]
    return org.api_usage[1]


def limit_info(exchange: Exchange) -> dict[str, str]:
    """The header that tells the calls left."""
    org = exchange.org
    return {} if org is None else {"sforce-limit-info": f"api-usage={org.api_usage[1]}/{org.daily_api_requests}"}


def _refused(exchange: Exchange, reason: str) -> Refused:
    exchange.error = reason
    exchange.simulator.counts.reject(exchange.org_key, reason)
    return Refused(reason)
