"""The token response as a value: tolerant of everything but a missing access token, and silent about its secrets."""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import hmac
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth import Token

NOW = 1_800_000_000.0
OPAQUE = "00D5g000004XYZa!AQ.secretsecretsecret"
REPLY: dict[str, Any] = {
    "access_token": OPAQUE,
    "token_type": "Bearer",
    "instance_url": "https://acme.my.salesforce.com",
    "id": "https://login.salesforce.com/id/00D5g000004XYZaEAO/0055g00000ABCdeAAG",
    "issued_at": "1657741493797",
    "scope": "api  id refresh_token",
    "refresh_token": "5Aep861secretrefresh",
    "id_token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.secretid",
    "signature": "c2VjcmV0c2lnbmF0dXJl",
    "api_instance_url": "https://api.salesforce.com",
    "sfdc_community_url": "https://acme.my.site.com/customers",
    "sfdc_community_id": "0DB5g000000001",
    "token_format": "opaque",
    "parent_sid": "00D5g000004XYZa!AQ.anothersecret",
}
SECRETS = [REPLY[each] for each in ("access_token", "refresh_token", "id_token", "signature", "parent_sid")]

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
REPLIES = st.dictionaries(st.sampled_from(sorted({*REPLY, "expires_in"})) | st.text(max_size=5), JSON)
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


def token(**fields: Any) -> Token:
    return Token.from_response({"access_token": OPAQUE, **fields}, now=NOW)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def jwt(header: object = None, claims: object = None) -> str:
    header = {"alg": "RS256", "typ": "JWT", "tnk": "core/prod/00D5g000004XYZaEAO"} if header is None else header
    claims = {"sub": "uid:0055g00000ABCdeAAG", "exp": NOW + 1800} if claims is None else claims
    return f"{part(header)}.{part(claims)}.c2ln"


# ── reading ──


def test_every_documented_field_is_read() -> None:
    assert Token.from_response(REPLY, now=NOW) == Token(
        access_token=OPAQUE,
        token_type="Bearer",
        instance_url="https://acme.my.salesforce.com",
        identity_url=REPLY["id"],
        issued_at=1657741493.797,
        expires_at=None,
        scopes=frozenset({"api", "id", "refresh_token"}),
        refresh_token=REPLY["refresh_token"],
        id_token=REPLY["id_token"],
        signature=REPLY["signature"],
        signed_text=REPLY["id"] + REPLY["issued_at"],
        api_instance_url="https://api.salesforce.com",
        site_url="https://acme.my.site.com/customers",
        site_id="0DB5g000000001",
        token_format="opaque",
        extra={"parent_sid": REPLY["parent_sid"]},
    )


def test_an_access_token_alone_is_enough() -> None:
    bare = token()

    assert bare.token_type == "Bearer"
    assert (bare.instance_url, bare.expires_at, bare.issued_at, bare.refresh_token) == (None, None, None, None)
    assert bare.scopes == frozenset()


@pytest.mark.parametrize("access_token", [None, 5, True, "", "  ", [], {}, ["00D!A"]])
def test_without_a_usable_access_token_there_is_no_token(access_token: Any) -> None:
    with pytest.raises(ValueError, match="access_token"):
        Token.from_response({"access_token": access_token}, now=NOW)


@pytest.mark.parametrize(
    "access_token", ["00D!A\nInjected: 1", "00D!A B", "00D!\u00e4", "00D!\ud800", "00D!A\r\n"], ids=ascii
)
def test_a_token_that_no_header_can_carry_is_refused_here_and_not_by_a_traceback_that_shows_it(
    access_token: str,
) -> None:
    """RFC 6749 appendix A.12: visible ASCII only."""
    with pytest.raises(ValueError, match="access_token") as raised:
        Token.from_response({"access_token": access_token}, now=NOW)
    assert "00D!" not in str(raised.value)


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER", "DPoP"])
def test_bearer_and_dpop_are_taken(token_type: str) -> None:
    assert token(token_type=token_type).token_type.lower() == token_type.lower()


@pytest.mark.parametrize("token_type", ["mac", "Basic", "Bearer\r\nX: y", "N/A"], ids=ascii)
def test_a_token_of_a_type_that_nobody_knows_is_not_used(token_type: str) -> None:
    """RFC 6749 section 7.1: a client must not use an access token of a type that it doesn't understand."""
    with pytest.raises(ValueError, match="token_type"):
        token(token_type=token_type)


@pytest.mark.parametrize("issued_at", ["1657741493797", 1657741493797, 1657741493797.0])
def test_issued_at_comes_in_milliseconds_as_text_or_number(issued_at: Any) -> None:
    assert token(issued_at=issued_at).issued_at == 1657741493.797


