"""Authorization code with PKCE, OpenID Connect, and the refresh tokens that come of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sfauth import TokenManager
from sfauth.asking import discover, signing_keys, userinfo
from sfauth.errors import LoginRequiredError, SfauthError
from sfauth.flows import validate_id_token
from sfauth.grants import RefreshTokenGrant
from sfauth.logins import begin, redeem
from sfauth.stores import MemoryStore

from .browser import log_in
from .conftest import CALLBACK, SECRET, USER

CALLERS = 25


# ── the login ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_login_gives_tokens_for_the_user(login, org, endpoint, introspect):
    token = await redeem(login, org, endpoint=endpoint)
    assert token.refresh_token
    assert token.scopes == {"openid", "api", "refresh_token"}
    found = await introspect(token.access_token)
    assert (found.active, found.subject, found.client_id) == (True, USER, "web-app")


async def test_the_id_token_is_believed_and_speaks_of_this_login(flow, org):
    pending = begin(flow)
    token = await redeem(flow.finish(await log_in(pending.url, USER, until=CALLBACK), pending), org)
    async with httpx.AsyncClient() as http:
        keys = (await http.get(org.jwks_url)).json()
    assert token.id_token
    expected: dict[str, Any] = {
        "keys": keys,
        "client_id": "web-app",
        "issuer": org.url,
        "nonce": pending.nonce,
        "access_token": token.access_token,
        "now": time.time(),
    }
    assert validate_id_token(token.id_token, **expected).subject == USER
    for wrong in ({"nonce": "another"}, {"issuer": "https://acme.my.salesforce.com"}, {"client_id": "other-app"}):
        with pytest.raises(LoginRequiredError):
            validate_id_token(token.id_token, **{**expected, **wrong})


async def test_a_client_of_the_manager_reads_the_users_info(login, org):
    async with TokenManager() as manager:
        manager.add("ann", login, org=org)
        async with manager.client("ann") as client:
            assert (await userinfo(client, subject=USER)).subject == USER


async def test_a_code_works_once_and_a_replay_ends_what_it_gave(login, org, endpoint, introspect):
    token = await redeem(login, org, endpoint=endpoint)
    with pytest.raises(LoginRequiredError):
        await redeem(login, org, endpoint=endpoint)
    assert not (await introspect(token.access_token)).active


async def test_a_code_is_worth_nothing_without_its_verifier(login, org):
    with pytest.raises(LoginRequiredError):
        await redeem(replace(login, code_verifier="v" * 43), org)


async def test_a_user_who_cancels_has_to_log_in(flow):
    pending = begin(flow)
    callback = await log_in(pending.url, USER, until=CALLBACK, cancel=True)
    with pytest.raises(LoginRequiredError) as caught:
        flow.finish(callback, pending)
    assert caught.value.error == "access_denied"


async def test_a_callback_of_another_login_is_refused(flow):
    mine, other = begin(flow), begin(flow)
    callback = await log_in(other.url, USER, until=CALLBACK)
    with pytest.raises(LoginRequiredError, match="state"):
        flow.finish(callback, mine)


async def test_discovery_and_keys_are_read(org):
    async with httpx.AsyncClient() as http:
        found = await discover(http, org)
        keys = await signing_keys(http, org)
    assert found.token_endpoint == org.token_url
    assert found.jwks_uri == org.jwks_url
    assert keys


# ── refresh tokens that rotate ───────────────────────────────────────────────────────────────────────────────────────


async def test_each_refresh_brings_a_new_refresh_token_and_goes_on_with_it(login, org):
    async with TokenManager() as manager:
        manager.add("ann", login, org=org)
        tokens = [await manager.token("ann"), await manager.refresh("ann"), await manager.refresh("ann")]
    assert len({token.refresh_token for token in tokens}) == 3
    assert len({token.access_token for token in tokens}) == 3


async def test_many_callers_make_one_request(login, org, counted, introspect):
    async with TokenManager() as manager:
        manager.add("ann", login, org=org)
        first = await manager.token("ann")
        before = (await counted()).get("refresh_token", 0)
        manager.invalidate("ann")
        tokens = await asyncio.gather(*(manager.token("ann") for _ in range(CALLERS)))
        assert (await counted())["refresh_token"] - before == 1
    assert {token.access_token for token in tokens} != {first.access_token}
    assert len({token.access_token for token in tokens}) == 1
    # Two requests would have used one refresh token twice, which ends the family: so it is alive.
    assert (await introspect(tokens[0].access_token)).active


async def test_managers_that_share_a_store_use_a_refresh_token_once(login, org, endpoint, counted):
    grant = login.renewed(await redeem(login, org, endpoint=endpoint))
    store = MemoryStore()
    async with TokenManager(store=store) as one, TokenManager(store=store) as other:
        one.add("ann", grant, org=org)
        other.add("ann", grant, org=org)
        before = (await counted()).get("refresh_token", 0)
        tokens = await asyncio.gather(*(manager.token("ann") for manager in (one, other) * CALLERS))
        assert (await counted())["refresh_token"] - before == 1
        assert len({token.access_token for token in tokens}) == 1
        # And the one that didn't ask goes on with the refresh token that the other one got.
        assert (await other.refresh("ann")).access_token != tokens[0].access_token
        assert (await one.refresh("ann")).access_token


@pytest.mark.parametrize("steps", [0, 1, 3, 10, 30])
async def test_a_caller_who_gives_up_does_not_lose_the_refresh_token(steps, login, org):
    async with TokenManager() as manager:
        manager.add("ann", login, org=org)
        await manager.token("ann")
        impatient = asyncio.create_task(manager.refresh("ann"))
        for _ in range(steps):
            await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        assert (await manager.refresh("ann")).refresh_token


async def test_reuse_of_a_rotated_refresh_token_ends_the_family(login, org, introspect):
    async with TokenManager() as manager:
        manager.add("ann", login, org=org)
        old = (await manager.token("ann")).refresh_token or ""
        living = await manager.refresh("ann")
        assert (await introspect(living.access_token)).active
        thief = RefreshTokenGrant(client_id="web-app", client_secret=SECRET, refresh_token=old)
        with pytest.raises(LoginRequiredError):
            await redeem(thief, org)
        assert not (await introspect(living.access_token)).active
        with pytest.raises(LoginRequiredError) as caught:
            await manager.refresh("ann")
    assert caught.value.error == "invalid_grant"
    assert caught.value.org == "ann"
    for secret in (old, living.refresh_token, SECRET):
        assert secret
        assert secret not in f"{caught.value!s} {caught.value!r}"


async def test_a_dead_refresh_token_is_asked_about_once(login, org, counted):
    async with TokenManager() as manager:
        manager.add("ann", login, org=org)
        token = await manager.token("ann")
        manager.add("dead", RefreshTokenGrant(client_id="web-app", client_secret=SECRET, refresh_token="gone"), org=org)
        before = (await counted()).get("refresh_token", 0)
        for _ in range(3):
            with pytest.raises(LoginRequiredError):
                await manager.token("dead")
        assert (await counted())["refresh_token"] - before == 1
        assert await manager.token("ann") == token


# ── revocation ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_revoked_access_token_is_dead(login, org, endpoint, introspect):
    token = await redeem(login, org, endpoint=endpoint)
    await endpoint.revoke(token.access_token, org)
    assert not (await introspect(token.access_token)).active


async def test_a_revoked_refresh_token_takes_its_access_tokens_along(login, org, endpoint, introspect):
    token = await redeem(login, org, endpoint=endpoint)
    await endpoint.revoke(token.refresh_token, org)
    assert not (await introspect(token.access_token)).active
    with pytest.raises(LoginRequiredError):
        await redeem(login.renewed(token), org, endpoint=endpoint)


async def test_what_is_gone_already_is_revoked_without_an_error(org, endpoint):
    await endpoint.revoke("nobody-knows-this-token", org)


async def test_a_manager_revokes_and_then_needs_a_login(login, org, introspect):
    async with TokenManager() as manager:
        manager.add("ann", login, org=org)
        token = await manager.token("ann")
        await manager.revoke("ann")
        assert not (await introspect(token.access_token)).active
        with pytest.raises(SfauthError):
            await manager.token("ann")
