"""RFC 6749 section 4.4, with each way to prove a client."""

from __future__ import annotations

import pytest

from sfauth import TokenManager
from sfauth.errors import ConfigurationError
from sfauth.grants import ClientCredentialsGrant
from sfauth.logins import redeem

from .conftest import SECRET


@pytest.fixture(params=["post", "basic", "private_key_jwt"])
def grant(request, outside):
    if request.param == "private_key_jwt":
        return ClientCredentialsGrant(client_id="key-app", private_key=outside.private_key)
    return ClientCredentialsGrant(client_id=f"{request.param}-app", client_secret=SECRET, client_auth=request.param)


async def test_the_server_believes_the_client_and_gives_a_token(grant, org, endpoint, introspect):
    token = await redeem(grant, org, endpoint=endpoint)
    found = await introspect(token.access_token)
    assert found.active
    assert found.client_id == grant.client_id
    assert found.expires_at == pytest.approx(token.expires_at, abs=5)


async def test_a_client_may_ask_about_its_own_token(grant, org, endpoint):
    token = await redeem(grant, org, endpoint=endpoint)
    found = await endpoint.introspect(token.access_token, grant, org)
    assert found is not None
    assert found.active


async def test_a_manager_asks_once_for_all_and_anew_after_a_rejection(grant, org, counted):
    before = (await counted()).get("client_credentials", 0)
    async with TokenManager() as manager:
        manager.add("acme", grant, org=org)
        first = await manager.token("acme")
        assert await manager.token("acme") == first
        manager.invalidate("acme")
        assert (await manager.token("acme")).access_token != first.access_token
    assert (await counted())["client_credentials"] - before == 2


@pytest.mark.parametrize("method", ["post", "basic"])
async def test_a_wrong_secret_is_the_configurations_fault(method, org):
    grant = ClientCredentialsGrant(client_id=f"{method}-app", client_secret="a-wrong-secret", client_auth=method)
    with pytest.raises(ConfigurationError) as caught:
        await redeem(grant, org)
    assert caught.value.error == "invalid_client"
    assert "a-wrong-secret" not in f"{caught.value!s} {caught.value!r}"


async def test_a_key_that_the_app_does_not_have_is_the_configurations_fault(another_key, org):
    grant = ClientCredentialsGrant(client_id="key-app", private_key=another_key)
    with pytest.raises(ConfigurationError) as caught:
        await redeem(grant, org)
    assert caught.value.error == "invalid_client"
