"""Which scopes a request is granted."""

from __future__ import annotations

from ..identities import App
from ..problems import SCOPE_INVALID, OAuthError

LASTING = frozenset({"refresh_token", "offline_access"})  # two names of one scope

KNOWN = frozenset(
    "address api cdp_ingest_api cdp_profile_api cdp_query_api chatter_api content custom_permissions email full id "
    "lightning offline_access openid pardot_api phone profile refresh_token sfap_api visualforce wave_api web".split()
)


def granted_scope(app: App, wanted: str | None) -> str:
    """What a request for these scopes gets: a subset of the app's, and ``id`` always; all of them without a wish."""
    scopes = list(dict.fromkeys(app.scopes if wanted is None else wanted.split()))
    allowed = {*app.scopes, "id"}
    if allowed & LASTING:
        allowed |= LASTING
    if "full" in allowed:  # which includes all but these (Salesforce Help, "OAuth Tokens and Scopes")
        allowed |= KNOWN - LASTING
    if not set(scopes) <= allowed:
        raise OAuthError(SCOPE_INVALID)
    return " ".join(scopes if "id" in scopes else [*scopes, "id"])


def lasting(scope: str) -> bool:
    """Whether a refresh token is among what was granted."""
    return not LASTING.isdisjoint(scope.split())
