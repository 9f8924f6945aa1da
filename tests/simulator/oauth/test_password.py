"""The username-password flow."""

from __future__ import annotations


async def test_a_password_gives_a_signed_answer_without_scope_and_refresh_token(world):
    answer = (await world.password()).json()
    assert set(answer) == {"access_token", "instance_url", "id", "token_type", "issued_at", "signature"}
    assert await world.alive(answer["access_token"])


async def test_each_login_is_a_session_of_its_own(world):
    answers = [await world.jwt_bearer(), await world.password(), await world.password()]
    assert len({answer.json()["access_token"] for answer in answers}) == 3


async def test_a_wrong_password_and_an_unknown_user_look_the_same(world, refused):
    refused(await world.password(password="wrong"), "invalid_grant", "authentication failure")
    refused(await world.password(username="nobody@acme.example"), "invalid_grant", "authentication failure")


async def test_an_unescaped_password_is_a_wrong_password(world, refused):
    user, app = world.org.user, world.org.app
    body = f"grant_type=password&client_id={app.client_id}&client_secret={app.client_secret}"
    body += f"&username={user.username}&password={user.password}"
    answer = await world.http.post(
        world.org.my_domain + "/services/oauth2/token",
        content=body,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    refused(answer, "invalid_grant", "authentication failure")


async def test_outside_trusted_networks_the_security_token_is_needed(world, refused):
    user = world.org.user
    assert (await world.password(password=user.password + user.security_token)).status_code == 200
    world.org.trusted_network = False
    refused(await world.password(), "invalid_grant", "authentication failure")
    assert (await world.password(password=user.password + user.security_token)).status_code == 200


async def test_a_locked_out_user_and_an_expired_password_are_failures(world, refused):
    world.org.user.locked_out = True
    refused(await world.password(), "invalid_grant", "authentication failure")
    world.org.user.locked_out, world.org.user.password_expired = False, True
    refused(await world.password(), "invalid_grant", "authentication failure")


async def test_new_orgs_block_the_flow(world, refused):
    world.org.blocks_password_grant = True
    refused(await world.password(), "unsupported_grant_type", "grant type not supported")


async def test_secret_username_and_password_are_required(world, refused):
    refused(await world.password(client_secret=""), "invalid_client", "invalid client credentials")
    refused(await world.password(username=""), "invalid_request", "missing required parameter: username")
    refused(await world.password(password=""), "invalid_request", "missing required parameter: password")


async def test_sandboxes_log_in_at_the_test_host_only(bare, refused):
    org = bare.simulator.add_org("dev", "sandbox")
    assert (await bare.password(org, at="https://test.salesforce.com")).status_code == 200
    refused(await bare.password(org, at="https://login.salesforce.com"), "invalid_client_id")
