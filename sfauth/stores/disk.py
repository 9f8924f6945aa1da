"""Whole files, durably: readers see the old content or the new one, and so does who comes after a crash.

Plain functions that block; `sfauth.stores.file` calls them in worker threads.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from ..errors import ConfigurationError, StoreUnavailableError

__all__ = ["TEMPORARY", "make_private", "read", "remove", "replace", "set_aside", "sweep", "unavailable"]

TEMPORARY = ".tmp"
MOST_DAMAGED = 9
"""Damaged versions of one file that are kept aside; a further one takes the place of the last."""

_HINTS = {
    errno.ENOSPC: "Free some space on that disk.",
    errno.EDQUOT: "This user's disk quota is used up: free some space, or raise it.",
    errno.EFBIG: "This process may not write files of that size: see `ulimit -f`.",
    errno.EROFS: "That file system is mounted read-only: mount it for writing, or give FileStore another path.",
    errno.EACCES: "Run all processes that share the store as the user who owns that folder.",
    errno.EPERM: "Run all processes that share the store as the user who owns that folder.",
    errno.EMFILE: "This process has too many open files: see `ulimit -n`.",
    errno.ENOTDIR: "Something else lies where the folder should be: give FileStore another path.",
    errno.EIO: "The disk reports errors: look at the system's log.",
    errno.ENOSYS: "That file system can't lock files: give FileStore a path on a local disk.",
    errno.ENOLCK: "That file system can't lock files: give FileStore a path on a local disk.",
}


def make_private(folder: Path) -> None:
    """Make sure that the folder is there, and that nobody else may look into it.

    Raises:
        ConfigurationError: It is somebody else's, or others may read or write in it.
        OSError: It can't be made.
    """
    try:
        found = folder.stat()
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    if os.name != "posix":
        return  # elsewhere a user's own folders are private by inheritance
    if stat.S_ISDIR(found.st_mode) and found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"The folder of stored tokens belongs to another user (uid {found.st_uid}): {folder}",
            hint="Run all processes that share the store as the same user, or give FileStore a folder of its own.",
        )
    if stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(
            f"Others may look into the folder of stored tokens (mode {stat.S_IMODE(found.st_mode):04o}): {folder}",
            hint=f"chmod 700 {folder} - or, where other things live in it, give FileStore a folder of its own.",
        )


def read(path: Path) -> bytes | None:
    """The whole content; None where there is no file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def replace(path: Path, content: bytes) -> None:
    """Put this content in the place of the old one. Durable when it returns; when it raises, the old one is there.

    (Unless the very last step raises, telling the disk about the new name: then it is the new one, maybe not for long.)
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY}")
    # O_EXCL: nobody else's file, nor where somebody else's link points to.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            # Before the rename: a file system may otherwise write down the new name first, and lose the content.
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Durably; no error when there is no such file."""
    with suppress(FileNotFoundError):
        path.unlink()
        _sync_folder(path.parent)


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that it is out of the way and yet there to be looked at. Returns the new path."""
    names = [path.with_name(f"{path.stem}.damaged-{number}") for number in range(1, MOST_DAMAGED + 1)]
    free = next((name for name in names if not name.exists()), names[-1])
    path.replace(free)
    _sync_folder(path.parent)
    return free


def sweep(folder: Path, *, before: float) -> None:
    """Remove what killed processes left half-written before this moment (Unix seconds)."""
    for path in folder.glob(f"*{TEMPORARY}"):
        with suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()


def unavailable(problem: OSError, path: Path) -> StoreUnavailableError:
    """The error to raise for an operating system's error about this path."""
    return StoreUnavailableError(
        f"Stored tokens can't be reached: {problem.strerror or type(problem).__name__}: {problem.filename or path}",
        hint=_HINTS.get(problem.errno or 0),
    )


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # there is no such thing; the rename itself is in the journal
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
