"""Promise 18: the bearer goes to the org's own origins only, and no secret is carried elsewhere by a redirect."""

from __future__ import annotations

import httpx
import pytest

from sfauth import ConfigurationError, ProtocolError, UntrustedHostError
from tests.support import ACME, Endpoint, credentials, outcomes, refresh_token_grant, reply

ELSEWHERE = "https://evil.example"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("grant", [credentials(), refresh_token_grant()], ids=["client secret", "refresh token"])
async def test_a_token_request_follows_no_redirect(world, status, grant):
    redirect = httpx.Response(status, headers={"location": f"{ELSEWHERE}/services/oauth2/token"})
    async with world.scripted(redirect, grant=grant) as acme:
        with pytest.raises(ProtocolError, match=r"evil\.example"):
            await acme.token()
    assert {request.host for request in acme.endpoint.requests} == {"acme.my.salesforce.com"}


@pytest.mark.parametrize(
    "host", ["http://acme.my.salesforce.com", ELSEWHERE, "https://acme.my.salesforce.com.evil.example"]
)
async def test_a_reply_that_sends_the_bearer_elsewhere_is_refused(world, host):
    async with world.scripted(reply(1, instance_url=host)) as acme:
        with pytest.raises(ProtocolError, match="no Salesforce host"):
            await acme.token()
        assert acme.source.current is None


async def test_a_request_to_another_host_is_refused_before_the_token_leaves(world):
    async with world.scripted(reply(1)) as acme:
        client = acme.manager.client("acme")
        with pytest.raises(UntrustedHostError):
            await client.get(f"{ELSEWHERE}/services/data")
    assert all("authorization" not in request.request.headers for request in acme.endpoint.requests)


async def test_or_is_sent_without_the_token_where_that_was_asked_for(world):
    async with world.scripted(reply(1), httpx.Response(200)) as acme:
        client = acme.manager.client("acme", other_origins="anonymous")
        await client.get(f"{ELSEWHERE}/services/data")
        assert acme.endpoint.last.host == "evil.example"
        assert "authorization" not in acme.endpoint.last.request.headers


async def test_a_redirect_of_an_api_takes_the_token_nowhere_else(world):
    away = httpx.Response(302, headers={"location": f"{ELSEWHERE}/x"})
    async with world.scripted(reply(1), away, httpx.Response(200)) as acme:
        client = acme.manager.client("acme", follow_redirects=True)
        await outcomes(client.get, "/services/data", times=1)
    for request in acme.endpoint.requests:
        if request.host == "evil.example":
            assert "authorization" not in request.request.headers


async def test_client_credentials_never_go_to_a_login_host(world):
    endpoint = Endpoint()
    async with world.manager(transport=endpoint) as manager:
        with pytest.raises(ConfigurationError) as error:
            manager.add("acme", credentials(), org="login")
        assert error.value.org == "acme"
    assert len(endpoint) == 0


@pytest.mark.parametrize("where", [ELSEWHERE, "http://acme.my.salesforce.com", "https://acme.lightning.force.com"])
async def test_no_org_is_taken_whose_host_must_not_see_a_secret(world, where):
    async with world.manager() as manager:
        with pytest.raises(ConfigurationError):
            manager.add("acme", credentials(), org=where)
        assert "acme" not in manager


async def test_revoking_and_introspecting_send_the_token_to_the_orgs_own_hosts(world):
    async with world.scripted(
        reply(1), httpx.Response(200, json={"active": False}), httpx.Response(200), introspect=True
    ) as acme:
        await acme.token()
        await acme.manager.revoke("acme")
    assert {request.host for request in acme.endpoint.requests} == {httpx.URL(ACME).host}
