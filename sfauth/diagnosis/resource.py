"""What the APIs' refusals mean that are no expired session: a new token cures none of them.

Codes: SOAP API Developer Guide, "ExceptionCode"; REST API Developer Guide, "Status Codes and Error Responses".
"""

from __future__ import annotations

from typing import Final

from .model import HISTORY, POLICIES, SETTINGS, Diagnosis, ResourceRule, fix, later

_PERMISSION = fix(
    "The user may not do this: a permission is missing.",
    "Setup > Users > (the user) > View Summary shows what they may do; grant the object, field or record in a"
    " permission set, or use another user.",
)
_NO_API_SCOPE = fix(
    "This session may not use the REST API: the token lacks the scope for it.",
    f"{SETTINGS}: add 'Manage user data via APIs (api)' to the scopes, then log in again. Tokens of guests and of"
    " sites stay limited to the site.",
)
_NO_TOKEN = fix(
    "What was sent as a token is none.",
    "Look at what fills the Authorization header: a blank, another system's token, or a placeholder such as the"
    " '[REDACTED]' that the Salesforce CLI prints. SOAP and Bulk 1.0 take the session in headers of their own.",
)
_RESTRICTED_LOGIN = fix(
    "The user's profile doesn't allow this address, or this hour.",
    f"Setup > Profiles > (the profile): Login IP Ranges and Login Hours. Or {POLICIES}: IP Relaxation.",
)
_BUSY = later("The API is not available at the moment.", "Nothing to change; see status.salesforce.com.")
_SLOW = later("The request ran into a time limit.", "Ask for less at once: filter on indexed fields, use Bulk API 2.0.")

_CODES: Final[dict[str, Diagnosis]] = {
    "INVALID_AUTH_HEADER": _NO_TOKEN,
    "INVALID_ISS": fix(
        "The JWT access token comes from another host than the one that was called.",
        "Call the host in the token's iss claim: a site's token works on the site only, an org's on its instance_url.",
    ),
    "WRONG_ORG": fix("The token belongs to another org.", "Call the instance_url that came with this token."),
    "REQUEST_LIMIT_EXCEEDED": later(
        "The org has used up its API requests of 24 hours, or runs too many long ones at once.",
        "Setup > System Overview > API Usage; the Sforce-Limit-Info header counts along. Batch with Composite or Bulk.",
    ),
    "API_DISABLED_FOR_ORG": fix(
        "This org has no API access.",
        "Its edition must include the API: Enterprise, Unlimited, Performance, Developer, or Professional with add-on.",
    ),
    # Salesforce's guide calls it a passing fault of the system; in practice it's the missing permission.
    "API_CURRENTLY_DISABLED": fix(
        "The API is off for this user.",
        "Give the user a permission set with System Permissions > API Enabled. If they have it, see"
        " status.salesforce.com.",
    ),
    "INSUFFICIENT_ACCESS*": _PERMISSION,
    "FUNCTIONALITY_NOT_ENABLED": fix(
        "The feature behind this API is off in this org.", "Switch it on in Setup, or use an org whose edition has it."
    ),
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": fix(
        "The user may not use this app.", f"{POLICIES}: add the user's profile or permission set."
    ),
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": fix(
        "The user's password has expired.",
        "Reset it, or give the integration user a permission set with Password Never Expires.",
    ),
    "PASSWORD_LOCKOUT": fix(
        "The user is locked out after too many wrong passwords.",
        "Setup > Users > (the user) > Unlock; fix the password.",
    ),
    "LOGIN_MUST_USE_SECURITY_TOKEN": fix(
        "From this address, the password needs the security token.",
        "Append it (user's Settings > Reset My Security Token), or add the address in Setup > Network Access.",
    ),
    "LOGIN_DURING_RESTRICTED_*": _RESTRICTED_LOGIN,
    "LOGIN_*": fix("Salesforce refused the login.", f"{HISTORY}."),
    "INVALID_LOGIN": fix(
        "Salesforce refused the username or the password.",
        f"Check both, and the host: sandboxes use test.salesforce.com. {HISTORY}.",
    ),
    "INACTIVE_OWNER_OR_USER": fix("The user is inactive.", "Setup > Users > (the user): tick Active."),
    "TRIAL_EXPIRED": fix("The org's trial is over.", "Buy or extend it, or use another org."),
    "ORG_LOCKED": fix("The org is locked.", "Ask Salesforce Support; only they unlock it."),
    "TXN_SECURITY_*": fix(
        "A transaction security policy stopped the request.",
        "Setup > Transaction Security Policies: see which, and why.",
    ),
    "URL_NOT_RESET": fix(
        "The API was called on a login host.", "Call the instance_url that came with the token, never login or test."
    ),
    "SERVER_UNAVAILABLE": _BUSY,
    "REQUEST_RUNNING_TOO_LONG": _SLOW,
    "QUERY_TIMEOUT": _SLOW,
}

RESOURCE_RULES: Final[tuple[ResourceRule, ...]] = (
    ResourceRule(
        None,
        "connected app is not attached to agent",
        None,
        fix(
            "The app is not attached to the agent.",
            "Setup > Agentforce Agents > (the agent) > Connections: add the app.",
        ),
    ),
    ResourceRule(None, "session is not valid for use with the rest api", None, _NO_API_SCOPE),
    *(ResourceRule(code, None, None, diagnosis) for code, diagnosis in _CODES.items()),
    ResourceRule(
        None,
        "session level",
        (401, 403),
        fix(
            "This needs a high-assurance session.",
            f"Log in with multi-factor authentication, or relax it in {POLICIES}.",
        ),
    ),
    ResourceRule(None, None, (420, 429, 502, 503), _BUSY),
    ResourceRule(
        None,
        None,
        (414, 431),
        fix(
            "URL and headers together are longer than Salesforce's 16,384 bytes.",
            "Shorten the URL (POST the query, or use Composite). A JWT access token may be what fills the headers:"
            f" {SETTINGS}: issue opaque ones.",
        ),
    ),
)
