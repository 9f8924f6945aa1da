"""Killed processes, full disks, read-only folders: what is in the store is the old record or the new one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import anyio
import pytest

from sfauth.stores import FileStore, generate_key
from sfauth.testing.store_contract import KEY, example_record

from .crash import STEPS

ROOT = Path(__file__).parent.parent.parent
SEALED_WITH = generate_key()
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "SFAUTH_STORE_KEY": SEALED_WITH, "PYTHONWARNINGS": "error"}
CRASH = Path(__file__).parent / "crash.py"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


@pytest.fixture
def store(folder: Path) -> FileStore:
    return FileStore(folder, SEALED_WITH)


def crash(folder: Path, step: str) -> None:
    killed = subprocess.run([sys.executable, CRASH, folder, step], env=ENVIRONMENT, timeout=30, check=False)
    assert killed.returncode == -signal.SIGKILL


def start(script: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), str(folder)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, start_new_session=True)


def leftovers(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tmp"))


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A Python process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("step", STEPS)
async def test_who_is_killed_while_writing_leaves_the_old_record_or_the_new_one(
    store: FileStore, folder: Path, step: str
) -> None:
    async with store.open():
        assert await store.put(KEY, example_record(1), expected=0)
    crash(folder, step)
    new = step in ("renamed, folder not synced", "done")
    async with store.open():
        assert await store.get(KEY) == example_record(2 if new else 1)
        # And whoever comes next can write.
        assert await store.put(KEY, example_record(3), expected=2 if new else 1)


@pytest.mark.parametrize("step", ["before the temporary file", "half written", "synced, not renamed"])
async def test_who_is_killed_in_its_first_write_leaves_nothing(store: FileStore, folder: Path, step: str) -> None:
    crash(folder, step)
    async with store.open():
        assert await store.get(KEY) is None
        assert await store.put(KEY, example_record(1), expected=0)


async def test_what_killed_processes_left_half_written_is_removed_after_an_hour(store: FileStore, folder: Path) -> None:
    for _ in range(2):
        crash(folder, "half written")
    old, young = leftovers(folder)
    os.utime(old, (time.time() - 3601,) * 2)
    async with store.open():
        assert leftovers(folder) == [young]


async def test_readers_of_other_processes_see_whole_records(store: FileStore, folder: Path) -> None:
    script = """
        import anyio, sys, json
        from sfauth.stores import FileStore
        from sfauth.testing.store_contract import KEY, example_record

        async def main():
            store, seen = FileStore(sys.argv[1]), []
            async with store.open():
                while not seen or seen[-1] < 60:
                    record = await store.get(KEY)
                    if record is not None:
                        assert record == example_record(record.generation)
                        seen.append(record.generation)
            print(json.dumps(seen))

        anyio.run(main)
    """
    readers = [start(script, folder) for _ in range(2)]
    async with store.open():
        for generation in range(1, 61):
            assert await store.put(KEY, example_record(generation), expected=generation - 1)
            await anyio.sleep(0.01 if generation < 60 else 0)
    for reader in readers:
        seen = json.loads(reader.communicate(timeout=30)[0])
        assert seen == sorted(seen)


FULL_DISK = """
    import anyio, errno, resource, sys
    from pathlib import Path
    from sfauth import StoreUnavailableError
    from sfauth.stores import FileStore
    from sfauth.testing.store_contract import KEY, example_record

    async def main():
        folder = Path(sys.argv[1])
        store = FileStore(folder)
        async with store.open():
            assert await store.put(KEY, example_record(1), expected=0)
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
            try:
                await store.put(KEY, example_record(2), expected=1)
            except StoreUnavailableError as error:
                print(error)
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert await store.get(KEY) == example_record(1)
            assert not list(folder.glob("*.tmp"))
            assert await store.put(KEY, example_record(2), expected=1)

    anyio.run(main)
"""


def test_a_full_disk_is_a_clear_error_that_costs_nothing(folder: Path) -> None:
    """The size that files may have is limited for the process, which cuts a write short as a full disk does."""
    done = run(FULL_DISK, folder)
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout
    assert str(folder) in done.stdout
    assert "What to do: This process may not write files of that size" in done.stdout


READ_ONLY = """
    import anyio, os, sys
    from pathlib import Path
    from sfauth import StoreUnavailableError
    from sfauth.stores import FileStore
    from sfauth.testing.store_contract import KEY, OTHER_KEY, example_record

    async def enter(store):
        async with store.lease(OTHER_KEY):
            pass

    async def main():
        folder = Path(sys.argv[1])
        store = FileStore(folder)
        async with store.open():
            assert await store.put(KEY, example_record(1), expected=0)
            await enter(store)
        (folder / "locks" / f"{OTHER_KEY}.lease").unlink()
        everything = [folder, *folder.rglob("*")]
        for each in everything:
            each.chmod(0o500 if each.is_dir() else 0o400)
        if os.geteuid() == 0:  # whom nothing is forbidden
            for each in [folder.parent, *everything]:
                os.chown(each, 65534, 65534)
            os.seteuid(65534)
        async with store.open():
            assert await store.get(KEY) == example_record(1)
            for attempt in (store.put(KEY, example_record(2), expected=1), store.delete(KEY), enter(store)):
                try:
                    await attempt
                except StoreUnavailableError as error:
                    print(error)
        for each in everything:
            each.chmod(0o700 if each.is_dir() else 0o600)
        async with store.open():
            assert await store.put(KEY, example_record(2), expected=1)
            await enter(store)

    anyio.run(main)
"""


def test_a_folder_that_may_not_be_written_is_read_and_a_clear_error() -> None:
    # Not in pytest's own folder, which is closed to other users.
    with tempfile.TemporaryDirectory() as public:
        done = run(READ_ONLY, f"{public}/tokens")
        assert done.returncode == 0, done.stderr
        errors = done.stdout.splitlines()
        assert len(errors) == 6
        assert all("Permission denied" in error and public in error for error in errors[::2])
        assert all("as the user who owns that folder" in error for error in errors[1::2])


FORKED = """
    import anyio, os, sys, threading, time, warnings
    from sfauth.stores import FileStore
    from sfauth.testing.store_contract import KEY, example_record

    warnings.simplefilter("ignore", DeprecationWarning)  # "may lead to deadlocks": that is what is tried here
    store = FileStore(sys.argv[1])

    async def child():
        async with store.open():
            assert await store.get(KEY) == example_record(1)
            assert await store.put(KEY, example_record(2), expected=1)
            async with store.lease("b2" * 32):
                pass
        print("child", flush=True)
        time.sleep(3600)

    async def parent():
        async with store.open(), store.lease(KEY):
            assert await store.put(KEY, example_record(1), expected=0)
            if os.fork() == 0:
                # As multiprocessing does it: nothing of the parent's stack is unwound in here.
                thread = threading.Thread(target=anyio.run, args=(child,))
                thread.start()
                thread.join()
                os._exit(0)
            await anyio.sleep_forever()

    anyio.run(parent)
"""


async def test_a_forked_child_keeps_no_lease_of_its_parent(store: FileStore, folder: Path) -> None:
    parent = start(FORKED, folder)
    assert parent.stdout is not None
    try:
        assert await anyio.to_thread.run_sync(parent.stdout.readline) == "child\n"
        async with store.open():
            assert await store.get(KEY) == example_record(2)
            with anyio.move_on_after(0.3) as waited:
                async with store.lease(KEY):
                    raise AssertionError("the parent has it")
            assert waited.cancelled_caught
            parent.kill()
            parent.wait()
            with anyio.fail_after(5):  # the child lives on
                async with store.lease(KEY):
                    pass
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
