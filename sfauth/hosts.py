"""What Salesforce's host names say: the tables, and one strict grammar for addresses.

Host names: Salesforce Help, "My Domain URL Formats" and "Partitioned Domains"; rows marked *unconfirmed* come from
general knowledge. Addresses are read with one ASCII grammar instead of a URL library: what two parsers could read
differently (user info, backslashes, control characters, look-alike letters, trailing dots) is refused.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from typing import Final

from .errors import ConfigurationError

__all__ = ["FOR_INSTANCES", "FOR_SECRETS", "HOW_TO_NAME_AN_ORG", "OrgKind", "authority", "origin_of"]

LOGIN_URL: Final = "https://login.salesforce.com"
SANDBOX_LOGIN_URL: Final = "https://test.salesforce.com"

COMMERCIAL: Final = (".my.salesforce.com", ".my-salesforce.com")
"""My Domain suffixes of orgs that also log in at login or test.salesforce.com; the second is an alternative domain."""
# Clouds of their own (US military, China), whose general login host no public page names.
_SEPARATE = (".my.salesforce.mil", ".my.sfcrmproducts.cn")
_MY_DOMAIN = COMMERCIAL + _SEPARATE
# Sites of Experience Cloud. Unconfirmed: Salesforce Sites (the second) as a place to log in.
_SITE = (".my.site.com", ".my.salesforce-sites.com", ".secure.force.com", ".force.com")

# User-interface and file hosts, which serve neither OAuth nor APIs, and the My Domain suffix of the same org.
_INTERFACE = {
    ".lightning.force.com": ".my.salesforce.com",
    ".my.salesforce-setup.com": ".my.salesforce.com",
    ".vf.force.com": ".my.salesforce.com",
    ".visual.force.com": ".my.salesforce.com",
    ".file.force.com": ".my.salesforce.com",
    ".content.force.com": ".my.salesforce.com",
    ".documentforce.com": ".my.salesforce.com",
    ".lightning.crmforce.mil": ".my.salesforce.mil",
    ".lightning.sfcrmapps.cn": ".my.sfcrmproducts.cn",
    ".sfcrmapps.cn": ".my.sfcrmproducts.cn",
    ".my-lightning.com": ".my-salesforce.com",
}
# Their names end in `--` and a package namespace (`c` where there is none).
_NAMESPACED = frozenset((".vf.force.com", ".visual.force.com", ".content.force.com", ".documentforce.com"))

FOR_SECRETS: Final = (".salesforce.com", ".my-salesforce.com", ".salesforce.mil", ".sfcrmproducts.cn")
"""Hosts that Salesforce itself answers on. Sites are absent on purpose: their pages run any customer's code."""
FOR_INSTANCES: Final = (*FOR_SECRETS, *_SITE, ".cloudforce.com", ".force.mil", ".crmforce.mil", ".cloudforce.mil")
"""What an ``instance_url`` may name: the allow-list of Salesforce's own CLI, and the newer site domains."""

