"""The client that `TokenManager.client` gives: httpx's own in all but who signs and where relative URLs go."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream

from sfauth import (
    SalesforceAuth,
    SalesforceClient,
    TokenManager,
    TokenRejectedError,
    UnknownOrgError,
    UntrustedHostError,
)
from sfauth.clients.httpx import DEFAULT_TIMEOUT
from tests.clients.apis import EXPIRED, Acme, Apis, Body, expired
from tests.support import World, outcomes

LIMITS = "/services/data/v66.0/limits"
ENVELOPE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header><SessionHeader>'
    "<sessionId>{}</sessionId></SessionHeader></soapenv:Header><soapenv:Body><getUserInfo/></soapenv:Body>"
    "</soapenv:Envelope>"
)


# ── the simulated Salesforce's own ways to say it ──


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        pytest.param("GET", LIMITS, {}, id="REST"),
        pytest.param("HEAD", LIMITS, {}, id="HEAD"),
        pytest.param("GET", LIMITS, {"headers": {"accept": "application/xml"}}, id="XML"),
        pytest.param("POST", "/services/data/v66.0/sobjects/Account", {"json": {"Name": "Acme"}}, id="POST"),
        pytest.param("POST", "/services/async/66.0/job", {"json": {"operation": "query"}}, id="Bulk 1.0, JSON"),
        pytest.param("POST", "/services/async/66.0/job", {"content": "<jobInfo/>"}, id="Bulk 1.0, XML"),
        pytest.param("POST", "/services/Soap/u/64.0", {"content": ENVELOPE}, id="SOAP"),
        pytest.param("GET", "/services/oauth2/userinfo", {}, id="userinfo"),
        pytest.param("GET", "/id/{org}/{user}", {}, id="identity"),
    ],
)
async def test_a_session_that_has_ended_is_replaced_without_the_caller_noticing(
    acme: Acme, method: str, path: str, options: dict[str, Any]
) -> None:
    path = path.format(org=acme.org.org_id, user=acme.org.user.user_id)
    async with acme.client() as client:
        token = await acme.access_token()
        acme.org.revoke_sessions()
        options = {name: ENVELOPE.format(token) if value == ENVELOPE else value for name, value in options.items()}
        response = await client.request(method, path, **options)

    assert response.is_success, response.text
    assert [each.status_code for each in response.history] != []
    assert acme.apis.logins == 2
    assert len(acme.sent) == 2
    assert acme.sent[0].url == acme.sent[1].url


async def test_an_ordinary_crawl_makes_one_login(acme: Acme) -> None:
    async with acme.client() as client:
        for path in ("data", "data/v66.0/limits", "data/v66.0/sobjects", "data/v66.0/query?q=SELECT+Id+FROM+Account"):
            response = await client.get(f"services/{path}")
            assert response.status_code == 200
            assert response.history == []

    assert acme.apis.logins == 1


async def test_fifty_tasks_that_find_their_session_dead_at_once_cost_one_refresh(acme: Acme) -> None:
    async with acme.client() as client:
        await client.get(LIMITS)
        acme.org.revoke_sessions()
        statuses = await outcomes(client.get, LIMITS, times=50)

    assert {response.status_code for response in statuses} == {200}
    assert acme.world.token_requests() == 2
    assert acme.world.counts()["dead_token_requests"] <= 50


async def test_the_history_holds_no_token_response(acme: Acme) -> None:
    async with acme.client() as client:
        acme.apis.answers.append(expired)
        response = await client.get(LIMITS)

    assert response.status_code == 200
    assert [(each.status_code, each.url.path) for each in response.history] == [(401, LIMITS)]
    assert all(b"access_token" not in each.content for each in response.history)


async def test_an_api_that_rejects_every_token_gets_two_requests_and_no_more(acme: Acme) -> None:
    acme.apis.always = expired
    async with acme.client() as client:
        assert (await client.get(LIMITS)).status_code == 401
        answers = await outcomes(client.get, LIMITS, times=100)

    assert {type(each) for each in answers} == {TokenRejectedError}
    assert len(acme.sent) == 2
    assert acme.apis.logins == 2


async def test_the_answer_of_a_custom_apex_class_is_the_callers(acme: Acme) -> None:
    acme.apis.answers.append(httpx.Response(401, json={"error": "wrong basket"}))
    async with acme.client() as client:
        response = await client.get("/services/apexrest/orders")

    assert (response.status_code, response.json()) == (401, {"error": "wrong basket"})
    assert acme.apis.logins == 1


# ── reading and writing streams ──

BROKEN = b'{"mine":1}\n{"mine":2}\n'


@pytest.mark.parametrize("how", ["aread", "aiter_raw", "aiter_bytes", "aiter_text", "aiter_lines", "not at all"])
async def test_an_answer_that_was_looked_into_is_as_good_as_new(acme: Acme, how: str) -> None:
    acme.apis.answers.append(lambda request: httpx.Response(401, stream=Body([BROKEN[:3], BROKEN[3:]])))
    async with acme.client() as client, client.stream("GET", "/services/apexrest/x") as response:
        assert not response.is_stream_consumed
        match how:
            case "aread":
                assert await response.aread() == BROKEN
            case "aiter_raw":
                assert b"".join([chunk async for chunk in response.aiter_raw()]) == BROKEN
            case "aiter_bytes":
                assert [chunk async for chunk in response.aiter_bytes(11)] == [BROKEN[:11], BROKEN[11:]]
            case "aiter_text":
                assert "".join([chunk async for chunk in response.aiter_text()]) == BROKEN.decode()
            case "aiter_lines":
                assert [line async for line in response.aiter_lines()] == ['{"mine":1}', '{"mine":2}']
    assert response.is_closed


async def test_an_answer_that_was_looked_into_closes_its_connection(acme: Acme) -> None:
    body = Body([b"x" * 1000] * 1000)
    acme.apis.answers.append(lambda request: httpx.Response(401, stream=body))
    async with acme.client() as client, client.stream("GET", "/services/apexrest/x") as response:
        assert response.status_code == 401

    assert body.closed
    assert body.read < 100_000


async def test_a_stream_that_is_sent_up_is_not_sent_twice(acme: Acme) -> None:
    async def rows() -> AsyncIterator[bytes]:
        yield b"Id,Name\n"
        yield b"1,Acme\n"

    acme.apis.answers.append(expired)
    async with acme.client() as client:
        response = await client.put("/services/data/v66.0/jobs/ingest/750/batches", content=rows())
        assert response.status_code == 401
        assert response.json()[0]["errorCode"] == "INVALID_SESSION_ID"
        assert [sent.body for sent in acme.sent] == [b"Id,Name\n1,Acme\n"]
        assert (await client.get(LIMITS)).status_code == 200
    assert acme.apis.logins == 2


async def test_a_form_with_files_is_sent_again_whole(acme: Acme, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"content")
    acme.apis.answers += [expired, httpx.Response(201)]
    async with acme.client() as client:
        with (tmp_path / "a.txt").open("rb") as file:
            response = await client.post("/services/data/v66.0/sobjects/ContentVersion", files={"file": file})

    assert response.status_code == 201
    first, second = acme.sent
    assert b"content" in first.body
    assert second.body == first.body


async def test_a_hook_may_read_the_answer_first(acme: Acme) -> None:
    seen = []

    async def read(response: httpx.Response) -> None:
        seen.append(await response.aread())

    acme.apis.answers.append(expired)
    async with acme.client(event_hooks={"response": [read]}) as client:
        assert (await client.get(LIMITS)).status_code == 200
    assert seen[0] == EXPIRED
    assert acme.apis.logins == 2


async def test_a_broken_network_is_httpxs_own_error(acme: Acme) -> None:
    acme.apis.answers.append(httpx.ReadTimeout("slow"))
    async with acme.client() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(LIMITS)
        assert (await client.get(LIMITS)).status_code == 200


# ── what passes through ──


async def test_the_callers_own_options_are_httpxs(acme: Acme) -> None:
    hooks: list[str] = []

    async def hook(request: httpx.Request) -> None:
        hooks.append(request.method)

    acme.apis.always = lambda request: httpx.Response(200, json={})
    async with acme.client(
        timeout=httpx.Timeout(5, read=7),
        headers={"sforce-call-options": "client=acme"},
        params={"batch": "1"},
        cookies={"mine": "yes"},
        event_hooks={"request": [hook]},
        follow_redirects=True,
        max_redirects=3,
        default_encoding="latin-1",
    ) as client:
        await client.get(LIMITS)

    assert client.timeout == httpx.Timeout(5, read=7)
    assert client.follow_redirects
    assert client.max_redirects == 3
    assert hooks == ["GET"]
    (sent,) = acme.sent
    assert sent.headers["sforce-call-options"] == "client=acme"
    assert sent.headers["cookie"] == "mine=yes"
    assert sent.url.endswith("/limits?batch=1")


async def test_unless_told_otherwise_salesforce_may_think_for_long_and_requests_may_queue(acme: Acme) -> None:
    async with acme.client() as client:
        assert client.timeout == DEFAULT_TIMEOUT
        assert (client.timeout.read, client.timeout.pool) == (60.0, None)
        assert not client.follow_redirects
    async with acme.client(timeout=None) as client:
        assert client.timeout == httpx.Timeout(None)


async def test_a_transport_of_ones_own_is_used_and_closed_like_httpxs(acme: Acme) -> None:
    mine = Apis(acme.world.transport)
    async with acme.client(transport=mine) as client:
        assert (await client.get(LIMITS)).status_code == 200

    assert len(mine.sent) == 1
    assert acme.sent == []
    assert mine.closed
    assert not acme.apis.closed


@pytest.mark.parametrize(
    "options",
    [
        {"http2": True},
        {"limits": httpx.Limits(max_connections=3)},
        {"proxy": "http://127.0.0.1:9"},
        {"verify": ssl.create_default_context()},
        {"trust_env": False},
        {"mounts": {"all://": httpx.AsyncHTTPTransport(verify=False)}},
    ],
    ids=lambda options: next(iter(options)),
)
async def test_what_shapes_a_transport_makes_one_of_the_clients_own(acme: Acme, options: dict[str, Any]) -> None:
    shared = acme.client()
    client = acme.client(**options)

    assert type(client._transport) is httpx.AsyncHTTPTransport
    assert type(shared._transport) is not httpx.AsyncHTTPTransport
    await client.aclose()
    await shared.aclose()


@pytest.mark.parametrize("name", ["auth", "base_url"])
async def test_what_the_client_is_there_for_can_not_be_taken_over(acme: Acme, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        acme.client(**{name: "https://acme.my.salesforce.com"})


async def test_an_unknown_option_is_httpxs_own_error(acme: Acme) -> None:
    with pytest.raises(TypeError, match="time_out"):
        acme.client(time_out=5)


async def test_an_unknown_org_is_named(acme: Acme) -> None:
    with pytest.raises(UnknownOrgError, match="globex"):
        acme.manager.client("globex")


# ── many and short-lived ──


async def test_closing_a_client_leaves_the_pool_to_the_others(acme: Acme) -> None:
    first, second = acme.client(), acme.client()
    async with first:
        await first.get(LIMITS)
    with pytest.raises(RuntimeError, match="closed"):
        await first.get(LIMITS)

    assert not acme.apis.closed
    assert (await second.get(LIMITS)).status_code == 200
    await second.aclose()
    assert (await acme.client().get(LIMITS)).status_code == 200


async def test_a_client_for_each_request_will_do(acme: Acme) -> None:
    for _ in range(5):
        async with acme.client() as client:
            assert (await client.get(LIMITS)).status_code == 200
    assert acme.apis.logins == 1


async def test_ten_thousand_clients_load_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A TLS context costs tens of milliseconds and half a megabyte."""
    made = 0
    original = ssl.create_default_context

    def counted(*args: Any, **options: Any) -> ssl.SSLContext:
        nonlocal made
        made += 1
        return original(*args, **options)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    world = World("many")
    org = world.org("acme")
    async with TokenManager() as manager:
        assert made == 1
        for number in range(100):
            manager.add(f"org{number}", world.credentials(org), org=f"acme{number}")
        for number in range(10_000):
            client = manager.client(f"org{number % 100}")
            assert isinstance(client, SalesforceClient)
    assert made == 1


