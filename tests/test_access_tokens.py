"""JWT-based access tokens, checked without Salesforce: what is believed, and why all else isn't."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import RSAKey

from sfauth.access_tokens import (
    LONGEST,
    InsufficientScopeError,
    InvalidTokenError,
    Refusal,
    SigningKeys,
    ValidatedToken,
    issuer_of,
    validate,
)

ISSUER = "https://acme.my.salesforce.com"
API = "https://api.example.com"
ORG = "00D5g000004XYZaEAM"
KEY_ID = "CORE_ATJWT.00D5g000004XYZa.1700000000000"
NOW = 1_800_000_000.0

KEY = RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
OTHER_KEY = RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
JWKS = {"keys": [{**KEY.as_dict(private=False), "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}
KEYS = SigningKeys.from_jwks(JWKS)

HEADER: dict[str, Any] = {
    "alg": "RS256",
    "typ": "JWT",
    "kid": KEY_ID,
    "tty": "sfdc-core-token",
    "tnk": f"core/prod/{ORG}",
    "ver": "1.0",
}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": [ISSUER, API],
    "sub": "uid:0055g00000ABCdeAAG",
    "scp": "api web",
    "client_id": "3MVG9acme",
    "iat": NOW - 100,
    "nbf": NOW - 115,
    "exp": NOW + 1700,
    "roles": [],
    "mty": "oauth",
    "sfi": "a-session-fingerprint",
    "hsc": False,
}


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(*, key: RSAKey = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token; a field given as None is left out."""
    full_header = {name: value for name, value in {**HEADER, **(header or {})}.items() if value is not None}
    full_claims = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    if full_header.get("alg") == "RS256" and "crit" not in full_header:
        return jws.serialize_compact(full_header, json.dumps(full_claims).encode(), key, registry=registry)
    return f"{part(full_header)}.{part(full_claims)}.c2lnbmF0dXJl"


def checked(token: str, keys: SigningKeys = KEYS, **changes: Any) -> ValidatedToken:
    options: dict[str, Any] = {"issuer": ISSUER, "org_id": ORG, "audience": [API], "now": NOW, **changes}
    return validate(token, keys, **options)


def refusal(token: str, keys: SigningKeys = KEYS, **changes: Any) -> Refusal:
    with pytest.raises(InvalidTokenError) as raised:
        checked(token, keys, **changes)
    return raised.value.reason


