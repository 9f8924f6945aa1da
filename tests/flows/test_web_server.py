"""Web server flow, the pure half: the authorization request, and what is believed of a callback."""

from __future__ import annotations

import base64
import hashlib
import pickle
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from sfauth.errors import ConfigurationError, LoginRequiredError, ProtocolError, SfauthError, TryLaterError
from sfauth.flows import InsecureFlowError, InsecureFlows, PendingLogin, WebServerFlow
from sfauth.grants import AuthorizationCodeGrant
from sfauth.org import Org

from .conftest import CALLBACK, CLIENT, MY_DOMAIN, Chance, query, web_server

CODE = "aPrxsmIEeqM9PiQroGEWx1UiMQd95_5JUZVEhsOFhS8EVvbfYBBJli2W5fn3zbo.8hojaNW_1g=="


def pending(flow: WebServerFlow | None = None, chance: Chance | None = None, **options: Any) -> PendingLogin:
    return (flow or web_server()).start(random_bytes=chance or Chance(), **options)


def callback(login: PendingLogin, /, **parameters: str) -> str:
    return f"{CALLBACK}?{urlencode({'state': login.state, **parameters})}"


# ── the authorization request ────────────────────────────────────────────────────────────────────────────────────────


def test_the_browser_is_sent_to_the_orgs_authorize_page():
    login = pending(web_server(scope=["api", "refresh_token  openid", "api"]))
    assert login.url.startswith(f"{MY_DOMAIN}/services/oauth2/authorize?")
    asked = query(login.url)
    assert asked.pop("code_challenge")
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": CALLBACK,
        "scope": "api refresh_token openid",
        "state": login.state,
        "nonce": login.nonce,
        "code_challenge_method": "S256",
    }


def test_without_scope_none_is_asked_for_which_means_all_of_the_apps():
    assert "scope" not in query(pending().url)


def test_a_site_keeps_its_path():
    login = pending(web_server(org="https://acme.my.site.com/customers/"))
    assert login.url.startswith("https://acme.my.site.com/customers/services/oauth2/authorize?")


def test_the_challenge_is_the_verifiers_and_the_verifier_stays_here():
    login = pending()
    assert login.code_verifier is not None
    digest = hashlib.sha256(login.code_verifier.encode()).digest()
    assert query(login.url)["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert login.code_verifier not in login.url


def test_state_nonce_and_verifier_are_43_characters_each_and_drawn_each_time():
    chance = Chance()
    first, second = pending(chance=chance), pending(chance=chance)
    drawn = [first.state, first.nonce, first.code_verifier, second.state, second.nonce, second.code_verifier]
    assert len(set(drawn)) == 6
    assert {len(str(each)) for each in drawn} == {43}


@pytest.mark.parametrize("bad", [lambda _: b"", lambda n: b"x" * (n - 1), lambda n: "x" * n, lambda _: None])
def test_a_source_of_chance_that_gives_too_little_is_refused(bad: Any):
    with pytest.raises(ConfigurationError, match=r"random_bytes\(32\) gave no 32 bytes"):
        web_server().start(random_bytes=bad)


def test_options_of_the_login_page_go_along():
    asked = query(
        pending(
            prompt="login consent",
            login_hint="ann@acme.com",
            display="touch",
            sso_provider="Acme_IdP",
            extra={"startURL": "/home?a=b&c"},
        ).url
    )
    assert asked["prompt"] == "login consent"
    assert asked["login_hint"] == "ann@acme.com"
    assert asked["display"] == "touch"
    assert asked["sso_provider"] == "Acme_IdP"
    assert asked["startURL"] == "/home?a=b&c"


@pytest.mark.parametrize("org", [MY_DOMAIN, "https://acme.my.site.com/customers", "acme--uat"])
def test_single_sign_on_is_for_my_domains_and_sites(org: str):
    assert query(pending(web_server(org=org), sso_provider="Acme").url)["sso_provider"] == "Acme"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt": "log in"}, "prompt is unknown"),
        ({"prompt": "login login"}, "prompt is unknown"),
        ({"prompt": "none login"}, "prompt is 'none' and something else"),
        ({"prompt": ""}, "prompt is empty"),
        ({"display": "wap"}, "display is unknown"),
        ({"login_hint": " "}, "login_hint is empty"),
        ({"login_hint": 7}, "login_hint is of type int"),
        ({"sso_provider": "Acme IdP"}, "sso_provider is not a developer name"),
        ({"sso-provider": "Acme"}, "sso-provider is no option of a login"),
        ({"scope": "api"}, "scope is no option of a login"),
        ({"extra": {"state": "mine"}}, "extra holds state"),
        ({"extra": {"client_secret": "s"}}, "extra holds client_secret"),
        ({"extra": {"a": 1}}, "extra holds something else than texts"),
        ({"extra": "a=b"}, "extra is no mapping"),
    ],
)
def test_options_that_salesforce_does_not_know_are_refused(options: dict[str, Any], said: str):
    with pytest.raises(ConfigurationError, match=said):
        pending(**options)


