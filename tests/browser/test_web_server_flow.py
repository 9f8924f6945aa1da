"""A person with a real browser logs in to the simulator, and sfauth makes a token of it.

Nothing is replaced: Chromium, TCP, the simulator's pages, an app with a callback URL, sfauth's flow with PKCE.
"""

from __future__ import annotations

import pytest

from sfauth.errors import LoginRequiredError
from sfauth.flows import PendingLogin, WebServerFlow
from sfauth.logins import begin, redeem
from sfauth.org import Org
from sfauth.simulator import Simulator
from tests.browser.app import serve_app


class Session:
    """One person, one browser, one app, one org."""

    def __init__(self, org, app, page, flow, expect):
        self.org, self.app, self.page, self.flow, self.expect = org, app, page, flow, expect

    async def start(self, **options):
        pending = begin(self.flow, **options)
        await self.page.goto(pending.url)
        return pending

    async def type_password(self, password):
        """With the keyboard alone: the page has put the cursor where it belongs."""
        keyboard = self.page.keyboard
        await self.expect(self.page.get_by_label("Username")).to_be_focused()
        await keyboard.type(self.org.user.username)
        await keyboard.press("Tab")
        await keyboard.type(password)
        await keyboard.press("Enter")

    async def heading(self, text):
        await self.expect(self.page.get_by_role("heading", level=1)).to_have_text(text)


@pytest.fixture
async def session(api, page):
    simulator = Simulator()
    org = simulator.add_org("acme")
    org.app.permitted_users = "self"
    org.app.pkce_required = True
    org.app.any_loopback_callback = True
    async with simulator.serve() as server, serve_app() as app:
        flow = WebServerFlow(
            client_id=org.app.client_id,
            client_secret=org.app.client_secret,
            redirect_uri=app.redirect_uri,
            org=Org(server.url),
            scope="api openid refresh_token",
        )
        yield Session(org, app, page, flow, api.expect)


async def test_a_person_logs_in_and_allows_it_with_the_keyboard(session):
    pending = await session.start()
    await session.heading("Log In")
    await session.type_password(session.org.user.password)
    await session.heading("Allow Access?")
    for _ in range(2):  # past "Not you?"
        await session.page.keyboard.press("Tab")
    await session.expect(session.page.get_by_role("button", name="Allow")).to_be_focused()
    await session.page.keyboard.press("Enter")
    await session.heading("Back in the app")
    (callback,) = session.app.callbacks
    token = await redeem(session.flow.finish(callback, pending), session.flow.org)
    assert token.instance_url == session.org.instance_url
    assert token.refresh_token is not None
    assert session.org.simulator.counts.total.token_requests == {("authorization_code", "issued"): 1}


async def test_a_wrong_password_is_announced_and_the_next_one_may_be_right(session):
    pending = await session.start(login_hint=session.org.user.username)
    page = session.page
    await session.expect(page.get_by_label("Username")).to_have_value(session.org.user.username)
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Log In").click()
    await session.expect(page.get_by_role("alert")).to_contain_text("Please check your username and password")
    await session.expect(page.get_by_label("Password")).to_have_value("")
    assert session.app.callbacks == []
    await page.get_by_label("Password").fill(session.org.user.password)
    await page.get_by_role("button", name="Log In").click()
    await page.get_by_role("button", name="Allow").click()
    await session.heading("Back in the app")
    assert session.flow.finish(session.app.callbacks[0], pending).code
    assert session.org.simulator.counts.total.browser_logins == {"wrong_password": 1, "logged_in": 1}


async def test_a_denied_consent_is_an_error_that_says_so(session):
    pending = await session.start()
    await session.type_password(session.org.user.password)
    await session.page.get_by_role("button", name="Deny").click()
    await session.heading("Back in the app")
    with pytest.raises(LoginRequiredError, match="denied"):
        session.flow.finish(session.app.callbacks[0], pending)
    assert session.org.simulator.counts.total.token_requests_total == 0


async def test_a_replayed_callback_gives_nothing_and_takes_nothing(session):
    kept = {"login": (await session.start()).to_dict()}
    await session.type_password(session.org.user.password)
    await session.page.get_by_role("button", name="Allow").click()
    await session.heading("Back in the app")
    await session.page.reload()
    first, second = session.app.callbacks
    assert first == second
    pending = PendingLogin.from_dict(kept.pop("login"))
    grant = session.flow.finish(first, pending)
    token = await redeem(grant, session.flow.org)
    with pytest.raises(LoginRequiredError):  # the app took the login out of the session
        PendingLogin.from_dict(kept.get("login"))
    with pytest.raises(LoginRequiredError):  # and if it had not, the code is used up
        await redeem(grant, session.flow.org)
    assert session.org.simulator.sessions.get(token.access_token).ended(session.org.simulator.now()) is None


async def test_the_second_time_nobody_is_asked(session):
    await session.start()
    await session.type_password(session.org.user.password)
    await session.page.get_by_role("button", name="Allow").click()
    await session.heading("Back in the app")
    pending = await session.start(prompt="none")
    await session.heading("Back in the app")
    assert session.flow.finish(session.app.callbacks[1], pending).code
