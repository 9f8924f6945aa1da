"""RFC 8628 section 3.4 in Salesforce's dialect: "OAuth 2.0 Device Flow for IoT Integration"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..org import Org
from ..token import Token
from .base import Credential, TokenRequest
from .client_auth import ClientAuthMethod, authenticate, check_client_auth
from .fields import check_client_id, checked_passphrase, checked_secret
from .identity import name_of
from .plain import plain_text, resolved
from .refresh_token import RefreshTokenGrant
from .unpicklable import Unpicklable
from .unrenewable import UnrenewableGrant, renewing_grant

__all__ = ["DeviceGrant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceGrant(Unpicklable):
    """Ask once whether the user has approved a device. `sfauth.logins.device_login` asks as often as it takes.

    Salesforce's grant type is ``device``, not the URN of RFC 8628, and the device code goes as ``code``.

    Attributes:
        client_id: The app's consumer key.
        device_code: From the answer to the device's request.
        client_secret: The app's consumer secret; Salesforce asks for none here, unless the app does.
        private_key: Instead of a secret: an RSA key of 2048 bits or more as PEM, whose certificate the app has.
        passphrase: For an encrypted private key.
        client_auth: ``post`` (the default with a secret), ``basic``, ``private_key_jwt`` (with a key) or ``none``.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
    """

    grant_type: ClassVar[str] = "device"
    secrets: ClassVar[tuple[str, ...]] = ("device_code", "client_secret", "private_key", "passphrase")
    resendable: ClassVar[bool] = False
    insecure: ClassVar[str | None] = None

    client_id: str
    device_code: Credential = field(repr=False)
    client_secret: Credential | None = field(default=None, repr=False)
    private_key: Credential | None = field(default=None, repr=False)
    passphrase: Credential | None = field(default=None, repr=False)
    client_auth: ClientAuthMethod | None = None

    def __post_init__(self) -> None:
        check_client_id(self.client_id)
        object.__setattr__(self, "device_code", checked_secret(self.device_code, "device_code"))
        if self.client_secret is not None:
            object.__setattr__(self, "client_secret", checked_secret(self.client_secret, "client_secret"))
        object.__setattr__(self, "passphrase", checked_passphrase(self.passphrase))
        object.__setattr__(self, "client_auth", check_client_auth(self, required=False))

    @property
    def subject(self) -> str | None:
        """A digest of the device code: nobody gets the token of another device."""
        return name_of(None, self.device_code)

    @property
    def signs(self) -> bool:
        """With a private key only."""
        return self.client_auth == "private_key_jwt"

    def check(self, org: Org) -> None:
        """Every kind of org takes this grant."""

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """The device code and the client's proof."""
        code = plain_text(resolved(self.device_code, "device_code"), "device_code")
        proof = authenticate(self, audience=org.token_url, now=now, jti=jti)
        return TokenRequest({"grant_type": self.grant_type, "code": code, **proof.form}, proof.headers)

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest | None:
        """As for a token; None for a client without secret or key, which can't prove itself."""
        if self.client_auth == "none":
            return None
        return authenticate(self, audience=audience, now=now, jti=jti)

    def renewed(self, token: Token) -> RefreshTokenGrant | UnrenewableGrant:
        """With the refresh token that came along; without one, a login is needed next time."""
        return renewing_grant(token, self)
