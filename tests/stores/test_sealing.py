"""Keys, and where they come from."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest

from sfauth import ConfigurationError
from sfauth.stores import Seal, UnreadableRecordError, generate_key, key_from_env, key_from_keyring
from sfauth.testing import example_record
from sfauth.testing.store_contract import KEY


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def opens(keys) -> bool:
    """Whether these keys open what they have sealed."""
    seal = Seal(keys)
    return await seal.open(KEY, await seal.seal(KEY, example_record(1))) == example_record(1)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "store.key"
    path.touch(mode=0o600)
    path.write_text(generate_key() + "\n")
    return path


def test_each_key_is_new() -> None:
    assert len({generate_key() for _ in range(20)}) == 20
    assert len(generate_key()) == 44


async def test_a_key_may_be_given_in_many_ways(key_file: Path) -> None:
    async def vault() -> bytes:
        return generate_key().encode()

    for key in (generate_key(), generate_key().encode(), key_file, generate_key, vault, [generate_key(), key_file]):
        assert await opens(key)


async def test_without_a_key_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFAUTH_STORE_KEY", generate_key())
    monkeypatch.setenv("OTHER", generate_key())
    assert await opens(None)
    assert await opens(key_from_env("OTHER"))
    monkeypatch.delenv("SFAUTH_STORE_KEY")
    with pytest.raises(ConfigurationError, match="SFAUTH_STORE_KEY is not set") as error:
        await opens(None)
    assert "generate_key()" in str(error.value.hint)


async def test_a_key_file_that_others_may_read_is_refused(key_file: Path) -> None:
    key_file.chmod(0o640)  # noqa: ASYNC240
    with pytest.raises(ConfigurationError, match="Others may read the store's key") as error:
        await opens(key_file)
    assert error.value.hint == f"chmod 600 {key_file}"
    with pytest.raises(ConfigurationError, match="No such file"):
        await opens(key_file.with_name("missing"))


@pytest.mark.parametrize("key", ["", "too short", "é" * 44, b"\xff" * 44, generate_key()[:-4], lambda: 5])
async def test_what_is_no_key_is_refused_and_not_shown(key) -> None:
    with pytest.raises(ConfigurationError) as error:
        await opens(key)
    assert "too short" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_store_needs_a_key() -> None:
    with pytest.raises(ConfigurationError, match="at least one key"):
        Seal([])


def test_keys_are_neither_shown_nor_pickled() -> None:
    key = generate_key()
    seal = Seal(key)
    assert key not in repr(seal)
    with pytest.raises(TypeError, match="keys are not pickled"):
        pickle.dumps(seal)


async def test_the_first_key_seals_and_all_of_them_open() -> None:
    old, new = generate_key(), generate_key()
    before, between, after = Seal(old), Seal([new, old]), Seal(new)
    sealed = await before.seal(KEY, example_record(1))
    assert await between.open(KEY, sealed) == example_record(1)
    with pytest.raises(UnreadableRecordError, match="not among those given") as error:
        await after.open(KEY, sealed)
    assert not error.value.damaged
    assert await after.open(KEY, await between.seal(KEY, example_record(2))) == example_record(2)


class Drawer(keyring.backend.KeyringBackend):
    """A keyring that works, in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Forgetful(Drawer):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


@pytest.fixture
def use_keyring():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


async def test_a_key_is_made_in_the_keyring_once(use_keyring) -> None:
    drawer = Drawer()
    use_keyring(drawer)
    sealed = await Seal(key_from_keyring()).seal(KEY, example_record(1))
    assert len(drawer.kept) == 1
    assert await Seal(key_from_keyring()).open(KEY, sealed) == example_record(1)
    with pytest.raises(UnreadableRecordError):
        await Seal(key_from_keyring("another", "one")).open(KEY, sealed)


@pytest.mark.parametrize(
    ("backend", "says"),
    [(keyring.backends.fail.Keyring, "can't be used: NoKeyringError"), (Forgetful, "doesn't keep")],
)
async def test_a_machine_without_a_keyring_is_a_clear_error(use_keyring, backend, says: str) -> None:
    use_keyring(backend())
    with pytest.raises(ConfigurationError, match=says):
        await opens(key_from_keyring())


async def test_without_the_keyring_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match="keyring package is missing") as error:
        await opens(key_from_keyring())
    assert error.value.hint == 'pip install "sfauth[keyring]"'