_PARTITIONS = frozenset(("sandbox", "scratch", "develop", "trial", "demo", "patch", "free", "trailblaze"))
_SANDBOX_LABEL = re.compile(r"sandbox|scratch|cs\d+")
_INSTANCE_HOST = re.compile(r"([a-z]{2,4}\d+s?)(-api)?\.salesforce\.com")
_NAME = re.compile(r"(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
# re.ASCII matters: without it the long s and the Kelvin sign would match `s` and `k`.
_AUTHORITY = re.compile(
    r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{0,5}))?(?=[/?#]|\Z)", re.ASCII | re.IGNORECASE
)

HOW_TO_NAME_AN_ORG: Final = (
    "Give the org's My Domain, such as https://acme.my.salesforce.com (Setup > My Domain > Current My Domain URL), "
    "its name alone, a site URL, or 'login' or 'test'."
)


class OrgKind(enum.Enum):
    """What sort of address an org was given by."""

    PRODUCTION_LOGIN = "production login"
    SANDBOX_LOGIN = "sandbox login"
    MY_DOMAIN = "My Domain"
    SITE = "site"
    CUSTOM = "custom domain"
    LOOPBACK = "loopback"


def origin_of(url: str) -> str:
    """``scheme://host[:port]`` of an absolute http(s) URL: lower case, default ports dropped.

    Raises:
        ConfigurationError: No absolute http(s) URL, or one with user info. The text holds nothing of the URL.
    """
    scheme, host, port = authority(url)
    return f"{scheme}://{netloc_of(host, port)}"


def authority(url: str) -> tuple[str, str, int | None]:
    """Scheme, host (no brackets) and port (None for the scheme's own); raises like `origin_of`."""
    match = _AUTHORITY.match(url)
    if match is None:
        raise ConfigurationError("This is no absolute http(s) URL without user info.", hint=HOW_TO_NAME_AN_ORG)
    scheme = match[1].lower()
    return scheme, plain_host(match[2]), port_of(scheme, match[3])


def plain_host(host: str) -> str:
    """Lower case; an IPv6 address without brackets and compressed."""
    if not host.startswith("["):
        return host.lower()
    try:
        return ipaddress.IPv6Address(host[1:-1]).compressed
    except ValueError:
        raise ConfigurationError("The brackets hold no IPv6 address.", hint=HOW_TO_NAME_AN_ORG) from None


def port_of(scheme: str, digits: str | None) -> int | None:
    """The port, None where it's the scheme's own."""
    if not digits:
        return None
    port = int(digits)
    if not 1 <= port <= 65535:
        raise ConfigurationError("The port is outside 1 to 65535.", hint=HOW_TO_NAME_AN_ORG)
    return None if port == (443 if scheme == "https" else 80) else port


def netloc_of(host: str, port: int | None) -> str:
    """``host[:port]``, an IPv6 address in brackets again."""
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def is_host(host: str) -> bool:
    """Whether it's a well-formed ASCII host name of two labels or more."""
    return _HOST.fullmatch(host) is not None


def is_loopback(host: str) -> bool:
    """``localhost``, 127.0.0.0/8 or ``::1``; neither names below localhost nor short or octal forms of the address."""
    if host == "localhost" or host == "::1":
        return True
    if not host.startswith("127."):
        return False
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def host_of_name(name: str) -> str:
    """The host behind ``login``, ``test`` or the name of a My Domain (``acme``, sandbox ``acme--uat``).

    Raises:
        ConfigurationError: No such name can be, or the name doesn't tell its host.
    """
    if name in ("login", "test"):
        return f"{name}.salesforce.com"
    if not _NAME.fullmatch(name):
        raise ConfigurationError("The org's address is neither a URL nor a My Domain name.", hint=HOW_TO_NAME_AN_ORG)
    if name.endswith("-dev-ed"):
        raise ConfigurationError(
            f"The name {name!r} alone doesn't tell the host: Developer Edition, Trailhead and scratch orgs differ.",
            hint=f"Give the whole host, such as {name}.develop.my.salesforce.com (Setup > My Domain).",
        )
    return f"{name}{'.sandbox' if '--' in name else ''}.my.salesforce.com"


def salesforce_kind(host: str) -> OrgKind | None:
    """What kind of place to log in a host is, None where it's none of Salesforce's."""
    if host == "login.salesforce.com":
        return OrgKind.PRODUCTION_LOGIN
    if host == "test.salesforce.com":
        return OrgKind.SANDBOX_LOGIN
    if host.endswith(_MY_DOMAIN):
        return OrgKind.MY_DOMAIN
    if host.endswith(_SITE) and not host.endswith(tuple(_INTERFACE)):
        return OrgKind.SITE
    return None


def is_sandbox(host: str) -> bool:
    """Whether the host is that of a sandbox or a scratch org."""
    for suffix in (*_MY_DOMAIN, *_SITE):
        if host.endswith(suffix):
            first, *rest = host.removesuffix(suffix).split(".")
            # Without a partition, `--` splits org and sandbox (hosts from before enhanced domains).
            return any(_SANDBOX_LABEL.fullmatch(label) for label in rest) or ("--" in first and not rest)
    return host == "test.salesforce.com"


def wrong_host(host: str, netloc: str) -> ConfigurationError:
    """Why nobody logs in at this host, and the host to use instead; ``netloc`` is the host with its port."""
    for suffix, my_domain in _INTERFACE.items():
        if host.endswith(suffix):
            better = _my_domain_url(host.removesuffix(suffix), my_domain, namespaced=suffix in _NAMESPACED)
            return ConfigurationError(f"{host} is a user-interface host: nobody logs in there.", hint=f"Give {better}.")
    if match := _INSTANCE_HOST.fullmatch(host):
        login = SANDBOX_LOGIN_URL if match[1].startswith("cs") else LOGIN_URL
        return ConfigurationError(
            f"{host} is an instance host: orgs move between instances, and logins there have ended.",
            hint=f"Give the org's My Domain, such as https://acme.my.salesforce.com (Setup > My Domain), or {login}.",
        )
    if host.endswith(".my"):
        return ConfigurationError(f"{host} is not a Salesforce host.", hint=f"Give https://{host}.salesforce.com.")
    if host.endswith(FOR_INSTANCES):
        return ConfigurationError(f"{host} belongs to Salesforce, but no org logs in there.", hint=HOW_TO_NAME_AN_ORG)
    return ConfigurationError(
        f"{host} is not a Salesforce host.",
        hint=f"{HOW_TO_NAME_AN_ORG} If it's a custom domain of your site, opt in: trusted_hosts=({netloc!r},).",
    )


def _my_domain_url(name: str, suffix: str, *, namespaced: bool) -> str:
    first, *rest = name.split(".")
    if namespaced:
        first = first.rpartition("--")[0] or first
    partition = next((label for label in rest if label in _PARTITIONS), "sandbox" if "--" in first else "")
    return f"https://{first}{'.' if partition else ''}{partition}{suffix}"
