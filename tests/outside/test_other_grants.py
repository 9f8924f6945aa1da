"""Device, token exchange, JWT bearer."""

from __future__ import annotations

from typing import Any

import pytest

from sfauth.clock import SystemClock
from sfauth.errors import ConfigurationError, LoginRequiredError, SfauthError
from sfauth.flows import DeviceCode, DeviceFlow
from sfauth.grants import JWTBearerGrant, TokenExchangeGrant
from sfauth.logins import Waiting, device_login, device_states, redeem
from sfauth.token import Token

from .browser import log_in
from .conftest import SECRET, USER


class Impatient(SystemClock):
    """Doesn't wait, but remembers for how long it should have."""

    def __init__(self):
        super().__init__()
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)


@pytest.fixture
def device(org):
    return DeviceFlow(client_id="device-app", org=org, scope="openid api refresh_token")


async def test_a_device_waits_for_its_user_and_gets_a_token(device, org, endpoint, introspect):
    clock = Impatient()
    states: list[Any] = []
    async for state in device_states(device, endpoint, clock=clock):
        states.append(state)
        if len(states) == 3:
            await log_in(states[0].verification_uri_complete, USER)
    assert [type(state) for state in states] == [DeviceCode, Waiting, Waiting, Token]
    assert clock.slept == [5.0, 5.0]  # this server doesn't say how long: RFC 8628's default
    token = states[-1]
    found = await introspect(token.access_token)
    assert (found.active, found.subject, found.client_id) == (True, USER, "device-app")
    renewed = await redeem(device.renewing_grant(token), org, endpoint=endpoint)
    assert renewed.refresh_token != token.refresh_token


async def test_a_device_whose_user_cancels_needs_another_login(device, endpoint):
    async def cancelled(code):
        await log_in(code.verification_uri_complete, USER, cancel=True)

    with pytest.raises(LoginRequiredError) as caught:
        await device_login(device, cancelled, endpoint=endpoint, clock=Impatient())
    assert caught.value.error == "access_denied"


async def test_a_token_of_one_app_is_exchanged_for_one_of_another(login, org, endpoint, introspect):
    subject = await redeem(login, org, endpoint=endpoint)
    app: dict[str, Any] = {"client_id": "exchange-app", "client_secret": SECRET, "subject_token_type": "access_token"}
    token = await redeem(TokenExchangeGrant(subject_token=subject.access_token, **app), org, endpoint=endpoint)
    found = await introspect(token.access_token)
    assert (found.active, found.subject, found.client_id) == (True, USER, "exchange-app")
    await endpoint.revoke(subject.access_token, org)
    with pytest.raises(SfauthError) as caught:
        await redeem(TokenExchangeGrant(subject_token=subject.access_token, **app), org, endpoint=endpoint)
    assert caught.value.error == "invalid_grant"
    assert subject.access_token not in f"{caught.value!s} {caught.value!r}"


async def test_a_signed_assertion_logs_its_user_in_as_often_as_needed(outside, org, endpoint, introspect):
    grant = JWTBearerGrant(client_id="bearer-app", username=USER, private_key=outside.private_key)
    tokens = [await redeem(grant, org, endpoint=endpoint) for _ in range(2)]
    assert tokens[0].access_token != tokens[1].access_token
    found = await introspect(tokens[1].access_token)
    assert (found.active, found.subject, found.client_id) == (True, USER, "bearer-app")


async def test_an_assertion_of_another_key_is_refused(another_key, org):
    with pytest.raises(ConfigurationError) as caught:
        await redeem(JWTBearerGrant(client_id="bearer-app", username=USER, private_key=another_key), org)
    assert caught.value.error == "invalid_grant"
    assert "SIGNATURE" in str(caught.value.error_description)


async def test_an_assertion_for_another_audience_is_refused(outside, org):
    key, audience = outside.private_key, "https://login.salesforce.com"
    with pytest.raises(ConfigurationError) as caught:
        await redeem(JWTBearerGrant(client_id="bearer-app", username=USER, private_key=key, audience=audience), org)
    assert caught.value.error == "invalid_grant"
    assert "CLAIM" in str(caught.value.error_description)
