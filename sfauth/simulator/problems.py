"""What the OAuth endpoints answer when something is wrong: one table of codes and texts.

Rows marked GK are general knowledge that no public page of Salesforce confirms: a test that passes because of one of
them proves nothing about the real server.

Sources: "Resolve Common Authorization Errors" (Salesforce DX Developer Guide), "OAuth 2.0 Error Codes" (Salesforce
Help), the error enum of Salesforce's Mobile SDK for Android, and texts reported by well-known integrations.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """An error answer (RFC 6749 section 5.2): the code, Salesforce's text, the HTTP status."""

    error: str
    description: str | None = None
    status: int = 400


class OAuthError(Exception):
    """Raised anywhere below an OAuth endpoint, which turns it into an answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.error}: {problem.description}")
        self.problem = problem


# The request
MUST_USE_POST = Problem("invalid_request", "must use HTTP POST")
UNSUPPORTED_GRANT_TYPE = Problem("unsupported_grant_type", "grant type not supported")
SCOPE_NOT_SUPPORTED = Problem("invalid_request", "scope parameter not supported")  # the text is seen; the code is GK
REQUEST_TOO_LARGE = Problem("invalid_request", "request too large", 413)  # GK


def missing_parameter(name: str) -> Problem:
    """A required form field is absent or empty."""
    return Problem("invalid_request", f"missing required parameter: {name}")


# The authorization request, section by section of RFC 6749. Without a good client and redirect URI these are a page.
REDIRECT_URI_MISSING = Problem("redirect_uri_missing", "redirect_uri must be supplied")  # text GK
REDIRECT_URI_MISMATCH = Problem("redirect_uri_mismatch", "redirect_uri must match configuration")
UNSUPPORTED_RESPONSE_TYPE = Problem("unsupported_response_type", "response type not supported")
SCOPE_INVALID = Problem("invalid_scope", "the requested scope is not allowed")
CHALLENGE_MISSING = Problem("invalid_request", "missing required code challenge")  # text GK
CHALLENGE_INVALID = Problem("invalid_request", "invalid code challenge")  # text GK
CHALLENGE_METHOD_INVALID = Problem("invalid_request", "code challenge method not supported")  # text GK
PROMPT_INVALID = Problem("invalid_request", "invalid prompt")  # text GK
IMMEDIATE_UNSUCCESSFUL = Problem("immediate_unsuccessful", "immediate unsuccessful")

# The client
CLIENT_UNKNOWN = Problem("invalid_client_id", "client identifier invalid")
CLIENT_CREDENTIALS_INVALID = Problem("invalid_client", "invalid client credentials")
# RFC 7662 section 2.3 asks for 401 here; that Salesforce does the same is GK.
INTROSPECTION_CLIENT_INVALID = Problem("invalid_client", "invalid client credentials", 401)
BASIC_HEADER_INVALID = Problem("invalid_basic_auth_header", "invalid basic authorization header")  # text GK
ASSERTION_TYPE_INVALID = Problem("invalid_assertion_type", "assertion type not supported")  # text GK
JTI_REPEATED = Problem("bad_jti_claim", "jti has already been used")  # text GK
APP_NOT_INSTALLED = Problem("invalid_client", "app must be installed into org")
APP_BLOCKED = Problem("app_blocked", "app is blocked by an administrator")  # text GK
FLOW_DISABLED = Problem("oauth_flow_disabled", "this flow is disabled in this org")  # text GK

# The grant
AUTHENTICATION_FAILURE = Problem("invalid_grant", "authentication failure")
ASSERTION_INVALID = Problem("invalid_grant", "invalid assertion")  # GK: bad signature, wrong algorithm, missing claims
ASSERTION_EXPIRED = Problem("invalid_grant", "expired authorization code")  # GK: the old wording, still seen for JWTs
AUDIENCE_INVALID = Problem("invalid_grant", "audience is invalid")
NOT_APPROVED = Problem("invalid_grant", "user hasn't approved this consumer")
NOT_ADMIN_APPROVED = Problem("invalid_app_access", "user is not admin approved by administrator")
REFRESH_TOKEN_DEAD = Problem("invalid_grant", "expired access/refresh token")
ALREADY_PROCESSED = Problem("invalid_grant", "token request is already being processed")
CODE_EXPIRED = Problem("invalid_grant", "expired authorization code")
# Help names invalid_request for a verifier that does not fit; clients in use report invalid_grant.
VERIFIER_INVALID = Problem("invalid_grant", "invalid code verifier")
NO_RUN_AS_USER = Problem("invalid_grant", "no client credentials user enabled")
NO_VALID_SCOPES = Problem("invalid_grant", "no valid scopes defined")
LOGIN_HOST_NOT_SUPPORTED = Problem("invalid_grant", "request not supported on this domain")  # GK
END_USER_DENIED = Problem("access_denied", "end-user denied authorization")

# The device flow. RFC 8628's expired_token does not exist at Salesforce.
AUTHORIZATION_PENDING = Problem("authorization_pending", "end user has not approved yet")  # text GK
SLOW_DOWN = Problem("slow_down", "polling too frequently")  # text GK
DEVICE_CODE_INVALID = Problem("invalid_request", "invalid device code")
DEVICE_CODE_EXPIRED = Problem("invalid_grant", "expired device code")  # text GK

# Token exchange; all texts GK
SUBJECT_TOKEN_TOO_LONG = Problem("invalid_grant", "subject token too long")
SUBJECT_TOKEN_TYPE_INVALID = Problem("invalid_grant", "subject token type not supported")
SUBJECT_TOKEN_REJECTED = Problem("invalid_grant", "subject token rejected by the token exchange handler")
NO_EXCHANGE_HANDLER = Problem("invalid_grant", "no token exchange handler")
EXCHANGE_HANDLER_FAILED = Problem("server_error", "token exchange handler failed")

# Single access; all texts GK
RELATIVE_PATH_REQUIRED = Problem("invalid_request", "redirect_uri must be a relative path")
NO_WEB_SCOPE = Problem("invalid_scope", "the access token needs the scope web or full")

# The user, the org, the policies
USER_INACTIVE = Problem("inactive_user", "user is inactive")
ORG_INACTIVE = Problem("inactive_org", "organization is inactive")
IP_RESTRICTED = Problem("invalid_grant", "ip restricted")
IP_OR_HOURS_RESTRICTED = Problem("invalid_grant", "ip restricted or invalid login hours")
SESSION_LEVEL = Problem("invalid_session_level", "a high assurance session is required")  # text GK
RATE_LIMIT = Problem("rate_limit_exceeded", "login rate exceeded")

# Revocation: every error is a 400 (Salesforce Help, "Revoke OAuth Tokens")
TOKEN_TYPE_NOT_SUPPORTED = Problem("unsupported_token_type", "this token type is not supported")
TOKEN_INVALID = Problem("invalid_token", "invalid token")  # the real text names a reason; never the token here
