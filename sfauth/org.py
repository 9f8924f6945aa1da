"""Where an org logs in: login host, My Domain or site, its endpoints, and the hosts that may see its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import ConfigurationError, UntrustedHostError
from .hosts import (
    COMMERCIAL,
    FOR_INSTANCES,
    FOR_SECRETS,
    HOW_TO_NAME_AN_ORG,
    LOGIN_URL,
    SANDBOX_LOGIN_URL,
    OrgKind,
    authority,
    host_of_name,
    is_host,
    is_loopback,
    is_sandbox,
    netloc_of,
    origin_of,
    plain_host,
    port_of,
    salesforce_kind,
    wrong_host,
)

__all__ = ["Org", "OrgKind", "origin_of"]

_WHERE = re.compile(
    r"(?:(https?)://)?([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{0,5}))?((?:/[a-z0-9._~-]*)*)", re.ASCII | re.IGNORECASE
)
_WITHOUT_PATH = (OrgKind.PRODUCTION_LOGIN, OrgKind.SANDBOX_LOGIN, OrgKind.MY_DOMAIN)


@dataclass(frozen=True, slots=True, init=False)
class Org:
    """Where to log in. A small value: equal by what it says; derived URLs are built when asked for.

    Attributes:
        url: Origin, for a site with its path, without a trailing slash: the base of all OAuth endpoints.
        kind: What sort of address it is.
        sandbox: Whether it's a sandbox or scratch org; guessed from the host unless told.
        audience: The ``aud`` of a JWT bearer assertion for this org.
        trusted_hosts: Hosts (``host`` or ``host:port``) outside Salesforce's domains that may see its secrets.
    """

    url: str
    kind: OrgKind
    sandbox: bool
    audience: str
    trusted_hosts: tuple[str, ...]

    def __init__(
        self,
        where: str,
        *,
        audience: str | None = None,
        sandbox: bool | None = None,
        trusted_hosts: Iterable[str] = (),
    ) -> None:
        """Read an address as people write it.

        Args:
            where: ``login``, ``test``, a My Domain name (``acme``, sandbox ``acme--uat``), its host or URL, a site URL
                with its path, or a loopback URL. Slashes at the end, ``/services/…`` pasted along, capitals, blanks and
                a missing scheme (https; on loopback http) are put right.
            audience: ``aud`` for JWT bearer, where the one worked out is not accepted.
            sandbox: Whether it's a sandbox or scratch org, where the host doesn't tell.
            trusted_hosts: Exact hosts, of a custom domain for instance, that may see this org's secrets over https.

        Raises:
            ConfigurationError: Not an address to log in at; the hint says what to give instead.
        """
        trusted = _trusted(trusted_hosts)
        scheme, host, port, prefix = _parse(where)
        kind = _kind(scheme, host, port, trusted)
        origin = f"{scheme}://{netloc_of(host, port)}"
        if prefix and kind in _WITHOUT_PATH:
            raise ConfigurationError(
                f"{origin} has no path to log in under: only sites have one.",
                hint=f"Give {origin}, or the site's own URL, such as https://acme.my.site.com/customers.",
            )
        put = object.__setattr__
        put(self, "url", origin + prefix)
        put(self, "kind", kind)
        put(self, "sandbox", is_sandbox(host) if sandbox is None else sandbox)
        put(self, "audience", self._usual_audience() if audience is None else _checked_audience(audience))
        put(self, "trusted_hosts", trusted)

    @property
    def origin(self) -> str:
        """``scheme://host[:port]``."""
        return origin_of(self.url)

    @property
    def host(self) -> str:
        """The host alone, lower case, without port and brackets."""
        return authority(self.url)[1]

    @property
    def is_login_host(self) -> bool:
        """Whether it's login or test.salesforce.com, shared by all orgs."""
        return self.kind is OrgKind.PRODUCTION_LOGIN or self.kind is OrgKind.SANDBOX_LOGIN

    @property
    def token_url(self) -> str:
        """RFC 6749 section 3.2."""
        return f"{self.url}/services/oauth2/token"

    @property
    def authorize_url(self) -> str:
        """RFC 6749 section 3.1."""
        return f"{self.url}/services/oauth2/authorize"

    @property
    def introspect_url(self) -> str:
        """RFC 7662."""
        return f"{self.url}/services/oauth2/introspect"

    @property
    def revoke_url(self) -> str:
        """RFC 7009."""
        return f"{self.url}/services/oauth2/revoke"

    @property
    def userinfo_url(self) -> str:
        """OpenID Connect Core section 5.3."""
        return f"{self.url}/services/oauth2/userinfo"

    @property
    def register_url(self) -> str:
        """RFC 7591."""
        return f"{self.url}/services/oauth2/register"

    @property
    def singleaccess_url(self) -> str:
        """Turns a token into a browser session; asked at an org's instance or site, not at a login host.

        Salesforce Help, "Generate a Frontdoor URL to Bridge Into UI Sessions".
        """
        return f"{self.url}/services/oauth2/singleaccess"

    @property
    def discovery_url(self) -> str:
        """OpenID Connect Discovery section 4."""
        return f"{self.url}/.well-known/openid-configuration"

    @property
    def jwks_url(self) -> str:
        """The key set (RFC 7517) that id tokens and JWT access tokens are signed with."""
        return f"{self.url}/id/keys"

    @property
    def end_session_url(self) -> str:
        """OpenID Connect RP-Initiated Logout."""
        return f"{self.url}/services/auth/idp/oidc/logout"

    def allows_secret(self, url: str) -> bool:
        """Whether a client secret, assertion or refresh token may go to ``url``.

        Over https: the org's own host, trusted hosts, and the hosts of Salesforce's login and APIs on their usual port.
        Another customer's site is refused. Loopback, also over http, only where the org itself is on loopback.
        """
        return self._allows(url, FOR_SECRETS)

    def allows_instance(self, url: str) -> bool:
        """Whether a token reply may name ``url`` as the ``instance_url`` that bearers then go to.

        Any Salesforce host over https, sites included. A loopback org may be on any loopback address; a real org never
        moves to loopback.
        """
        return self._allows(url, FOR_INSTANCES)

    def check_secret_url(self, url: str) -> None:
        """Raise `UntrustedHostError` unless `allows_secret`. It names the host, never the path or the query."""
        if self.allows_secret(url):
            return
        try:
            scheme, host, port = authority(url)
        except ConfigurationError:
            raise UntrustedHostError(
                "A secret was about to go to an address that is no plain http(s) URL.", hint=HOW_TO_NAME_AN_ORG
            ) from None
        netloc = netloc_of(host, port)
        if is_loopback(host):
            hint = f"Only an org that is on loopback itself may send secrets there; this one is {self.origin}."
        elif scheme == "http":
            hint = f"Use https://{host}: http is for loopback only."
        else:
            hint = (
                f"If {netloc} is yours to trust with this org's secrets, opt in: "
                f"Org({self.url!r}, trusted_hosts=({netloc!r},))."
            )
        message = f"A secret was about to go to {netloc}, which {self.origin} doesn't trust with it."
        raise UntrustedHostError(message, hint=hint)

    def _allows(self, url: str, suffixes: tuple[str, ...]) -> bool:
        try:
            scheme, host, port = authority(url)
        except ConfigurationError:
            return False
        if is_loopback(host):
            return self.kind is OrgKind.LOOPBACK
        if scheme != "https" or not is_host(host):
            return False
        # With a port in it no suffix matches: Salesforce's OAuth and REST APIs answer on 443 only.
        netloc = netloc_of(host, port)
        return netloc.endswith(suffixes) or netloc in self.trusted_hosts or f"https://{netloc}" == self.origin

    def _usual_audience(self) -> str:
        # Salesforce Help ("OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration") names the two login hosts and
        # site URLs only. Some clients send the My Domain itself; sources disagree on whether that is accepted, so it
        # isn't the default. Unconfirmed: custom domains, and the separate clouds, whose login host no page names.
        if self.kind is OrgKind.MY_DOMAIN and self.url.endswith(COMMERCIAL):
            return SANDBOX_LOGIN_URL if self.sandbox else LOGIN_URL
        return self.url


