"""`sfauth.manager`: many orgs under one roof; the promises about it are in `tests/promises`."""

from __future__ import annotations

import gc
import ssl
import weakref
from typing import Any

import httpx
import pytest

from sfauth import (
    ClientCredentialsGrant,
    ConfigurationError,
    MemoryStore,
    Org,
    Reason,
    SalesforceClient,
    SystemClock,
    Token,
    TokenManager,
    UnknownOrgError,
)
from sfauth import manager as manager_module
from tests.support import (
    ACME,
    Endpoint,
    World,
    calls,
    credentials,
    opaque,
    outcomes,
    refresh_token_grant,
    reply,
    settle,
)


@pytest.fixture
def world():
    return World()


# ── adding and removing ──


@pytest.mark.parametrize("key", ["", None, 5, b"acme"])
def test_a_key_is_a_text(world, key):
    with pytest.raises(ConfigurationError, match="key is a text"):
        world.manager().add(key, credentials(), org=ACME)


@pytest.mark.parametrize("grant", [None, "secret", {"client_id": "3MVG9"}, ClientCredentialsGrant])
def test_only_a_grant_is_a_grant(world, grant):
    with pytest.raises(ConfigurationError, match="is no grant") as error:
        world.manager().add("acme", grant, org=ACME)
    assert error.value.org == "acme"


@pytest.mark.parametrize("org", [ACME, "acme", "acme.my.salesforce.com", Org("acme")])
def test_an_org_may_be_said_in_several_ways(world, org):
    manager = world.manager()
    manager.add("key", credentials(), org=org)
    assert manager.source("key").org == Org(ACME)


def test_a_grant_that_can_not_work_at_an_org_is_refused_at_once(world):
    manager = world.manager()
    with pytest.raises(ConfigurationError, match="login") as error:
        manager.add("acme", credentials(), org="https://login.salesforce.com")
    assert error.value.org == "acme"
    assert len(manager) == 0


def test_adding_makes_no_request_and_needs_no_event_loop(world):
    endpoint = Endpoint()
    manager = world.manager(transport=endpoint)
    manager.add("acme", credentials(), org=ACME)
    assert "acme" in manager
    assert "globex" not in manager
    assert len(manager) == 1
    assert len(endpoint) == 0


async def test_adding_the_very_same_again_changes_nothing(world):
    async with world.scripted(reply(1)) as acme:
        token, source = await acme.token(), acme.source
        acme.manager.add("acme", credentials(), org=ACME)
        assert acme.source is source
        assert await acme.token() is token


async def test_another_secret_keeps_the_living_token(world):
    async with world.scripted(reply(1)) as acme:
        token = await acme.token()
        acme.manager.add("acme", credentials(client_secret="consumer-secret-2"), org=ACME)
        assert await acme.token() is token


@pytest.mark.parametrize(
    ("grant", "org"),
    [
        (credentials(client_id="3MVG9another"), ACME),
        (credentials(), "https://globex.my.salesforce.com"),
        (refresh_token_grant(), ACME),
    ],
    ids=["app", "org", "flow"],
)
async def test_another_identity_forgets_the_token(world, grant, org):
    async with world.scripted(reply(1), reply(2)) as acme:
        await acme.token()
        acme.manager.add("acme", grant, org=org)
        assert acme.source.current is None
        assert (await acme.token()).access_token == opaque(2)


async def test_a_client_made_before_goes_on_with_what_was_added_later(world):
    globex = "https://globex.my.salesforce.com"
    async with world.scripted(reply(1), httpx.Response(200)) as acme:
        client = acme.manager.client("acme")
        await client.get("/services/data")
        acme.manager.add("acme", credentials(), org=globex)
        acme.endpoint.answers.extend([reply(2, instance_url=globex), httpx.Response(200)])
        await client.get("/services/data")
        assert acme.endpoint.last.host == "globex.my.salesforce.com"


