"""RFC 6749 section 4.4, Salesforce's "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from ..errors import ConfigurationError
from ..org import Org
from ..token import Token
from .base import Credential, TokenRequest
from .client_auth import ClientAuthMethod, authenticate, check_client_auth
from .fields import check_client_id, checked_passphrase, checked_secret
from .unpicklable import Unpicklable

__all__ = ["ClientCredentialsGrant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialsGrant(Unpicklable):
    """Log in as the app's "Run As" user. There is never a refresh token.

    ``scope`` is never sent, as Salesforce refuses it here: the scopes are those of the app.

    Attributes:
        client_id: The app's consumer key.
        client_secret: The app's consumer secret; or
        private_key: an RSA key of 2048 bits or more as PEM, whose certificate the app has.
        passphrase: For an encrypted private key.
        client_auth: ``post`` (the default with a secret), ``basic``, or ``private_key_jwt`` (with a key).

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
    """

    grant_type: ClassVar[str] = "client_credentials"
    secrets: ClassVar[tuple[str, ...]] = ("client_secret", "private_key", "passphrase")
    resendable: ClassVar[bool] = True
    insecure: ClassVar[str | None] = None

    client_id: str
    client_secret: Credential | None = field(default=None, repr=False)
    private_key: Credential | None = field(default=None, repr=False)
    passphrase: Credential | None = field(default=None, repr=False)
    client_auth: ClientAuthMethod | None = None

    def __post_init__(self) -> None:
        check_client_id(self.client_id)
        if self.client_secret is not None:
            object.__setattr__(self, "client_secret", checked_secret(self.client_secret, "client_secret"))
        object.__setattr__(self, "passphrase", checked_passphrase(self.passphrase))
        object.__setattr__(self, "client_auth", check_client_auth(self, required=True))

    @property
    def subject(self) -> str | None:
        """None: the "Run As" user is set in Salesforce."""
        return None

    @property
    def signs(self) -> bool:
        """With a private key only."""
        return self.client_auth == "private_key_jwt"

    def check(self, org: Org) -> None:
        """Refuse the login hosts: they serve all orgs and can't know whose "Run As" user is meant.

        Raises:
            ConfigurationError: The org is given by login.salesforce.com or test.salesforce.com.
        """
        if org.is_login_host:
            raise ConfigurationError(
                f"the client credentials flow doesn't work on {org.host}",
                hint="Give the org's My Domain, such as https://acme.my.salesforce.com or "
                "https://acme--uat.sandbox.my.salesforce.com (Setup > My Domain > Current My Domain URL), or the site "
                "URL if the Run As user is a site user.",
            )

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """The client's proof and nothing else."""
        self.check(org)
        proof = authenticate(self, audience=org.token_url, now=now, jti=jti)
        return TokenRequest({"grant_type": self.grant_type, **proof.form}, proof.headers)

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest:
        """As for a token."""
        return authenticate(self, audience=audience, now=now, jti=jti)

    def renewed(self, token: Token) -> Self:
        """Itself: nothing is used up."""
        return self
