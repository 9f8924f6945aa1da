"""A simulated org: its users, apps, hosts and policies, and what an administrator can do to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from .ceremonies import AuthorizationCode
from .data import Data
from .handlers import AcceptedTokens, ExchangeHandler
from .identifiers import random_id, random_secret, random_token
from .identities import App, User
from .keys import AppKey
from .places import LOGIN_ORIGINS, Place, loopback_path
from .sessions import Ending

if TYPE_CHECKING:
    from .simulator import Simulator

OrgKind = Literal["production", "sandbox", "scratch"]

# What a new app may do unless told otherwise. A later flow adds its grant type here.
DEFAULT_GRANT_TYPES = frozenset(
    {
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "client_credentials",
        "refresh_token",
        "password",
        "authorization_code",
        "implicit",  # the user-agent flow, which has no grant type of its own
        "device",
        "hybrid_auth_code",
        "hybrid_refresh",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:hybrid-token-exchange",
    }
)

_MY_DOMAINS: dict[OrgKind, str] = {
    "production": "https://{key}.my.salesforce.com",
    "sandbox": "https://{key}--dev.sandbox.my.salesforce.com",
    "scratch": "https://{key}-dev-ed.scratch.my.salesforce.com",
}


@dataclass(slots=True, eq=False)
class SimulatedOrg:
    """One org. Made by `Simulator.add_org`; all flags may be changed at any time.

    Attributes:
        key: The name under which counts and log speak of it.
        org_id: 18 characters.
        my_domain: ``https://acme.my.salesforce.com``; never changes.
        site_url: An Experience Cloud site, with its path prefix, or None.
        session_timeout: Seconds; Salesforce's default is two hours.
        sliding: Whether opaque sessions are extended by use (the half-time rule).
        reuse_sessions: Whether repeated JWT bearer and client credentials requests get the live session's token again.
        token_latency: Seconds for which a token request is held open after it took effect.
        logins_per_hour: Per user; the next one is refused for an hour with ``rate_limit_exceeded``.
        daily_api_requests: API requests per day; above it APIs answer 403 ``REQUEST_LIMIT_EXCEEDED``.
        query_batch_size: Rows per page of a query that does not ask for a batch size itself.
        records: How many rows the largest object has.
        active: False: ``inactive_org``.
        trusted_network: False: passwords need the security token appended.
        ip_restricted: The org's policies exclude the caller's address.
        blocks_password_grant: "Block Authorization Flows": username-password.
        blocks_user_agent_flow: "Block Authorization Flows": user-agent.
        user_agent_errors_in_query: Errors of the user-agent flow come in the query, where some clients met them, and
            not in the fragment, where they are documented.
        pkce_required: PKCE is required of every app of the org.
        code_lifetime: Seconds for which an authorization code is good.
        device_code_lifetime: Seconds for which a device and a user code are good.
        device_interval: Seconds that a device must leave between two questions.
        sso_providers: Who is logged in at the identity providers of My Domain and site, by developer name.
        exchange_handlers: Token exchange handlers by developer name; the first is the default.
        soap_login_enabled: "Enable SOAP API login()".
        api_enabled: False: the org's edition has no API, 403 ``API_DISABLED_FOR_ORG``.
        disabled_grant_types: Flows switched off for the whole org: ``oauth_flow_disabled``.
    """

    # Of those not described above: api_usage is [day since the epoch, requests on that day].
    simulator: Simulator = field(repr=False)
    key: str
    kind: OrgKind
    org_id: str
    my_domain: str
    site_url: str | None = None
    session_timeout: float = 7200.0
    sliding: bool = True
    reuse_sessions: bool = True
    token_latency: float = 0.0
    logins_per_hour: int = 3600
    daily_api_requests: int = 5_000_000
    query_batch_size: int = 2000
    records: int = 500
    active: bool = True
    trusted_network: bool = True
    ip_restricted: bool = False
    blocks_password_grant: bool = False
    blocks_user_agent_flow: bool = False
    user_agent_errors_in_query: bool = False
    pkce_required: bool = False
    code_lifetime: float = 900.0
    device_code_lifetime: float = 600.0
    device_interval: float = 5.0
    soap_login_enabled: bool = True
    api_enabled: bool = True
    disabled_grant_types: set[str] = field(default_factory=set)
    users: list[User] = field(default_factory=list)
    apps: list[App] = field(default_factory=list)
    sso_providers: dict[str, User] = field(default_factory=dict)
    exchange_handlers: dict[str, ExchangeHandler] = field(default_factory=dict)
    moves: int = 0
    named_instance_url: str = ""
    loopback_origin: str | None = None
    signing_key_id: str = ""
    signing_keys: int = 0
    data: Data = field(default_factory=Data, repr=False)
    api_usage: list[int] = field(default_factory=lambda: [0, 0], repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.key):
            raise ValueError(f"{self.key!r} can't be part of a host name: use lower case letters, digits and hyphens")
        self.my_domain = (self.my_domain or _MY_DOMAINS[self.kind].format(key=self.key)).rstrip("/")
        self.named_instance_url = self.my_domain
        self.site_url = self.site_url.rstrip("/") if self.site_url else None
        self._name_signing_key()

    # ── what a client needs to know ──────────────────────────────────────────────────────────────────────────────

    @property
    def app(self) -> App:
        """The first app: ready for every grant."""
        return self.apps[0]

    @property
    def user(self) -> User:
        """The first user: the run-as user of the first app."""
        return self.users[0]

    @property
    def instance_url(self) -> str:
        """Where the org's APIs are now; a loopback origin while the simulator is served over TCP."""
        return self.loopback_origin or self.named_instance_url

    @property
    def login_url(self) -> str:
        """The login host of this kind of org; a loopback origin while the simulator is served over TCP."""
        return self.simulator.origins[0] if self.simulator.origins else LOGIN_ORIGINS[self.kind]

    @property
    def site_login_url(self) -> str | None:
        """Where site users log in; below a loopback origin while the simulator is served over TCP."""
        origins = self.simulator.origins
        return origins[0] + loopback_path(self) if origins and self.site_url else self.site_url

    def instance_url_at(self, place: Place) -> str:
        """The `instance_url` of a token response given at this place."""
        if not place.on_loopback:
            return self.named_instance_url
        return self.loopback_origin or _without_path(place.origin)

    def issuer_at(self, place: Place) -> str:
        """`iss` of the JWTs that this org issues here: a client finds the keys under it."""
        if place.kind == "loopback":
            return self.loopback_origin or place.origin
        return place.origin if place.kind == "site" else self.my_domain

    def identity_url_at(self, place: Place, user: User) -> str:
        """The user's identity URL: at the login host, even when the token came from My Domain."""
        origin = _without_path(place.origin) if place.on_loopback else LOGIN_ORIGINS[self.kind]
        return f"{origin}/id/{self.org_id}/{user.user_id}"

    @property
    def site_id(self) -> str:
        """The id of the org's site, the object Network."""
        return "0DB" + self.org_id[3:]

    @property
    def web_domains(self) -> dict[str, str]:
        """The hosts of the org's pages, by what a hybrid token response calls them."""
        host = urlsplit(self.my_domain).netloc.removesuffix(".my.salesforce.com")
        name, _, partition = host.partition(".")
        partition = "." + partition if partition else ""
        return {
            "lightning": f"{name}{partition}.lightning.force.com",
            "visualforce": f"{name}--c{partition}.vf.force.com",
            "content": f"{name}{partition}.file.force.com",
        }

    def serves_apis_at(self, place: Place) -> bool:
        """Whether a bearer token of this org is good at this host.

        That the former host refuses the tokens of an org that moved away is an assumption: Salesforce documents that
        clients must adopt the newest `instance_url`, not what the old host says.
        """
        if place.kind == "loopback":
            return self.loopback_origin is None or place.origin == self.loopback_origin
        return place.org is self and (place.kind == "site" or place.origin == self.named_instance_url)

    # ── set-up ───────────────────────────────────────────────────────────────────────────────────────────────────

    def add_user(self, username: str | None = None, password: str | None = None, **flags: Any) -> User:
        """Another user; `flags` are attributes of `User`."""
        random = self.simulator.random
        number = f"{len(self.users) + 1}" if self.users else ""
        sandbox = "" if self.kind == "production" else ".dev"
        user = User(
            user_id=random_id("005", random),
            username=username or f"integration{number}@{self.key}.example{sandbox}",
            # Characters that must be escaped in forms and in XML: the most common bug of clients.
            password=password or f"p&w+{random_token(random, 12)}!<>%",
            security_token=random_token(random, 24).replace(".", "x").replace("_", "y"),
            **flags,
        )
        self.users.append(user)
        return user

    def add_app(
        self,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        private_key: Any = None,
        certificate_pem: str | None = None,
        **policies: Any,
    ) -> App:
        """Another app, which runs as the first user; `policies` are attributes of `App`.

        Args:
            private_key: An RSA key object or unencrypted PEM; without one the simulator's shared pair is used.
            certificate_pem: A certificate to upload instead of one made from the key.
        """
        random = self.simulator.random
        key = AppKey.from_private_key(private_key) if private_key is not None else self.simulator.keys.app
        policies.setdefault("run_as", self.users[0] if self.users else None)
        policies.setdefault("grant_types", set(DEFAULT_GRANT_TYPES))
        app = App(
            client_id=client_id or "3MVG9" + random_token(random, 80),
            client_secret=client_secret or random_secret(random),
            private_key_pem=key.private_key_pem,
            certificate_pem=certificate_pem or key.certificate_pem,
            **policies,
        )
        self.apps.append(app)
        return app

    # ── what users and administrators do ─────────────────────────────────────────────────────────────────────────

    def issue_refresh_token(self, app: App | None = None, user: User | None = None, scope: str | None = None) -> str:
        """A refresh token, as if the user had just logged in through a browser and approved the app."""
        app, user = app or self.app, user or self.user
        approval, evicted = self.simulator.approvals.grant(self, app, user, scope or app.scope, self.simulator.now())
        if evicted is not None:
            self.simulator.revoke_approval(evicted)
        return approval.refresh_token

    def issue_code(
        self,
        app: App | None = None,
        user: User | None = None,
        *,
        redirect_uri: str | None = None,
        scope: str | None = None,
        code_challenge: str | None = None,
        nonce: str | None = None,
    ) -> str:
        """An authorization code, as if the user had just come back from the login and consent pages.

        Args:
            redirect_uri: The app's first callback URL unless given.
            code_challenge: Base64url of the SHA-256 of the verifier that must then come along (RFC 7636).
        """
        app, user = app or self.app, user or self.user
        now = self.simulator.now()
        code = self.simulator.ceremonies.new_code()
        kept = AuthorizationCode(
            org=self,
            app=app,
            user=user,
            scope=scope or app.scope,
            redirect_uri=redirect_uri or app.callback_urls[0],
            code_challenge=code_challenge,
            nonce=nonce,
            expires_at=now + self.code_lifetime,
        )
        self.simulator.ceremonies.codes.put(code, kept, now)
        return code

    def answer_device(self, user_code: str, user: User | None = None, *, allow: bool = True) -> None:
        """What the user does on the page that the device told them of: allow it, or deny it."""
        device = self.simulator.ceremonies.device_by_user_code(user_code, self.simulator.now())
        if device is None or device.org is not self:
            raise ValueError(f"no device of {self.key!r} waits with this code")
        device.user = user or self.user
        device.answer = "allowed" if allow else "denied"

    def accept_subject_token(self, subject_token: str, user: User | None = None) -> None:
        """Let the token exchange flow take this token of an identity provider for the user.

        It is what the handler named ``Accepted`` looks up. Handlers that look at tokens for themselves go into
        `exchange_handlers`.
        """
        accepted = self.exchange_handlers.setdefault("Accepted", AcceptedTokens())
        if not isinstance(accepted, AcceptedTokens):
            raise TypeError("the handler 'Accepted' is not the simulator's own")
        accepted.users[subject_token] = user or self.user

    def expire_sessions(self) -> int:
        """All live sessions end as if their time were up. Returns how many there were."""
        return self._end_sessions("expired", jwt=True)

    def revoke_sessions(self) -> int:
        """An administrator removes all sessions. JWT access tokens live on until `exp`: see `rotate_signing_key`."""
        return self._end_sessions("revoked")

    def revoke_refresh_tokens(self) -> int:
        """An administrator revokes all approvals, and with them their sessions. Returns how many there were."""
        approvals = list(self.simulator.approvals.of_org(self))
        for approval in approvals:
            self.simulator.revoke_approval(approval)
        return len(approvals)

    def rotate_signing_key(self) -> int:
        """Ends all JWT access tokens at once, the only way there is: they are signed under a key id no longer known."""
        now = self.simulator.now()
        self._name_signing_key()
        sessions = [s for s in self.simulator.sessions.of_org(self) if s.jwt_based and not s.ended(now)]
        for session in sessions:
            session.ending = "revoked"
        return len(sessions)

    def rotate_secret(self, app: App | None = None) -> str:
        """A new consumer secret; every token of the app is revoked with it. Returns the new secret."""
        app = app or self.app
        app.client_secret = random_secret(self.simulator.random)
        for approval in list(self.simulator.approvals.of_org(self)):
            if approval.app is app:
                self.simulator.revoke_approval(approval)
        self._end_sessions("revoked", app=app)
        return app.client_secret

    def migrate(self, new_instance_url: str | None = None) -> str:
        """The org moves to another instance; returns its new `instance_url`.

        Over TCP it moves to another of the loopback origins, in process to a new host. Sessions with opaque tokens do
        not survive the move (an assumption: migrations happen in maintenance windows that end sessions).
        """
        if self.simulator.origins:
            self.loopback_origin = self._next_origin(new_instance_url)
        else:
            self.moves += 1
            if new_instance_url is None:
                host = urlsplit(self.my_domain).netloc
                label, _, rest = host.partition(".")
                new_instance_url = f"https://{label}-{self.moves}.{rest}"
            self.named_instance_url = new_instance_url.rstrip("/")
            self.simulator.hosts.add_org_host(self.named_instance_url, self)
        self._end_sessions("migrated")
        return self.instance_url

    def _next_origin(self, wanted: str | None) -> str:
        origins = self.simulator.origins
        if wanted is not None:
            if wanted.rstrip("/") not in origins:
                raise ValueError(f"{wanted} is not served; there are {', '.join(origins)}")
            return wanted.rstrip("/")
        if len(origins) < 2:
            raise ValueError("there is only one instance to live on: serve the simulator on more ports")
        here = origins.index(self.loopback_origin) if self.loopback_origin in origins else -1
        return origins[(here + 1) % len(origins)]

    def _end_sessions(self, ending: Ending, *, jwt: bool = False, app: App | None = None) -> int:
        now = self.simulator.now()
        ended = [
            session
            for session in self.simulator.sessions.of_org(self)
            if session.ended(now) is None and (jwt or not session.jwt_based) and (app is None or session.app is app)
        ]
        for session in ended:
            session.ending = ending
        return len(ended)

    def _name_signing_key(self) -> None:
        # Orgs share one RSA key under key ids of their own; a resource server looks keys up by id, so that a new id
        # has the effect of a new key without the tenth of a second that making one takes.
        self.signing_keys += 1
        self.signing_key_id = f"CORE_ATJWT.{self.org_id[:15]}.{int(self.simulator.now() * 1000) + self.signing_keys}"


def _without_path(url: str) -> str:
    return urlsplit(url)._replace(path="").geturl()
