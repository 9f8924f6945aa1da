"""JWT-based access tokens, verified as a resource server would: with the published keys and nothing else."""

from __future__ import annotations

import jwt
import pytest

LIMITS = "/services/data/v66.0/limits"


@pytest.fixture
def jwts(bare):
    bare.simulator.add_org("acme", token_format="jwt", jwt_lifetime=600)
    return bare


async def verified(world, token, *, at=None):
    issuer = at or jwt.decode(token, options={"verify_signature": False})["iss"]
    keys = jwt.PyJWKSet.from_dict((await world.get("/id/keys", at=issuer)).json())
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.decode(
        token,
        keys[kid],
        algorithms=["RS256"],
        audience=issuer,
        issuer=issuer,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )


async def test_the_token_verifies_with_the_orgs_published_keys(jwts):
    answer = (await jwts.client_credentials()).json()
    assert answer["token_format"] == "jwt"
    claims = await verified(jwts, answer["access_token"])
    org = jwts.org
    assert claims["iss"] == org.my_domain
    assert claims["aud"] == [org.my_domain]
    assert claims["sub"] == f"uid:{org.user.user_id}"
    assert claims["scp"] == answer["scope"]
    assert claims["client_id"] == org.app.client_id
    assert claims["exp"] - claims["iat"] == 600
    assert claims["iat"] - claims["nbf"] == 15
    assert (claims["mty"], claims["roles"], claims["hsc"]) == ("oauth", [], False)


async def test_the_header_names_key_tenant_and_type(jwts):
    header = jwt.get_unverified_header(await jwts.token())
    assert header["alg"] == "RS256"
    assert header["typ"] == "JWT"
    assert header["tty"] == "sfdc-core-token"
    assert header["ver"] == "1.0"
    assert header["tnk"].split("/")[0] == "core"
    assert header["tnk"].split("/")[-1] == jwts.org.org_id
    assert header["kid"].startswith(f"CORE_ATJWT.{jwts.org.org_id[:15]}.")


async def test_every_flow_can_give_one(jwts):
    answers = [
        await jwts.client_credentials(),
        await jwts.jwt_bearer(),
        await jwts.password(),
        await jwts.refresh(jwts.org.issue_refresh_token()),
    ]
    for answer in answers:
        assert await verified(jwts, answer.json()["access_token"])


async def test_use_never_extends_it(jwts):
    token = await jwts.token()
    jwts.time += 500
    assert await jwts.alive(token)
    jwts.time += 100
    assert not await jwts.alive(token)


async def test_a_repeated_grant_gives_another_one(jwts):
    assert await jwts.token() != await jwts.token()


async def test_it_outlives_revocation_migration_and_the_users_deactivation(jwts):
    token = await jwts.token()
    jwts.org.revoke_sessions()
    jwts.org.user.active = False
    assert await jwts.alive(token)
    jwts.org.user.active = True
    jwts.org.migrate()
    assert await jwts.alive(token)


async def test_it_outlives_the_refresh_token_that_it_came_from(jwts):
    token = (await jwts.refresh(jwts.org.issue_refresh_token())).json()["access_token"]
    jwts.org.revoke_refresh_tokens()
    assert await jwts.alive(token)
    jwts.org.rotate_secret()
    assert await jwts.alive(token)


async def test_a_new_signing_key_ends_them_all(jwts):
    token = await jwts.token()
    assert jwts.org.rotate_signing_key() == 1
    assert not await jwts.alive(token)
    with pytest.raises(KeyError):
        await verified(jwts, token)
    assert await verified(jwts, await jwts.token())


async def test_a_token_of_another_host_is_a_bad_header(bare):
    one, two = (bare.simulator.add_org(key, token_format="jwt") for key in ("one", "two"))
    response = await bare.get(LIMITS, await bare.token(one), at=two.instance_url)
    assert response.status_code == 401
    assert response.json() == [{"message": "INVALID_ISS", "errorCode": "INVALID_AUTH_HEADER"}]


async def test_a_forged_token_is_a_bad_header(jwts):
    forged = jwt.encode({"iss": jwts.org.my_domain}, jwts.org.app.private_key_pem, algorithm="RS256")
    response = await jwts.get(LIMITS, forged)
    assert response.json()[0]["errorCode"] == "INVALID_AUTH_HEADER"


async def test_on_loopback_issuer_and_keys_are_there(jwts):
    here = "http://127.0.0.1:8000"
    token = (await jwts.client_credentials(at=here)).json()["access_token"]
    assert (await verified(jwts, token))["iss"] == here


async def test_on_a_site_the_issuer_is_the_site(bare):
    org = bare.simulator.add_org("acme", token_format="jwt", site_url="https://acme.my.site.com/customers")
    token = (await bare.client_credentials(at=org.site_url)).json()["access_token"]
    assert (await verified(bare, token))["iss"] == org.site_url


async def test_a_login_host_publishes_many_keys(bare):
    for key in ("one", "two", "three"):
        bare.simulator.add_org(key)
    bare.simulator.add_org("dev", "sandbox")
    keys = (await bare.get("/id/keys", at="https://login.salesforce.com")).json()["keys"]
    assert len({key["kid"] for key in keys}) == 3 + 1  # the last one is for ID tokens
    assert all(key["kty"] == "RSA" and "d" not in key for key in keys)
