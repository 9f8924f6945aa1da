"""Id tokens: what is believed, and why the rest is not. Signed here with another library than the one that reads."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sfauth.errors import LoginRequiredError, SfauthError
from sfauth.flows import IdToken, UnknownKeyError, validate_id_token

from .conftest import CLIENT, MY_DOMAIN

NOW = 1_800_000_000.0
ACCESS_TOKEN = "00Dxx0000001gPL!AQ8AQH"
SUBJECT = "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def half_hash(text: str) -> str:
    return base64url(hashlib.sha256(text.encode()).digest()[:16])


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


KEYS = {"keys": [jwk(OTHER_KEY, "216"), {"kty": "EC", "kid": "broken"}, jwk(KEY, "218")]}
CLAIMS = {
    "iss": MY_DOMAIN,
    "sub": SUBJECT,
    "aud": CLIENT,
    "iat": int(NOW),
    "exp": int(NOW) + 120,
    "nonce": "nonce-of-this-login",
    "at_hash": half_hash(ACCESS_TOKEN),
}


def signed(key: Any = KEY, algorithm: str = "RS256", kid: str | None = "218", **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def validated(token: str, **changes: Any) -> IdToken:
    expected: dict[str, Any] = {
        "keys": KEYS,
        "client_id": CLIENT,
        "issuer": MY_DOMAIN,
        "nonce": "nonce-of-this-login",
        "now": NOW,
        "access_token": ACCESS_TOKEN,
    }
    return validate_id_token(token, **{**expected, **changes})


def test_a_good_one_says_who_has_logged_in():
    said = validated(signed(email="ann@acme.com"))
    assert said.subject == SUBJECT
    assert (said.org_id, said.user_id) == ("00Dxx0000001gPLEAY", "005xx000001SwiUAAS")
    assert (said.issuer, said.audience) == (MY_DOMAIN, (CLIENT,))
    assert (said.issued_at, said.expires_at) == (NOW, NOW + 120)
    assert said.claims["email"] == "ann@acme.com"
    assert "ann@acme.com" not in repr(said)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["https://acme.example.com", CLIENT]},
        {"azp": CLIENT},
        {"at_hash": None},
        {"nbf": int(NOW) + 100},
        {"exp": int(NOW) - 100},
        {"iat": int(NOW) + 170, "exp": int(NOW) + 290},
    ],
)
def test_all_that_the_standard_allows_is_believed(changes: dict[str, Any]):
    assert validated(signed(**changes)).subject == SUBJECT


def test_one_of_several_issuers_will_do_and_hash_and_nonce_only_count_where_they_are_asked_for():
    validated(signed(), issuer=["https://login.salesforce.com", MY_DOMAIN])
    validated(signed(), access_token=None)
    validated(signed(nonce=None), nonce=None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": MY_DOMAIN + "/"}, "its issuer is another one"),
        ({"iss": "https://evil.example.com"}, "its issuer is another one"),
        ({"iss": None}, "its issuer is another one"),
        ({"aud": "3MVG9other"}, "meant for another app"),
        ({"aud": ["3MVG9other"]}, "meant for another app"),
        ({"aud": CLIENT + "x"}, "meant for another app"),
        ({"aud": {CLIENT: 1}}, "meant for another app"),
        ({"aud": None}, "meant for another app"),
        ({"aud": [CLIENT, "3MVG9other"], "azp": "3MVG9other"}, "issued to another app"),
        ({"exp": int(NOW) - 180}, "it has expired"),
        ({"exp": None}, "its exp is no time"),
        ({"exp": True}, "its exp is no time"),
        ({"exp": float("nan")}, "its exp is no time"),
        ({"iat": None}, "its iat is no time"),
        ({"iat": int(NOW) + 181}, "from the future"),
        ({"nbf": int(NOW) + 181}, "from the future"),
        ({"nonce": "other"}, "its nonce is not that of this login"),
        ({"nonce": None}, "its nonce is not that of this login"),
        ({"nonce": ["nonce-of-this-login"]}, "its nonce is not that of this login"),
        ({"at_hash": half_hash("00D!other")}, "belongs to another access token"),
        ({"at_hash": 7}, "belongs to another access token"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
    ],
)
def test_one_that_is_not_ours_is_refused_with_the_reason(changes: dict[str, Any], said: str):
    token = raw(**changes)
    with pytest.raises(LoginRequiredError, match=said) as caught:
        validated(token)
    assert token not in str(caught.value)
    assert SUBJECT not in str(caught.value)


def raw(**changes: Any) -> str:
    """Signed claims that PyJWT itself would not take."""
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.api_jws.encode(json.dumps(claims).encode(), KEY, algorithm="RS256", headers={"kid": "218"})


def test_an_unknown_key_is_told_apart_so_that_the_keys_are_fetched_anew():
    for token in (signed(kid="999"), signed(OTHER_KEY, kid="300")):
        with pytest.raises(UnknownKeyError, match="names a key that the key set doesn't have"):
            validated(token)


@pytest.mark.parametrize(
    "token",
    [
        signed(OTHER_KEY),
        signed()[:-4] + "AAAA",
        signed("a-secret-that-is-long-enough-for-hs256", "HS256"),
        signed(KEY, "RS512"),
        signed(None, "none"),
        "a.b.c",
        "not a token",
        "eyJ",
        "é.é.é",
    ],
    ids=["other key", "changed", "HS256", "RS512", "none", "a.b.c", "words", "start", "not ASCII"],
)
def test_a_signature_that_does_not_hold_is_refused(token: str):
    with pytest.raises(SfauthError, match=r"its signature doesn't hold|names a key") as caught:
        validated(token)
    assert token not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_public_key_as_a_secret_does_not_sign():
    """The old trick: HS256 with what everybody knows."""
    header = {"alg": "HS256", "kid": "218"}
    content = ".".join(base64url(json.dumps(part).encode()) for part in (header, CLAIMS))
    secret = json.dumps(KEYS["keys"][2]).encode()
    token = f"{content}.{base64url(hmac.digest(secret, content.encode(), 'sha256'))}"
    with pytest.raises(LoginRequiredError, match="its signature doesn't hold"):
        validated(token)


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": None}, {"keys": [{"kty": "RSA", "kid": "218"}]}])
def test_a_key_set_without_the_key_is_no_traceback(keys: dict[str, Any]):
    with pytest.raises(LoginRequiredError):
        validated(signed(), keys=keys)


@pytest.mark.parametrize("token", ["", None])
def test_none_at_all_is_said_to_be_none(token: Any):
    with pytest.raises(LoginRequiredError, match="There is no id token") as caught:
        validated(token)
    assert "openid" in str(caught.value.hint)
