"""The JWT bearer flow, RFC 7523."""

from __future__ import annotations

import base64
import json

import pytest

from sfauth.simulator.keys import AppKey
from sfauth.simulator.oauth import assertions

LOGIN, TEST = "https://login.salesforce.com", "https://test.salesforce.com"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


async def test_an_assertion_gives_a_token_without_signature_issue_time_or_refresh_token(world):
    answer = (await world.jwt_bearer(at=LOGIN)).json()
    assert set(answer) == {"access_token", "instance_url", "id", "token_type", "scope"}
    assert answer["access_token"].startswith(world.org.org_id[:15] + "!")
    assert answer["instance_url"] == "https://acme.my.salesforce.com"
    assert answer["id"] == f"{LOGIN}/id/{world.org.org_id}/{world.org.user.user_id}"
    assert await world.alive(answer["access_token"])


async def test_the_same_token_comes_again_while_its_session_lives(world):
    first, second = (await world.jwt_bearer()).json(), (await world.jwt_bearer()).json()
    assert first["access_token"] == second["access_token"]
    world.time += 7200
    third = (await world.jwt_bearer()).json()
    assert third["access_token"] != first["access_token"]
    assert (world.counts.tokens_issued, world.counts.reissued) == (2, 1)


async def test_giving_the_same_token_again_can_be_switched_off(world):
    world.org.reuse_sessions = False
    assert (await world.jwt_bearer()).json()["access_token"] != (await world.jwt_bearer()).json()["access_token"]


async def test_extra_client_credentials_and_scope_are_ignored(world):
    form = {
        "grant_type": JWT_BEARER,
        "assertion": world.assertion(),
        "client_id": "anything",
        "client_secret": "wrong",
        "scope": "api",
    }
    assert (await world.post(form)).status_code == 200


# ── signature ──


async def test_the_signature_is_verified(world, refused):
    other = AppKey.generate()
    refused(await world.jwt_bearer(key=other.private_key_pem), "invalid_grant", "invalid assertion")


async def test_a_changed_claim_breaks_the_signature(world, refused):
    second = world.org.add_user()
    head, claims, signature = world.assertion().split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed["sub"] = second.username
    claims = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    answer = await world.post({"grant_type": JWT_BEARER, "assertion": f"{head}.{claims}.{signature}"})
    refused(answer, "invalid_grant", "invalid assertion")


async def test_algorithm_none_is_refused(world, refused):
    answer = await world.jwt_bearer(algorithm="none", key="")
    refused(answer, "invalid_grant", "invalid assertion")


async def test_hmac_is_refused_even_with_the_secret(world, refused):
    refused(await world.jwt_bearer(algorithm="HS256", key=world.org.app.client_secret), "invalid_grant")


async def test_only_sha_256_will_do(world, refused):
    refused(await world.jwt_bearer(algorithm="RS512"), "invalid_grant", "invalid assertion")


