"""Who owns a manager's tasks: one task group, entered when the manager starts and left when it closes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import anyio.abc
from anyio.lowlevel import current_token

from .errors import ConfigurationError

__all__ = ["Background"]

logger = logging.getLogger("sfauth")


class Background:
    """A task group that may be started in one task and stopped in another.

    asyncio programs often close things elsewhere than where they were opened (pytest-asyncio runs a fixture's two
    halves in two tasks), which a bare anyio task group forbids. There, a task of our own hosts the group; on trio,
    where no task can exist without an owner, the caller's task does.
    """

    def __init__(self, around: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        """``around`` is entered before the first task and left after the last one."""
        self._around = around
        self._group: anyio.abc.TaskGroup | None = None
        self._loop: object = None
        self._stop: Callable[[], Awaitable[None]] = _nothing

    @property
    def running(self) -> bool:
        return self._group is not None

    async def start(self) -> None:
        """Enter the task group.

        Raises:
            ConfigurationError: It is running already.
        """
        if self._group is not None:
            raise ConfigurationError(
                "This TokenManager is open already.", hint="Enter it once, where the program starts."
            )
        self._loop = current_token().native_token
        if isinstance(self._loop, asyncio.AbstractEventLoop):
            self._group, self._stop = await _hosted(self._loop, self._opened)
        else:
            group = self._opened()

            async def leave() -> None:
                await group.__aexit__(None, None, None)

            self._group, self._stop = await group.__aenter__(), leave

    async def stop(self) -> None:
        """Cancel all tasks and wait until they are gone, even when the caller is being cancelled itself."""
        if self._group is not None:
            self._group.cancel_scope.cancel()
            self._group = None
            await self._stop()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[anyio.abc.TaskGroup]:
        async with self._around(), anyio.create_task_group() as group:
            yield group

    def forget(self) -> None:
        """In a forked child: the parent's loop and tasks don't exist here."""
        self._group = None

    def check(self) -> anyio.abc.TaskGroup:
        """The group, where tasks may be started and awaited from here.

        Raises:
            ConfigurationError: Not started, closed, or called from another event loop.
        """
        if self._group is None:
            raise ConfigurationError(
                "This TokenManager is not open: it was closed, never entered, or belongs to the process that forked.",
                hint="Use it inside 'async with TokenManager() as manager:', one for each process.",
            )
        if current_token().native_token is not self._loop:
            raise ConfigurationError(
                "This TokenManager belongs to another event loop.",
                hint="Make one TokenManager for each event loop; they can share tokens through a store.",
            )
        return self._group

    def spawn(self, function: Callable[..., Coroutine[Any, Any, object]], *args: object) -> None:
        """Start a task; raises what `check` raises."""
        self.check().start_soon(_guarded, function, *args)


async def _guarded(function: Callable[..., Coroutine[Any, Any, object]], *args: object) -> None:
    try:
        await function(*args)
    except Exception:  # a bug, or a store's: one task's, and no reason to end all others
        logger.exception("A background task of sfauth failed: please report it.")


async def _nothing() -> None:
    """Never started, nothing to stop."""


async def _hosted(
    loop: asyncio.AbstractEventLoop, opened: Callable[[], AbstractAsyncContextManager[anyio.abc.TaskGroup]]
) -> tuple[anyio.abc.TaskGroup, Callable[[], Awaitable[None]]]:
    """Open the group in an asyncio task of its own; the second value ends and awaits that."""
    ready: asyncio.Future[anyio.abc.TaskGroup] = loop.create_future()
    stop = anyio.Event()

    async def host() -> None:
        async with opened() as group:
            ready.set_result(group)
            await stop.wait()

    async def end() -> None:
        stop.set()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        task.result()

    task = loop.create_task(host(), name="sfauth manager")
    either: list[asyncio.Future[Any]] = [task, ready]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        raise
    if not ready.done():
        task.result()  # raises what the opening raised
    return ready.result(), end
