"""``oidc-provider``, a certified OAuth server that nobody here wrote, on Salesforce's paths (``provider.mjs``).

Where there's no Node.js these tests are skipped with a word; in CI they fail then.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
import pytest

from sfauth.certificates import new_key_pair
from sfauth.endpoint import TokenEndpoint
from sfauth.flows import WebServerFlow
from sfauth.grants import ClientCredentialsGrant
from sfauth.introspection import Introspection
from sfauth.logins import begin, open_endpoint
from sfauth.org import Org

from .browser import log_in
from .server import NotHereError, install, running

AUDIENCE = "https://api.example.com"
ORG_ID, USER_ID = "00D000000000001AAA", "005000000000001AAA"
CALLBACK = "https://app.example.com/callback"
USER = "ann@acme.example"
SECRET = "a-consumer-secret-of-the-tests"

_NOBODY: dict[str, Any] = {"redirect_uris": [], "response_types": []}
_WITH_POST = {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post"}
_WITHOUT_SECRET = {"token_endpoint_auth_method": "none"}

Introspect: TypeAlias = Callable[[str], Awaitable[Introspection]]
Counted: TypeAlias = Callable[[], Awaitable[dict[str, int]]]


@dataclass(frozen=True)
class Outside:
    """The server.

    Attributes:
        url: Its origin.
        private_key: PEM, of the clients that sign.
    """

    url: str
    private_key: str

    @property
    def org(self) -> Org:
        return Org(self.url)


def clients(jwks: dict[str, Any]) -> list[dict[str, Any]]:
    """Apps, as RFC 7591 describes them."""
    server = {"grant_types": ["client_credentials"], **_NOBODY}
    jwt_bearer = {"grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"], **_NOBODY, "jwks": jwks}
    return [
        {"client_id": "post-app", **server, **_WITH_POST},
        {"client_id": "basic-app", **server, "client_secret": SECRET},
        {"client_id": "key-app", **server, "jwks": jwks, "token_endpoint_auth_method": "private_key_jwt"},
        {"client_id": "jwt-app", **server, **_WITH_POST, "gives_jwt": True},
        {
            "client_id": "web-app",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [CALLBACK],
            **_WITH_POST,
        },
        {
            "client_id": "device-app",
            "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            **_NOBODY,
            **_WITHOUT_SECRET,
        },
        {
            "client_id": "exchange-app",
            "grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"],
            **_NOBODY,
            **_WITH_POST,
        },
        {"client_id": "bearer-app", **jwt_bearer, **_WITHOUT_SECRET},
        {"client_id": "bearer-jwt-app", **jwt_bearer, **_WITHOUT_SECRET, "gives_jwt": True},
    ]


@pytest.fixture
def anyio_backend():
    """What's proved here is the protocol; the loops have their own tests."""
    return "asyncio"


@pytest.fixture(scope="session")
def outside(pytestconfig: pytest.Config) -> Iterator[Outside]:
    """The running server; npm is asked once, into pytest's cache folder."""
    from joserfc.jwk import RSAKey

    folder = pytestconfig.cache.mkdir("oidc-provider")
    try:
        node = install(folder)
    except NotHereError as reason:
        pytest.skip(str(reason))
    pair = new_key_pair(now=time.time())
    public = {**RSAKey.import_key(pair.private_key).as_dict(private=False), "use": "sig", "alg": "RS256"}
    settings = {"clients": clients({"keys": [public]}), "audience": AUDIENCE, "org": ORG_ID, "user": USER_ID}
    with running(folder, node, settings) as url:
        yield Outside(url, pair.private_key)


@pytest.fixture(scope="session")
def another_key() -> str:
    """A private key of which the server has never heard."""
    return new_key_pair(now=time.time()).private_key


@pytest.fixture
def org(outside: Outside) -> Org:
    return outside.org


@pytest.fixture
async def endpoint():
    async with open_endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def introspect(org: Org, endpoint: TokenEndpoint) -> Introspect:
    """What the server itself knows of a token; asked by an app that isn't the one under test."""
    asker = ClientCredentialsGrant(client_id="basic-app", client_secret=SECRET, client_auth="basic")

    async def ask(token: str) -> Introspection:
        found = await endpoint.introspect(token, asker, org)
        assert found is not None
        return found

    return ask


@pytest.fixture
def counted(outside: Outside) -> Counted:
    """How many token requests the server has had, by grant type."""

    async def ask() -> dict[str, int]:
        async with httpx.AsyncClient() as http:
            counts: dict[str, int] = (await http.get(f"{outside.url}/counted")).json()
            return counts

    return ask


@pytest.fixture
def flow(org: Org) -> WebServerFlow:
    return WebServerFlow(
        client_id="web-app",
        client_secret=SECRET,
        redirect_uri=CALLBACK,
        org=org,
        scope="openid api refresh_token",
    )


@pytest.fixture
async def login(flow: WebServerFlow):
    """The grant of a login that has just happened, with its code not yet used."""
    pending = begin(flow)
    return flow.finish(await log_in(pending.url, USER, until=CALLBACK), pending, username=USER)
