"""Where Redis may be: behind TLS and ACL users, behind Sentinels, in a cluster, or where a given client finds it."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

import anyio
import pytest
import redis.asyncio
import redis.asyncio.sentinel

from sfauth import StoreUnavailableError
from sfauth.stores import RedisStore, generate_key
from sfauth.testing import example_record

from .redis_servers import Certificates, Server, cluster, eventually, free_port, redis_binary, sentinel, valkey_binary

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "redis-store.md"
KEY = "a1" * 32
OTHER_KEY = "b2" * 32
STORE_KEY = generate_key()
BINARIES = {"valkey": valkey_binary, "redis": redis_binary}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(valkey_binary(), tmp_path_factory.mktemp("valkey")).running() as running:
        yield running


@pytest.fixture(autouse=True)
async def patience():
    with anyio.fail_after(30):
        yield


async def works(store):
    """All that a store does, with what it needs of the server."""
    async with store.open():
        record = await store.get(KEY)
        there = record.generation if record else 0
        async with store.changes() as changes, store.lease(KEY), anyio.create_task_group() as group:
            waiting = anyio.Event()

            async def wait():
                async with store.lease(KEY, waits_for=lambda holder: waiting.set()):
                    pass

            group.start_soon(wait)
            await waiting.wait()
            assert await store.put(KEY, example_record(there + 1), expected=there)
            assert await anext(aiter(changes)) == KEY
            group.cancel_scope.cancel()
        async with store.lease(KEY):
            assert await store.get(KEY) == example_record(there + 1)
        await store.delete(KEY)
        assert await store.get(KEY) is None
        return there


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", params=["no", "yes"])
def tls(request, tmp_path_factory, certificates):
    """A Redis over TLS only, that asks clients for a certificate or doesn't."""
    port = free_port()
    certificate, key = certificates.client
    how = {
        "port": port,
        "ssl": True,
        "ssl_ca_certs": str(certificates.authority),
        "ssl_certfile": str(certificate),
        "ssl_keyfile": str(key),
    }
    config = certificates.config(port, clients=request.param)
    running = Server(redis_binary(), tmp_path_factory.mktemp("tls"), *config, how=how, port=0)
    with running.running():
        yield running, port, request.param == "yes"


async def test_tls_with_an_authority_of_ones_own(tls, certificates):
    _, port, asks = tls
    certificate, key = certificates.client
    mine = f"&ssl_certfile={certificate}&ssl_keyfile={key}" if asks else ""
    store = RedisStore(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificates.authority}{mine}", STORE_KEY)
    await works(store)


async def test_an_authority_that_is_not_trusted_is_named_as_the_reason(tls):
    _, port, _ = tls
    store = RedisStore(f"rediss://:hunter2@127.0.0.1:{port}", STORE_KEY)
    async with store.open():
        with pytest.raises(StoreUnavailableError, match="its certificate is not accepted") as caught:
            await store.get(KEY)
    assert "hunter2" not in str(caught.value)


async def test_a_client_certificate_that_is_missing_is_an_error(tls, certificates):
    _, port, asks = tls
    store = RedisStore(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificates.authority}", STORE_KEY)
    async with store.open():
        if asks:
            with pytest.raises(StoreUnavailableError, match=r"TLS failed|connection was lost|reset"):
                await store.get(KEY)
        else:
            assert await store.get(KEY) is None


async def test_tls_and_no_tls_do_not_meet(tls, server):
    _, port, _ = tls
    for url in (f"redis://127.0.0.1:{port}", f"rediss://127.0.0.1:{server.port}"):
        store = RedisStore(url, STORE_KEY, socket_timeout=1.0)
        async with store.open():
            with pytest.raises(StoreUnavailableError, match="can't be reached"):
                await store.get(KEY)


# ── users and passwords ──────────────────────────────────────────────────────────────────────────────────────────────


