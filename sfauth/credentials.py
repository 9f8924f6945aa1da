"""Reads secrets that are given as a path or as an (async) callable, anew for each token request."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
from pathlib import Path
from typing import Any, TypeVar, cast

import anyio

from .errors import ConfigurationError, SfauthError, TryLaterError
from .grants.base import Grant
from .org import Org

__all__ = ["fingerprint", "identity", "is_dynamic", "resolve", "store_key"]

_G = TypeVar("_G", bound=Grant)


def is_dynamic(grant: Grant) -> bool:
    """Whether a secret of the grant may change without the grant being replaced."""
    return any(isinstance(value, Path) or callable(value) for value in _secrets(grant).values())


async def resolve(grant: _G) -> _G:
    """The same grant with plain ``str`` or ``bytes`` in place of paths and callables.

    Raises:
        ConfigurationError: A file can't be read, or a callable gives something else than text.
        TryLaterError: A callable raised: a vault may be down.
    """
    plain = {
        name: await _read(name, value)
        for name, value in {**_secrets(grant), "certificate": getattr(grant, "certificate", None)}.items()
        if isinstance(value, Path) or callable(value)
    }
    return cast(_G, dataclasses.replace(cast(Any, grant), **plain)) if plain else grant


def fingerprint(resolved: Grant) -> str:
    """Names the secrets of a resolved grant without telling them: a SHA-256 over all of them."""
    digest = hashlib.sha256()
    for name, value in sorted(_secrets(resolved).items()):
        data = value if isinstance(value, bytes) else str(value).encode()
        digest.update(f"{name}:{len(data)}:".encode() + data)
    return digest.hexdigest()


def identity(grant: Grant, org: Org) -> tuple[object, ...]:
    """Whose tokens they are. A new client secret or key changes nothing; a new refresh token may be another user's."""
    return org, type(grant), grant.client_id, grant.subject, getattr(grant, "refresh_token", None)


def store_key(resolved: Grant, org: Org) -> str:
    """The name under which a store keeps the tokens of a resolved grant at an org.

    It holds everything that changes the token: login URL, grant type, client id, subject and, as a digest, the refresh
    token with which a chain of them began. A new client secret is none of these: the chain goes on.
    """
    chain = getattr(resolved, "refresh_token", None)
    parts = (org.url, resolved.grant_type, resolved.client_id, resolved.subject, chain)
    return hashlib.sha256(json.dumps(parts, default=bytes.decode).encode()).hexdigest()


def _secrets(grant: Grant) -> dict[str, Any]:
    return {name: value for name in grant.secrets if (value := getattr(grant, name)) is not None}


async def _read(name: str, value: Any) -> str | bytes:
    if isinstance(value, Path):
        try:
            return await anyio.Path(value).read_bytes()
        except OSError as problem:
            raise ConfigurationError(
                f"The {name} can't be read: {problem.strerror or type(problem).__name__}: {value}",
                hint="Check the path, and that this process's user may read the file.",
            ) from None
    try:
        result = value()
        if inspect.isawaitable(result):
            result = await result
    except SfauthError:
        raise
    except Exception as problem:  # whatever the caller's own code raises, its waiters must hear of it
        raise TryLaterError(
            f"The callable given as {name} raised {type(problem).__name__}.",
            hint="Look at that callable, or at the vault that it asks; it's called again at the next try.",
        ) from problem
    if not isinstance(result, (str, bytes)):
        raise ConfigurationError(
            f"The callable given as {name} returned {type(result).__name__}, not str or bytes.",
            hint="Return the secret itself.",
        )
    return result
