"""Device, token exchange, JWT bearer."""

from __future__ import annotations

import time

import pytest

from sfauth.certificates import new_key_pair
from sfauth.clock import SystemClock
from sfauth.errors import LoginRequiredError, SfauthError
from sfauth.flows import DeviceCode, DeviceFlow
from sfauth.grants import JWTBearerGrant, TokenExchangeGrant
from sfauth.logins import Waiting, device_states, redeem
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


async def log_in_by_device(org, endpoint, clock, *, cancel=False):
    """The user acts at the second question; all states that the device goes through."""
    flow = DeviceFlow(client_id="device-app", org=org, scope="openid api refresh_token")
    states = []
    async for state in device_states(flow, endpoint, clock=clock):
        states.append(state)
        if len(states) == 3:
            await log_in(states[0].verification_uri_complete, USER, cancel=cancel)
    return flow, states


async def test_a_device_waits_for_its_user_and_gets_a_token(org, endpoint, introspect):
    clock = Impatient()
    flow, states = await log_in_by_device(org, endpoint, clock)
    assert [type(state) for state in states] == [DeviceCode, Waiting, Waiting, Token]
    assert clock.slept == [5.0, 5.0]  # this server doesn't say how long: RFC 8628's default
    found = await introspect(states[-1].access_token)
    assert (found.active, found.subject, found.client_id) == (True, USER, "device-app")
    renewed = await redeem(flow.renewing_grant(states[-1]), org, endpoint=endpoint)
    assert renewed.refresh_token != states[-1].refresh_token


async def test_a_token_of_one_app_is_exchanged_for_one_of_another(login, org, endpoint, introspect):
    subject = await redeem(login, org, endpoint=endpoint)
    app = {"client_id": "exchange-app", "client_secret": SECRET, "subject_token_type": "access_token"}
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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"private_key": new_key_pair(now=time.time()).private_key}, "SIGNATURE"),
        ({"audience": "https://login.salesforce.com"}, "CLAIM"),
    ],
    ids=["another key", "another audience"],
)
async def test_an_assertion_that_does_not_hold_is_refused(changes, said, outside, org):
    right = {"client_id": "bearer-app", "username": USER, "private_key": outside.private_key}
    with pytest.raises(SfauthError) as caught:
        await redeem(JWTBearerGrant(**{**right, **changes}), org)
    assert caught.value.error == "invalid_grant"
    assert said in caught.value.error_description
    assert not isinstance(caught.value, LoginRequiredError)
