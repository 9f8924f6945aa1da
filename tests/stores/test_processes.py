"""One token for many processes: real ones, over TCP, killed and stopped at the worst moments."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import anyio
import pytest

from sfauth.stores import generate_key

from .processes import Child, Salesforce, children, salesforce

PROCESSES = 8
CALLERS = 250
SHORT_LEASE = 1.0

pytestmark = pytest.mark.filterwarnings("error")

numbers = count(1)


@pytest.fixture
def anyio_backend():
    """Each child has an event loop of its own anyway."""
    return "asyncio"


@pytest.fixture(params=["file"])
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What `worker.py` makes a store of: an empty place for each test."""
    return f"file:{tmp_path / 'tokens'}"


@pytest.fixture(scope="module")
def key() -> str:
    return generate_key()


@pytest.fixture
async def world() -> AsyncIterator[Salesforce]:
    with anyio.fail_after(60):
        async with salesforce() as world:
            yield world


async def everybody(workers: list[Child], name: str, **arguments):
    """All of them at once; their answers."""
    for worker in workers:
        await worker.begin(name, **arguments)
    return [(await worker.heard())["answer"] for worker in workers]


async def test_eight_processes_make_one_token_request_per_generation(world: Salesforce, spec: str, key: str) -> None:
    org = world.add_org("acme", rotating=True)
    async with children(PROCESSES, spec, key) as workers:
        await world.introduce(org, *workers)
        # Cold; past the end of the lifetime; and again, each time with a refresh token that works once.
        for generation in range(1, 4):
            answers = await everybody(workers, "tokens", key="acme", callers=CALLERS)
            tokens = sum((Counter(answer["tokens"]) for answer in answers), Counter())
            assert list(tokens.values()) == [PROCESSES * CALLERS]
            assert world.token_requests(org) == {"issued": generation}
            for statuses in await everybody(workers, "requests", key="acme", number=5):
                assert statuses == [200] * 5
            await world.advance(7300.0, *workers)
        await everybody(workers, "tokens", key="acme")
        assert world.token_requests(org) == {"issued": 4}
        # Due, and alive: nobody waits, and one of them fetches the next one behind their back.
        await world.advance(5500.0, *workers)
        for statuses in await everybody(workers, "requests", key="acme", number=5):
            assert statuses == [200] * 5
        while world.token_requests(org) == {"issued": 4}:
            await anyio.sleep(0.01)
        await everybody(workers, "tokens", key="acme", callers=CALLERS)
        assert world.token_requests(org) == {"issued": 5}
        assert world.simulator.counts["acme"].dead_token_requests == 0
        assert [approval.revoked for approval in world.simulator.approvals.of_org(org)] == [False]


BEFORE_SALESFORCE_KNOWS = "before sending"
IN_BETWEEN = ("after sending", "after the answer", "before writing")
ALL_IS_WRITTEN = "after writing"


async def die(world: Salesforce, org, victim: Child, moment: str) -> None:
    """The victim asks for a token, and is killed at this moment."""
    if moment == "after sending":
        org.token_latency = 1.0  # the answer is held back until it's released
        await victim.begin("tokens", key=org.key)
        while world.simulator.counts[org.key].tokens_issued == 0:
            await anyio.sleep(0.005)
        victim.signal(signal.SIGKILL)
        await victim.process.wait()
        world.released.set()
        org.token_latency = 0.0
    else:
        await victim.do("send_signal", at=moment, number=signal.SIGKILL)
        await victim.begin("tokens", key=org.key)
        await victim.comes_to(moment)


