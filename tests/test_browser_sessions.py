"""Into a browser session and out of it: forms, paths and URLs that lead nowhere else."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from sfauth import ConfigurationError, Org, Token
from sfauth.browser_sessions import Frontdoor, legacy_frontdoor, logout_form, logout_url, relative_path

ACME = "https://acme.my.salesforce.com"
SESSION = "00D5g000004XYZa!AQ.topsecret"
ID_TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
TOKEN = Token(access_token=SESSION, instance_url=ACME)
JWT = Token(access_token="eyJ0eXAiOiJKV1QifQ.e30.x", instance_url=ACME)


@pytest.mark.parametrize("path", ["/", "/lightning/page/home", "/a?b=c&d=https://x", "/lightning/o/Account/list?x=%2F"])
def test_a_path_of_the_same_host_is_taken(path: str) -> None:
    assert relative_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "home",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n",
        "https://evil.example",
    ],
)
def test_a_path_that_could_lead_away_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        relative_path(path)
    assert "evil" not in str(raised.value)


def test_the_old_front_door_is_a_form_that_keeps_the_token_out_of_urls() -> None:
    form = legacy_frontdoor(TOKEN, path="/lightning")

    assert form.url == f"{ACME}/secur/frontdoor.jsp"
    assert form.fields == {"sid": SESSION, "retURL": "/lightning"}
    assert SESSION not in repr(form)


def test_a_site_user_goes_in_at_the_site() -> None:
    token = Token(access_token=SESSION, instance_url=ACME, site_url="https://acme.my.site.com/customers")
    assert legacy_frontdoor(token).url == "https://acme.my.site.com/customers/secur/frontdoor.jsp"


def test_a_jwt_opens_no_door() -> None:
    with pytest.raises(ConfigurationError, match="JWT"):
        legacy_frontdoor(JWT)


def test_a_token_of_an_unknown_instance_opens_no_door() -> None:
    with pytest.raises(ConfigurationError, match="instance"):
        legacy_frontdoor(Token(access_token=SESSION))


def test_a_front_door_does_not_show_its_password() -> None:
    assert "otp" not in repr(Frontdoor.from_response({"frontdoor_uri": f"{ACME}/x?otp=1"}, asked=ACME))


def test_logging_out_needs_nothing_but_the_org() -> None:
    assert logout_url("acme") == f"{ACME}/services/auth/idp/oidc/logout"


def test_the_parameters_of_a_logout_are_escaped() -> None:
    url = logout_url(
        Org(ACME), id_token_hint=ID_TOKEN, post_logout_redirect_uri="https://app.example.com/bye?a=b&c", state="x y"
    )
    assert parse_qs(urlsplit(url).query) == {
        "id_token_hint": [ID_TOKEN],
        "post_logout_redirect_uri": ["https://app.example.com/bye?a=b&c"],
        "state": ["x y"],
    }


def test_the_form_keeps_the_id_token_out_of_the_url() -> None:
    form = logout_form(ACME, id_token_hint=ID_TOKEN, post_logout_redirect_uri="http://localhost:8000/bye")

    assert form.url == logout_url(ACME)
    assert form.fields["id_token_hint"] == ID_TOKEN
    assert ID_TOKEN not in repr(form)


@pytest.mark.parametrize("url", ["http://app.example.com/bye", "/bye", "javascript:alert(1)"])
def test_a_browser_comes_back_over_https_only(url: str) -> None:
    with pytest.raises(ConfigurationError):
        logout_url(ACME, post_logout_redirect_uri=url)
