"""One performance: orgs are set up, the crawl goes on, things happen, and what became of it is written down."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import anyio

from ..events import Event, InstanceMoved, RefreshFailed, SessionRejected, TokenAcquired
from ..manager import TokenManager
from ..status import OrgStatus
from .cast import Fate, Role, grant_for, roles, settings_for
from .crawl import PAGE_SIZE, Score, crawl_all
from .display import Display, Frame, Row
from .promises import Evidence
from .server import Server

__all__ = ["SPOILERS", "Script", "Stage"]

RATE: Final = 300.0
"""API requests per second that the crawl aims at, so that two ordinary cores carry client and server."""
FRAME: Final = 0.25
"""Seconds between two looks at the state of things."""

INCIDENTS: Final = {Fate.REVOKED: (0.4, "revoke"), Fate.MOVED: (0.6, "migrate")}
"""When it happens, as a share of the whole time, and what the simulator is told."""

SPOILERS: Final[dict[str, dict[str, Any]]] = {
    "api": {"path": "/services/data/*", "cut": True},
    "token": {"path": "/services/oauth2/token", "status": 503},
}
"""Faults that no client can make up for."""
SPOILT_AT: Final = 0.3
"""As a share of the whole time: before the admin ends sessions, so that a token request is sure to follow."""


KNOWN_FROM: Final = {"jwt": "exp", "introspection": "introspection", "assumed": "assumed", "learned": "401s"}
"""What tells how long a token lives, in few letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the command line says.

    Attributes:
        spoiler: A key of `SPOILERS`: which promise to break.
    """

    seconds: float
    tasks: int
    seed: int
    spoiler: str | None = None


class Stage:
    """The orgs, who plays them, and what is noted of them."""

    def __init__(self, server: Server, script: Script, display: Display) -> None:
        self._server = server
        self._script = script
        self._display = display
        self._random = Random(script.seed)
        self._roles: dict[str, Role] = dict(zip(server.orgs, roles(len(server.orgs), self._random), strict=True))
        number = len(self._roles)
        self._tasks = {org: len(range(place, script.tasks, number)) for place, org in enumerate(self._roles)}
        self._scores = {org: Score() for org in self._roles}
        self._remarks = dict.fromkeys(self._roles, "")
        self._began = 0.0

    async def play(self) -> Evidence:
        """From the first token to the last answer."""
        for org, role in self._roles.items():
            await self._server.do("set", org=org, **settings_for(role, page_size=PAGE_SIZE))
        async with TokenManager(hook=self._note) as manager:
            for org, role in self._roles.items():
                grant = grant_for(role, self._server.orgs[org])
                manager.add(org, grant, org=self._server.url, assumed_lifetime=role.assumed_lifetime)
            self._began = time.monotonic()
            with self._display:
                async with anyio.create_task_group() as meanwhile:
                    meanwhile.start_soon(self._show, manager)
                    meanwhile.start_soon(self._happen)
                    await self._crawl(manager)
                    meanwhile.cancel_scope.cancel()
                self._display.show(self._frame(manager))
            return await self._evidence(manager)

    async def _crawl(self, manager: TokenManager) -> None:
        await crawl_all(
            manager,
            self._tasks,
            self._scores,
            pause=self._script.tasks / RATE,
            left=lambda: self._script.seconds - self._elapsed(),
            random=self._random,
        )

    async def _happen(self) -> None:
        if self._script.spoiler is not None:
            await self._until(SPOILT_AT)
            await self._server.do("fail_next", **SPOILERS[self._script.spoiler])
        for fate, (share, action) in INCIDENTS.items():
            await self._until(share)
            for org in (org for org, role in self._roles.items() if role.fate is fate):
                await self._server.do(action, org=org)
                self._display.say(f"{self._elapsed():5.1f} s  {org}: {fate.value}")

    async def _until(self, share: float) -> None:
        await anyio.sleep(share * self._script.seconds - self._elapsed())

    async def _show(self, manager: TokenManager) -> None:
        while True:
            self._display.show(self._frame(manager))
            await anyio.sleep(FRAME)

    async def _evidence(self, manager: TokenManager) -> Evidence:
        # The server's counts and the manager's have to be from one moment: one at which nothing is under way.
        while True:
            before = _account(manager)
            counts = await self._server.counts()
            if None not in before.values() and before == _account(manager):
                break
            await anyio.sleep(FRAME)
        return Evidence(
            roles=self._roles,
            tasks=self._tasks,
            scores=self._scores,
            generations={org: status.generation for org, status in manager.status().items()},
            counts=counts,
        )

    # ---------------------------------------------------------------- what is seen

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _frame(self, manager: TokenManager) -> Frame:
        rows = tuple(self._row(status) for status in manager.status().values())
        return Frame(elapsed=self._elapsed(), rows=rows)

    def _row(self, status: OrgStatus) -> Row:
        role = self._roles[status.key]
        left = None
        if status.expires_in is not None and status.lifetime:
            left = max(0.0, status.expires_in / status.lifetime)
        return Row(
            org=status.key,
            login=role.login.value,
            tokens=role.kind,
            known_from=KNOWN_FROM.get(status.lifetime_source or "", ""),
            generation=status.generation,
            state=status.state.value,
            left=left,
            answered=self._scores[status.key].answered,
            remark=self._remarks[status.key] or role.fate.value,
        )

    def _note(self, event: Event) -> None:
        """The manager's hook."""
        match event:
            case TokenAcquired(reissued=True):
                remark = "same session, alive"
            case TokenAcquired(waiters=0):
                remark = "new, none waited"
            case TokenAcquired(waiters=waiters):
                remark = f"new, {waiters} waited"
            case SessionRejected(age=age):
                remark = f"401 after {age:.1f} s"
            case InstanceMoved(new=new):
                remark = f"moved to {new}"
            case RefreshFailed(error=error):
                remark = f"{error}"
            case _:
                return
        self._remarks[event.org] = remark


def _account(manager: TokenManager) -> dict[str, tuple[int, int] | None]:
    """Generation and token requests of each org; None while a token request is under way."""
    return {
        status.key: None if status.state.value == "refreshing" else (status.generation, status.token_requests)
        for status in manager.status().values()
    }