def test_a_good_token_says_who_may_do_what() -> None:
    found = checked(signed())

    assert found == ValidatedToken(
        issuer=ISSUER,
        org_id=ORG,
        subject="uid:0055g00000ABCdeAAG",
        user_id="0055g00000ABCdeAAG",
        client_id="3MVG9acme",
        audience=(ISSUER, API),
        scopes=frozenset({"api", "web"}),
        expires_at=NOW + 1700,
        issued_at=NOW - 100,
        not_before=NOW - 115,
        guest_id=None,
        key_id=KEY_ID,
        claims=CLAIMS,
    )


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param("", Refusal.NOT_A_JWT, id="nothing"),
        pytest.param("00D5g000004XYZa!AQ.secret", Refusal.NOT_A_JWT, id="opaque"),
        pytest.param("eyJ" + "a" * LONGEST, Refusal.NOT_A_JWT, id="too long"),
        pytest.param("eyJ.é.x", Refusal.NOT_A_JWT, id="not ASCII"),
        pytest.param("eyJ.eyJ.x", Refusal.MALFORMED, id="no JSON"),
        pytest.param(part([]) + ".e30.x", Refusal.NOT_A_JWT, id="a list"),
        pytest.param(signed(header={"alg": "none"}), Refusal.ALGORITHM, id="none"),
        pytest.param(signed(header={"alg": "HS256"}), Refusal.ALGORITHM, id="HS256"),
        pytest.param(signed(header={"alg": "PS256"}), Refusal.ALGORITHM, id="PS256"),
        pytest.param(signed(header={"alg": None}), Refusal.ALGORITHM, id="no algorithm"),
        pytest.param(signed(header={"tty": None}), Refusal.TYPE, id="an id token"),
        pytest.param(signed(header={"tty": "sfdc-other-token"}), Refusal.TYPE, id="another token"),
        pytest.param(signed(header={"typ": "logout+jwt"}), Refusal.TYPE, id="another type"),
        pytest.param(signed(header={"crit": ["b64"], "b64": False}), Refusal.MALFORMED, id="crit"),
        pytest.param(signed(header={"kid": None}), Refusal.UNKNOWN_KEY, id="no key id"),
        pytest.param(signed(header={"kid": "CORE_ATJWT.00D5g000004XYZa.2"}), Refusal.UNKNOWN_KEY, id="unknown key"),
        pytest.param(signed(key=OTHER_KEY), Refusal.SIGNATURE, id="somebody else's signature"),
        pytest.param(signed(iss=f"{ISSUER}/"), Refusal.ISSUER, id="a slash more"),
        pytest.param(signed(iss="https://evil.my.salesforce.com"), Refusal.ISSUER, id="another issuer"),
        pytest.param(signed(iss=None), Refusal.ISSUER, id="no issuer"),
        pytest.param(signed(header={"tnk": "core/prod/00D5g000004ZZZZEAM"}), Refusal.TENANT, id="another org"),
        pytest.param(signed(header={"tnk": "core/prod/00d5g000004xyzaeam"}), Refusal.TENANT, id="another case"),
        pytest.param(signed(header={"tnk": None}), Refusal.TENANT, id="no org"),
        pytest.param(signed(exp=NOW - 31), Refusal.EXPIRED, id="expired"),
        pytest.param(signed(exp=None), Refusal.MALFORMED, id="never expires"),
        pytest.param(signed(exp="1900000000"), Refusal.MALFORMED, id="exp as text"),
        pytest.param(signed(exp=True), Refusal.MALFORMED, id="exp as truth"),
        pytest.param(signed(exp=10**400), Refusal.MALFORMED, id="exp of 400 digits"),
        pytest.param(signed(exp=float("nan")), Refusal.MALFORMED, id="exp is no number"),
        pytest.param(signed(nbf=NOW + 31), Refusal.NOT_YET_VALID, id="not yet"),
        pytest.param(signed(iat=NOW + 31), Refusal.NOT_YET_VALID, id="from the future"),
        pytest.param(signed(aud=[ISSUER]), Refusal.AUDIENCE, id="another audience"),
        pytest.param(signed(aud=f"{API}/"), Refusal.AUDIENCE, id="nearly the audience"),
        pytest.param(signed(aud=None), Refusal.AUDIENCE, id="no audience"),
        pytest.param(signed(aud={API: 1}), Refusal.AUDIENCE, id="an object as audience"),
        pytest.param(signed(sub=None), Refusal.MALFORMED, id="nobody"),
    ],
)
def test_all_else_is_refused_and_the_reason_told(token: str, reason: Refusal) -> None:
    assert refusal(token) is reason


def test_a_public_key_taken_for_a_shared_secret_signs_nothing() -> None:
    """The classic confusion: HS256 with the text of the public key."""
    body = f"{part({**HEADER, 'alg': 'HS256'})}.{part(CLAIMS)}"
    digest = hmac.digest(KEY.as_pem(private=False), body.encode(), hashlib.sha256)
    assert refusal(f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}") is Refusal.ALGORITHM


def test_a_key_of_one_org_does_not_speak_for_another_on_the_same_host() -> None:
    stranger = "CORE_ATJWT.00D5g000004ZZZZ.1700000000000"
    keys = SigningKeys.from_jwks({"keys": [*JWKS["keys"], {**OTHER_KEY.as_dict(private=False), "kid": stranger}]})

    assert refusal(signed(key=OTHER_KEY, header={"kid": stranger}), keys) is Refusal.TENANT
    assert refusal(signed(key=OTHER_KEY, header={"kid": stranger}), keys, org_id=None) is Refusal.TENANT


def test_an_id_of_15_characters_pins_the_org_as_well() -> None:
    assert checked(signed(), org_id=ORG[:15]).org_id == ORG


