"""RFC 6749 section 6, Salesforce's "OAuth 2.0 Refresh Token Flow for Renewed Sessions"."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from ..org import Org
from ..token import Token
from .base import Credential, TokenRequest
from .client_auth import ClientAuthMethod, authenticate, check_client_auth
from .fields import check_client_id, check_username, checked_passphrase, checked_secret
from .plain import plain_text, resolved
from .unpicklable import Unpicklable

__all__ = ["RefreshTokenGrant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTokenGrant(Unpicklable):
    """Log in with a refresh token that a user's login gave.

    ``scope`` is never sent: Salesforce keeps the scopes with the refresh token and can't narrow them.

    Where the app rotates refresh tokens, each works once, and using one twice ends the whole family. So this grant is
    never sent twice by itself, and `renewed` gives the grant for the next time.

    Attributes:
        client_id: The app's consumer key.
        refresh_token: The newest one.
        client_secret: The app's consumer secret; optional where the app requires none for this flow, but checked by
            Salesforce whenever it's sent.
        private_key: Instead of a secret: an RSA key of 2048 bits or more as PEM, whose certificate the app has.
        passphrase: For an encrypted private key.
        client_auth: ``post`` (the default with a secret), ``basic``, ``private_key_jwt`` (with a key) or ``none``.
        username: Whose token it is, for people who read logs; not sent.
        hybrid: Renew the web sessions beside the token as well (Salesforce's "OAuth 2.0 Hybrid App Refresh Token
            Flow"); only for a login that was hybrid.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
    """

    grant_type: ClassVar[str] = "refresh_token"
    secrets: ClassVar[tuple[str, ...]] = ("refresh_token", "client_secret", "private_key", "passphrase")
    resendable: ClassVar[bool] = False
    insecure: ClassVar[str | None] = None

    client_id: str
    refresh_token: Credential = field(repr=False)
    client_secret: Credential | None = field(default=None, repr=False)
    private_key: Credential | None = field(default=None, repr=False)
    passphrase: Credential | None = field(default=None, repr=False)
    client_auth: ClientAuthMethod | None = None
    username: str | None = None
    hybrid: bool = False

    def __post_init__(self) -> None:
        check_client_id(self.client_id)
        object.__setattr__(self, "refresh_token", checked_secret(self.refresh_token, "refresh_token"))
        if self.client_secret is not None:
            object.__setattr__(self, "client_secret", checked_secret(self.client_secret, "client_secret"))
        object.__setattr__(self, "passphrase", checked_passphrase(self.passphrase))
        object.__setattr__(self, "client_auth", check_client_auth(self, required=False))
        if self.username is not None:
            check_username(self.username)

    @property
    def subject(self) -> str | None:
        """The username, where it was given."""
        return self.username

    @property
    def signs(self) -> bool:
        """With a private key only."""
        return self.client_auth == "private_key_jwt"

    def check(self, org: Org) -> None:
        """Every kind of org takes this grant."""

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """The refresh token and the client's proof."""
        refresh_token = plain_text(resolved(self.refresh_token, "refresh_token"), "refresh_token")
        proof = authenticate(self, audience=org.token_url, now=now, jti=jti)
        grant_type = "hybrid_refresh" if self.hybrid else self.grant_type
        return TokenRequest({"grant_type": grant_type, "refresh_token": refresh_token, **proof.form}, proof.headers)

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest | None:
        """As for a token; None for a client without secret or key, which can't prove itself."""
        if self.client_auth == "none":
            return None
        return authenticate(self, audience=audience, now=now, jti=jti)

    def renewed(self, token: Token) -> Self:
        """With the refresh token that came along; itself where none came, which means that the old one lives on."""
        if token.refresh_token is None or token.refresh_token == self.refresh_token:
            return self
        return replace(self, refresh_token=token.refresh_token)
