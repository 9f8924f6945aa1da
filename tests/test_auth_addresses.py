"""Where `SalesforceAuth` lets the bearer go, and how requests find an org that has moved: driven by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sfauth import SalesforceAuth, UntrustedHostError
from sfauth.auth import ANY_INSTANCE
from tests.clients.apis import EXPIRED, Acme, an_org, answer, bearer, ended, flow

LIMITS = "https://acme.my.salesforce.com/services/data/v66.0/limits"
BULK = "https://acme.my.salesforce.com/services/async/66.0/job"


@pytest.fixture
async def acme(request: pytest.FixtureRequest) -> AsyncIterator[Acme]:
    async with an_org(request.node.nodeid) as acme:
        yield acme


@pytest.fixture
def auth(acme: Acme) -> SalesforceAuth:
    return SalesforceAuth(acme.source)


def get(url: str = LIMITS) -> httpx.Request:
    return httpx.Request("GET", url)


# ── origins ──

FOREIGN = [
    "https://evil.example/services/data",
    "http://acme.my.salesforce.com/services/data",
    "https://acme.my.salesforce.com:8443/services/data",
    "https://acme.my.salesforce.com.evil.example/services/data",
    "https://acme.my.salesforce.com./services/data",
    "https://evil-acme.my.salesforce.com/services/data",
    "https://globex.my.salesforce.com/services/data",
    "https://acme.my.salesforce.com@evil.example/services/data",
    "https://acme.my.salesforce.com:pw@evil.example/services/data",
    "https://evil.example/https://acme.my.salesforce.com/services/data",
    "https://evil.example?https://acme.my.salesforce.com/",
    "https://evil.example#@acme.my.salesforce.com/",
    "https://acm\u0435.my.salesforce.com/services/data",
    "https://login.salesforce.com/services/data",
    "https://api.salesforce.com/einstein",
    "https://127.0.0.1/services/data",
]


@pytest.mark.parametrize("url", FOREIGN, ids=ascii)
async def test_the_bearer_goes_nowhere_else(acme: Acme, auth: SalesforceAuth, url: str) -> None:
    request = get(url)
    with pytest.raises(UntrustedHostError) as raised:
        await anext(auth.async_auth_flow(request))

    assert raised.value.org == "acme"
    assert "anonymous" in (raised.value.hint or "")
    assert "authorization" not in request.headers


@pytest.mark.parametrize("url", [*FOREIGN, "https://evil.example/services/async/66.0/job"], ids=ascii)
async def test_where_the_caller_chose_so_other_hosts_are_asked_without_it(acme: Acme, url: str) -> None:
    auth = SalesforceAuth(acme.source, other_origins="anonymous")
    async with flow(auth, get(url)) as requests:
        request = await anext(requests)
        assert "authorization" not in request.headers
        assert "x-sfdc-session" not in request.headers
        assert await ended(requests, answer(401, EXPIRED)), "their 401 says nothing about our session"

    assert acme.source.current is not None
    assert acme.apis.logins == 1


@pytest.mark.parametrize(("url", "header"), [(BULK, "x-sfdc-session"), (LIMITS, "authorization")])
async def test_a_request_that_was_signed_for_the_org_loses_its_token_when_it_is_sent_elsewhere(
    acme: Acme, url: str, header: str
) -> None:
    """httpx takes only ``Authorization`` off the request that it prepares as ``response.next_request``."""
    auth = SalesforceAuth(acme.source, other_origins="anonymous")
    request = get(url)
    async with flow(auth, request) as requests:
        assert header in (await anext(requests)).headers
    request.url = httpx.URL("https://evil.example/services/async/66.0/job")
    async with flow(auth, request) as requests:
        assert header not in (await anext(requests)).headers


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.my.salesforce.com:443/services/data",
        "https://ACME.my.salesforce.com/services/data",
        "https://me:pw@acme.my.salesforce.com/services/data",
    ],
)
async def test_other_spellings_of_the_same_origin_are_the_same_origin(
    acme: Acme, auth: SalesforceAuth, url: str
) -> None:
    async with flow(auth, get(url)) as requests:
        assert bearer(await anext(requests)) == await acme.access_token()


async def test_the_orgs_other_addresses_are_its_own(request: pytest.FixtureRequest) -> None:
    async with an_org(request.node.nodeid) as acme, acme.world.scripted() as scripted:
        await scripted.first(
            instance_url="https://acme-7.my.salesforce.com",
            api_instance_url="https://api.salesforce.com",
            sfdc_community_url="https://acme.my.site.com/customers",
        )
        auth = SalesforceAuth(scripted.source)
        for url in (
            "https://acme-7.my.salesforce.com/services/data",
            "https://acme.my.salesforce.com/services/data",
            "https://api.salesforce.com/einstein/gpt",
            "https://acme.my.site.com/customers/services/data",
        ):
            async with flow(auth, get(url)) as requests:
                signed = await anext(requests)
                assert signed.headers["authorization"]
                assert str(signed.url) == url


async def test_a_login_host_is_nobodys_own(acme: Acme) -> None:
    acme.manager.add("by login host", acme.world.refresh(acme.org), org="login")
    auth = SalesforceAuth(acme.manager.source("by login host"))
    async with flow(auth, get(LIMITS)) as requests:
        assert (await anext(requests)).headers["authorization"]
    with pytest.raises(UntrustedHostError):
        await anext(auth.async_auth_flow(get("https://login.salesforce.com/services/data")))


@pytest.mark.parametrize("site", ["https://evil.example", "http://acme.my.site.com", "https://127.0.0.1"])
async def test_a_site_that_is_no_salesforce_host_is_not_one_of_them(request: pytest.FixtureRequest, site: str) -> None:
    async with an_org(request.node.nodeid) as acme, acme.world.scripted() as scripted:
        await scripted.first(sfdc_community_url=site)
        with pytest.raises(UntrustedHostError):
            await anext(SalesforceAuth(scripted.source).async_auth_flow(get(site)))


async def test_a_reply_without_an_instance_leaves_the_my_domain(request: pytest.FixtureRequest) -> None:
    async with an_org(request.node.nodeid) as acme, acme.world.scripted() as scripted:
        await scripted.first(instance_url=None)
        auth = SalesforceAuth(scripted.source)
        async with flow(auth, get(str(ANY_INSTANCE) + "services/data")) as requests:
            assert str((await anext(requests)).url) == "https://acme.my.salesforce.com/services/data"


# ── moving ──


async def test_a_request_built_before_the_first_token_goes_to_the_instance(acme: Acme, auth: SalesforceAuth) -> None:
    assert auth.instance() == ANY_INSTANCE
    cold = get(f"{auth.instance()}services/data?x=%2F%20&y=%C3%A9")
    async with flow(auth, cold) as requests:
        signed = await anext(requests)

    assert str(signed.url) == "https://acme.my.salesforce.com/services/data?x=%2F%20&y=%C3%A9"
    assert signed.headers["host"] == "acme.my.salesforce.com"
    assert str(auth.instance()) == "https://acme.my.salesforce.com/"


async def test_the_stand_in_host_is_never_asked_for(acme: Acme) -> None:
    auth = SalesforceAuth(acme.source, other_origins="anonymous")
    async with flow(auth, get(f"{ANY_INSTANCE}services/data")) as requests:
        assert (await anext(requests)).url.host == "acme.my.salesforce.com"


async def test_a_site_keeps_its_path_before_relative_addresses(request: pytest.FixtureRequest) -> None:
    async with an_org(request.node.nodeid) as acme, acme.world.scripted() as scripted:
        await scripted.first(instance_url="https://acme.my.site.com/customers")
        auth = SalesforceAuth(scripted.source)
        async with flow(auth, get(f"{ANY_INSTANCE}services/data?q=1")) as requests:
            assert str((await anext(requests)).url) == "https://acme.my.site.com/customers/services/data?q=1"
        assert str(auth.instance()) == "https://acme.my.site.com/customers/"


@pytest.mark.parametrize("url", [LIMITS + "?a=%2F&b=1", f"{ANY_INSTANCE}services/data/v66.0/limits?a=%2F&b=1"])
async def test_a_replay_goes_to_where_the_org_has_moved(acme: Acme, auth: SalesforceAuth, url: str) -> None:
    async with flow(auth, get(url)) as requests:
        first = str((await anext(requests)).url)
        moved = acme.org.migrate()
        again = await requests.asend(answer(401, EXPIRED))

    assert first == LIMITS + "?a=%2F&b=1"
    assert str(again.url) == f"{moved}/services/data/v66.0/limits?a=%2F&b=1"
    assert again.headers["host"] == again.url.host
    assert bearer(again) == await acme.access_token()


async def test_after_several_moves_every_old_address_leads_to_the_newest(acme: Acme, auth: SalesforceAuth) -> None:
    addresses = [acme.org.instance_url]
    for _ in range(3):
        async with flow(auth, get()) as requests:
            await anext(requests)
            addresses.append(acme.org.migrate())
            await requests.asend(answer(401, EXPIRED))
            assert await ended(requests, answer(200))
    for address in addresses:
        async with flow(auth, get(f"{address}/services/data")) as requests:
            assert str((await anext(requests)).url) == f"{addresses[-1]}/services/data"


async def test_an_org_that_moves_back_is_served_there(acme: Acme, auth: SalesforceAuth) -> None:
    home = acme.org.instance_url
    for target, address in ((None, "https://acme-1.my.salesforce.com"), (home, home)):
        async with flow(auth, get()) as requests:
            await anext(requests)
            acme.org.migrate(target)
            again = await requests.asend(answer(401, EXPIRED))
            assert str(again.url) == f"{address}/services/data/v66.0/limits"
            assert await ended(requests, answer(200))
