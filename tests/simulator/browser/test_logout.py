"""Logging out."""

from __future__ import annotations

import pytest

from tests.simulator.browsing import REDIRECT, Browser

LOGOUT = "/services/auth/idp/oidc/logout"


@pytest.fixture
async def browser(world):
    """Logged in, with an ID token."""
    browser = Browser(world)
    code = (await browser.authorize())["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, **world.credentials()}
    browser.token = (await world.post(form)).json()
    return browser


async def test_an_id_token_logs_out_and_leads_back_to_the_app(world, browser):
    world.time += 3600  # an ID token that has expired says who it was all the same
    hint = {"id_token_hint": browser.token["id_token"], "post_logout_redirect_uri": REDIRECT, "state": "s&t"}
    assert await browser.get(LOGOUT, params=hint) == REDIRECT + "?state=s%26t"
    assert (await browser.get("/")).heading == "Log In"
    assert await world.alive(browser.token["access_token"])
    assert world.counts.logouts == 1


async def test_without_a_target_there_is_a_page(world, browser):
    page = await browser.get(LOGOUT, params={"id_token_hint": browser.token["id_token"]})
    assert page.heading == "Logged Out"


async def test_without_an_id_token_the_user_is_asked(world, browser):
    page = await browser.get(LOGOUT)
    assert page.heading == "Log Out?"
    assert (await browser.get("/")).heading == "Home"
    browser.page = page
    assert (await browser.submit("Log Out")).heading == "Logged Out"
    assert (await browser.get("/")).heading == "Log In"


async def test_another_users_id_token_is_no_reason(world, browser):
    another = Browser(world)
    await another.get("/")
    await another.log_in(world.org.add_user())
    assert (await another.get(LOGOUT, params={"id_token_hint": browser.token["id_token"]})).heading == "Log Out?"


@pytest.mark.parametrize(
    "changed",
    [
        {"id_token_hint": "nonsense"},
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"id_token_hint": None},
    ],
)
async def test_only_registered_targets_of_a_known_app_are_gone_to(world, browser, changed):
    given = {"id_token_hint": browser.token["id_token"], "post_logout_redirect_uri": REDIRECT} | changed
    page = await browser.get(LOGOUT, params={name: value for name, value in given.items() if value})
    assert page.response.status_code == 400
    assert (await browser.get("/")).heading == "Home"


async def test_the_single_logout_url_is_registered_as_well(world, browser):
    world.org.app.single_logout_url = "https://app.example/bye"
    hint = {"id_token_hint": browser.token["id_token"], "post_logout_redirect_uri": "https://app.example/bye"}
    assert await browser.post(LOGOUT, data=hint) == "https://app.example/bye"


async def test_a_forged_confirmation_is_refused(world, browser):
    page = await browser.get(LOGOUT)
    page.hidden["_CONFIRMATIONTOKEN"] = "forged"
    assert (await browser.submit("Log Out")).response.status_code == 403


async def test_the_link_on_the_home_page(world, browser):
    page = await browser.get("/")
    page = await browser.get(page.links["Log Out"])
    assert page.heading == "Log In"
    assert (await browser.get("/secur/logout.jsp")).heading == "Log In"
    assert world.counts.logouts == 1
