"""Records as bytes for a file or a server: encrypted, and readable by whoever has one of the keys.

The bytes are a JSON object with the format's version, the name of the key (a digest, so that a wrong key is told from
a damaged record) and a Fernet token (AES-128-CBC and HMAC-SHA-256, the ``cryptography`` package's recipe). Inside is
the record together with the identity's own key: a sealed record put in another one's place is not accepted.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import stat
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

import anyio
import anyio.to_thread

from ..errors import ConfigurationError
from ..lifetime import Lifetime, LifetimeSource
from ..token import Token
from .base import Record, Refusal

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

__all__ = ["Key", "Keys", "Seal", "UnreadableRecordError", "generate_key", "key_from_env", "key_from_keyring"]

FORMAT = 1
KEY_VARIABLE = "SFAUTH_STORE_KEY"

Key: TypeAlias = "str | bytes | Path | Callable[[], str | bytes | Awaitable[str | bytes]]"
"""A key as `generate_key` makes it, a file that holds one (mode 0600), or an (async) callable that gives one."""

Keys: TypeAlias = "Key | Sequence[Key]"
"""One key, or several: the first one seals, all of them open. So keys are rotated: put the new one in front."""


class UnreadableRecordError(ConfigurationError):
    """A stored record can't be read.

    Attributes:
        damaged: It is damaged, so nobody can read it. Otherwise somebody can: with another key, or a newer sfauth.
    """

    damaged: bool = False


def generate_key() -> str:
    """A new key: 44 characters, to be kept like a password."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def key_from_env(name: str = KEY_VARIABLE) -> Callable[[], str]:
    """A key out of an environment variable, read when it is needed."""

    def read() -> str:
        value = os.environ.get(name)
        if not value:
            raise ConfigurationError(
                f"{name} is not set: the key that stored tokens are encrypted with.",
                hint=f"Make one with sfauth.stores.generate_key() and put it into {name}, or give the store key=...",
            )
        return value

    return read


def key_from_keyring(service: str = "sfauth", username: str = "store-key") -> Callable[[], Awaitable[str]]:
    """A key out of the operating system's keyring (extra ``keyring``); made and put there at the first use."""

    def read() -> str:
        try:
            import keyring
            import keyring.errors
        except ImportError:
            raise ConfigurationError("The keyring package is missing.", hint='pip install "sfauth[keyring]"') from None
        try:
            found = keyring.get_password(service, username)
            if found is None:
                keyring.set_password(service, username, generate_key())
                # Read back: where two processes made one at the same moment, both use the one that stayed.
                found = keyring.get_password(service, username)
        except keyring.errors.KeyringError as problem:
            raise ConfigurationError(
                f"The operating system's keyring can't be used: {type(problem).__name__}.",
                hint="On a server without one, give the store a key from a file or the environment.",
            ) from None
        if found is None:
            raise ConfigurationError("The operating system's keyring doesn't keep what is put there.")
        return found

    async def read_in_thread() -> str:
        return await anyio.to_thread.run_sync(read)

    return read_in_thread