@pytest.mark.parametrize("changed", [{}, {"client_secret": "consumer-secret-2"}], ids=["same grant", "other grant"])
def test_adding_again_with_other_settings_changes_them(world, changed):
    manager = world.manager()
    manager.add("acme", credentials(), org=ACME)
    manager.add("acme", credentials(**changed), org=ACME, keep_alive=True, assumed_lifetime=900.0)
    source = manager.source("acme")
    assert (source.keep_alive, source.assumed_lifetime) == (True, 900.0)


@pytest.mark.parametrize("dynamic", [False, True])
async def test_a_removed_org_is_unknown(world, dynamic):
    async with world.manager(transport=Endpoint(reply(1)), introspect=False) as manager:
        manager.add("acme", credentials(), org=ACME, dynamic=dynamic)
        await manager.token("acme")
        manager.remove("acme")
        assert "acme" not in manager
        assert manager.status() == {}
        for call in (manager.token, manager.refresh, manager.revoke):
            with pytest.raises(UnknownOrgError):
                await call("acme")
        for call in (manager.client, manager.source, manager.invalidate, manager.reset, manager.remove):
            with pytest.raises(UnknownOrgError):
                call("acme")


async def test_an_unknown_key_is_a_key_error_that_names_the_key_and_says_what_to_do(world):
    async with world.manager() as manager:
        with pytest.raises(KeyError) as error:
            await manager.token("typo")
    assert isinstance(error.value, UnknownOrgError)
    assert str(error.value).startswith("[typo] Nobody has added this key")
    assert "manager.add" in str(error.value)


async def test_a_removed_orgs_token_is_not_used_by_whoever_is_added_next(world):
    async with world.scripted(reply(1), reply(2)) as acme:
        await acme.token()
        acme.manager.remove("acme")
        acme.manager.add("acme", credentials(), org=ACME)
        assert (await acme.token()).access_token == opaque(2)


async def test_a_rotated_refresh_token_survives_removing_and_adding(world):
    async with world.scripted(reply(1, refresh_token="5Aep861second"), grant=refresh_token_grant()) as acme:
        await acme.token()
        acme.manager.remove("acme")
        acme.manager.add("acme", refresh_token_grant(), org=ACME)
        acme.endpoint.answers.append(reply(2))
        await acme.manager.refresh("acme")
        assert acme.endpoint.last.form["refresh_token"] == "5Aep861second"


async def test_removing_an_alias_takes_nothing_from_the_other(world):
    async with world.scripted(reply(1, refresh_token="5Aep861second"), grant=refresh_token_grant()) as acme:
        acme.manager.add("alias", refresh_token_grant(), org=ACME)
        token = await acme.token()
        assert await acme.manager.token("alias") == token
        acme.manager.remove("alias")
        assert await acme.token() is token
        acme.endpoint.answers.append(reply(2))
        await acme.manager.refresh("acme")
        assert acme.endpoint.last.form["refresh_token"] == "5Aep861second"


async def test_a_shared_store_keeps_what_a_manager_forgets(world):
    store = MemoryStore()
    async with world.scripted(reply(1), store=store) as acme:
        await acme.token()
        acme.manager.remove("acme")
        assert len(store._records) == 1


async def test_a_store_that_is_empty_is_a_store_all_the_same(world):
    class Sized(MemoryStore):
        def __len__(self):
            return len(self._records)

    store = Sized()
    async with world.scripted(reply(1), store=store) as acme:
        await acme.token()
    assert len(store) == 1


# ── a token that came from elsewhere ──


def given(number, **fields):
    return Token.from_response(reply(number, **fields).json(), now=World().clock.wall())


async def test_a_token_that_came_along_is_used_without_any_request(world):
    async with world.manager(transport=Endpoint(), introspect=False) as manager:
        manager.add("acme", refresh_token_grant(), org=ACME, token=given(1))
        assert (await manager.token("acme")).access_token == opaque(1)
        assert manager.status()["acme"].generation == 1
        assert [event.reason for event in world.named("token_acquired")] == [Reason.GIVEN]


