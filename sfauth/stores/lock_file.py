"""Locks between processes of one machine, waited for without holding up an event loop.

The lock is the operating system's (``filelock``: flock or its like), so a killed process has let go of it. Each attempt
is one quick call in a worker thread; between attempts the task sleeps. A lock that is held for long, as a lease is,
shows signs of life: its holder touches the lock file now and then. flock itself never times out, so a waiter that has
seen no sign of life for too long removes the file, and the next attempt makes and locks a new one. The lock that the
former holder has then guards nothing; should it ever go on, comparing generations is what fences it off.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import anyio
import anyio.to_thread
from filelock import FileLock, Timeout

from ..clock import Clock

__all__ = ["Lease", "Waits", "holder_of", "try_lock"]

FIRST_PAUSE = 0.005
"""Seconds between the first two attempts; each further pause is twice as long, up to `LONGEST_PAUSE`."""

LONGEST_PAUSE = 0.1

BEATS = 4
"""Signs of life that a holder gives in the time after which it counts as dead."""

BEAT_STEP = 2_000_000_000
"""Nanoseconds by which a sign of life moves the file's time of change: no file system's resolution is coarser."""

Waits: TypeAlias = "Callable[[str], None]"
"""Called with the name of the holder that one has to wait for."""

_Sign: TypeAlias = "tuple[int, int] | None"


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold the lock if it is free; whether it was. Blocks for no more than a few system calls."""
    lock = _take(path)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


@dataclass(slots=True, kw_only=True, eq=False)
class Lease:
    """A lock that is held for as long as it takes, and waited for.

    Attributes:
        path: The lock file. Its content names the holder.
        guard: Another lock file, held for the moment in which a dead holder's lock is taken away.
        patience: Seconds without a sign of life after which a holder counts as dead, and the lock as free.
        clock: How to sleep.
        chance: For pauses that differ between processes.
    """

    path: Path
    guard: Path
    patience: float
    clock: Clock
    chance: Random
    _lock: FileLock | None = field(default=None, init=False, repr=False)
    _sign: _Sign = field(default=None, init=False, repr=False)

    async def take(self, waits_for: Waits | None = None) -> None:
        """Wait until the lock is ours. Enter `kept` at once then.

        Raises:
            OSError: The lock file can't be made or opened.
        """
        pause, waited, holder = FIRST_PAUSE, 0.0, ""
        seen: _Sign = None
        while True:
            attempt = await anyio.to_thread.run_sync(_attempt, self.path)
            if attempt.lock is not None:
                self._lock, self._sign = attempt.lock, attempt.sign
                return
            if attempt.sign != seen:
                seen, waited = attempt.sign, 0.0
            if waits_for is not None and attempt.holder not in ("", holder):
                holder = attempt.holder
                waits_for(holder)
            if waited >= self.patience:
                await anyio.to_thread.run_sync(_take_away, self.path, seen, self.guard)
                waited = 0.0
                continue
            # What counts is how long this process slept, not what a clock says: a machine that was suspended for a
            # night has suspended the holder, too.
            length = pause * (0.5 + self.chance.random())
            await self.clock.sleep(length)
            waited += length
            pause = min(pause * 2.0, LONGEST_PAUSE)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the lock, giving signs of life, and let go at the end or on any error."""
        assert self._lock is not None, "taken first"
        try:
            async with _beside(self._beat):
                yield
        finally:
            # Here, not in a thread: nothing in it waits for a disk, and it must happen whatever happens.
            self._lock.release()

    async def _beat(self) -> None:
        sign = self._sign
        while sign is not None:
            await self.clock.sleep(self.patience / BEATS)
            sign = await anyio.to_thread.run_sync(_touch, self.path, sign)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What came of one try. Whose task was cancelled meanwhile drops it, and with it goes the lock, if it has one."""

    lock: FileLock | None
    sign: _Sign
    holder: str


def _attempt(path: Path) -> _Attempt:
    lock = _take(path)
    return _Attempt(lock, _sign(path), holder_of(path) if lock is None else "")


def _take(path: Path) -> FileLock | None:
    # An object for each attempt: locks of one process exclude each other, too, and nothing is left over after a fork.
    lock = FileLock(path, timeout=0, blocking=False, thread_local=False, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        return None
    with suppress(OSError):  # the name is for people; the new time of change is the first sign of life
        path.write_text(f"{socket.gethostname()}:{os.getpid()}")
    return lock


def _take_away(path: Path, seen: _Sign, guard: Path) -> None:
    with try_lock(guard) as mine:
        # Of several waiters that have lost patience, the first takes it away; the others see a new file.
        if mine and _sign(path) == seen:
            path.unlink(missing_ok=True)


def _touch(path: Path, sign: _Sign) -> _Sign:
    """A sign of life; None when the file is another one by now: the lock was taken away."""
    now = _sign(path)
    if now is None or sign is None or now[0] != sign[0]:
        return None
    with suppress(OSError):
        # Counted on rather than set to what a clock says, which ticks so coarsely that two signs may look like one.
        os.utime(path, ns=(now[1] + BEAT_STEP, now[1] + BEAT_STEP))
    return _sign(path)


def _sign(path: Path) -> _Sign:
    """Which file it is, and when its holder last gave a sign of life."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def holder_of(path: Path) -> str:
    """Who holds the lock, or held it last; empty where that can't be known."""
    try:
        return path.read_text(errors="replace")[:200]
    except OSError:
        return ""


@asynccontextmanager
async def _beside(function: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run a coroutine function beside the body. What the body raises passes through as it is, not in a group."""
    raised: BaseException | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(function)
        try:
            yield
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as problem:  # noqa: BLE001 - raised again below
            raised = problem
        group.cancel_scope.cancel()
    if raised is not None:
        raise raised
