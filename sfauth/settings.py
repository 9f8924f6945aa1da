"""Orgs out of environment variables or a TOML file.

Both use the same names. In the environment they are upper case behind a prefix; one org needs no more than that, and
is called ``default``::

    SFAUTH_ORG=https://acme.my.salesforce.com
    SFAUTH_CLIENT_ID=3MVG9…
    SFAUTH_USERNAME=etl@acme.com
    SFAUTH_PRIVATE_KEY_FILE=/run/secrets/server.key

Several orgs are listed, and each has variables of its own::

    SFAUTH_ORGS=acme,globex
    SFAUTH_ACME_ORG=…            SFAUTH_GLOBEX_ORG=…

In a file each org is a table; paths are relative to the file, and ``client_secret_env = "NAME"`` takes a secret from
the environment::

    [orgs.acme]
    org = "https://acme.my.salesforce.com"
    client_id = "3MVG9…"
    username = "etl@acme.com"
    private_key_file = "server.key"

The grant follows from what is given: ``refresh_token``, ``password`` with ``username``, ``private_key`` with
``username`` (JWT bearer), else client credentials. Each secret may be given as ``…_file`` instead, and is then read
again for each token request.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import ConfigurationError
from .grants import ClientCredentialsGrant, JWTBearerGrant, RefreshTokenGrant, UsernamePasswordGrant
from .grants.base import Grant
from .org import Org

__all__ = ["Entry", "read_environment", "read_file"]

Entry = tuple[str, Grant, Org]

_SECRETS = ("client_secret", "private_key", "passphrase", "refresh_token", "password", "security_token")
_PLAIN = ("org", "client_id", "username", "audience", "client_auth", "trusted_hosts", "sandbox")
_YES_OR_NO = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_FIELDS = frozenset({*_PLAIN, *_SECRETS, *(f"{name}_file" for name in _SECRETS), *(f"{name}_env" for name in _SECRETS)})


def read_environment(environ: Mapping[str, str], *, prefix: str = "SFAUTH") -> list[Entry]:
    """The orgs that the environment describes.

    Raises:
        ConfigurationError: A variable is missing or contradicts another.
    """
    listed = environ.get(f"{prefix}_ORGS", "")
    keys = [key.strip() for key in listed.split(",") if key.strip()]
    if not keys:
        return [_entry("default", _variables(environ, prefix), environ, Path(), _Names(f"{prefix}_", str.upper))]
    single = sorted((n for n in _FIELDS if environ.get(f"{prefix}_{n.upper()}")), key=lambda n: (n != "org", n))
    if single:
        raise ConfigurationError(
            f"{prefix}_ORGS lists several orgs, and {prefix}_{single[0].upper()} belongs to a single one.",
            hint=f"Give that org a name in {prefix}_ORGS, or leave {prefix}_ORGS out.",
        )
    entries: list[Entry] = []
    taken: dict[str, str] = {}
    for key in keys:
        start = f"{prefix}_{re.sub(r'[^A-Za-z0-9]', '_', key).upper()}"
        if (other := taken.setdefault(start, key)) is not key:
            raise ConfigurationError(
                f"{prefix}_ORGS lists {other!r} and {key!r}, which both read {start}_….",
                hint="Give them names that differ in their letters and digits.",
            )
        entries.append(_entry(key, _variables(environ, start), environ, Path(), _Names(f"{start}_", str.upper)))
    return entries


def read_file(path: Path, environ: Mapping[str, str] | None = None) -> list[Entry]:
    """The orgs that a TOML file describes.

    Raises:
        ConfigurationError: The file can't be read, or an entry is wrong.
    """
    content, problem = _parsed(path)
    if problem is not None:
        raise ConfigurationError(f"{path} {problem}.")
    orgs = content.get("orgs")
    if not isinstance(orgs, dict) or not orgs or not all(isinstance(each, dict) for each in orgs.values()):
        raise ConfigurationError(f"{path} describes no org.", hint="Give each one a table: [orgs.acme].")
    return list(_tables(path, orgs, environ))


def _parsed(path: Path) -> tuple[dict[str, Any], str | None]:
    # The parser's own error is dropped: it quotes the line, or holds the whole text, and so the secrets in it.
    try:
        return tomllib.loads(path.read_text("utf-8")), None
    except OSError as problem:
        return {}, f"can't be read: {problem.strerror or type(problem).__name__}"
    except UnicodeDecodeError:
        return {}, "is not valid TOML: not UTF-8"
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        line = re.search(r"at line \d+", str(problem))
        return {}, f"is not valid TOML{' ' + line[0] if line else ''}"


def _tables(path: Path, orgs: Mapping[str, Any], environ: Mapping[str, str] | None) -> Iterator[Entry]:
    import os

    for key, table in orgs.items():
        names = _Names(f"{path}, [orgs.{key}] ", str)
        unknown = sorted(table.keys() - _FIELDS)
        if unknown:
            raise ConfigurationError(
                f"{names(unknown[0])} is not known.", org=key, hint=f"Known are: {', '.join(sorted(_FIELDS))}."
            )
        yield _entry(key, table, os.environ if environ is None else environ, path.parent, names)


class _Names:
    """How a field is called where the reader will look for it."""

    def __init__(self, prefix: str, spell: Any) -> None:
        self._prefix = prefix
        self._spell = spell

    def __call__(self, field: str) -> str:
        return f"{self._prefix}{self._spell(field)}"

    def spelt(self, text: str, given: Mapping[str, Any]) -> str:
        """The text with each field called as whoever wrote the settings calls it."""

        def called(match: re.Match[str]) -> str:
            ways = [way for way in (match[0], f"{match[0]}_file", f"{match[0]}_env") if given.get(way)]
            return self(ways[0]) if ways else match[0]

        return re.sub(rf"(?<![\w.])(?:{'|'.join(_SECRETS + _PLAIN[1:])})(?!\w)", called, text)


def _variables(environ: Mapping[str, str], start: str) -> dict[str, str]:
    found = {name: environ.get(f"{start}_{name.upper()}") for name in _FIELDS}
    return {name: value for name, value in found.items() if value}


def _entry(key: str, given: Mapping[str, Any], environ: Mapping[str, str], folder: Path, names: _Names) -> Entry:
    for field in ("org", "client_id"):
        if not given.get(field):
            raise ConfigurationError(
                f"{names(field)} is not set.", org=key, hint="It takes org and client_id, and a secret of some kind."
            )
    try:
        return key, _grant(given, environ, folder, names), _org(given, names)
    except ConfigurationError as error:
        renamed = error.for_org(key)
        renamed.message = names.spelt(renamed.message, given)
    raise renamed


def _org(given: Mapping[str, Any], names: _Names) -> Org:
    hosts, sandbox = given.get("trusted_hosts", ()), given.get("sandbox")
    if isinstance(hosts, str):
        hosts = [each.strip() for each in hosts.split(",")]
    if isinstance(sandbox, str):
        sandbox = _YES_OR_NO.get(sandbox.strip().lower(), sandbox)
    if sandbox is not None and not isinstance(sandbox, bool):
        raise ConfigurationError(f"{names('sandbox')} is neither true nor false.")
    if not isinstance(hosts, list | tuple) or not all(isinstance(each, str) for each in hosts):
        raise ConfigurationError(f"{names('trusted_hosts')} is no list of hosts.")
    _blaming(names("trusted_hosts"), lambda: Org("login", trusted_hosts=hosts))
    return _blaming(names("org"), lambda: Org(given["org"], trusted_hosts=hosts, sandbox=sandbox))


def _blaming(name: str, make: Callable[[], Org]) -> Org:
    try:
        return make()
    except ConfigurationError as error:
        error.message = f"{name}: {error.message}"
        raise


def _grant(given: Mapping[str, Any], environ: Mapping[str, str], folder: Path, names: _Names) -> Grant:
    secret = {name: _secret(name, given, environ, folder, names) for name in _SECRETS}
    secret = {name: value for name, value in secret.items() if value is not None}
    fields: dict[str, Any] = {
        name: given[name] for name in ("client_id", "username", "audience", "client_auth") if given.get(name)
    }
    if "refresh_token" in secret:
        kind: Any = RefreshTokenGrant
    elif "password" in secret:
        kind = UsernamePasswordGrant
    elif "private_key" in secret and "username" in fields:
        kind = JWTBearerGrant
    elif "client_secret" in secret or "private_key" in secret:
        kind = ClientCredentialsGrant
    else:
        raise ConfigurationError(
            f"No secret is given: none of {', '.join(names(each) for each in _SECRETS[:4] if each != 'passphrase')}, …",
            hint="JWT bearer takes username and private_key(_file); client credentials takes client_secret(_file).",
        )
    superfluous = sorted((secret.keys() | fields.keys()) - set(kind.__dataclass_fields__))
    if superfluous:
        raise ConfigurationError(f"{names(superfluous[0])} means nothing to a {kind.__name__}.")
    missing = sorted(
        name
        for name in ("username", "client_secret")
        if kind is UsernamePasswordGrant and not {**fields, **secret}.get(name)
    )
    if missing:
        raise ConfigurationError(f"{names(missing[0])} is not set.")
    grant: Grant = kind(**fields, **secret)
    return grant


def _secret(name: str, given: Mapping[str, Any], environ: Mapping[str, str], folder: Path, names: _Names) -> Any:
    ways = [way for way in (name, f"{name}_file", f"{name}_env") if given.get(way)]
    if len(ways) > 1:
        raise ConfigurationError(f"{names(ways[0])} and {names(ways[1])} are both set; give one of them.")
    if not ways:
        return None
    value = given[ways[0]]
    if not isinstance(value, str):
        raise ConfigurationError(f"{names(ways[0])} is not a text.")
    if ways[0].endswith("_file"):
        return folder / value
    if ways[0].endswith("_env"):
        if not environ.get(value):
            raise ConfigurationError(f"{names(ways[0])} names the variable {value}, which is not set.")
        return environ[value]
    return value