async def test_it_is_refreshed_when_it_is_due_with_its_own_refresh_token(world):
    endpoint = Endpoint(reply(2))
    async with world.manager(transport=endpoint, introspect=False) as manager:
        token = given(1, refresh_token="5Aep861given", expires_in=1000)
        manager.add("acme", refresh_token_grant("5Aep861given"), org=ACME, token=token)
        await manager.token("acme")
        await world.clock.advance(800)
        await manager.token("acme")
        await settle()
        assert endpoint.last.form["refresh_token"] == "5Aep861given"
        assert (await manager.token("acme")).access_token == opaque(2)


async def test_giving_the_very_same_again_changes_nothing(world):
    async with world.manager(transport=Endpoint(), introspect=False) as manager:
        for _ in range(3):
            manager.add("acme", refresh_token_grant(), org=ACME, token=given(1))
        assert manager.status()["acme"].generation == 1


async def test_giving_the_old_one_again_after_a_refresh_changes_nothing_either(world):
    """As a web service does that adds its user before each use, with what the login left in the user's session."""
    endpoint = Endpoint(reply(2, refresh_token="5Aep861second"), reply(3, refresh_token="5Aep861third"))
    async with world.manager(transport=endpoint, introspect=False) as manager:

        def add():
            token = given(1, refresh_token="5Aep861first")
            manager.add("ada", refresh_token_grant("5Aep861first"), org=ACME, token=token, dynamic=True)

        add()
        await manager.refresh("ada")
        add()
        assert (await manager.token("ada")).access_token == opaque(2)
        await manager.refresh("ada")
        assert [request.form["refresh_token"] for request in endpoint.requests] == ["5Aep861first", "5Aep861second"]
        add()
        manager.source("ada").reject(manager.source("ada").generation)
        add()
        assert manager.source("ada").current is None


async def test_a_new_login_of_the_same_user_brings_its_token_along(world):
    endpoint = Endpoint(reply(3))
    async with world.manager(transport=endpoint, introspect=False) as manager:
        manager.add("ada", refresh_token_grant("5Aep861first"), org=ACME, token=given(1, refresh_token="5Aep861first"))
        manager.add("ada", refresh_token_grant("5Aep861again"), org=ACME, token=given(2, refresh_token="5Aep861again"))
        assert (await manager.token("ada")).access_token == opaque(2)
        await manager.refresh("ada")
        assert endpoint.last.form["refresh_token"] == "5Aep861again"


async def test_a_token_that_came_along_can_be_revoked(world):
    endpoint = Endpoint(httpx.Response(200))
    async with world.manager(transport=endpoint, introspect=False) as manager:
        token = given(1, refresh_token="5Aep861given")
        manager.add("ada", refresh_token_grant("5Aep861given"), org=ACME, token=token)
        await manager.revoke("ada")
        assert manager.source("ada").current is None
        assert endpoint.last.form["token"] == "5Aep861given"


async def test_a_token_may_be_given_before_the_manager_is_open(world):
    manager = world.manager(transport=Endpoint(), introspect=False)
    manager.add("acme", refresh_token_grant(), org=ACME, token=given(1))
    async with manager:
        assert (await manager.token("acme")).access_token == opaque(1)


# ── dynamic identities ──


def user(number, **fields):
    return refresh_token_grant(f"5Aep861user{number}", **fields)


async def test_dynamic_identities_are_bounded_and_the_longest_unused_go_first(world):
    endpoint = Endpoint(*[reply(number) for number in range(20)])
    async with world.manager(transport=endpoint, max_dynamic=3, introspect=False) as manager:
        for number in range(3):
            manager.add(f"user{number}", user(number), org=ACME, dynamic=True)
            await manager.token(f"user{number}")
        await manager.token("user0")
        manager.add("user3", user(3), org=ACME, dynamic=True)
        assert [f"user{number}" in manager for number in range(4)] == [True, False, True, True]
        assert len(manager) == 3
        with pytest.raises(UnknownOrgError, match="may have been dropped"):
            await manager.token("user1")


