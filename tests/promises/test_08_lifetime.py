"""Promise 8: where Salesforce doesn't say how long a token lives, we find out; asking never harms a login."""

from __future__ import annotations

import anyio
import httpx
import pytest

from tests.support import ACME, PATIENCE, jwt_token, refused, reply, settle

YEAR_2027 = 1_800_000_000


def known(acme):
    status = acme.manager.status()["acme"]
    return status.lifetime_source, status.lifetime


async def test_first_comes_what_the_reply_says(world):
    async with world.scripted(reply(1, expires_in=5000), introspect=True) as acme:
        await acme.token()
        await settle()
        assert known(acme) == ("expires_in", 5000.0)
        assert len(acme.endpoint) == 1


async def test_then_the_exp_of_a_jwt(world):
    token = jwt_token(exp=YEAR_2027 + 1800, iat=YEAR_2027)
    async with world.scripted(reply(access_token=token), introspect=True) as acme:
        await acme.token()
        await settle()
        assert known(acme) == ("jwt", 1800.0)
        assert len(acme.endpoint) == 1


async def test_then_introspection(world):
    org = world.org(session_timeout=900.0)
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        await manager.token("acme")
        await settle()
        status = manager.status()["acme"]
        assert (status.lifetime_source, round(status.lifetime)) == ("introspection", 900)
    assert world.counts()["introspections"] == {"active": 1}


async def test_then_what_rejections_taught(world):
    org = world.org(session_timeout=3600.0, sliding=False)
    async with world.manager(introspect=False) as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        client = manager.client("acme")
        for _ in range(150):
            assert (await client.get("/services/data/v66.0/limits")).status_code == 200
            await world.clock.advance(60)
        status = manager.status()["acme"]
        assert status.lifetime_source == "learned"
        assert status.lifetime == pytest.approx(3600, abs=61)
        rejected = world.counts()["dead_token_requests"]
        for _ in range(300):
            assert (await client.get("/services/data/v66.0/limits")).status_code == 200
            await world.clock.advance(60)
    assert world.counts()["dead_token_requests"] == rejected == 2


async def test_and_else_an_assumption(world):
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        assert known(acme) == ("assumed", 7200.0)


async def test_the_assumption_is_settable_for_all_orgs_and_for_one(world):
    async with world.scripted(reply(1), assumed_lifetime=600.0) as acme:
        await acme.token()
        assert known(acme) == ("assumed", 600.0)
    async with world.manager(assumed_lifetime=900.0) as manager:
        manager.add("acme", world.credentials(world.org()), org=ACME)
        assert manager.source("acme").assumed_lifetime == 900.0


async def test_an_org_and_app_are_asked_about_once(world):
    org = world.org(reuse_sessions=False)
    async with world.manager() as manager:
        for number, user in enumerate([org.user, org.add_user(), org.add_user()]):
            manager.add(f"user{number}", world.jwt(org, username=user.username), org=org.my_domain)
            for _ in range(3):
                await manager.refresh(f"user{number}")
                await settle()
        assert {status.lifetime_source for status in manager.status().values()} == {"introspection"}
    assert sum(world.counts()["introspections"].values()) == 1


async def test_another_app_of_the_org_is_asked_about_separately(world):
    org = world.org()
    other = org.add_app(session_timeout=900.0)
    async with world.manager() as manager:
        manager.add("one", world.credentials(org), org=org.my_domain)
        secrets = {"client_id": other.client_id, "client_secret": other.client_secret}
        manager.add("two", world.credentials(org, **secrets), org=org.my_domain)
        for key in ("one", "two"):
            await manager.token(key)
            await settle()
        assert round(manager.status()["one"].lifetime) == 7200
        assert round(manager.status()["two"].lifetime) == 900


