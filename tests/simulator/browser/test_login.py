"""The login page."""

from __future__ import annotations

import pytest

from tests.simulator.browsing import AUTHORIZE, Browser

WRONG = "Please check your username and password."


@pytest.fixture
def browser(world):
    return Browser(world)


async def test_who_logs_in_has_a_session_that_scripts_and_other_sites_can_not_use(world, browser):
    page = await browser.get("/")
    assert page.heading == "Log In"
    page = await browser.log_in()
    assert f"You are logged in as {world.org.user.username}" in page.text
    cookies = [c for r in browser.visited for c in r.headers.get_list("set-cookie")]
    assert len(cookies) == 2
    for cookie in cookies:
        assert {"httponly", "secure", "path=/", "samesite=lax"} <= set(cookie.lower().split("; "))
    assert world.counts.browser_logins == {"logged_in": 1}
    assert world.counts.tokens_issued == 0


async def test_a_wrong_password_is_said_and_the_name_stays(world, browser):
    await browser.ask()
    page = await browser.log_in(password="hunter2")
    assert page.alerts[0].startswith(WRONG)
    assert page.fields["username"]["value"] == world.org.user.username
    assert "value" not in page.fields["pw"]
    assert all(field["aria-describedby"] == "error" for field in page.fields.values())
    assert "hunter2" not in page.response.text
    await browser.log_in()
    assert "code" in browser.returned()
    assert world.simulator.counts["acme"].browser_logins == {"wrong_password": 1, "logged_in": 1}


@pytest.mark.parametrize(
    ("flag", "outcome"),
    [
        ("locked_out", "locked_out"),
        ("password_expired", "password_expired"),
        ("external", "external_user"),
        ("ip_restricted", "restricted"),
        ("outside_login_hours", "restricted"),
    ],
)
async def test_some_users_can_not_log_in_here(world, browser, flag, outcome):
    setattr(world.org.user, flag, True)
    await browser.get("/")
    page = await browser.log_in()
    assert page.heading == "Log In"
    assert page.alerts
    assert world.counts.browser_logins == {outcome: 1}
    assert world.simulator.log[-1].error == outcome
    assert "sid" not in browser.http.cookies


async def test_an_inactive_user_hears_what_strangers_hear(world, browser):
    await browser.get("/")
    stranger = (await browser.submit("Log In", Username="nobody@example.com", Password="x")).alerts
    world.org.user.active = False
    assert (await browser.log_in()).alerts == stranger
    assert world.counts.browser_logins == {"unknown_user": 1, "inactive_user": 1}


async def test_a_user_who_is_deactivated_is_logged_out(world, browser):
    await browser.get("/")
    await browser.log_in()
    world.org.user.active = False
    assert (await browser.ask()).heading == "Log In"


async def test_a_session_ends_like_any_other(world, browser):
    await browser.get("/")
    await browser.log_in()
    world.time += 7200
    assert (await browser.get("/")).heading == "Log In"
    await browser.log_in()
    world.org.revoke_sessions()
    assert (await browser.get("/")).heading == "Log In"


async def test_sessions_are_good_in_their_own_org_only(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    browser = Browser(bare, one.my_domain)
    await browser.get("/")
    await browser.log_in(one.user)
    browser.http.cookies.set("sid", browser.http.cookies["sid"], domain="two.my.salesforce.com")
    browser.at = two.my_domain
    assert (await browser.get("/")).heading == "Log In"


@pytest.mark.parametrize(
    "start", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/\t/evil.example", "evil", ""]
)
async def test_it_leads_to_no_other_host(world, browser, start):
    await browser.get("/", params={"startURL": start})
    page = await browser.log_in()
    assert page.url == world.org.my_domain + "/"


@pytest.mark.parametrize("forged", ["", "0" * 64, "é"])
async def test_a_form_of_another_site_is_refused(world, browser, forged):
    await browser.get("/")
    browser.page.hidden["_CONFIRMATIONTOKEN"] = forged
    page = await browser.log_in()
    assert page.response.status_code == 403
    assert page.alerts
    assert "sid" not in browser.http.cookies


async def test_a_form_without_the_browsers_cookie_is_refused(world, browser):
    await browser.get("/")
    browser.http.cookies.clear()
    assert (await browser.log_in()).response.status_code == 403


async def test_site_users_log_in_at_their_site_only(site):
    customer = site.org.users[1]
    browser = Browser(site, site.org.site_url)
    await browser.get("/customers/")
    page = await browser.log_in(customer)
    assert page.url == site.org.site_url + "/"
    assert customer.username in page.text
    assert {cookie.path for cookie in browser.http.cookies.jar} == {"/customers/"}
    elsewhere = Browser(site)
    await elsewhere.get("/")
    assert (await elsewhere.log_in(customer)).alerts


async def test_what_comes_in_is_never_html(world, browser):
    evil = '"><script>alert(1)</script>'
    page = await browser.get("/", params={"un": evil, "startURL": evil, "display": evil})
    assert (page.scripts, page.fields["username"]["value"], page.hidden["startURL"]) == (0, evil, evil)


async def test_no_secret_is_in_the_log(world, browser):
    await browser.get(AUTHORIZE, params=browser.request())
    await browser.log_in()
    told = str(list(world.simulator.log))
    assert browser.returned()["code"] not in told
    assert world.org.user.password not in told
    assert browser.http.cookies["sid"] not in told
