"""RFC 6749 section 4.2, Salesforce's "OAuth 2.0 User-Agent Flow for Desktop or Mobile App Integration". Insecure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Unpack

from ..errors import ProtocolError
from ..grants.base import Credential
from ..grants.client_auth import ClientAuthMethod
from ..grants.fields import check_client_id
from ..grants.insecure import BLOCK_ALL, InsecureFlows
from ..grants.parameters import check_redirect_uri, scope_text
from ..grants.refresh_token import RefreshTokenGrant
from ..grants.unrenewable import UnrenewableGrant, renewing_grant
from ..org import Org
from ..token import Token
from .authorization import LoginOptions, RandomBytes, as_org, authorization_url, random_text
from .callback import check_error, check_state, read_callback
from .pending import PendingLogin
from .web_server import check_pending

__all__ = ["UserAgentFlow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAgentFlow:
    """A person logs in with a browser, and the token comes back in the URL. Use `WebServerFlow` instead.

    Attributes:
        client_id: The app's consumer key. There is no secret in this flow.
        redirect_uri: One of the app's callback URLs, letter by letter.
        org: Where to log in: `Org`, or what it takes.
        scope: A subset of the app's scopes, by default all. Salesforce gives a refresh token only to callback URLs
            with a scheme of the app's own or of Salesforce's own success page (unconfirmed).
        id_token: Ask for an id token as well.
        hybrid: Ask for web sessions beside the token (Salesforce's "OAuth 2.0 Hybrid App Token Flow").
        insecure_flows: Has to let the user-agent flow through.

    Raises:
        ConfigurationError: A field can't be right; names the field, never its value.
        InsecureFlowError: ``insecure_flows`` doesn't let it through.
    """

    client_id: str
    redirect_uri: str
    org: Org | str
    scope: str = ""
    id_token: bool = False
    hybrid: bool = False
    insecure_flows: InsecureFlows = field(default=BLOCK_ALL, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.insecure_flows.check("user_agent", where="UserAgentFlow")
        check_client_id(self.client_id)
        check_redirect_uri(self.redirect_uri)
        object.__setattr__(self, "org", as_org(self.org))
        object.__setattr__(self, "scope", scope_text(self.scope))

    @property
    def response_type(self) -> str:
        """``token``, ``token id_token`` or ``hybrid_token``."""
        return "hybrid_token" if self.hybrid else "token id_token" if self.id_token else "token"

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
        url = authorization_url(
            org,
            response_type=self.response_type,
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            scope=self.scope,
            state=state,
            nonce=nonce,
            code_verifier=None,
            options=options,
        )
        return PendingLogin(url=url, state=state, nonce=nonce, org=org.url, client_id=self.client_id)

    def finish(self, callback: str | Mapping[str, Any], pending: PendingLogin, *, now: float) -> Token:
        """The token in what the browser brought back.

        Salesforce documents the fragment for success and failure; failures have been seen in the query. Both are read.

        Args:
            callback: The whole URL with its fragment, or its parameters, decoded.
            pending: What `start` gave.
            now: Unix seconds.

        Raises:
            LoginRequiredError: Not the callback of this login, or the user said no: start again.
            ConfigurationError: Salesforce refuses the app's request; the hint says what to change.
            TryLaterError: Salesforce is not available.
            ProtocolError: This is no callback of Salesforce's.
        """
        org = as_org(self.org)
        check_pending(pending, org, self.client_id)
        parameters = read_callback(callback, self.redirect_uri, fragment=True)
        check_state(parameters, pending)
        check_error(parameters, grant_type=None)
        if not parameters.get("access_token"):
            raise ProtocolError(
                "The callback has neither a token nor an error.",
                hint="A browser doesn't send the fragment (what follows '#') to a server: a script of the page has to "
                "hand it over. WebServerFlow needs no such script.",
            )
        del parameters["state"]
        try:
            token = Token.from_response(parameters, now=now)
        except ValueError as problem:
            raise ProtocolError(f"The callback's token is unusable: {problem}.") from None
        for url in (token.instance_url, token.api_instance_url):
            if url is not None and not org.allows_instance(url):
                raise ProtocolError(
                    "The callback sends the bearer to a host that is none of Salesforce's.",
                    hint="If it is a custom domain of yours, name it: Org(..., trusted_hosts=[...]).",
                )
        return token

    def renewing_grant(self, token: Token, *, username: str | None = None) -> RefreshTokenGrant | UnrenewableGrant:
        """What renews the token: its refresh token, or nothing."""
        return renewing_grant(token, _PublicClient(self.client_id), username=username, hybrid=self.hybrid)


@dataclass(frozen=True, slots=True)
class _PublicClient:
    client_id: str
    client_secret: Credential | None = None
    private_key: Credential | None = None
    passphrase: Credential | None = None
    client_auth: ClientAuthMethod | None = None
