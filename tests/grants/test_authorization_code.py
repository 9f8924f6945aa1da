"""Authorization code: what is sent, what is refused before it is sent, and what comes after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest

from sfauth.credentials import store_key
from sfauth.errors import ConfigurationError, LoginRequiredError
from sfauth.grants import (
    AuthorizationCodeGrant,
    InsecureFlowError,
    InsecureFlows,
    RefreshTokenGrant,
    UnrenewableGrant,
)
from sfauth.org import Org
from sfauth.token import Token

from .conftest import Keys

ORG = Org("https://acme.my.salesforce.com")
CALLBACK = "https://app.example.com/callback"
VERIFIER = "v" * 43
WITH_REFRESH = Token(access_token="00D!a", refresh_token="5Aep861")


def grant(**changes: Any) -> AuthorizationCodeGrant:
    return AuthorizationCodeGrant(
        **{"client_id": "3MVG9", "code": "aPrx1==", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **changes}
    )


def test_a_public_client_sends_code_redirect_uri_and_verifier():
    assert grant().request(ORG, now=0, jti="a").form == {
        "grant_type": "authorization_code",
        "code": "aPrx1==",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "3MVG9",
    }


def test_a_secret_goes_along():
    form = grant(client_secret="s3cret").request(ORG, now=0, jti="a").form
    assert form["client_secret"] == "s3cret"


def test_a_key_signs_for_the_token_endpoint(pem: str, keys: Keys):
    form = grant(private_key=pem).request(ORG, now=1e9, jti="a").form
    said = jwt.decode(
        form["client_assertion"],
        keys.public,
        algorithms=["RS256"],
        audience=ORG.token_url,
        options={"verify_exp": False},
    )
    assert said["sub"] == "3MVG9"


def test_the_hybrid_flow_has_a_grant_type_of_its_own_and_keeps_to_it():
    made = grant(hybrid=True)
    assert made.request(ORG, now=0, jti="a").form["grant_type"] == "hybrid_auth_code"
    assert made.renewed(WITH_REFRESH).request(ORG, now=0, jti="b").form["grant_type"] == "hybrid_refresh"


@pytest.mark.parametrize("code", ["aPrx1%3D%3D", "aPrx%2e1"])
def test_a_code_that_is_still_encoded_is_refused(code: str):
    with pytest.raises(ConfigurationError, match="code is still URL-encoded") as caught:
        grant(code=code)
    assert code not in str(caught.value)


def test_a_code_from_a_file_is_looked_at_when_it_is_read():
    assert grant(code=Path("code")).code == Path("code")


def test_without_pkce_it_needs_leave():
    with pytest.raises(InsecureFlowError, match="without PKCE is blocked") as caught:
        grant(code_verifier=None)
    assert "AuthorizationCodeGrant(..., insecure_flows=InsecureFlows(code_without_pkce=True))" in str(caught.value)
    allowed = grant(code_verifier=None, insecure_flows=InsecureFlows(code_without_pkce=True))
    assert "code_verifier" not in allowed.request(ORG, now=0, jti="a").form


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "=", "v" * 42 + "+", "ü" * 43])
def test_a_verifier_that_is_none_is_refused(verifier: str):
    with pytest.raises(ConfigurationError, match="code_verifier is not 43 to 128") as caught:
        grant(code_verifier=verifier)
    assert verifier not in str(caught.value)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        CALLBACK,
        "https://app.example.com:8443/callback?tenant=1",
        "http://localhost:8080/callback",
        "http://127.0.0.1:1717/OauthRedirect",
        "http://[::1]:1717/",
        "myapp://oauth/callback",
        "com.example.app:/callback",
    ],
)
def test_callback_urls_of_web_loopback_and_native_apps_are_taken(redirect_uri: str):
    assert grant(redirect_uri=redirect_uri).request(ORG, now=0, jti="a").form["redirect_uri"] == redirect_uri


@pytest.mark.parametrize(
    ("redirect_uri", "said"),
    [
        (None, "redirect_uri is missing"),
        ("", "redirect_uri is empty"),
        ("/callback", "not an absolute URL"),
        ("app.example.com/callback", "not an absolute URL"),
        ("https://app.example.com/callback#top", "has a fragment"),
        ("https://app.example.com/call back", "contains blanks"),
        ("https://äpp.example.com/callback", "other than ASCII"),
        ("https://user@app.example.com/callback", "no valid host"),
        ("https:///callback", "no valid host"),
        ("http://app.example.com/callback", "travel in the clear"),
        ("urn:ietf:wg:oauth:2.0:oob", "out-of-band"),
        ("javascript:alert(1)", "not an absolute URL that leads to an app"),
        ("DATA:text/html,x", "not an absolute URL that leads to an app"),
        ("https://app.example.com/" + "x" * 2000, "longer than 2000 characters"),
    ],
)
def test_a_redirect_uri_that_salesforce_could_not_take_is_refused(redirect_uri: Any, said: str):
    with pytest.raises(ConfigurationError, match=said):
        grant(redirect_uri=redirect_uri)


def test_the_refresh_token_that_comes_along_goes_on_with_the_same_proof(pem: str):
    assert grant(private_key=pem, username="ann@acme.com").renewed(WITH_REFRESH) == RefreshTokenGrant(
        client_id="3MVG9", refresh_token="5Aep861", private_key=pem, username="ann@acme.com"
    )
    assert grant(client_secret="s3cret", client_auth="basic").renewed(WITH_REFRESH) == RefreshTokenGrant(
        client_id="3MVG9", refresh_token="5Aep861", client_secret="s3cret", client_auth="basic"
    )


def test_without_a_refresh_token_somebody_has_to_log_in_again():
    after = grant(username="ann@acme.com").renewed(Token(access_token="00D!a"))
    assert after == UnrenewableGrant(client_id="3MVG9", username="ann@acme.com")
    with pytest.raises(LoginRequiredError, match="nothing can renew it") as caught:
        after.request(ORG, now=0, jti="a")
    assert "refresh_token" in str(caught.value.hint)
    after.check(ORG)
    assert (after.subject, after.signs) == ("ann@acme.com", False)
    assert after.client_authentication(ORG, audience=ORG.introspect_url, now=0, jti="a") is None
    assert after.renewed(WITH_REFRESH) is after


def test_two_logins_are_two_identities_even_of_one_user():
    ann, bob = grant(), grant(code="aPrx2==")
    assert ann.subject != bob.subject
    assert store_key(ann, ORG) != store_key(bob, ORG)
    assert "aPrx" not in str(ann.subject)
    named = grant(username="ann@acme.com"), grant(username="ann@acme.com", code="aPrx2==")
    assert store_key(named[0], ORG) != store_key(named[1], ORG)


def test_a_public_client_cannot_prove_itself_elsewhere():
    assert grant().client_authentication(ORG, audience=ORG.introspect_url, now=0, jti="a") is None
    proof = grant(client_secret="s3cret").client_authentication(ORG, audience=ORG.introspect_url, now=0, jti="a")
    assert proof is not None
    assert proof.form["client_secret"] == "s3cret"
