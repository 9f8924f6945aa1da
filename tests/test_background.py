"""`sfauth.background`: who owns a manager's tasks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager

import anyio
import pytest

from sfauth import ConfigurationError
from sfauth.background import Background
from tests.support import settle


class Around:
    """Says when it was entered and left."""

    def __init__(self):
        self.said = []

    @asynccontextmanager
    async def __call__(self):
        self.said.append("in")
        try:
            yield
        finally:
            self.said.append("out")


@pytest.fixture
def around():
    return Around()


@pytest.fixture
def background(around):
    return Background(around)


async def test_tasks_run_until_it_is_stopped(background, around):
    said = around.said

    async def work():
        said.append("work")
        try:
            await anyio.sleep_forever()
        finally:
            said.append("end")

    await background.start()
    assert background.running
    background.spawn(work)
    await settle()
    await background.stop()
    assert not background.running
    assert said == ["in", "work", "end", "out"]


async def test_what_is_around_is_left_after_the_last_task(background, around):
    async def work():
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await settle()
            around.said.append("end")

    await background.start()
    background.spawn(work)
    await settle()
    await background.stop()
    assert around.said == ["in", "end", "out"]


async def test_arguments_are_passed_on(background):
    said: list[object] = []

    async def work(*args):
        said.extend(args)

    await background.start()
    background.spawn(work, 1, "two")
    await settle()
    await background.stop()
    assert said == [1, "two"]


async def test_it_can_be_started_again(background, around):
    for _ in range(2):
        await background.start()
        await background.stop()
    assert around.said == ["in", "out"] * 2


async def test_starting_twice_is_refused_and_leaves_the_first_running(background):
    await background.start()
    with pytest.raises(ConfigurationError, match="open already"):
        await background.start()
    assert background.running
    await background.stop()


async def test_stopping_what_is_not_running_does_nothing(background):
    await background.stop()
    await background.start()
    await background.stop()
    await background.stop()


async def test_nothing_is_started_in_what_is_not_open(background):
    with pytest.raises(ConfigurationError, match="not open"):
        background.spawn(settle)


async def test_after_a_fork_it_counts_as_not_open(background):
    await background.start()
    group, stop = background._group, background._stop
    background.forget()
    assert not background.running
    with pytest.raises(ConfigurationError, match="forked"):
        background.spawn(settle)
    background._group, background._stop = group, stop
    await background.stop()


async def test_one_task_that_fails_ends_no_other_and_is_reported(background, caplog):
    caplog.set_level(logging.ERROR, "sfauth")
    went_on = []

    async def fails():
        raise ZeroDivisionError

    async def works():
        await settle()
        went_on.append(True)

    await background.start()
    background.spawn(works)
    background.spawn(fails)
    await settle()
    await settle()
    background.spawn(works)
    await settle()
    await settle()
    await background.stop()
    assert went_on == [True, True]
    assert "report" in caplog.text


async def test_what_fails_on_opening_comes_out_of_start():
    @asynccontextmanager
    async def fails():
        raise ZeroDivisionError
        yield

    background = Background(fails)
    with pytest.raises(ZeroDivisionError):
        await background.start()
    assert not background.running


async def test_what_fails_on_leaving_comes_out_of_stop():
    @asynccontextmanager
    async def fails():
        yield
        raise ZeroDivisionError

    background = Background(fails)
    await background.start()
    with pytest.raises(ZeroDivisionError):
        await background.stop()


class TestOnAsyncio:
    """Elsewhere no task may end what another has begun."""

    @pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
    def anyio_backend(self, request):
        return "asyncio", {"use_uvloop": request.param}

    async def test_one_task_may_start_it_and_another_stop_it(self, background, around):
        await asyncio.create_task(background.start())
        await asyncio.create_task(background.stop())
        assert around.said == ["in", "out"]

    async def test_the_end_of_the_task_that_started_it_does_not_end_it(self, background):
        await asyncio.create_task(background.start())
        await settle()
        assert background.running
        await background.stop()

    async def test_a_cancelled_start_leaves_no_task(self):
        entered = asyncio.Event()

        @asynccontextmanager
        async def slow():
            entered.set()
            await asyncio.sleep(3600)
            yield

        before = asyncio.all_tasks()
        background = Background(slow)
        starting = asyncio.create_task(background.start())
        await entered.wait()
        starting.cancel()
        await asyncio.wait([starting])
        await settle()
        assert asyncio.all_tasks() == before
        assert not background.running
