"""Token introspection, RFC 7662."""

from __future__ import annotations


async def introspect(world, token, org=None, *, at=None, **changed):
    form = {"token": token, **world.credentials(org), **changed}
    return await world.post(form, at=at or (org or world.org).my_domain, path="/services/oauth2/introspect")


async def test_a_living_token_is_described(world):
    token = await world.token()
    answer = (await introspect(world, token)).json()
    assert answer == {
        "active": True,
        "scope": "id api openid",
        "client_id": world.org.app.client_id,
        "username": world.org.user.username,
        "sub": f"https://login.salesforce.com/id/{world.org.org_id}/{world.org.user.user_id}",
        "token_type": "access_token",
        "exp": int(world.time) + 7200,
        "iat": int(world.time),
        "nbf": int(world.time),
    }


async def test_expiry_slides_with_use_but_not_with_the_question(world):
    token, started = await world.token(), int(world.time)
    world.time += 5000
    assert (await introspect(world, token)).json()["exp"] == started + 7200
    assert await world.alive(token)
    assert (await introspect(world, token)).json()["exp"] == started + 5000 + 7200


async def test_dead_unknown_and_foreign_tokens_are_inactive(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    token = await bare.token(one)
    foreign = await bare.token(two)
    one.expire_sessions()
    for inactive in (token, foreign, "00Dx!nothing", "5Aep861nothing"):
        answer = await introspect(bare, inactive, one)
        assert (answer.status_code, answer.json()) == (200, {"active": False})
    assert bare.simulator.counts["one"].introspections == {"inactive": 4}


async def test_an_app_sees_its_own_tokens_only_unless_it_may_see_all(world):
    other = world.org.add_app()
    mine = {"client_id": other.client_id, "client_secret": other.client_secret}
    token, refresh_token = await world.token(), world.org.issue_refresh_token()
    assert (await introspect(world, token, **mine)).json() == {"active": False}
    assert (await introspect(world, refresh_token, **mine)).json() == {"active": False}
    other.introspect_all_tokens = True
    assert (await introspect(world, token, **mine)).json()["client_id"] == world.org.app.client_id
    assert (await introspect(world, refresh_token, **mine)).json()["active"]


async def test_refresh_tokens_have_no_expiry(world):
    refresh_token = world.org.issue_refresh_token()
    answer = (await introspect(world, refresh_token, token_type_hint="refresh_token")).json()
    assert answer["token_type"] == "refresh_token"
    assert "exp" not in answer
    world.org.revoke_refresh_tokens()
    assert (await introspect(world, refresh_token)).json() == {"active": False}


async def test_jwt_access_tokens_tell_issuer_and_audience(bare):
    org = bare.simulator.add_org("acme", token_format="jwt", jwt_lifetime=600)
    answer = (await introspect(bare, await bare.token())).json()
    assert (answer["iss"], answer["aud"], answer["exp"]) == (org.my_domain, org.my_domain, int(bare.time) + 600)


async def test_the_client_must_prove_itself(world, refused):
    token = await world.token()
    refused(await introspect(world, token, client_secret="wrong"), "invalid_client", ..., 401)
    refused(await introspect(world, token, client_secret=""), "invalid_client", ..., 401)
    refused(await introspect(world, token, client_id="nobody"), "invalid_client_id")
    form = {"token": token}
    basic = await world.http.post(
        world.org.my_domain + "/services/oauth2/introspect", data=form, auth=tuple(world.credentials().values())
    )
    assert basic.json()["active"]


async def test_only_posts_with_a_token_are_questions(world, refused):
    refused(await world.get("/services/oauth2/introspect"), "invalid_request", "must use HTTP POST")
    refused(await introspect(world, ""), "invalid_request", "missing required parameter: token")


async def test_the_login_host_answers_too(world):
    token = await world.token()
    assert (await introspect(world, token, at="https://login.salesforce.com")).json()["active"]
