"""A server that costs little, in a process and, where the system allows it, on a core of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .canned import limits_reply, token_reply

__all__ = ["app", "cores_apart", "serving"]

ROOT = Path(__file__).parent.parent


async def app(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """The two answers of `benchmarks.canned`, over HTTP."""
    if scope["method"] == "POST":
        body = token_reply(f"http://{dict(scope['headers'])[b'host'].decode()}")
        while (await receive()).get("more_body"):
            pass
    else:
        body = limits_reply()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving() -> Iterator[str]:
    """The server's URL, as long as it's served."""
    # It listens before the server is there to accept, so there is no readiness to wait for.
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        # Inherited by what is accepted. uvicorn takes the socket for one of another family, so that asyncio doesn't set
        # it; without it each answer waits 40 ms for an acknowledgement of its headers, and hides the client's share.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        command = [sys.executable, "-m", "uvicorn", "benchmarks.server:app", "--fd", str(listening.fileno())]
        command += ["--log-level", "critical", "--lifespan", "off", "--no-access-log"]
        server = subprocess.Popen(command, cwd=ROOT, pass_fds=[listening.fileno()])
        try:
            with cores_apart(server.pid):
                yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.terminate()
            server.wait(10)


@contextmanager
def cores_apart(pid: int) -> Iterator[None]:
    """This process on one core, the other on the rest: otherwise they take turns, and the scheduler is measured."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    ours = {max(allowed)}
    try:
        if theirs := allowed - ours:
            os.sched_setaffinity(pid, theirs)
            os.sched_setaffinity(0, ours)
        yield
    finally:
        os.sched_setaffinity(0, allowed)
