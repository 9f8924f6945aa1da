"""The hybrid app flows: web sessions beside the token."""

from __future__ import annotations

import httpx
import pytest

REDIRECT = "http://localhost:1717/OauthRedirect"
SCOPE = "api web lightning visualforce content refresh_token"


@pytest.fixture(params=["opaque", "jwt"])
def hybrid(request, bare):
    bare.simulator.add_org("acme", "sandbox", token_format=request.param)
    bare.org.app.scopes += ("lightning", "visualforce", "content")
    return bare


async def redeem(world, scope=SCOPE):
    form = {"grant_type": "hybrid_auth_code", "code": world.org.issue_code(scope=scope), "redirect_uri": REDIRECT}
    answer = await world.post({**form, **world.credentials()})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def shown(world, domain, sid):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=world.simulator), cookies={"sid": sid}) as browser:
        return "You are logged in as" in (await browser.get(f"https://{domain}/")).text


async def test_each_scope_has_its_domain_and_a_session_that_opens_it(hybrid):
    token = await redeem(hybrid)
    domains = {
        "lightning": "acme--dev.sandbox.lightning.force.com",
        "visualforce": "acme--dev--c.sandbox.vf.force.com",
        "content": "acme--dev.sandbox.file.force.com",
    }
    for name, domain in domains.items():
        assert token[f"{name}_domain"] == domain
        assert await shown(hybrid, domain, token[f"{name}_sid"])
    assert {"csrf_token", "cookie-clientSrc", "cookie-sid_Client"} <= set(token)
    assert token["sidCookieName"] == "sid"
    assert ("parent_sid" in token) == (token["token_format"] == "jwt")


@pytest.mark.parametrize(("scope", "names"), [("api", set()), ("api web", set()), ("api content", {"content"})])
async def test_only_granted_scopes_have_one(hybrid, scope, names):
    token = await redeem(hybrid, scope)
    assert {name.removesuffix("_sid") for name in token if name.endswith("_sid")} - {"parent"} == names
    assert ("sidCookieName" in token) == (scope != "api")


async def test_full_is_all_of_them(hybrid):
    assert "visualforce_sid" in await redeem(hybrid, "full")


async def test_a_refresh_brings_new_ones(hybrid):
    token = await redeem(hybrid)
    form = {"grant_type": "hybrid_refresh", "refresh_token": token["refresh_token"], **hybrid.credentials()}
    again = (await hybrid.post(form)).json()
    assert again["lightning_sid"] != token["lightning_sid"]
    assert await shown(hybrid, again["lightning_domain"], again["lightning_sid"])
    assert "lightning_sid" not in (await hybrid.refresh(token["refresh_token"])).json()


async def test_they_die_with_the_token(bare):
    bare.simulator.add_org("acme")
    bare.org.app.scopes += ("lightning",)
    token = await redeem(bare, "api lightning refresh_token")
    bare.time += 4000
    assert await bare.alive(token["access_token"])
    await bare.post({"token": token["access_token"]}, path="/services/oauth2/revoke")
    assert not await shown(bare, token["lightning_domain"], token["lightning_sid"])


async def test_a_session_opens_the_domains_of_its_org_only(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    one.app.scopes += ("lightning",)
    token = await redeem(bare, "lightning")
    assert not await shown(bare, two.web_domains["lightning"], token["lightning_sid"])


async def test_the_flow_is_switched_on_by_itself(world, refused):
    world.org.app.grant_types.discard("hybrid_auth_code")
    form = {"grant_type": "hybrid_auth_code", "code": world.org.issue_code(), "redirect_uri": REDIRECT}
    refused(await world.post({**form, **world.credentials()}), "unsupported_grant_type")
