"""All pages are plain, labelled, and work without a script."""

from __future__ import annotations

import pytest

from tests.simulator.browsing import Browser


async def login(world, browser):
    return await browser.ask()


async def failed_login(world, browser):
    await browser.ask()
    return await browser.log_in(password="wrong")


async def consent(world, browser):
    await browser.ask()
    return await browser.log_in()


async def home(world, browser):
    await browser.get("/")
    return await browser.log_in()


async def refusal(world, browser):
    return await browser.ask(client_id="nobody")


async def device(world, browser):
    return await browser.get("/setup/connect")


async def wrong_device(world, browser):
    await browser.get("/setup/connect")
    return await browser.submit("Connect", **{"Code that your device shows": "x"})


async def success(world, browser):
    return await browser.get("/services/oauth2/success")


async def logout(world, browser):
    await home(world, browser)
    return await browser.get("/services/auth/idp/oidc/logout")


@pytest.mark.parametrize(
    "show",
    [login, failed_login, consent, home, refusal, device, wrong_device, success, logout],
    ids=lambda f: f.__name__,
)
async def test_a_page_is_accessible(world, browser, show):
    page = await show(world, browser)
    assert page.lang == "en"
    assert page.heading
    assert page.title == f"{page.heading} | Salesforce (simulated)"
    assert set(page.fields) == set(page.labels.values())
    assert all(name.strip() for name in [*page.labels, *page.buttons, *page.links])
    assert all(button["type"] == "submit" for button in page.buttons.values())
    assert sum("autofocus" in field for field in page.fields.values()) <= 1
    assert page.scripts == 0
    assert "tabindex" not in page.response.text
    if page.form is not None:
        assert page.form["method"] == "post"
        assert len(page.hidden["_CONFIRMATIONTOKEN"]) == 64


@pytest.mark.parametrize("show", [login, consent, refusal], ids=lambda f: f.__name__)
async def test_a_page_is_not_framed_kept_or_scripted(world, browser, show):
    headers = (await show(world, browser)).response.headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "form-action" not in headers["content-security-policy"]  # or browsers would not follow to the app
    assert "no-store" in headers["cache-control"]


async def test_browsers_fill_in_name_and_password(world, browser):
    page = await browser.ask()
    fields = {label: page.fields[name]["autocomplete"] for label, name in page.labels.items()}
    assert fields == {"Username": "username", "Password": "current-password"}
    assert page.fields["pw"]["type"] == "password"


async def test_the_pages_work_on_loopback(world):
    browser = Browser(world, "http://127.0.0.1:8000")
    assert (await browser.authorize()).keys() == {"code", "state"}
    assert not any("secure" in c.lower() for r in browser.visited for c in r.headers.get_list("set-cookie"))
