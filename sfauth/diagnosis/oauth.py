"""What the errors of the token endpoint and its sisters mean.

Salesforce says a dozen different things with one code, and only ``error_description`` tells them apart. Its texts
change between releases, so they are matched in parts and without regard to case, and each code has a row for any text.
Sources: Salesforce Help, "OAuth 2.0 Error Codes"; Salesforce DX Developer Guide, "Resolve Common Authorization Errors";
the list of codes in Salesforce's Mobile SDK. Rows marked *unconfirmed* come from general knowledge.
"""

from __future__ import annotations

from typing import Final

from .model import HISTORY, POLICIES, SETTINGS, SETUP_OAUTH, USAGE, Diagnosis, Rule, bug, fix, later, login

LOGIN_RATE_PAUSE: Final = 900.0
"""Seconds. Salesforce asks for up to an hour after too many logins; 15 to 30 minutes have been seen to be enough."""
POLLING_INTERVAL: Final = 5.0
"""Seconds between polls of the device flow, and by how much ``slow_down`` widens them (RFC 8628 section 3.5)."""

_ASSERTION = ("urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2-bearer")
_CLIENT = ("client_credentials",)
_PASSWORD = ("password",)
_REFRESH = ("refresh_token", "hybrid_refresh")
_CODE = ("authorization_code", "hybrid_auth_code")
_DEVICE = ("device",)
_EXCHANGE = ("urn:ietf:params:oauth:grant-type:token-exchange",)
_NO_PERSON = (*_ASSERTION, *_CLIENT, *_PASSWORD)  # nobody is there to log in again

