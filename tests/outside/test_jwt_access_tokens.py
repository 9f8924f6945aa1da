"""A resource server's view: JWT access tokens that another implementation has signed, checked against its key set."""

from __future__ import annotations

import base64
import json
import time

import httpx
import pytest

from sfauth.errors import ConfigurationError
from sfauth.grants import ClientCredentialsGrant, JWTBearerGrant
from sfauth.logins import redeem
from sfauth.testing import VirtualClock
from sfauth.validation import (
    AccessTokenValidator,
    InsufficientScopeError,
    InvalidTokenError,
    KeySets,
    Refusal,
    open_validator,
)

from .conftest import AUDIENCE, ORG_ID, SECRET, USER, USER_ID


@pytest.fixture
async def token(org, endpoint):
    grant = ClientCredentialsGrant(client_id="jwt-app", client_secret=SECRET)
    return await redeem(grant, org, endpoint=endpoint)


@pytest.fixture
async def validator(org):
    async with open_validator({org: ORG_ID}, audience=AUDIENCE) as validator:
        yield validator


def changed(token, part, **fields):
    """The token with other contents and its old signature."""
    parts = token.split(".")
    content = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    parts[part] = base64.urlsafe_b64encode(json.dumps(content | fields).encode()).rstrip(b"=").decode()
    return ".".join(parts)


async def test_a_token_is_believed_and_read(token, validator, org):
    found = await validator.validate(token.access_token, scopes=["api"])
    assert (found.issuer, found.org_id, found.user_id) == (org.url, ORG_ID, USER_ID)
    assert (found.client_id, found.audience) == ("jwt-app", (AUDIENCE,))
    assert found.expires_at == pytest.approx(token.expires_at, abs=5)


async def test_the_key_set_is_fetched_once(token, org):
    fetched: list[str] = []

    async def note(request):
        fetched.append(str(request.url))

    async with httpx.AsyncClient(event_hooks={"request": [note]}) as http:
        validator = AccessTokenValidator({org: ORG_ID}, audience=AUDIENCE, keys=KeySets(http))
        for _ in range(20):
            await validator.validate(token.access_token)
    assert fetched == [org.jwks_url]


async def test_a_token_from_a_jwt_bearer_login_is_believed(outside, org, endpoint, validator):
    grant = JWTBearerGrant(client_id="bearer-jwt-app", username=USER, private_key=outside.private_key)
    token = await redeem(grant, org, endpoint=endpoint)
    assert (await validator.validate(token.access_token)).client_id == "bearer-jwt-app"


async def test_a_scope_that_it_lacks_is_missed(token, validator):
    with pytest.raises(InsufficientScopeError) as caught:
        await validator.validate(token.access_token, scopes=["api", "full"])
    assert caught.value.missing == {"full"}


@pytest.mark.parametrize(
    ("part", "fields", "reason"),
    [
        (1, {"sub": "uid:005000000000002AAA"}, Refusal.SIGNATURE),
        (1, {"scp": "full"}, Refusal.SIGNATURE),
        (1, {"exp": 4_000_000_000}, Refusal.SIGNATURE),
        (1, {"iss": "https://evil.example.com"}, Refusal.ISSUER),
        (0, {"alg": "none"}, Refusal.ALGORITHM),
        (0, {"alg": "HS256"}, Refusal.ALGORITHM),
        (0, {"kid": "another"}, Refusal.UNKNOWN_KEY),
        (0, {"tnk": "core/na1/00D000000000002AAA"}, Refusal.SIGNATURE),
        (0, {"tty": "sfdc-id-token"}, Refusal.TYPE),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_a_token_that_was_tampered_with_is_refused(part, fields, reason, token, validator):
    assert await validator.validate(token.access_token)
    with pytest.raises(InvalidTokenError) as caught:
        await validator.validate(changed(token.access_token, part, **fields))
    assert caught.value.reason is reason


async def test_a_token_for_another_api_or_org_is_refused(token, org):
    async with open_validator({org: ORG_ID}, audience="https://other.example.com") as validator:
        with pytest.raises(InvalidTokenError) as caught:
            await validator.validate(token.access_token)
    assert caught.value.reason is Refusal.AUDIENCE
    async with open_validator({org: "00D000000000002AAA"}, audience=AUDIENCE) as validator:
        with pytest.raises(InvalidTokenError) as caught:
            await validator.validate(token.access_token)
    assert caught.value.reason is Refusal.TENANT


async def test_an_expired_token_is_refused(token, org):
    clock = VirtualClock(time.time() + 86_400)
    async with httpx.AsyncClient() as http:
        validator = AccessTokenValidator({org: ORG_ID}, audience=AUDIENCE, keys=KeySets(http), clock=clock)
        with pytest.raises(InvalidTokenError) as caught:
            await validator.validate(token.access_token)
    assert caught.value.reason is Refusal.EXPIRED


async def test_id_tokens_and_opaque_tokens_are_no_access_tokens(login, org, endpoint, validator):
    token = await redeem(login, org, endpoint=endpoint)
    for other, reason in ((token.id_token, Refusal.TYPE), (token.access_token, Refusal.NOT_A_JWT)):
        with pytest.raises(InvalidTokenError) as caught:
            await validator.validate(other)
        assert caught.value.reason is reason


async def test_this_server_introspects_no_jwt_and_says_so(token, introspect):
    with pytest.raises(ConfigurationError) as caught:
        await introspect(token.access_token)
    assert token.access_token not in f"{caught.value!s} {caught.value!r}"
