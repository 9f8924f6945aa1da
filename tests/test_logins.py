"""The half of the flows that talks to Salesforce: scripted answers, virtual time, three event loops."""

from __future__ import annotations

import random
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import respx

from sfauth import SystemClock, TokenEndpoint, TokenManager
from sfauth.errors import ConfigurationError, LoginRequiredError, ProtocolError, SfauthError
from sfauth.flows import DeviceCode, DeviceFlow, WebServerFlow
from sfauth.grants import RefreshTokenGrant
from sfauth.logins import Waiting, begin, device_login, device_states, open_endpoint, redeem
from sfauth.testing import VirtualClock, settle
from sfauth.token import Token

from .support import ACME, Endpoint, calls, refused, reply

CALLBACK = "https://app.example.com/callback"
DEVICE = {"device_code": "M01device", "user_code": "5CCPC6ME", "verification_uri": ACME + "/setup/connect"}
PENDING = refused("authorization_pending", "end user has not approved yet")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def web_server(**changes: Any) -> WebServerFlow:
    return WebServerFlow(**{"client_id": "3MVG9", "redirect_uri": CALLBACK, "org": ACME, **changes})


def device(**changes: Any) -> DeviceFlow:
    return DeviceFlow(**{"client_id": "3MVG9", "org": ACME, **changes})


def codes(**changes: Any) -> httpx.Response:
    return httpx.Response(200, json={**DEVICE, "interval": 5, **changes})


def endpoint_over(transport: httpx.AsyncBaseTransport, clock: VirtualClock) -> TokenEndpoint:
    return TokenEndpoint(httpx.AsyncClient(transport=transport), clock=clock, random=random.Random(1))


# ── in a browser ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_logins_have_nothing_in_common():
    first, second = begin(web_server()), begin(web_server())
    assert {first.state, first.nonce, first.code_verifier}.isdisjoint(
        {second.state, second.nonce, second.code_verifier}
    )


def test_options_and_a_source_of_chance_are_handed_on():
    login = begin(web_server(), random_bytes=lambda number: b"\0" * number, prompt="login")
    assert "prompt=login" in login.url
    assert login.state == "A" * 43


async def test_a_login_in_a_manager_redeems_its_code_once_and_goes_on_with_the_refresh_token():
    endpoint = Endpoint(reply(1, refresh_token="5Aep861a"), reply(2, refresh_token="5Aep861b"), reply(3))
    flow = web_server(client_secret="s3cret")
    login = begin(flow)
    grant = flow.finish(f"{CALLBACK}?code=aPrx1%3D%3D&state={login.state}", login, username="ann@acme.com")
    async with TokenManager(transport=endpoint, introspect=False) as manager:
        manager.add("ann", grant, org=flow.org)
        for _ in range(3):
            await manager.refresh("ann")
    code, first, second = (held.form for held in endpoint.requests)
    assert (code["grant_type"], code["code"]) == ("authorization_code", "aPrx1==")
    assert code["code_verifier"] == login.code_verifier
    assert (first["grant_type"], first["refresh_token"]) == ("refresh_token", "5Aep861a")
    assert (second["grant_type"], second["refresh_token"]) == ("refresh_token", "5Aep861b")
    assert "code" not in first
    assert first["client_secret"] == "s3cret"


async def test_two_users_of_one_app_never_get_each_others_tokens():
    endpoint = Endpoint(*(reply(n, refresh_token=f"5Aep861{n}") for n in range(1, 5)))
    flow = web_server()
    async with TokenManager(transport=endpoint, introspect=False) as manager:
        for name in ("ann", "bob"):
            login = begin(flow)
            manager.add(name, flow.finish({"code": f"code-of-{name}", "state": login.state}, login), org=flow.org)
            await manager.token(name)
        await manager.refresh("ann")
        await manager.refresh("bob")
    sent = [held.form.get("code") or held.form["refresh_token"] for held in endpoint.requests]
    assert sent == ["code-of-ann", "code-of-bob", "5Aep8611", "5Aep8612"]


async def test_a_login_without_a_refresh_token_ends_with_its_token_and_makes_no_request():
    endpoint = Endpoint(reply(1))
    flow = web_server()
    login = begin(flow)
    async with TokenManager(transport=endpoint, introspect=False) as manager:
        manager.add("ann", flow.finish({"code": "a", "state": login.state}, login), org=flow.org)
        await manager.token("ann")
        with pytest.raises(LoginRequiredError, match="nothing can renew it"):
            await manager.refresh("ann")
    assert len(endpoint) == 1


async def test_somebody_who_logs_in_again_goes_on_with_the_new_login():
    endpoint = Endpoint(reply(1, refresh_token="5Aep861a"), reply(2, refresh_token="5Aep861b"), reply(3))
    flow = web_server()
    async with TokenManager(transport=endpoint, introspect=False) as manager:
        for code in ("first-code", "second-code"):
            login = begin(flow)
            manager.add("ann", flow.finish({"code": code, "state": login.state}, login), org=flow.org)
            await manager.token("ann")
        await manager.refresh("ann")
    assert [held.form.get("code") or held.form["refresh_token"] for held in endpoint.requests] == [
        "first-code",
        "second-code",
        "5Aep861b",
    ]