_DEAD_REFRESH_TOKEN = login(
    "The refresh token is dead: expired, revoked, or replaced by a newer one.",
    "Log in again to get a new one. If it happens often: "
    f"{POLICIES}: Refresh Token Policy; a user's 6th approval of an app also ends the least used one.",
)
_BUSY = later(
    "Another request is using the same refresh token or code at this moment.",
    "Nothing to change: sfauth reads the stored token again and retries. If it goes on, another program shares this"
    " refresh token; give each its own.",
    busy=True,
)
_CODE_SPENT = login(
    "The authorization code was already redeemed, or is too old.",
    "Start the login again, and redeem the code once, within minutes of getting it.",
)
_NOT_APPROVED = fix(
    "The user hasn't approved the app, and no admin has approved it for them.",
    f"{POLICIES}: set Permitted Users to 'Admin approved users are pre-authorized' and add the user's profile or"
    " permission set. For a new or changed app, wait 2 to 10 minutes. Check that it's the right org.",
)
_NOT_PRE_AUTHORIZED = fix(
    "The app takes pre-authorized users only, and this user isn't one.",
    f"{POLICIES}: add the user's profile, or a permission set that the user has. Changes take 2 to 10 minutes.",
)
_WRONG_AUDIENCE = fix(
    "The assertion's audience doesn't fit the host that it was sent to.",
    "Use aud https://login.salesforce.com for production, https://test.salesforce.com for sandboxes and scratch orgs,"
    " the site's URL for site users. Check the org's URL, or set audience= on it.",
)
_BAD_ASSERTION = fix(
    "Salesforce refused the assertion: its signature, its times or its user.",
    f"Check three things. The private key belongs to the certificate in {SETTINGS}. This machine's clock is right"
    " (NTP). The username is the Salesforce username of this org (a sandbox appends its name), and is active."
    f" {HISTORY}.",
)
_BAD_PASSWORD = fix(
    "Salesforce refused the username, the password or the security token.",
    "Check all three; the security token is needed outside trusted IP ranges and changes with the password."
    f" {SETUP_OAUTH}: Allow OAuth Username-Password Flows must be on. {HISTORY}. Better: JWT bearer.",
)
_IP_OR_HOURS = fix(
    "The login came from an IP address, or at an hour, that isn't allowed.",
    "Add this machine's outgoing address to the profile's Login IP Ranges (Setup > Profiles) and look at its Login"
    f" Hours. Or {POLICIES}: IP Relaxation.",
)
_UNKNOWN_CLIENT = fix(
    "Salesforce doesn't know this client_id on this host.",
    f"Compare it with the consumer key in {SETTINGS}, and the org's URL with the org that has the app (sandboxes use"
    " test.salesforce.com or their My Domain). A new app takes 2 to 10 minutes to be known.",
)
_WRONG_SECRET = fix(
    "Salesforce refused the client's secret or its client assertion.",
    f"Copy the consumer secret again: {SETTINGS} > Consumer Key and Secret. After a rotation both may fail for up to"
    " 10 minutes. With a private key: it must belong to the app's certificate.",
)
_NOT_INSTALLED = fix(
    "The app isn't installed in this org, and uninstalled apps are blocked.",
    f"{USAGE} > (your app) > Install; an external client app: install its package, or create it in this org.",
)
_NO_RUN_AS = fix(
    "The client credentials flow is on, but no user is set for it to run as.",
    f"{POLICIES}: tick Enable Client Credentials Flow and fill in Run As with an active, API-enabled user.",
)
_USE_MY_DOMAIN = fix(
    "This flow doesn't work on login.salesforce.com or test.salesforce.com.",
    "Use the org's My Domain, such as https://acme.my.salesforce.com (Setup > My Domain).",
)
_NO_SCOPES = fix(
    "The app has no scope that this flow may grant.",
    f"{SETTINGS}: add a scope such as 'Manage user data via APIs (api)'; 'full' alone doesn't count here.",
)
_SCOPE_SENT = fix(
    "A scope was sent to a flow that takes none.",
    f"Leave scope out of the request; the app's own scopes apply ({SETTINGS}).",
)
_RUN_AS_PORTAL = fix(
    "Salesforce denies the user that the client credentials flow runs as.",
    f"{POLICIES}: choose another Run As user; portal and site users aren't taken on the org's My Domain.",
)
_PKCE = login(
    "The PKCE code verifier doesn't belong to this authorization code.",
    "Start the login again. If it happens each time: keep the verifier with the state of its login (workers need a"
    " shared session), and send it as it was made (RFC 7636).",
)
_PKCE_REQUIRED = fix(
    "The app asks for PKCE, and the request had no code challenge.",
    f"Send code_challenge with method S256 (RFC 7636), or see {SETTINGS}: Require PKCE.",
)
_BAD_GRANT = fix(
    "Salesforce refused the login and doesn't say why.",
    f"{HISTORY}. Usual ones: wrong user or org, IP range, login hours, a policy of the app, this machine's clock.",
)
_INACTIVE_USER = fix(
    "The user is inactive or frozen.", "Setup > Users > (the user): tick Active, or Unfreeze. Or use another user."
)
_INACTIVE_ORG = fix(
    "The org is inactive: locked, closed, suspended or expired.",
    "Look whether the sandbox was refreshed or the trial ended; else ask Salesforce Support to reactivate it.",
)
_FLOW_OFF = fix(
    "This OAuth flow is switched off, for the app or for the whole org.",
    f"Switch it on in {SETTINGS} > Flow Enablement, in its Policies, and in {SETUP_OAUTH}.",
)
_GRANT_TYPE = fix(
    "Salesforce doesn't take this grant here: the flow is off, or the host is the wrong one.",
    f"{SETTINGS}: enable the flow. The org's URL must be its My Domain, never a lightning.force.com address. The"
    f" username-password flow is also blocked in {SETUP_OAUTH}.",
)
_LOGIN_RATE = later(
    "Too many logins of this user within an hour.",
    "Wait 15 to 60 minutes. Then see who logs in so often (Setup > Login History) and let them share tokens.",
    LOGIN_RATE_PAUSE,
)
_MALFORMED = fix(
    "Salesforce calls the request malformed.",
    "Salesforce's text names the parameter: check it in the grant's or flow's settings.",
)
_TRANSPORT = fix("The request must come over https and with the right method.", "Check the URL, and proxies between.")
_REDIRECT_URI = fix(
    "The redirect_uri is not one of the app's callback URLs.",
    f"{SETTINGS}: Callback URL must hold it letter by letter: scheme, port, path, slash at the end. Wait 10 minutes.",
)
_SCOPE = fix(
    "The app isn't allowed a scope that was asked for, or the scope is unknown.",
    f"{SETTINGS}: add the scope to Selected OAuth Scopes, or ask for less.",
)
_HEADLESS_REQUEST = fix(
    "A header or field of the headless flow is malformed.",
    "Send 'Uvid-Hint: UVID <uuid>' and 'Auth-Request-Type: guest' as they are; some sites want HTTP/2 for it.",
)
_NO_POLICY = fix(
    "The app has no OAuth policies in this org.",
    f"{POLICIES}: edit and save them once. A new app takes 2 to 10 minutes.",
)
_REGISTRATION = fix(
    "Salesforce refused to register the app or the user.",
    "Check the initial access token and the metadata sent; a headless site: Setup > Digital Experiences > (site) >"
    " Administration > Login & Registration.",
)
_OTP = login("The one-time password is wrong, used or expired.", "Ask for a new one and log in again.")
_EXPERIENCE_ID = fix(
    "Salesforce doesn't take the expid of this login page.", "Check it in Setup > Digital Experiences, or leave it out."
)
_DOWN = later("Salesforce has a fault or is down at the moment.", "Nothing to change; see status.salesforce.com.")
_INTERACTIVE = login("The user has to be asked, and the request forbids it.", "Log in without prompt=none.")

