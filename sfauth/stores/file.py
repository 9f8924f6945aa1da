"""Tokens shared by the processes of one machine: an encrypted file for each identity."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import anyio.to_thread

from ..clock import Clock, SystemClock
from ..errors import ConfigurationError, StoreUnavailableError
from . import disk
from .lock_file import Lease, holder_of, try_lock
from .sealing import Keys, Seal, UnreadableRecordError

if TYPE_CHECKING:
    from .base import Record

__all__ = ["FileStore"]

logger = logging.getLogger("sfauth")

SUFFIX = ".record"
ABANDONED = 3600.0
"""Seconds after which a temporary file was left by a killed process."""

WRITE_PATIENCE = 10.0
"""Seconds to wait for other processes that write: files of a few kilobytes."""

WRITE_PAUSE = 0.01
"""Seconds between two attempts to write while somebody else does."""

_T = TypeVar("_T")


class FileStore:
    """Shares tokens between processes of one machine and user, through a folder on a local disk.

    ::

        manager = TokenManager(store=FileStore(key=Path("/etc/acme/sfauth.key")))

    Each identity has a file of its own there (mode 0600, the folder 0700), encrypted and replaced as a whole: whoever
    reads sees the old record or the new one, and so does who comes after a crash. One process at a time makes a token
    request for an identity; a killed one is followed by the next at once. Several `FileStore` objects may use the same
    folder, and one object may be used by several event loops and, after a fork, by several processes.

    Not for a network file system, whose locks and renames are not those of one machine: use `RedisStore` there.

    Args:
        path: The folder; made when it's missing. By default the user's folder for an application's state.
        key: What the records are encrypted with: a key made by `generate_key`, the path of a file that holds one, or
            a callable (`key_from_env`, `key_from_keyring`); or a list of those, the newest first. By default the
            environment variable ``SFAUTH_STORE_KEY``.
        on_damaged: What to do about a file that can't be read any more: ``"login"``: keep it aside as
            ``<name>.damaged-<n>``, log a warning, and go on as if it had not been there; ``"raise"``: raise
            `UnreadableRecordError` until somebody has looked at it. A file that is sealed with another key, or written
            by a newer sfauth, is never touched, and always an error.
        lease_timeout: Seconds after which a process that holds a lease and gives no sign of life counts as dead.
            It applies to processes that were stopped or hang; a killed one is noticed at once.
        poll_interval: Seconds between two looks for what other processes have written.
        clock: How to sleep, and what time it is.

    Raises:
        ConfigurationError: A number is not above 0, or ``on_damaged`` is neither of the two.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        key: Keys | None = None,
        *,
        on_damaged: Literal["login", "raise"] = "login",
        lease_timeout: float = 60.0,
        poll_interval: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        if on_damaged not in ("login", "raise"):
            raise ConfigurationError("on_damaged must be 'login' or 'raise'.")
        if not (lease_timeout > 0 and poll_interval > 0):
            raise ConfigurationError("lease_timeout and poll_interval must be above 0 seconds.")
        self.path = _default_path() if path is None else Path(path)
        self._locks = self.path / "locks"
        self._seal = Seal(key)
        self._on_damaged = on_damaged
        self._lease_timeout = lease_timeout
        self._poll_interval = poll_interval
        self._clock = clock or SystemClock()
        self._chance = SystemRandom()  # the same numbers in no two forked processes

    def __repr__(self) -> str:
        return f"FileStore({str(self.path)!r})"

    # ---------------------------------------------------------------- the protocol

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Read the keys, and check the folder if it can be reached.

        Raises:
            ConfigurationError: There is no usable key, or others may look into the folder.
        """
        await self._seal.load()
        try:
            await self._in_thread(self._tidy)
        except StoreUnavailableError as error:
            # A disk that is full or read-only now may not be so later, and a manager serves without its store.
            logger.warning("%s", error)
        yield

    async def get(self, key: str) -> Record | None:
        await self._seal.load()
        try:
            return await self._in_thread(self._read, key)
        except UnreadableRecordError as error:
            if not self._to_be_set_aside(error):
                raise
        return await self._writing(self._read_or_set_aside, key)

    async def put(self, key: str, record: Record, *, expected: int) -> bool:
        try:
            return await self._writing(self._write, key, record, expected)
        except ConfigurationError as error:
            # By now the record may hold a refresh token that exists nowhere else: to be kept and tried again.
            raise StoreUnavailableError(error.message, hint=error.hint) from error

    async def delete(self, key: str) -> None:
        await self._writing(self._remove, key)

    @asynccontextmanager
    async def lease(self, key: str, *, waits_for: Callable[[str], None] | None = None) -> AsyncIterator[None]:
        """Hold the right to make a token request for this key; see `TokenStore.lease`.

        A holder that gives no sign of life for ``lease_timeout`` seconds (stopped, or its event loop hangs) loses the
        lease to one of those who wait. It doesn't notice; `put` refuses what it writes then.
        """
        path = self._locks / f"{_checked(key)}.lease"
        lease = Lease(
            path=path,
            guard=self._write_lock(key),
            patience=self._lease_timeout,
            clock=self._clock,
            chance=self._chance,
        )
        try:
            await anyio.to_thread.run_sync(self._make_folders)
            await lease.take(waits_for)
        except OSError as problem:
            raise disk.unavailable(problem, path) from problem
        async with lease.kept():
            yield

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[str]]:
        async with aclosing(self._poll(await self._in_thread(self._look, None))) as keys:
            yield keys

    async def _poll(self, view: _View) -> AsyncGenerator[str]:
        while True:
            await self._clock.sleep(self._poll_interval)
            former, view = view, await self._in_thread(self._look, view)
            if view is not former:
                for key in sorted(former.marks.keys() | view.marks.keys()):
                    if former.marks.get(key) != view.marks.get(key):
                        yield key

    # ---------------------------------------------------------------- to worker threads

    async def _in_thread(self, function: Callable[..., _T], *args: object) -> _T:
        try:
            return await anyio.to_thread.run_sync(partial(function, *args))
        except OSError as problem:
            raise disk.unavailable(problem, self.path) from problem

    async def _writing(self, function: Callable[..., _T], key: str, *args: object) -> _T:
        """Call the function in a thread while nobody else writes. The lease would not do: it may pass on meanwhile."""
        await self._seal.load()
        lock, pause, waited = self._write_lock(key), WRITE_PAUSE, 0.0
        while True:
            result = await self._in_thread(self._locked, lock, function, key, *args)
            if not isinstance(result, _Busy):
                return cast("_T", result)
            if waited >= WRITE_PATIENCE:
                raise StoreUnavailableError(
                    f"Another process has been writing for {WRITE_PATIENCE:.0f} s: {result.holder or lock}",
                    hint="If it was stopped (SIGSTOP, a debugger), let it go on or kill it.",
                )
            length = pause * (0.5 + self._chance.random())
            await self._clock.sleep(length)
            waited += length

    # ---------------------------------------------------------------- in worker threads

    def _locked(self, lock: Path, function: Callable[..., _T], *args: object) -> _T | _Busy:
        self._make_folders()
        with try_lock(lock) as mine:
            return function(*args) if mine else _Busy(holder_of(lock))

    def _read(self, key: str) -> Record | None:
        content = disk.read(self._file(key))
        return None if content is None else self._seal.decrypt(key, content)

    def _read_or_set_aside(self, key: str) -> Record | None:
        """Under the write lock: what looked damaged may have been replaced by a good one since."""
        try:
            return self._read(key)
        except UnreadableRecordError as error:
            if not self._to_be_set_aside(error):
                raise
        aside = disk.set_aside(self._file(key))
        logger.warning("A stored token was damaged, and somebody may have to log in again; it is kept as %s", aside)
        return None

    def _to_be_set_aside(self, error: UnreadableRecordError) -> bool:
        return error.damaged and self._on_damaged == "login"

    def _write(self, key: str, record: Record, expected: int) -> bool:
        there = self._read_or_set_aside(key)
        if (there.generation if there is not None else 0) != expected:
            return False
        disk.replace(self._file(key), self._seal.encrypt(key, record))
        return True

    def _remove(self, key: str) -> None:
        disk.remove(self._file(key))

    def _look(self, before: _View | None) -> _View:
        """What lies in the folder. The same view as before when nothing has changed, which costs one system call."""
        try:
            changed = self.path.stat().st_mtime_ns
            settled = before is not None and before.changed == changed
            if before is not None and settled and before.settled and os.name == "posix":
                return before
            with os.scandir(self.path) as entries:
                marks = dict(filter(None, map(_mark, entries)))
        except FileNotFoundError:
            return _View(changed=0, settled=False, marks={})
        return _View(changed=changed, settled=settled, marks=marks)

    def _tidy(self) -> None:
        disk.make_private(self.path)
        disk.sweep(self.path, before=self._clock.wall() - ABANDONED)

    def _make_folders(self) -> None:
        if not self._locks.is_dir():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._locks.mkdir(mode=0o700, exist_ok=True)

    def _file(self, key: str) -> Path:
        return self.path / f"{_checked(key)}{SUFFIX}"

    def _write_lock(self, key: str) -> Path:
        # Sixteen of them serve all identities: enough that writers of different ones seldom meet.
        return self._locks / f"write-{_checked(key)[0]}.lock"


@dataclass(frozen=True, slots=True)
class _Busy:
    """Somebody else is writing."""

    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """The records in the folder at one moment.

    Attributes:
        changed: When a name in the folder last changed, as the file system tells it: in ticks of some milliseconds.
        settled: The look before this one saw the same time, so a tick has passed and the time tells of later changes.
        marks: By key, what differs when a record was replaced.
    """

    changed: int
    settled: bool
    marks: dict[str, tuple[int, int, int]]


def _mark(entry: os.DirEntry[str]) -> tuple[str, tuple[int, int, int]] | None:
    if not entry.name.endswith(SUFFIX):
        return None
    try:
        found = entry.stat()
    except FileNotFoundError:
        return None
    return entry.name.removesuffix(SUFFIX), (found.st_ino, found.st_mtime_ns, found.st_size)


def _checked(key: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", key):
        raise ValueError("a store's key is 64 hexadecimal digits")
    return key


def _default_path() -> Path:
    """Where tokens lie unless told otherwise: ``~/.local/state/sfauth/tokens`` on Linux."""
    from platformdirs import user_state_path

    return user_state_path("sfauth", appauthor=False) / "tokens"
