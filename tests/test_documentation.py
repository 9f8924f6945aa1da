"""The documentation does what it says: its Python runs, against the simulator, under Salesforce's host names.

What a page may count on: the org ``acme`` at https://acme.my.salesforce.com, whose app has the consumer key ``3MVG9…``,
the secret ``secret`` and the callback URLs below, whose user is ``etl@acme.com`` with the password ``password``, and
whose private key lies in ``server.key``; ``ann@acme.com``, another user; its site https://acme.my.site.com/customers
with the user ``ann@customer.example``; a refresh token ``5Aep8…``; and more orgs in ``orgs.csv``. A ``toml`` block that
opens with ``# sfauth.toml`` is that file, and what a ``sh`` block exports is exported. Top-level ``await`` works, and
names live on through a page.

Blocks in HTML comments (``<!-- invisible-code-block: python``) are not seen by the reader: they let time pass, or check
what the page says. For them there are ``simulator`` and ``await log_in(url, username)``, a person with a browser, who
logs in and is sent back to the callback that it returns.
"""

from __future__ import annotations

import ast
import asyncio
import csv
import inspect
import random
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser

from sfauth.simulator import Simulator
from tests.simulator.browsing import Browser

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

CONSUMER_KEY = "3MVG9…"
CONSUMER_SECRET = "secret"
USERNAME = "etl@acme.com"
PASSWORD = "password"
REFRESH_TOKEN = "5Aep8…"
SITE = "https://acme.my.site.com/customers"
CALLBACK_URLS = ("https://app.example.com/callback", "myapp://oauth/callback")
MORE_ORGS = 40


@pytest.fixture
def salesforce(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Simulator:
    """Every httpx client of this process reaches the simulator and nothing else; the private key is in `server.key`."""
    simulator = Simulator(random=random.Random(1))
    with Path(tmp_path / "orgs.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["key", "url", "username"])
        for number in range(MORE_ORGS):
            org = simulator.add_org(f"customer{number}")
            org.app.client_id = CONSUMER_KEY
            rows.writerow([org.key, org.my_domain, org.user.username])
    org = simulator.add_org("acme", site_url=SITE)
    org.app.client_id, org.app.client_secret = CONSUMER_KEY, CONSUMER_SECRET
    org.app.callback_urls = CALLBACK_URLS
    org.user.username, org.user.password = USERNAME, PASSWORD
    org.add_user("ann@acme.com")
    org.add_user("ann@customer.example", external=True)
    approval = simulator.approvals.find(org.issue_refresh_token())
    assert approval is not None
    approval.refresh_token = REFRESH_TOKEN
    simulator.approvals._by_token[REFRESH_TOKEN] = approval
    (tmp_path / "server.key").write_text(org.app.private_key_pem)
    monkeypatch.chdir(tmp_path)
    network = httpx.ASGITransport(app=simulator)

    async def handle(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return await network.handle_async_request(request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    return simulator


class Page:
    """Runs the blocks of one page, in order."""

    def __init__(self, path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.monkeypatch = monkeypatch
        self.simulator = simulator
        self.names: dict[str, Any] = {"__name__": "documentation", "simulator": simulator, "log_in": self.log_in}
        parsers = [
            CodeBlockParser("python", evaluator=self.run),
            CodeBlockParser("toml", evaluator=self.write),
            CodeBlockParser("sh", evaluator=self.export),
        ]
        self.document = Document.parse(str(path), *parsers, encoding="utf-8")

    def evaluate(self) -> None:
        with asyncio.Runner() as self.runner:
            for example in self.document.examples():
                example.evaluate()

    async def log_in(self, url: str, username: str) -> str:
        """A person opens the URL, logs in, and allows what is asked. Returns the callback."""
        org = self.simulator.orgs["acme"]
        browser = Browser(SimpleNamespace(simulator=self.simulator, org=org), at=urljoin(url, "/"))
        await browser.get(url)
        await browser.log_in(next(user for user in org.users if user.username == username))
        if browser.callback is None:
            await browser.submit("Allow")
        assert isinstance(browser.callback, str), browser.page.text
        return browser.callback

    def run(self, example: Example) -> None:
        # Blank lines in front make a traceback name the page's own line.
        source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
        code = compile(source, str(self.path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        if code.co_flags & inspect.CO_COROUTINE:
            self.runner.run(eval(code, self.names))
        else:
            exec(code, self.names)

    def write(self, example: Example) -> None:
        if named := re.match(r"# ([\w.-]+\.toml)\n", example.parsed):
            Path(named[1]).write_text(example.parsed, encoding="utf-8")

    def export(self, example: Example) -> None:
        for name, value in re.findall(r"^export (\w+)=(\S+)$", example.parsed, re.MULTILINE):
            self.monkeypatch.setenv(name, value)


@pytest.mark.filterwarnings("ignore::sfauth.LegacyFlowWarning")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_in_the_documentation_runs(path: Path, salesforce: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    Page(path, salesforce, monkeypatch).evaluate()