# ── relative URLs ──


async def test_relative_urls_begin_at_the_newest_instance(acme: Acme) -> None:
    async with acme.client() as client:
        assert client.base_url.host == "instance.sfauth.invalid"
        await client.get("services/data")
        assert str(client.base_url) == "https://acme.my.salesforce.com/"
        moved = acme.org.migrate()
        await client.get(LIMITS)
        assert str(client.base_url) == f"{moved}/"
        with pytest.raises(AttributeError, match="instance_url"):
            client.base_url = "https://evil.example"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "?q=1",
        "#x",
        LIMITS,
        "services/data",
        "./services/data",
        "/services/data/../oauth2/userinfo",
        "/../../x",
        "/query?q=SELECT Id FROM Account WHERE Name='\u00fc/%20+&x'",
        "/a//b",
        "/a b",
        "/a%2Fb",
        "/@evil.example",
        "/\\evil.example",
        "/:80/x",
        "//evil.example/x",
        "\\\\evil.example",
        "https://evil.example/x",
        "https:/evil.example",
        "@evil.example",
        ":80/x",
        ".evil.example",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("params", [None, {"a": "1"}])
async def test_a_url_means_what_it_means_to_httpx_with_the_instance_as_its_base(
    acme: Acme, url: str, params: dict[str, str] | None
) -> None:
    await acme.access_token()
    theirs = httpx.AsyncClient(base_url=acme.org.instance_url)
    async with acme.client() as client, theirs:
        try:
            expected = theirs.build_request("GET", url, params=params)
        except httpx.InvalidURL:
            with pytest.raises(httpx.InvalidURL):
                client.build_request("GET", url, params=params)
            return
        built = client.build_request("GET", url, params=params)
        assert built.url == expected.url
        assert built.headers["host"] == expected.headers["host"]
        assert client.build_request("GET", httpx.URL(url), params=params).url == expected.url


