"""`sfauth simulate` as a process: what it announces is enough for a real client, and it ends when told to."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from sfauth import ClientCredentialsGrant, Grant, JWTBearerGrant, RefreshTokenGrant, TokenManager

from .conftest import ROOT, command


@pytest.fixture
def anyio_backend() -> str:
    """The client is the same on all of them; here it is about the process."""
    return "asyncio"


@contextmanager
def simulating(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    with subprocess.Popen(
        command("simulate", "--json", *arguments),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def grants(org: dict[str, Any]) -> list[Grant]:
    client = {"client_id": org["client_id"]}
    secret = {"client_secret": org["client_secret"]}
    key = Path(org["private_key_file"])
    return [
        JWTBearerGrant(**client, username=org["username"], private_key=key),
        ClientCredentialsGrant(**client, **secret),
        RefreshTokenGrant(**client, **secret, refresh_token=org["refresh_token"]),
    ]


async def test_what_it_announces_is_all_that_a_client_needs():
    with simulating("--orgs", "2", "--token-format", "mixed") as (process, announced):
        assert [org["token_format"] for org in announced["orgs"]] == ["opaque", "jwt"]
        async with TokenManager() as manager:
            for org in announced["orgs"]:
                for grant in grants(org):
                    manager.add("org", grant, org=announced["url"])
                    reply = await manager.client("org").get("/services/data/v66.0/limits")
                    assert reply.status_code == 200
        async with httpx.AsyncClient(base_url=announced["url"], trust_env=False) as control:
            counts = (await control.get("/_simulator/counts")).json()
        assert counts["total"]["api_requests"] == 6
        assert counts["total"]["dead_token_requests"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_no_key_behind(stop):
    with simulating("--orgs", "1") as (process, announced):
        key = Path(announced["orgs"][0]["private_key_file"])
        assert key.stat().st_mode & 0o077 == 0
        process.send_signal(stop)
        assert process.wait(10) == 0
        assert not key.exists()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_it_ends_with_the_program_that_holds_its_standard_input():
    with simulating("--orgs", "1", "--until-eof") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_port_that_is_taken_is_one_sentence():
    with simulating("--orgs", "1") as (_, announced):
        port = announced["url"].rpartition(":")[2]
        second = subprocess.run(
            command("simulate", "--orgs", "1", "--port", port),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert second.returncode == 1
        assert second.stderr.startswith(f"sfauth simulate: can't listen on port {port}: ")
        assert "Traceback" not in second.stderr
