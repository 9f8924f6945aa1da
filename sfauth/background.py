"""Who owns a manager's tasks: one task group, entered when the manager starts and left when it closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.abc
from anyio.lowlevel import current_token

from .errors import ConfigurationError

__all__ = ["Background"]


class Background:
    """A task group that may be started in one task and stopped in another.

    asyncio programs often close things elsewhere than where they were opened (pytest-asyncio runs a fixture's two
    halves in two tasks), which a bare anyio task group forbids. There, a task of our own hosts the group; on trio,
    where no task can exist without an owner, the caller's task does.
    """

    def __init__(self) -> None:
        self._group: anyio.abc.TaskGroup | None = None
        self._loop: object = None
        self._host: asyncio.Task[None] | None = None
        self._stop: anyio.Event | None = None

    @property
    def running(self) -> bool:
        return self._group is not None

    async def start(self) -> None:
        self._loop = current_token().native_token
        if not isinstance(self._loop, asyncio.AbstractEventLoop):
            self._group = await anyio.create_task_group().__aenter__()
            return
        self._stop = anyio.Event()
        started = anyio.Event()
        self._host = self._loop.create_task(self._run(started, self._stop), name="sfauth manager")
        await started.wait()

    async def stop(self) -> None:
        """Cancel all tasks and wait until they are gone, even when the caller is being cancelled itself."""
        group, self._group = self._group, None
        if group is None:
            return
        group.cancel_scope.cancel()
        if self._host is None or self._stop is None:
            await group.__aexit__(None, None, None)
            return
        self._stop.set()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([self._host])
        self._host.result()

    def forget(self) -> None:
        """In a forked child: the parent's loop and tasks don't exist here."""
        self._group = self._host = self._stop = None

    def spawn(self, function: Callable[..., Coroutine[Any, Any, object]], *args: object) -> None:
        """Start a task.

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
        self._group.start_soon(function, *args)

    async def _run(self, started: anyio.Event, stop: anyio.Event) -> None:
        async with anyio.create_task_group() as group:
            self._group = group
            started.set()
            await stop.wait()
            group.cancel_scope.cancel()
