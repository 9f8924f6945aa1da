"""JWT bearer for Experience Cloud users: the site is both where to ask and whom the assertion is for."""

from __future__ import annotations

import random
from typing import Any

import httpx
import jwt
import pytest

from sfauth import TokenManager
from sfauth.errors import ConfigurationError
from sfauth.grants import JWTBearerGrant
from sfauth.org import Org
from sfauth.simulator import SimulatedOrg, Simulator

SITE = "https://acme.my.site.com/customers"


@pytest.fixture
def simulated() -> SimulatedOrg:
    return Simulator(random=random.Random(1)).add_org("acme", site_url=SITE)


def grant(org: SimulatedOrg, **changes: Any) -> JWTBearerGrant:
    fields: dict[str, Any] = {
        "client_id": org.app.client_id,
        "username": org.user.username,
        "private_key": org.app.private_key_pem,
    }
    return JWTBearerGrant(**{**fields, **changes})


def test_endpoint_and_audience_are_the_sites_with_its_path(simulated: SimulatedOrg):
    org = Org(SITE + "/")
    assertion = grant(simulated).request(org, now=1e9, jti="a").form["assertion"]
    assert org.token_url == SITE + "/services/oauth2/token"
    assert jwt.decode(assertion, options={"verify_signature": False})["aud"] == SITE


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_site_user_logs_in_and_learns_the_sites_address(simulated: SimulatedOrg, anyio_backend: str):
    transport = httpx.ASGITransport(app=simulated.simulator)
    async with TokenManager(transport=transport) as manager:
        manager.add("ann", grant(simulated), org=SITE)
        token = await manager.token("ann")
        assert token.site_url is not None
        assert token.site_url.startswith("https://acme.my.site.com")
        assert (await manager.client("ann").get("/services/data/v66.0/limits")).status_code == 200


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_login_hosts_audience_is_refused_at_a_site(simulated: SimulatedOrg, anyio_backend: str):
    transport = httpx.ASGITransport(app=simulated.simulator)
    async with TokenManager(transport=transport) as manager:
        manager.add("ann", grant(simulated, audience="https://login.salesforce.com"), org=SITE)
        with pytest.raises(ConfigurationError, match="audience"):
            await manager.token("ann")
