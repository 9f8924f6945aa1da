"""Token revocation, RFC 7009."""

from __future__ import annotations

from urllib.parse import parse_qs

REVOKE = "/services/oauth2/revoke"
JSON = {"accept": "application/json"}


async def revoke(world, token, *, at=None, **options):
    return await world.post({"token": token}, at=at, path=REVOKE, **options)


async def test_an_access_token_ends_alone(world):
    refresh_token = world.org.issue_refresh_token()
    one, two = [(await world.refresh(refresh_token)).json()["access_token"] for _ in range(2)]
    answer = await revoke(world, one)
    assert (answer.status_code, answer.content) == (200, b"")
    assert [await world.alive(token) for token in (one, two)] == [False, True]
    assert (await world.refresh(refresh_token)).status_code == 200


async def test_a_refresh_token_takes_its_access_tokens_along(world, refused):
    refresh_token = world.org.issue_refresh_token()
    token, other = (await world.refresh(refresh_token)).json()["access_token"], await world.token()
    assert (await revoke(world, refresh_token)).status_code == 200
    assert [await world.alive(one) for one in (token, other)] == [False, True]
    refused(await world.refresh(refresh_token), "invalid_grant", "expired access/refresh token")


async def test_get_works_and_may_ask_for_a_script(world):
    assert (await world.get(REVOKE, params={"token": await world.token()})).status_code == 200
    answer = await world.get(REVOKE, params={"token": "nothing", "callback": "done"})
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text.startswith('done({"error": "invalid_token"')


async def test_the_login_host_revokes_too(world):
    token = await world.token()
    assert (await revoke(world, token, at="https://login.salesforce.com")).status_code == 200
    assert not await world.alive(token)


async def test_unknown_dead_and_foreign_tokens_are_invalid(bare, refused):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    token, foreign = await bare.token(one), await bare.token(two)
    await revoke(bare, token, at=one.my_domain)
    for invalid in (token, foreign, "nothing"):
        answer = await revoke(bare, invalid, at=one.my_domain, headers=JSON)
        refused(answer, "invalid_token", ...)
        assert invalid not in answer.text
    assert await bare.alive(foreign, two)
    assert bare.counts.revocations == {"revoked": 1, "invalid_token": 3}


async def test_who_does_not_ask_for_json_gets_a_form(world):
    answer = await revoke(world, "nothing")
    assert answer.status_code == 400
    assert parse_qs(answer.text)["error"] == ["invalid_token"]


async def test_a_token_is_required(world, refused):
    refused(await world.post({}, path=REVOKE, headers=JSON), "invalid_request", "missing required parameter: token")


async def test_jwt_access_tokens_can_not_be_revoked_one_by_one(bare, refused):
    bare.simulator.add_org("acme", token_format="jwt")
    token = await bare.token()
    answer = await revoke(bare, token, headers=JSON)
    refused(answer, "unsupported_token_type", "this token type is not supported")
    assert await bare.alive(token)


async def test_a_rotated_out_refresh_token_is_invalid(world, refused):
    world.org.app.rotate_refresh_tokens = True
    used = world.org.issue_refresh_token()
    await world.refresh(used)
    refused(await revoke(world, used, headers=JSON), "invalid_token")


async def test_a_delete_token_ends_the_refresh_token_and_what_came_from_it(world, refused):
    refresh_token = world.org.issue_refresh_token()
    token = (await world.refresh(refresh_token)).json()["access_token"]
    approval = world.simulator.approvals.find(refresh_token)
    assert approval.delete_token not in (refresh_token, repr(approval))
    assert (await revoke(world, approval.delete_token)).status_code == 200
    assert not await world.alive(token)
    refused(await world.refresh(refresh_token), "invalid_grant", "expired access/refresh token")
    refused(await revoke(world, approval.delete_token, headers=JSON), "invalid_token")