def acl(password):
    """The line of the how-to page."""
    found = re.search(r"ACL SETUSER sfauth (.+)", HOW_TO.read_text())
    assert found is not None
    return ["ACL", "SETUSER", "sfauth", "reset", *found[1].replace(">password", f">{password}").split()]


@pytest.fixture(scope="module", params=sorted(BINARIES))
def guarded(request, tmp_path_factory):
    """A server whose default user may do nothing without a password."""
    folder = tmp_path_factory.mktemp("acl")
    config, how = "user default on >admin ~* &* +@all", {"password": "admin"}
    with Server(BINARIES[request.param](), folder, config, how=how).running() as running:
        yield running


async def test_the_user_of_the_how_to_page_may_do_what_the_store_does(guarded):
    guarded.ask(*acl("hunter2"))
    await works(RedisStore(f"redis://sfauth:hunter2@127.0.0.1:{guarded.port}", STORE_KEY))
    other = RedisStore(f"redis://sfauth:hunter2@127.0.0.1:{guarded.port}", STORE_KEY, "somebody-elses")
    async with other.open():
        with pytest.raises(StoreUnavailableError, match="NOPERM") as caught:
            await other.get(KEY)
    assert "ACL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_password_may_hold_what_a_url_can_not(guarded):
    guarded.ask(*acl("p/@:%#?ß"))
    await works(RedisStore(f"redis://127.0.0.1:{guarded.port}", STORE_KEY, username="sfauth", password="p/@:%#?ß"))
    await works(RedisStore(f"redis://sfauth:p%2F%40%3A%25%23%3F%C3%9F@127.0.0.1:{guarded.port}", STORE_KEY))


@pytest.mark.parametrize("kind", ["file", "callable", "async callable"])
async def test_a_rotated_password_is_read_for_the_next_connection(guarded, tmp_path, kind):
    file = tmp_path / "password"
    now = ["first"]

    def put(password):
        now[0] = password
        file.write_text(f"{password}\n")
        guarded.ask(*acl(password))
        guarded.ask("CLIENT", "KILL", "USER", "sfauth")

    async def slowly():
        await anyio.sleep(0.001)
        return now[0]

    put("first")
    source = {"file": file, "callable": lambda: now[0], "async callable": slowly}[kind]
    store = RedisStore(f"redis://sfauth:from-url@127.0.0.1:{guarded.port}", STORE_KEY, password=source)
    async with store.open():
        assert await store.get(KEY) is None
        put("second")
        assert await store.get(KEY) is None


async def test_a_password_that_can_not_be_had_is_an_error_without_it(guarded, tmp_path):
    def vault():
        raise LookupError("hunter2")

    source: Any
    for source, reason in ((vault, "LookupError"), (lambda: 5, "int"), (tmp_path / "no-file", "FileNotFoundError")):
        store = RedisStore(f"redis://127.0.0.1:{guarded.port}", STORE_KEY, password=source)
        async with store.open():
            with pytest.raises(StoreUnavailableError, match=reason) as caught:
                await store.get(KEY)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__context__ is None


# ── Sentinel, cluster, a given client ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("binary", sorted(BINARIES))
async def test_behind_sentinel_the_store_follows_the_primary(tmp_path, binary):
    with sentinel(BINARIES[binary](), tmp_path) as (primary, replica, watcher):
        absent = free_port()  # a Sentinel that is gone must not matter
        url = f"redis+sentinel://127.0.0.1:{absent},127.0.0.1:{watcher.port}/tokens"
        store = RedisStore(url, STORE_KEY, socket_timeout=1.0)
        await works(store)
        async with store.open():
            assert await store.put(KEY, example_record(1), expected=0)
            eventually(lambda: replica.ask("DBSIZE"), "the replica has the record")
            primary.kill()
            while True:
                try:
                    async with store.changes() as changes:
                        assert await store.put(KEY, example_record(2), expected=1)
                        assert await anext(aiter(changes)) == KEY
                    break
                except StoreUnavailableError as error:
                    assert "can't be reached" in str(error) or "replica" in str(error)  # noqa: PT017
                    await anyio.sleep(0.05)
            async with store.lease(KEY):
                assert await store.get(KEY) == example_record(2)
        assert replica.ask("ROLE")[0] == b"master"


