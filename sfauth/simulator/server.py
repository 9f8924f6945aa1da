"""The simulator over TCP: one uvicorn server on several loopback ports."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

import anyio
import uvicorn
from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from .simulator import Simulator

BACKLOG = 4096
KEEP_ALIVE = 75.0  # seconds; longer than clients keep idle connections, so that it is they who close them
SHUTDOWN = 2.0  # seconds for requests that are still being answered


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A simulator that listens.

    Attributes:
        urls: All loopback origins. Each is a login host and the My Domain of every org.
    """

    simulator: Simulator
    urls: tuple[str, ...]

    @property
    def url(self) -> str:
        """The first origin: the instance on which all orgs begin."""
        return self.urls[0]


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which belong to whoever runs us; it tells when it listens."""

    def __init__(self, app: _OverTCP, listening: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                date_header=False,  # the simulator's clock tells the time
                backlog=BACKLOG,
                timeout_keep_alive=int(KEEP_ALIVE),
                timeout_graceful_shutdown=int(SHUTDOWN),
            )
        )
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _OverTCP:
    """Tells the simulator how to cut a connection, which ASGI has no word for."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's `send` is a method of the object that owns the transport.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is not None:
            scope.setdefault("extensions", {})["sfauth.simulator.cut"] = transport.abort
        await self._simulator(scope, receive, send)


@asynccontextmanager
async def serve(
    simulator: Simulator, *, ports: int | Sequence[int] = 1, host: str = "127.0.0.1"
) -> AsyncIterator[RunningServer]:
    """Serve while the context is open: in this event loop on asyncio, in a thread of its own on trio.

    Args:
        ports: How many ports, chosen by the system; or which ones (0: chosen by the system).
        host: A loopback address.
    """
    numbers = [0] * ports if isinstance(ports, int) else list(ports)
    if not numbers:
        raise ValueError("at least one port is needed")
    if simulator.origins:
        raise RuntimeError("this simulator is already being served")
    sockets = [_listen(host, number) for number in numbers]
    origins = tuple(f"http://{host}:{sock.getsockname()[1]}" for sock in sockets)
    _move_in(simulator, origins)
    try:
        runner = _in_this_loop if _on_asyncio() else _in_a_thread
        async with runner(simulator, sockets):
            yield RunningServer(simulator, origins)
    finally:
        _move_out(simulator)
        for sock in sockets:
            sock.close()


@asynccontextmanager
async def _in_this_loop(simulator: Simulator, sockets: list[socket.socket]) -> AsyncIterator[None]:
    listening = asyncio.Event()
    server = _Server(_OverTCP(simulator), listening.set)
    running = asyncio.create_task(server.serve(sockets))
    started = asyncio.create_task(listening.wait())
    await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    try:
        yield
    finally:
        server.should_exit = True
        with anyio.CancelScope(shield=True):
            await running
            await asyncio.sleep(0)  # what uvicorn has closed is gone with the loop's next turn


@asynccontextmanager
async def _in_a_thread(simulator: Simulator, sockets: list[socket.socket]) -> AsyncIterator[None]:
    listening = threading.Event()
    server = _Server(_OverTCP(simulator), listening.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets)), name="sfauth-simulator", daemon=True)
    thread.start()
    await anyio.to_thread.run_sync(listening.wait)
    try:
        yield
    finally:
        server.should_exit = True
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(thread.join)


def run_until_signal(simulator: Simulator, *, ports: Sequence[int], ready: Callable[[RunningServer], None]) -> None:
    """Block, serving, until SIGINT or SIGTERM; `ready` is called once the ports are open."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop_soon(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop.set)

        before = {number: signal.signal(number, stop_soon) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            async with serve(simulator, ports=ports) as server:
                ready(server)
                await stop.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(main())


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _listen(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def _move_in(simulator: Simulator, origins: tuple[str, ...]) -> None:
    simulator.origins = origins
    for org in simulator.orgs.values():
        org.loopback_origin = origins[0]


def _move_out(simulator: Simulator) -> None:
    simulator.origins = ()
    for org in simulator.orgs.values():
        org.loopback_origin = None
