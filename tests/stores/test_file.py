"""The store of one machine."""

from __future__ import annotations

import json
import logging
import os
import pickle
import stat
from contextlib import suppress
from pathlib import Path

import anyio
import platformdirs
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from sfauth import ConfigurationError, StoreUnavailableError
from sfauth.stores import FileStore, Seal, UnreadableRecordError, generate_key
from sfauth.testing import SealedStoreContract, example_record
from sfauth.testing.store_contract import KEY, OTHER_KEY

SEALED_WITH = generate_key()


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, key: str) -> Path:
        return self.path / f"{key}.record"

    async def read(self, key: str) -> bytes | None:
        return self.file(key).read_bytes() if self.file(key).exists() else None

    async def write(self, key: str, sealed: bytes) -> None:
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.file(key).write_bytes(sealed)


@pytest.fixture
def place(tmp_path):
    return Folder(tmp_path / "tokens")


@pytest.fixture
def make_store(place):
    return lambda key=SEALED_WITH, **options: FileStore(place.path, key, **{"poll_interval": 0.01, **options})


class TestFileStore(SealedStoreContract):
    @pytest.fixture
    def make_store(self, make_store):
        return make_store

    @pytest.fixture
    def place(self, place):
        return place


class TestFileStoreThatRaises(SealedStoreContract):
    """`on_damaged="raise"`; once over all event loops is enough."""

    @pytest.fixture
    def anyio_backend(self):
        return "asyncio"

    @pytest.fixture
    def make_store(self, make_store):
        return lambda **options: make_store(on_damaged="raise", **options)

    @pytest.fixture
    def place(self, place):
        return place


# ---------------------------------------------------------------- the folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_nobody_else_may_look_into_the_folder_or_a_file(place, make_store):
    store, umask = make_store(), os.umask(0)
    try:
        async with store.open(), store.lease(KEY):
            assert await store.put(KEY, example_record(1), expected=0)
    finally:
        os.umask(umask)
    modes = {path.name: mode(path) for path in [place.path, *place.path.rglob("*")]}
    assert modes == {
        "tokens": 0o700,
        "locks": 0o700,
        f"{KEY}.record": 0o600,
        f"{KEY}.lease": 0o600,
        "write-a.lock": 0o600,
    }


@pytest.mark.parametrize("wide", [0o755, 0o770, 0o701])
async def test_a_folder_that_others_may_look_into_is_refused(place, make_store, wide):
    place.path.mkdir()
    place.path.chmod(wide)
    with pytest.raises(ConfigurationError, match="Others may look into the folder") as refused:
        async with make_store().open():
            pass
    assert refused.value.hint is not None
    assert f"chmod 700 {place.path}" in refused.value.hint