async def test_a_primary_that_no_sentinel_knows_is_an_error(tmp_path):
    with sentinel(valkey_binary(), tmp_path) as (_, _, watcher):
        store = RedisStore(f"redis+sentinel://:hunter2@127.0.0.1:{watcher.port}/other", STORE_KEY, socket_timeout=1.0)
        async with store.open():
            with pytest.raises(StoreUnavailableError, match="no Sentinel") as caught:
                await store.get(KEY)
    assert "hunter2" not in str(caught.value)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    with cluster(valkey_binary(), tmp_path_factory.mktemp("cluster")) as running:
        yield running


async def test_in_a_cluster_identities_are_spread_and_each_is_whole(nodes):
    store = RedisStore(f"redis+cluster://127.0.0.1:{nodes[0].port}", STORE_KEY)
    await works(store)
    async with store.open():
        for number in range(12):
            assert await store.put(f"{number:064x}", example_record(1), expected=0)
    assert all(node.ask("DBSIZE") for node in nodes)


async def test_a_slot_that_moved_is_followed(nodes):
    store = RedisStore(f"redis+cluster://127.0.0.1:{nodes[0].port}", STORE_KEY, "moving")
    slot = nodes[0].ask("CLUSTER", "KEYSLOT", f"{{{OTHER_KEY}}}")
    names = {node.ask("CLUSTER", "MYID"): node for node in nodes}
    async with store.open():
        for number in range(8):
            target = list(names)[number % len(names)]
            for node in sorted(nodes, key=lambda node: node is not names[target]):  # the new owner first
                node.ask("CLUSTER", "SETSLOT", slot, "NODE", target)
            assert await store.put(OTHER_KEY, example_record(1, name=str(number)), expected=0)
            assert await store.get(OTHER_KEY) == example_record(1, name=str(number))
            assert names[target].ask("EXISTS", f"moving:{{{OTHER_KEY}}}:record")
            await store.delete(OTHER_KEY)


async def test_in_a_cluster_the_user_of_the_how_to_page_may_do_it_with_the_two_commands_more(nodes):
    [more] = re.findall(r"In a cluster it needs `([^`]+)` as well", HOW_TO.read_text())
    for node in nodes:
        node.ask(*acl("hunter2"), *more.split())
    await works(RedisStore(f"redis+cluster://sfauth:hunter2@127.0.0.1:{nodes[0].port}", STORE_KEY))


async def test_a_cluster_taken_for_one_server_is_told_from_it(nodes):
    hints = set()
    for node in nodes:
        store = RedisStore(node.url, STORE_KEY)
        async with store.open():
            try:
                await store.get(KEY)
            except StoreUnavailableError as error:
                hints.add(error.hint)
    [hint] = hints
    assert "redis+cluster://" in str(hint)


@pytest.mark.parametrize("decode", [False, True])
async def test_a_client_may_be_given(server, decode):
    made = []

    def client():
        made.append(redis.asyncio.Redis(port=server.port, decode_responses=decode))
        return made[-1]

    store = RedisStore(key=STORE_KEY, prefix=secrets.token_hex(4), client=client)
    await works(store)
    await works(store)
    assert len(made) == 2
    assert all(not each.connection_pool._in_use_connections for each in made)


async def test_a_given_client_of_a_sentinel_is_closed_with_its_sentinels(tmp_path):
    with sentinel(valkey_binary(), tmp_path) as (_, _, watcher):

        def client():
            return redis.asyncio.sentinel.Sentinel([("127.0.0.1", watcher.port)]).master_for("tokens")

        await works(RedisStore(key=STORE_KEY, client=client))
