"""Connection pools that all orgs share, and the proxies of the environment: tried with a real proxy on loopback."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream

from sfauth import TokenManager, TryLaterError
from sfauth.clients.transport import SharedTransport, make_transport
from tests.clients.apis import Apis
from tests.support import World, credentials

HTTPS = "https://acme.my.salesforce.com/services/data"


class Server:
    """Answers every plain HTTP request with its own name, and no CONNECT at all. Notes heads of requests."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heads: list[str] = []
        self.address = ""

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def lines(self) -> list[str]:
        return [head.partition("\r\n")[0] for head in self.heads]

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while head := (await stream.receive()).decode():
                    self.heads.append(head)
                    status = "502 Bad Gateway" if head.startswith("CONNECT") else "200 OK"
                    content = self.name.encode()
                    await stream.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)


@asynccontextmanager
async def serving(*names: str) -> AsyncIterator[list[Server]]:
    servers = [Server(name) for name in names]
    failed: BaseException | None = None
    async with anyio.create_task_group() as tasks:
        for server in servers:
            listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
            server.address = f"127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
            tasks.start_soon(listen, listener, server)
        try:
            yield servers
        except Exception as error:  # noqa: BLE001 - raised again below, outside of the group that would wrap it
            failed = error
        tasks.cancel_scope.cancel()
    if failed is not None:
        raise failed


