"""What all grants have in common: frozen values that turn into one token request (RFC 6749 section 1.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from ..org import Org
from ..token import Token

__all__ = ["Credential", "Grant", "TokenRequest"]

Credential: TypeAlias = "str | bytes | Path | Callable[[], str | bytes | Awaitable[str | bytes]]"
"""A secret as a value, as a path to read it from, or as an (async) callable: the last two are read again each time."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """The form fields and extra headers of one POST to the token endpoint. All of it is secret."""

    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@runtime_checkable
class Grant(Protocol):
    """Something that the token endpoint gives an access token for.

    A grant is pure: it neither reads files nor clocks nor talks to anyone. Fields named in `secrets` may hold a
    `Credential`; whoever sends the request resolves them first (`dataclasses.replace` with ``str`` or ``bytes``), so
    that `request` only ever sees plain values.
    """

    grant_type: ClassVar[str]
    """Value of the ``grant_type`` parameter; where a grant is ``hybrid``, the hybrid variant of it is sent."""
    secrets: ClassVar[tuple[str, ...]]
    """Names of the dataclass fields that hold a `Credential`."""
    resendable: ClassVar[bool]
    """Whether the same request may be sent again after a lost answer: not where it uses up a one-time value."""
    insecure: ClassVar[str | None]
    """The field of `sfauth.flows.InsecureFlows` that has to let it through; None for a grant that needs no leave."""

    @property
    def client_id(self) -> str:
        """The consumer key."""

    @property
    def subject(self) -> str | None:
        """Whose token it is (a username, or another name that no other identity has), where the grant knows.

        Never a secret.
        """

    @property
    def signs(self) -> bool:
        """Whether `request` makes an RSA signature (about a millisecond of CPU: a worker thread's job)."""

    def check(self, org: Org) -> None:
        """Raise `ConfigurationError` when this grant can't work at this org, before any secret leaves."""

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """The token request. ``now`` is the server's time in Unix seconds, ``jti`` a fresh unique id."""

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest | None:
        """How the client proves itself at other endpoints (introspection); None where it can't.

        ``audience`` is the URL of the endpoint asked.
        """

    def renewed(self, token: Token) -> Any:
        """The grant to use next time: itself, or one that holds the refresh token that came with ``token``."""
