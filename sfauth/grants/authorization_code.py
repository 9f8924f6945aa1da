"""RFC 6749 section 4.1.3 with RFC 7636, Salesforce's "OAuth 2.0 Web Server Flow for Web App Integration"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

from ..errors import ConfigurationError
from ..org import Org
from ..token import Token
from .base import Credential, TokenRequest
from .client_auth import ClientAuthMethod, authenticate, check_client_auth
from .fields import check_client_id, check_username, checked_passphrase, checked_secret
from .identity import name_of
from .insecure import BLOCK_ALL, InsecureFlows
from .parameters import check_code_verifier, check_redirect_uri
from .plain import is_plain, plain_text, resolved
from .refresh_token import RefreshTokenGrant
from .unpicklable import Unpicklable
from .unrenewable import UnrenewableGrant, renewing_grant

__all__ = ["AuthorizationCodeGrant"]

_PERCENT_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCodeGrant(Unpicklable):
    """Redeem the code that a user's login gave. `sfauth.flows.WebServerFlow.finish` makes it.

    A code works once and for minutes. So this grant is never sent twice by itself, and `renewed` gives the one that
    goes on: with the refresh token, where one came.

    Attributes:
        client_id: The app's consumer key.
        code: From the callback, URL-decoded once.
        redirect_uri: The same as in the authorization request.
        code_verifier: PKCE; of the challenge in the authorization request.
        client_secret: The app's consumer secret; optional where the app requires none for this flow, but checked by
            Salesforce whenever it's sent.
        private_key: Instead of a secret: an RSA key of 2048 bits or more as PEM, whose certificate the app has.
        passphrase: For an encrypted private key.
        client_auth: ``post`` (the default with a secret), ``basic``, ``private_key_jwt`` (with a key) or ``none``.
        hybrid: Ask for web sessions beside the token (`sfauth.flows.HybridSessions`).
        username: Whose login it is, where the app knows, for people who read logs; not sent.
        site_url: The Experience Cloud site that the callback named; not sent, and not where the code goes.
        insecure_flows: Lets a code without PKCE through.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
        InsecureFlowError: There is no ``code_verifier``.
    """

    grant_type: ClassVar[str] = "authorization_code"
    secrets: ClassVar[tuple[str, ...]] = ("code", "code_verifier", "client_secret", "private_key", "passphrase")
    resendable: ClassVar[bool] = False
    insecure: ClassVar[str | None] = None  # without PKCE it doesn't get past its construction

    client_id: str
    code: Credential = field(repr=False)
    redirect_uri: str
    code_verifier: Credential | None = field(default=None, repr=False)
    client_secret: Credential | None = field(default=None, repr=False)
    private_key: Credential | None = field(default=None, repr=False)
    passphrase: Credential | None = field(default=None, repr=False)
    client_auth: ClientAuthMethod | None = None
    hybrid: bool = False
    username: str | None = None
    site_url: str | None = None
    insecure_flows: InsecureFlows = field(default=BLOCK_ALL, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        check_client_id(self.client_id)
        put(self, "code", checked_secret(self.code, "code"))
        if is_plain(self.code) and _PERCENT_ENCODED.search(plain_text(self.code, "code")):
            raise ConfigurationError(
                "code is still URL-encoded",
                hint="Decode it once, or give the whole callback to WebServerFlow.finish().",
            )
        check_redirect_uri(self.redirect_uri)
        if self.code_verifier is None:
            self.insecure_flows.check("code_without_pkce", where="AuthorizationCodeGrant")
        else:
            put(self, "code_verifier", checked_secret(self.code_verifier, "code_verifier"))
            if is_plain(self.code_verifier):
                check_code_verifier(plain_text(self.code_verifier, "code_verifier"))
        if self.client_secret is not None:
            put(self, "client_secret", checked_secret(self.client_secret, "client_secret"))
        put(self, "passphrase", checked_passphrase(self.passphrase))
        put(self, "client_auth", check_client_auth(self, required=False))
        if self.username is not None:
            check_username(self.username)

    @property
    def subject(self) -> str | None:
        """The username where it was given, and a digest of the code: nobody gets the token of another login."""
        return name_of(self.username, self.code)

    @property
    def signs(self) -> bool:
        """With a private key only."""
        return self.client_auth == "private_key_jwt"

    def check(self, org: Org) -> None:
        """Every kind of org takes this grant."""

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """Code, redirect URI, verifier and the client's proof."""
        form = {
            "grant_type": "hybrid_auth_code" if self.hybrid else self.grant_type,
            "code": plain_text(resolved(self.code, "code"), "code"),
            "redirect_uri": self.redirect_uri,
        }
        if self.code_verifier is not None:
            form["code_verifier"] = plain_text(resolved(self.code_verifier, "code_verifier"), "code_verifier")
        proof = authenticate(self, audience=org.token_url, now=now, jti=jti)
        return TokenRequest({**form, **proof.form}, proof.headers)

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest | None:
        """As for a token; None for a client without secret or key, which can't prove itself."""
        if self.client_auth == "none":
            return None
        return authenticate(self, audience=audience, now=now, jti=jti)

    def renewed(self, token: Token) -> RefreshTokenGrant | UnrenewableGrant:
        """With the refresh token that came along; without one, a login is needed next time."""
        return renewing_grant(token, self, username=self.username, hybrid=self.hybrid)