@pytest.mark.parametrize("rotating", [False, True], ids=["reusable", "rotating"])
async def test_a_killed_process_is_followed_by_the_next(world: Salesforce, spec: str, key: str, rotating: bool) -> None:
    moments = [BEFORE_SALESFORCE_KNOWS, *IN_BETWEEN, ALL_IS_WRITTEN]
    async with children(2 + len(moments), spec, key) as (*survivors, v1, v2, v3, v4, v5):
        for victim, moment in zip([v1, v2, v3, v4, v5], moments, strict=True):
            org = world.add_org(f"org{next(numbers)}", rotating=rotating)
            await world.introduce(org, victim, *survivors)
            world.released = anyio.Event()
            await die(world, org, victim, moment)
            answers = await everybody(survivors, "tokens", key=org.key, callers=20)
            assert all(answer["seconds"] < 5 for answer in answers), "the lease of a killed process is free at once"
            tokens = sum((Counter(answer["tokens"]) for answer in answers), Counter())
            errors = sum((Counter(answer["errors"]) for answer in answers), Counter())
            requests = world.token_requests(org)
            if rotating and moment in IN_BETWEEN:
                # Salesforce has replaced the refresh token, and who was told the new one is dead: no client can know
                # it. The others get a clear error, after one request for all of them.
                assert (tokens, errors) == (Counter(), Counter({"LoginRequiredError": 40})), moment
                assert requests == {"issued": 1, "invalid_grant": 1}, moment
                assert all("og in again" in hint for answer in answers for hint in answer["hints"]), answers
            else:
                assert (list(tokens.values()), errors) == ([40], Counter()), moment
                assert requests == {"issued": 2 if moment in IN_BETWEEN else 1}, moment
                # The family is alive: the next refresh works, too.
                for survivor in survivors:
                    await survivor.do("advance", seconds=7300.0)
                world.ahead += 7300.0
                again = await everybody(survivors, "tokens", key=org.key)
                assert sum(sum(answer["tokens"].values()) for answer in again) == 2
                assert world.token_requests(org)["issued"] == requests["issued"] + 1


async def test_a_process_that_stood_still_past_its_lease_does_not_overwrite_its_successor(
    world: Salesforce, spec: str, key: str
) -> None:
    org = world.add_org("acme", rotating=False)
    async with children(3, spec, key, lease=SHORT_LEASE) as (sleeper, *others):
        await world.introduce(org, sleeper, *others)
        await sleeper.do("send_signal", at="before writing", number=signal.SIGSTOP)
        await sleeper.begin("tokens", key="acme")
        await sleeper.comes_to("before writing")
        answers = await everybody(others, "tokens", key="acme", callers=20)
        [token] = {token for answer in answers for token in answer["tokens"]}
        assert world.token_requests(org) == {"issued": 2}
        assert all(SHORT_LEASE * 0.9 < answer["seconds"] < SHORT_LEASE * 5 for answer in answers)

        sleeper.signal(signal.SIGCONT)
        assert set((await sleeper.heard())["answer"]["tokens"]) == {token}
        # Nor did its lease come back to life: all three go on as one.
        await world.advance(7300.0, sleeper, *others)
        answers = await everybody([sleeper, *others], "tokens", key="acme", callers=20)
        assert len({token for answer in answers for token in answer["tokens"]}) == 1
        assert world.token_requests(org) == {"issued": 3}


async def test_a_process_that_stood_still_before_its_request_does_not_send_a_refresh_token_that_is_used_up(
    world: Salesforce, spec: str, key: str
) -> None:
    """Sending it would end the whole family: the successor's refresh token, too."""
    org = world.add_org("acme", rotating=True)
    async with children(2, spec, key, lease=SHORT_LEASE) as (sleeper, other):
        await world.introduce(org, sleeper, other)
        await sleeper.do("send_signal", at="after reading", number=signal.SIGSTOP)
        await sleeper.begin("tokens", key="acme")
        await sleeper.comes_to("after reading")
        [token] = (await other.do("tokens", key="acme"))["tokens"]

        sleeper.signal(signal.SIGCONT)
        assert list((await sleeper.heard())["answer"]["tokens"]) == [token]
        assert world.token_requests(org) == {"issued": 1}
        assert [approval.revoked for approval in world.simulator.approvals.of_org(org)] == [False]
