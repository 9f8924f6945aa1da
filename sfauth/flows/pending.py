"""What has to be remembered between sending a browser away and its coming back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import LoginRequiredError
from ..grants.unpicklable import Unpicklable

__all__ = ["PendingLogin"]

_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogin(Unpicklable):
    """A login under way. Keep it in the browser's session, and for one use: take it out when the browser comes back.

    `to_dict` is for a session on the server, or for a cookie that is encrypted, ``HttpOnly``, ``Secure`` and
    ``SameSite=Lax``.

    Attributes:
        url: Where to send the browser.
        state: Comes back with the browser, and proves that it's the one that was sent (RFC 6749 section 10.12).
        nonce: Comes back inside the id token (OpenID Connect Core section 3.1.2.1).
        code_verifier: PKCE (RFC 7636); None without.
        org: URL of the org that the browser was sent to: a code goes nowhere else.
        client_id: Of the app that the login is for.
    """

    url: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str | None = field(default=None, repr=False)
    org: str
    client_id: str

    def to_dict(self) -> dict[str, Any]:
        """A plain dict for the session, secrets included; `from_dict` reads it back."""
        return {"version": _FORMAT_VERSION, **{each.name: getattr(self, each.name) for each in fields(self)}}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any] | None) -> PendingLogin:
        """Read what `to_dict` wrote.

        Raises:
            LoginRequiredError: There is nothing, or it was not written by this version: start the login again.
        """
        if not isinstance(plain, Mapping) or not plain:
            raise LoginRequiredError(
                "No login is under way in this session.",
                hint="Start the login again. If it happens each time: the session got lost. Look at the cookie's "
                "domain, path and SameSite (Lax, not Strict), and let all workers share the sessions.",
            )
        values = {name: value for name, value in plain.items() if name != "version"}
        texts = [value for name, value in values.items() if not (name == "code_verifier" and value is None)]
        known = {each.name for each in fields(cls)}
        if plain.get("version") != _FORMAT_VERSION or values.keys() != known or not all(map(_is_text, texts)):
            raise LoginRequiredError(
                "The session holds no login that this version of sfauth has started.", hint="Start the login again."
            )
        return cls(**values)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
