"""Answers of the OAuth endpoints become values or errors; nothing that a server sends ends in a parser's traceback."""

from __future__ import annotations

import json
import math
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth import ConfigurationError, Introspection, LoginRequiredError, ProtocolError, SfauthError, TryLaterError
from sfauth.wire import Answer, check_revocation, read_introspection, read_token, scrub

NOW = 1_800_000_000.0
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MAINTENANCE = b"<!DOCTYPE html><html><head><title>We are down for maintenance.</title></head></html>"
SECRET = "E2A8F1C0ffee5ecret"

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
REPLIES = st.dictionaries(
    st.sampled_from(["access_token", "error", "error_description", "active", "instance_url", "exp"]) | st.text(), JSON
)
STATUSES = st.sampled_from([200, 201, 204, 301, 302, 307, 400, 401, 403, 404, 420, 429, 500, 502, 503])
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "location", "retry-after", "date"]),
    st.sampled_from(["text/html", "application/x-www-form-urlencoded", "https://[", "120"]) | st.text(max_size=30),
)


def answer(status: int, body: Any = b"", **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def failed(status: int, body: Any = b"", *, grant_type: str = "client_credentials", **headers: str) -> SfauthError:
    with pytest.raises(SfauthError) as raised:
        read_token(answer(status, body, **headers), now=NOW, grant_type=grant_type, secrets=[SECRET])
    return raised.value


# ── tokens ──


def test_a_token_reply_becomes_a_token() -> None:
    token = read_token(
        answer(200, {"access_token": "00D!A", "expires_in": 60}), now=NOW, grant_type="client_credentials"
    )

    assert token.access_token == "00D!A"
    assert token.expires_at == NOW + 60


def test_a_urlencoded_token_reply_is_read_as_well() -> None:
    reply = answer(
        200, b"access_token=00D%21A&instance_url=https%3A%2F%2Fx", content_type="application/x-www-form-urlencoded"
    )

    assert read_token(reply, now=NOW, grant_type="password").access_token == "00D!A"


@pytest.mark.parametrize("access_token", [None, 5, True, "", "  ", [], {}])
def test_an_access_token_of_a_wrong_type_is_a_protocol_error(access_token: Any) -> None:
    error = failed(200, {"access_token": access_token})

    assert type(error) is ProtocolError
    assert "access_token" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "content_type", "words"),
    [
        pytest.param(200, b"", "application/json", "empty body", id="empty"),
        pytest.param(200, b"  \r\n", "", "empty body", id="blank"),
        pytest.param(200, b'{"access_token":"00D', "application/json", "broken JSON", id="truncated"),
        pytest.param(200, b"[", "", "broken JSON", id="broken list"),
        pytest.param(200, b"\x00\xff\xfe}{", "application/json", "not JSON", id="garbage"),
        pytest.param(200, b"OK", "text/plain", "not JSON", id="text"),
        pytest.param(200, b"[]", "", "JSON list", id="list"),
        pytest.param(200, b"null", "", "JSON NoneType", id="null"),
        pytest.param(200, b"5", "", "JSON int", id="number"),
        pytest.param(200, b"{}", "", "JSON dict", id="empty object"),
        pytest.param(201, b'{"access_token":"00D!A"}', "", "JSON dict", id="201"),
        pytest.param(404, MAINTENANCE, "text/html", "HTML page", id="404 page"),
        pytest.param(403, b"<html>", "", "HTML page", id="403 page without a type"),
        pytest.param(400, b'{"error":{"code":"x"}}', "", "JSON dict", id="error is an object"),
        pytest.param(400, b'{"error":""}', "", "JSON dict", id="error is empty"),
        pytest.param(400, b'{"error":5}', "", "JSON dict", id="error is a number"),
        pytest.param(404, b'[{"errorCode":"URL_NOT_RESET","message":"x"}]', "", "JSON list", id="an API's error"),
    ],
)
def test_what_is_no_oauth_answer_is_named(status: int, body: bytes, content_type: str, words: str) -> None:
    error = failed(status, body, content_type=content_type)

    assert type(error) is ProtocolError
    assert words in error.message
    assert f"HTTP {status}" in error.message
    assert error.hint


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 100_000, b'{"access_token":' + b"[" * 100_000],
    ids=["lists", "objects", "lists in an object"],
)
def test_json_nested_beyond_the_parser_is_no_oauth_answer_either(body: bytes) -> None:
    assert type(failed(200, body)) is ProtocolError


