"""What a URL says about Redis, what is refused at once, and that no secret gets out of a store."""

from __future__ import annotations

import pickle

import pytest
import redis.asyncio

from sfauth import ConfigurationError
from sfauth.stores import RedisStore, generate_key
from sfauth.stores.redis_client import parse_address

STORE_KEY = generate_key()


@pytest.fixture
def anyio_backend():
    return "asyncio"


def parsed(url, **options):
    return parse_address(url, **{"username": None, "password": None, "socket_timeout": 3.0, **options})


@pytest.mark.parametrize(
    ("url", "place", "kind", "nodes"),
    [
        ("redis://host", "redis://host:6379", "server", [("host", 6379)]),
        ("redis://", "redis://localhost:6379", "server", [("localhost", 6379)]),
        ("redis://u:p@host:1234/5", "redis://host:1234/5", "server", [("host", 1234)]),
        ("valkeys://:p@host", "valkeys://host:6379", "server", [("host", 6379)]),
        ("rediss://[::1]:7?ssl_ca_certs=x", "rediss://[::1]:7", "server", [("::1", 7)]),
        ("unix://u:p@/run/redis.sock?db=2", "unix:///run/redis.sock", "server", []),
        (
            "rediss+sentinel://u:p@one,two:2/tokens/3",
            "rediss+sentinel://one:26379,two:2/tokens/3",
            "sentinel",
            [("one", 26379), ("two", 2)],
        ),
        ("redis+cluster://one,two:2", "redis+cluster://one:6379,two:2", "cluster", [("one", 6379), ("two", 2)]),
    ],
)
def test_a_url_says_where_redis_is(url, place, kind, nodes):
    address = parsed(url)
    assert (address.place, address.kind, list(address.nodes)) == (place, kind, nodes)
    assert repr(RedisStore(url, STORE_KEY)) == f"RedisStore({place!r}, prefix='sfauth')"


def test_a_url_of_sentinels_has_the_primary_the_database_and_two_logins():
    address = parsed(
        "rediss+sentinel://u:p%2F1@one/tokens/3?sentinel_username=s&sentinel_password=q&ssl_ca_certs=ca&socket_timeout=9"
    )
    assert address.service == "tokens"
    mine = {"username": "u", "password": "p/1", "db": 3, "ssl": True, "ssl_ca_certs": "ca", "socket_timeout": 9.0}
    assert mine.items() <= address.options.items()
    assert not {"sentinel_username", "sentinel_password", "host", "port"} & address.options.keys()
    theirs = {"username": "s", "password": "q", "ssl": True, "ssl_ca_certs": "ca", "socket_timeout": 9.0}
    assert theirs.items() <= address.sentinel_options.items()
    assert "db" not in address.sentinel_options


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:6379",
        "http://u:hunter2@host",
        "redis://u:hunter2@host:port",
        "redis://u:hunter2@host:99999",
        "redis://:hunter2/with/slashes@host",
        "redis://u:hunter2@host/name",
        "redis://u:hunter2@host?db=x",
        "redis://u:hunter2@host?max_connections=0",
        "redis://u:hunter2@[::1",
        "redis+sentinel://u:hunter2@host",
        "redis+cluster://u:hunter2@host/2",
        "redis+cluster+sentinel://u:hunter2@host",
    ],
)
def test_a_url_that_is_wrong_is_not_repeated(url):
    with pytest.raises(ConfigurationError) as caught:
        RedisStore(url, STORE_KEY)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None
    assert "redis://user:password@host:6379/0" in str(caught.value)


async def test_an_option_that_nobody_knows_is_found_when_the_store_is_opened():
    for scheme, path in (("redis", ""), ("redis+sentinel", "/tokens"), ("redis+cluster", "")):
        store = RedisStore(f"{scheme}://:hunter2@host{path}?colour=hunter2", STORE_KEY)
        with pytest.raises(ConfigurationError, match="options") as caught:
            async with store.open():
                pass
        assert "hunter2" not in str(caught.value)
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"url": None}, "either a URL or client"),
        ({"client": redis.asyncio.Redis}, "either a URL or client"),
        ({"lease": 0}, "lease must"),
        ({"ttl": -1}, "ttl must"),
        ({"poll_interval": 0}, "poll_interval must"),
        ({"socket_timeout": 0}, "socket_timeout must"),
        ({"prefix": ""}, "prefix must"),
        ({"prefix": "{a}"}, "prefix must"),
        ({"on_damaged": "ignore"}, "on_damaged must"),
        ({"password": 5}, "password of Redis"),
    ],
)
def test_what_can_not_be_meant_is_refused(options, rule):
    with pytest.raises(ConfigurationError, match=rule):
        RedisStore(**{"url": "redis://host", "key": STORE_KEY, **options})


def test_a_store_is_neither_shown_nor_pickled_with_its_secrets():
    store = RedisStore("rediss://user:hunter2@host:6380/1?ssl_keyfile=k", STORE_KEY, password="hunter3")
    assert repr(store) == "RedisStore('rediss://host:6380/1', prefix='sfauth')"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(store)
    assert "hunter" not in repr(parsed("redis+sentinel://u:hunter2@h/s?sentinel_password=hunter3", password="hunter4"))


async def test_a_client_that_can_not_subscribe_is_refused_when_the_store_is_opened():
    """Before redis-py 8, the one for clusters is such a client."""
    with pytest.raises(ConfigurationError, match="can't subscribe") as caught:
        async with RedisStore(key=STORE_KEY, client=object).open():
            pass
    assert "redis>=8" in str(caught.value)
