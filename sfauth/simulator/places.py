"""Which of Salesforce's hosts a request came to, and which orgs log in there.

In process, requests carry Salesforce's own host names. Over TCP every loopback origin is a login host, the My Domain
of every org, and the instance of those orgs that live on it. Sites are there below the org's key and their own path:
http://127.0.0.1:8000/acme/customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from .org import OrgKind, SimulatedOrg

PlaceKind = Literal["login", "org", "site", "gateway", "ui", "loopback"]

LOGIN_ORIGINS: dict[OrgKind, str] = {
    "production": "https://login.salesforce.com",
    "sandbox": "https://test.salesforce.com",
    "scratch": "https://test.salesforce.com",
}
_UI_SUFFIXES = (".lightning.force.com", ".my.salesforce-setup.com", ".vf.force.com", ".file.force.com")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request came in.

    Attributes:
        kind: ``login`` (login or test host), ``org`` (My Domain or instance), ``site`` (Experience Cloud), ``gateway``
            (api.salesforce.com), ``ui`` (Lightning, Setup: no OAuth there), ``loopback`` (TCP: login host and org).
        origin: Scheme and host without a slash at the end; for a site with its path prefix.
        org: The org that alone is served here, or None.
        org_kinds: Which kinds of orgs log in here, where `org` is None.
    """

    kind: PlaceKind
    origin: str
    org: SimulatedOrg | None = None
    org_kinds: frozenset[str] = frozenset()

    @property
    def on_loopback(self) -> bool:
        """Whether this is one of our own ports. All of Salesforce's hosts have TLS."""
        return self.origin.startswith("http://")

    @property
    def origins(self) -> frozenset[str]:
        """All ways to write the origin: 127.0.0.1 is also called localhost."""
        return frozenset({self.origin, self.origin.replace("//127.0.0.1", "//localhost")})

    def logs_in(self, org: SimulatedOrg) -> bool:
        """Whether this host's OAuth endpoints know the org."""
        return self.org is org if self.org is not None else org.kind in self.org_kinds


class Hosts:
    """The hosts of one simulator."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {
            "login.salesforce.com": Place("login", LOGIN_ORIGINS["production"], org_kinds=frozenset({"production"})),
            "test.salesforce.com": Place(
                "login", LOGIN_ORIGINS["sandbox"], org_kinds=frozenset({"sandbox", "scratch"})
            ),
            "api.salesforce.com": Place("gateway", "https://api.salesforce.com"),
        }
        self._sites: dict[str, list[tuple[str, Place]]] = {}
        self._loopback_sites: dict[str, SimulatedOrg] = {}

    def add_org_host(self, url: str, org: SimulatedOrg) -> None:
        """A My Domain or instance host of an org. It stays known when the org moves away."""
        host = _host(url)
        known = self._places.get(host)
        if known is not None and known.org is not org:
            raise ValueError(f"{host} already belongs to another org of this simulator")
        self._places[host] = Place("org", url, org)

    def add_site(self, url: str, org: SimulatedOrg) -> None:
        """An Experience Cloud site: a host, mostly with a path prefix, which may share its host with other sites."""
        sites = self._sites.setdefault(_host(url), [])
        sites.append((urlsplit(url).path.rstrip("/"), Place("site", url, org)))
        self._loopback_sites[loopback_path(org)] = org
        sites.sort(key=lambda site: -len(site[0]))

    def find(self, host: str, path: str) -> tuple[Place | None, str]:
        """The place that answers to this Host header and path, and the path without the site's prefix."""
        host = host.lower()
        if (place := self._places.get(host)) is not None:
            return place, path
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name in _LOOPBACK:
            port = host[len(name) :]
            origin = f"http://{'[::1]' if name == '[::1]' else '127.0.0.1'}{port}"
            for prefix, org in self._loopback_sites.items():
                if path == prefix or path.startswith(prefix + "/"):
                    return Place("site", origin + prefix, org), path[len(prefix) :] or "/"
            return Place("loopback", origin, org_kinds=frozenset(LOGIN_ORIGINS)), path
        if (place := self._places.get(name)) is not None:  # a port after a Salesforce name: a proxy or a test
            return place, path
        for prefix, place in self._sites.get(name, ()):
            if path == prefix or path.startswith(prefix + "/") or not prefix:
                return place, path[len(prefix) :] or "/"
        if name.endswith(_UI_SUFFIXES):
            return Place("ui", f"https://{name}"), path
        return None, path


def loopback_path(org: SimulatedOrg) -> str:
    """Below which path the org's site is served on loopback."""
    return f"/{org.key}{urlsplit(org.site_url or '').path}"


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()