async def test_a_new_login_heals_one_whose_refresh_token_died():
    dead = refused("invalid_grant", "expired access/refresh token")
    endpoint = Endpoint(reply(1, refresh_token="5Aep861a"), dead, reply(2))
    flow = web_server()
    async with TokenManager(transport=endpoint, introspect=False) as manager:
        login = begin(flow)
        manager.add("ann", flow.finish({"code": "first-code", "state": login.state}, login), org=flow.org)
        await manager.token("ann")
        with pytest.raises(LoginRequiredError, match="refresh token is dead"):
            await manager.refresh("ann")
        login = begin(flow)
        manager.add("ann", flow.finish({"code": "second-code", "state": login.state}, login), org=flow.org)
        assert (await manager.token("ann")).access_token.endswith("0002")


async def test_a_spent_code_says_log_in_again(clock: VirtualClock):
    transport = Endpoint(refused("invalid_grant", "expired authorization code"))
    flow = web_server()
    login = begin(flow)
    grant = flow.finish({"code": "code-that-is-spent", "state": login.state}, login)
    with pytest.raises(LoginRequiredError, match="already redeemed, or is too old") as caught:
        await redeem(grant, ACME, endpoint=endpoint_over(transport, clock))
    assert "code-that-is-spent" not in str(caught.value)


async def test_no_secret_of_a_code_comes_back_in_an_error(clock: VirtualClock):
    flow = web_server(client_secret="s3cret-of-the-app")
    login = begin(flow)
    grant = flow.finish({"code": "code-of-ann", "state": login.state}, login)
    echo = f"code-of-ann s3cret-of-the-app {login.code_verifier}"
    transport = Endpoint(refused("invalid_request", echo))
    with pytest.raises(ConfigurationError) as caught:
        await redeem(grant, ACME, endpoint=endpoint_over(transport, clock))
    assert caught.value.error_description == "[secret] [secret] [secret]"


@respx.mock
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_grant_can_be_redeemed_without_a_manager(tmp_path: Path, anyio_backend: str):
    route = respx.post(f"{ACME}/services/oauth2/token").mock(return_value=reply(7))
    (tmp_path / "token").write_text("5Aep861fromfile\n")
    token = await redeem(RefreshTokenGrant(client_id="3MVG9", refresh_token=tmp_path / "token"), ACME)
    assert token.access_token.endswith("0007")
    assert b"5Aep861fromfile" in route.calls.last.request.content
    async with open_endpoint() as endpoint:
        assert abs(endpoint.server_now() - SystemClock().wall()) < 60


# ── on a device ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_device_shows_its_code_asks_every_five_seconds_and_gets_its_token(clock: VirtualClock):
    transport = Endpoint(codes(), PENDING, PENDING, reply(1, refresh_token="5Aep861"))
    shown: list[DeviceCode] = []
    async with calls() as start:
        call = start(_login(device(scope="api"), transport, clock, shown))
        await settle()
        assert [each.user_code for each in shown] == ["5CCPC6ME"]
        assert len(transport) == 1
        for asked in (2, 3, 4):
            await clock.advance(4.9)
            assert len(transport) == asked - 1
            await clock.advance(0.1)
            assert len(transport) == asked
        token = call.result()
    assert token.refresh_token == "5Aep861"
    assert transport.requests[0].form == {"response_type": "device_code", "client_id": "3MVG9", "scope": "api"}
    assert transport.requests[1].form == {"grant_type": "device", "code": "M01device", "client_id": "3MVG9"}


def _login(flow: DeviceFlow, transport: Endpoint, clock: VirtualClock, shown: list[DeviceCode]) -> Any:
    async def log_in() -> Token:
        return await device_login(flow, shown.append, endpoint=endpoint_over(transport, clock), clock=clock)

    return log_in


async def test_slow_down_and_a_busy_server_widen_the_interval(clock: VirtualClock):
    transport = Endpoint(codes(), refused("slow_down"), httpx.ConnectError("no route"), reply(1))
    async with calls() as start:
        call = start(_login(device(), transport, clock, []))
        await settle()
        for seconds, requests in ((5, 2), (9.9, 2), (0.1, 3), (19.9, 3), (0.1, 4)):
            await clock.advance(seconds)
            assert len(transport) == requests
        assert call.result().access_token


async def test_after_ten_minutes_it_ends_and_asks_no_more(clock: VirtualClock):
    transport = Endpoint(codes(interval=50), *[PENDING] * 20)
    async with calls() as start:
        call = start(_login(device(), transport, clock, []))
        await clock.advance(600)
        with pytest.raises(LoginRequiredError, match="within 10 minutes"):
            call.result()
    assert len(transport) == 1 + 11  # the question at the 600th second would come too late


