"""The token exchange flow and its handlers."""

from __future__ import annotations

import pytest

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
HYBRID = "urn:ietf:params:oauth:grant-type:hybrid-token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"


async def exchange(world, *, at=None, **changed):
    form = {
        "grant_type": EXCHANGE,
        "subject_token": "from Okta",
        "subject_token_type": TYPE + "access_token",
        **world.credentials(),
    }
    return await world.post({name: value for name, value in (form | changed).items() if value is not None}, at=at)


@pytest.fixture
def ready(world):
    world.org.accept_subject_token("from Okta")
    return world


async def test_a_subject_token_is_exchanged(ready):
    answer = (await exchange(ready)).json()
    assert answer.keys() == {
        "access_token", "signature", "scope", "id_token", "instance_url", "id", "token_type", "issued_at",
    }  # fmt: skip
    assert await ready.alive(answer["access_token"])


async def test_a_refresh_token_comes_when_it_is_asked_for(ready):
    answer = (await exchange(ready, scope="api refresh_token")).json()
    assert answer["scope"] == "api refresh_token id"
    assert (await ready.refresh(answer["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    ("changed", "error", "description"),
    [
        ({"subject_token": None}, "invalid_request", "missing required parameter: subject_token"),
        ({"subject_token_type": None}, "invalid_request", "missing required parameter: subject_token_type"),
        ({"subject_token": "of nobody"}, "invalid_grant", ...),
        ({"subject_token": "x" * 10_001}, "invalid_grant", "subject token too long"),
        ({"subject_token_type": "access_token"}, "invalid_grant", "subject token type not supported"),
        ({"subject_token_type": TYPE + "magic"}, "invalid_grant", "subject token type not supported"),
        ({"token_handler": "Nobody"}, "invalid_grant", "no token exchange handler"),
        ({"scope": "nonsense"}, "invalid_scope", ...),
        ({"client_id": "nobody"}, "invalid_client_id", ...),
        ({"client_secret": None}, "invalid_client", ...),
        ({"client_secret": "wrong"}, "invalid_client", ...),
        ({"actor_token": "a device's"}, "unsupported_grant_type", ...),
    ],
)
async def test_what_is_wrong_is_refused(ready, refused, changed, error, description):
    refused(await exchange(ready, **changed), error, description)


async def test_the_longest_subject_token_is_taken(world):
    world.org.accept_subject_token("x" * 10_000)
    assert (await exchange(world, subject_token="x" * 10_000)).status_code == 200


async def test_login_hosts_do_not_exchange(ready, refused):
    answer = await exchange(ready, at="https://login.salesforce.com")
    refused(answer, "invalid_grant", "request not supported on this domain")


async def test_sites_do(site_world):
    answer = (await exchange(site_world, at=site_world.org.site_url)).json()
    assert answer["sfdc_community_url"] == site_world.org.site_url


@pytest.fixture
def site_world(bare):
    bare.simulator.add_org("acme", site_url="https://acme.my.site.com/customers").accept_subject_token("from Okta")
    return bare


async def test_an_org_without_a_handler_exchanges_nothing(world, refused):
    refused(await exchange(world), "invalid_grant", "no token exchange handler")


async def test_a_handler_may_be_any_callable_and_is_chosen_by_name(world, refused):
    other, seen = world.org.add_user(), []

    def handle(token):
        seen.append((token.value, token.type))
        return other

    world.org.exchange_handlers["First"] = lambda token: None
    world.org.exchange_handlers["Okta"] = handle
    refused(await exchange(world), "invalid_grant", "subject token rejected by the token exchange handler")
    answer = await exchange(world, token_handler="Okta", subject_token_type=TYPE + "saml2")
    assert answer.json()["id"].endswith(other.user_id)
    assert seen == [("from Okta", "saml2")]


async def test_a_handler_may_take_some_types_only(ready, refused):
    class JWTOnly:
        subject_token_types = frozenset({"jwt"})

        def __call__(self, token):
            return ready.org.user

    ready.org.exchange_handlers["JWT"] = JWTOnly()
    refused(await exchange(ready, token_handler="JWT"), "invalid_grant", "subject token type not supported")
    assert (await exchange(ready, token_handler="JWT", subject_token_type=TYPE + "jwt")).status_code == 200


async def test_a_handler_that_fails_is_a_server_error_without_its_text(world, refused):
    def handle(token):
        raise LookupError(token.value)

    world.org.exchange_handlers["Broken"] = handle
    answer = await exchange(world)
    refused(answer, "server_error")
    assert "Okta" not in answer.text


async def test_a_user_of_another_org_is_rejected(bare, refused):
    bare.simulator.add_org("acme")
    other = bare.simulator.add_org("other")
    bare.org.exchange_handlers["H"] = lambda token: other.user
    refused(await exchange(bare), "invalid_grant")


async def test_public_clients_send_no_secret(ready):
    ready.org.app.secret_required_for_token_exchange = False
    assert (await exchange(ready, client_secret=None)).status_code == 200


async def test_the_hybrid_grant_adds_web_sessions(ready, refused):
    answer = (await exchange(ready, grant_type=HYBRID)).json()
    assert answer["sidCookieName"] == "sid"
    ready.org.app.grant_types.discard(HYBRID)
    refused(await exchange(ready, grant_type=HYBRID), "unsupported_grant_type")


async def test_a_handler_name_can_not_be_taken_twice(world):
    world.org.exchange_handlers["Accepted"] = lambda token: None
    with pytest.raises(TypeError, match="not the simulator's own"):
        world.org.accept_subject_token("x")