async def listen(listener: anyio.abc.Listener[SocketStream], server: Server) -> None:
    async with listener:
        await listener.serve(server.serve)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """This machine's own proxies are none of a test's business."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return monkeypatch


async def fetched(url: str, **options: httpx.Proxy | str) -> str:
    async with make_transport(verify=False, **options) as transport, httpx.AsyncClient(transport=transport) as client:  # type: ignore[arg-type]
        return (await client.get(url)).text


# ── the environment's proxies ──


async def test_without_a_proxy_requests_go_straight_there() -> None:
    assert type(make_transport(verify=False)) is httpx.AsyncHTTPTransport
    async with serving("origin") as (origin,):
        assert await fetched(origin.url) == "origin"
        assert origin.lines == ["GET / HTTP/1.1"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_http_goes_through_the_proxy_of_the_environment(clean: pytest.MonkeyPatch, name: str) -> None:
    async with serving("origin", "proxy") as (origin, proxy):
        clean.setenv(name, proxy.url)
        assert await fetched(origin.url + "/x") == "proxy"
        assert proxy.lines == [f"GET {origin.url}/x HTTP/1.1"]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_https_goes_through_a_tunnel(clean: pytest.MonkeyPatch, name: str) -> None:
    async with serving("proxy") as (proxy,):
        clean.setenv(name, proxy.url)
        with pytest.raises(httpx.ProxyError, match="502"):
            await fetched(HTTPS)
        assert proxy.lines == ["CONNECT acme.my.salesforce.com:443 HTTP/1.1"]


async def test_a_proxy_for_https_is_none_for_http(clean: pytest.MonkeyPatch) -> None:
    async with serving("origin", "proxy") as (origin, proxy):
        clean.setenv("HTTPS_PROXY", proxy.url)
        assert await fetched(origin.url) == "origin"
        assert proxy.lines == []


async def test_a_proxy_may_be_given_without_a_scheme(clean: pytest.MonkeyPatch) -> None:
    async with serving("origin", "proxy") as (origin, proxy):
        clean.setenv("HTTP_PROXY", proxy.address)
        assert await fetched(origin.url) == "proxy"


@pytest.mark.parametrize("listed", ["127.0.0.1", "example.com, 127.0.0.1", "*"])
async def test_no_proxy_is_honoured(clean: pytest.MonkeyPatch, listed: str) -> None:
    async with serving("origin", "proxy") as (origin, proxy):
        clean.setenv("HTTP_PROXY", proxy.url)
        clean.setenv("NO_PROXY", listed)
        assert await fetched(origin.url) == "origin"
        assert proxy.lines == []


@pytest.mark.parametrize("listed", ["example.com", "27.0.0.1", ""])
async def test_no_proxy_is_for_the_hosts_in_it_only(clean: pytest.MonkeyPatch, listed: str) -> None:
    async with serving("origin", "proxy") as (origin, proxy):
        clean.setenv("HTTP_PROXY", proxy.url)
        clean.setenv("NO_PROXY", listed)
        assert await fetched(origin.url) == "proxy"


async def test_no_proxy_may_name_a_host_with_its_port_as_for_httpx(clean: pytest.MonkeyPatch) -> None:
    async with serving("origin", "proxy") as (origin, proxy):
        clean.setenv("HTTP_PROXY", proxy.url)
        clean.setenv("NO_PROXY", origin.address)
        async with httpx.AsyncClient() as theirs:
            expected = (await theirs.get(origin.url)).text
        assert await fetched(origin.url) == expected == "origin"


@pytest.mark.parametrize("listed", [".salesforce.com", "salesforce.com", "acme.my.salesforce.com"])
async def test_no_proxy_may_name_a_domain(clean: pytest.MonkeyPatch, listed: str) -> None:
    clean.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    clean.setenv("NO_PROXY", listed)
    direct = Apis(httpx.MockTransport(lambda request: httpx.Response(200)))
    direct.always = httpx.Response(200)
    transport = make_transport(verify=False)
    transport._direct = direct  # type: ignore[attr-defined]
    async with transport, httpx.AsyncClient(transport=transport) as client:
        assert (await client.get(HTTPS)).status_code == 200
    assert direct.closed


async def test_a_given_proxy_counts_more_than_the_environment(clean: pytest.MonkeyPatch) -> None:
    async with serving("origin", "proxy", "mine") as (origin, proxy, mine):
        clean.setenv("HTTP_PROXY", proxy.url)
        clean.setenv("NO_PROXY", "*")
        assert await fetched(origin.url, proxy=mine.url) == "mine"
        assert proxy.lines == []


async def test_the_proxys_password_goes_to_the_proxy_alone(clean: pytest.MonkeyPatch) -> None:
    async with serving("proxy") as (proxy,):
        clean.setenv("HTTPS_PROXY", f"http://me:topsecret@{proxy.address}")
        with pytest.raises(httpx.ProxyError) as raised:
            await fetched(HTTPS)
        assert "proxy-authorization: basic bwu6" in proxy.heads[0].lower()
        assert "topsecret" not in str(raised.value)


# ── managers ──


async def test_logins_and_requests_of_a_manager_both_take_the_proxy(clean: pytest.MonkeyPatch) -> None:
    async with serving("proxy") as (proxy,):
        clean.setenv("HTTPS_PROXY", proxy.url)
        async with TokenManager(verify=False) as manager:
            manager.add("acme", credentials(), org="acme")
            with pytest.raises(TryLaterError, match="ProxyError") as raised:
                await manager.client("acme").get("/services/data")
            assert "proxy" in (raised.value.hint or "")
            with pytest.raises(httpx.ProxyError):
                await manager.client("acme").get(HTTPS, auth=None)
        assert proxy.lines == ["CONNECT acme.my.salesforce.com:443 HTTP/1.1"] * 2


async def test_a_manager_closes_the_pools_that_it_made_and_leaves_others_open() -> None:
    mine = Apis(World().transport)
    async with TokenManager(transport=mine):
        pass
    assert not mine.closed

    async with TokenManager(verify=False) as manager:
        pools = manager._owned
        assert len(pools) == 2
    assert all(pool._pool.connections == [] for pool in pools)  # type: ignore[attr-defined]


async def test_closing_a_shared_transport_closes_nothing() -> None:
    mine = Apis(World().transport)
    mine.always = httpx.Response(204)
    async with SharedTransport(mine) as shared:
        assert (await shared.handle_async_request(httpx.Request("GET", HTTPS))).status_code == 204

    assert not mine.closed
