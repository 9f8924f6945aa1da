"""What Redis and the way to it say when something is wrong, as one error for whoever is on call.

Their own words are not repeated but for a few that are known to be harmless: an error of Redis may quote the command,
and a command may be AUTH with its password.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator

from redis import exceptions

from ..errors import StoreUnavailableError

__all__ = ["NoPassword", "unavailable"]


class NoPassword(exceptions.RedisError):
    """The password can't be had. One of redis-py's errors, so that redis-py closes the connection; holds no secret."""


_PASSWORD = "Check user name and password; the password of an ACL user is set with ACL SETUSER."
_FAILOVER = "Nothing, if a failover is going on. Otherwise give the address of the primary, or of its Sentinels."

# By the code that a reply begins with; see "Error replies" in the Redis protocol specification. What to do comes last.
_REPLIES: dict[str, tuple[str, str]] = {
    "WRONGPASS": ("refuses the user name or the password", _PASSWORD),
    "NOAUTH": ("wants a user name and a password", "Put them into the URL, or give username=... and password=..."),
    "NOPERM": (
        "doesn't permit this user a command, key or channel that the store needs",
        "The how-to page of the Redis store has the ACL line with all that it needs.",
    ),
    "READONLY": ("is a replica, which can't be written", _FAILOVER),
    "MASTERDOWN": ("is a replica without its primary", _FAILOVER),
    "LOADING": ("is starting and still reads its data", "Wait."),
    "OOM": ("has no memory left", "Raise maxmemory, or find out what fills it; keep maxmemory-policy noeviction."),
    "MISCONF": ("can't write its data to the disk", "Look at the disk of the server, and at its log."),
    "NOREPLICAS": ("has fewer replicas than it must have to accept a write", "Look at its replicas."),
    "CLUSTERDOWN": ("is a cluster in which nodes are missing", "Look at the nodes: CLUSTER INFO, CLUSTER NODES."),
    "TRYAGAIN": ("is moving this slot to another node", "Wait."),
    "MOVED": ("is a cluster", "Give a URL that says so: redis+cluster://... or rediss+cluster://..."),
    "WRONGTYPE": ("has something else under the store's keys", "Give the store a prefix that nobody else uses."),
    "BUSY": ("runs somebody's script that doesn't end", "SCRIPT KILL ends it."),
}

_BY_CLASS: dict[type[Exception], str] = {
    exceptions.AuthenticationError: "WRONGPASS",
    exceptions.NoPermissionError: "NOPERM",
    exceptions.ReadOnlyError: "READONLY",
    exceptions.MasterDownError: "MASTERDOWN",
    exceptions.BusyLoadingError: "LOADING",
    exceptions.OutOfMemoryError: "OOM",
    exceptions.ClusterDownError: "CLUSTERDOWN",
    exceptions.SlotNotCoveredError: "CLUSTERDOWN",
    exceptions.TryAgainError: "TRYAGAIN",
    exceptions.MovedError: "MOVED",
}

_CODE = re.compile(r"\b(" + "|".join(_REPLIES) + r")\b")


def unavailable(problem: BaseException, place: str) -> StoreUnavailableError:
    """The error to raise, outside of the ``except`` block, so that it has no link to the original one.

    Args:
        problem: What was raised.
        place: Where the server is, without credentials.
    """
    chain = list(_chain(problem))
    for each in chain:
        if (code := _code(each)) is not None:
            what, hint = _REPLIES[code]
            return StoreUnavailableError(f"Redis at {place} {what} ({code}).", hint=hint)
    if isinstance(problem, exceptions.ResponseError):
        word = str(problem).partition(" ")[0]
        said = f" ({word})" if re.fullmatch(r"[A-Z]{2,20}", word) else ""
        return StoreUnavailableError(
            f"Redis at {place} refuses a command{said}.",
            hint="Is it Redis 5 or newer, or Valkey? The store needs EVAL, hashes and pub/sub.",
        )
    reason = next((reason for each in chain if (reason := _reason(each)) is not None), _by_kind(problem))
    return StoreUnavailableError(
        f"Redis at {place} can't be reached: {reason}.",
        hint="Check the address, that the server runs, and that nothing on the way (network policy, TLS) refuses.",
    )


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _code(problem: BaseException) -> str | None:
    if isinstance(problem, exceptions.AuthenticationError) and "required" in str(problem).lower():
        return "NOAUTH"
    for kind, code in _BY_CLASS.items():
        if isinstance(problem, kind):
            return code
    # Older servers put the code of what went wrong within a script somewhere into the text of another error.
    found = _CODE.search(str(problem)) if isinstance(problem, exceptions.ResponseError) else None
    return found[1] if found is not None else None


def _reason(problem: BaseException) -> str | None:
    """Why, in the words of the operating system or of TLS: those hold no secret."""
    if isinstance(problem, NoPassword):
        return str(problem)
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({problem.verify_message})"
    if isinstance(problem, ssl.SSLError):
        return f"TLS failed ({getattr(problem, 'reason', None) or 'no reason given'})"
    if isinstance(problem, (TimeoutError, exceptions.TimeoutError)):
        return "no answer in time"
    if isinstance(problem, exceptions.MaxConnectionsError):
        return "all connections are in use"
    return _said(problem) if isinstance(problem, OSError) else None


def _by_kind(problem: BaseException) -> str:
    if type(problem).__name__ == "MasterNotFoundError":
        return "no Sentinel that answers knows a primary of this name that is up"
    if isinstance(problem, (EOFError, exceptions.ConnectionError)):
        return "the connection was lost"
    return type(problem).__name__


def _said(problem: OSError) -> str | None:
    if isinstance(problem, socket.gaierror):
        return problem.strerror
    # Where a name has several addresses, asyncio raises one error whose text lists all, and which has no number.
    listed = re.search(r"\[Errno (\d+)\]", str(problem))
    number = problem.errno or (int(listed[1]) if listed else None)
    return os.strerror(number) if number else None
