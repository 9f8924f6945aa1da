"""What holds for every grant: the contract, early checks, and that no secret leaves by a side door."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfauth.errors import ConfigurationError
from sfauth.grants import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    DeviceGrant,
    Grant,
    JWTBearerGrant,
    RefreshTokenGrant,
    TokenExchangeGrant,
    TokenRequest,
    UnrenewableGrant,
    UsernamePasswordGrant,
)
from sfauth.org import Org
from sfauth.token import Token

from .conftest import PASSPHRASE, Keys

pytestmark = pytest.mark.usefixtures("warned")

ORG = Org("https://acme.my.salesforce.com")
CLIENT = "3MVG9acme.consumer_key"
SECRET, REFRESH, PASSWORD, SECURITY = "s3cret-of-the-app", "5Aep861refresh==", "pa55word-of-ann", "tok3n-of-ann"
CODE, VERIFIER, DEVICE, SUBJECT = (
    "aPrxcode.of-ann==",
    "verifier-of-ann-" + 43 * "v",
    "M01device-code",
    "token-of-the-idp",
)
SECRETS = (SECRET, REFRESH, PASSWORD, SECURITY, PASSPHRASE, CODE, VERIFIER, DEVICE, SUBJECT)
ONE_TIME = {"refresh_token", "code", "device_code", "subject_token"}

Make = Callable[..., Any]


KINDS = ["jwt", "client secret", "client key", "refresh", "refresh key", "refresh public", "password"]
KINDS_OF_FLOWS = ["code", "code key", "code public", "device", "exchange"]


@pytest.fixture(params=KINDS + KINDS_OF_FLOWS)
def make(request: pytest.FixtureRequest, keys: Keys) -> Make:
    """Makes one kind of grant, with changes to its fields."""
    key = {"private_key": keys.encrypted["PKCS#8"], "passphrase": PASSPHRASE}
    code = {"code": CODE, "code_verifier": VERIFIER, "redirect_uri": "https://app.example.com/callback"}
    kinds: dict[str, tuple[type[Any], dict[str, Any]]] = {
        "jwt": (JWTBearerGrant, {"username": "ann@acme.com", **key}),
        "client secret": (ClientCredentialsGrant, {"client_secret": SECRET}),
        "client key": (ClientCredentialsGrant, key),
        "refresh": (RefreshTokenGrant, {"refresh_token": REFRESH, "client_secret": SECRET}),
        "refresh key": (RefreshTokenGrant, {"refresh_token": REFRESH, **key}),
        "refresh public": (RefreshTokenGrant, {"refresh_token": REFRESH, "username": "ann@acme.com"}),
        "password": (
            UsernamePasswordGrant,
            {
                "client_secret": SECRET,
                "username": "ann@acme.com",
                "password": PASSWORD,
                "security_token": SECURITY,
            },
        ),
        "code": (AuthorizationCodeGrant, {**code, "client_secret": SECRET}),
        "code key": (AuthorizationCodeGrant, {**code, **key}),
        "code public": (AuthorizationCodeGrant, code),
        "device": (DeviceGrant, {"device_code": DEVICE}),
        "exchange": (
            TokenExchangeGrant,
            {
                "subject_token": SUBJECT,
                "subject_token_type": "jwt",
                "client_secret": SECRET,
                "username": "ann@acme.com",
            },
        ),
    }
    cls, fields = kinds[request.param]
    return lambda **changes: cls(**{"client_id": CLIENT, **fields, **changes})


def asked(grant: Grant, org: Org = ORG, *, now: float = 1_750_000_000.9, jti: str = "jti-1") -> TokenRequest:
    return grant.request(org, now=now, jti=jti)


def given_secrets(grant: Any) -> dict[str, Any]:
    return {name: value for name in grant.secrets if (value := getattr(grant, name))}


def test_a_grant_fulfils_the_contract(make: Make):
    grant = make()
    assert set(grant.secrets) <= {field.name for field in dataclasses.fields(grant)}
    assert isinstance(grant, Grant)
    assert asked(grant).form["grant_type"] == grant.grant_type
    grant.check(ORG)


def test_no_grant_ever_asks_for_a_scope(make: Make):
    assert "scope" not in asked(make()).form


def test_grants_are_values(make: Make):
    grant = make()
    assert grant == make()
    assert hash(grant) == hash(make())
    assert grant != make(client_id="3MVG9other")
    assert {grant: 1}[make()] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        grant.client_id = "3MVG9other"
    assert not hasattr(grant, "__dict__")


def test_text_and_bytes_of_a_secret_make_the_same_request(make: Make):
    grant = make()
    same = dataclasses.replace(grant, **{name: f"{value}\r\n".encode() for name, value in given_secrets(grant).items()})
    assert asked(same) == asked(grant)


def test_a_copy_is_the_grant_itself(make: Make):
    grant = make()
    assert copy.copy(grant) is grant
    assert copy.deepcopy([grant])[0] is grant


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_grant_is_not_pickled(make: Make, protocol: int):
    with pytest.raises(TypeError, match="holds secrets") as caught:
        pickle.dumps({"grant": make()}, protocol)
    assert_no_secret(str(caught.value))


def test_no_secret_shows(make: Make):
    grant = make()
    for shown in (repr(grant), str(grant), f"{grant}", repr(asked(grant)), str(asked(grant)), repr([grant])):
        assert_no_secret(shown)
    assert CLIENT in repr(grant)


def assert_no_secret(text: str) -> None:
    assert not any(secret in text for secret in SECRETS)
    assert "PRIVATE KEY" not in text
    assert "eyJ" not in text


def test_the_subject_is_a_username_or_unknown(make: Make):
    assert str(make().subject).partition("#")[0] in ("ann@acme.com", "", "None")


def test_a_grant_signs_where_it_has_a_key(make: Make):
    assert make().signs is ("private_key" in given_secrets(make()))


def test_what_holds_a_value_for_one_use_is_not_sent_again(make: Make):
    assert make().resendable is ONE_TIME.isdisjoint(make().secrets)


def test_only_the_password_grant_needs_leave(make: Make):
    assert make().insecure == ("username_password" if isinstance(make(), UsernamePasswordGrant) else None)


def test_a_token_without_a_refresh_token_leaves_the_grant_as_it_is(make: Make):
    grant = make()
    renewed = grant.renewed(Token(access_token="00D!new"))
    if isinstance(grant, AuthorizationCodeGrant | DeviceGrant):
        assert renewed == UnrenewableGrant(client_id=CLIENT)  # a login is over when its token is
    else:
        assert renewed is grant


def test_secrets_to_be_resolved_later_are_taken_as_they_are(make: Make):
    for name in given_secrets(make()):
        for later in (Path("secret"), lambda: "secret"):
            assert getattr(make(**{name: later}), name) is later


def test_asking_before_a_secret_is_resolved_is_a_bug_of_the_sender(make: Make):
    for name in given_secrets(make()):
        with pytest.raises(TypeError, match=f"{name} is still a .*Path: .*replace"):
            asked(make(**{name: Path("secret")}))
        with pytest.raises(TypeError, match=f"{name} is still a function"):
            asked(make(**{name: lambda: "secret"}))


def test_resolved_secrets_are_checked_as_if_given_at_once(make: Make):
    for name in set(given_secrets(make())) - {"security_token", "passphrase"}:
        grant = make(**{name: Path("secret")})
        with pytest.raises(ConfigurationError, match=f"{name} is empty"):
            dataclasses.replace(grant, **{name: b"\n"})


@pytest.mark.parametrize("value", [17, ["s3cret-of-the-app"], object(), bytearray(b"s3cret-of-the-app")])
def test_a_secret_of_another_type_is_refused_without_being_shown(make: Make, value: object):
    for name in given_secrets(make()):
        with pytest.raises(ConfigurationError, match=f"{name} is of type {type(value).__name__}") as caught:
            make(**{name: value})
        assert_no_secret(str(caught.value))


@pytest.mark.parametrize("value", [b"s3cret-of-the-app\xff", "s3cret-of-the-app\udcff"], ids=["bytes", "surrogate"])
def test_a_secret_that_is_not_utf8_is_refused_and_hangs_on_no_error(make: Make, value: str | bytes):
    for name in set(given_secrets(make())) - {"private_key"}:
        with pytest.raises(ConfigurationError, match=f"{name} is not UTF-8") as caught:
            make(**{name: value})
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert_no_secret(str(caught.value))


def test_a_secret_of_blanks_is_empty(make: Make):
    for name in set(given_secrets(make())) - {"security_token"}:
        for value in ("  \t", b" \n"):
            with pytest.raises(ConfigurationError, match=f"{name} is empty"):
                make(**{name: value})


@pytest.mark.parametrize(
    ("client_id", "said"),
    [
        (None, "client_id is missing"),
        (b"3MVG9", "client_id is of type bytes"),
        (Path("id"), "client_id is of type .*Path"),
        ("", "client_id is empty"),
        (" \n", "client_id is empty"),
        ("3MVG9\n", "client_id contains blanks"),
        ("3MVG9 abc", "client_id contains blanks"),
        ("https://acme.my.salesforce.com", "client_id looks like a URL"),
        ("acme.my.salesforce.com", "client_id looks like a URL"),
        ("3MVG9:s3cret-of-the-app", "client_id looks like a URL"),
        ("ann@acme.com", "client_id looks like a username"),
        ("3MVG9\udcff", "client_id is not UTF-8"),
    ],
)
def test_a_client_id_that_is_none_is_refused(make: Make, client_id: object, said: str):
    with pytest.raises(ConfigurationError, match=said) as caught:
        make(client_id=client_id)
    assert "Consumer Key" in str(caught.value.hint)
    assert_no_secret(str(caught.value))


@pytest.mark.parametrize("make", ["jwt", "refresh public", "password"], indirect=True)
@pytest.mark.parametrize(
    ("username", "said"),
    [
        (17, "username is of type int"),
        ("", "username is empty"),
        ("   ", "username is empty"),
        ("ann@acme.com\n", "username begins or ends"),
        ("005xx000001Sv6D", "username looks like a user id"),
        ("005xx000001Sv6DAAS", "username looks like a user id"),
        ("ann\ud800@acme.com", "username is not UTF-8"),
    ],
)
def test_a_username_that_is_none_is_refused(make: Make, username: object, said: str):
    with pytest.raises(ConfigurationError, match=said) as caught:
        make(username=username)
    assert "Setup > Users" in str(caught.value.hint)


USERNAMES = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text == text.strip())


@given(username=USERNAMES, password=USERNAMES, token=st.text("!&+=%ß漢 ab", max_size=9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_username_and_password_survive_the_form(username: str, password: str, token: str):
    grant = UsernamePasswordGrant(
        client_id=CLIENT, client_secret=SECRET, username=username, password=password, security_token=token
    )
    form = dict(parse_qsl(urlencode(asked(grant).form), strict_parsing=True))
    assert form == asked(grant).form
    assert (form["username"], form["password"]) == (username, password + token)


@given(text=USERNAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_secret_survives_form_and_basic_header(text: str):
    posted = ClientCredentialsGrant(client_id=CLIENT, client_secret=text)
    assert dict(parse_qsl(urlencode(asked(posted).form)))["client_secret"] == text
    basic = ClientCredentialsGrant(client_id=CLIENT, client_secret=text, client_auth="basic")
    scheme, _, pair = asked(basic).headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair, validate=True).decode().partition(":")) == ("Basic", (CLIENT, ":", text))


def test_making_grants_loads_no_cryptography(pem: str):
    program = (
        "import json, sys\n"
        "from sfauth.grants import JWTBearerGrant\n"
        "JWTBearerGrant(client_id='3MVG9', username='ann@acme.com', private_key=sys.stdin.read())\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], input=pem, text=True, capture_output=True, check=True)
    assert {"cryptography", "joserfc", "authlib"}.isdisjoint(json.loads(run.stdout))
