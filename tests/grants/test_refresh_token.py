"""Refresh token: rotation, and clients without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfauth.errors import ConfigurationError
from sfauth.grants import RefreshTokenGrant
from sfauth.org import Org
from sfauth.token import Token

ORG = Org("login")
OLD = RefreshTokenGrant(
    client_id="3MVG9", refresh_token="5Aep861old", client_secret=Path("secret"), username="ann@acme.com"
)
PUBLIC = RefreshTokenGrant(client_id="3MVG9", refresh_token="5Aep861")


def test_a_rotated_refresh_token_replaces_the_old_one_and_nothing_else():
    new = OLD.renewed(Token(access_token="00D!a", refresh_token="5Aep861new"))
    assert new == RefreshTokenGrant(
        client_id="3MVG9", refresh_token="5Aep861new", client_secret=Path("secret"), username="ann@acme.com"
    )
    assert OLD.refresh_token == "5Aep861old"


def test_the_same_refresh_token_again_is_no_news():
    assert OLD.renewed(Token(access_token="00D!a", refresh_token="5Aep861old")) is OLD


def test_a_rotated_refresh_token_takes_the_place_of_a_file():
    grant = RefreshTokenGrant(client_id="3MVG9", refresh_token=Path("refresh_token"))
    assert grant.renewed(Token(access_token="00D!a", refresh_token="5Aep861new")).refresh_token == "5Aep861new"


def test_a_client_without_a_secret_sends_its_id_only():
    request = PUBLIC.request(ORG, now=0, jti="a")
    assert request.form == {"grant_type": "refresh_token", "refresh_token": "5Aep861", "client_id": "3MVG9"}
    assert PUBLIC.client_auth == "none"


def test_a_client_without_a_secret_cannot_prove_itself_elsewhere():
    assert PUBLIC.client_authentication(ORG, audience=ORG.introspect_url, now=0, jti="a") is None


@pytest.mark.parametrize("value", [None, "", " ", b"\n"])
def test_a_missing_refresh_token_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"refresh_token is (missing|empty)"):
        RefreshTokenGrant(client_id="3MVG9", refresh_token=value)


@pytest.mark.parametrize("client_auth", ["post", "basic", "private_key_jwt"])
def test_a_method_without_what_it_needs_is_refused(client_auth):
    with pytest.raises(ConfigurationError, match=client_auth):
        RefreshTokenGrant(client_id="3MVG9", refresh_token="5Aep861", client_auth=client_auth)


def test_the_username_is_not_sent():
    grant = RefreshTokenGrant(client_id="3MVG9", refresh_token="5Aep861", username="ann@acme.com")
    assert "ann@acme.com" not in grant.request(ORG, now=0, jti="a").form.values()
    assert grant.subject == "ann@acme.com"


def test_a_hybrid_login_is_renewed_as_one():
    grant = RefreshTokenGrant(client_id="3MVG9", refresh_token="5Aep861", hybrid=True)
    assert grant.request(ORG, now=0, jti="a").form["grant_type"] == "hybrid_refresh"
    rotated = grant.renewed(Token(access_token="00D!a", refresh_token="5Aep861new"))
    assert rotated.request(ORG, now=0, jti="a").form["grant_type"] == "hybrid_refresh"
