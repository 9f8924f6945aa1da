"""A simulated org on virtual time, and somebody who talks to it with plain httpx and PyJWT."""

from __future__ import annotations

import itertools

import httpx
import jwt
import pytest

from sfauth.simulator import Simulator
from sfauth.simulator.keys import KeyRing

LOGIN = "https://login.salesforce.com"
TEST = "https://test.salesforce.com"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
START = 1_800_000_000.0


class World:
    """A simulator, its clock, and a client without any cleverness."""

    def __init__(self, keys: KeyRing) -> None:
        self.time = START
        self.slept: list[float] = []
        self.simulator = Simulator(now=lambda: self.time, sleep=self._sleep)
        self.simulator.keys = keys  # making keys is slow
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.simulator))
        self._jti = itertools.count()

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def org(self):
        return next(iter(self.simulator.orgs.values()))

    @property
    def counts(self):
        return self.simulator.counts.total

    # ── the token endpoint ──

    async def post(self, form, *, at=None, path="/services/oauth2/token", **options):
        return await self.http.post((at or self.org.my_domain) + path, data=form, **options)

    def assertion(self, org=None, *, key=None, headers=None, algorithm="RS256", without=(), **claims):
        org = org or self.org
        claims = {
            "iss": org.app.client_id,
            "sub": org.user.username,
            "aud": LOGIN if org.kind == "production" else TEST,
            "exp": int(self.time) + 170,
            **claims,
        }
        for name in without:
            del claims[name]
        return jwt.encode(claims, org.app.private_key_pem if key is None else key, algorithm=algorithm, headers=headers)

    async def jwt_bearer(self, org=None, *, at=None, **claims):
        form = {"grant_type": JWT_BEARER, "assertion": self.assertion(org, **claims)}
        return await self.post(form, at=at or (org or self.org).my_domain)

    def credentials(self, org=None):
        app = (org or self.org).app
        return {"client_id": app.client_id, "client_secret": app.client_secret}

    async def client_credentials(self, org=None, *, at=None, **changed):
        form = {"grant_type": "client_credentials", **self.credentials(org), **changed}
        return await self.post(form, at=at or (org or self.org).my_domain)

    async def refresh(self, refresh_token, org=None, *, at=None, **changed):
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **self.credentials(org), **changed}
        return await self.post(form, at=at or (org or self.org).my_domain)

    async def password(self, org=None, *, at=None, **changed):
        user = (org or self.org).user
        form = {
            "grant_type": "password",
            **self.credentials(org),
            "username": user.username,
            "password": user.password,
            **changed,
        }
        return await self.post(form, at=at or (org or self.org).my_domain)

    async def token(self, org=None):
        """A fresh access token, or at least a living one."""
        return (await self.client_credentials(org)).json()["access_token"]

    # ── resources ──

    async def get(self, path, token=None, *, at=None, headers=None, **options):
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        return await self.http.get((at or self.org.instance_url) + path, headers=headers, **options)

    async def alive(self, token, org=None):
        """Whether REST takes the token."""
        at = (org or self.org).instance_url
        return (await self.get("/services/data/v66.0/limits", token, at=at)).status_code == 200


@pytest.fixture(scope="session")
def keys():
    return KeyRing()


@pytest.fixture
def anyio_backend():
    """The simulator itself awaits nothing but its own sleep: one event loop is enough, except where TCP comes in."""
    return "asyncio"


@pytest.fixture
def bare(keys):
    """A simulator without any org."""
    return World(keys)


@pytest.fixture
def world(bare):
    """A simulator with one production org."""
    bare.simulator.add_org("acme")
    return bare


@pytest.fixture
def refused():
    """Checks an OAuth error answer as RFC 6749 section 5.2 has it."""

    def check(response, error, description=..., status=400):
        assert response.status_code == status, response.text
        body = response.json()
        assert body["error"] == error
        if description is not ...:
            assert body.get("error_description") == description
        assert set(body) <= {"error", "error_description"}

    return check
