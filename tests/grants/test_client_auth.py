"""Client authentication, and the two grants that leave the choice."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jwt
import pytest

from sfauth.errors import ConfigurationError
from sfauth.grants import ClientCredentialsGrant, RefreshTokenGrant
from sfauth.org import Org

from .conftest import PASSPHRASE, Keys

ORG = Org("https://acme.my.salesforce.com")
NOW = 1_750_000_000.9
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(params=["client credentials", "refresh token"])
def make(request: pytest.FixtureRequest) -> Any:
    if request.param == "client credentials":
        return lambda **fields: ClientCredentialsGrant(client_id="3MVG9", **fields)
    return lambda **fields: RefreshTokenGrant(client_id="3MVG9", refresh_token="5Aep861", **fields)


def of_the_client(form: Any) -> dict[str, str]:
    return {name: value for name, value in form.items() if name not in ("grant_type", "refresh_token")}


def test_a_secret_is_posted_unless_told_otherwise(make: Any):
    for grant in (make(client_secret="s3cret"), make(client_secret="s3cret", client_auth="post")):
        request = grant.request(ORG, now=NOW, jti="a")
        assert of_the_client(request.form) == {"client_id": "3MVG9", "client_secret": "s3cret"}
        assert request.headers == {}
        assert grant.client_auth == "post"


def test_basic_takes_both_values_out_of_the_form(make: Any):
    request = make(client_secret="s+c/r%et: ß", client_auth="basic").request(ORG, now=NOW, jti="a")
    assert of_the_client(request.form) == {}
    assert request.headers == {"Authorization": "Basic " + base64.b64encode("3MVG9:s+c/r%et: ß".encode()).decode()}


@pytest.mark.parametrize("client_auth", [None, "private_key_jwt"])
def test_a_key_signs_an_assertion_of_the_client_about_itself(make: Any, keys: Keys, client_auth: Any):
    grant = make(private_key=keys.encrypted["PKCS#8"], passphrase=PASSPHRASE, client_auth=client_auth)
    form = of_the_client(grant.request(ORG, now=NOW, jti="a").form)
    assert set(form) == {"client_id", "client_assertion", "client_assertion_type"}
    assert form["client_assertion_type"] == ASSERTION_TYPE
    options: Any = {"verify_exp": False, "verify_iat": False}
    said = jwt.decode(
        form["client_assertion"], keys.public, algorithms=["RS256"], audience=ORG.token_url, options=options
    )
    assert said["iss"] == said["sub"] == "3MVG9"
    assert said["jti"] == "a"
    assert type(said["exp"]) is int
    assert NOW < said["exp"] <= NOW + 180


def test_another_endpoint_gets_an_assertion_for_itself(make: Any, keys: Keys, pem: str):
    proof = make(private_key=pem).client_authentication(ORG, audience=ORG.introspect_url, now=NOW, jti="b")
    claims = jwt.decode(proof.form["client_assertion"], options={"verify_signature": False})
    assert claims["aud"] == ORG.introspect_url
    assert set(proof.form) == {"client_id", "client_assertion", "client_assertion_type"}


def test_another_endpoint_gets_the_secret_in_the_same_way(make: Any):
    posted = make(client_secret="s3cret").client_authentication(ORG, audience=ORG.introspect_url, now=NOW, jti="b")
    assert posted.form == {"client_id": "3MVG9", "client_secret": "s3cret"}
    basic = make(client_secret="s3cret", client_auth="basic")
    proof = basic.client_authentication(ORG, audience=ORG.introspect_url, now=NOW, jti="b")
    assert (proof.form, set(proof.headers)) == ({}, {"Authorization"})


def test_the_method_is_part_of_the_value_whether_told_or_not(make: Any):
    assert make(client_secret="s3cret") == make(client_secret="s3cret", client_auth="post")
    assert make(client_secret="s3cret") != make(client_secret="s3cret", client_auth="basic")


def test_secret_and_key_together_are_refused(make: Any, pem: str):
    for key in (pem, Path("server.key")):
        with pytest.raises(ConfigurationError, match="client_secret and private_key are both given"):
            make(client_secret="s3cret", private_key=key)


@pytest.mark.parametrize("client_auth", ["private_key_jwt", "none"])
def test_a_method_that_does_not_go_with_a_secret_is_refused(make: Any, client_auth: Any):
    with pytest.raises(ConfigurationError, match=client_auth):
        make(client_secret="s3cret", client_auth=client_auth)


@pytest.mark.parametrize("client_auth", ["post", "basic", "none"])
def test_a_method_that_does_not_go_with_a_key_is_refused(make: Any, pem: str, client_auth: Any):
    with pytest.raises(ConfigurationError, match=client_auth):
        make(private_key=pem, client_auth=client_auth)


@pytest.mark.parametrize("client_auth", ["client_secret_post", "s3cret", 17])
def test_an_unknown_method_is_refused_and_not_repeated(make: Any, client_auth: Any):
    with pytest.raises(ConfigurationError, match="client_auth is unknown") as caught:
        make(client_secret="s3cret", client_auth=client_auth)
    assert str(client_auth) not in str(caught.value)


def test_a_key_that_is_none_is_found_at_construction(make: Any):
    with pytest.raises(ConfigurationError, match="looks like a file name"):
        make(private_key="server.key")
