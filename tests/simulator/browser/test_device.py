"""The page on which a user lets a device in."""

from __future__ import annotations

import pytest

from tests.simulator.browsing import Browser

CONNECT = "/setup/connect"


async def begin(world, *, at=None, org=None, **changed):
    form = {"response_type": "device_code", "client_id": (org or world.org).app.client_id, **changed}
    return (await world.post(form, at=at)).json()


async def poll(world, begun, *, at=None):
    form = {"grant_type": "device", "client_id": world.org.app.client_id, "code": begun["device_code"]}
    return await world.post(form, at=at)


async def typed(world, user_code, *, at=None, path=CONNECT):
    browser = Browser(world, at)
    await browser.get(path)
    await browser.submit("Connect", **{"Code that your device shows": user_code})
    return browser


async def test_type_the_code_log_in_allow(world):
    begun = await begin(world)
    assert begun["verification_uri"] == world.org.my_domain + CONNECT
    browser = await typed(world, begun["user_code"])
    assert browser.page.heading == "Log In"
    page = await browser.log_in()
    assert page.heading == "Allow Access?"
    assert world.org.app.name in page.text
    page = await browser.submit("Allow")
    assert page.heading == "You're connected"
    assert (await poll(world, begun)).status_code == 200


async def test_deny(world, refused):
    begun = await begin(world)
    browser = await typed(world, begun["user_code"])
    await browser.log_in()
    assert (await browser.submit("Deny")).heading == "Access denied"
    refused(await poll(world, begun), "access_denied", "end-user denied authorization")


@pytest.mark.parametrize("write", [str.lower, lambda code: f" {code[:4]}-{code[4:]} "], ids=["lower case", "in parts"])
async def test_people_write_codes_in_their_own_ways(world, write):
    browser = await typed(world, write((await begin(world))["user_code"]))
    assert browser.page.heading == "Log In"


async def test_a_wrong_code_is_said(world):
    await begin(world)
    browser = await typed(world, "WRONG123")
    assert browser.page.alerts == ["No device waits with this code. Check it, or have the device show a new one."]
    assert browser.page.fields["user_code"]["aria-invalid"] == "true"


async def test_a_code_in_the_url_is_filled_in_and_not_sent(world):
    begun = await begin(world)
    browser = Browser(world)
    page = await browser.get(CONNECT, params={"user_code": begun["user_code"]})
    assert page.fields["user_code"]["value"] == begun["user_code"]
    assert page.heading == "Connect Your Device"


async def test_a_code_is_good_for_ten_minutes(world):
    begun = await begin(world)
    browser = await typed(world, begun["user_code"])
    await browser.log_in()
    world.time += 600
    assert (await browser.submit("Allow")).alerts
    assert (await typed(world, begun["user_code"])).page.alerts


async def test_an_answer_is_good_once(world):
    begun = await begin(world)
    browser = await typed(world, begun["user_code"])
    page = await browser.log_in()
    await browser.submit("Deny")
    browser.page = page
    assert (await browser.submit("Allow")).alerts
    assert (await poll(world, begun)).json()["error"] == "access_denied"


async def test_users_are_asked_each_time(world):
    browser = Browser(world)
    for _ in range(2):
        await browser.get(CONNECT)
        await browser.submit("Connect", **{"Code that your device shows": (await begin(world))["user_code"]})
        if browser.page.heading == "Log In":
            await browser.log_in()
        assert browser.page.heading == "Allow Access?"
        await browser.submit("Allow")


async def test_the_user_must_be_of_the_apps_org(bare):
    org, other = bare.simulator.add_org("acme"), bare.simulator.add_org("other")
    login = "https://login.salesforce.com"
    begun = await begin(bare, at=login, org=org)
    assert begun["verification_uri"] == login + CONNECT
    browser = await typed(bare, begun["user_code"], at=login)
    page = await browser.log_in(other.user)
    assert "does not have this app" in page.alerts[0]
    assert (await browser.log_in(org.user)).heading == "Allow Access?"
    assert (await typed(bare, begun["user_code"], at=other.my_domain)).page.alerts


async def test_policies_speak_on_the_page(world):
    world.org.app.pre_authorized = set()
    browser = await typed(world, (await begin(world))["user_code"])
    page = await browser.log_in()
    assert page.response.status_code == 403
    assert page.alerts == ["invalid_app_access: user is not admin approved by administrator"]


async def test_forms_of_other_sites_are_refused(world):
    begun = await begin(world)
    browser = Browser(world)
    page = await browser.get(CONNECT)
    page.hidden["_CONFIRMATIONTOKEN"] = "forged"
    page = await browser.submit("Connect", **{"Code that your device shows": begun["user_code"]})
    assert page.response.status_code == 403
    browser = await typed(world, begun["user_code"])
    page = await browser.log_in()
    page.hidden["_CONFIRMATIONTOKEN"] = "forged"
    assert (await browser.submit("Allow")).response.status_code == 403


async def test_it_is_at_sites_too(site):
    at = site.org.site_url
    begun = await begin(site, at=at)
    assert begun["verification_uri"] == at + CONNECT
    browser = await typed(site, begun["user_code"], at=at, path="/customers" + CONNECT)
    await browser.log_in(site.org.users[1])
    await browser.submit("Allow")
    answer = (await poll(site, begun, at=at)).json()
    assert answer["sfdc_community_url"] == at
