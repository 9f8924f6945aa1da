"""simple-salesforce and aiosalesforce, the real ones, log in to the simulator and query it.

Both insist on Salesforce's host names, so that their connections are bent to the simulator below HTTP.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

requests = pytest.importorskip("requests")
simple_salesforce = pytest.importorskip("simple_salesforce")
aiosalesforce = pytest.importorskip("aiosalesforce")

SOQL = "SELECT Id, Name FROM Account LIMIT 3"


@pytest.fixture
def now(world):
    world.time = time.time()  # these clients sign with the real time
    return world


# ── simple-salesforce ──


class ToTheSimulator(requests.adapters.HTTPAdapter):  # type: ignore[name-defined]
    """Sends https://anything to the simulator, with the Host header that it should have had."""

    def __init__(self, url):
        self.url = url
        super().__init__()

    def send(self, request, **options):
        parts = urlsplit(request.url)
        request.headers["Host"] = parts.netloc
        request.url = self.url + request.url.removeprefix(f"https://{parts.netloc}")
        return super().send(request, **options)


def simple(world, login):
    user, app = world.org.user, world.org.app
    match login:
        case "client credentials":
            return {"consumer_key": app.client_id, "consumer_secret": app.client_secret, "domain": "acme.my"}
        case "jwt":
            return {"username": user.username, "consumer_key": app.client_id, "privatekey": app.private_key_pem}
        case "jwt at My Domain":
            return {**simple(world, "jwt"), "domain": "acme.my"}
        case "password":
            return {
                "username": user.username,
                "password": user.password,
                "consumer_key": app.client_id,
                "consumer_secret": app.client_secret,
            }
        case "soap":
            return {"username": user.username, "password": user.password, "security_token": user.security_token}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("login", ["client credentials", "jwt", "jwt at My Domain", "password", "soap"])
async def test_simple_salesforce(now, login):
    def crawl(url):
        with requests.Session() as session:
            session.trust_env = False
            session.mount("https://", ToTheSimulator(url))
            salesforce = simple_salesforce.Salesforce(session=session, **simple(now, login))
            found = salesforce.query(SOQL)["totalSize"]
            return found, len(salesforce.query_all("SELECT Id FROM Contact")["records"]), salesforce.limits()

    now.org.query_batch_size = 200
    async with now.simulator.serve() as server:
        found, all_of_them, limits = await anyio.to_thread.run_sync(crawl, server.url)
    assert (found, all_of_them) == (3, 500)
    assert "DailyApiRequests" in limits
    assert now.counts.rejected == {}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
async def test_simple_salesforce_understands_our_errors(now):
    def fail(url):
        with requests.Session() as session:
            session.trust_env = False
            session.mount("https://", ToTheSimulator(url))
            simple_salesforce.Salesforce(session=session, **simple(now, "jwt"))

    now.org.app.permitted_users = "self"
    async with now.simulator.serve() as server:
        with pytest.raises(simple_salesforce.SalesforceAuthenticationFailed, match="hasn't approved this consumer"):
            await anyio.to_thread.run_sync(fail, server.url)


# ── aiosalesforce ──


def asynchronous(world, login, folder):
    user, app = world.org.user, world.org.app
    match login:
        case "client credentials":
            return aiosalesforce.ClientCredentialsFlow(app.client_id, app.client_secret)
        case "jwt":
            key = folder / "server.key"
            key.write_text(app.private_key_pem)
            return aiosalesforce.JwtBearerFlow(app.client_id, user.username, str(key))
        case "soap":
            user.password = "no need to escape"
            return aiosalesforce.SoapLogin(user.username, user.password, user.security_token)


@pytest.mark.parametrize("login", ["client credentials", "jwt", "soap"])
async def test_aiosalesforce(now, login, tmp_path):
    auth = asynchronous(now, login, tmp_path)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=now.simulator)) as client:
        salesforce = aiosalesforce.Salesforce(client, base_url=now.org.my_domain, auth=auth)
        names = [record["Name"] async for record in salesforce.query(SOQL)]
        assert len(names) == 3
        now.org.expire_sessions()
        assert len([record async for record in salesforce.query(SOQL)]) == 3
    assert now.counts.tokens_issued == 2
    assert now.counts.dead_token_requests == 1