def test_single_sign_on_at_a_login_host_is_refused():
    with pytest.raises(ConfigurationError, match=r"sso_provider doesn't work on login\.salesforce\.com"):
        pending(web_server(org="login"), sso_provider="Acme")


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip))
def test_any_login_hint_survives_the_url(hint: str):
    assert query(pending(login_hint=hint).url)["login_hint"] == hint


def test_without_pkce_the_flow_needs_leave():
    with pytest.raises(InsecureFlowError, match="without PKCE is blocked") as caught:
        web_server(pkce=False)
    assert "WebServerFlow(..., insecure_flows=InsecureFlows(code_without_pkce=True))" in str(caught.value)
    flow = web_server(pkce=False, insecure_flows=InsecureFlows(code_without_pkce=True))
    login = pending(flow)
    assert login.code_verifier is None
    assert {"code_challenge", "code_challenge_method"}.isdisjoint(query(login.url))
    assert flow.finish(callback(login, code=CODE), login).code_verifier is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"client_id": ""}, "client_id is empty"),
        ({"redirect_uri": "/callback"}, "redirect_uri is not an absolute URL"),
        ({"org": "https://acme.lightning.force.com"}, "user-interface host"),
        ({"org": "https://evil.example.com"}, "not a Salesforce host"),
        ({"scope": "api,web"}, "scope holds characters"),
        ({"scope": ["api", 1]}, "scope holds something else than text"),
        ({"client_secret": ""}, "client_secret is empty"),
        ({"client_auth": "basic"}, "client_auth is 'basic'"),
    ],
)
def test_a_flow_that_could_not_work_is_refused_at_once(fields: dict[str, Any], said: str):
    with pytest.raises(ConfigurationError, match=said):
        web_server(**fields)


# ── what is remembered meanwhile ─────────────────────────────────────────────────────────────────────────────────────


def test_a_login_under_way_shows_no_secret_and_is_not_pickled():
    login = pending()
    shown = repr(login) + str(login) + repr(web_server(client_secret="s3cret-of-the-app"))
    for secret in (login.state, login.nonce, login.code_verifier, "s3cret"):
        assert str(secret) not in shown
    with pytest.raises(TypeError, match="holds secrets"):
        pickle.dumps(login)


def test_a_login_under_way_survives_a_session_as_json():
    import json

    login = pending()
    assert PendingLogin.from_dict(json.loads(json.dumps(login.to_dict()))) == login


