"""Codes for tokens: once, in time, by the right app, with the right verifier."""

from __future__ import annotations

import base64
import hashlib

import anyio
import jwt
import pytest

REDIRECT = "http://localhost:1717/OauthRedirect"
DEAD = ("invalid_grant", "expired authorization code")
VERIFIER = "verifier-" * 5


def challenge(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def redeem(world, issued, /, *, at=None, **changed):
    form = {"grant_type": "authorization_code", "code": issued, "redirect_uri": REDIRECT, **world.credentials()}
    return await world.post({name: value for name, value in (form | changed).items() if value is not None}, at=at)


async def test_a_code_gives_tokens(world):
    answer = (await redeem(world, world.org.issue_code())).json()
    assert answer.keys() == {
        "access_token", "refresh_token", "signature", "scope", "id_token", "instance_url", "id", "token_type",
        "issued_at",
    }  # fmt: skip
    assert await world.alive(answer["access_token"])
    assert (await world.refresh(answer["refresh_token"])).status_code == 200
    assert world.counts.token_requests["authorization_code", "issued"] == 1


@pytest.mark.parametrize("scope", ["id api", "id api offline_access"])
async def test_scopes_decide_what_comes(world, scope):
    answer = (await redeem(world, world.org.issue_code(scope=scope))).json()
    assert answer["scope"] == scope
    assert "id_token" not in answer
    assert ("refresh_token" in answer) == ("offline_access" in scope)


async def test_a_policy_may_expire_refresh_tokens_immediately(world):
    world.org.app.refresh_token_lifetime = 0
    assert "refresh_token" not in (await redeem(world, world.org.issue_code())).json()


async def test_a_code_is_good_once(world, refused):
    code = world.org.issue_code()
    token = (await redeem(world, code)).json()["access_token"]
    refused(await redeem(world, code), *DEAD)
    assert await world.alive(token)


async def test_a_code_is_good_for_a_quarter_of_an_hour(world, refused):
    codes = [world.org.issue_code() for _ in range(2)]
    world.time += 899
    assert (await redeem(world, codes[0])).status_code == 200
    world.time += 1
    refused(await redeem(world, codes[1]), *DEAD)
    world.org.code_lifetime = 10
    code = world.org.issue_code()
    world.time += 10
    refused(await redeem(world, code), *DEAD)


async def test_a_code_must_be_decoded_once(world, refused):
    code = world.org.issue_code()
    refused(await redeem(world, code.replace("=", "%3D")), *DEAD)
    assert (await redeem(world, code)).status_code == 200


async def test_a_duplicate_on_its_way_is_already_being_processed(world, refused):
    code, answers, arrived = world.org.issue_code(), [], anyio.Event()
    world.org.token_latency = 1.0

    async def sleep(seconds):
        await arrived.wait()

    world.simulator.sleep = sleep

    async def first():
        answers.append(await redeem(world, code))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await anyio.wait_all_tasks_blocked()
        refused(await redeem(world, code), "invalid_grant", "token request is already being processed")
        arrived.set()
    assert answers[0].status_code == 200


@pytest.mark.parametrize(
    ("changed", "error", "description"),
    [
        ({"code": None}, "invalid_request", "missing required parameter: code"),
        ({"code": "aPrx.nothing=="}, *DEAD),
        ({"redirect_uri": None}, "redirect_uri_missing", "redirect_uri must be supplied"),
        ({"redirect_uri": REDIRECT + "/"}, "redirect_uri_mismatch", "redirect_uri must match configuration"),
        ({"redirect_uri": "https://app.example/callback"}, "redirect_uri_mismatch", ...),
        ({"client_id": None, "client_secret": None}, "invalid_client_id", "client identifier invalid"),
        ({"client_secret": None}, "invalid_client", "invalid client credentials"),
        ({"client_secret": "wrong"}, "invalid_client", "invalid client credentials"),
    ],
)
async def test_what_does_not_fit_is_refused_and_leaves_the_code_good(world, refused, changed, error, description):
    code = world.org.issue_code()
    refused(await redeem(world, code, **changed), error, description)
    assert (await redeem(world, code)).status_code == 200


async def test_another_apps_code_is_unknown(world, refused):
    other = world.org.add_app()
    refused(await redeem(world, world.org.issue_code(other)), *DEAD)


@pytest.mark.parametrize("verifier", ["v" * 43, "v" * 128, "v" * 171])
async def test_the_right_verifier_is_taken_however_long(world, verifier):
    code = world.org.issue_code(code_challenge=challenge(verifier))
    assert (await redeem(world, code, code_verifier=verifier)).status_code == 200


@pytest.mark.parametrize("verifier", [None, "", "v" * 43, challenge(VERIFIER)])
async def test_a_wrong_or_missing_verifier_is_refused(world, refused, verifier):
    code = world.org.issue_code(code_challenge=challenge(VERIFIER))
    refused(await redeem(world, code, code_verifier=verifier), "invalid_grant", "invalid code verifier")


async def test_a_verifier_without_a_challenge_is_ignored(world):
    assert (await redeem(world, world.org.issue_code(), code_verifier=VERIFIER)).status_code == 200


# ── who is asking ──


async def test_basic_authentication(world):
    form = {"grant_type": "authorization_code", "code": world.org.issue_code(), "redirect_uri": REDIRECT}
    assert (await world.post(form, auth=tuple(world.credentials().values()))).status_code == 200


async def test_a_client_assertion_stands_for_the_secret(world):
    app = world.org.app
    claims = {"iss": app.client_id, "sub": app.client_id, "exp": int(world.time) + 60, "jti": "1"}
    claims["aud"] = world.org.my_domain + "/services/oauth2/token"
    answer = await redeem(
        world,
        world.org.issue_code(),
        client_secret=None,
        client_assertion=jwt.encode(claims, app.private_key_pem, algorithm="RS256"),
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    )
    assert answer.status_code == 200


async def test_public_clients_need_no_secret_but_a_wrong_one_is_refused(world, refused):
    world.org.app.secret_required_for_web_server = False
    code = world.org.issue_code()
    refused(await redeem(world, code, client_secret="wrong"), "invalid_client")
    assert (await redeem(world, code, client_secret=None)).status_code == 200


@pytest.mark.parametrize("at", ["https://login.salesforce.com", None])
async def test_login_host_and_my_domain_both_redeem(world, at):
    assert (await redeem(world, world.org.issue_code(), at=at)).status_code == 200


async def test_another_orgs_host_does_not(bare, refused):
    bare.simulator.add_org("acme")
    other = bare.simulator.add_org("other")
    refused(await redeem(bare, bare.org.issue_code(), at=other.my_domain), "invalid_client_id")


# ── policies, formats, flows ──


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda org: setattr(org.user, "active", False), "inactive_user"),
        (lambda org: setattr(org, "ip_restricted", True), "invalid_grant"),
        (lambda org: setattr(org.app, "blocked", True), "app_blocked"),
        (lambda org: org.app.grant_types.discard("authorization_code"), "unsupported_grant_type"),
        (lambda org: org.disabled_grant_types.add("authorization_code"), "oauth_flow_disabled"),
        (lambda org: setattr(org, "logins_per_hour", 0), "rate_limit_exceeded"),
    ],
)
async def test_policies_speak_here_too(world, refused, change, error):
    code = world.org.issue_code()
    change(world.org)
    refused(await redeem(world, code), error)


async def test_the_answer_may_be_urlencoded(world):
    answer = await redeem(world, world.org.issue_code(), format="urlencoded")
    assert "access_token=00D" in answer.text


async def test_jwt_based_access_tokens_come_from_this_flow_too(bare):
    bare.simulator.add_org("acme", token_format="jwt")
    answer = (await redeem(bare, bare.org.issue_code())).json()
    assert answer["token_format"] == "jwt"
    assert answer["access_token"].startswith("eyJ")


async def test_the_sixth_login_ends_the_refresh_token_that_was_idle_for_longest(world):
    tokens = []
    for _ in range(6):
        tokens.append((await redeem(world, world.org.issue_code())).json()["refresh_token"])
        world.time += 1
    assert [(await world.refresh(token)).status_code for token in tokens] == [400, *[200] * 5]


async def test_latency_is_waited_for_once(world):
    world.org.token_latency = 2.5
    await redeem(world, world.org.issue_code())
    assert world.slept == [2.5]
