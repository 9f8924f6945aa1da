"""Real processes and a simulated Salesforce over TCP for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

from sfauth.simulator import SimulatedOrg, Simulator

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LINE = 1_000_000


class Child:
    """One `worker.py`."""

    def __init__(self, process: anyio.abc.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._in, self._out = process.stdin, BufferedByteReceiveStream(process.stdout)

    async def heard(self) -> dict[str, Any]:
        """The next line that it says."""
        said: dict[str, Any] = json.loads(await self._out.receive_until(b"\n", LINE))
        return said

    async def ready(self) -> None:
        assert (await self.heard())["ready"] == self.process.pid

    async def begin(self, name: str, **arguments: Any) -> None:
        await self._in.send(json.dumps([name, arguments]).encode() + b"\n")

    async def do(self, name: str, **arguments: Any) -> Any:
        await self.begin(name, **arguments)
        return (await self.heard())["answer"]

    async def comes_to(self, moment: str) -> None:
        """Wait until a signal was raised at this moment, and has worked."""
        assert (await self.heard()) == {"moment": moment}
        stat = Path(f"/proc/{self.process.pid}/stat")
        while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "TZX":  # noqa: ASYNC240
            await anyio.sleep(0.005)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def children(number: int, spec: str, key: str, *, lease: float = 60.0) -> AsyncIterator[list[Child]]:
    """So many workers on one store; killed in the end, whatever state they are in."""
    command = [sys.executable, str(HERE / "worker.py"), spec, str(lease)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SFAUTH_STORE_KEY": key, "PYTHONWARNINGS": "error"}
    processes = [
        await anyio.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, env=environment)
        for _ in range(number)
    ]
    try:
        workers = [Child(process) for process in processes]
        for worker in workers:
            await worker.ready()
        yield workers
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
        with anyio.CancelScope(shield=True):
            for process in processes:
                await process.wait()
                await process.aclose()


class Salesforce:
    """A simulator over TCP whose clock can be set ahead, and whose answers can be held back."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.released = anyio.Event()
        self.simulator = Simulator(now=lambda: time.time() + self.ahead, sleep=self._held)
        self.url = ""

    async def _held(self, seconds: float) -> None:
        await self.released.wait()

    def add_org(self, key: str, *, rotating: bool) -> SimulatedOrg:
        return self.simulator.add_org(key, rotate_refresh_tokens=rotating, session_timeout=7200.0)

    async def introduce(self, org: SimulatedOrg, *workers: Child) -> None:
        """All of them get the same refresh token, as processes with the same configuration have."""
        credentials = {
            "client_id": org.app.client_id,
            "client_secret": org.app.client_secret,
            "refresh_token": org.issue_refresh_token(),
        }
        for worker in workers:
            await worker.do("add", key=org.key, url=self.url, **credentials)

    async def advance(self, seconds: float, *workers: Child) -> None:
        """Time goes on for everybody."""
        self.ahead += seconds
        for worker in workers:
            await worker.do("advance", seconds=seconds)

    def token_requests(self, org: SimulatedOrg) -> dict[str, int]:
        """By outcome."""
        return {outcome: n for (_, outcome), n in self.simulator.counts[org.key].token_requests.items()}


@asynccontextmanager
async def salesforce() -> AsyncIterator[Salesforce]:
    world = Salesforce()
    async with world.simulator.serve() as server:
        world.url = server.url
        yield world
