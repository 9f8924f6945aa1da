"""Promise 19: no secret in anything that people or machines write down."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import traceback

import httpx
import pytest

from sfauth import InsecureFlows, RefreshTokenGrant, UsernamePasswordGrant, log_event
from sfauth.grants import username_password
from sfauth.stores import MemoryStore
from tests.support import ACME, Endpoint, World, calls, credentials, outcomes, refused, reply, settle

SECRETS = {
    "client secret": "PLANTEDclientsecret",
    "refresh token": "5Aep861PLANTEDrefresh",
    "rotated refresh token": "5Aep861PLANTEDrotated",
    "access token": "00D000000000001!PLANTEDaccess",
    "id token": "eyJQTEFOVEVE.PLANTEDid.sig",
    "password": "PLANTEDpassword",
    "security token": "PLANTEDsecuritytoken",
    "session in a field of its own": "PLANTEDsid",
}


def check(text, where):
    text = text if isinstance(text, str) else repr(text)
    for name, secret in SECRETS.items():
        assert secret not in text, f"the {name} is shown in {where}"
    assert "PLANTED" not in text, f"something secret is shown in {where}"


def check_error(error, where):
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        check(str(error), f"str of {where}")
        check(repr(error), f"repr of {where}")
        check(repr(error.args), f"args of {where}")
        check(repr(vars(error)), f"attributes of {where}")
        check("".join(traceback.format_exception(error)), f"traceback of {where}")
        error = error.__cause__ or error.__context__


def grant():
    return RefreshTokenGrant(
        client_id="3MVG9consumerkey",
        client_secret=SECRETS["client secret"],
        refresh_token=SECRETS["refresh token"],
    )


def full_reply(**fields):
    return reply(
        **{
            "access_token": SECRETS["access token"],
            "refresh_token": SECRETS["rotated refresh token"],
            "id_token": SECRETS["id token"],
            "sid": SECRETS["session in a field of its own"],
            **fields,
        }
    )


# What a server could echo: things that were in the request, and things that look like a token of Salesforce.
ECHO = " ".join(SECRETS[name] for name in ("client secret", "refresh token", "access token", "id token"))
FAILURES = {
    "refused": refused("invalid_grant", f"expired access/refresh token: {ECHO}"),
    "unknown error": refused(f"strange_{SECRETS['client secret']}", ECHO),
    "rate limit": refused("rate_limit_exceeded", ECHO, status=429, headers={"retry-after": "5"}),
    "html": httpx.Response(503, html=f"<html>{ECHO}</html>"),
    "garbage": httpx.Response(200, content=f"{{{ECHO}".encode()),
    "a list": httpx.Response(200, json=[ECHO]),
    "no token": httpx.Response(200, json={"access_token": None, "refresh_token": SECRETS["rotated refresh token"]}),
    "a foreign host": full_reply(instance_url="https://evil.example"),
    "redirect": httpx.Response(302, headers={"location": f"https://evil.example/?{ECHO}"}),
    "connection": httpx.ConnectError(f"refused {ECHO}"),
    "read": httpx.ReadTimeout(f"while sending {ECHO}"),
}


@pytest.fixture
def everything_logged(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


def check_log(caplog):
    for record in caplog.records:
        if record.name.startswith(("asyncio", "trio")):
            continue
        check(record.getMessage(), f"the log of {record.name}")
        check(repr(record.args), f"the arguments of a log record of {record.name}")
        check(repr(getattr(record, "sfauth", "")), "extra of a log record")
        if record.exc_info:
            check("".join(traceback.format_exception(*record.exc_info)), "a logged traceback")


def check_world(world, manager):
    source = manager.source("acme")
    for name, value in {
        "a manager": manager,
        "a source": source,
        "a grant": source.grant,
        "a token": source.current,
        "status": manager.status(),
        "the runtime": manager._runtime,
        "a flight": source.flight,
        "a failure": source.failure,
        "a client": manager.client("acme"),
        "its auth": manager.client("acme").auth,
        "events": world.events,
    }.items():
        check(repr(value), f"repr of {name}")
        check(str(value), f"str of {name}")
    for event in world.events:
        check(repr(dataclasses.asdict(event)), "an event's fields")
        check(pickle.dumps(event).decode("latin-1"), "a pickled event")
    for status in manager.status().values():
        check(pickle.dumps(status).decode("latin-1"), "a pickled status")


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES.keys())
async def test_no_failure_shows_a_secret(world, everything_logged, answer):
    def hook(event):
        world.events.append(event)
        log_event(event)

    async with world.scripted(answer, grant=grant(), hook=hook) as acme:
        for error in [
            *await outcomes(acme.token, times=2),
            *await outcomes(acme.manager.client("acme").get, "/services/data", times=1),
        ]:
            assert isinstance(error, Exception), "the login should have failed"
            check_error(error, "an error")
            check(pickle.dumps(error).decode("latin-1"), "a pickled error")
            check_error(pickle.loads(pickle.dumps(error)), "an unpickled error")
        check_world(world, acme.manager)
    check_log(everything_logged)


async def test_no_success_shows_a_secret(world, everything_logged):
    def hook(event):
        world.events.append(event)
        log_event(event)

    async with world.scripted(full_reply(), grant=grant(), hook=hook, introspect=True) as acme:
        token = await acme.token()
        check_world(world, acme.manager)
        await settle()
        acme.endpoint.last.answer(httpx.Response(200, json={"active": True, "username": "ada", "x": ECHO}))
        await settle()
        source = acme.source
        source.reject(source.generation)
        acme.endpoint.answers.append(full_reply(access_token="00D000000000001!PLANTEDsecond"))
        await acme.token()
        acme.endpoint.answers.append(httpx.Response(200))
        await acme.manager.revoke("acme")
        check_world(world, acme.manager)
        check(repr(token), "repr of a token")
    check_log(everything_logged)


async def test_no_record_of_a_store_shows_a_secret(world):
    store = MemoryStore()
    async with world.scripted(full_reply(), grant=grant(), store=store) as acme:
        await acme.token()
        for key, record in store._records.items():
            check(key, "a store's key")
            check(repr(record), "repr of a record")
        check(repr(store), "repr of a store")


async def test_a_flight_under_way_shows_no_secret(world):
    async with world.scripted(grant=grant()) as acme, calls() as start:
        start(acme.token)
        await settle()
        check_world(world, acme.manager)
        acme.endpoint.last.answer(full_reply())


async def test_the_url_of_a_token_request_holds_no_secret(world):
    async with world.scripted(full_reply(), httpx.Response(200), grant=grant()) as acme:
        await acme.token()
        await acme.manager.revoke("acme")
        for request in acme.endpoint.requests:
            check(str(request.request.url), "a URL")


async def test_the_history_of_a_response_holds_no_token_request(world):
    expired = httpx.Response(401, json=[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}])
    async with world.scripted(full_reply(), expired, reply(2), httpx.Response(200), grant=grant()) as acme:
        answer = await acme.manager.client("acme").get("/services/data")
        assert answer.status_code == 200
        for past in answer.history:
            assert "/services/oauth2/" not in str(past.url)


@pytest.mark.parametrize("thing", ["grant", "token", "manager", "source"])
async def test_what_holds_secrets_is_not_pickled(world, thing):
    async with world.scripted(full_reply(), grant=grant()) as acme:
        await acme.token()
        holders = {
            "grant": acme.source.grant,
            "token": acme.source.current,
            "manager": acme.manager,
            "source": acme.source,
        }
        with pytest.raises(Exception) as error:  # noqa: PT011 - whatever it is, it must not be a pickle
            pickle.dumps(holders[thing])
        check_error(error.value, "the refusal to pickle")


ALLOWED = InsecureFlows(username_password=True)


async def test_a_password_is_shown_nowhere(world, everything_logged, monkeypatch):
    monkeypatch.setattr(username_password, "_warn_once", lambda: None)
    grant = UsernamePasswordGrant(
        client_id="3MVG9consumerkey",
        client_secret=SECRETS["client secret"],
        username="ada@acme.com",
        password=SECRETS["password"],
        security_token=SECRETS["security token"],
    )
    echo = f"authentication failure {SECRETS['password']}{SECRETS['security token']} {SECRETS['password']} {ECHO}"
    async with world.scripted(refused("invalid_grant", echo), grant=grant, insecure_flows=ALLOWED) as acme:
        for error in await outcomes(acme.token, times=2):
            check_error(error, "an error")
        check_world(world, acme.manager)
    check_log(everything_logged)


@pytest.mark.parametrize("kind", ["missing file", "raising callable", "wrong type"])
async def test_a_credential_that_can_not_be_read_shows_nothing(world, tmp_path, kind):
    def raises():
        raise RuntimeError("vault says no")

    secret = {
        "missing file": tmp_path / "secret",
        "raising callable": raises,
        "wrong type": lambda: [SECRETS["client secret"]],
    }[kind]
    async with world.scripted(grant=credentials(client_secret=secret)) as acme:
        for error in await outcomes(acme.token, times=2):
            check_error(error, "an error")
        check_world(world, acme.manager)


async def test_a_broken_hook_logs_no_secret(world, everything_logged):
    def hook(event):
        raise RuntimeError("the metrics exporter is broken")

    async with world.scripted(full_reply(), grant=grant(), hook=hook) as acme:
        assert await acme.token()
    assert any("hook" in record.getMessage() for record in everything_logged.records)
    check_log(everything_logged)


def test_nothing_is_shown_by_what_a_debugger_prints_of_a_manager():
    manager = World().manager(transport=Endpoint())
    manager.add("acme", grant(), org=ACME)
    check(repr(manager.source("acme")), "repr of a source")
    check(repr(manager), "repr of a manager")
