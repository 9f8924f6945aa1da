"""RFC 6749 section 4.1 with RFC 7636, Salesforce's "OAuth 2.0 Web Server Flow for Web App Integration"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Unpack

from ..errors import ConfigurationError, ProtocolError
from ..grants.authorization_code import AuthorizationCodeGrant
from ..grants.base import Credential
from ..grants.client_auth import ClientAuthMethod, check_client_auth
from ..grants.fields import check_client_id, checked_passphrase, checked_secret
from ..grants.insecure import BLOCK_ALL, InsecureFlows
from ..grants.parameters import check_redirect_uri, scope_text
from ..grants.unpicklable import Unpicklable
from ..org import Org
from .authorization import LoginOptions, RandomBytes, as_org, authorization_url, random_text
from .callback import check_error, check_state, read_callback
from .pending import PendingLogin

__all__ = ["WebServerFlow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServerFlow(Unpicklable):
    """A person logs in with a browser, and the app gets a code for a token.

    ::

        pending = sfauth.logins.begin(flow)               # keep it in the session, send the browser to pending.url
        grant = flow.finish(callback, pending)            # when the browser comes back
        manager.add("ann", grant, org=flow.org)

    Attributes:
        client_id: The app's consumer key.
        redirect_uri: One of the app's callback URLs, letter by letter.
        org: Where to log in: `Org`, or what it takes. A site with its path for Experience Cloud users.
        scope: A subset of the app's scopes, by default all. ``refresh_token`` for a login that lasts, ``openid`` for
            an id token.
        client_secret: The app's consumer secret; without one, PKCE alone protects the code.
        private_key: Instead of a secret: an RSA key of 2048 bits or more as PEM, whose certificate the app has.
        passphrase: For an encrypted private key.
        client_auth: ``post`` (the default with a secret), ``basic``, ``private_key_jwt`` (with a key) or ``none``.
        pkce: Off only where ``insecure_flows`` lets a code without PKCE through.
        hybrid: Ask for web sessions beside the token (Salesforce's "OAuth 2.0 Hybrid App Token Flow").
        insecure_flows: See ``pkce``.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
        InsecureFlowError: PKCE is off.
    """

    client_id: str
    redirect_uri: str
    org: Org | str
    scope: str = ""
    client_secret: Credential | None = field(default=None, repr=False)
    private_key: Credential | None = field(default=None, repr=False)
    passphrase: Credential | None = field(default=None, repr=False)
    client_auth: ClientAuthMethod | None = None
    pkce: bool = True
    hybrid: bool = False
    insecure_flows: InsecureFlows = field(default=BLOCK_ALL, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        check_client_id(self.client_id)
        check_redirect_uri(self.redirect_uri)
        put(self, "org", as_org(self.org))
        put(self, "scope", scope_text(self.scope))
        if self.client_secret is not None:
            put(self, "client_secret", checked_secret(self.client_secret, "client_secret"))
        put(self, "passphrase", checked_passphrase(self.passphrase))
        put(self, "client_auth", check_client_auth(self, required=False))
        if not self.pkce:
            self.insecure_flows.check("code_without_pkce", where="WebServerFlow")

    def start(self, *, random_bytes: RandomBytes, **options: Unpack[LoginOptions]) -> PendingLogin:
        """Make the URL to send a browser to, and what to remember until it's back.

        Args:
            random_bytes: ``secrets.token_bytes``; `sfauth.logins.begin` gives it.
            options: See `LoginOptions`.

        Raises:
            ConfigurationError: An option is none that Salesforce knows, or doesn't work at this org.
        """
        org = as_org(self.org)
        state, nonce = random_text(random_bytes), random_text(random_bytes)
        verifier = random_text(random_bytes) if self.pkce else None
        url = authorization_url(
            org,
            response_type="code",
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            scope=self.scope,
            state=state,
            nonce=nonce,
            code_verifier=verifier,
            options=options,
        )
        return PendingLogin(
            url=url, state=state, nonce=nonce, code_verifier=verifier, org=org.url, client_id=self.client_id
        )

    def finish(
        self, callback: str | Mapping[str, Any], pending: PendingLogin, *, username: str | None = None
    ) -> AuthorizationCodeGrant:
        """The grant in what the browser brought back. Redeem it at once: a code lives minutes and works once.

        Args:
            callback: The URL that the browser came to; or from its path on; or its query; or its parameters, decoded.
            pending: What `start` gave, taken out of that browser's session.
            username: Whose login it is, where the app knows, for people who read logs.

        Raises:
            LoginRequiredError: Not the callback of this login, or the user said no: start again.
            ConfigurationError: Salesforce refuses the app's request; the hint says what to change.
            TryLaterError: Salesforce is not available.
            ProtocolError: This is no callback of Salesforce's.
        """
        check_pending(pending, as_org(self.org), self.client_id)
        parameters = read_callback(callback, self.redirect_uri)
        check_state(parameters, pending)
        check_error(parameters, grant_type=None)
        code = parameters.get("code", "")
        if not code.strip():
            raise ProtocolError(
                "The callback has neither a code nor an error.",
                hint="Hand over the callback's whole query. Without a code, the page was not reached from Salesforce.",
            )
        return AuthorizationCodeGrant(
            client_id=self.client_id,
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=pending.code_verifier,
            client_secret=self.client_secret,
            private_key=self.private_key,
            passphrase=self.passphrase,
            client_auth=self.client_auth,
            hybrid=self.hybrid,
            username=username,
            site_url=parameters.get("sfdc_community_url") or None,
            insecure_flows=self.insecure_flows,
        )


def check_pending(pending: PendingLogin, org: Org, client_id: str) -> None:
    """A code goes only to the org that the browser was sent to (RFC 9700 section 4.4, mix-up).

    Raises:
        ConfigurationError: The login was started by another flow.
    """
    if (pending.org, pending.client_id) != (org.url, client_id):
        raise ConfigurationError(
            f"The login was started at {pending.org}, and this flow is for {org.url} or another app.",
            hint="Keep in the session which flow started the login, and finish it with that one.",
        )
