"""Scheduled faults: what the network and Salesforce's edge do to a client now and then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FaultBody = Literal["html", "garbage", "truncated", "empty"]

MAINTENANCE_PAGE = b"""<!DOCTYPE html>
<html><head><title>We are down for maintenance.</title></head>
<body><h1>Data Not Available</h1><p>The data you were trying to access could not be found.
It may be due to maintenance. Sorry for the inconvenience.</p></body></html>
"""

_BODIES: dict[str, tuple[bytes, str]] = {
    "html": (MAINTENANCE_PAGE, "text/html; charset=utf-8"),
    "garbage": (b"\x00\xff\xfe}{ not json \x80", "application/json;charset=UTF-8"),
    "truncated": (b'{"access_token": "00D', "application/json;charset=UTF-8"),
    "empty": (b"", "application/json;charset=UTF-8"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the next requests that match.

    Attributes:
        org: Key of the org; None: any. The org is found as the simulator itself finds it: host, bearer, form fields.
        path: Exact path, or a prefix ending in ``*``; None: any.
        times: How many requests meet it.
        delay: Seconds before anything is answered. A fault with nothing but a delay is answered truly afterwards.
        status: HTTP status; None with a `body`: 200.
        retry_after: Seconds, or an HTTP date, for the ``Retry-After`` header.
        body: ``html`` (a maintenance page), ``garbage``, ``truncated`` (JSON that breaks off), ``empty``, or bytes.
        headers: More headers of the answer, for example ``location``.
        cut: The connection breaks instead of an answer.
        after: The request takes effect first, and only its answer is lost to this fault. Without it the request
            never reaches the org.
    """

    org: str | None = None
    path: str | None = None
    times: int = 1
    delay: float = 0.0
    status: int | None = None
    retry_after: float | str | None = None
    body: FaultBody | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    after: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.body, str) and self.body not in _BODIES:
            raise ValueError(f"unknown body {self.body!r}; there are {', '.join(_BODIES)} and bytes")
        if self.times < 1:
            raise ValueError("a fault happens at least once")

    @property
    def only_delays(self) -> bool:
        """True when the request is answered truly after all."""
        return self.status is None and self.body is None and not self.cut

    def matches(self, path: str, org: str | None) -> bool:
        """Whether a request to this path of this org meets it."""
        if self.org is not None and self.org != org:
            return False
        if self.path is None:
            return True
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if self.body is None:
            content, content_type = _BODIES["html" if (self.status or 500) >= 500 else "empty"]
        elif isinstance(self.body, bytes):
            content, content_type = self.body, "application/octet-stream"
        else:
            content, content_type = _BODIES[self.body]
        headers = {"content-type": content_type, "content-length": str(len(content))}
        if self.retry_after is not None:
            wait = self.retry_after
            headers["retry-after"] = wait if isinstance(wait, str) else f"{wait:g}"
        return self.status or 200, {**headers, **{name.lower(): value for name, value in self.headers.items()}}, content


class FaultSchedule:
    """The faults still to come, in the order in which they were scheduled."""

    def __init__(self) -> None:
        self._pending: list[tuple[Fault, int]] = []

    def __bool__(self) -> bool:
        return bool(self._pending)

    def __len__(self) -> int:
        return sum(times for _, times in self._pending)

    @property
    def needs_org(self) -> bool:
        """Whether any pending fault is meant for one org only, so that the org must be found first."""
        return any(fault.org is not None for fault, _ in self._pending)

    def add(self, fault: Fault) -> None:
        """Schedule a fault."""
        self._pending.append((fault, fault.times))

    def take(self, path: str, org: str | None) -> Fault | None:
        """The first fault that matches, used up by one."""
        for index, (fault, left) in enumerate(self._pending):
            if fault.matches(path, org):
                self._pending[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None

    def clear(self) -> None:
        """Forget all pending faults."""
        self._pending.clear()
