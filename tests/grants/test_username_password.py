"""Username and password: the form, and the one warning."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import pytest

from sfauth.grants import LegacyFlowWarning, UsernamePasswordGrant
from sfauth.grants import username_password as module
from sfauth.org import Org


def grant(**changes) -> UsernamePasswordGrant:
    fields = {
        "client_id": "3MVG9",
        "client_secret": "s3cret",
        "username": "ann@acme.com",
        "password": "pa55",
        **changes,
    }
    return UsernamePasswordGrant(**fields)


@pytest.fixture
def first_in_its_process():
    module._warn_once.cache_clear()
    yield
    module._warn_once.cache_clear()


@pytest.mark.usefixtures("warned")
@pytest.mark.parametrize(
    ("fields", "password"),
    [
        ({}, "pa55"),
        ({"security_token": "t0ken"}, "pa55t0ken"),
        ({"security_token": b"t0ken\n", "password": b"pa55\n"}, "pa55t0ken"),
        ({"password": " pa55 "}, " pa55 "),
    ],
)
def test_the_security_token_follows_the_password(fields: dict[str, object], password: str):
    assert grant(**fields).request(Org("login"), now=0, jti="a").form == {
        "grant_type": "password",
        "client_id": "3MVG9",
        "client_secret": "s3cret",
        "username": "ann@acme.com",
        "password": password,
    }


@pytest.mark.usefixtures("warned")
def test_introspection_gets_the_client_but_not_the_user():
    org = Org("acme")
    proof = grant().client_authentication(org, audience=org.introspect_url, now=0, jti="a")
    assert proof.form == {"client_id": "3MVG9", "client_secret": "s3cret"}


@pytest.mark.usefixtures("first_in_its_process")
def test_the_warning_comes_once_and_points_at_the_line_that_made_the_grant():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first = grant()
        grant(password=Path("password"))
        dataclasses.replace(first, password="new")
    [warning] = caught
    assert warning.category is LegacyFlowWarning
    assert warning.filename == __file__
    for part in ("Summer '23", "20 February 2027", "JWTBearerGrant", "ClientCredentialsGrant"):
        assert part in str(warning.message)
    assert "pa55" not in str(warning.message)


@pytest.mark.usefixtures("first_in_its_process")
def test_where_warnings_are_errors_every_such_grant_fails():
    for _ in range(2):
        with pytest.raises(LegacyFlowWarning):
            grant()