def _parse(where: object) -> tuple[str, str, int | None, str]:
    if not isinstance(where, str):
        raise ConfigurationError(f"An org is given as text, not as {type(where).__name__}.", hint=HOW_TO_NAME_AN_ORG)
    text = where.strip()
    before, separator, _ = text.partition("://")
    match = _WHERE.fullmatch(text)
    if match is None or (separator and before.lower() not in ("https", "http")):
        raise ConfigurationError(_what_is_wrong(text), hint=HOW_TO_NAME_AN_ORG)
    host = plain_host(match[2])
    prefix = _prefix(match[4])
    if "." not in host and not is_loopback(host) and not match[1] and match[3] is None and not prefix:
        host = host_of_name(host)
    scheme = (match[1] or ("http" if is_loopback(host) else "https")).lower()
    return scheme, host, port_of(scheme, match[3]), prefix


def _what_is_wrong(text: str) -> str:
    # The text itself is not shown: it may hold a password, or be a secret that went astray.
    scheme, separator, _ = text.partition("://")
    if not text:
        return "The org's address is empty."
    if not text.isascii():
        return "The org's address holds characters other than ASCII, perhaps look-alikes."
    if "@" in text:
        return "The org's address contains '@': a user name or password doesn't belong there."
    if "?" in text or "#" in text:
        return "The org's address has a query or a fragment: leave out '?' or '#' and what follows."
    if separator and scheme.lower() not in ("https", "http"):
        return "The org's address has a scheme other than https."
    return "The org's address is neither a URL nor a My Domain name."


