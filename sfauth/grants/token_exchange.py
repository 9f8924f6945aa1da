"""Salesforce's "OAuth 2.0 Token Exchange Flow": another identity provider's token for one of Salesforce's.

It borrows its URNs from RFC 8693 and little else: there is no ``requested_token_type``, ``audience`` or ``resource``,
and the reply has no ``issued_token_type``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from ..errors import ConfigurationError
from ..org import Org
from ..token import Token
from .base import Credential, TokenRequest
from .client_auth import ClientAuthMethod, authenticate, check_client_auth
from .fields import check_client_id, check_text, check_username, checked_passphrase, checked_secret
from .identity import name_of
from .parameters import check_developer_name, scope_text
from .plain import is_plain, plain_text, resolved
from .refresh_token import RefreshTokenGrant
from .unpicklable import Unpicklable
from .unrenewable import renewing_grant

__all__ = ["SUBJECT_TOKEN_TYPES", "TokenExchangeGrant"]

LONGEST_SUBJECT_TOKEN: Final = 10_000
"""Characters. Salesforce Help, "OAuth 2.0 Token Exchange Flow"."""
_TYPE_PREFIX: Final = "urn:ietf:params:oauth:token-type:"
SUBJECT_TOKEN_TYPES: Final = ("access_token", "refresh_token", "id_token", "saml2", "jwt")
"""Short for the URNs of RFC 8693 section 3. Which ones count is up to the app's token exchange handler."""
_HYBRID = "urn:ietf:params:oauth:grant-type:hybrid-token-exchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExchangeGrant(Unpicklable):
    """Log a user in with a token that another identity provider gave for them.

    An Apex handler in the org judges the subject token. It may use up a one-time token, and create users, so a request
    is never sent twice by itself.

    Attributes:
        client_id: The app's consumer key.
        subject_token: The identity provider's token, at most 10,000 characters; as a path or a callable it's had anew
            for each exchange, so that a manager renews without anybody's help. SAML: the assertion as base64url.
        subject_token_type: ``access_token``, ``refresh_token``, ``id_token``, ``saml2``, ``jwt``, or its full URN.
        token_handler: Developer name of the token exchange handler; by default the app's default handler.
        scope: A subset of the app's scopes; by default all.
        client_secret: The app's consumer secret; optional where the app requires none for this flow.
        private_key: Instead of a secret: an RSA key of 2048 bits or more as PEM, whose certificate the app has.
        passphrase: For an encrypted private key.
        client_auth: ``post`` (the default with a secret), ``basic``, ``private_key_jwt`` (with a key) or ``none``.
        username: Whose token it is; not sent. Needed where ``subject_token`` is a path or a callable, as identities
            are told apart by it.
        hybrid: Ask for web sessions beside the token (`sfauth.flows.HybridSessions`).
        unattended: Renew by another exchange, rather than by the refresh token that may come along; by default where
            ``subject_token`` is a path or a callable.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
    """

    grant_type: ClassVar[str] = "urn:ietf:params:oauth:grant-type:token-exchange"
    secrets: ClassVar[tuple[str, ...]] = ("subject_token", "client_secret", "private_key", "passphrase")
    resendable: ClassVar[bool] = False
    insecure: ClassVar[str | None] = None

    client_id: str
    subject_token: Credential = field(repr=False)
    subject_token_type: str
    token_handler: str | None = None
    scope: str = ""
    client_secret: Credential | None = field(default=None, repr=False)
    private_key: Credential | None = field(default=None, repr=False)
    passphrase: Credential | None = field(default=None, repr=False)
    client_auth: ClientAuthMethod | None = None
    username: str | None = None
    hybrid: bool = False
    unattended: bool | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        check_client_id(self.client_id)
        put(self, "subject_token", _checked_subject_token(self.subject_token))
        put(self, "subject_token_type", _type_urn(self.subject_token_type))
        if self.token_handler is not None:
            hint = "Give the handler's API name: Setup > Token Exchange Handlers."
            check_developer_name(self.token_handler, "token_handler", hint=hint)
        put(self, "scope", scope_text(self.scope))
        if self.client_secret is not None:
            put(self, "client_secret", checked_secret(self.client_secret, "client_secret"))
        put(self, "passphrase", checked_passphrase(self.passphrase))
        put(self, "client_auth", check_client_auth(self, required=False))
        if self.username is not None:
            check_username(self.username)
        elif not is_plain(self.subject_token):
            raise ConfigurationError(
                "username is missing: a subject_token that changes doesn't tell whose it is",
                hint="Give the user's Salesforce username (or what else names them); it is not sent.",
            )
        if self.unattended is None:
            # Kept as a field: by the time of a renewal, the path or callable has been replaced by what it gave.
            put(self, "unattended", not is_plain(self.subject_token))

    @property
    def subject(self) -> str | None:
        """The username where the subject token changes; else with a digest of the subject token."""
        return self.username if self.unattended and self.username else name_of(self.username, self.subject_token)

    @property
    def signs(self) -> bool:
        """With a private key only."""
        return self.client_auth == "private_key_jwt"

    def check(self, org: Org) -> None:
        """Refuse the login hosts: they can't know whose handler is to judge the subject token.

        Raises:
            ConfigurationError: The org is given by login.salesforce.com or test.salesforce.com.
        """
        if org.is_login_host:
            raise ConfigurationError(
                f"the token exchange flow doesn't work on {org.host}",
                hint="Give the org's My Domain, such as https://acme.my.salesforce.com (Setup > My Domain > Current My "
                "Domain URL), or the site's URL for its users.",
            )

    def request(self, org: Org, *, now: float, jti: str) -> TokenRequest:
        """The subject token, what is to be done with it, and the client's proof."""
        self.check(org)
        form = {
            "grant_type": _HYBRID if self.hybrid else self.grant_type,
            "subject_token": plain_text(resolved(self.subject_token, "subject_token"), "subject_token"),
            "subject_token_type": self.subject_token_type,
        }
        if self.token_handler is not None:
            form["token_handler"] = self.token_handler
        if self.scope:
            form["scope"] = self.scope
        proof = authenticate(self, audience=org.token_url, now=now, jti=jti)
        return TokenRequest({**form, **proof.form}, proof.headers)

    def client_authentication(self, org: Org, *, audience: str, now: float, jti: str) -> TokenRequest | None:
        """As for a token; None for a client without secret or key, which can't prove itself."""
        if self.client_auth == "none":
            return None
        return authenticate(self, audience=audience, now=now, jti=jti)

    def renewed(self, token: Token) -> Self | RefreshTokenGrant:
        """With the refresh token that came along; itself where none came, or where it renews unattended.

        A refresh token dies at some point, and then somebody has to log in; a new subject token needs nobody.
        """
        if self.unattended or token.refresh_token is None:
            return self
        grant = renewing_grant(token, self, username=self.username, hybrid=self.hybrid)
        return grant if isinstance(grant, RefreshTokenGrant) else self


def _checked_subject_token(value: Credential) -> Credential:
    checked = checked_secret(value, "subject_token")
    if is_plain(checked) and len(checked) > LONGEST_SUBJECT_TOKEN:
        raise ConfigurationError(
            f"subject_token is longer than {LONGEST_SUBJECT_TOKEN:,} characters, which Salesforce refuses",
            hint="Ask the identity provider for a smaller token: fewer claims or groups, or a reference token.",
        )
    return checked


def _type_urn(value: object) -> str:
    hint = f"Give one of {', '.join(SUBJECT_TOKEN_TYPES)}."
    text = check_text(value, "subject_token_type", hint=hint)
    if text.removeprefix(_TYPE_PREFIX) not in SUBJECT_TOKEN_TYPES:
        raise ConfigurationError("subject_token_type is unknown", hint=hint)
    return _TYPE_PREFIX + text.removeprefix(_TYPE_PREFIX)