@pytest.mark.parametrize("expires_in", [7191, "7191", 7191.0])
def test_expires_in_comes_as_text_or_number_and_counts_from_now(expires_in: Any) -> None:
    assert token(expires_in=expires_in).expires_at == NOW + 7191


@pytest.mark.parametrize(
    "number",
    [
        None,
        True,
        "",
        "soon",
        [],
        {},
        -1,
        "nan",
        float("inf"),
        float("nan"),
        1e300,
        pytest.param(10**400, id="400 digits"),
    ],
)
def test_a_number_that_is_none_counts_as_missing(number: Any) -> None:
    read = token(expires_in=number, issued_at=number)

    assert read.expires_at is None
    assert read.issued_at is None


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("https://acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
        ("https://ACME.my.salesforce.com///", "https://acme.my.salesforce.com"),
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://acme.my.site.com/customers/", "https://acme.my.site.com/customers"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://acme.my.salesforce.com?x=1#y", "https://acme.my.salesforce.com"),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_the_instance_url_has_no_slash_at_the_end(sent: Any, read: str | None) -> None:
    assert token(instance_url=sent).instance_url == read


@pytest.mark.parametrize(
    "url",
    ["ftp://acme.my.salesforce.com", "https://", "https:///path", "https://me:pw@acme.my.salesforce.com", "https://["],
)
def test_an_instance_url_that_is_none_makes_the_token_useless(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - some of the texts are urllib's
        token(instance_url=url)


@pytest.mark.parametrize("name", ["sfdc_community_url", "sfdc_site_url"])
@pytest.mark.parametrize("url", ["https://", "ftp://acme.my.site.com", "https://[", "https://me:pw@acme.my.site.com"])
def test_a_site_url_that_is_none_harms_nobody(name: str, url: str) -> None:
    """It is a field on the side: a login must not fail because of it."""
    assert token(**{name: url}).site_url is None


@pytest.mark.parametrize(
    ("fields", "site"),
    [
        ({"sfdc_site_url": "https://a.my.site.com/x/", "sfdc_site_id": "0DB1"}, ("https://a.my.site.com/x", "0DB1")),
        (
            {"sfdc_community_url": "https://b.my.site.com", "sfdc_site_url": "https://a"},
            ("https://b.my.site.com", None),
        ),
    ],
)
def test_both_names_of_the_site_fields_are_read_and_community_is_preferred(
    fields: dict[str, str], site: tuple[str, str | None]
) -> None:
    read = token(**fields)

    assert (read.site_url, read.site_id) == site


@given(REPLIES)
def test_no_json_object_raises_anything_but_a_value_error(reply: dict[str, Any]) -> None:
    try:
        read = Token.from_response(reply, now=NOW)
    except ValueError:
        return
    assert (read.is_jwt, read.claims, read.org_id, read.user_id) is not None
    assert read.verify_signature("secret") in (True, False, None)


# ── opaque or JWT ──


def test_an_opaque_token_tells_its_org_and_nothing_else() -> None:
    opaque = token()

    assert not opaque.is_jwt
    assert opaque.claims == {}
    assert (opaque.org_id, opaque.user_id) == ("00D5g000004XYZa", None)


def test_the_identity_url_tells_org_and_user() -> None:
    read = Token.from_response(REPLY, now=NOW)

    assert (read.org_id, read.user_id) == ("00D5g000004XYZaEAO", "0055g00000ABCdeAAG")


def test_a_jwt_tells_its_end_its_org_and_its_user() -> None:
    read = token(access_token=jwt())

    assert read.is_jwt
    assert read.expires_at == NOW + 1800
    assert (read.org_id, read.user_id) == ("00D5g000004XYZaEAO", "0055g00000ABCdeAAG")


@pytest.mark.parametrize(
    "access_token",
    [
        "eyJ.eyJ.eyJ",
        "eyJhbGciOiJSUzI1NiJ9.e30",
        "eyJ****.e30.c2ln",
        jwt({"alg": "RS256"}),
        jwt(["typ", "JWT"]),
        jwt({"typ": "at+jwt"}),
        "a.b.c",
        "eyJ" + "\u00e9" + ".a.b",
    ],
    ids=ascii,
)
def test_what_only_looks_like_a_jwt_is_opaque(access_token: str) -> None:
    read = Token(access_token=access_token)

    assert not read.is_jwt
    assert read.claims == {}
    assert read.org_id is None


@pytest.mark.parametrize("claims", [[], "text", {"sub": None}, {"sub": "005"}, {"sub": "uid:"}, {"exp": "soon"}])
def test_a_jwt_with_odd_claims_tells_less(claims: object) -> None:
    read = token(access_token=jwt(claims=claims))

    assert read.is_jwt
    assert (read.user_id, read.expires_at) == (None, None)


def test_a_jwt_nested_beyond_the_parser_tells_nothing() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")

    assert Token(access_token=f"eyJ{deep}.{deep}.x").is_jwt is False
    assert token(access_token=f"{part({'typ': 'JWT'})}.{deep}.x").expires_at is None


# ── the signature ──


def signed(secret: str, **changed: Any) -> Token:
    digest = hmac.digest(secret.encode(), (REPLY["id"] + REPLY["issued_at"]).encode(), hashlib.sha256)
    return Token.from_response({**REPLY, "signature": base64.b64encode(digest).decode(), **changed}, now=NOW)


def test_salesforces_signature_is_verified_over_the_strings_as_they_came() -> None:
    assert signed("s3cret").verify_signature("s3cret") is True
    assert signed("s3cret", issued_at=int(REPLY["issued_at"])).verify_signature("s3cret") is True


def test_a_wrong_secret_or_a_changed_field_does_not_verify() -> None:
    assert signed("s3cret").verify_signature("other") is False
    assert signed("s3cret", id=REPLY["id"] + "x").verify_signature("s3cret") is False
    assert signed("s3cret", issued_at="1657741493798").verify_signature("s3cret") is False


@pytest.mark.parametrize("missing", ["signature", "id", "issued_at"])
def test_without_something_to_check_nobody_says_yes_or_no(missing: str) -> None:
    assert signed("s3cret", **{missing: None}).verify_signature("s3cret") is None


@pytest.mark.parametrize("signature", ["", "not base64", "\u00e9", "\ud800"], ids=ascii)
def test_a_signature_that_is_rubbish_is_not_valid(signature: str) -> None:
    assert not signed("s3cret", signature=signature).verify_signature("s3cret")


# ── keeping, and keeping quiet ──


def test_it_round_trips_through_json() -> None:
    read = Token.from_response(REPLY, now=NOW)

    assert Token.from_dict(json.loads(json.dumps(read.to_dict()))) == read


@given(REPLIES, PRINTABLE)
def test_every_token_round_trips(reply: dict[str, Any], access_token: str) -> None:
    try:
        read = Token.from_response({**reply, "access_token": access_token, "token_type": "Bearer"}, now=NOW)
    except ValueError:
        return
    again = Token.from_dict(read.to_dict())
    # NaN is not equal to itself: compared as text.
    assert json.dumps(again.to_dict(), default=str) == json.dumps(read.to_dict(), default=str)


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"version": 1},
        {"version": 2, "access_token": "x"},
        {"version": "1", "access_token": "x"},
        {"access_token": "x"},
        {"version": 1, "access_token": 5},
        {"version": 1, "access_token": "x", "secret_of_the_future": "y"},
        {"version": 1, "access_token": "x", "scopes": None},
        {"version": 1, "access_token": "x", "scopes": 5},
        {"version": 1, "access_token": "x", "expires_at": "soon"},
        {"version": 1, "access_token": "x", "instance_url": ["https://evil.example"]},
        {"version": 1, "access_token": "x", "extra": None},
    ],
    ids=str,
)
def test_what_to_dict_did_not_write_is_refused(plain: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="stored token"):
        Token.from_dict(plain)


