"""RFC 7523 section 2.1, Salesforce's "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from ..errors import ConfigurationError
from ..org import Org
from ..token import Token
from .base import Credential, TokenRequest
from .client_auth import private_key_jwt
from .fields import check_client_id, check_private_key, check_text, check_username, checked_passphrase
from .plain import resolved
from .unpicklable import Unpicklable

__all__ = ["JWTBearerGrant"]

_LONGEST_LIFETIME = 180  # Salesforce Help, "OAuth 2.0 JWT Bearer Flow": exp at most three minutes ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class JWTBearerGrant(Unpicklable):
    """Log in as a user who is pre-authorised for the app, by a signature of the app's private key.

    There is never a refresh token, and none is needed. Scopes are those of the app; they can't be asked for.

    Attributes:
        client_id: The app's consumer key.
        username: The user's Salesforce username.
        private_key: RSA, 2048 bits or more, PEM; the app has its certificate.
        passphrase: For an encrypted private key.
        certificate: The certificate that the app has for the key, PEM: with it, the manager says in time that it
            expires. It is not sent, and not needed for logging in.
        audience: ``aud`` of the assertion; by default `Org.audience`.
        lifetime: Seconds from signing to ``exp``, 1 to 180.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
    """

    grant_type: ClassVar[str] = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    secrets: ClassVar[tuple[str, ...]] = ("private_key", "passphrase")
    resendable: ClassVar[bool] = True
    insecure: ClassVar[str | None] = None

    client_id: str
    username: str
    private_key: Credential = field(repr=False)
    passphrase: Credential | None = field(default=None, repr=False)
    certificate: Credential | None = field(default=None, repr=False)
    audience: str | None = None
    lifetime: int = 170

    def __post_init__(self) -> None:
        check_client_id(self.client_id)
        check_username(self.username)
        object.__setattr__(self, "passphrase", checked_passphrase(self.passphrase))
        check_private_key(self.private_key, self.passphrase)
        if self.audience is not None:
            hint = "Leave it out, or give a URL such as https://login.salesforce.com."
            if "://" not in check_text(self.audience, "audience", hint=hint):
                raise ConfigurationError("audience is not a URL", hint=hint)
        if type(self.lifetime) is not int or not 1 <= self.lifetime <= _LONGEST_LIFETIME:
            raise ConfigurationError(
                f"lifetime is not a whole number of seconds from 1 to {_LONGEST_LIFETIME}",
                hint="Leave it out: 170 seconds suit almost everybody, and each assertion is used at once.",
            )

    @property
    def subject(self) -> str:
        """The username."""
        return self.username

    @property
    def signs(self) -> bool:
        """Always."""
        return True

    def check(self, org: Org) -> None:
        """Every kind of org takes this grant."""

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """A fresh assertion; ``client_id`` and secret are not sent along, the assertion says it all."""
        from .assertion import sign_assertion

        assertion = sign_assertion(
            resolved(self.private_key, "private_key"),
            None if self.passphrase is None else resolved(self.passphrase, "passphrase"),
            issuer=self.client_id,
            subject=self.username,
            audience=self.audience or org.audience,
            now=now,
            lifetime=self.lifetime,
            jti=jti,
        )
        return TokenRequest({"grant_type": self.grant_type, "assertion": assertion})

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest:
        """``private_key_jwt`` with the same key. Unconfirmed: that Salesforce takes it for introspection."""
        return private_key_jwt(self.client_id, self.private_key, self.passphrase, audience=audience, now=now, jti=jti)

    def renewed(self, token: Token) -> Self:
        """Itself: nothing is used up."""
        return self