@pytest.mark.parametrize("status", [420, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", MAINTENANCE, b"slow down", b'{"message":"Too Many Requests"}'])
def test_a_busy_edge_means_later(status: int, body: bytes) -> None:
    error = failed(status, body, retry_after="17")

    assert type(error) is TryLaterError
    assert (error.status, error.retry_after) == (status, 17.0)
    assert error.hint


@pytest.mark.parametrize("status", [429, 502, 503])
@pytest.mark.parametrize("code", ["Service Unavailable", "Too Many Requests", "throttled"])
def test_a_gateways_own_json_with_a_busy_status_means_later_too(status: int, code: str) -> None:
    """To take it for one of Salesforce's codes would end in a remembered ConfigurationError: no login ever again."""
    error = failed(status, {"error": code}, retry_after="17")

    assert type(error) is TryLaterError
    assert error.retry_after == 17.0


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "TEXT/HTML", ""])
def test_a_maintenance_page_with_200_means_later(content_type: str) -> None:
    error = failed(200, MAINTENANCE, content_type=content_type)

    assert type(error) is TryLaterError
    assert "maintenance" in error.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_names_the_host_to_use_and_shows_nothing_else_of_it(status: int) -> None:
    error = failed(status, location="https://acme.my.salesforce.com/services/oauth2/token?code=topsecret")

    assert type(error) is ProtocolError
    assert "acme.my.salesforce.com" in str(error)
    assert "topsecret" not in str(error)
    assert "not sent on" in error.message


@pytest.mark.parametrize("location", ["", "/relative", "https://[", "https://[evil", "::::", "https://\u2100.example"])
def test_a_redirect_to_rubbish_is_still_a_sentence(location: str) -> None:
    assert type(failed(302, location=location)) is ProtocolError


# ── OAuth errors ──


def test_an_oauth_error_carries_all_that_was_said() -> None:
    error = failed(
        400,
        {"error": "invalid_grant", "error_description": "user hasn't approved  this\nconsumer"},
        grant_type=JWT_BEARER,
    )

    assert type(error) is ConfigurationError
    assert error.error == "invalid_grant"
    assert error.error_description == "user hasn't approved this consumer"
    assert error.status == 400
    assert error.hint is not None
    assert "Permitted Users" in error.hint
    assert "invalid_grant" in str(error)


@pytest.mark.parametrize(
    ("code", "description", "grant_type", "kind"),
    [
        ("invalid_grant", "expired access/refresh token", "refresh_token", LoginRequiredError),
        ("invalid_grant", "token request is already being processed", "refresh_token", TryLaterError),
        ("invalid_grant", None, JWT_BEARER, ConfigurationError),
        ("invalid_client", "invalid client credentials", "client_credentials", ConfigurationError),
        ("rate_limit_exceeded", "login rate exceeded", JWT_BEARER, TryLaterError),
        ("server_error", None, JWT_BEARER, TryLaterError),
        ("who_knows", None, JWT_BEARER, ConfigurationError),
    ],
)
def test_the_class_says_what_to_do(
    code: str, description: str | None, grant_type: str, kind: type[SfauthError]
) -> None:
    error = failed(400, {"error": code, "error_description": description}, grant_type=grant_type)

    assert type(error) is kind


def test_an_error_with_200_is_an_error() -> None:
    assert failed(200, {"error": "invalid_grant"}).error == "invalid_grant"


def test_a_urlencoded_error_is_read_as_well() -> None:
    error = failed(
        400, b"error=invalid_grant&error_description=ip%20restricted", content_type="application/x-www-form-urlencoded"
    )

    assert (error.error, error.error_description) == ("invalid_grant", "ip restricted")


@pytest.mark.parametrize("description", [None, 5, [], {}, ""])
def test_a_missing_description_is_none(description: Any) -> None:
    assert failed(400, {"error": "invalid_grant", "error_description": description}).error_description is None


def test_the_later_of_two_pauses_counts() -> None:
    reply = {"error": "rate_limit_exceeded", "error_description": "login rate exceeded"}

    assert failed(400, reply, retry_after="10").retry_after == 900.0
    assert failed(400, reply, retry_after="3600").retry_after == 3600.0


