"""The authorize endpoint: what is wrong with a request, who hears of it, and what is still missing."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.simulator.browsing import AUTHORIZE, REDIRECT, Browser

CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
LOGIN = "https://login.salesforce.com"


async def logged_in(world, at=None):
    browser = Browser(world, at)
    await browser.get("/")
    await browser.log_in()
    assert f"You are logged in as {world.org.user.username}" in browser.page.text
    return browser


# ── nothing is sent anywhere while client and redirect URI are in doubt ──


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"client_id": None}, "error=invalid_client_id&error_description=client%20identifier%20invalid"),
        ({"client_id": "3MVG9nobody"}, "error=invalid_client_id&error_description=client%20identifier%20invalid"),
        ({"redirect_uri": None}, "error=redirect_uri_missing&error_description=redirect_uri%20must%20be%20supplied"),
        *[
            (
                {"redirect_uri": uri},
                "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration",
            )
            for uri in (REDIRECT + "/", REDIRECT + "?x=1", REDIRECT.upper(), "http://localhost:1718/OauthRedirect", "x")
        ],
    ],
)
async def test_a_client_in_doubt_gets_a_page_and_no_redirect(world, browser, changed, text):
    page = await browser.ask(**changed)
    assert page.response.status_code == 400
    assert page.alerts == [text]
    assert not browser.http.cookies.get("sid")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5/x", "http://localhost/", "http://[::1]:99/a?b=c"])
async def test_any_loopback_callback_is_for_clients_under_test(world, browser, uri):
    world.org.app.any_loopback_callback = True
    assert (await browser.ask(redirect_uri=uri)).heading == "Log In"
    for other in ("https://127.0.0.1:5/x", "http://127.0.0.1.example/", "http://127.0.0.1/#f"):
        assert (await browser.ask(redirect_uri=other)).response.status_code == 400


# ── everything else goes to the app, with its state ──


@pytest.mark.parametrize(
    ("changed", "error", "description"),
    [
        ({"response_type": None}, "invalid_request", "missing required parameter: response_type"),
        ({"response_type": "magic"}, "unsupported_response_type", "response type not supported"),
        ({"response_type": "device_code"}, "unsupported_response_type", "response type not supported"),
        ({"scope": "api cdp_query_api"}, "invalid_scope", "the requested scope is not allowed"),
        ({"scope": "nonsense"}, "invalid_scope", "the requested scope is not allowed"),
        ({"code_challenge": "short"}, "invalid_request", "invalid code challenge"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request", "invalid code challenge"),
        (
            {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
            "invalid_request",
            "code challenge method not supported",
        ),
        ({"prompt": "dance"}, "invalid_request", "invalid prompt"),
        ({"prompt": "none login"}, "invalid_request", "invalid prompt"),
        ({"prompt": "none"}, "immediate_unsuccessful", "immediate unsuccessful"),
        ({"immediate": "true"}, "immediate_unsuccessful", "immediate unsuccessful"),
    ],
)
async def test_errors_are_redirected_in_the_query(world, browser, changed, error, description):
    await browser.ask(**changed)
    assert browser.returned() == {"error": error, "error_description": description, "state": "st&te"}
    assert world.counts.authorizations == {error: 1}


async def test_without_state_there_is_none(world, browser):
    await browser.ask(state=None, response_type="magic")
    assert "state" not in browser.returned()


async def test_a_callback_url_keeps_its_own_query(world, browser):
    world.org.app.callback_urls = ("https://app.example/cb?tenant=1",)
    await browser.ask(redirect_uri="https://app.example/cb?tenant=1", response_type="magic")
    assert browser.returned()["tenant"] == "1"


@pytest.mark.parametrize("required_by", ["app", "org"])
async def test_pkce_may_be_required_of_an_app_or_of_all(world, browser, required_by):
    (world.org.app if required_by == "app" else world.org).pkce_required = True
    await browser.ask()
    assert browser.returned()["error_description"] == "missing required code challenge"
    for method in ("S256", "", None):
        page = await browser.ask(code_challenge=CHALLENGE, code_challenge_method=method)
        assert page.heading == "Log In"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda org: setattr(org, "active", False), "inactive_org"),
        (lambda org: setattr(org.app, "blocked", True), "app_blocked"),
        (lambda org: setattr(org.app, "installed", False), "invalid_client"),
        (lambda org: org.app.grant_types.clear(), "unsupported_grant_type"),
        (lambda org: org.disabled_grant_types.update(org.app.grant_types), "oauth_flow_disabled"),
    ],
)
async def test_policies_of_org_and_app_refuse_before_anybody_logs_in(world, browser, change, error):
    change(world.org)
    await browser.ask()
    assert browser.returned()["error"] == error


async def test_a_user_without_the_apps_profile_is_refused_after_the_login(world):
    world.org.app.pre_authorized = set()
    browser = Browser(world)
    await browser.ask()
    await browser.log_in()
    assert browser.returned()["error"] == "invalid_app_access"


async def test_a_user_who_was_restricted_since_the_login_is_refused(world):
    browser = await logged_in(world)
    world.org.user.ip_restricted = True
    await browser.ask()
    assert browser.returned()["error_description"] == "ip restricted or invalid login hours"


async def test_a_user_can_raise_the_level_of_the_session(world):
    world.org.app.high_assurance = True
    assert "code" in await Browser(world).authorize()


# ── what is still missing ──


async def test_login_then_consent_then_a_code(world, browser):
    page = await browser.ask(scope="api refresh_token")
    assert page.heading == "Log In"
    page = await browser.log_in()
    assert page.heading == "Allow Access?"
    await browser.submit("Allow")
    answer = browser.returned()
    assert answer.keys() == {"code", "state"}
    assert answer["code"].startswith("aPrx")
    assert "%3D%3D" in browser.callback
    assert world.counts.authorizations == {"code": 1}
    assert "no-store" in browser.visited[-1].headers["cache-control"]
    assert browser.visited[-1].headers["referrer-policy"] == "no-referrer"


async def test_pre_authorized_users_see_no_consent_page(world):
    browser = Browser(world)
    await browser.ask()
    await browser.log_in()
    assert "code" in browser.returned()


async def test_who_is_logged_in_and_has_consented_sees_nothing_at_all(world, browser):
    await browser.authorize()
    for silent in ({}, {"immediate": "true"}, {"prompt": "none"}):
        await browser.ask(**silent)
        assert "code" in browser.returned()


async def test_silent_requests_fail_where_consent_is_missing(world):
    browser = await logged_in(world)
    world.org.app.permitted_users = "self"
    await browser.ask(prompt="none")
    assert browser.returned()["error"] == "immediate_unsuccessful"


async def test_sites_know_no_silent_requests(site):
    browser = Browser(site, site.org.site_url)
    await browser.ask(path="/customers" + AUTHORIZE, immediate="true")
    assert browser.returned()["error"] == "immediate_unsuccessful"


async def test_more_scopes_need_another_consent_and_fewer_do_not(world, browser):
    await browser.authorize(browser.request(scope="api"))
    await browser.ask(scope="id")
    assert "code" in browser.returned()
    assert (await browser.ask(scope="api web")).heading == "Allow Access?"


@pytest.mark.parametrize("prompt", ["login", "select_account"])
async def test_prompt_login_wants_another_login_once(world, prompt):
    browser = await logged_in(world)
    before = browser.http.cookies["sid"]
    page = await browser.ask(prompt=prompt)
    assert page.heading == "Log In"
    await browser.log_in()
    assert "code" in browser.returned()
    assert browser.http.cookies["sid"] != before


async def test_prompt_consent_asks_again_also_those_who_are_pre_authorized(world):
    browser = await logged_in(world)
    assert (await browser.ask(prompt="consent")).heading == "Allow Access?"
    assert (await browser.ask(prompt="login consent")).heading == "Log In"
    assert (await browser.log_in()).heading == "Allow Access?"


async def test_a_login_hint_is_filled_in(world, browser):
    page = await browser.ask(login_hint='a"b@example.com')
    assert page.fields["username"]["value"] == 'a"b@example.com'


@pytest.mark.parametrize("display", ["page", "popup", "touch", "mobile", '"><script>'])
async def test_display_changes_the_look_only(world, browser, display):
    page = await browser.ask(display=display)
    assert page.heading == "Log In"
    expected = display if display.isalpha() else "page"
    assert f'<body class="{expected}">' in page.response.text
    assert page.scripts == 0


async def test_a_brand_may_stand_behind_the_path(world, browser):
    assert (await browser.ask(path=AUTHORIZE + "/acme")).heading == "Log In"


async def test_a_request_may_be_posted(world, browser):
    page = await browser.post(AUTHORIZE, data=browser.request())
    assert page.heading == "Log In"


async def test_the_login_host_finds_the_org_by_the_app(bare):
    bare.simulator.add_org("other")
    org = bare.simulator.add_org("acme")
    browser = Browser(bare, LOGIN)
    await browser.ask(org)
    await browser.log_in(org.user)
    assert "code" in browser.returned()
    assert bare.simulator.counts["acme"].authorizations == {"code": 1}


async def test_a_user_of_another_org_is_told_so(bare):
    org, other = bare.simulator.add_org("acme"), bare.simulator.add_org("other")
    browser = Browser(bare, LOGIN)
    await browser.ask(org)
    page = await browser.log_in(other.user)
    assert "does not have this app" in page.alerts[0]
    await browser.log_in(org.user)
    assert "code" in browser.returned()


async def test_copies_of_an_org_are_told_apart_by_the_user(bare):
    one = bare.simulator.add_org("one", "sandbox")
    two = bare.simulator.add_org("two", "sandbox")
    two.app.client_id = one.app.client_id
    browser = Browser(bare, "https://test.salesforce.com")
    await browser.ask(one)
    await browser.log_in(two.user)
    assert bare.simulator.ceremonies.codes.get(browser.returned()["code"]).org is two


async def test_a_sites_answer_names_the_site(site):
    browser = Browser(site, site.org.site_url)
    await browser.ask(path="/customers" + AUTHORIZE)
    assert browser.page.url.startswith("https://acme.my.site.com/customers/?")
    await browser.log_in(site.org.users[1])
    assert browser.page.heading == "Allow Access?"
    await browser.submit("Allow")
    answer = browser.returned()
    assert answer["sfdc_community_url"] == site.org.site_url
    assert answer["sfdc_community_id"].startswith("0DB")


async def test_a_known_sso_provider_takes_the_place_of_the_login_page(world):
    world.org.sso_providers["Okta"] = world.org.user
    browser = Browser(world)
    await browser.ask(sso_provider="Okta")
    assert "code" in browser.returned()
    assert world.counts.browser_logins == {"sso": 1}


@pytest.mark.parametrize(("provider", "at"), [("Nobody", None), ("Okta", LOGIN)])
async def test_other_sso_providers_and_hosts_lead_to_the_login_page(world, provider, at):
    world.org.sso_providers["Okta"] = world.org.user
    assert (await Browser(world, at).ask(sso_provider=provider)).heading == "Log In"


async def test_the_gateway_authorizes_nobody(world):
    page = await Browser(world, "https://api.salesforce.com").ask()
    assert page.response.status_code == 400