@pytest.mark.parametrize("session", [None, {}, "", [], 7])
def test_a_lost_session_is_said_to_be_lost(session: Any):
    with pytest.raises(LoginRequiredError, match="No login is under way") as caught:
        PendingLogin.from_dict(session)
    assert "SameSite" in str(caught.value.hint)


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"state": None}, {"state": ""}, {"nonce": 7}, {"more": "x"}, {"code_verifier": ""}],
)
def test_a_foreign_session_is_not_read(change: dict[str, Any]):
    with pytest.raises(LoginRequiredError, match="no login that this version"):
        PendingLogin.from_dict({**pending().to_dict(), **change})


# ── the callback ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_callback_becomes_a_grant_with_all_that_the_flow_knows():
    flow = web_server(client_secret="s3cret", hybrid=True)
    login = pending(flow)
    grant = flow.finish(callback(login, code=CODE, sfdc_community_url=MY_DOMAIN), login, username="ann@acme.com")
    assert grant == AuthorizationCodeGrant(
        client_id=CLIENT,
        code=CODE,
        redirect_uri=CALLBACK,
        code_verifier=login.code_verifier,
        client_secret="s3cret",
        hybrid=True,
        username="ann@acme.com",
        site_url=MY_DOMAIN,
    )


def forms_of(url: str) -> dict[str, Any]:
    text = url.partition("?")[2]
    return {
        "URL": url,
        "path and query": "/callback?" + text,
        "question mark and query": "?" + text,
        "query": text,
        "dict": {name: values[0] for name, values in parse_qs(text).items()},
        "dict of lists": parse_qs(text),
        "starlette": QueryParams(text),
        "httpx": httpx.QueryParams(text),
    }


@pytest.mark.parametrize("form", list(forms_of("?")))
def test_a_callback_may_come_in_any_form_and_its_code_is_decoded_once(form: str):
    login = pending()
    url = f"{CALLBACK}?code={quote(CODE, safe='')}&state={login.state}"
    assert "%3D%3D" in url
    grant = web_server().finish(forms_of(url)[form], login)
    assert grant.code == CODE


@pytest.mark.parametrize("form", list(forms_of("?")))
@pytest.mark.parametrize("parameter", ["code", "state"])
def test_a_parameter_that_comes_twice_is_refused(form: str, parameter: str):
    login = pending()
    given = forms_of(callback(login, code=CODE) + f"&{parameter}=other")[form]
    if form == "dict":
        given[parameter] = [given[parameter], "other"]
    with pytest.raises(ProtocolError, match=f"{parameter} twice"):
        web_server().finish(given, login)


def test_parameters_of_the_callback_url_itself_may_come_twice():
    flow = web_server(redirect_uri=CALLBACK + "?tenant=1&tenant=2")
    login = pending(flow)
    url = f"{CALLBACK}?tenant=1&tenant=2&code=a&state={login.state}"
    assert flow.finish(url, login).code == "a"


@pytest.mark.parametrize("state", [None, "", "x", "ä", "A" * 43])
def test_another_state_is_another_login(state: str | None):
    login = pending()
    parameters = {"code": CODE} if state is None else {"code": CODE, "state": state}
    with pytest.raises(LoginRequiredError, match="state") as caught:
        web_server().finish(f"{CALLBACK}?{urlencode(parameters)}", login)
    assert login.state not in str(caught.value)
    assert CODE not in str(caught.value)


def test_the_state_of_the_login_before_does_not_do():
    chance = Chance()
    before, now = pending(chance=chance), pending(chance=chance)
    with pytest.raises(LoginRequiredError, match="not that of this login"):
        web_server().finish(callback(before, code=CODE), now)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/callback",
        "http://app.example.com/callback",
        "https://app.example.com:8443/callback",
        "https://app.example.com/other",
        "https://app.example.com/callback/",
        "https://app.example.com@evil.example.com/callback",
        "https://x@app.example.com/callback",
        "https://app.example.com:99999/callback",
        "/other",
    ],
)
def test_a_callback_at_another_address_is_refused(url: str):
    login = pending()
    with pytest.raises(ProtocolError, match="another address"):
        web_server().finish(f"{url}?code=a&state={login.state}", login)


