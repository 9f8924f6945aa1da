"""Over TCP, with real connections."""

from __future__ import annotations

import anyio
import httpx
import jwt
import pytest

from tests.simulator.browsing import REDIRECT, Browser

LIMITS = "/services/data/v66.0/limits"
TOKEN = "/services/oauth2/token"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
async def served(world):
    async with world.simulator.serve(ports=2) as server, httpx.AsyncClient(trust_env=False) as client:
        world.http = client
        yield server


def bearer(token):
    return {"authorization": f"Bearer {token}"}


async def test_every_origin_logs_in_and_the_first_one_serves(world, served):
    assert served.url == served.urls[0]
    assert world.org.instance_url == world.org.login_url == served.url
    for url in served.urls:
        answer = (await world.client_credentials(at=url)).json()
        assert answer["instance_url"] == served.url
        headers = bearer(answer["access_token"])
        assert (await world.http.get(served.urls[0] + LIMITS, headers=headers)).status_code == 200
        assert (await world.http.get(served.urls[1] + LIMITS, headers=headers)).status_code == 401


async def test_localhost_is_the_same_origin(world, served):
    here = served.url.replace("127.0.0.1", "localhost")
    answer = await world.jwt_bearer(at=here, aud=here)
    assert answer.json()["instance_url"] == served.url


async def test_an_org_moves_to_the_other_port(world, served):
    before = (await world.client_credentials(at=served.url)).json()
    assert world.org.migrate() == served.urls[1]
    for url in served.urls:
        assert (await world.http.get(url + LIMITS, headers=bearer(before["access_token"]))).status_code == 401
    after = (await world.client_credentials(at=served.url)).json()
    assert after["instance_url"] == served.urls[1]
    assert (await world.http.get(served.urls[1] + LIMITS, headers=bearer(after["access_token"]))).status_code == 200
    assert (await world.http.get(served.urls[0] + LIMITS, headers=bearer(after["access_token"]))).status_code == 401
    assert world.org.migrate() == served.urls[0]
    with pytest.raises(ValueError, match="not served"):
        world.org.migrate("http://127.0.0.1:1")


async def test_an_org_added_later_lives_there_too(world, served):
    org = world.simulator.add_org("later")
    assert (await world.client_credentials(org, at=served.url)).json()["instance_url"] == served.url


async def test_the_identity_url_leads_to_the_instance(world, served):
    world.org.migrate()
    answer = (await world.client_credentials(at=served.url)).json()
    found = await world.http.get(answer["id"], headers=bearer(answer["access_token"]))
    assert (found.status_code, found.headers["location"].startswith(served.urls[1])) == (302, True)
    found = await world.http.get(found.headers["location"], headers=bearer(answer["access_token"]))
    assert found.json()["username"] == world.org.user.username


async def test_a_client_assertion_names_the_token_url(world, served):
    app = world.org.app
    claims = {"iss": app.client_id, "sub": app.client_id, "aud": served.url + TOKEN, "exp": int(world.time) + 60}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, app.private_key_pem, algorithm="RS256"),
    }
    assert (await world.http.post(served.url + TOKEN, data=form)).status_code == 200


async def test_the_clock_is_the_simulators(world, served):
    answer = await world.http.get(served.url + "/services/data")
    assert answer.headers.get_list("date") == ["Fri, 15 Jan 2027 08:00:00 GMT"]
    assert "server" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_can_be_cut(world, served, method, capfd):
    world.simulator.fail_next(cut=True)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await world.http.request(method, served.url + "/services/data", content=b"x" if method == "POST" else None)
    assert (await world.http.get(served.url + "/services/data")).status_code == 200
    assert capfd.readouterr().err == ""


async def test_a_person_logs_in_with_a_browser(world, served):
    world.org.app.permitted_users = "self"
    browser = Browser(world, served.url.replace("127.0.0.1", "localhost"))
    async with httpx.AsyncClient(trust_env=False) as browser.http:
        code = (await browser.authorize())["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, **world.credentials()}
    answer = (await world.http.post(served.url + TOKEN, data=form)).json()
    assert answer["instance_url"] == served.url
    assert (await world.http.get(served.url + LIMITS, headers=bearer(answer["access_token"]))).status_code == 200


async def test_a_site_is_below_the_orgs_key(world, served):
    org = world.simulator.add_org("shop", site_url="https://shop.my.site.com/customers")
    customer = org.add_user(external=True)
    assert org.site_login_url == served.url + "/shop/customers"
    discovered = (await world.http.get(org.site_login_url + "/.well-known/openid-configuration")).json()
    assert discovered["issuer"] == org.site_login_url
    browser = Browser(world, served.url)
    async with httpx.AsyncClient(trust_env=False) as browser.http:
        await browser.ask(org, path="/shop/customers/services/oauth2/authorize")
        await browser.log_in(customer)
        callback = browser.returned()
    assert callback["sfdc_community_url"] == org.site_login_url
    form = {"grant_type": "authorization_code", "code": callback["code"], "redirect_uri": REDIRECT}
    answer = (await world.http.post(org.site_login_url + TOKEN, data={**form, **world.credentials(org)})).json()
    assert answer["instance_url"] == served.url
    assert answer["id"].startswith(served.url + "/id/")
    for api in (served.url, org.site_login_url):
        assert (await world.http.get(api + LIMITS, headers=bearer(answer["access_token"]))).status_code == 200
    assertion = world.assertion(org, sub=customer.username, aud=org.site_login_url)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    assert (await world.http.post(org.site_login_url + TOKEN, data=form)).status_code == 200


async def test_control_is_there(world, served):
    await world.http.post(served.url + "/_simulator/fail_next", json={"status": 500})
    assert (await world.client_credentials(at=served.url)).status_code == 500


async def test_many_at_once(world, served):
    token = (await world.client_credentials(at=served.url)).json()["access_token"]
    statuses = []

    async def crawl():
        response = await world.http.get(served.url + LIMITS, headers=bearer(token))
        statuses.append(response.status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(crawl)
    assert statuses == [200] * 50


async def test_afterwards_the_ports_are_closed_and_the_orgs_are_home_again(world):
    async with world.simulator.serve() as server:
        with pytest.raises(RuntimeError, match="already being served"):
            async with world.simulator.serve():
                pass
        with pytest.raises(ValueError, match="more ports"):
            world.org.migrate()
    assert world.org.instance_url == "https://acme.my.salesforce.com"
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(server.url)


async def test_a_port_can_be_named_and_may_be_taken(world):
    async with world.simulator.serve() as server:
        port = int(server.url.rsplit(":", 1)[1])
        world.simulator.origins = ()
        with pytest.raises(OSError, match="in use"):
            async with world.simulator.serve(ports=[port]):
                pass
    with pytest.raises(ValueError, match="at least one port"):
        async with world.simulator.serve(ports=0):
            pass


async def test_an_error_inside_comes_out_as_it_is(world):
    with pytest.raises(LookupError):
        async with world.simulator.serve():
            raise LookupError
