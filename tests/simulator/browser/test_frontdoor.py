"""Single access, and what is behind the front door."""

from __future__ import annotations

import pytest

from tests.simulator.browsing import Browser

SINGLE_ACCESS = "/services/oauth2/singleaccess"


async def web_token(world, scope="web api"):
    return (await world.refresh(world.org.issue_refresh_token(scope=scope))).json()["access_token"]


async def frontdoor(world, token, *, at=None, **form):
    headers = {"authorization": f"Bearer {token}"}
    return await world.post(form, at=at or world.org.instance_url, path=SINGLE_ACCESS, headers=headers)


async def test_a_token_opens_a_browser_session(world):
    token = await web_token(world)
    answer = await frontdoor(world, token, redirect_uri="/setup/connect?user_code=AB")
    assert answer.status_code == 200
    url = answer.json()["frontdoor_uri"]
    assert url.startswith(world.org.instance_url + "/secur/frontdoor.jsp?otp=")
    assert token not in url
    browser = Browser(world)
    page = await browser.get(url)
    assert page.url == world.org.my_domain + "/setup/connect?user_code=AB"
    assert f"logged in as {world.org.user.username}" in (await browser.get("/")).text
    assert browser.http.cookies["sid"] != token
    assert world.counts.single_accesses == {"issued": 1}


async def test_a_frontdoor_url_is_good_once_and_for_a_minute(world):
    token = await web_token(world)
    url = (await frontdoor(world, token)).json()["frontdoor_uri"]
    assert (await Browser(world).get(url)).heading == "Home"
    assert (await Browser(world).get(url)).heading == "Log In"
    late = (await frontdoor(world, token)).json()["frontdoor_uri"]
    world.time += 60
    assert (await Browser(world).get(late)).heading == "Log In"


async def test_the_browsers_session_lives_and_dies_with_the_token(world):
    token = await web_token(world)
    browser = Browser(world)
    await browser.get((await frontdoor(world, token)).json()["frontdoor_uri"])
    world.time += 5000
    assert (await browser.get("/")).heading == "Home"
    world.time += 5000
    assert await world.alive(token)
    await world.post({"token": token}, path="/services/oauth2/revoke")
    assert (await browser.get("/")).heading == "Log In"
    unused = (await frontdoor(world, await web_token(world))).json()["frontdoor_uri"]
    world.org.revoke_sessions()
    assert (await Browser(world).get(unused)).heading == "Log In"


async def test_the_token_may_be_in_the_form_and_the_method_may_be_get(world):
    token = await web_token(world)
    in_form = await world.post({"access_token": token}, at=world.org.instance_url, path=SINGLE_ACCESS)
    assert in_form.status_code == 200
    got = await world.get(SINGLE_ACCESS, token, params={"redirect_uri": "lightning/page/home"})
    assert (await Browser(world).get(got.json()["frontdoor_uri"])).url.endswith("/lightning/page/home")


async def test_a_sites_door_leads_into_the_site(site):
    url = site.org.site_url
    form = {"grant_type": "refresh_token", "refresh_token": site.org.issue_refresh_token(), **site.credentials()}
    token = (await site.post(form, at=url)).json()["access_token"]
    for path in ("/setup/connect", "/customers/setup/connect"):
        opened = (await frontdoor(site, token, at=url, redirect_uri=path)).json()["frontdoor_uri"]
        assert opened.startswith(url + "/secur/frontdoor.jsp?")
        assert (await Browser(site, url).get(opened)).url == url + "/setup/connect"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
async def test_it_leads_to_no_other_host(world, refused, target):
    answer = await frontdoor(world, await web_token(world), redirect_uri=target)
    refused(answer, "invalid_request", "redirect_uri must be a relative path")


async def test_the_token_needs_a_web_scope(world, refused):
    refused(await frontdoor(world, await web_token(world, "api id")), "invalid_scope")
    assert (await frontdoor(world, await web_token(world, "full"))).status_code == 200


async def test_jwt_access_tokens_open_no_page(bare, refused):
    org = bare.simulator.add_org("acme", token_format="jwt")
    token = await web_token(bare)
    refused(await frontdoor(bare, token), "unsupported_token_type", "this token type is not supported")
    assert (await Browser(bare, org.my_domain).get("/secur/frontdoor.jsp", params={"sid": token})).heading == "Log In"


@pytest.mark.parametrize(
    ("headers", "word"), [({}, "Missing_OAuth_Token"), ({"authorization": "Bearer x"}, "Bad_OAuth_Token")]
)
async def test_a_bad_token_is_a_bare_word(world, headers, word):
    answer = await world.http.post(world.org.instance_url + SINGLE_ACCESS, headers=headers)
    assert (answer.status_code, answer.text) == (403, word)
    assert world.counts.single_accesses == {word: 1}


async def test_the_old_way_takes_the_token_itself(world):
    token = await web_token(world)
    browser = Browser(world)
    page = await browser.post("/secur/frontdoor.jsp", data={"sid": token, "retURL": "/setup/connect"})
    assert page.heading == "Connect Your Device"
    page = await browser.get("/secur/frontdoor.jsp", params={"sid": token, "retURL": "//evil.example"})
    assert page.url == world.org.my_domain + "/"
    for bad in (await web_token(world, "api"), "nothing"):
        assert (await Browser(world).get("/secur/frontdoor.jsp", params={"sid": bad})).heading == "Log In"


async def test_another_orgs_door_stays_closed(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    token = (await bare.refresh(one.issue_refresh_token(), one)).json()["access_token"]
    assert (await frontdoor(bare, token, at=two.my_domain)).text == "Bad_OAuth_Token"
    page = await Browser(bare, two.my_domain).get("/secur/frontdoor.jsp", params={"sid": token})
    assert page.heading == "Log In"


async def test_a_token_without_a_web_scope_is_no_cookie(world):
    browser = Browser(world)
    browser.http.cookies.set("sid", await web_token(world, "api"))
    assert (await browser.get("/")).heading == "Log In"
