"""User-agent flow: blocked by default, and careful with what a URL says."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from sfauth.errors import ConfigurationError, LoginRequiredError, ProtocolError
from sfauth.flows import HybridSessions, InsecureFlowError, InsecureFlows, PendingLogin, UserAgentFlow
from sfauth.grants import RefreshTokenGrant, UnrenewableGrant

from .conftest import CLIENT, MY_DOMAIN, Chance, query

CALLBACK = "myapp://oauth/callback"
SECRET = "00Dxx0000001gPL!AQ8AQHsecret"


def flow(**changes: Any) -> UserAgentFlow:
    fields = {
        "client_id": CLIENT,
        "redirect_uri": CALLBACK,
        "org": MY_DOMAIN,
        "insecure_flows": InsecureFlows(user_agent=True),
    }
    return UserAgentFlow(**{**fields, **changes})


@pytest.fixture
def login(chance: Chance) -> PendingLogin:
    return flow().start(random_bytes=chance)


def reply(login: PendingLogin, **changes: str | None) -> str:
    fields = {
        "access_token": SECRET,
        "instance_url": "https://acme.my.salesforce.com/",
        "id": "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS",
        "issued_at": "1278448101416",
        "signature": "CMJ4l+CCaPQiKjoOEwEig9H4wqhpuLSk4J2urAe+fVg=",
        "scope": "api refresh_token",
        "token_type": "Bearer",
        "state": login.state,
        **changes,
    }
    return urlencode({name: value for name, value in fields.items() if value is not None})


def test_it_is_blocked_until_let_through():
    with pytest.raises(InsecureFlowError, match="user-agent flow is blocked") as caught:
        UserAgentFlow(client_id=CLIENT, redirect_uri=CALLBACK, org=MY_DOMAIN)
    assert "WebServerFlow with PKCE" in str(caught.value)
    assert "UserAgentFlow(..., insecure_flows=InsecureFlows(user_agent=True))" in str(caught.value)


def test_the_authorization_request_asks_for_a_token(login: PendingLogin):
    assert query(login.url) == {
        "response_type": "token",
        "client_id": CLIENT,
        "redirect_uri": CALLBACK,
        "state": login.state,
        "nonce": login.nonce,
    }
    assert login.code_verifier is None


def test_an_id_token_and_web_sessions_can_be_asked_for_and_sso_as_well(chance: Chance):
    with_id = flow(id_token=True).start(random_bytes=chance, sso_provider="Acme")
    assert query(with_id.url)["response_type"] == "token id_token"
    assert query(with_id.url)["sso_provider"] == "Acme"
    assert query(flow(hybrid=True).start(random_bytes=chance).url)["response_type"] == "hybrid_token"


@pytest.mark.parametrize("mark", ["#", "?"])
def test_the_token_is_read_from_fragment_or_query(login: PendingLogin, mark: str):
    token = flow().finish(f"{CALLBACK}{mark}{reply(login)}", login, now=1_278_448_102.0)
    assert token.access_token == SECRET
    assert token.instance_url == "https://acme.my.salesforce.com"
    assert token.issued_at == 1_278_448_101.416
    assert token.scopes == {"api", "refresh_token"}
    assert token.user_id == "005xx000001SwiUAAS"
    assert "state" not in token.extra


def test_the_parameters_may_come_decoded(login: PendingLogin):
    token = flow().finish({"access_token": SECRET, "state": login.state}, login, now=0)
    assert token.access_token == SECRET


@pytest.mark.parametrize("mark", ["#", "?"])
def test_a_refusal_is_read_from_fragment_or_query(login: PendingLogin, mark: str):
    said = urlencode({"error": "access_denied", "error_description": "end-user denied", "state": login.state})
    with pytest.raises(LoginRequiredError) as caught:
        flow().finish(f"{CALLBACK}{mark}{said}", login, now=0)
    assert caught.value.error == "access_denied"


def test_a_token_in_the_query_and_another_in_the_fragment_are_refused(login: PendingLogin):
    with pytest.raises(ProtocolError, match="access_token twice"):
        flow().finish(f"{CALLBACK}?access_token=00D!other#{reply(login)}", login, now=0)


def test_a_token_that_somebody_else_prepared_is_refused(login: PendingLogin):
    with pytest.raises(LoginRequiredError, match="state") as caught:
        flow().finish(f"{CALLBACK}#{reply(login, state='theirs')}", login, now=0)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("field", ["instance_url", "api_instance_url"])
@pytest.mark.parametrize("host", ["https://evil.example.com", "http://acme.my.salesforce.com", "https://127.0.0.1"])
def test_a_bearer_for_a_strange_host_is_refused(login: PendingLogin, field: str, host: str):
    with pytest.raises(ProtocolError, match="none of Salesforce's"):
        flow().finish(f"{CALLBACK}#{reply(login, **{field: host})}", login, now=0)


def test_an_unusable_token_is_refused_without_being_shown(login: PendingLogin):
    with pytest.raises(ProtocolError, match="instance_url is not a URL") as caught:
        flow().finish(f"{CALLBACK}#{reply(login, instance_url='ftp://x')}", login, now=0)
    assert SECRET not in str(caught.value)


def test_a_server_that_never_sees_the_fragment_is_told_so(login: PendingLogin):
    with pytest.raises(ProtocolError, match="neither a token nor an error") as caught:
        flow().finish(f"{CALLBACK}?state={login.state}", login, now=0)
    assert "fragment" in str(caught.value.hint)


def test_another_address_is_refused(login: PendingLogin):
    with pytest.raises(ProtocolError, match="another address"):
        flow().finish(f"otherapp://oauth/callback#{reply(login)}", login, now=0)


def test_a_login_of_another_org_is_refused(chance: Chance):
    other = flow(org="test").start(random_bytes=chance)
    with pytest.raises(ConfigurationError, match=r"started at https://test\.salesforce\.com"):
        flow().finish(f"{CALLBACK}#{reply(other)}", other, now=0)


def test_what_renews_it_is_the_refresh_token_or_nothing(login: PendingLogin):
    lasting = flow().finish(f"{CALLBACK}#{reply(login, refresh_token='5Aep861')}", login, now=0)
    assert flow().renewing_grant(lasting) == RefreshTokenGrant(client_id=CLIENT, refresh_token="5Aep861")
    assert flow(hybrid=True).renewing_grant(lasting) == RefreshTokenGrant(
        client_id=CLIENT, refresh_token="5Aep861", hybrid=True
    )
    passing = flow().finish(f"{CALLBACK}#{reply(login)}", login, now=0)
    assert flow().renewing_grant(passing, username="a@b.c") == UnrenewableGrant(client_id=CLIENT, username="a@b.c")


def test_web_sessions_come_as_typed_fields_and_stay_hidden(login: PendingLogin):
    fields = {"lightning_domain": "acme.lightning.force.com", "lightning_sid": "00D!lightning-sid"}
    url = f"{CALLBACK}#{reply(login, **fields)}"
    sessions = HybridSessions.of(flow(hybrid=True).finish(url, login, now=0))
    assert sessions.lightning is not None
    assert sessions.lightning.sid == "00D!lightning-sid"
    assert sessions.visualforce is None
    assert "sid!" not in repr(sessions)
    assert "lightning-sid" not in repr(sessions)
