"""A resource server's validator: against the simulator's tokens, and against key sets that come, change and fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest

from sfauth import ConfigurationError, Org, TryLaterError
from sfauth.access_tokens import SigningKeys
from sfauth.simulator import SimulatedOrg, Simulator
from sfauth.testing import VirtualClock
from sfauth.validation import AccessTokenValidator, InsufficientScopeError, InvalidTokenError, KeySets, Refusal

ACME = Org("https://acme.my.salesforce.com")


class Network(httpx.AsyncBaseTransport):
    """The simulator, with a count of the key sets that were fetched, and a switch."""

    def __init__(self, simulator: Simulator) -> None:
        self._inner = httpx.ASGITransport(app=simulator)
        self.fetched = 0
        self.down = False
        self.gate: anyio.Event | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/id/keys":
            self.fetched += 1
            if self.gate is not None:
                await self.gate.wait()
            if self.down:
                raise httpx.ConnectError("no route", request=request)
        return await self._inner.handle_async_request(request)


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.simulator = Simulator(now=self.clock.wall, sleep=self.clock.sleep)
        self.org = self.simulator.add_org("acme", token_format="jwt", jwt_lifetime=86_400.0)
        self.network = Network(self.simulator)
        self.http = httpx.AsyncClient(transport=self.network)
        self.keys = KeySets(self.http, clock=self.clock)

    def validator(self, **changes: Any) -> AccessTokenValidator:
        options: dict[str, Any] = {"audience": ACME.url, "keys": self.keys, "clock": self.clock, **changes}
        return AccessTokenValidator(options.pop("issuers", {ACME.url: self.org.org_id}), **options)

    async def token(self, org: SimulatedOrg | None = None) -> str:
        org = org or self.org
        form = {
            "grant_type": "client_credentials",
            "client_id": org.app.client_id,
            "client_secret": org.app.client_secret,
        }
        answer = await self.http.post(f"{org.my_domain}/services/oauth2/token", data=form)
        return str(answer.json()["access_token"])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    async with made.http:
        yield made


async def refusal(validator: AccessTokenValidator, token: str) -> Refusal:
    with pytest.raises(InvalidTokenError) as raised:
        await validator.validate(token)
    return raised.value.reason


async def test_the_simulators_tokens_are_believed(world: World) -> None:
    found = await world.validator().validate(await world.token(), scopes=["api"])

    assert (found.org_id, found.user_id) == (world.org.org_id, world.org.user.user_id)
    assert found.client_id == world.org.app.client_id


async def test_the_warm_path_sends_nothing(world: World) -> None:
    validator, token = world.validator(), await world.token()
    for _ in range(5):
        await validator.validate(token)

    assert world.network.fetched == 1


async def test_many_at_once_fetch_the_keys_once(world: World) -> None:
    validator, token = world.validator(), await world.token()
    world.network.gate = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(validator.validate, token)
        await anyio.wait_all_tasks_blocked()
        world.network.gate.set()

    assert world.network.fetched == 1


async def test_who_is_cancelled_while_fetching_leaves_the_work_to_the_next(world: World) -> None:
    validator, token = world.validator(), await world.token()
    world.network.gate = anyio.Event()
    leader = anyio.CancelScope()

    async def lead() -> None:
        with leader:
            await validator.validate(token)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lead)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(validator.validate, token)
        await anyio.wait_all_tasks_blocked()
        leader.cancel()
        await anyio.wait_all_tasks_blocked()
        world.network.gate.set()

    assert world.network.fetched == 2


async def test_a_new_key_is_found_by_its_first_token(world: World) -> None:
    validator, old = world.validator(), await world.token()
    await validator.validate(old)
    world.org.rotate_signing_key()
    await world.clock.advance(31)

    new = await world.token()
    await validator.validate(new)

    assert world.network.fetched == 2
    assert await refusal(validator, old) is Refusal.UNKNOWN_KEY


async def test_a_flood_of_unknown_keys_costs_one_request(world: World) -> None:
    validator = world.validator()
    old = await world.token()
    world.org.rotate_signing_key()
    await validator.validate(await world.token())
    await world.clock.advance(31)
    for _ in range(50):
        assert await refusal(validator, old) is Refusal.UNKNOWN_KEY

    assert world.network.fetched == 2


async def test_a_withdrawn_key_is_noticed_within_the_lifetime_of_the_key_set(world: World) -> None:
    validator, old = world.validator(), await world.token()
    await validator.validate(old)
    world.org.rotate_signing_key()
    await validator.validate(old)
    await world.clock.advance(3600)

    assert await refusal(validator, old) is Refusal.UNKNOWN_KEY


async def test_an_unknown_issuer_causes_no_request_at_all(world: World) -> None:
    evil = world.simulator.add_org("evil", token_format="jwt")

    assert await refusal(world.validator(), await world.token(evil)) is Refusal.ISSUER
    assert world.network.fetched == 0


async def test_each_issuer_speaks_for_its_own_org_only(world: World) -> None:
    other = world.simulator.add_org("other", token_format="jwt")
    validator = world.validator(issuers={ACME.url: world.org.org_id, other.my_domain: world.org.org_id})

    await validator.validate(await world.token())
    assert await refusal(validator, await world.token(other)) is Refusal.TENANT


async def test_an_opaque_token_is_refused_with_advice(world: World) -> None:
    world.org.app.token_format = "opaque"
    with pytest.raises(InvalidTokenError, match="introspect"):
        await world.validator().validate(await world.token())


async def test_a_missing_scope_is_told_apart(world: World) -> None:
    with pytest.raises(InsufficientScopeError):
        await world.validator().validate(await world.token(), scopes=["cdp_api"])


async def test_without_keys_the_failure_is_for_later_and_remembered_for_a_while(world: World) -> None:
    validator, token = world.validator(), await world.token()
    world.network.down = True
    for _ in range(5):
        with pytest.raises(TryLaterError, match="acme"):
            await validator.validate(token)
    assert world.network.fetched == 1

    world.network.down = False
    await world.clock.advance(30)
    await validator.validate(token)


async def test_known_keys_outlive_an_outage_for_a_while(world: World) -> None:
    validator, token = world.validator(), await world.token()
    await validator.validate(token)
    world.network.down = True
    await world.clock.advance(3700)
    await validator.validate(token)
    await world.clock.advance(3600)

    with pytest.raises(TryLaterError):
        await validator.validate(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuers": {}},
        {"audience": []},
        {"audience": ""},
        {"issuers": {"https://login.salesforce.com": None}},
        {"issuers": {"https://acme.my.salesforce.com": "acme"}},
        {"issuers": {"https://evil.example": None}},
    ],
    ids=str,
)
async def test_a_validator_that_would_take_anything_is_not_made(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        world.validator(**changes)


@pytest.mark.parametrize("changes", [{"pause": 0.0}, {"lifetime": 10.0, "pause": 11.0}, {"grace": -1.0}, {"most": 0}])
async def test_numbers_out_of_range_are_refused(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        KeySets(world.http, **changes)


async def test_newer_keys_than_the_known_ones_are_not_asked_for_twice_in_a_moment(world: World) -> None:
    first = await world.keys.get(ACME)
    assert await world.keys.newer(ACME, first) is first
    assert await world.keys.newer(ACME, SigningKeys({})) is first
    assert world.network.fetched == 1
