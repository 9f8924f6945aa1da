"""Users and connected apps of a simulated org. Their flags may be changed at any time: the next request sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TokenFormat = Literal["opaque", "jwt"]
PermittedUsers = Literal["admin", "self"]


@dataclass(slots=True, eq=False)
class User:
    """A user of an org.

    Attributes:
        security_token: Appended to the password where the caller's network is not trusted.
        active: False: logins answer ``inactive_user`` and sessions with opaque tokens end.
        ip_restricted: The profile's login IP ranges exclude the caller.
        outside_login_hours: The profile's login hours exclude this moment.
        api_enabled: The permission "API Enabled"; without it, APIs answer 403 ``API_CURRENTLY_DISABLED``.
        external: A portal or community user: logs in at a site only, and is refused as a run-as user.
        password_expired: SOAP login and the password grant fail.
        locked_out: Too many wrong passwords.
    """

    user_id: str
    username: str
    password: str = field(repr=False)
    security_token: str = field(repr=False)
    first_name: str = "Integration"
    last_name: str = "User"
    active: bool = True
    ip_restricted: bool = False
    outside_login_hours: bool = False
    api_enabled: bool = True
    external: bool = False
    password_expired: bool = False
    locked_out: bool = False


@dataclass(slots=True, eq=False)
class App:
    """A connected app, or external client app, with its policies.

    Attributes:
        private_key_pem: For the client under test; the simulator itself only ever looks at the certificate.
        certificate_pem: The uploaded certificate that verifies assertions; None: "Use digital signatures" is off.
        scopes: Selected OAuth scopes.
        run_as: The execution user of the client credentials flow; None: not set in Setup.
        grant_types: Flows that are switched on for this app.
        permitted_users: ``"admin"``: admin-approved users are pre-authorized; ``"self"``: all users may
            self-authorize, so that a flow without a browser needs an earlier approval.
        pre_authorized: User ids that a profile or permission set admits; None: everybody.
        installed: False: the app is uninstalled, and the org admits no uninstalled apps.
        blocked: An administrator blocked the app.
        high_assurance: The policy that raises the session level, which blocks flows without a user.
        callback_urls: Registered callback URLs; one of them must be sent, letter by letter.
        any_loopback_callback: Any port and path on this machine is a callback URL, too. Salesforce has nothing like it:
            it is for clients under test that listen on a free port.
        single_logout_url: Where a browser may be sent after a logout, apart from the callback URLs.
        pkce_required: "Require Proof Key for Code Exchange (PKCE)".
        secret_required_for_web_server: "Require Secret for Web Server Flow".
        secret_required_for_refresh: "Require Secret for Refresh Token Flow".
        secret_required_for_token_exchange: "Require Secret for Token Exchange Flow".
        secret_required_for_device: Whether polling of the device flow needs the secret; Salesforce asks for none.
        id_token_lifetime: Seconds; Salesforce's default is two minutes.
        rotate_refresh_tokens: Each refresh gives a new refresh token and ends the old one.
        refresh_token_lifetime: Seconds from the approval until its refresh token is refused; None: infinite; 0: the
            policy "Immediately expire refresh token", with which none is given out.
        refresh_token_inactivity: Seconds without use after which a refresh token is refused; None: never.
        introspect_all_tokens: May introspect any token of the org, not only its own.
        token_format: Of access tokens: opaque, or JWT ("Issue JWT-based access tokens").
        jwt_lifetime: Seconds; fixed, JWT access tokens are never extended.
        session_timeout: Seconds, this app's session policy; None: the org's.
    """

    client_id: str
    client_secret: str = field(repr=False)
    private_key_pem: str = field(repr=False)
    certificate_pem: str | None
    name: str = "Integration"
    scopes: tuple[str, ...] = ("id", "api", "web", "openid", "refresh_token")
    run_as: User | None = None
    grant_types: set[str] = field(default_factory=set)
    permitted_users: PermittedUsers = "admin"
    pre_authorized: set[str] | None = None
    installed: bool = True
    blocked: bool = False
    high_assurance: bool = False
    callback_urls: tuple[str, ...] = ("http://localhost:1717/OauthRedirect", "https://app.example/callback")
    any_loopback_callback: bool = False
    single_logout_url: str | None = None
    pkce_required: bool = False
    secret_required_for_web_server: bool = True
    secret_required_for_refresh: bool = True
    secret_required_for_token_exchange: bool = True
    secret_required_for_device: bool = False
    id_token_lifetime: float = 120.0
    rotate_refresh_tokens: bool = False
    refresh_token_lifetime: float | None = None
    refresh_token_inactivity: float | None = None
    introspect_all_tokens: bool = False
    token_format: TokenFormat = "opaque"
    jwt_lifetime: float = 1800.0
    session_timeout: float | None = None

    @property
    def jwt_based(self) -> bool:
        """Whether access tokens are JWTs."""
        return self.token_format != "opaque"

    @property
    def scope(self) -> str:
        """The scopes as one string, as in token responses."""
        return " ".join(self.scopes)