async def test_a_folder_of_somebody_else_is_refused(place, make_store, monkeypatch):
    place.path.mkdir(mode=0o700)
    monkeypatch.setattr("sfauth.stores.disk.os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigurationError, match=rf"belongs to another user \(uid {os.getuid()}\)"):
        async with make_store().open():
            pass


async def test_a_folder_that_can_not_be_made_stops_nobody_from_starting(tmp_path, caplog):
    (tmp_path / "a file").touch()
    store = FileStore(tmp_path / "a file" / "tokens", SEALED_WITH)
    async with store.open():
        assert "Not a directory" in caplog.text
        with pytest.raises(StoreUnavailableError, match="Not a directory"):
            await store.put(KEY, example_record(1), expected=0)
        with pytest.raises(StoreUnavailableError, match="Not a directory"):
            async with store.lease(KEY):
                pass


async def test_a_folder_that_somebody_removes_is_made_again(place, make_store):
    store = make_store()
    async with store.open():
        assert await store.put(KEY, example_record(1), expected=0)
        place.path.rename(place.path.with_name("gone"))
        assert await store.get(KEY) is None
        async with store.lease(KEY):
            assert await store.put(KEY, example_record(1), expected=0)
        assert mode(place.path) == 0o700


def test_tokens_lie_in_the_users_folder_for_state():
    assert FileStore(key=SEALED_WITH).path == platformdirs.user_state_path("sfauth", appauthor=False) / "tokens"


async def test_a_key_that_names_a_path_is_refused(make_store):
    store = make_store()
    for key in ("../" + KEY, KEY + "\n", KEY.upper(), ""):
        with pytest.raises(ValueError, match="64 hexadecimal digits"):
            await store.get(key)


def test_it_shows_where_it_is_and_no_key(place, make_store):
    assert repr(make_store()) == f"FileStore({str(place.path)!r})"
    assert SEALED_WITH not in repr(vars(make_store()))


def test_it_is_not_pickled(make_store):
    with pytest.raises(TypeError, match="keys are not pickled"):
        pickle.dumps(make_store())


@pytest.mark.parametrize(
    "wrong", [{"on_damaged": "ignore"}, {"lease_timeout": 0}, {"poll_interval": -1}, {"lease_timeout": float("nan")}]
)
def test_options_out_of_their_range_are_refused(make_store, wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        make_store(**wrong)


# ---------------------------------------------------------------- damage


async def test_a_damaged_file_is_kept_aside_and_told_once(place, make_store, caplog):
    store = make_store()
    async with store.open():
        for number in range(1, 4):
            await place.write(KEY, b"damage %d" % number)
            caplog.clear()
            assert await store.get(KEY) is None
            assert await store.get(KEY) is None
            aside = place.path / f"{KEY}.damaged-{number}"
            assert aside.read_bytes() == b"damage %d" % number
            assert [record.getMessage().endswith(str(aside)) for record in caplog.records] == [True]
            assert caplog.records[0].levelno == logging.WARNING


async def test_damage_that_goes_on_does_not_fill_the_disk(place, make_store):
    store = make_store()
    async with store.open():
        for number in range(30):
            await place.write(KEY, b"damage %d" % number)
            assert await store.get(KEY) is None
    kept = sorted(place.path.glob("*.damaged-*"))
    assert len(kept) == 9
    assert kept[-1].read_bytes() == b"damage 29"


async def test_who_writes_where_a_damaged_file_is_keeps_that_aside_too(place, make_store):
    store = make_store()
    async with store.open():
        await place.write(KEY, b"damage")
        assert await store.put(KEY, example_record(1), expected=0)
        assert await store.get(KEY) == example_record(1)
    assert (place.path / f"{KEY}.damaged-1").read_bytes() == b"damage"


async def test_a_damaged_file_may_be_left_for_a_person(place, make_store):
    store = make_store(on_damaged="raise")
    async with store.open():
        await place.write(KEY, b"damage")
        with pytest.raises(UnreadableRecordError, match="damaged"):
            await store.get(KEY)
        # The answer of a token request must not be lost over it: this error is one that a manager tries again on.
        with pytest.raises(StoreUnavailableError, match="damaged"):
            await store.put(KEY, example_record(1), expected=0)
        assert await place.read(KEY) == b"damage"


@given(data=st.data())
def test_whichever_byte_of_a_file_changes_no_other_record_comes_out(data):
    seal = Seal(SEALED_WITH)
    record = example_record(1)
    sealed = bytearray(anyio.run(seal.seal, KEY, record))
    for _ in range(data.draw(st.integers(1, 3))):
        sealed[data.draw(st.integers(0, len(sealed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(sealed), *range(0, len(sealed), 97)]))
    with suppress(UnreadableRecordError):
        assert seal.decrypt(KEY, bytes(sealed[:cut])) == record


# ---------------------------------------------------------------- leases


async def wait_for_lease(store: FileStore, entered: list[bool]) -> None:
    async with store.lease(KEY):
        entered.append(True)


async def test_a_holder_that_lives_keeps_its_lease(make_store):
    holder, other = make_store(lease_timeout=0.2), make_store(lease_timeout=0.2)
    entered: list[bool] = []
    async with holder.open(), other.open(), anyio.create_task_group() as group, holder.lease(KEY):
        group.start_soon(wait_for_lease, other, entered)
        await anyio.sleep(0.8)
        assert not entered
    assert entered


async def test_a_holder_without_a_sign_of_life_loses_its_lease_to_one_of_those_who_wait(place, make_store):
    stores = [make_store(lease_timeout=0.2) for _ in range(5)]
    inside: list[int] = []
    turns = 0
    async with stores[0].open():
        async with stores[0].lease(KEY):
            pass
        # Somebody who stands still has the lock, yet does nothing.
        with FileLock(place.path / "locks" / f"{KEY}.lease", thread_local=False):

            async def work(number: int) -> None:
                nonlocal turns
                async with stores[number].lease(KEY):
                    inside.append(number)
                    assert len(inside) == 1
                    await anyio.sleep(0.01)
                    inside.remove(number)
                    turns += 1

            with anyio.fail_after(10):
                async with anyio.create_task_group() as group:
                    for number in range(len(stores)):
                        group.start_soon(work, number)
        assert turns == len(stores)


async def test_a_lease_names_its_holder(make_store):
    store, holders = make_store(), []

    def found(holder: str) -> None:
        holders.append(holder)
        scope.cancel()

    async with store.open(), store.lease(KEY):
        with anyio.CancelScope() as scope:
            async with make_store().lease(KEY, waits_for=found):
                pytest.fail("two have it")
    assert holders == [f"{os.uname().nodename}:{os.getpid()}"]


async def test_lock_files_that_were_left_are_in_nobodys_way(place, make_store):
    locks = place.path / "locks"
    locks.mkdir(mode=0o700, parents=True)
    place.path.chmod(0o700)
    for name in (f"{KEY}.lease", f"{OTHER_KEY}.lease", "write-a.lock"):
        (locks / name).write_text("elsewhere:1")
    store = make_store()
    with anyio.fail_after(5):
        async with store.open(), store.lease(KEY, waits_for=pytest.fail):
            assert await store.put(KEY, example_record(1), expected=0)


async def test_what_the_holder_raises_comes_out_as_it_is(make_store):
    store = make_store()
    async with store.open():
        with pytest.raises(ZeroDivisionError):
            async with store.lease(KEY):
                raise ZeroDivisionError


async def test_somebody_who_stands_still_while_writing_is_an_error_that_says_so(place, make_store, monkeypatch):
    monkeypatch.setattr("sfauth.stores.file.WRITE_PATIENCE", 0.1)
    store = make_store()
    async with store.open():
        assert await store.put(KEY, example_record(1), expected=0)
        with FileLock(place.path / "locks" / "write-a.lock", thread_local=False):
            with pytest.raises(StoreUnavailableError, match="Another process has been writing") as error:
                await store.put(KEY, example_record(2), expected=1)
            assert str(os.getpid()) in str(error.value)
            assert await store.get(KEY) == example_record(1)


# ---------------------------------------------------------------- changes


async def test_looking_for_changes_opens_nothing_while_there_are_none(make_store, monkeypatch):
    store, scandir = make_store(), os.scandir
    scans: list[Path] = []

    def scan(path):
        scans.append(path)
        return scandir(path)

    async with store.open():
        assert await store.put(KEY, example_record(1), expected=0)
        monkeypatch.setattr("sfauth.stores.file.os.scandir", scan)
        async with store.changes() as changes:
            with anyio.move_on_after(0.3):
                async for key in changes:
                    pytest.fail(f"nothing has changed, least of all {key}")
    assert len(scans) <= 2


def test_what_lies_on_disk_is_json_with_a_version(place, make_store):
    async def write() -> None:
        store = make_store()
        async with store.open():
            assert await store.put(KEY, example_record(1), expected=0)

    anyio.run(write)
    assert json.loads(place.file(KEY).read_bytes()).keys() == {"sfauth", "key", "sealed"}
