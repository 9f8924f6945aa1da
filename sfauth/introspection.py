"""The answer of the introspection endpoint as a value (RFC 7662)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Introspection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspection:
    """What Salesforce knows of a token.

    Attributes:
        active: False for a token that is expired, revoked, unknown or another app's; all else is then None.
        expires_at: Unix seconds on the server's clock. An opaque session's end moves on as it is used.
        issued_at: Unix seconds.
        not_before: Unix seconds.
        scopes: What the token may be used for.
        client_id: Consumer key of the app it was given to.
        username: Of the user that it acts for.
        subject: ``sub``, the user's identity URL.
        token_type: ``access_token`` or ``refresh_token``.
        extra: All other fields, as they came.
    """

    active: bool
    expires_at: float | None = None
    issued_at: float | None = None
    not_before: float | None = None
    scopes: frozenset[str] = frozenset()
    client_id: str | None = None
    username: str | None = None
    subject: str | None = None
    token_type: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_response(cls, reply: Mapping[str, Any]) -> Introspection:
        """Read the decoded JSON object; fields of a wrong type count as missing."""
        scope = reply.get("scope")
        return cls(
            active=reply.get("active") is True,
            expires_at=_seconds(reply.get("exp")),
            issued_at=_seconds(reply.get("iat")),
            not_before=_seconds(reply.get("nbf")),
            scopes=frozenset(scope.split()) if isinstance(scope, str) else frozenset(),
            client_id=_text(reply.get("client_id")),
            username=_text(reply.get("username")),
            subject=_text(reply.get("sub")),
            token_type=_text(reply.get("token_type")),
            extra={name: value for name, value in reply.items() if name not in _KNOWN},
        )


_KNOWN = frozenset("active exp iat nbf scope client_id username sub token_type".split())


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < 1e11 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