BAD_ANSWERS = {
    "an error": refused("invalid_client", status=401),
    "an inactive token": httpx.Response(200, json={"active": False}),
    "no exp": httpx.Response(200, json={"active": True}),
    "an exp that has passed": httpx.Response(200, json={"active": True, "exp": YEAR_2027 - 5}),
    "an exp that is no number": httpx.Response(200, json={"active": True, "exp": "soon"}),
    "an exp that is NaN": httpx.Response(200, content=b'{"active": true, "exp": NaN}'),
    "an infinite exp": httpx.Response(200, content=b'{"active": true, "exp": 1e999}'),
    "a huge exp": httpx.Response(200, content=b'{"active": true, "exp": 1' + b"0" * 400 + b"}"),
    "an exp of a type of its own": httpx.Response(200, json={"active": True, "exp": {"seconds": 5}}),
    "HTML": httpx.Response(200, html="<html>maintenance</html>"),
    "nothing": httpx.Response(200, content=b""),
    "a redirect": httpx.Response(302, headers={"location": "https://evil.example"}),
    "a broken connection": httpx.ReadError("gone"),
    "a crash in the transport": RuntimeError("a bug in the transport"),
    "an error of the operating system": OSError("no route"),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
async def test_an_introspection_that_fails_harms_nothing(world, answer, caplog):
    async with world.scripted(reply(1), answer, reply(2), introspect=True) as acme:
        await acme.token()
        await settle()
        assert acme.endpoint.last.path == "/services/oauth2/introspect"
        assert known(acme) == ("assumed", 7200.0)
        # The manager lives on: it can still fetch a token, and this one is asked about no more.
        assert await acme.manager.refresh("acme")
        await settle()
        assert len(acme.endpoint) == 3
    assert "sfauth" not in {record.name for record in caplog.records}


async def test_the_first_caller_does_not_wait_for_the_introspection(world):
    async with world.scripted(reply(1), introspect=True) as acme:
        assert await acme.token()
        await settle()
        assert acme.endpoint.last.path == "/services/oauth2/introspect"
        assert await acme.token()


async def test_a_client_that_can_not_prove_itself_does_not_ask(world):
    org = world.org()
    org.app.secret_required_for_refresh = False
    async with world.manager() as manager:
        manager.add("acme", world.refresh(org, client_secret=None), org=org.my_domain)
        await manager.token("acme")
        await settle()
    assert world.counts()["introspections"] == {}


async def test_nobody_is_asked_where_that_is_switched_off(world):
    org = world.org()
    async with world.manager(introspect=False) as manager:
        manager.add("acme", world.jwt(org), org=org.my_domain)
        await manager.token("acme")
        await settle()
    assert world.counts()["introspections"] == {}


async def test_an_answer_about_a_token_that_was_rejected_meanwhile_changes_nothing(world):
    async with world.scripted(reply(1), introspect=True) as acme:
        await acme.token()
        await settle()
        acme.source.reject(1)
        acme.endpoint.last.answer(httpx.Response(200, json={"active": True, "exp": YEAR_2027 + 900}))
        await settle()
        assert acme.source.current is None
        assert known(acme) == (None, None)


async def test_one_early_rejection_teaches_nothing_as_it_may_be_an_administrators_doing(world):
    async with world.scripted(reply(1), reply(2)) as acme:
        await acme.token()
        await acme.clock.advance(600)
        acme.source.reject(1)
        await acme.token()
        assert known(acme) == ("assumed", 7200.0)


async def test_a_rejection_of_a_token_with_a_certain_end_teaches_nothing(world):
    async with world.scripted(*[reply(number, expires_in=7200) for number in (1, 2)], reply(3)) as acme:
        for generation in (1, 2):
            await acme.token()
            acme.source.accepted = generation
            await acme.clock.advance(600)
            acme.source.reject(generation)
        await acme.token()
        assert known(acme) == ("assumed", 7200.0)


async def test_a_jwt_that_ended_before_it_came_causes_no_loop(world):
    token = [reply(access_token=jwt_token(exp=YEAR_2027 - 900, jti=number)) for number in range(200)]
    async with world.scripted(*token, keep_alive=True) as acme:
        await acme.token()
        with anyio.fail_after(PATIENCE):
            await acme.clock.advance(60)
    assert len(acme.endpoint) <= 65


async def test_an_expires_in_of_a_second_causes_no_loop(world):
    async with world.scripted(*[reply(number, expires_in=1) for number in range(100)], keep_alive=True) as acme:
        await acme.token()
        with anyio.fail_after(PATIENCE):
            await acme.clock.advance(10)
    assert len(acme.endpoint) <= 25