async def test_orgs_that_are_not_dynamic_are_never_dropped(world):
    manager = world.manager(max_dynamic=1)
    for number in range(10):
        manager.add(f"org{number}", user(number), org=ACME)
        manager.add(f"user{number}", user(100 + number), org=ACME, dynamic=True)
    assert len(manager) == 11
    assert all(f"org{number}" in manager for number in range(10))


async def test_an_identity_is_not_dropped_during_its_token_request(world):
    endpoint = Endpoint()
    async with world.manager(transport=endpoint, max_dynamic=2, introspect=False) as manager, calls() as start:
        manager.add("busy", user(0), org=ACME, dynamic=True)
        call = start(manager.token, "busy")
        await settle()
        for number in range(1, 6):
            manager.add(f"user{number}", user(number), org=ACME, dynamic=True)
        assert "busy" in manager
        endpoint.last.answer(reply(1, refresh_token="5Aep861rotated"))
        await settle()
        assert call.result().access_token == opaque(1)


async def test_what_was_just_added_is_there_however_busy_all_others_are(world):
    endpoint = Endpoint()
    async with world.manager(transport=endpoint, max_dynamic=2, introspect=False) as manager, calls() as start:
        waiting = []
        for number in range(4):
            manager.add(f"user{number}", user(number), org=ACME, dynamic=True)
            waiting.append(start(manager.token, f"user{number}"))
            await settle()
        assert len(endpoint) == 4
        for number, request in enumerate(endpoint.requests):
            request.answer(reply(number))
        await settle()
        assert [call.result().access_token for call in waiting] == [opaque(number) for number in range(4)]
        manager.add("one more", user(9), org=ACME, dynamic=True)
        assert "one more" in manager
        assert len(manager) == 2


async def test_a_dropped_identity_that_somebody_still_holds_comes_back_as_the_same(world):
    endpoint = Endpoint(*[reply(number) for number in range(5)])
    async with world.manager(transport=endpoint, max_dynamic=1, introspect=False) as manager:
        manager.add("ada", user(1), org=ACME, dynamic=True)
        held = manager.source("ada")
        token = await held.acquire()
        manager.add("bob", user(2), org=ACME, dynamic=True)
        assert "ada" not in manager
        manager.add("ada", user(1), org=ACME, dynamic=True)
        assert manager.source("ada") is held
        assert await manager.token("ada") is token
    assert len(endpoint) == 1


async def test_a_dropped_identity_that_nobody_holds_is_freed(world):
    manager = world.manager(max_dynamic=1)
    manager.add("ada", user(1), org=ACME, dynamic=True)
    gone = weakref.ref(manager.source("ada"))
    manager.add("bob", user(2), org=ACME, dynamic=True)
    gc.collect()
    assert gone() is None


async def test_a_rotated_refresh_token_survives_being_dropped(world):
    endpoint = Endpoint(reply(1, refresh_token="5Aep861rotated"), reply(2), reply(3))
    async with world.manager(transport=endpoint, max_dynamic=1, introspect=False) as manager:
        manager.add("ada", user(1), org=ACME, dynamic=True)
        await manager.token("ada")
        manager.add("bob", user(2), org=ACME, dynamic=True)
        gc.collect()
        manager.add("ada", user(1), org=ACME, dynamic=True)
        await manager.refresh("ada")
        assert endpoint.last.form["refresh_token"] == "5Aep861rotated"


async def test_what_is_dropped_leaves_nothing_in_the_private_store_that_can_be_had_again(world):
    endpoint = Endpoint(*[reply(number) for number in range(50)])
    async with world.manager(transport=endpoint, max_dynamic=2, introspect=False) as manager:
        for number in range(50):
            manager.add(f"user{number}", user(number), org=ACME, dynamic=True)
            await manager.token(f"user{number}")
        assert len(manager._runtime.store._records) <= 3