@pytest.mark.parametrize("assertion", ["x", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.W10.c2ln"])
async def test_rubbish_is_an_invalid_assertion(world, refused, assertion):
    refused(await world.post({"grant_type": JWT_BEARER, "assertion": assertion}), "invalid_grant", "invalid assertion")


async def test_an_app_without_a_certificate_takes_no_assertion(world, refused):
    world.org.app.certificate_pem = None
    refused(await world.jwt_bearer(), "invalid_grant", "invalid assertion")


async def test_a_missing_assertion_is_an_invalid_request(world, refused):
    refused(await world.post({"grant_type": JWT_BEARER}), "invalid_request", "missing required parameter: assertion")


# ── issuer and subject ──


async def test_an_unknown_issuer_is_refused(world, refused):
    refused(await world.jwt_bearer(iss="3MVG9nobody"), "invalid_client_id", "client identifier invalid")


async def test_prn_wins_over_sub(world):
    answer = await world.jwt_bearer(sub="nobody@example.com", prn=world.org.user.username)
    assert answer.status_code == 200


async def test_an_unknown_user_has_not_approved_the_app(world, refused):
    refused(await world.jwt_bearer(sub="nobody@acme.example"), "invalid_grant", "user hasn't approved this consumer")


async def test_the_user_decides_among_orgs_that_share_a_consumer_key(bare):
    first, copy = bare.simulator.add_org("one", "sandbox"), bare.simulator.add_org("two", "sandbox")
    copy.app.client_id = first.app.client_id
    answer = await bare.jwt_bearer(copy, at=TEST)
    assert answer.json()["instance_url"] == copy.instance_url


# ── audience ──


@pytest.mark.parametrize("aud", [LOGIN, LOGIN + "/", "https://acme.my.salesforce.com", [LOGIN]])
@pytest.mark.parametrize("at", [LOGIN, "https://acme.my.salesforce.com"])
async def test_production_takes_its_login_host_and_my_domain_as_audience(world, aud, at):
    assert (await world.jwt_bearer(at=at, aud=aud)).status_code == 200


@pytest.mark.parametrize(
    "aud", [TEST, "https://other.my.salesforce.com", LOGIN + "/services/oauth2/token", "", None, 7, []], ids=repr
)
async def test_other_audiences_are_refused(world, refused, aud):
    refused(await world.jwt_bearer(aud=aud), "invalid_grant", "audience is invalid")


@pytest.mark.parametrize("kind", ["sandbox", "scratch"])
async def test_sandboxes_and_scratch_orgs_want_the_test_host(bare, refused, kind):
    org = bare.simulator.add_org("dev", kind)
    assert (await bare.jwt_bearer(org, at=TEST, aud=TEST)).status_code == 200
    refused(await bare.jwt_bearer(org, at=TEST, aud=LOGIN), "invalid_grant", "audience is invalid")


async def test_orgs_are_unknown_on_the_other_login_host(bare, refused):
    production, sandbox = bare.simulator.add_org("prod"), bare.simulator.add_org("dev", "sandbox")
    refused(await bare.jwt_bearer(production, at=TEST), "invalid_client_id", "client identifier invalid")
    refused(await bare.jwt_bearer(sandbox, at=LOGIN), "invalid_client_id", "client identifier invalid")


async def test_a_site_wants_its_own_url_with_the_path(bare, refused):
    site = "https://acme.my.site.com/customers"
    bare.simulator.add_org("acme", site_url=site)
    answer = await bare.jwt_bearer(at=site, aud=site)
    assert answer.json()["sfdc_community_url"] == site
    refused(await bare.jwt_bearer(at=site, aud=LOGIN), "invalid_grant", "audience is invalid")
    refused(await bare.jwt_bearer(at=site, aud="https://acme.my.site.com"), "invalid_grant", "audience is invalid")


# ── expiry ──


@pytest.mark.parametrize(
    "write",
    [
        lambda now: now,
        lambda now: now - 179,
        lambda now: now + 180,
        lambda now: now + 86_400,
        lambda now: now + 0.5,
        lambda now: str(now + 180),
        lambda now: now * 1000 + 300,
    ],
    ids=["now", "skewed", "3 minutes", "1 day", "a fraction", "a string", "milliseconds"],
)
async def test_expiry_is_taken_as_clients_in_use_write_it(world, write):
    assert (await world.jwt_bearer(exp=write(int(world.time)))).status_code == 200


async def test_more_than_three_minutes_ago_is_expired(world, refused):
    refused(await world.jwt_bearer(exp=int(world.time) - 181), "invalid_grant", "expired authorization code")


@pytest.mark.parametrize("exp", ["soon", None, True, [1]], ids=repr)
async def test_an_expiry_that_is_no_number_is_invalid(world, refused, exp):
    refused(await world.jwt_bearer(exp=exp), "invalid_grant", "invalid assertion")


async def test_expiry_is_required(world, refused):
    refused(await world.jwt_bearer(without=["exp"]), "invalid_grant", "invalid assertion")


async def test_an_assertion_from_the_future_is_refused(world, refused):
    assert (await world.jwt_bearer(nbf=int(world.time) + 100)).status_code == 200
    refused(await world.jwt_bearer(nbf=int(world.time) + 1000), "invalid_grant")


async def test_a_jti_is_good_once(world, refused):
    assert (await world.jwt_bearer(jti="once")).status_code == 200
    refused(await world.jwt_bearer(jti="once"), "bad_jti_claim")
    assert (await world.jwt_bearer(jti="twice")).status_code == 200


async def test_a_jti_is_remembered_no_longer_than_its_assertion_could_be_used(world, monkeypatch):
    monkeypatch.setattr(assertions, "MOST_JTIS", 2)
    for jti in "abc":
        await world.jwt_bearer(jti=jti)
    assert len(world.simulator.seen_jtis) == 3  # none of them may be forgotten yet
    world.time += 1000
    await world.jwt_bearer(jti="d")
    assert [jti for _, jti in world.simulator.seen_jtis] == ["d"]


async def test_an_assertion_without_jti_may_be_sent_again(world):
    form = {"grant_type": JWT_BEARER, "assertion": world.assertion()}
    assert [(await world.post(form)).status_code for _ in range(2)] == [200, 200]


# ── approval ──


async def test_without_pre_authorization_the_user_must_have_approved_before(world, refused):
    world.org.app.permitted_users = "self"
    refused(await world.jwt_bearer(), "invalid_grant", "user hasn't approved this consumer")
    world.org.issue_refresh_token(scope="refresh_token")
    refused(await world.jwt_bearer(), "invalid_grant", "user hasn't approved this consumer")
    world.org.issue_refresh_token(scope="api refresh_token")
    assert (await world.jwt_bearer()).status_code == 200
    world.org.revoke_refresh_tokens()
    refused(await world.jwt_bearer(), "invalid_grant", "user hasn't approved this consumer")


async def test_a_user_outside_the_admitted_profiles_is_refused(world, refused):
    world.org.app.pre_authorized = {world.org.add_user().user_id}
    refused(await world.jwt_bearer(), "invalid_app_access", "user is not admin approved by administrator")
    world.org.app.pre_authorized.add(world.org.user.user_id)
    assert (await world.jwt_bearer()).status_code == 200


# ── site users ──

SITE = "https://acme.my.site.com/customers"


@pytest.fixture
def site(bare):
    org = bare.simulator.add_org("acme", site_url=SITE)
    org.add_user("customer@example.com", external=True)
    return bare


async def test_a_site_user_logs_in_at_the_site_which_is_the_audience(site):
    answer = (await site.jwt_bearer(at=SITE, sub="customer@example.com", aud=SITE)).json()
    assert answer["sfdc_community_url"] == SITE
    assert answer["sfdc_community_id"].startswith("0DB")
    assert await site.alive(answer["access_token"])


@pytest.mark.parametrize(
    ("at", "audience"), [(None, SITE), (None, "https://login.salesforce.com"), (SITE, "https://login.salesforce.com")]
)
async def test_any_other_host_or_audience_is_refused(site, refused, at, audience):
    answer = await site.jwt_bearer(at=at, sub="customer@example.com", aud=audience)
    refused(answer, "invalid_grant", "audience is invalid")
