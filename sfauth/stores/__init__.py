"""Stores that share tokens between tasks, processes and machines; see `TokenStore` for writing one.

The names load when they are first asked for: a program that keeps its tokens in memory pays for no other store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Record, Refusal, TokenStore
from .memory import MemoryStore

if TYPE_CHECKING:
    from .file import FileStore
    from .redis import RedisStore
    from .sealing import Seal, UnreadableRecordError, generate_key, key_from_env, key_from_keyring

__all__ = [
    "FileStore",
    "MemoryStore",
    "Record",
    "RedisStore",
    "Refusal",
    "Seal",
    "TokenStore",
    "UnreadableRecordError",
    "generate_key",
    "key_from_env",
    "key_from_keyring",
]

_HOMES = {
    "FileStore": ".file",
    "RedisStore": ".redis",
    "Seal": ".sealing",
    "UnreadableRecordError": ".sealing",
    "generate_key": ".sealing",
    "key_from_env": ".sealing",
    "key_from_keyring": ".sealing",
}


if not TYPE_CHECKING:  # or type checkers would believe that anything can be imported from here

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        try:
            value = getattr(import_module(_HOMES[name], __name__), name)
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.partition(".")[0] == "redis":
                raise ModuleNotFoundError(
                    "RedisStore needs the redis package, which comes with an extra: pip install 'sfauth[redis]'",
                    name=error.name,
                ) from error
            raise
        globals()[name] = value
        return value
