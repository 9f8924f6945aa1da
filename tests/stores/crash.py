"""Writes the next record to a file store, and is killed at a given step of that: ``crash.py FOLDER STEP``."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from pathlib import Path

import anyio

from sfauth.stores import FileStore, disk
from sfauth.testing.store_contract import KEY, example_record


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_half(descriptor: int, content: memoryview, write=os.write) -> None:
    write(descriptor, content[: len(content) // 2])
    die()


STEPS = {
    "before the temporary file": lambda: setattr(secrets, "token_hex", die),
    "half written": lambda: setattr(os, "write", write_half),
    "written, not synced": lambda: setattr(os, "fsync", die),
    "synced, not renamed": lambda: setattr(Path, "replace", die),
    "renamed, folder not synced": lambda: setattr(disk, "_sync_folder", die),
    "done": lambda: None,
}


async def main(folder: str, step: str) -> None:
    store = FileStore(folder)
    async with store.open():
        record = await store.get(KEY)
        generation = record.generation if record is not None else 0
        STEPS[step]()
        await store.put(KEY, example_record(generation + 1), expected=generation)
        die()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