@pytest.mark.parametrize("url", ["https://APP.example.com/callback", "https://app.example.com:443/callback"])
def test_the_same_address_in_other_letters_will_do(url: str):
    login = pending()
    assert web_server().finish(f"{url}?code=a&state={login.state}", login).code == "a"


@pytest.mark.parametrize(
    ("error", "description", "kind"),
    [
        ("access_denied", "end-user denied authorization", LoginRequiredError),
        ("immediate_unsuccessful", "immediate unsuccessful", LoginRequiredError),
        ("invalid_scope", "the requested scope is not allowed", ConfigurationError),
        ("invalid_request", "missing required code challenge", ConfigurationError),
        ("unsupported_response_type", "response type not supported", ConfigurationError),
        ("redirect_uri_mismatch", "redirect_uri must match configuration", ConfigurationError),
        ("invalid_client_id", "client identifier invalid", ConfigurationError),
        ("server_error", "", TryLaterError),
        ("something_new", "never heard of", ConfigurationError),
    ],
)
def test_a_refusal_says_what_salesforce_said_and_what_to_do(error: str, description: str, kind: type[SfauthError]):
    login = pending()
    with pytest.raises(kind) as caught:
        web_server().finish(callback(login, error=error, error_description=description), login)
    assert caught.value.error == error
    assert caught.value.error_description == (description or None)
    assert caught.value.hint


def test_a_refusal_of_another_login_is_not_believed():
    with pytest.raises(LoginRequiredError, match="no state") as caught:
        web_server().finish(f"{CALLBACK}?error=invalid_scope", pending())
    assert caught.value.error is None


def test_a_refusals_text_is_freed_of_secrets():
    login = pending()
    with pytest.raises(LoginRequiredError) as caught:
        web_server().finish(
            callback(login, error="access_denied", error_description="token 00Dxx0000001gPL!AQ8AQH leaked"), login
        )
    assert "AQ8AQH" not in str(caught.value)


@pytest.mark.parametrize("code", [{}, {"code": ""}, {"code": "  "}])
def test_a_callback_with_neither_code_nor_error_is_none(code: dict[str, str]):
    login = pending()
    with pytest.raises(ProtocolError, match="neither a code nor an error"):
        web_server().finish(callback(login, **code), login)


def test_a_mapping_that_is_still_encoded_is_refused():
    login = pending()
    with pytest.raises(ConfigurationError, match="still URL-encoded"):
        web_server().finish({"code": quote(CODE, safe=""), "state": login.state}, login)


def test_a_code_goes_only_to_the_org_and_app_that_the_browser_was_sent_to():
    login = pending(web_server(org="https://globex.my.salesforce.com"))
    with pytest.raises(ConfigurationError, match=r"started at https://globex\.my\.salesforce\.com"):
        web_server().finish(callback(login, code=CODE), login)
    login = pending(web_server(client_id="3MVG9other"))
    with pytest.raises(ConfigurationError, match="another app"):
        web_server().finish(callback(login, code=CODE), login)


def test_a_callback_that_is_far_too_long_is_not_even_read():
    with pytest.raises(ProtocolError, match="longer than 65,536"):
        web_server().finish(CALLBACK + "?code=" + "x" * 70_000, pending())


def test_something_that_is_no_callback_at_all_is_a_bug():
    with pytest.raises(TypeError, match="a callback is a str or a mapping, not bytes"):
        web_server().finish(b"code=a", pending())  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="no texts"):
        web_server().finish({"code": b"a"}, pending())


@given(st.text())
def test_no_text_from_outside_breaks_the_reader(text: str):
    login = pending()
    with pytest.raises((LoginRequiredError, ProtocolError)):
        web_server().finish(text, login)


def test_flows_are_values():
    assert web_server() == web_server(org=Org(MY_DOMAIN))
    assert hash(web_server()) == hash(web_server())