async def test_dynamic_identities_may_become_permanent_but_not_the_other_way_round(world):
    manager = world.manager(max_dynamic=1)
    manager.add("ada", user(1), org=ACME, dynamic=True)
    source = manager.source("ada")
    manager.add("ada", user(1), org=ACME)
    manager.add("bob", user(2), org=ACME, dynamic=True)
    manager.add("ada", user(1), org=ACME, dynamic=True)
    manager.add("eve", user(3), org=ACME, dynamic=True)
    assert manager.source("ada") is source
    assert len(manager) == 2


async def test_adding_a_dynamic_identity_again_counts_as_use(world):
    manager = world.manager(max_dynamic=2)
    for name in ("ada", "bob", "ada", "eve"):
        manager.add(name, user(name), org=ACME, dynamic=True)
    assert "ada" in manager
    assert "bob" not in manager


# ── clients ──


async def test_a_client_is_an_httpx_client_at_the_orgs_address(world):
    async with world.scripted(reply(1), httpx.Response(200, json={"ok": True})) as acme:
        client = acme.manager.client("acme", headers={"x-mine": "1"}, timeout=5.0)
        assert isinstance(client, SalesforceClient)
        assert isinstance(client, httpx.AsyncClient)
        answer = await client.get("/services/data")
        assert answer.json() == {"ok": True}
        request = acme.endpoint.last.request
        assert (request.headers["authorization"], request.headers["x-mine"]) == (f"Bearer {opaque(1)}", "1")
        assert str(request.url) == f"{ACME}/services/data"


async def test_closing_a_client_closes_nothing_that_others_use(world):
    async with world.scripted(reply(1)) as acme:
        acme.endpoint.answers.extend([httpx.Response(200)] * 2)
        async with acme.manager.client("acme") as client:
            await client.get("/services/data")
        assert not acme.endpoint.closed
        assert (await acme.manager.client("acme").get("/services/data")).status_code == 200


async def test_a_client_may_have_a_transport_of_its_own(world):
    own = Endpoint(httpx.Response(200))
    async with world.scripted(reply(1)) as acme:
        async with acme.manager.client("acme", transport=own) as client:
            await client.get("/services/data")
        assert (len(acme.endpoint), len(own)) == (1, 1)
        assert own.closed


# ── asking Salesforce about the org ──


async def test_a_token_can_be_looked_into(world):
    org = world.org(session_timeout=900.0)
    async with world.manager(introspect=False) as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        answer = await manager.introspect("acme")
        assert answer.active
        assert answer.client_id == org.app.client_id


async def test_who_a_token_acts_for_can_be_asked(world):
    org = world.org()
    async with world.manager(introspect=False) as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        assert (await manager.userinfo("acme")).user_id == org.user.user_id
        assert (await manager.identity("acme")).user_id == org.user.user_id


async def test_a_browser_session_can_be_opened(world):
    door = httpx.Response(200, json={"frontdoor_uri": f"{ACME}/secur/frontdoor.jsp?otp=one-time"})
    async with world.scripted(reply(1), door) as acme:
        assert await acme.manager.single_access("acme", path="/lightning/page/home")
        assert acme.endpoint.last.path == "/services/oauth2/singleaccess"
        assert acme.endpoint.last.form == {"redirect_uri": "/lightning/page/home"}


async def test_after_a_fork_nothing_is_left_of_what_the_parent_had(world):
    # What os.fork calls in the child; the whole way is in tests/promises.
    async with world.scripted(reply(1)) as acme:
        await acme.token()
        group, stop = acme.manager._runtime.background._group, acme.manager._runtime.background._stop
        manager_module._after_fork()
        assert acme.source.current is None
        with pytest.raises(ConfigurationError, match="forked"):
            await acme.token()
        acme.manager._runtime.background._group, acme.manager._runtime.background._stop = group, stop


