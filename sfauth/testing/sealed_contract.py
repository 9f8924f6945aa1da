"""What every store that encrypts must do besides, as tests: run them over yours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import pytest

from ..errors import ConfigurationError, StoreUnavailableError
from ..stores.base import Record, TokenStore
from ..stores.sealing import UnreadableRecordError, generate_key
from .store_contract import KEY, OTHER_KEY, StoreContract, example_record

__all__ = ["SealedPlace", "SealedStoreContract"]


class SealedPlace(Protocol):
    """Where a store keeps what it has encrypted, seen from outside."""

    async def read(self, key: str) -> bytes | None:
        """The bytes that are kept for this key, None where there are none."""

    async def write(self, key: str, sealed: bytes) -> None:
        """Put other bytes in their place."""


class SealedStoreContract(StoreContract):
    """For stores that encrypt what they keep (`sfauth.stores.sealing`).

    Besides ``make_store``, which here takes the keys to use (default: always the same one), override ``place``.
    """

    @pytest.fixture
    def make_store(self) -> Callable[..., TokenStore]:
        """Override it: makes a store object over the same, empty place; takes ``key=``, one key or a list."""
        raise NotImplementedError("override the fixture make_store")

    @pytest.fixture
    def place(self) -> SealedPlace:
        """Override it: the place behind the stores that ``make_store`` makes."""
        raise NotImplementedError("override the fixture place")

    async def test_nothing_can_be_read_without_the_key(
        self, make_store: Callable[..., TokenStore], place: SealedPlace
    ) -> None:
        store, record = make_store(), example_record(1)
        async with self.opened(store):
            assert await store.put(KEY, record, expected=0)
            sealed = await place.read(KEY)
        assert sealed is not None
        assert record.token is not None
        for secret in (record.token.access_token, record.token.refresh_token, "salesforce.com", record.credential):
            assert secret is not None
            assert secret.encode() not in sealed

    async def test_keys_are_rotated_by_a_list(self, make_store: Callable[..., TokenStore], place: SealedPlace) -> None:
        """The new key in front: what the old one sealed is read, what is written is sealed with the new one."""
        old, new = generate_key(), generate_key()
        before, between, after = make_store(key=old), make_store(key=[new, old]), make_store(key=new)
        async with self.opened(before, between, after):
            assert await before.put(KEY, example_record(1), expected=0)
            assert await between.get(KEY) == example_record(1)
            assert await between.put(KEY, example_record(2), expected=1)
            assert await after.get(KEY) == example_record(2)
            assert await after.put(KEY, example_record(3), expected=2)
            assert await between.get(KEY) == example_record(3)

    async def test_who_has_another_key_is_told_so_and_destroys_nothing(
        self, make_store: Callable[..., TokenStore], place: SealedPlace
    ) -> None:
        store, stranger = make_store(), make_store(key=generate_key())
        async with self.opened(store, stranger):
            assert await store.put(KEY, example_record(1), expected=0)
            sealed = await place.read(KEY)
            with pytest.raises(UnreadableRecordError, match="encrypted with a key that is not among those given"):
                await stranger.get(KEY)
            for expected in (0, 1):
                with suppress(ConfigurationError, StoreUnavailableError):
                    assert not await stranger.put(KEY, example_record(2), expected=expected)
            assert await place.read(KEY) == sealed
            assert await store.get(KEY) == example_record(1)

    async def test_a_record_of_a_newer_format_is_left_alone(
        self, make_store: Callable[..., TokenStore], place: SealedPlace
    ) -> None:
        store = make_store()
        newer = b'{"sfauth": 99, "something": "else"}'
        async with self.opened(store):
            await place.write(KEY, newer)
            with pytest.raises(UnreadableRecordError, match="format 99"):
                await store.get(KEY)
            with suppress(ConfigurationError, StoreUnavailableError):
                assert not await store.put(KEY, example_record(1), expected=0)
            assert await place.read(KEY) == newer

    async def test_a_record_in_the_place_of_another_is_not_accepted(
        self, make_store: Callable[..., TokenStore], place: SealedPlace
    ) -> None:
        """Who can write to the place, but has no key, must not give one user the session of another."""
        store = make_store()
        async with self.opened(store):
            assert await store.put(KEY, example_record(1), expected=0)
            sealed = await place.read(KEY)
            assert sealed is not None
            await place.write(OTHER_KEY, sealed)
            assert await self._read_or_refused(store, OTHER_KEY) is None

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda sealed: b"", id="empty"),
            pytest.param(lambda sealed: sealed[: len(sealed) // 2], id="cut in half"),
            pytest.param(lambda sealed: sealed[:-1], id="last byte missing"),
            pytest.param(lambda sealed: bytes(len(sealed)), id="zeros"),
            pytest.param(lambda sealed: b"[" * 100_000, id="brackets"),
            pytest.param(lambda sealed: b"{}", id="an empty object"),
            pytest.param(lambda sealed: b'{"sfauth": 1, "key": [], "sealed": {}}', id="wrong types"),
            pytest.param(lambda sealed: sealed[:-40] + b"A" * 20 + sealed[-20:], id="overwritten"),
        ],
    )
    async def test_a_damaged_record_is_no_record_or_an_error_and_nothing_worse(
        self, make_store: Callable[..., TokenStore], place: SealedPlace, damage: Callable[[bytes], bytes]
    ) -> None:
        store = make_store()
        async with self.opened(store):
            assert await store.put(KEY, example_record(1), expected=0)
            sealed = await place.read(KEY)
            assert sealed is not None
            await place.write(KEY, damage(sealed))
            assert await self._read_or_refused(store, KEY) is None
            # Whatever the store makes of it, deleting the record mends it.
            await store.delete(KEY)
            assert await store.put(KEY, example_record(1, name="new"), expected=0)
            assert await store.get(KEY) == example_record(1, name="new")

    async def _read_or_refused(self, store: TokenStore, key: str) -> Record | None:
        try:
            return await store.get(key)
        except UnreadableRecordError as problem:
            error = problem
        assert error.damaged
        assert "access-" not in str(error)
        return None