def test_without_an_org_id_whoever_has_the_issuer_is_taken() -> None:
    keys = SigningKeys.from_jwks({"keys": [{**KEY.as_dict(private=False), "kid": "unnamed"}]})
    token = signed(header={"tnk": "core/prod/00D5g000004ZZZZEAM", "kid": "unnamed"})

    assert checked(token, keys, org_id=None).org_id == "00D5g000004ZZZZEAM"
    assert refusal(token, keys) is Refusal.TENANT


@pytest.mark.parametrize("changes", [{"exp": NOW - 29}, {"nbf": NOW + 29}, {"nbf": None, "iat": None}])
def test_clocks_may_differ_a_little(changes: dict[str, Any]) -> None:
    assert checked(signed(**changes)).org_id == ORG


def test_an_audience_may_be_a_single_text() -> None:
    assert checked(signed(aud=API)).audience == (API,)


@pytest.mark.parametrize("scp", [None, 7, {"api": 1}])
def test_odd_scopes_are_none(scp: Any) -> None:
    assert checked(signed(scp=scp)).scopes == frozenset()


def test_a_guest_is_told_by_its_visitor_id() -> None:
    found = checked(signed(sub="guest", uvid="0f0f"))
    assert (found.user_id, found.guest_id) == (None, "0f0f")


def test_the_issuer_can_be_read_before_anything_is_verified() -> None:
    assert issuer_of(signed(key=OTHER_KEY)) == ISSUER


def test_a_missing_scope_is_a_403_and_no_401() -> None:
    found = checked(signed())
    found.require("api")
    with pytest.raises(InsufficientScopeError) as raised:
        found.require("api", "full")

    assert raised.value.missing == {"full"}
    assert raised.value.challenge == 'Bearer error="insufficient_scope", scope="api full"'


def test_the_challenge_names_the_reason() -> None:
    with pytest.raises(InvalidTokenError) as raised:
        checked(signed(exp=NOW - 3600))

    assert raised.value.challenge == 'Bearer error="invalid_token", error_description="expired"'
    assert "3600 s ago" in str(raised.value)


@pytest.mark.parametrize(
    "token",
    [signed(key=OTHER_KEY), signed(exp=NOW - 99), signed(header={"kid": "gone"}), "eyJtopsecret.eyJ.x"],
)
def test_an_error_holds_nothing_of_the_token(token: str) -> None:
    with pytest.raises(InvalidTokenError) as raised:
        checked(token)

    error = raised.value
    shown = f"{error}{error!r}{error.__dict__}{error.__cause__!r}{error.__context__!r}"
    assert not any(each in shown for each in token.split("."))
    assert "fingerprint" not in shown


def test_a_validated_token_does_not_show_its_claims() -> None:
    assert "fingerprint" not in repr(checked(signed()))


@given(st.binary(max_size=40), st.binary(max_size=200))
def test_no_garbage_breaks_it(header: bytes, claims: bytes) -> None:
    token = ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (header, claims, b"x"))
    with pytest.raises(InvalidTokenError):
        checked(token)
    with pytest.raises(InvalidTokenError):
        checked("eyJ" + token)


# ── key sets ──


def test_only_keys_that_verify_rs256_are_read() -> None:
    plain = KEY.as_dict(private=False)
    keys = SigningKeys.from_jwks(
        {
            "keys": [
                {**plain, "kid": "good"},
                {**plain, "kid": "encrypts", "use": "enc"},
                {**plain, "kid": "PS", "alg": "PS256"},
                plain,
                {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AA", "y": "AA"},
                {"kty": "oct", "kid": "secret", "k": "AA"},
                {"kty": "RSA", "kid": "broken", "n": "!", "e": 7},
                {"kty": "RSA", "kid": "half"},
                "garbage",
            ]
        }
    )
    assert len(keys) == 1
    assert keys.get("good") is not None


def test_the_private_half_of_a_published_key_is_dropped() -> None:
    key = SigningKeys.from_jwks({"keys": [{**KEY.as_dict(private=True), "kid": "k"}]}).get("k")
    assert key is not None
    assert not key.is_private


@pytest.mark.parametrize("jwks", [{}, {"keys": {}}, {"keys": None}])
def test_what_is_no_key_set_is_told(jwks: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no keys"):
        SigningKeys.from_jwks(jwks)
