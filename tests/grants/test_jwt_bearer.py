"""JWT bearer: what Salesforce reads from the assertion, checked with another library than the one that wrote it."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth.errors import ConfigurationError
from sfauth.grants import JWTBearerGrant
from sfauth.org import Org

from .conftest import PASSPHRASE, Keys

ORG = Org("https://acme.my.salesforce.com")
NOW = 1_750_000_000.9


def grant(pem: str, **changes: Any) -> JWTBearerGrant:
    return JWTBearerGrant(**{"client_id": "3MVG9", "username": "ann@acme.com", "private_key": pem, **changes})


def claims(assertion: str, keys: Keys, audience: str) -> dict[str, Any]:
    """Signature and audience verified by PyJWT; times are the tests' own."""
    options: Any = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(assertion, keys.public, algorithms=["RS256"], audience=audience, options=options)


def test_the_form_holds_the_grant_type_and_an_assertion_only(pem: str):
    request = grant(pem).request(ORG, now=NOW, jti="a")
    assert set(request.form) == {"grant_type", "assertion"}
    assert request.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert request.headers == {}


def test_the_assertion_says_who_for_whom_to_whom_and_until_when(pem: str, keys: Keys):
    assertion = grant(pem).request(ORG, now=NOW, jti="a").form["assertion"]
    assert jwt.get_unverified_header(assertion) == {"alg": "RS256", "typ": "JWT"}
    assert claims(assertion, keys, "https://login.salesforce.com") == {
        "iss": "3MVG9",
        "sub": "ann@acme.com",
        "aud": "https://login.salesforce.com",
        "iat": 1_750_000_000,
        "exp": 1_750_000_170,
        "jti": "a",
    }


@pytest.mark.parametrize(
    ("where", "audience"),
    [
        ("login", "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.site.com/customers", "https://acme.my.site.com/customers"),
    ],
)
def test_the_audience_is_the_orgs(pem: str, keys: Keys, where: str, audience: str):
    assertion = grant(pem).request(Org(where), now=NOW, jti="a").form["assertion"]
    assert claims(assertion, keys, audience)["aud"] == audience


def test_the_grants_own_audience_wins(pem: str, keys: Keys):
    own = "https://acme.my.salesforce.com"
    assertion = grant(pem, audience=own).request(ORG, now=NOW, jti="a").form["assertion"]
    assert claims(assertion, keys, own)["aud"] == own


@given(now=st.floats(0, 1e11), lifetime=st.integers(1, 180))
def test_times_are_whole_seconds_and_exp_is_at_most_three_minutes_ahead(pem: str, now: float, lifetime: int):
    assertion = grant(pem, lifetime=lifetime).request(ORG, now=now, jti="a").form["assertion"]
    payload = assertion.split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert type(said["iat"]) is type(said["exp"]) is int
    assert now - 1 < said["iat"] <= now
    assert said["exp"] - said["iat"] == lifetime
    assert said["exp"] <= now + 180


def test_each_attempt_gets_an_assertion_of_its_own(pem: str, keys: Keys):
    made = grant(pem)
    first = made.request(ORG, now=NOW, jti="a").form["assertion"]
    second = made.request(ORG, now=NOW + 5, jti="b").form["assertion"]
    assert claims(first, keys, ORG.audience)["jti"] == "a"
    assert claims(second, keys, ORG.audience)["jti"] == "b"
    assert claims(second, keys, ORG.audience)["exp"] == claims(first, keys, ORG.audience)["exp"] + 5


@pytest.mark.parametrize("name", ["PKCS#8", "PKCS#1"])
def test_an_encrypted_key_signs_as_well(keys: Keys, name: str):
    made = grant(keys.encrypted[name], passphrase=PASSPHRASE)
    assert claims(made.request(ORG, now=NOW, jti="a").form["assertion"], keys, ORG.audience)["sub"] == "ann@acme.com"


def test_introspection_is_asked_for_with_the_same_key(pem: str, keys: Keys):
    proof = grant(pem).client_authentication(ORG, audience=ORG.introspect_url, now=NOW, jti="a")
    said = claims(proof.form["client_assertion"], keys, ORG.introspect_url)
    assert said["iss"] == said["sub"] == "3MVG9"
    assert proof.form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.mark.parametrize("lifetime", [0, -1, 181, 300, 170.0, "170", True, None])
def test_a_lifetime_that_salesforce_refuses_is_refused_here(pem: str, lifetime: object):
    with pytest.raises(ConfigurationError, match="lifetime is not a whole number of seconds from 1 to 180"):
        grant(pem, lifetime=lifetime)


@pytest.mark.parametrize(
    ("audience", "said"),
    [("", "audience is empty"), ("login", "audience is not a URL"), (17, "audience is of type int")],
)
def test_an_audience_that_is_none_is_refused(pem: str, audience: object, said: str):
    with pytest.raises(ConfigurationError, match=said):
        grant(pem, audience=audience)


@pytest.mark.parametrize(
    ("private_key", "said"),
    [
        (None, "private_key is missing"),
        ("", "private_key is empty"),
        ("server.key", "private_key looks like a file name"),
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02", "private_key is a Java key store"),
    ],
)
def test_a_key_that_is_none_is_found_at_construction(private_key: Any, said: str):
    with pytest.raises(ConfigurationError, match=said):
        grant(private_key)


def test_a_missing_passphrase_is_found_at_construction(keys: Keys):
    for empty in (None, "", "\n", b""):
        with pytest.raises(ConfigurationError, match="no passphrase"):
            grant(keys.encrypted["PKCS#8"], passphrase=empty)


@pytest.mark.parametrize("name", ["EC, PKCS#8", "Ed25519", "1024 bits", "damaged"])
def test_a_key_that_only_parsing_can_tell_is_found_at_the_first_request(keys: Keys, name: str):
    made = grant(keys.bad[name])
    with pytest.raises(ConfigurationError, match="private_key"):
        made.request(ORG, now=NOW, jti="a")
