"""RFC 6749 section 4.3, Salesforce's "OAuth 2.0 Username-Password Flow for Special Scenarios". Legacy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar, Self

from ..org import Org
from ..token import Token
from .base import Credential, TokenRequest
from .client_auth import post
from .fields import check_client_id, check_username, checked_secret
from .plain import is_plain, plain_text, resolved
from .unpicklable import Unpicklable

__all__ = ["LegacyFlowWarning", "UsernamePasswordGrant"]


class LegacyFlowWarning(UserWarning):
    """A flow that Salesforce is about to switch off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsernamePasswordGrant(Unpicklable):
    """Log in with a user's password. Warns once per process: use `JWTBearerGrant` or `ClientCredentialsGrant` instead.

    There is never a refresh token, and ``scope`` is never sent.

    Attributes:
        client_id: The consumer key of a connected app; external client apps don't have this flow.
        client_secret: Its consumer secret.
        username: The user's Salesforce username.
        password: The user's password.
        security_token: Appended to the password; needed from outside the org's trusted IP ranges.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
    """

    grant_type: ClassVar[str] = "password"
    secrets: ClassVar[tuple[str, ...]] = ("client_secret", "password", "security_token")
    # Nothing is used up. A wrong password counts towards the user's lockout once per try, but only lost answers are
    # sent again, and a refusal is remembered as a ConfigurationError, so no try follows an answer.
    resendable: ClassVar[bool] = True
    insecure: ClassVar[str | None] = "username_password"

    client_id: str
    client_secret: Credential = field(repr=False)
    username: str
    password: Credential = field(repr=False)
    security_token: Credential = field(default="", repr=False)

    def __post_init__(self) -> None:
        check_client_id(self.client_id)
        check_username(self.username)
        object.__setattr__(self, "client_secret", checked_secret(self.client_secret, "client_secret"))
        object.__setattr__(self, "password", checked_secret(self.password, "password"))
        if is_plain(self.security_token):
            object.__setattr__(self, "security_token", plain_text(self.security_token, "security_token"))
        else:
            checked_secret(self.security_token, "security_token")
        _warn_once()

    @property
    def subject(self) -> str:
        """The username."""
        return self.username

    @property
    def signs(self) -> bool:
        """Never."""
        return False

    def check(self, org: Org) -> None:
        """Whether an org still allows this flow shows in its answer only."""

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """Client secret, username, and password with the security token behind it."""
        password = plain_text(resolved(self.password, "password"), "password")
        token = plain_text(resolved(self.security_token, "security_token"), "security_token")
        proof = post(self.client_id, self.client_secret)
        form = {"grant_type": self.grant_type, **proof.form, "username": self.username, "password": password + token}
        return TokenRequest(form)

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest:
        """The client secret."""
        return post(self.client_id, self.client_secret)

    def renewed(self, token: Token) -> Self:
        """Itself: nothing is used up."""
        return self


@cache  # by itself, the warnings module warns once per line of the caller's code
def _warn_once() -> None:
    warnings.warn(
        "The username-password flow sends a password, with no chance of multi-factor authentication. Salesforce blocks "
        "it by default in orgs created since Summer '23 and has announced its retirement for 20 February 2027. Use "
        "JWTBearerGrant (acts as a given user) or ClientCredentialsGrant (acts as the app's Run As user).",
        LegacyFlowWarning,
        stacklevel=4,  # _warn_once, __post_init__, __init__, and then whoever makes the grant
    )
