"""The consent page."""

from __future__ import annotations

import pytest

from tests.simulator.browsing import Browser


async def asked(browser, **changed):
    await browser.ask(**changed)
    if browser.page.heading == "Log In":
        await browser.log_in()
    assert browser.page.heading == "Allow Access?"
    return browser.page


async def test_it_says_who_asks_for_what_and_whose(world, browser):
    world.org.app.name = "Reports & <Charts>"
    page = await asked(browser, scope="api web")
    for text in ("Reports & <Charts>", world.org.user.username, "Manage user data via APIs", "Access your identity"):
        assert text in page.text
    assert page.scripts == 0


async def test_a_denial_is_told_to_the_app(world, browser):
    await asked(browser)
    await browser.submit("Deny")
    assert browser.returned() == {
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": "st&te",
    }
    assert world.counts.authorizations == {"access_denied": 1}
    await asked(browser)  # and nothing is remembered


async def test_a_no_is_a_no_also_when_another_tab_has_said_yes(world, browser):
    page = await asked(browser)
    await asked(browser)
    await browser.submit("Allow")
    browser.page = page
    await browser.submit("Deny")
    assert browser.returned()["error"] == "access_denied"


async def test_where_another_tab_has_said_yes_nobody_is_asked_again(world, browser):
    page = await asked(browser)
    await asked(browser)
    await browser.submit("Allow")
    browser.page = page
    await browser.submit("Allow")
    assert "code" in browser.returned()
    assert (await browser.get(page.url)).response.status_code == 400


async def test_a_form_without_a_decision_is_a_denial(world, browser):
    page = await asked(browser)
    page.buttons["Allow"].pop("name")
    await browser.submit("Allow")
    assert browser.returned()["error"] == "access_denied"


async def test_consent_is_remembered_until_the_last_approval_is_revoked(world, browser):
    await asked(browser)
    await browser.submit("Allow")
    await browser.ask()
    code = browser.returned()["code"]
    form = {"grant_type": "authorization_code", "code": code, **world.credentials()}
    token = (await world.post({**form, "redirect_uri": browser.request()["redirect_uri"]})).json()
    await world.post({"token": token["refresh_token"]}, path="/services/oauth2/revoke")
    await asked(browser)


async def test_consent_is_the_users_own(world, browser):
    await asked(browser)
    await browser.submit("Allow")
    another = Browser(world)
    await another.ask()
    page = await another.log_in(world.org.add_user())
    assert page.heading == "Allow Access?"


async def test_an_answer_is_good_once(world, browser):
    await asked(browser)
    shown = browser.page
    await browser.submit("Allow")
    browser.page = shown
    page = await browser.submit("Allow")
    assert page.response.status_code == 400
    assert "over" in page.alerts[0]
    assert world.counts.authorizations == {"code": 1}


async def test_a_request_is_over_after_a_quarter_of_an_hour(world, browser):
    await asked(browser)
    world.time += 900
    assert (await browser.submit("Allow")).response.status_code == 400


async def test_another_browser_can_not_go_on_with_a_request(world, browser):
    page = await asked(browser)
    another = Browser(world)
    await another.get("/")
    await another.log_in()
    assert (await another.get(page.url)).response.status_code == 400
    token = (await another.ask(prompt="consent")).hidden["_CONFIRMATIONTOKEN"]
    another.page = page
    page.hidden["_CONFIRMATIONTOKEN"] = token
    assert (await another.submit("Allow")).response.status_code == 400


@pytest.mark.parametrize("forged", ["", "0" * 64])
async def test_a_form_of_another_site_is_refused(world, browser, forged):
    page = await asked(browser)
    page.hidden["_CONFIRMATIONTOKEN"] = forged
    assert (await browser.submit("Allow")).response.status_code == 403
    assert world.counts.authorizations == {}


async def test_who_is_logged_out_in_the_meantime_logs_in_again(world, browser):
    await asked(browser)
    world.org.revoke_sessions()
    page = await browser.submit("Allow")
    assert page.heading == "Log In"
    await browser.log_in()
    await browser.submit("Allow")
    assert "code" in browser.returned()


async def test_somebody_else_may_log_in_instead(world, browser):
    await asked(browser)
    other = world.org.add_user()
    await browser.get(browser.page.links["(Not you?)"])
    page = await browser.log_in(other)
    assert other.username in page.text