@pytest.mark.parametrize("how", ["relative", "absolute", "built before", "built cold", "streamed"])
async def test_however_a_request_was_made_it_finds_the_org_that_has_moved(acme: Acme, how: str) -> None:
    async with acme.client() as client:
        cold = client.build_request("GET", LIMITS)
        if how != "built cold":
            await client.get("/services/data")
        built = client.build_request("GET", LIMITS)
        old = acme.org.instance_url
        moved = acme.org.migrate()
        match how:
            case "relative":
                response = await client.get(LIMITS)
            case "absolute":
                response = await client.get(old + LIMITS)
            case "built before":
                response = await client.send(built)
            case "built cold":
                response = await client.send(cold)
            case _:
                async with client.stream("GET", LIMITS) as response:
                    await response.aread()

        assert response.status_code == 200
        assert str(response.url) == moved + LIMITS
        if how == "built cold":
            return  # nobody has ever heard of the old address
        before = acme.world.counts()["rejected"]
        again = await client.get(old + LIMITS)
        assert str(again.url) == moved + LIMITS
        assert acme.world.counts()["rejected"] == before, "what has been learned once costs no second 401"
    assert acme.apis.logins <= 2


async def test_a_client_goes_on_with_another_org_under_the_same_key(acme: Acme) -> None:
    globex = acme.world.org("globex")
    async with acme.client() as client:
        await client.get(LIMITS)
        acme.manager.add("acme", acme.world.refresh(globex), org=globex.my_domain)
        response = await client.get(LIMITS)
        assert (response.status_code, str(response.url)) == (200, globex.my_domain + LIMITS)


