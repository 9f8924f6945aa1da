"""ID tokens, as an OpenID Connect client checks them: from the discovery document to the claims."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import jwt
import pytest

REDIRECT = "http://localhost:1717/OauthRedirect"
SITE = "https://acme.my.site.com/customers"


async def redeem(world, *, at=None, **issued):
    form = {"grant_type": "authorization_code", "code": world.org.issue_code(**issued), "redirect_uri": REDIRECT}
    return (await world.post({**form, **world.credentials()}, at=at)).json()


async def verified(world, issuer, id_token):
    discovered = (await world.get("/.well-known/openid-configuration", at=issuer)).json()
    keys = jwt.PyJWKSet.from_dict((await world.http.get(discovered["jwks_uri"])).json())
    key = keys[jwt.get_unverified_header(id_token)["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    return jwt.decode(
        id_token, key, ["RS256"], audience=world.org.app.client_id, issuer=discovered["issuer"], options=options
    )


@pytest.mark.parametrize(
    "issuer", ["https://login.salesforce.com", "https://acme.my.salesforce.com", SITE, "http://127.0.0.1:8000"]
)
async def test_the_host_that_was_asked_is_the_issuer(bare, issuer):
    bare.simulator.add_org("acme", site_url=SITE)
    answer = await redeem(bare, at=issuer, nonce="n-1")
    claims = await verified(bare, issuer, answer["id_token"])
    assert claims["sub"] == answer["id"]
    assert claims["nonce"] == "n-1"
    assert (claims["iat"], claims["exp"]) == (int(bare.time), int(bare.time) + 120)
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    userinfo = await bare.get("/services/oauth2/userinfo", answer["access_token"], at=issuer)
    assert userinfo.json()["sub"] == claims["sub"]


async def test_an_org_that_moved_signs_as_its_my_domain(world):
    moved = world.org.migrate()
    claims = await verified(world, world.org.my_domain, (await redeem(world, at=moved))["id_token"])
    assert claims["iss"] == world.org.my_domain


async def test_there_is_no_nonce_unless_it_was_asked_for(world):
    assert "nonce" not in await verified(world, world.org.my_domain, (await redeem(world))["id_token"])


async def test_an_app_may_have_them_last_longer(world):
    world.org.app.id_token_lifetime = 600
    claims = await verified(world, world.org.my_domain, (await redeem(world))["id_token"])
    assert claims["exp"] - claims["iat"] == 600


async def test_a_refresh_gives_a_new_one_without_a_nonce(world):
    token = await redeem(world, nonce="n-1")
    refreshed = (await world.refresh(token["refresh_token"])).json()
    assert "nonce" not in await verified(world, world.org.my_domain, refreshed["id_token"])


async def test_without_openid_there_is_none(world):
    token = await redeem(world, scope="api refresh_token")
    assert "id_token" not in token
    assert "id_token" not in (await world.refresh(token["refresh_token"])).json()