class Seal:
    """Seals and opens records.

    Args:
        keys: See `Keys`; None means the environment variable ``SFAUTH_STORE_KEY``. Read once, at the first use.
    """

    def __init__(self, keys: Keys | None) -> None:
        sources = key_from_env() if keys is None else keys
        self._sources: list[Key] = list(sources) if isinstance(sources, (list, tuple)) else [cast("Key", sources)]
        if not self._sources:
            raise ConfigurationError("A store needs at least one key.")
        self._fernets: dict[str, Fernet] = {}

    async def load(self) -> None:
        """Read the keys; nothing happens when they have been read.

        Raises:
            ConfigurationError: A key is missing, unreadable or no key; it is never shown.
        """
        if not self._fernets:
            self._fernets = dict([_fernet(await _read(each)) for each in self._sources])

    async def seal(self, key: str, record: Record) -> bytes:
        """The bytes that stand for this identity's record."""
        await self.load()
        return self.encrypt(key, record)

    async def open(self, key: str, sealed: bytes) -> Record:
        """The record that `seal` made these bytes from.

        Raises:
            UnreadableRecordError: Damaged, sealed with another key, or by a newer sfauth.
        """
        await self.load()
        return self.decrypt(key, sealed)

    def encrypt(self, key: str, record: Record) -> bytes:
        """What `seal` does, once the keys are loaded: for a worker thread."""
        name, fernet = next(iter(self._fernets.items()))
        plain = json.dumps({"key": key, "record": _to_dict(record)}).encode()
        return json.dumps({"sfauth": FORMAT, "key": name, "sealed": fernet.encrypt(plain).decode()}).encode()

    def decrypt(self, key: str, sealed: bytes) -> Record:
        """What `open` does, once the keys are loaded: for a worker thread."""
        from cryptography.fernet import InvalidToken

        try:
            outer = json.loads(sealed)
            version, name, text = (outer.get(each) for each in ("sfauth", "key", "sealed"))
        except (ValueError, AttributeError, RecursionError):
            raise _damaged() from None
        if type(version) is int and version > FORMAT:
            raise UnreadableRecordError(
                f"A stored record has format {version}; this sfauth reads format {FORMAT}.",
                hint="A newer sfauth has written it: use the same version everywhere that shares the store.",
            )
        if version != FORMAT or not isinstance(name, str) or not isinstance(text, str):
            raise _damaged()
        fernet = self._fernets.get(name)
        if fernet is None:
            raise UnreadableRecordError(
                "A stored record is encrypted with a key that is not among those given.",
                hint="Give the store the old key, too: key=[new, old]. What is written is sealed with the first.",
            )
        try:
            inner = json.loads(fernet.decrypt(text.encode()))
            if inner["key"] != key:
                raise _damaged()
            return _from_dict(inner["record"])
        except (InvalidToken, ValueError, TypeError, KeyError, AttributeError):
            raise _damaged() from None

    def __reduce__(self) -> NoReturn:
        # Nor is any store that has one: keys would travel through task queues and caches.
        raise TypeError("a store's keys are not pickled; build the store in the process that uses it")


def _damaged() -> UnreadableRecordError:
    error = UnreadableRecordError(
        "A stored record is damaged.", hint="Delete it; the next token request writes a new one."
    )
    error.damaged = True
    return error


async def _read(source: Key) -> str:
    value: Any = source
    if isinstance(source, Path):
        value = await _read_file(source)
    elif callable(source):
        value = source()
        if inspect.isawaitable(value):
            value = await value
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if not isinstance(value, str):
        raise ConfigurationError(f"A store's key is text, not {type(value).__name__}.")
    return value.strip()


async def _read_file(path: Path) -> bytes:
    file = anyio.Path(path)
    try:
        mode = (await file.stat()).st_mode
        content = await file.read_bytes()
    except OSError as problem:
        raise ConfigurationError(
            f"The store's key can't be read: {problem.strerror or type(problem).__name__}: {path}"
        ) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"Others may read the store's key: {path}", hint=f"chmod 600 {path}")
    return content


def _fernet(key: str) -> tuple[str, Fernet]:
    from cryptography.fernet import Fernet

    try:
        return hashlib.sha256(key.encode()).hexdigest()[:16], Fernet(key)
    except ValueError:
        pass
    raise ConfigurationError(
        "A store's key is not one: it takes 32 bytes as 44 characters of URL-safe base64.",
        hint="Make one: python -c 'import sfauth.stores; print(sfauth.stores.generate_key())'",
    )


def _to_dict(record: Record) -> dict[str, Any]:
    return {
        "generation": record.generation,
        "token": None if record.token is None else record.token.to_dict(),
        "obtained_at": record.obtained_at,
        "lifetime": [record.lifetime.seconds, record.lifetime.source.value],
        "credential": record.credential,
        "refusal": None if record.refusal is None else asdict(record.refusal),
    }


def _from_dict(plain: Mapping[str, Any]) -> Record:
    seconds, source = plain["lifetime"]
    return Record(
        generation=int(plain["generation"]),
        token=None if plain["token"] is None else Token.from_dict(plain["token"]),
        obtained_at=float(plain["obtained_at"]),
        lifetime=Lifetime(float(seconds), LifetimeSource(source)),
        credential=str(plain["credential"]),
        refusal=None if plain["refusal"] is None else Refusal(**plain["refusal"]),
    )