_BLOCKED = login("An admin has blocked the app.", f"{USAGE} > (your app) > Unblock; then log in again.")
_BLOCKED_FOR_ALL = fix("An admin has blocked the app.", f"{USAGE} > (your app) > Unblock.")
_SESSION_LEVEL = fix(
    "The app asks for a high-assurance session, which a flow without a person can't give.",
    f"{POLICIES}: don't require a high-assurance session, or use another app for this job.",
)
_DEVICE_CODE = login(
    "The device code has expired or is not valid, or the device flow is off.",
    f"Start again: a code lives 10 minutes. If it fails at once: {SETTINGS}: enable the device flow.",
)
_EXCHANGE_REFUSED = fix(
    "The token exchange handler refused the subject token.",
    "Check that the token is live, of the declared type and under 10,000 characters; then the Apex handler in"
    " Setup > Token Exchange Handlers and its debug log.",
)
_OUT_OF_BAND = fix("The out-of-band redirect_uri is no longer taken.", "Use a loopback or https callback URL.")

UNKNOWN: Final = fix(
    "Salesforce refused the login with a code that sfauth doesn't know.",
    f"Salesforce's text above is all there is. {HISTORY}.",
)

# Texts that say it all, under whatever code they come.
_TEXTS: Final[dict[str, Diagnosis]] = {
    "expired access/refresh token": _DEAD_REFRESH_TOKEN,
    "login rate exceeded": _LOGIN_RATE,
    "number of logins exceeded": _LOGIN_RATE,
    "ip restricted": _IP_OR_HOURS,
    "invalid login hours": _IP_OR_HOURS,
    "hasn't approved this consumer": _NOT_APPROVED,
    "not admin approved": _NOT_PRE_AUTHORIZED,
    "audience is invalid": _WRONG_AUDIENCE,
    "audience validation failed": _WRONG_AUDIENCE,
    "app must be installed": _NOT_INSTALLED,
    "not installed in this org": _NOT_INSTALLED,  # unconfirmed
    "no client credentials user enabled": _NO_RUN_AS,
    "not supported on this domain": _USE_MY_DOMAIN,  # unconfirmed
    "no valid scopes defined": _NO_SCOPES,
    "scope parameter not supported": _SCOPE_SENT,
    "invalid code verifier": _PKCE,
    "code challenge": _PKCE_REQUIRED,
    "guest flow not enabled": _FLOW_OFF,
    "uvid invalid": _HEADLESS_REQUEST,
    "invalid headers": _HEADLESS_REQUEST,
    "inactive user": _INACTIVE_USER,
    "user is inactive": _INACTIVE_USER,
    "organization is inactive": _INACTIVE_ORG,
}