async def test_the_old_orgs_address_is_not_the_new_ones(acme: Acme) -> None:
    """The key was given to another org: what was meant for the first one must not be done in the second."""
    globex = acme.world.org("globex")
    async with acme.client() as client:
        await client.get(LIMITS)
        old = acme.org.instance_url
        acme.manager.add("acme", acme.world.credentials(globex), org=globex.my_domain)
        await client.get(LIMITS)
        with pytest.raises(UntrustedHostError):
            await client.delete(old + "/services/data/v66.0/sobjects/Account/001000000000001")


# ── real sockets ──


async def test_over_real_sockets_a_peeked_answer_gives_its_connection_back(acme: Acme) -> None:
    """httpcore's streams are async generators: one left hanging is a warning on trio, and a lost connection."""
    connections = 0

    async def serve(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while await stream.receive():
                    await stream.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
        acme.world.scripted() as scripted,
        httpx.AsyncHTTPTransport(verify=False) as pool,
    ):
        tasks.start_soon(listener.serve, serve)
        url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        scripted.manager.add("local", acme.world.credentials(acme.org), org=url)
        scripted.endpoint.answers.append(httpx.Response(200, json={"access_token": "00D!A", "instance_url": url}))
        client = httpx.AsyncClient(transport=pool, auth=SalesforceAuth(scripted.manager.source("local")), base_url=url)
        for _ in range(3):
            assert (await client.get("/services/apexrest/x")).status_code == 401
        assert connections == 1
        async with client.stream("GET", "/services/apexrest/x") as response:
            assert response.status_code == 401  # and its body is left where it is
        assert (await client.get("/services/apexrest/x")).status_code == 401
        assert connections <= 2
        tasks.cancel_scope.cancel()
