"""One request on its way through the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from starlette.requests import Request
from starlette.types import Message, Receive

if TYPE_CHECKING:
    from .org import SimulatedOrg
    from .places import Place
    from .sessions import Session
    from .simulator import Simulator


@dataclass(slots=True)
class Exchange:
    """What is known of a request.

    Attributes:
        now: Unix seconds at which the request came in, by the simulator's clock.
        org: The org it turned out to be for.
        error: What was wrong with it, for the log: a code, never a text that could hold a secret.
    """

    simulator: Simulator
    place: Place
    now: float
    org: SimulatedOrg | None = None
    session: Session | None = None
    error: str | None = None

    @property
    def org_key(self) -> str | None:
        """The org's key for counts and log."""
        return None if self.org is None else self.org.key


def exchange_of(request: Request) -> Exchange:
    """The exchange that a Starlette request belongs to."""
    return cast("Exchange", request.scope["exchange"])


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line of the simulator's log. It holds no query, no header and no body, and so no secret.

    Attributes:
        time: Unix seconds by the simulator's clock.
    """

    time: float
    org: str | None
    method: str
    path: str
    status: int
    error: str | None


def replay(body: bytes) -> Receive:
    """A `receive` that hands out a body that was already read."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive
