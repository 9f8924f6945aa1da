"""What every store must do, as tests: run them over yours.

A store of your own passes when this collects and is green::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda: MyStore(tmp_path / "tokens")

Each call of ``make_store`` gives another store object over the same place, as two processes would have. A store that
encrypts what it keeps passes `sfauth.testing.SealedStoreContract`, too. The tests are coroutines: they need pytest with
anyio's plugin (part of anyio), and run on the event loops that your ``anyio_backend`` fixture names. Real time passes
in them, yet never more than `StoreContract.patience` seconds each: give the store short intervals.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

from ..lifetime import Lifetime, LifetimeSource
from ..stores.base import Record, Refusal, TokenStore
from ..token import Token

__all__ = ["KEY", "OTHER_KEY", "StoreContract", "example_record"]

KEY = "a1" * 32
OTHER_KEY = "b2" * 32


def example_record(generation: int, *, name: str = "example") -> Record:
    """A record with something in every field. Its token's texts hold the name and the generation.

    Args:
        generation: Of the record.
        name: To tell two records of one generation apart.
    """
    token = Token(
        access_token=f"00Dxx0000000001!access-{name}-{generation}",
        refresh_token=f"5Aep861-refresh-{name}-{generation}",
        instance_url="https://acme.my.salesforce.com",
        identity_url="https://login.salesforce.com/id/00Dxx0000000001AAA/005xx000001AAAAAAA",
        issued_at=1_800_000_000.25,
        scopes=frozenset({"api", "refresh_token"}),
        extra={"custom_attributes": {"name": "Zoë \N{SNOWMAN}", "numbers": [1, 2.5, None, True]}},
    )
    return Record(
        generation=generation,
        token=token,
        obtained_at=1_800_000_000.5,
        lifetime=Lifetime(7200.0, LifetimeSource.INTROSPECTION),
        credential="c0" * 32,
    )


class StoreContract:
    """Subclass it as ``TestSomething`` and override the fixture ``make_store``.

    Attributes:
        patience: Seconds after which something that should have happened is taken for never happening.
        crowd: Tasks that compete in the tests about races.
    """

    pytestmark = pytest.mark.anyio

    patience: float = 20.0
    crowd: int = 20

    @pytest.fixture
    def make_store(self) -> Callable[[], TokenStore]:
        """Override it: a function without arguments that makes another store object over the same, empty place."""
        raise NotImplementedError("override the fixture make_store")

    @asynccontextmanager
    async def opened(self, *stores: TokenStore) -> AsyncIterator[None]:
        """The stores, open, for as long as a test's patience lasts."""
        with anyio.fail_after(self.patience):
            async with AsyncExitStack() as stack:
                for store in stores:
                    await stack.enter_async_context(store.open())
                yield

    # ---------------------------------------------------------------- records

    async def test_an_unknown_key_has_no_record(self, make_store: Callable[[], TokenStore]) -> None:
        store = make_store()
        async with self.opened(store):
            assert await store.get(KEY) is None

    @pytest.mark.parametrize(
        "record",
        [
            pytest.param(example_record(1), id="a token"),
            pytest.param(example_record(2**40), id="a very high generation"),
            pytest.param(
                Record(
                    generation=7,
                    token=None,
                    obtained_at=0.0,
                    lifetime=Lifetime(0.0, LifetimeSource.ASSUMED),
                    credential="c0" * 32,
                ),
                id="no token",
            ),
            pytest.param(
                Record(
                    generation=3,
                    token=None,
                    obtained_at=1.5,
                    lifetime=Lifetime(900.0, LifetimeSource.LEARNED),
                    credential="c0" * 32,
                    refusal=Refusal(
                        credential="c0" * 32,
                        error_class="LoginRequiredError",
                        message="The grant is dead.",
                        error="invalid_grant",
                        error_description="expired access/refresh token",
                        status=400,
                        hint="Log in again. \N{SNOWMAN}",
                    ),
                ),
                id="a refusal",
            ),
        ],
    )
    async def test_what_is_put_is_what_one_gets(self, make_store: Callable[[], TokenStore], record: Record) -> None:
        store, peer = make_store(), make_store()
        async with self.opened(store, peer):
            assert await store.put(KEY, record, expected=0)
            assert await store.get(KEY) == record
            assert await peer.get(KEY) == record
            assert await store.get(OTHER_KEY) is None

    async def test_a_record_of_generation_0_counts_as_none_for_who_writes(
        self, make_store: Callable[[], TokenStore]
    ) -> None:
        """A refusal may be all that is known of an identity; it must not be in the way of the first token."""
        store = make_store()
        async with self.opened(store):
            assert await store.put(KEY, example_record(0), expected=0)
            assert await store.put(KEY, example_record(1), expected=0)
            assert await store.get(KEY) == example_record(1)

    async def test_who_has_read_an_older_generation_does_not_write(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        async with self.opened(store, peer):
            assert await store.put(KEY, example_record(1), expected=0)
            assert await peer.put(KEY, example_record(2, name="peer"), expected=1)
            assert not await store.put(KEY, example_record(2, name="late"), expected=1)
            assert not await store.put(KEY, example_record(9, name="late"), expected=0)
            assert await store.get(KEY) == example_record(2, name="peer")

    async def test_who_expects_a_record_where_none_is_does_not_write(
        self, make_store: Callable[[], TokenStore]
    ) -> None:
        store = make_store()
        async with self.opened(store):
            assert not await store.put(KEY, example_record(4), expected=3)
            assert await store.get(KEY) is None

    async def test_a_record_may_be_replaced_within_its_generation(self, make_store: Callable[[], TokenStore]) -> None:
        """So that what becomes known of a token's lifetime later is shared."""
        store = make_store()
        async with self.opened(store):
            assert await store.put(KEY, example_record(5), expected=0)
            assert await store.put(KEY, example_record(5, name="learned"), expected=5)
            assert await store.get(KEY) == example_record(5, name="learned")

    async def test_of_many_that_write_the_same_generation_one_does(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        async with self.opened(store, peer):
            for generation in range(1, 6):
                kept: list[str] = []

                async def write(name: str, kept: list[str] = kept, generation: int = generation) -> None:
                    writer = store if int(name) % 2 else peer
                    if await writer.put(KEY, example_record(generation, name=name), expected=generation - 1):
                        kept.append(name)

                async with anyio.create_task_group() as group:
                    for number in range(self.crowd):
                        group.start_soon(write, str(number))
                assert len(kept) == 1
                assert await store.get(KEY) == example_record(generation, name=kept[0])

    async def test_readers_never_see_a_mixture(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        last = 30
        seen: list[int] = []

        async def read() -> None:
            while not seen or seen[-1] < last:
                record = await peer.get(KEY)
                if record is not None:
                    assert record == example_record(record.generation)
                    seen.append(record.generation)
                await anyio.lowlevel.checkpoint()

        async with self.opened(store, peer), anyio.create_task_group() as group:
            group.start_soon(read)
            for generation in range(1, last + 1):
                assert await store.put(KEY, example_record(generation), expected=generation - 1)
        assert seen == sorted(seen)

    async def test_a_deleted_record_is_gone_for_everybody(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        async with self.opened(store, peer):
            assert await store.put(KEY, example_record(3), expected=0)
            assert await store.put(OTHER_KEY, example_record(1), expected=0)
            await peer.delete(KEY)
            await peer.delete(KEY)
            assert await store.get(KEY) is None
            assert await store.get(OTHER_KEY) == example_record(1)
            assert await store.put(KEY, example_record(1, name="new"), expected=0)
            assert await peer.get(KEY) == example_record(1, name="new")

    async def test_records_outlive_closing(self, make_store: Callable[[], TokenStore]) -> None:
        store = make_store()
        async with self.opened(store):
            assert await store.put(KEY, example_record(1), expected=0)
        async with self.opened(store):
            assert await store.get(KEY) == example_record(1)

    async def test_a_store_may_be_entered_by_several(self, make_store: Callable[[], TokenStore]) -> None:
        store = make_store()
        async with self.opened(store):
            async with store.open():
                assert await store.put(KEY, example_record(1), expected=0)
            assert await store.get(KEY) == example_record(1)
            async with store.lease(KEY):
                assert await store.put(KEY, example_record(2), expected=1)

    # ---------------------------------------------------------------- leases

    async def test_one_at_a_time_has_the_lease(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        inside: list[int] = []
        most, turns = 0, 0

        async def work(number: int) -> None:
            nonlocal most, turns
            async with (store if number % 2 else peer).lease(KEY):
                inside.append(number)
                most = max(most, len(inside))
                turns += 1
                await anyio.sleep(0.001)
                inside.remove(number)

        async with self.opened(store, peer), anyio.create_task_group() as group:
            for number in range(self.crowd):
                group.start_soon(work, number)
        assert (most, turns) == (1, self.crowd)

    async def test_who_has_the_lease_reads_and_writes(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        async with self.opened(store, peer):
            for generation in range(1, 4):
                async with (store if generation % 2 else peer).lease(KEY):
                    record = await store.get(KEY)
                    assert (record.generation if record is not None else 0) == generation - 1
                    assert await store.put(KEY, example_record(generation), expected=generation - 1)
                    assert await peer.get(KEY) == example_record(generation)

    async def test_a_read_modify_write_under_the_lease_loses_nothing(
        self, make_store: Callable[[], TokenStore]
    ) -> None:
        store, peer = make_store(), make_store()

        async def count(mine: TokenStore) -> None:
            async with mine.lease(KEY):
                record = await mine.get(KEY)
                there = record.generation if record is not None else 0
                await anyio.lowlevel.checkpoint()
                assert await mine.put(KEY, example_record(there + 1), expected=there)

        async with self.opened(store, peer):
            async with anyio.create_task_group() as group:
                for number in range(self.crowd):
                    group.start_soon(count, store if number % 2 else peer)
            assert await store.get(KEY) == example_record(self.crowd)

    async def test_leases_of_different_keys_do_not_meet(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        keys = [f"{number:064x}" for number in range(self.crowd)]
        async with self.opened(store, peer), AsyncExitStack() as stack:
            for number, key in enumerate(keys):
                await stack.enter_async_context((store if number % 2 else peer).lease(key))

    async def test_a_free_lease_has_nobody_to_wait_for(self, make_store: Callable[[], TokenStore]) -> None:
        store = make_store()
        holders: list[str] = []
        async with self.opened(store):
            for _ in range(3):
                async with store.lease(KEY, waits_for=holders.append):
                    pass
        assert holders == []

    async def test_who_waits_for_a_lease_hears_who_has_it(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        holders: list[str] = []
        heard = anyio.Event()

        def hear(holder: str) -> None:
            holders.append(holder)
            heard.set()

        async def wait() -> None:
            async with peer.lease(KEY, waits_for=hear):
                pass

        async with self.opened(store, peer), anyio.create_task_group() as group, store.lease(KEY):
            group.start_soon(wait)
            await heard.wait()
        assert holders
        assert all(isinstance(holder, str) and holder for holder in holders)

    async def test_a_cancelled_holder_frees_the_lease(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()

        async def hold(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            async with store.lease(KEY):
                task_status.started()
                await anyio.sleep_forever()

        async with self.opened(store, peer):
            for _ in range(3):
                async with anyio.create_task_group() as group:
                    await group.start(hold)
                    group.cancel_scope.cancel()
                async with peer.lease(KEY):
                    pass

    async def test_a_holder_that_raises_frees_the_lease(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        async with self.opened(store, peer):
            with suppress(ZeroDivisionError):
                async with store.lease(KEY):
                    raise ZeroDivisionError
            async with peer.lease(KEY):
                pass

    async def test_cancelling_who_waits_at_any_moment_leaves_the_lease_to_the_others(
        self, make_store: Callable[[], TokenStore]
    ) -> None:
        store, peer = make_store(), make_store()
        chance = random.Random(1)

        async def give_up(after: float) -> None:
            with anyio.move_on_after(after):
                async with peer.lease(KEY):
                    await anyio.sleep_forever()

        async with self.opened(store, peer):
            async with store.lease(KEY), anyio.create_task_group() as group:
                for _ in range(self.crowd // 2):
                    group.start_soon(give_up, chance.random() * 0.05)
            async with anyio.create_task_group() as group:
                for _ in range(self.crowd // 2):
                    group.start_soon(give_up, chance.random() * 0.05)
            async with store.lease(KEY):
                pass

    async def test_a_late_holder_can_not_overwrite_its_successor(self, make_store: Callable[[], TokenStore]) -> None:
        """Leases pass on when their holder stands still for too long. What makes that harmless is the comparison."""
        store, peer = make_store(), make_store()
        async with self.opened(store, peer):
            assert await store.put(KEY, example_record(1), expected=0)
            async with store.lease(KEY):
                assert await peer.put(KEY, example_record(2, name="successor"), expected=1)
                assert not await store.put(KEY, example_record(2, name="late"), expected=1)
                assert await store.get(KEY) == example_record(2, name="successor")

    # ---------------------------------------------------------------- changes

    async def test_peers_hear_of_what_is_written_and_deleted(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        heard: set[str] = set()
        async with self.opened(store, peer), peer.changes() as changes, anyio.create_task_group() as group:

            async def listen() -> None:
                async for key in changes:
                    heard.add(key)

            async def hear(key: str) -> None:
                while key not in heard:  # noqa: ASYNC110 - a store may say one thing twice: no event fits
                    await anyio.sleep(0.01)
                heard.clear()

            group.start_soon(listen)
            assert await store.put(KEY, example_record(1), expected=0)
            await hear(KEY)
            assert await store.put(KEY, example_record(2), expected=1)
            await hear(KEY)
            assert await store.put(OTHER_KEY, example_record(1), expected=0)
            await hear(OTHER_KEY)
            await store.delete(KEY)
            await hear(KEY)
            group.cancel_scope.cancel()

    async def test_everybody_who_listens_hears(self, make_store: Callable[[], TokenStore]) -> None:
        store, peer = make_store(), make_store()
        async with self.opened(store, peer), AsyncExitStack() as stack:
            listeners = [await stack.enter_async_context(peer.changes()) for _ in range(3)]
            assert await store.put(KEY, example_record(1), expected=0)
            for changes in listeners:
                async for key in changes:
                    assert key == KEY
                    break
