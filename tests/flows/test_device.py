"""Device flow, the pure half: two requests, and what each answer means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sfauth.errors import ConfigurationError, LoginRequiredError, ProtocolError, SfauthError, TryLaterError
from sfauth.flows import DeviceCode, DeviceFlow
from sfauth.flows.device import Polling
from sfauth.grants import DeviceGrant
from sfauth.wire import Answer

from .conftest import CLIENT, MY_DOMAIN

REPLY = {
    "device_code": "M01WRzldevicecode",
    "user_code": "5CCPC6ME",
    "verification_uri": MY_DOMAIN + "/setup/connect",
    "interval": 5,
}


def flow(**changes: Any) -> DeviceFlow:
    return DeviceFlow(**{"client_id": CLIENT, "org": MY_DOMAIN, **changes})


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(body).encode())


def read(**changes: Any) -> DeviceCode:
    fields = {name: value for name, value in {**REPLY, **changes}.items() if value is not None}
    return flow().read(answer(fields), now=0)


def form_of(flow: DeviceFlow) -> Mapping[str, str]:
    return flow.request(now=0, jti="a").form


def test_the_request_asks_for_a_device_code_at_the_token_endpoint():
    assert form_of(flow()) == {"response_type": "device_code", "client_id": CLIENT}
    assert form_of(flow(scope=["api", "refresh_token"]))["scope"] == "api refresh_token"


def test_a_secret_goes_with_the_request_and_with_each_question():
    made = flow(client_secret="s3cret")
    assert form_of(made)["client_secret"] == "s3cret"
    assert made.grant(read()) == DeviceGrant(client_id=CLIENT, device_code="M01WRzldevicecode", client_secret="s3cret")


def test_codes_address_and_times_are_read():
    code = read()
    assert (code.user_code, code.verification_uri) == ("5CCPC6ME", MY_DOMAIN + "/setup/connect")
    assert code.verification_uri_complete == MY_DOMAIN + "/setup/connect?user_code=5CCPC6ME"
    assert (code.interval, code.lifetime) == (5, 600)
    assert "M01WRz" not in repr(code)


@pytest.mark.parametrize(
    ("given", "seconds"), [(None, 5), ("7", 7), (7.5, 7.5), (0, 5), (-1, 5), ("soon", 5), (True, 5), (1e9, 5)]
)
def test_an_interval_that_is_none_is_five_seconds(given: Any, seconds: float):
    assert read(interval=given).interval == seconds


def test_a_lifetime_and_a_complete_address_count_where_they_are_sent():
    code = read(expires_in=300, verification_uri_complete=MY_DOMAIN + "/setup/connect?c=5CCPC6ME")
    assert code.lifetime == 300
    assert code.verification_uri_complete == MY_DOMAIN + "/setup/connect?c=5CCPC6ME"


@pytest.mark.parametrize("name", ["verification_uri", "verification_uri_complete"])
@pytest.mark.parametrize("address", ["https://evil.example.com/connect", "http://acme.my.salesforce.com", "5CCP"])
def test_nobody_is_sent_to_a_strange_host(name: str, address: str):
    with pytest.raises(ProtocolError, match="none of Salesforce's"):
        read(**{name: address})


@pytest.mark.parametrize("change", [{"user_code": None}, {"user_code": ""}, {"verification_uri": 7}])
def test_an_answer_that_lacks_something_is_refused(change: dict[str, Any]):
    with pytest.raises(ProtocolError, match="lacks a code or an address"):
        read(**change)


@pytest.mark.parametrize(
    ("error", "description"),
    [
        ("unsupported_response_type", "response type not supported"),
        ("oauth_flow_disabled", None),
        ("invalid_client", "app must be installed into org"),
        ("invalid_grant", "device flow is not enabled"),
        ("invalid_request", None),
    ],
)
def test_a_refusal_says_why_the_flow_may_be_blocked(error: str, description: str | None):
    with pytest.raises((ConfigurationError, LoginRequiredError)) as caught:
        flow().read(answer({"error": error, "error_description": description}, 400), now=0)
    assert caught.value.error == error
    assert "since September 2025" in str(caught.value.hint)
    assert "Enable Device Flow" in str(caught.value.hint)


def test_a_page_instead_of_an_answer_is_no_refusal():
    with pytest.raises(TryLaterError) as caught:
        flow().read(Answer(503, {}, b"<html>maintenance</html>"), now=0)
    assert "September" not in str(caught.value.hint)


def refused(kind: type[SfauthError] = TryLaterError, **fields: Any) -> SfauthError:
    return kind("…", **fields)


def test_pending_goes_on_as_before():
    assert Polling(5).after(refused(error="authorization_pending", retry_after=5)) == Polling(5)


def test_slow_down_adds_five_seconds_each_time():
    once = Polling(5).after(refused(error="slow_down"))
    assert (once, once.after(refused(error="slow_down"))) == (Polling(10), Polling(15))


def test_a_busy_salesforce_is_asked_ever_more_rarely():
    polling, seen = Polling(5), []
    for _ in range(6):
        polling = polling.after(refused(error="server_error"))
        seen.append(polling.interval)
    assert seen == [10, 20, 40, 60, 60, 60]
    assert Polling(90).after(refused()) == Polling(90)
    assert Polling(5).after(refused(retry_after=120)) == Polling(120)


@pytest.mark.parametrize("kind", [LoginRequiredError, ConfigurationError, ProtocolError])
def test_everything_else_is_the_end(kind: type[SfauthError]):
    error = refused(kind, error="access_denied")
    with pytest.raises(kind) as caught:
        Polling(5).after(error)
    assert caught.value is error


def test_a_flow_that_could_not_work_is_refused_at_once():
    for fields, said in (
        ({"client_id": None}, "client_id is missing"),
        ({"org": "https://acme.lightning.force.com"}, "user-interface host"),
        ({"scope": "api,web"}, "scope holds"),
        ({"client_secret": "s", "private_key": "k"}, "both given"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            flow(**fields)
