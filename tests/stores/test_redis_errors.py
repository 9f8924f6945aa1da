"""What goes wrong with Redis, as the person on call reads it; and that no password is in it."""

from __future__ import annotations

import copy
import logging
import pickle
import secrets
import socket
import ssl
import traceback
from contextlib import contextmanager

import anyio
import pytest
from redis import exceptions

from sfauth import StoreUnavailableError
from sfauth.stores import RedisStore, generate_key
from sfauth.stores.redis_errors import unavailable
from sfauth.testing import example_record

from .redis_servers import Server, free_port, sentinel, valkey_binary

KEY = "a1" * 32
STORE_KEY = generate_key()
PASSWORD = "hunter2"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("valkey")
    config, how = f"user default on >{PASSWORD} ~* &* +@all", {"password": PASSWORD}
    with Server(valkey_binary(), folder, config, how=how).running() as running:
        yield running


async def trouble(url, *, socket_timeout=1.0, **options):
    """The error that everything raises there; checked for what none may have."""
    store = RedisStore(url, STORE_KEY, secrets.token_hex(4), socket_timeout=socket_timeout, **options)
    said = []
    with anyio.fail_after(20):
        async with store.open():
            for work in (
                store.get(KEY),
                store.put(KEY, example_record(1), expected=0),
                store.delete(KEY),
                store.lease(KEY).__aenter__(),
            ):
                with pytest.raises(StoreUnavailableError) as caught:
                    await work
                said.append(caught.value)
    for error in said:
        assert error.__cause__ is None
        assert error.__context__ is None
        for text in (str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)):
            assert PASSWORD not in text
        assert str(pickle.loads(pickle.dumps(error))) == str(copy.copy(error)) == str(error)
        assert error.hint
        assert error.message.startswith("Redis at ")
    return said[0]


@pytest.fixture(autouse=True)
def no_password_in_logs(caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert PASSWORD not in caplog.text


async def test_nobody_listens_there():
    port = free_port()
    error = await trouble(f"redis://u:{PASSWORD}@127.0.0.1:{port}")
    assert error.message == f"Redis at redis://127.0.0.1:{port} can't be reached: Connection refused."
    assert "Connection refused" in (await trouble(f"redis://u:{PASSWORD}@localhost:{port}")).message


async def test_no_node_of_a_cluster_answers():
    error = await trouble(f"redis+cluster://u:{PASSWORD}@127.0.0.1:{free_port()}")
    assert "can't be reached: Connection refused" in error.message


async def test_no_sentinel_answers():
    error = await trouble(f"redis+sentinel://u:{PASSWORD}@127.0.0.1:{free_port()}/tokens")
    assert "no Sentinel" in error.message


async def test_there_is_no_such_socket(tmp_path):
    error = await trouble(f"unix://u:{PASSWORD}@{tmp_path}/socket")
    assert error.message == f"Redis at unix://{tmp_path}/socket can't be reached: No such file or directory."


async def test_there_is_no_such_host():
    error = await trouble(f"redis://u:{PASSWORD}@redis.invalid")
    assert "Redis at redis://redis.invalid:6379 can't be reached: " in error.message


async def test_somebody_takes_the_connection_and_never_answers():
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        error = await trouble(f"redis://u:{PASSWORD}@127.0.0.1:{hole.getsockname()[1]}", socket_timeout=0.1)
    assert "no answer in time" in error.message


async def test_many_callers_of_a_server_that_hangs_wait_no_longer_than_one():
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(200)
        url = f"redis://127.0.0.1:{hole.getsockname()[1]}?max_connections=2"
        store = RedisStore(url, STORE_KEY, socket_timeout=0.1)
        failed = []

        async def ask():
            with pytest.raises(StoreUnavailableError):
                await store.get(KEY)
            failed.append(1)

        with anyio.fail_after(2):  # one by one it would take ten times as long
            async with store.open(), anyio.create_task_group() as group:
                for _ in range(200):
                    group.start_soon(ask)
        assert len(failed) == 200


async def test_somebody_else_answers_there():
    async def speak(stream):
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, speak)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        assert "can't be reached" in (await trouble(f"redis://u:{PASSWORD}@127.0.0.1:{port}")).message
        group.cancel_scope.cancel()


async def test_the_password_is_wrong(server):
    for credentials in (f":{PASSWORD}x@", f"nobody:{PASSWORD}@"):
        error = await trouble(f"redis://{credentials}127.0.0.1:{server.port}")
        assert error.message.endswith("refuses the user name or the password (WRONGPASS).")
        assert "ACL SETUSER" in str(error)


async def test_the_password_is_missing(server):
    error = await trouble(server.url)
    assert error.message.endswith("wants a user name and a password (NOAUTH).")


@contextmanager
def configured(server, name, value, before):
    server.ask("CONFIG", "SET", name, value)
    try:
        yield f"redis://:{PASSWORD}@127.0.0.1:{server.port}"
    finally:
        server.ask("CONFIG", "SET", name, before)


async def refused(url):
    """What a write is answered with."""
    store = RedisStore(url, STORE_KEY, secrets.token_hex(4))
    async with store.open():
        with pytest.raises(StoreUnavailableError) as caught:
            await store.put(KEY, example_record(1), expected=0)
    assert PASSWORD not in str(caught.value)
    return caught.value


async def test_the_memory_is_full(server):
    with configured(server, "maxmemory", "1", "0") as url:
        error = await refused(url)
    assert error.message.endswith("has no memory left (OOM).")
    assert "noeviction" in str(error)


async def test_the_replicas_are_too_few(server):
    with configured(server, "min-replicas-to-write", "1", "0") as url:
        assert "fewer replicas" in (await refused(url)).message


async def test_it_is_a_replica(tmp_path):
    with sentinel(valkey_binary(), tmp_path) as (_, replica, _):
        error = await refused(replica.url)
    assert error.message.endswith("is a replica, which can't be written (READONLY).")
    assert "Sentinels" in str(error)


async def test_somebody_else_uses_the_same_key(server):
    store = RedisStore(f"redis://:{PASSWORD}@127.0.0.1:{server.port}", STORE_KEY, "theirs")
    server.ask("SET", f"theirs:{{{KEY}}}:record", "something")
    async with store.open():
        with pytest.raises(StoreUnavailableError, match="WRONGTYPE") as caught:
            await store.get(KEY)
    assert "prefix" in str(caught.value)


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), "starting"),
        (exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), "disk"),
        (exceptions.ClusterDownError("The cluster is down"), "nodes are missing"),
        (exceptions.MasterDownError("Link with MASTER is down"), "without its primary"),
        (exceptions.TryAgainError("Multiple keys request during rehashing of slot"), "moving this slot"),
        (exceptions.ResponseError("BUSY Redis is busy running a script."), "doesn't end"),
        (exceptions.ResponseError("ERR Error running script: @user_script:5: -READONLY You can't write"), "replica"),
        (exceptions.ResponseError(f"ERR unknown command 'AUTH', with args: '{PASSWORD}'"), "refuses a command (ERR)"),
        (exceptions.ResponseError(f"{PASSWORD} said"), "refuses a command."),
        (exceptions.MaxConnectionsError(PASSWORD), "all connections are in use"),
        (exceptions.ConnectionError(PASSWORD), "the connection was lost"),
        (exceptions.InvalidResponse(PASSWORD), "InvalidResponse"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "TLS failed"),
        (TypeError(PASSWORD), "TypeError"),
    ],
)
def test_each_answer_has_its_sentence(problem, says):
    error = unavailable(problem, "redis://host")
    assert says in error.message
    assert error.hint
    assert PASSWORD not in str(error)
