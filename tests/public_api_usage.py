"""What users write, as the type checkers see it. Never run: mypy and basedpyright, both strict, read it (nox -s types).

A name that came out untyped, a protocol that its own implementation doesn't meet, or a parameter that refuses what the
documentation shows, is an error here.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import assert_type

import httpx

import sfauth


async def secret_from_a_vault() -> str:
    return "secret"


def grants() -> list[sfauth.Grant]:
    return [
        sfauth.JWTBearerGrant(client_id="key", username="etl@acme.com", private_key=Path("server.key")),
        sfauth.JWTBearerGrant(client_id="key", username="etl@acme.com", private_key=b"PEM", passphrase="words"),
        sfauth.ClientCredentialsGrant(client_id="key", client_secret=secret_from_a_vault),
        sfauth.ClientCredentialsGrant(client_id="key", client_secret=lambda: "secret"),
        sfauth.RefreshTokenGrant(client_id="key", refresh_token="token"),
        sfauth.UsernamePasswordGrant(client_id="key", client_secret="secret", username="a@b.c", password="password"),
    ]


async def service() -> None:
    async with sfauth.TokenManager() as manager:
        manager.add("acme", grants()[0], org="https://acme.my.salesforce.com")
        manager.add("beta", grants()[1], org=sfauth.Org("beta", sandbox=True))
        client = manager.client("acme", timeout=10)
        assert_type(client, sfauth.SalesforceClient)
        reply = await client.get("/services/data/v66.0/limits")
        assert_type(reply, httpx.Response)
        token = await manager.token("acme")
        assert_type(token, sfauth.Token)
        assert_type(token.access_token, str)
        assert_type(token.expires_at, float | None)
        assert_type(token.instance_url, str | None)
        assert_type(await manager.refresh("acme"), sfauth.Token)
        manager.invalidate("acme")
        manager.reset("acme")
        await manager.revoke("acme")
        manager.remove("beta")
        for key, status in manager.status().items():
            assert_type(key, str)
            assert_type(status, sfauth.OrgStatus)
            assert_type(status.state, sfauth.State)
            assert_type(status.last_error, str | None)


async def own_client(manager: sfauth.TokenManager) -> None:
    source = manager.source("acme")
    assert_type(source, sfauth.TokenSource)
    assert_type(await source.acquire(), sfauth.Token)
    async with httpx.AsyncClient(auth=sfauth.SalesforceAuth(source)) as client:
        await client.get("https://acme.my.salesforce.com/services/data")


def store() -> sfauth.TokenStore:
    return sfauth.MemoryStore()


def configured() -> list[sfauth.TokenManager]:
    return [
        sfauth.TokenManager.from_env(),
        sfauth.TokenManager.from_env({"A": "b"}, prefix="ACME"),
        sfauth.TokenManager.from_file("sfauth.toml"),
        sfauth.TokenManager(clock=sfauth.SystemClock(), random=Random(1), store=store()),
        sfauth.TokenManager(hook=on_event, limits=httpx.Limits(max_connections=50), proxy="http://proxy:3128"),
    ]


def on_event(event: sfauth.Event) -> None:
    match event:
        case sfauth.TokenAcquired():
            assert_type(event.lifetime, float)
        case sfauth.RefreshFailed():
            assert_type(event.retry_in, float | None)
        case _:
            sfauth.log_event(event)


async def errors(manager: sfauth.TokenManager) -> float | None:
    try:
        await manager.token("acme")
    except sfauth.TryLaterError as error:
        return error.retry_after
    except (sfauth.LoginRequiredError, sfauth.ConfigurationError) as error:
        assert_type(error.hint, str | None)
    return None
