"""Userinfo, identity, single access, discovery: against the simulator, and against answers that are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import respx

from sfauth import (
    ConfigurationError,
    LoginRequiredError,
    Org,
    ProtocolError,
    RefreshTokenGrant,
    SfauthError,
    Token,
    TokenManager,
    TryLaterError,
    UntrustedHostError,
)
from sfauth.asking import discover, identity, signing_keys, single_access, userinfo
from sfauth.simulator import SimulatedOrg, Simulator
from sfauth.testing import VirtualClock

ACME = "https://acme.my.salesforce.com"
ID = "https://login.salesforce.com/id/00D5g000004XYZaEAM/0055g00000ABCdeAAG"
BEARER = "00D5g000004XYZa!AQ.topsecret"
TOKEN = Token(access_token=BEARER, instance_url=ACME, identity_url=ID)
USERINFO = f"{ACME}/services/oauth2/userinfo"
SINGLE_ACCESS = f"{ACME}/services/oauth2/singleaccess"


@asynccontextmanager
async def logged_in(scope: str = "api web openid", **app: Any) -> AsyncIterator[tuple[SimulatedOrg, TokenManager]]:
    clock = VirtualClock()
    simulator = Simulator(now=clock.wall, sleep=clock.sleep)
    org = simulator.add_org("acme")
    for name, value in app.items():
        setattr(org.app, name, value)
    async with TokenManager(transport=httpx.ASGITransport(app=simulator), clock=clock) as manager:
        grant = RefreshTokenGrant(
            client_id=org.app.client_id,
            client_secret=org.app.client_secret,
            refresh_token=org.issue_refresh_token(scope=scope),
        )
        manager.add("acme", grant, org=org.my_domain)
        yield org, manager


@pytest.fixture
def router() -> respx.MockRouter:
    return respx.MockRouter(assert_all_called=False)


@pytest.fixture
async def client(router: respx.MockRouter) -> AsyncIterator[httpx.AsyncClient]:
    # Redirects on: what these functions must not rely on.
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(router.async_handler),
        base_url=ACME,
        headers={"Authorization": f"Bearer {BEARER}"},
        follow_redirects=True,
    ) as made:
        yield made


async def refused(call: Any) -> SfauthError:
    with pytest.raises(SfauthError) as raised:
        await call
    assert BEARER not in f"{raised.value}{raised.value.__dict__}{raised.value.__context__!r}"
    assert not isinstance(raised.value.__context__, httpx.HTTPError)
    return raised.value


# ── against the simulator ──


async def test_userinfo_and_identity_say_who_the_token_acts_for() -> None:
    async with logged_in() as (org, manager):
        token = await manager.token("acme")
        user = await userinfo(manager.client("acme"), subject=token.identity_url)
        same = await identity(manager.client("acme"), token.identity_url or "", version="66.0")

    assert (user.user_id, user.org_id, user.username) == (org.user.user_id, org.org_id, org.user.username)
    assert (same.user_id, same.org_id, same.url) == (org.user.user_id, org.org_id, token.identity_url)
    assert same.urls["rest"] == f"{ACME}/services/data/v66.0/"
    assert user.url("rest", "66.0") == same.urls["rest"]


async def test_a_dead_session_is_renewed_on_the_way() -> None:
    async with logged_in() as (org, manager):
        await manager.token("acme")
        org.revoke_sessions()
        assert (await userinfo(manager.client("acme"))).user_id == org.user.user_id


async def test_single_access_opens_the_front_door_once() -> None:
    async with logged_in() as (org, manager):
        token = await manager.token("acme")
        door = await single_access(manager.client("acme"), token, path="/lightning/page/home")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=org.simulator)) as browser:
            first, second = await browser.get(door.url), await browser.get(door.url)

    assert first.headers["location"].endswith("/lightning/page/home")
    assert "sid" in first.headers["set-cookie"]
    assert "set-cookie" not in second.headers or "sid=" not in second.headers["set-cookie"]


async def test_single_access_says_which_scope_it_lacks() -> None:
    async with logged_in("api") as (_, manager):
        error = await refused(single_access(manager.client("acme"), await manager.token("acme")))
    assert error.error == "invalid_scope"


async def test_a_jwt_is_refused_before_it_is_sent() -> None:
    async with logged_in(token_format="jwt") as (org, manager):
        token = await manager.token("acme")
        with pytest.raises(ConfigurationError, match="JWT"):
            await single_access(manager.client("acme"), token)
        assert org.simulator.counts["acme"].single_accesses == {}


async def test_the_discovery_document_and_the_keys_are_the_orgs_own() -> None:
    simulator = Simulator()
    org = Org(simulator.add_org("acme").my_domain)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=simulator)) as http:
        found, keys = await discover(http, org), await signing_keys(http, org)

    assert (found.issuer, found.token_endpoint, found.jwks_uri) == (org.url, org.token_url, org.jwks_url)
    assert "S256" in found.code_challenge_methods
    assert len(keys) == 2


# ── wrong answers ──


@pytest.mark.parametrize(
    ("status", "body", "error_class"),
    [
        (403, "Bad_OAuth_Token", LoginRequiredError),
        (403, '"Bad_OAuth_Token"\n', LoginRequiredError),
        (401, '[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]', LoginRequiredError),
        (403, "Missing_OAuth_Token", ConfigurationError),
        (403, "Wrong_Org", ConfigurationError),
        (404, "Bad_Id", ConfigurationError),
        (403, "Something_Else", ConfigurationError),
        (404, "Not Found", ProtocolError),
        (200, "<html>maintenance</html>", TryLaterError),
        (503, "", TryLaterError),
        (200, "[]", ProtocolError),
        (200, "{}", ProtocolError),
    ],
)
async def test_each_failure_says_what_to_do(
    client: httpx.AsyncClient, router: respx.MockRouter, status: int, body: str, error_class: type[SfauthError]
) -> None:
    router.get(USERINFO).respond(status, text=body)
    assert type(await refused(userinfo(client))) is error_class


async def test_userinfo_about_somebody_else_is_not_believed(
    client: httpx.AsyncClient, router: respx.MockRouter
) -> None:
    router.get(USERINFO).respond(json={"sub": ID})
    assert type(await refused(userinfo(client, subject=ID.replace("ABC", "XYZ")))) is ProtocolError


async def test_the_identity_url_is_asked_at_the_tokens_own_instance(
    client: httpx.AsyncClient, router: respx.MockRouter
) -> None:
    login = router.route(host="login.salesforce.com").respond(500)
    route = router.get(f"{ACME}/id/00D5g000004XYZaEAM/0055g00000ABCdeAAG").respond(
        json={"id": ID, "user_id": "005", "organization_id": "00D"}
    )
    assert (await identity(client, ID)).url == ID
    assert route.calls.last.request.headers["authorization"] == f"Bearer {BEARER}"
    assert not login.called


@pytest.mark.parametrize("target", ["https://evil.example/id", f"{ACME}/elsewhere"])
async def test_no_redirect_is_followed_with_the_bearer(
    client: httpx.AsyncClient, router: respx.MockRouter, target: str
) -> None:
    router.get(path__startswith="/id/").respond(302, headers={"location": target})
    elsewhere = router.get(target).respond(json={})
    await refused(identity(client, ID))
    assert not elsewhere.called


@pytest.mark.parametrize("url", ["", "https://login.salesforce.com/", f"{ACME}/id/00D/005/more", f"{ACME}/id/../005"])
async def test_what_is_no_identity_url_is_not_asked(client: httpx.AsyncClient, url: str) -> None:
    assert type(await refused(identity(client, url))) is ConfigurationError


async def test_a_broken_connection_is_for_later(client: httpx.AsyncClient, router: respx.MockRouter) -> None:
    router.get(USERINFO).mock(side_effect=httpx.ConnectError(f"while sending {BEARER}"))
    assert type(await refused(userinfo(client))) is TryLaterError


async def test_a_client_that_knows_no_org_is_told_so() -> None:
    async with httpx.AsyncClient() as http:
        assert "base_url" in str(await refused(userinfo(http)))


async def test_an_endless_answer_is_cut_off(client: httpx.AsyncClient, router: respx.MockRouter) -> None:
    router.get(USERINFO).respond(200, content=b" " * (1024 * 1024 + 1))
    assert type(await refused(userinfo(client))) is ProtocolError


async def test_a_hybrid_jwt_opens_the_door_with_its_parent_session(
    client: httpx.AsyncClient, router: respx.MockRouter
) -> None:
    route = router.post(SINGLE_ACCESS).respond(json={"frontdoor_uri": f"{ACME}/secur/frontdoor.jsp?otp=x"})
    jwt = Token(access_token="eyJ0eXAiOiJKV1QifQ.e30.x", instance_url=ACME, extra={"parent_sid": "00D!parent"})

    await single_access(client, jwt)

    assert route.calls.last.request.headers["authorization"] == "Bearer 00D!parent"


@pytest.mark.parametrize(
    ("site", "asked"),
    [("https://acme.my.site.com/customers", "acme.my.site.com"), ("https://portal.example", "acme.my.salesforce.com")],
)
async def test_a_site_user_goes_in_at_the_site_where_it_is_salesforces(
    client: httpx.AsyncClient, router: respx.MockRouter, site: str, asked: str
) -> None:
    route = router.post(path__regex="/services/oauth2/singleaccess$").respond(
        json={"frontdoor_uri": "https://acme.my.site.com/customers/secur/frontdoor.jsp?otp=x"}
    )
    await single_access(client, Token(access_token=BEARER, instance_url=ACME, site_url=site))
    assert route.calls.last.request.url.host == asked


@pytest.mark.parametrize("reply", [{}, {"frontdoor_uri": 7}, {"frontdoor_uri": "/relative"}])
async def test_an_answer_without_a_front_door_is_told(
    client: httpx.AsyncClient, router: respx.MockRouter, reply: dict[str, Any]
) -> None:
    router.post(SINGLE_ACCESS).respond(json=reply)
    assert type(await refused(single_access(client, TOKEN))) is ProtocolError


@pytest.mark.parametrize(
    "url", ["https://evil.example/?otp=1", "http://acme.my.salesforce.com/", "https://salesforce.com.evil.example/"]
)
async def test_a_browser_is_sent_to_salesforce_only(
    client: httpx.AsyncClient, router: respx.MockRouter, url: str
) -> None:
    router.post(SINGLE_ACCESS).respond(json={"frontdoor_uri": url})
    assert type(await refused(single_access(client, TOKEN))) is UntrustedHostError


async def test_a_foreign_discovery_document_is_not_believed(
    client: httpx.AsyncClient, router: respx.MockRouter
) -> None:
    document = {"issuer": ACME, "token_endpoint": f"{ACME}/token", "jwks_uri": f"{ACME}/id/keys"}
    route = router.get(f"{ACME}/.well-known/openid-configuration")
    cases: list[tuple[dict[str, Any], type[SfauthError]]] = [
        ({"issuer": f"{ACME}/"}, ProtocolError),
        ({"jwks_uri": None}, ProtocolError),
        ({"token_endpoint": "https://evil.example/token"}, UntrustedHostError),
        ({"revocation_endpoint": "https://evil.example/revoke"}, UntrustedHostError),
    ]
    for changes, error_class in cases:
        route.respond(json={**document, **changes})
        assert type(await refused(discover(client, Org(ACME)))) is error_class


async def test_a_broken_key_set_is_told(client: httpx.AsyncClient, router: respx.MockRouter) -> None:
    router.get(f"{ACME}/id/keys").respond(json={"keys": 7})
    assert type(await refused(signing_keys(client, Org(ACME)))) is ProtocolError
