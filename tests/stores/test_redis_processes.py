"""The tests of `test_processes`, and what they prove, with Valkey in place of a folder."""

from __future__ import annotations

import functools
import signal

import pytest

from . import processes, test_processes
from .redis_servers import Server, valkey_binary
from .test_processes import (
    everybody,
    key,
    test_a_killed_process_is_followed_by_the_next,
    test_a_process_that_stood_still_before_its_request_does_not_send_a_refresh_token_that_is_used_up,
    test_eight_processes_make_one_token_request_per_generation,
    world,
)

__all__ = [
    "key",
    "test_a_killed_process_is_followed_by_the_next",
    "test_a_process_that_stood_still_before_its_request_does_not_send_a_refresh_token_that_is_used_up",
    "test_eight_processes_make_one_token_request_per_generation",
    "world",
]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(valkey_binary(), tmp_path_factory.mktemp("valkey")).running() as running:
        yield running


@pytest.fixture
def spec(server, request, monkeypatch):
    if "killed" in request.node.name:
        # A lock on a file goes with its process; this lease has to end by itself, so it had better be short.
        monkeypatch.setattr(test_processes, "children", functools.partial(processes.children, lease=1.0))
    server.ask("FLUSHALL")
    return server.url


async def test_a_process_that_stood_still_past_its_lease_does_not_overwrite_its_successor(world, spec, key):
    """Unlike a lock on a file, the lease ends by itself: from when it was taken or last renewed, it lasts a second."""
    org = world.add_org("acme", rotating=False)
    async with processes.children(3, spec, key, lease=1.0) as (sleeper, *others):
        await world.introduce(org, sleeper, *others)
        await sleeper.do("send_signal", at="before writing", number=signal.SIGSTOP)
        await sleeper.begin("tokens", key="acme")
        await sleeper.comes_to("before writing")
        answers = await everybody(others, "tokens", key="acme", callers=20)
        [token] = {token for answer in answers for token in answer["tokens"]}
        assert world.token_requests(org) == {"issued": 2}

        sleeper.signal(signal.SIGCONT)
        assert set((await sleeper.heard())["answer"]["tokens"]) == {token}
        # Nor did its lease come back to life: all three go on as one.
        await world.advance(7300.0, sleeper, *others)
        answers = await everybody([sleeper, *others], "tokens", key="acme", callers=20)
        assert len({token for answer in answers for token in answer["tokens"]}) == 1
        assert world.token_requests(org) == {"issued": 3}
