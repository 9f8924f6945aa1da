"""The contract of all stores over real servers, and what is particular about records in Redis."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest
import redis.asyncio

from sfauth import ConfigurationError
from sfauth.stores import RedisStore, generate_key
from sfauth.stores.redis import DAY, REFRESH_TOKEN_TTL
from sfauth.testing import SealedStoreContract, example_record

from .redis_servers import Server, cluster, redis_binary, valkey_binary

KEY = "a1" * 32
STORE_KEY = generate_key()

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("valkey")
    with Server(valkey_binary(), folder, f"unixsocket {folder}/socket").running() as running:
        yield running


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory):
    with Server(redis_binary(), tmp_path_factory.mktemp("redis")).running() as running:
        yield running


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    with cluster(valkey_binary(), tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def prefix():
    return f"test-{secrets.token_hex(4)}"


class Place:
    """What is behind a store, seen by somebody who has no key."""

    def __init__(self, client, prefix):
        self.client = client
        self.prefix = prefix

    def name(self, key):
        return f"{self.prefix}:{{{key}}}:record"

    async def read(self, key):
        return await self.client.hget(self.name(key), "sealed")

    async def write(self, key, sealed):
        await self.client.hsetnx(self.name(key), "generation", "1")
        await self.client.hset(self.name(key), "sealed", sealed)


class RedisContract(SealedStoreContract):
    @pytest.fixture
    def url(self, server):
        return server.url

    @pytest.fixture
    def make_store(self, url, prefix):
        def make(key=STORE_KEY):
            return RedisStore(url, key, prefix, poll_interval=0.05)

        return make

    @pytest.fixture
    async def place(self, url, prefix):
        kind = redis.asyncio.RedisCluster if "+cluster" in url else redis.asyncio.Redis
        async with kind.from_url(url.replace("+cluster", "").partition(",")[0]) as client:
            yield Place(client, prefix)


class TestValkey(RedisContract):
    pass


class TestValkeyThroughASocketFile(RedisContract):
    @pytest.fixture
    def anyio_backend(self):
        return "asyncio"

    @pytest.fixture
    def url(self, server):
        return f"unix://{server.folder}/socket?db=3"


class TestRedis(RedisContract):
    @pytest.fixture
    def anyio_backend(self):
        return "asyncio"

    @pytest.fixture
    def url(self, redis_server):
        return redis_server.url


class TestCluster(RedisContract):
    @pytest.fixture
    def anyio_backend(self):
        return "asyncio"

    @pytest.fixture
    def url(self, nodes):
        return f"redis+cluster://127.0.0.1:{nodes[0].port},127.0.0.1:{nodes[1].port}"


@pytest.mark.parametrize(
    ("ttl", "refresh_token", "seconds"),
    [
        (30 * DAY, None, 30 * DAY),
        (30 * DAY, "5Aep8", REFRESH_TOKEN_TTL),
        (2 * REFRESH_TOKEN_TTL, "5Aep8", 2 * REFRESH_TOKEN_TTL),
        (None, None, None),
        (None, "5Aep8", None),
    ],
)
async def test_records_go_when_nobody_writes_them_but_those_with_a_refresh_token_last(
    server, prefix, ttl, refresh_token, seconds
):
    first = example_record(1)
    assert first.token is not None
    record = replace(first, token=replace(first.token, refresh_token=refresh_token))
    brief, store = (
        RedisStore(server.url, STORE_KEY, prefix, ttl=60.0),
        RedisStore(server.url, STORE_KEY, prefix, ttl=ttl),
    )
    async with brief.open(), store.open():
        assert await brief.put(KEY, replace(record, token=replace(first.token, refresh_token=None)), expected=0)
        assert await store.put(KEY, replace(record, generation=2), expected=1)
    left = server.ask("PTTL", f"{prefix}:{{{KEY}}}:record")
    if seconds is None:
        assert left == -1
    else:
        assert 0 <= seconds * 1000 - left < 60_000


async def test_all_keys_of_an_identity_have_one_slot_and_the_prefix(server, prefix):
    store = RedisStore(server.url, STORE_KEY, prefix)
    async with store.open(), store.lease(KEY):
        assert await store.put(KEY, example_record(1), expected=0)
        keys = [key.decode() for key in server.ask("KEYS", f"*{KEY}*") if key.startswith(prefix.encode())]
    assert sorted(keys) == [f"{prefix}:{{{KEY}}}:lease", f"{prefix}:{{{KEY}}}:record"]
    assert (
        len({server.ask("CLUSTER", "KEYSLOT", key) for key in keys} if False else {k.split("}")[0] for k in keys}) == 1
    )


async def test_a_record_that_nobody_can_read_is_put_aside_and_said(server, prefix, caplog):
    name = f"{prefix}:{{{KEY}}}:record"
    store, strict = (RedisStore(server.url, STORE_KEY, prefix, on_damaged=policy) for policy in ("login", "raise"))
    async with store.open(), strict.open():
        for damage in ("garbage", None):
            assert await store.put(KEY, example_record(1), expected=0)
            server.ask(*(("HDEL", name, "sealed") if damage is None else ("HSET", name, "sealed", damage)))
            with pytest.raises(ConfigurationError, match="damaged"):
                await strict.get(KEY)
            assert await store.get(KEY) is None
            assert server.ask("EXISTS", name) == 0
            assert server.ask("PTTL", f"{prefix}:{{{KEY}}}:damaged") > 0
    assert "damaged record" in caplog.text
    assert f"{{{KEY}}}:damaged" in caplog.text