def test_a_refusal_shows_no_value_of_the_dict() -> None:
    with pytest.raises(ValueError, match="stored token") as raised:
        Token.from_dict({"version": 1, "access_token": OPAQUE, "other": "topsecret"})
    assert "secret" not in str(raised.value)


def test_neither_repr_nor_str_shows_a_secret() -> None:
    read = Token.from_response(REPLY, now=NOW)

    for shown in (repr(read), str(read), f"{read}", repr([read]), repr(dataclasses.replace(read, scopes=frozenset()))):
        assert "https://acme.my.salesforce.com" in shown
        assert not [secret for secret in SECRETS if secret in shown]


@given(PRINTABLE.filter(lambda text: len(text) > 8 and text not in repr(Token(access_token="x"))))
def test_whatever_its_secrets_are_repr_does_not_show_them(secret: str) -> None:
    names = ("access_token", "refresh_token", "id_token", "signature", "session_thing")
    shown = repr(Token.from_response(dict.fromkeys(names, secret), now=NOW))

    assert secret not in shown


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_never_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="to_dict"):
        pickle.dumps(token(), protocol)


def test_copies_are_itself() -> None:
    read = token()

    assert copy.copy(read) is read
    assert copy.deepcopy([read])[0] is read


def test_it_is_a_value() -> None:
    assert token() == token()
    assert hash(token(x=[1])) == hash(token(x=[1]))
    assert token() != token(scope="api")
    with pytest.raises(dataclasses.FrozenInstanceError):
        token().access_token = "x"  # type: ignore[misc]