# ── settings ──


@pytest.mark.parametrize(
    "settings",
    [
        {"max_dynamic": 0},
        {"refresh_at": 0.0},
        {"refresh_at": 1.0},
        {"jitter": 1.0},
        {"jitter": -0.1},
        {"assumed_lifetime": 0.0},
        {"retry_interval": 0.0},
        {"retry_ceiling": 0.5},
        {"max_token_requests": 0},
        {"when_store_fails": "whatever"},
    ],
    ids=repr,
)
def test_a_number_out_of_its_range_is_refused_by_name(settings):
    (name,) = settings
    with pytest.raises(ConfigurationError, match=name):
        TokenManager(**settings)


def transports_made(monkeypatch):
    """With which options the manager makes its transports."""
    made: list[dict[str, Any]] = []

    def make_transport(**options):
        made.append(options)
        return Endpoint()

    monkeypatch.setattr(manager_module, "make_transport", make_transport)
    return made


def test_by_default_there_are_two_pools_of_its_own_and_one_tls_context(monkeypatch):
    made = transports_made(monkeypatch)
    manager = TokenManager(limits=httpx.Limits(max_connections=7), http2=False, proxy="http://proxy.example")
    assert len(made) == 2
    assert made[0]["verify"] is made[1]["verify"]
    assert isinstance(made[0]["verify"], ssl.SSLContext)
    assert made[0]["limits"].max_connections == 7
    assert {options["proxy"] for options in made} == {"http://proxy.example"}
    assert isinstance(manager._runtime.clock, SystemClock)


def test_a_tls_context_is_taken_as_it_is(monkeypatch):
    made = transports_made(monkeypatch)
    context = ssl.create_default_context()
    TokenManager(verify=context)
    assert made[0]["verify"] is context


def test_orgs_come_from_the_environment(world):
    environ = {"SFAUTH_ORG": ACME, "SFAUTH_CLIENT_ID": "3MVG9key", "SFAUTH_CLIENT_SECRET": "secret"}
    manager = TokenManager.from_env(environ, clock=world.clock, transport=Endpoint())
    assert manager.source("default").grant == ClientCredentialsGrant(client_id="3MVG9key", client_secret="secret")
    renamed = {name.replace("SFAUTH", "CRM"): value for name, value in environ.items()}
    assert "default" in TokenManager.from_env(renamed, prefix="CRM", transport=Endpoint())


def test_orgs_come_from_a_file(world, tmp_path):
    path = tmp_path / "sfauth.toml"
    path.write_text(f'[orgs.acme]\norg = "{ACME}"\nclient_id = "3MVG9key"\nclient_secret = "secret"\n')
    manager = TokenManager.from_file(path, transport=Endpoint(), max_dynamic=5)
    assert manager.source("acme").org == Org(ACME)
    assert manager._max_dynamic == 5


async def test_a_hook_that_raises_breaks_nothing(world):
    def hook(event):
        raise ZeroDivisionError

    async with world.scripted(reply(1), hook=hook) as acme:
        assert await acme.token()


async def test_by_default_events_are_logged(world, caplog):
    caplog.set_level("INFO", "sfauth")
    async with TokenManager(transport=Endpoint(reply(1)), clock=world.clock, introspect=False) as manager:
        manager.add("acme", credentials(), org=ACME)
        await manager.token("acme")
    assert "token_acquired org=acme" in caplog.text


async def test_each_org_has_its_own_token(world):
    orgs = [world.org(f"org{number}") for number in range(5)]
    async with world.manager() as manager:
        for org in orgs:
            manager.add(org.key, world.credentials(org), org=org.my_domain)
        for org in orgs:
            tokens = await outcomes(manager.token, org.key, times=10)
            assert {token.org_id for token in tokens} == {org.org_id}
        assert [status.generation for status in manager.status().values()] == [1] * 5
