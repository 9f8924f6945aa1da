"""A web app as small as can be, with a callback URL for a browser to come back to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class App:
    """It notes each callback that a browser brings."""

    def __init__(self) -> None:
        self.callbacks: list[str] = []
        self.redirect_uri = ""
        self.connections: set[asyncio.StreamWriter] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one page."""
        self.connections.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:  # a browser connects ahead of time, and may not need it
            return
        target = head.split(" ")[1]
        known = urlsplit(target).path == urlsplit(self.redirect_uri).path
        if known:
            self.callbacks.append(target)
        body = b"<!DOCTYPE html><html lang=en><title>App</title><h1>Back in the app</h1></html>"
        status = "200 OK" if known else "404 Not Found"
        lines = (
            f"HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        writer.write(lines.encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def serve_app() -> AsyncIterator[App]:
    """The app on a free port of this machine."""
    app = App()
    server = await asyncio.start_server(app.answer, "127.0.0.1", 0)
    app.redirect_uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback"
    async with server:
        yield app
        for connection in app.connections:
            connection.close()
        await asyncio.gather(*(each.wait_closed() for each in app.connections), return_exceptions=True)