@pytest.mark.parametrize(
    ("error", "kind"),
    [("access_denied", LoginRequiredError), ("invalid_grant", LoginRequiredError), ("invalid_client", SfauthError)],
)
async def test_a_refusal_ends_it_at_once(clock: VirtualClock, error: str, kind: type[SfauthError]):
    transport = Endpoint(codes(), refused(error))
    async with calls() as start:
        call = start(_login(device(), transport, clock, []))
        await clock.advance(5)
        with pytest.raises(kind) as caught:
            call.result()
    assert caught.value.error == error
    assert ("September 2025" in str(caught.value.hint)) is (error != "access_denied")


async def test_a_blocked_flow_says_why_at_the_first_request(clock: VirtualClock):
    transport = Endpoint(refused("invalid_client", "app must be installed into org"))
    with pytest.raises(ConfigurationError, match="isn't installed") as caught:
        await device_login(device(), print, endpoint=endpoint_over(transport, clock), clock=clock)
    assert "since September 2025" in str(caught.value.hint)


async def test_cancelling_it_ends_it_and_asks_no_more(clock: VirtualClock):
    transport = Endpoint(codes(), PENDING)
    async with calls() as start:
        call = start(_login(device(), transport, clock, []))
        await clock.advance(5)
        call.cancel()
        await settle()
        assert call.cancelled
        await clock.advance(60)
    assert len(transport) == 2


async def test_as_an_iterator_it_says_where_it_stands_and_can_be_left(clock: VirtualClock):
    transport = Endpoint(codes(), PENDING, reply(1))
    seen: list[Any] = []

    async def log_in() -> None:
        async with aclosing(device_states(device(), endpoint_over(transport, clock), clock=clock)) as states:
            seen.extend([state async for state in states])

    async with calls() as start:
        call = start(log_in)
        await clock.advance(10)
        call.result()
    assert [type(state) for state in seen] == [DeviceCode, Waiting, Waiting, Token]
    assert seen[1:3] == [Waiting(600, 5), Waiting(595, 5)]

    transport = Endpoint(codes())
    async with aclosing(device_states(device(), endpoint_over(transport, clock), clock=clock)) as states:
        assert isinstance(await anext(states), DeviceCode)
    assert len(transport) == 1


async def test_a_secret_may_lie_in_a_file(clock: VirtualClock, tmp_path: Path):
    (tmp_path / "secret").write_text("s3cret\n")
    transport = Endpoint(codes(), reply(1))
    async with calls() as start:
        call = start(_login(device(client_secret=tmp_path / "secret"), transport, clock, []))
        await clock.advance(5)
        call.result()
    assert [held.form["client_secret"] for held in transport.requests] == ["s3cret", "s3cret"]


async def test_who_looks_away_for_too_long_hears_that_it_is_too_late(clock: VirtualClock):
    transport = Endpoint(codes())
    async with aclosing(device_states(device(), endpoint_over(transport, clock), clock=clock)) as states:
        await anext(states)
        clock.suspend(601)
        with pytest.raises(LoginRequiredError, match="within 10 minutes"):
            await anext(states)
    assert len(transport) == 1


@respx.mock
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_device_login_needs_no_endpoint_of_yours(clock: VirtualClock, anyio_backend: str):
    respx.post(f"{ACME}/services/oauth2/token").mock(side_effect=[codes(), reply(1)])
    async with calls() as start:
        call = start(lambda: device_login(device(), lambda _: None, clock=clock))
        await clock.advance(5)
        assert call.result().access_token


async def test_showing_the_code_may_take_an_await(clock: VirtualClock):
    shown = anyio.Event()

    async def show(code: DeviceCode) -> None:
        await anyio.lowlevel.checkpoint()
        shown.set()

    transport = Endpoint(codes(interval=0.5), reply(1))
    async with calls() as start:
        call = start(lambda: device_login(device(), show, endpoint=endpoint_over(transport, clock), clock=clock))
        await clock.advance(1)
        assert shown.is_set()
        call.result()


async def test_a_code_for_a_strange_address_is_not_shown(clock: VirtualClock):
    transport = Endpoint(codes(verification_uri="https://evil.example.com"))
    shown: list[DeviceCode] = []
    with pytest.raises(ProtocolError):
        await device_login(device(), shown.append, endpoint=endpoint_over(transport, clock), clock=clock)
    assert shown == []


async def test_a_device_login_goes_on_in_a_manager(clock: VirtualClock):
    transport = Endpoint(codes(), reply(1, refresh_token="5Aep861"), reply(2))
    flow = device()
    async with calls() as start:
        call = start(_login(flow, transport, clock, []))
        await clock.advance(5)
        token = call.result()
    async with TokenManager(transport=transport, introspect=False, clock=clock) as manager:
        manager.add("kiosk", flow.renewing_grant(token), org=flow.org)
        await manager.token("kiosk")
    assert transport.last.form["refresh_token"] == "5Aep861"
