"""Each error that Salesforce is known to send leads to the decision, and to the place, that cures it."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth.diagnosis import RESOURCE_RULES, RULES, Diagnosis, diagnose, diagnose_resource
from sfauth.errors import ConfigurationError, LoginRequiredError, ProtocolError, TryLaterError

JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SAML = "urn:ietf:params:oauth:grant-type:saml2-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
CLIENT = "client_credentials"
FIX, LOGIN, LATER, BUG = ConfigurationError, LoginRequiredError, TryLaterError, ProtocolError

# code, text, grant -> class, and words that must stand in the hint
KNOWN = [
    # what only the text tells apart
    ("invalid_grant", "authentication failure", None, FIX, "Login History"),
    ("invalid_grant", "authentication failure", JWT, FIX, "certificate"),
    ("invalid_grant", "authentication failure", JWT, FIX, "clock"),
    ("invalid_grant", "authentication failure", JWT, FIX, "username"),
    ("invalid_grant", "authentication failure", SAML, FIX, "certificate"),
    ("invalid_grant", "authentication failure", "password", FIX, "security token"),
    ("invalid_grant", "authentication failure - Invalid Password", None, FIX, "security token"),
    ("invalid_grant", "invalid user credentials", "password", FIX, "security token"),
    ("invalid_grant", "invalid user credentials", JWT, FIX, "username"),
    ("invalid_grant", "user hasn't approved this consumer", JWT, FIX, "Admin approved users are pre-authorized"),
    ("invalid_grant", "user hasn't approved this consumer", SAML, FIX, "2 to 10 minutes"),
    ("invalid_grant", "audience is invalid", JWT, FIX, "https://test.salesforce.com"),
    ("invalid_grant", "Audience validation failed", JWT, FIX, "audience="),
    ("invalid_grant", "expired authorization code", "authorization_code", LOGIN, "Start the login again"),
    ("invalid_grant", "expired authorization code", None, LOGIN, "Start the login again"),
    ("invalid_grant", "expired authorization code", JWT, FIX, "certificate"),
    ("invalid_grant", "expired authorization code", "refresh_token", LATER, "retries"),
    ("invalid_grant", "expired access/refresh token", "refresh_token", LOGIN, "Refresh Token Policy"),
    ("invalid_grant", "expired access/refresh token", None, LOGIN, "Log in again"),
    ("invalid_grant", "inactive or unheard of", "refresh_token", LOGIN, "Log in again"),
    ("invalid_grant", None, "refresh_token", LOGIN, "Log in again"),
    ("invalid_grant", "token request is already being processed", "refresh_token", LATER, "retries"),
    ("invalid_grant", "token request is already being processed", "authorization_code", LATER, "retries"),
    ("invalid_grant", "ip restricted", None, FIX, "Login IP Ranges"),
    ("invalid_grant", "ip restricted", "refresh_token", FIX, "IP Relaxation"),
    ("invalid_grant", "IP restricted or invalid login hours", JWT, FIX, "Login Hours"),
    ("invalid_grant", "invalid code verifier", "authorization_code", LOGIN, "verifier"),
    ("invalid_request", "invalid code verifier", "authorization_code", LOGIN, "verifier"),
    ("invalid_grant", "invalid assertion", JWT, FIX, "certificate"),
    ("invalid_grant", "inactive user", JWT, FIX, "Unfreeze"),
    ("invalid_grant", "no client credentials user enabled", CLIENT, FIX, "Run As"),
    ("invalid_grant", "request not supported on this domain", CLIENT, FIX, "My Domain"),
    ("invalid_grant", "no valid scopes defined", CLIENT, FIX, "(api)"),
    ("invalid_grant", "user is not admin approved by administrator", JWT, FIX, "permission set"),
    ("invalid_grant", "guest flow not enabled", "authorization_code", FIX, "Flow Enablement"),
    ("invalid_grant", None, "authorization_code", LOGIN, "once"),
    ("invalid_grant", None, "device", LOGIN, "10 minutes"),
    ("invalid_grant", None, EXCHANGE, FIX, "Token Exchange Handlers"),
    ("invalid_grant", None, None, FIX, "Login History"),
    ("invalid_client_id", "client identifier invalid", JWT, FIX, "2 to 10 minutes"),
    ("invalid_client", "client identifier invalid", JWT, FIX, "consumer key"),
    ("invalid_client", "invalid client credentials", CLIENT, FIX, "consumer secret"),
    ("invalid_client_credentials", None, CLIENT, FIX, "consumer secret"),
    ("invalid_client", "app must be installed into org", JWT, FIX, "Connected Apps OAuth Usage"),
    ("invalid_app_access", "user is not admin approved", JWT, FIX, "permission set"),
    ("invalid_app_access", None, "refresh_token", FIX, "profile"),
    ("app_blocked", None, "refresh_token", LOGIN, "Unblock"),
    ("client_blocked", None, "refresh_token", LOGIN, "Unblock"),
    ("app_blocked", None, JWT, FIX, "Unblock"),
    ("app_blocked", None, None, LOGIN, "Unblock"),
    ("oauth_flow_disabled", None, CLIENT, FIX, "OAuth and OpenID Connect Settings"),
    ("unsupported_grant_type", "grant type not supported", CLIENT, FIX, "lightning.force.com"),
    ("unsupported_response_type", "response type not supported", None, FIX, "Flow Enablement"),
    ("invalid_request", "https required", None, FIX, "URL"),
    ("invalid_request", "must use HTTP POST", None, FIX, "URL"),
    ("invalid_request", "out-of-band not supported", None, FIX, "callback"),
    ("invalid_request", "missing required code challenge", None, FIX, "S256"),
    ("invalid_request", "missing required parameter: assertion", JWT, FIX, "parameter"),
    ("invalid_request", "uvid invalid", None, FIX, "UVID"),
    ("invalid_request", "invalid headers", None, FIX, "Auth-Request-Type"),
    ("invalid_request", "invalid device code", "device", LOGIN, "again"),
    ("invalid_scope", "the requested scope is not allowed", "refresh_token", FIX, "Selected OAuth Scopes"),
    ("invalid_scope", "scope parameter not supported", CLIENT, FIX, "Leave scope out"),
    ("invalid_request", "scope parameter not supported", CLIENT, FIX, "Leave scope out"),
    ("access_denied", "end-user denied authorization", None, LOGIN, "Allow"),
    ("access_denied", "end-user denied authorization", "device", LOGIN, "Allow"),
    ("access_denied", "end-user denied authorization", CLIENT, FIX, "Run As"),
    ("redirect_uri_missing", None, None, FIX, "Callback URL"),
    ("redirect_uri_mismatch", "redirect_uri must match configuration", None, FIX, "Callback URL"),
    ("immediate_unsuccessful", "immediate unsuccessful", None, LOGIN, "prompt=none"),
    ("inactive_user", "user is inactive", "refresh_token", FIX, "Setup > Users"),
    ("inactive_org", "organization is inactive", JWT, FIX, "Salesforce Support"),
    ("inactive_org", "organization is locked", JWT, FIX, "Salesforce Support"),
    ("rate_limit_exceeded", "login rate exceeded", "password", LATER, "Wait"),
    ("rate_limit_exceeded", None, JWT, LATER, "Wait"),
    ("invalid_grant", "login rate exceeded", "password", LATER, "Wait"),
    ("invalid_session_level", None, JWT, FIX, "high-assurance"),
    ("invalid_session_level", None, None, LOGIN, "multi-factor"),
    ("unsupported_token_type", "this token type is not supported", None, FIX, "refresh token"),
    ("invalid_token", "invalid token: gone", None, LOGIN, "already done"),
    ("authorization_pending", None, "device", LATER, "code"),
    ("slow_down", None, "device", LATER, "5 s"),
    ("use_dpop_nonce", None, JWT, LATER, "nonce"),
    ("invalid_dpop_proof", None, JWT, BUG, "clock"),
    ("bad_jti_claim", None, CLIENT, BUG, "fresh"),
    ("server_error", None, JWT, LATER, "status.salesforce.com"),
    ("service_unavailable", None, JWT, LATER, "status.salesforce.com"),
    ("system_down", None, JWT, LATER, "status.salesforce.com"),
    ("unknown_error", None, JWT, LATER, "status.salesforce.com"),
]

# As Salesforce's Android SDK lists them ("OAuthErrorCode").
SERVER_CODES = """
access_denied app_blocked app_not_found authorization_pending bad_jti_claim app_attest_failed app_attest_failed_retry
ecapp_policy_not_found exceeded_registration_limit fail_close_app_blocked failed_registration immediate_unsuccessful
installation_error invalid_app_access invalid_assertion_type invalid_basic_auth_header invalid_dpop_proof invalid_client
invalid_client_id invalid_distribution_state invalid_expid invalid_grant invalid_otp invalid_request invalid_scope
invalid_session_level invalid_token login_error oauth_flow_disabled oauth_policy_not_found otp_error
redirect_uri_missing redirect_uri_mismatch registration_error server_error service_unavailable slow_down system_down
unknown_error unsupported_expid unsupported_grant_type unsupported_response_type unsupported_token_type use_dpop_nonce
inactive_user inactive_org rate_limit_exceeded invalid_client_credentials client_blocked
""".split()

OAUTH_DIAGNOSES = [rule.diagnosis for rule in RULES]
RESOURCE_DIAGNOSES = [rule.diagnosis for rule in RESOURCE_RULES]


@pytest.mark.parametrize(("code", "text", "grant", "error_class", "words"), KNOWN)
def test_a_known_error_leads_to_its_cure(code, text, grant, error_class, words):
    diagnosis = diagnose(code, text, grant_type=grant)
    assert diagnosis.error_class is error_class
    assert words in diagnosis.hint


@pytest.mark.parametrize("code", SERVER_CODES)
@pytest.mark.parametrize("grant", [None, JWT, CLIENT, "refresh_token"])
def test_each_code_that_the_server_has_is_known_without_its_text(code, grant):
    assert diagnose(code, None, grant_type=grant) != diagnose("never heard of", None)


def test_an_unknown_code_is_remembered_as_something_to_fix():
    diagnosis = diagnose("out_of_cheese", "redo from start", grant_type=JWT)
    assert diagnosis.error_class is ConfigurationError
    assert diagnosis.retry_after is None


def test_only_the_use_of_one_refresh_token_by_two_counts_as_busy():
    busy = {(code, text, grant) for code, text, grant, *_ in KNOWN if diagnose(code, text, grant_type=grant).busy}
    assert busy == {
        ("invalid_grant", "token request is already being processed", "refresh_token"),
        ("invalid_grant", "token request is already being processed", "authorization_code"),
        ("invalid_grant", "expired authorization code", "refresh_token"),
    }


def test_too_many_logins_pause_for_a_quarter_of_an_hour():
    assert diagnose("rate_limit_exceeded", None).retry_after == 900.0


@pytest.mark.parametrize("text", ["USER HASN'T APPROVED THIS CONSUMER", "user hasn’t  approved\nthis consumer."])
def test_texts_match_whatever_their_case_quotes_and_blanks(text):
    assert diagnose(" Invalid_Grant ", text) is diagnose("invalid_grant", "user hasn't approved this consumer")


def test_nobody_is_asked_to_log_in_again_for_a_flow_without_a_person():
    codes = set(SERVER_CODES) - {"immediate_unsuccessful", "invalid_otp", "otp_error", "login_error", "invalid_token"}
    for code in codes - {"access_denied"}:
        for grant in (JWT, CLIENT, "password"):
            assert diagnose(code, None, grant_type=grant).error_class is not LoginRequiredError, (code, grant)


@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_any_text_gets_a_diagnosis(code, text, grant):
    assert isinstance(diagnose(code, text, grant_type=grant), Diagnosis)


@pytest.mark.parametrize("diagnosis", [*OAUTH_DIAGNOSES, *RESOURCE_DIAGNOSES])
def test_every_row_reads_well_at_three_in_the_morning(diagnosis):
    for text in (diagnosis.meaning, diagnosis.hint):
        assert text.endswith(".")
        assert text[0] in string.ascii_uppercase + "'"
        assert "  " not in text
        assert ".." not in text
    assert len(diagnosis.meaning) <= 100
    assert len(diagnosis.hint) <= 420
    if diagnosis.error_class is not TryLaterError:
        assert diagnosis.retry_after is None
        assert not diagnosis.busy


def test_no_row_hides_behind_an_earlier_one():
    unreachable = [
        late
        for number, late in enumerate(RULES)
        for early in RULES[:number]
        if early.error in (None, late.error)
        and (early.contains is None or (late.contains is not None and early.contains in late.contains))
        and (early.grant_types is None or set(late.grant_types or ("?",)) <= set(early.grant_types))
    ]
    assert unreachable == []


RESOURCE = [
    (401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API", FIX, "(api)"),
    (401, None, "Connected app is not attached to Agent", FIX, "Connections"),
    (401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", FIX, "[REDACTED]"),
    (401, "INVALID_ISS", None, FIX, "iss"),
    (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", LATER, "API Usage"),
    (500, "sf:REQUEST_LIMIT_EXCEEDED", None, LATER, "API Usage"),
    (403, "API_DISABLED_FOR_ORG", None, FIX, "edition"),
    (403, "API_CURRENTLY_DISABLED", "API is disabled for this User", FIX, "API Enabled"),
    (403, "INSUFFICIENT_ACCESS", None, FIX, "permission set"),
    (400, "INSUFFICIENT_ACCESS_OR_READONLY", None, FIX, "permission set"),
    (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", None, FIX, "permission set"),
    (403, "FUNCTIONALITY_NOT_ENABLED", None, FIX, "Setup"),
    (403, "CLIENT_NOT_ACCESSIBLE_FOR_USER", None, FIX, "permission set"),
    (500, "sf:INVALID_OPERATION_WITH_EXPIRED_PASSWORD", None, FIX, "Password Never Expires"),
    (500, "sf:LOGIN_MUST_USE_SECURITY_TOKEN", None, FIX, "Reset My Security Token"),
    (500, "sf:LOGIN_DURING_RESTRICTED_TIME", None, FIX, "Login Hours"),
    (500, "sf:LOGIN_DURING_RESTRICTED_DOMAIN", None, FIX, "Login IP Ranges"),
    (500, "sf:LOGIN_SOMETHING_NEW", None, FIX, "Login History"),
    (500, "sf:INVALID_LOGIN", None, FIX, "test.salesforce.com"),
    (500, "sf:PASSWORD_LOCKOUT", None, FIX, "Unlock"),
    (403, "INACTIVE_OWNER_OR_USER", None, FIX, "Active"),
    (403, "TRIAL_EXPIRED", None, FIX, "another org"),
    (403, "ORG_LOCKED", None, FIX, "Salesforce Support"),
    (403, "TXN_SECURITY_NO_ACCESS", None, FIX, "Transaction Security"),
    (403, None, "A higher session level is required", FIX, "multi-factor"),
    (404, "URL_NOT_RESET", None, FIX, "instance_url"),
    (403, "Wrong_Org", None, FIX, "instance_url"),
    (503, "SERVER_UNAVAILABLE", None, LATER, "status.salesforce.com"),
    (503, None, None, LATER, "status.salesforce.com"),
    (420, None, "<html>", LATER, "status.salesforce.com"),
    (502, None, None, LATER, "status.salesforce.com"),
    (500, "REQUEST_RUNNING_TOO_LONG", None, LATER, "less at once"),
    (400, "QUERY_TIMEOUT", None, LATER, "less at once"),
    (431, None, None, FIX, "opaque"),
    (414, None, None, FIX, "Shorten"),
]


@pytest.mark.parametrize(("status", "code", "text", "error_class", "words"), RESOURCE)
def test_an_api_error_that_a_new_token_does_not_cure_says_what_does(status, code, text, error_class, words):
    diagnosis = diagnose_resource(status, code, text)
    assert diagnosis is not None
    assert diagnosis.error_class is error_class
    assert words in diagnosis.hint


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (401, "INVALID_SESSION_ID", "Session expired or invalid"),
        (400, "InvalidSessionId", "Invalid session id"),
        (500, "sf:INVALID_SESSION_ID", "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader"),
        (403, "Bad_OAuth_Token", None),
        (401, None, None),
        (400, "MALFORMED_QUERY", "unexpected token: FORM"),
        (404, "NOT_FOUND", None),
        (200, "REQUEST_LIMIT_EXCEEDED", None),
    ],
)
def test_an_expired_session_and_what_is_not_about_access_get_no_diagnosis(status, code, text):
    assert diagnose_resource(status, code, text) is None


@given(st.integers(0, 999), st.none() | st.text(), st.none() | st.text())
def test_any_api_answer_is_looked_at_without_an_error(status, code, text):
    assert isinstance(diagnose_resource(status, code, text), Diagnosis | None)