def _prefix(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        # From here on it's an endpoint or, after `s`, a page of a site, not part of the site's prefix.
        if segment in ("services", ".well-known", "s"):
            break
        if segment.startswith("."):
            raise ConfigurationError("The org's address has a relative path.", hint=HOW_TO_NAME_AN_ORG)
        if segment:
            kept.append(f"/{segment}")
    return "".join(kept)


def _kind(scheme: str, host: str, port: int | None, trusted: tuple[str, ...]) -> OrgKind:
    if is_loopback(host):
        return OrgKind.LOOPBACK
    if not is_host(host):
        raise ConfigurationError("The org's address names no valid host.", hint=HOW_TO_NAME_AN_ORG)
    kind = salesforce_kind(host)
    netloc = netloc_of(host, port)
    if kind is None and netloc not in trusted:
        raise wrong_host(host, netloc)
    if scheme != "https":
        raise ConfigurationError(
            "An org is reached over https; http is for loopback only.", hint=f"Give https://{host}."
        )
    if kind is None or (port is not None and netloc in trusted):
        return OrgKind.CUSTOM
    if port is not None:
        raise ConfigurationError(f"Salesforce doesn't answer on port {port}.", hint=f"Give https://{host}.")
    return kind


def _checked_audience(audience: object) -> str:
    try:
        if isinstance(audience, str) and origin_of(audience.strip()):
            return audience.strip()
    except ConfigurationError:
        pass
    raise ConfigurationError(
        "The audience is not a URL.",
        hint=f"Give {LOGIN_URL}, {SANDBOX_LOGIN_URL} or the site's URL; or leave it out.",
    )


def _trusted(hosts: Iterable[str]) -> tuple[str, ...]:
    if isinstance(hosts, str):
        raise ConfigurationError("trusted_hosts is one text, not several.", hint=f"Give a tuple: ({hosts!r},).")
    return tuple(sorted({_trusted_host(each) for each in hosts})) if hosts else ()


def _trusted_host(host: object) -> str:
    match = _WHERE.fullmatch(host.strip()) if isinstance(host, str) else None
    if match and is_host(match[2].lower()) and not match[4].strip("/") and (match[1] or "https").lower() == "https":
        return netloc_of(match[2].lower(), port_of("https", match[3]))
    raise ConfigurationError(
        "A trusted host is an exact host name, with a port where it isn't 443.",
        hint="Give for example trusted_hosts=('login.example.com',): no http, path, wildcard or IPv6 address.",
    )
