"""The device grant: one question, in Salesforce's dialect."""

from __future__ import annotations

from sfauth.credentials import store_key
from sfauth.grants import DeviceGrant, RefreshTokenGrant, UnrenewableGrant
from sfauth.org import Org
from sfauth.token import Token

ORG = Org("login")
GRANT = DeviceGrant(client_id="3MVG9", device_code="M01device")


def test_the_grant_type_is_device_and_the_device_code_goes_as_code():
    form = GRANT.request(ORG, now=0, jti="a").form
    assert form == {"grant_type": "device", "code": "M01device", "client_id": "3MVG9"}


def test_a_secret_goes_along_where_the_app_asks_for_one():
    form = DeviceGrant(client_id="3MVG9", device_code="M01", client_secret="s").request(ORG, now=0, jti="a").form
    assert form["client_secret"] == "s"


def test_what_comes_after_it_is_the_refresh_token_or_nothing():
    after = GRANT.renewed(Token(access_token="00D!a", refresh_token="5Aep861"))
    assert after == RefreshTokenGrant(client_id="3MVG9", refresh_token="5Aep861")
    assert GRANT.renewed(Token(access_token="00D!a")) == UnrenewableGrant(client_id="3MVG9")


def test_two_devices_are_two_identities():
    other = DeviceGrant(client_id="3MVG9", device_code="M01other")
    assert store_key(GRANT, ORG) != store_key(other, ORG)


def test_a_device_with_a_secret_can_prove_itself_elsewhere_and_one_without_cannot():
    assert GRANT.client_authentication(ORG, audience=ORG.introspect_url, now=0, jti="a") is None
    secretive = DeviceGrant(client_id="3MVG9", device_code="M01", client_secret="s")
    proof = secretive.client_authentication(ORG, audience=ORG.introspect_url, now=0, jti="a")
    assert proof is not None
    assert proof.form == {"client_id": "3MVG9", "client_secret": "s"}


def test_a_code_that_is_yet_to_be_read_names_nobody():
    assert DeviceGrant(client_id="3MVG9", device_code=lambda: "M01").subject is None
