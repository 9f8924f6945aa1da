"""The documentation does what it says: its Python runs, against the simulator, under Salesforce's host names.

What a page may count on: the org ``acme`` at https://acme.my.salesforce.com, whose app has the consumer key ``3MVG9…``
and the secret ``secret``, whose user is ``etl@acme.com``, and whose private key lies in ``server.key``. A ``toml``
block that opens with ``# sfauth.toml`` is that file. Top-level ``await`` works, and names live on through a page.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import random
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser

from sfauth.simulator import Simulator

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

CONSUMER_KEY = "3MVG9…"
CONSUMER_SECRET = "secret"
USERNAME = "etl@acme.com"


@pytest.fixture
def salesforce(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Simulator:
    """Every httpx client of this process reaches the simulator and nothing else; the private key is in `server.key`."""
    simulator = Simulator(random=random.Random(1))
    org = simulator.add_org("acme")
    org.app.client_id, org.app.client_secret = CONSUMER_KEY, CONSUMER_SECRET
    org.user.username = USERNAME
    (tmp_path / "server.key").write_text(org.app.private_key_pem)
    monkeypatch.chdir(tmp_path)
    network = httpx.ASGITransport(app=simulator)

    async def handle(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return await network.handle_async_request(request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    return simulator


class Page:
    """Runs the blocks of one page, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, Any] = {"__name__": "documentation"}
        parsers = [CodeBlockParser("python", evaluator=self.run), CodeBlockParser("toml", evaluator=self.write)]
        self.document = Document.parse(str(path), *parsers, encoding="utf-8")

    def evaluate(self) -> None:
        with asyncio.Runner() as self.runner:
            for example in self.document.examples():
                example.evaluate()

    def run(self, example: Example) -> None:
        # Blank lines in front make a traceback name the page's own line.
        source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
        code = compile(source, str(self.path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            self.runner.run(eval(code, self.names))
        else:
            exec(code, self.names)

    def write(self, example: Example) -> None:
        if named := re.match(r"# ([\w.-]+\.toml)\n", example.parsed):
            Path(named[1]).write_text(example.parsed)


@pytest.mark.usefixtures("salesforce")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_in_the_documentation_runs(path: Path) -> None:
    Page(path).evaluate()
