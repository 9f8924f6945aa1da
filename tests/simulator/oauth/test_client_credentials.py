"""The client credentials flow."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest


async def test_credentials_give_a_signed_answer_without_refresh_token(world):
    answer = (await world.client_credentials()).json()
    assert set(answer) == {"access_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at"}
    assert answer["issued_at"] == str(int(world.time * 1000))
    key, message = world.org.app.client_secret.encode(), (answer["id"] + answer["issued_at"]).encode()
    assert base64.b64decode(answer["signature"]) == hmac.new(key, message, hashlib.sha256).digest()
    assert await world.alive(answer["access_token"])


@pytest.mark.parametrize("host", ["login", "test"])
async def test_login_hosts_do_not_know_this_flow(world, refused, host):
    answer = await world.client_credentials(at=f"https://{host}.salesforce.com")
    refused(answer, "invalid_grant", "request not supported on this domain")


async def test_a_site_gives_tokens_too(bare):
    org = bare.simulator.add_org("acme", site_url="https://acme.my.site.com/customers")
    answer = (await bare.client_credentials(at=org.site_url)).json()
    assert answer["sfdc_community_url"] == org.site_url
    assert answer["sfdc_community_id"].startswith("0DB")


async def test_scopes_that_need_a_user_are_stripped(world):
    world.org.app.scopes = ("full", "web", "api", "id", "refresh_token", "offline_access")
    assert (await world.client_credentials()).json()["scope"] == "api id"


async def test_an_app_with_nothing_but_full_has_no_valid_scope(world, refused):
    world.org.app.scopes = ("full",)
    refused(await world.client_credentials(), "invalid_grant", "no valid scopes defined")


async def test_scope_must_not_be_sent(world, refused):
    refused(await world.client_credentials(scope="api"), "invalid_request", "scope parameter not supported")


async def test_a_redirect_uri_is_ignored(world):
    assert (await world.client_credentials(redirect_uri="http://localhost:1717/OauthRedirect")).status_code == 200


async def test_the_run_as_user_is_needed(world, refused):
    world.org.app.run_as = None
    refused(await world.client_credentials(), "invalid_grant", "no client credentials user enabled")


async def test_the_run_as_user_may_not_be_external(world, refused):
    world.org.user.external = True
    refused(await world.client_credentials(), "access_denied", "end-user denied authorization")


async def test_the_pre_authorization_policy_does_not_apply_to_the_run_as_user(world):
    world.org.app.pre_authorized = set()
    assert (await world.client_credentials()).status_code == 200


async def test_a_secret_is_needed(world, refused):
    form = {"grant_type": "client_credentials", "client_id": world.org.app.client_id}
    refused(await world.post(form), "invalid_client", "invalid client credentials")


async def test_another_orgs_client_is_unknown_on_this_my_domain(bare, refused):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    answer = await bare.client_credentials(two, at=one.my_domain)
    refused(answer, "invalid_client_id", "client identifier invalid")


async def test_the_gateway_url_is_told_to_apps_with_its_scope(world):
    world.org.app.scopes = ("api", "sfap_api")
    assert (await world.client_credentials()).json()["api_instance_url"] == "https://api.salesforce.com"


async def test_two_flows_with_the_same_scopes_share_a_session(world):
    world.org.app.scopes = ("id", "api")
    assert (await world.client_credentials()).json()["access_token"] == (await world.jwt_bearer()).json()[
        "access_token"
    ]
