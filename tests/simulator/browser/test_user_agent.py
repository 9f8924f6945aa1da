"""The user-agent flow: tokens in the fragment."""

from __future__ import annotations

import pytest

from tests.simulator.browsing import Browser

NATIVE = "myapp://auth/done"


async def tokens(world, **changed):
    browser = Browser(world)
    await browser.ask(**{"response_type": "token", **changed})
    if browser.page is not None and browser.page.heading == "Log In":
        await browser.log_in()
    if browser.callback is None:
        await browser.submit("Allow")
    return browser.returned("fragment")


async def test_tokens_come_in_the_fragment(world):
    answer = await tokens(world)
    assert answer.keys() == {
        "access_token", "instance_url", "id", "issued_at", "signature", "scope", "token_type", "state",
    }  # fmt: skip
    assert await world.alive(answer["access_token"])
    assert world.counts.authorizations == {"token": 1}


async def test_a_refresh_token_only_goes_to_an_app_on_a_device(world):
    world.org.app.callback_urls += (NATIVE, "https://login.salesforce.com/services/oauth2/success")
    assert "refresh_token" not in await tokens(world, scope="api refresh_token")
    answer = await tokens(world, scope="api refresh_token", redirect_uri=NATIVE)
    assert (await world.refresh(answer["refresh_token"])).status_code == 200
    browser = Browser(world, "https://login.salesforce.com")
    await browser.ask(response_type="token", redirect_uri="https://login.salesforce.com/services/oauth2/success")
    await browser.log_in()
    assert browser.page.heading == "Remote Access Application Authorization"
    assert "refresh_token" in str(browser.visited[-2].headers["location"])


async def test_an_id_token_needs_its_response_type_and_a_nonce(world):
    assert "id_token" not in await tokens(world, scope="api openid")
    assert "id_token" in await tokens(world, scope="api openid", response_type="token id_token", nonce="n")
    assert (await tokens(world, response_type="id_token token"))["error"] == "invalid_request"
    answer = await tokens(world, response_type="token id_token")
    assert answer["error_description"] == "missing required parameter: nonce"


async def test_users_approve_each_time(world):
    world.org.app.permitted_users = "self"
    browser = Browser(world)
    await browser.authorize()
    assert (await browser.ask(response_type="token")).heading == "Allow Access?"
    await browser.submit("Allow")
    assert (await browser.ask(response_type="token")).heading == "Allow Access?"
    await browser.submit("Deny")
    assert browser.returned("fragment")["error"] == "access_denied"


@pytest.mark.parametrize(("in_query", "part"), [(False, "fragment"), (True, "query")])
async def test_errors_come_in_the_fragment_and_have_been_met_in_the_query(world, in_query, part):
    world.org.user_agent_errors_in_query = in_query
    browser = Browser(world)
    await browser.ask(response_type="token", scope="nonsense")
    assert browser.returned(part) == {
        "error": "invalid_scope",
        "error_description": "the requested scope is not allowed",
        "state": "st&te",
    }


async def test_an_org_may_block_the_flow(world):
    world.org.blocks_user_agent_flow = True
    assert (await tokens(world))["error"] == "oauth_flow_disabled"
    assert "code" in await Browser(world).authorize()


async def test_a_login_that_comes_too_often_is_an_error_in_the_fragment(world):
    world.org.logins_per_hour = 0
    assert (await tokens(world))["error"] == "rate_limit_exceeded"


async def test_the_hybrid_response_type_adds_web_sessions(world):
    world.org.app.scopes += ("lightning",)
    answer = await tokens(world, response_type="hybrid_token", scope="api lightning")
    assert answer["lightning_domain"] == "acme.lightning.force.com"
    assert answer["token_format"] == "opaque"