# ── headers ──


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),
        ("Wed, 99 Oct 2099 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert answer(503, retry_after=value).retry_after(NOW) == seconds


@pytest.mark.parametrize(
    "value", [pytest.param("9" * 400, id="400 digits"), "999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_no_retry_after_keeps_an_org_out_for_longer_than_a_day(value: str) -> None:
    """It's a floor for the next try: one bad header must not need a restart."""
    wait = answer(503, retry_after=value).retry_after(NOW)

    assert wait is None or wait <= 86_400


@given(st.text())
def test_no_header_is_an_error(value: str) -> None:
    each = answer(503, retry_after=value, date=value)
    wait, moment = each.retry_after(NOW), each.server_time

    assert wait is None or (wait >= 0 and math.isfinite(wait))
    assert moment is None or math.isfinite(moment)


def test_the_date_is_unix_seconds() -> None:
    assert answer(200, date=formatdate(NOW, usegmt=True)).server_time == NOW
    assert answer(200).server_time is None


def test_an_answer_shows_neither_body_nor_headers() -> None:
    assert SECRET not in repr(answer(200, {"access_token": SECRET}, set_cookie=SECRET))


# ── introspection and revocation ──


def test_an_introspection_becomes_a_value() -> None:
    reply = answer(200, {"active": True, "exp": 1610509606})

    assert read_introspection(reply, now=NOW) == Introspection(active=True, expires_at=1610509606.0)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"active":"yes"}', b'{"active":null}', MAINTENANCE])
def test_what_is_no_introspection_is_an_error(body: bytes) -> None:
    with pytest.raises((ProtocolError, TryLaterError)):
        read_introspection(answer(200, body), now=NOW)


def test_a_client_that_may_not_introspect_is_told() -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_introspection(answer(401, {"error": "invalid_client"}), now=NOW)
    assert raised.value.error == "invalid_client"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"error":"invalid_token","error_description":"invalid token: x"}', "application/json"),
        (b"error=invalid_token&error_description=x", "application/x-www-form-urlencoded"),
    ],
)
def test_revoking_what_is_already_gone_is_fine(body: bytes, content_type: str) -> None:
    check_revocation(answer(400, body, content_type=content_type), now=NOW)


def test_a_revocation_that_worked_says_nothing() -> None:
    check_revocation(answer(200), now=NOW)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":"unsupported_token_type"}', ConfigurationError),
        (400, b"", ProtocolError),
        (503, MAINTENANCE, TryLaterError),
        (302, b"", ProtocolError),
    ],
)
def test_a_revocation_that_did_not_work_is_an_error(status: int, body: bytes, kind: type[SfauthError]) -> None:
    with pytest.raises(kind):
        check_revocation(answer(status, body), now=NOW)


# ── whatever comes ──


@given(
    STATUSES,
    REPLIES.map(lambda reply: json.dumps(reply).encode())
    | st.binary(max_size=50)
    | JSON.map(json.dumps).map(str.encode),
    HEADERS,
)
def test_no_answer_raises_anything_but_our_errors(status: int, body: bytes, headers: dict[str, str]) -> None:
    each = Answer(status, headers, body)
    for read in (
        lambda: read_token(each, now=NOW, grant_type="refresh_token"),
        lambda: read_introspection(each, now=NOW),
        lambda: check_revocation(each, now=NOW),
    ):
        try:
            read()
        except SfauthError:
            continue


# ── scrubbing ──


@pytest.mark.parametrize(
    "secret",
    [
        "00D5g000004XYZa!AQ.abc_DEF",
        "00D5g000004XYZaEAO!AQ.abc_DEF",
        "5Aep861-abc_DEF.x==",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.",
    ],
)
def test_tokens_are_taken_out_wherever_they_come_from(secret: str) -> None:
    assert scrub(f"invalid token: {secret}, really") == "invalid token: [secret], really"


@given(
    secret=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=4).filter(
        lambda text: text not in "[secret]" and "[secret]" not in text
    ),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_what_was_sent_is_taken_out(secret: str, before: str, after: str) -> None:
    text = before.replace(secret, "") + " " + secret + " " + after.replace(secret, "")

    assert secret not in scrub(text, [secret])


def test_a_secret_inside_another_is_no_help_to_it() -> None:
    assert scrub("p&w+abcTOKEN", ["p&w+abc", "p&w+abcTOKEN"]) == "[secret]"


def test_a_secret_is_gone_before_the_text_is_cut() -> None:
    assert SECRET[:6] not in scrub("x" * 290 + SECRET, [SECRET])


def test_texts_come_out_short_and_on_one_line() -> None:
    scrubbed = scrub("a\r\n b\t" * 500)

    assert len(scrubbed) <= 301
    assert "\n" not in scrubbed


def test_an_error_that_echoes_the_secret_does_not_repeat_it() -> None:
    error = failed(400, {"error": f"bad {SECRET}", "error_description": f"secret {SECRET} of 5Aep861abc is wrong"})

    assert SECRET not in str(error) + repr(error) + str(error.__dict__)
    assert "5Aep861abc" not in str(error)
