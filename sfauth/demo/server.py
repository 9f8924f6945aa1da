"""The simulator in a process of its own, and its control endpoints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
from anyio.streams.buffered import BufferedByteReceiveStream

__all__ = ["DidNotStart", "Server", "serve"]

LONGEST_LINE = 16 * 1024 * 1024
SHUTDOWN = 5.0
"""Seconds that the simulator gets to close its connections."""


class DidNotStart(Exception):
    """The simulator's process ended before it served; it has said why on standard error."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running simulator.

    Attributes:
        url: A login host and the My Domain of every org.
        orgs: Credentials by key.
    """

    url: str
    orgs: Mapping[str, Mapping[str, Any]] = field(repr=False)
    _http: httpx.AsyncClient = field(repr=False)

    async def do(self, action: str, **arguments: Any) -> dict[str, Any]:
        """``revoke``, ``migrate``, ``set``, ``fail_next``, … with ``org=…``."""
        reply = await self._http.post(f"/_simulator/{action}", json=arguments)
        result: dict[str, Any] = reply.raise_for_status().json()
        return result

    async def counts(self) -> dict[str, Any]:
        """What was served: ``{"total": {...}, "orgs": {key: {...}}}``."""
        result: dict[str, Any] = (await self._http.get("/_simulator/counts")).raise_for_status().json()
        return result


@asynccontextmanager
async def serve(*, orgs: int, seed: int) -> AsyncIterator[Server]:
    """``sfauth simulate`` as a child process that ends with this context, or with this process however that ends.

    Raises:
        DidNotStart: It ended before it listened.
    """
    command = [sys.executable, "-m", "sfauth", "simulate", "--json", "--until-eof"]
    # A session of its own: Ctrl-C is for us, and it ends when its standard input does.
    process = await anyio.open_process(
        [*command, f"--orgs={orgs}", f"--seed={seed}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None,
        start_new_session=True,
    )
    async with process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", LONGEST_LINE)
        except (anyio.IncompleteRead, anyio.EndOfStream):
            raise DidNotStart from None
        announced = json.loads(line)
        try:
            async with httpx.AsyncClient(base_url=announced["url"], trust_env=False, timeout=30.0) as http:
                yield Server(announced["url"], {org["key"]: org for org in announced["orgs"]}, http)
        finally:
            with anyio.move_on_after(SHUTDOWN, shield=True):
                await process.stdin.aclose()
                await process.wait()