# What a code means when no row above tells more.
_CODES: Final[dict[str, Diagnosis]] = {
    "invalid_grant": _BAD_GRANT,
    # the client
    "invalid_client_id": _UNKNOWN_CLIENT,
    "app_not_found": _UNKNOWN_CLIENT,
    "invalid_client": _WRONG_SECRET,
    "invalid_client_credentials": _WRONG_SECRET,
    "invalid_basic_auth_header": fix(
        "The Authorization header is no Basic header that Salesforce can read.",
        "It is base64 of client_id:client_secret; proxies may replace it. Or send both in the body.",
    ),
    "bad_jti_claim": bug(
        "Salesforce has seen the client assertion's jti before.",
        "Each attempt needs a fresh one. If it's sfauth that signs, please report this as a bug.",
    ),
    "invalid_app_access": _NOT_PRE_AUTHORIZED,
    "installation_error": _NOT_INSTALLED,
    "invalid_distribution_state": fix(
        "The external client app is local to another org, or not packaged for this one.",
        "In the app's own org: set Distribution State to Packaged and install the package here.",
    ),
    "ecapp_policy_not_found": _NO_POLICY,
    "oauth_policy_not_found": _NO_POLICY,
    "app_blocked": _BLOCKED,
    "client_blocked": _BLOCKED,
    "fail_close_app_blocked": _BLOCKED,
    "app_attest_failed": fix(
        "The app's attestation was refused.", f"Check the attestation certificate in {SETTINGS} and the app's build."
    ),
    "app_attest_failed_retry": later(
        "The app's attestation could not be checked.", "Nothing to change: it's tried again."
    ),
    # the flow and the request
    "unauthorized_client": _FLOW_OFF,
    "oauth_flow_disabled": _FLOW_OFF,
    "unsupported_response_type": _FLOW_OFF,
    "unsupported_grant_type": _GRANT_TYPE,
    "invalid_assertion_type": _BAD_ASSERTION,
    "invalid_request": _MALFORMED,
    "invalid_scope": _SCOPE,
    "redirect_uri_missing": _REDIRECT_URI,
    "redirect_uri_mismatch": _REDIRECT_URI,
    "access_denied": login("The user, or a policy, said no.", "Log in again and choose Allow."),
    "immediate_unsuccessful": _INTERACTIVE,
    "login_required": _INTERACTIVE,
    "interaction_required": _INTERACTIVE,
    "consent_required": _INTERACTIVE,
    "invalid_expid": _EXPERIENCE_ID,
    "unsupported_expid": _EXPERIENCE_ID,
    # the user, the org, the session
    "inactive_user": _INACTIVE_USER,
    "inactive_org": _INACTIVE_ORG,
    "invalid_session_level": login(
        "The app asks for a high-assurance session.", "Log in again with multi-factor authentication."
    ),
    "invalid_otp": _OTP,
    "otp_error": _OTP,
    "login_error": login("The headless login failed.", f"Log in again. {HISTORY}."),
    "expired_token": login("The device code has expired.", "Start the device login again."),
    "invalid_token": login("The token is no longer valid.", "Log in again; if this was a logout, it is already done."),
    "unsupported_token_type": fix(
        "Salesforce can't revoke this type of token.", "A JWT access token ends by itself; revoke the refresh token."
    ),
    "exceeded_registration_limit": fix(
        "The org has as many registered apps as it may have.", "Delete unused ones (limit: 100 per parent app)."
    ),
    "failed_registration": _REGISTRATION,
    "registration_error": _REGISTRATION,
    # DPoP (RFC 9449 sections 8 and 5)
    "use_dpop_nonce": later(
        "The server wants its nonce in the DPoP proof.", "Nothing to change: it's sent once more, with the nonce."
    ),
    "invalid_dpop_proof": bug(
        "Salesforce refused the DPoP proof.", "Check this machine's clock (NTP); else report it as a bug."
    ),
    # what passes by itself
    "rate_limit_exceeded": _LOGIN_RATE,
    "authorization_pending": later(
        "The user hasn't approved the device yet.", "Enter the code at the address shown.", POLLING_INTERVAL
    ),
    "slow_down": later(
        "The device flow polls too often.", "Nothing to change: the interval grows by 5 s.", POLLING_INTERVAL
    ),
    "server_error": _DOWN,
    "service_unavailable": _DOWN,
    "temporarily_unavailable": _DOWN,
    "system_down": _DOWN,
    "unknown_error": _DOWN,
}

RULES: Final[tuple[Rule, ...]] = (
    Rule(None, "token request is already being processed", None, _BUSY),
    # Until September 2024 a refresh token in use got the text of a spent code.
    Rule(None, "expired authorization code", _REFRESH, _BUSY),
    Rule(None, "expired authorization code", _ASSERTION, _BAD_ASSERTION),
    Rule(None, "expired authorization code", None, _CODE_SPENT),
    *(Rule(None, text, None, diagnosis) for text, diagnosis in _TEXTS.items()),
    Rule("invalid_grant", "invalid assertion", None, _BAD_ASSERTION),
    Rule("invalid_grant", None, _ASSERTION, _BAD_ASSERTION),
    Rule("invalid_grant", "invalid user credentials", None, _BAD_PASSWORD),
    Rule("invalid_grant", "invalid password", None, _BAD_PASSWORD),
    Rule("invalid_grant", None, _PASSWORD, _BAD_PASSWORD),
    Rule("invalid_grant", None, _REFRESH, _DEAD_REFRESH_TOKEN),
    Rule("invalid_grant", None, _CODE, _CODE_SPENT),
    Rule("invalid_grant", None, _DEVICE, _DEVICE_CODE),
    Rule("invalid_grant", None, _EXCHANGE, _EXCHANGE_REFUSED),
    Rule("invalid_client", "client identifier invalid", None, _UNKNOWN_CLIENT),
    Rule("invalid_request", "out-of-band", None, _OUT_OF_BAND),
    Rule("invalid_request", "https required", None, _TRANSPORT),
    Rule("invalid_request", "must use http", None, _TRANSPORT),
    Rule("invalid_request", "device code", None, _DEVICE_CODE),
    Rule("access_denied", None, _CLIENT, _RUN_AS_PORTAL),
    Rule("invalid_session_level", None, _NO_PERSON, _SESSION_LEVEL),
    Rule("app_blocked", None, _NO_PERSON, _BLOCKED_FOR_ALL),
    Rule("client_blocked", None, _NO_PERSON, _BLOCKED_FOR_ALL),
    Rule("fail_close_app_blocked", None, _NO_PERSON, _BLOCKED_FOR_ALL),
    *(Rule(code, None, None, diagnosis) for code, diagnosis in _CODES.items()),
)
