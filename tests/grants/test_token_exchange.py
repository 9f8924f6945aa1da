"""Token exchange: what is sent, what is refused before it is sent, and how it renews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from sfauth import TokenManager
from sfauth.credentials import store_key
from sfauth.errors import ConfigurationError
from sfauth.grants import RefreshTokenGrant, TokenExchangeGrant
from sfauth.org import Org
from sfauth.token import Token
from tests.support import Endpoint, reply

ORG = Org("https://acme.my.salesforce.com")
URN = "urn:ietf:params:oauth:token-type:"
WITH_REFRESH = Token(access_token="00D!a", refresh_token="5Aep861")


def grant(**changes: Any) -> TokenExchangeGrant:
    return TokenExchangeGrant(
        **{"client_id": "3MVG9", "subject_token": "idp-token", "subject_token_type": "id_token", **changes}
    )


def test_the_form_says_what_is_exchanged_and_who_judges_it():
    made = grant(token_handler="Acme_Handler", scope="openid  api openid", client_secret="s3cret")
    assert made.request(ORG, now=0, jti="a").form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "idp-token",
        "subject_token_type": URN + "id_token",
        "token_handler": "Acme_Handler",
        "scope": "openid api",
        "client_id": "3MVG9",
        "client_secret": "s3cret",
    }


def test_nothing_of_rfc_8693_that_salesforce_lacks_is_sent():
    form = grant().request(ORG, now=0, jti="a").form
    assert set(form) == {"grant_type", "subject_token", "subject_token_type", "client_id"}


@pytest.mark.parametrize("short", ["access_token", "refresh_token", "id_token", "saml2", "jwt"])
def test_types_may_be_short_or_whole(short: str):
    assert grant(subject_token_type=short) == grant(subject_token_type=URN + short)


@pytest.mark.parametrize(
    ("value", "said"),
    [("saml1", "is unknown"), (URN + "x", "is unknown"), ("", "is empty"), (None, "is missing"), (7, "is of type int")],
)
def test_other_types_are_refused(value: Any, said: str):
    with pytest.raises(ConfigurationError, match=f"subject_token_type {said}"):
        grant(subject_token_type=value)


def test_the_hybrid_flow_has_a_grant_type_of_its_own():
    form = grant(hybrid=True).request(ORG, now=0, jti="a").form
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:hybrid-token-exchange"


@pytest.mark.parametrize("where", ["login", "test"])
def test_the_login_hosts_are_refused_before_anything_is_sent(where: str):
    with pytest.raises(ConfigurationError, match=rf"doesn't work on {where}\.salesforce\.com"):
        grant().request(Org(where), now=0, jti="a")


def test_sites_take_it():
    grant().check(Org("https://acme.my.site.com/customers"))


def test_a_subject_token_may_have_ten_thousand_characters_and_not_one_more():
    grant(subject_token="x" * 10_000)
    with pytest.raises(ConfigurationError, match="longer than 10,000 characters") as caught:
        grant(subject_token="x" * 10_001)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("handler", ["", "My Handler", "1st", "Acme-Handler", "a" * 81, 7])
def test_a_handler_that_is_no_developer_name_is_refused(handler: Any):
    with pytest.raises(ConfigurationError, match="token_handler is"):
        grant(token_handler=handler)


@pytest.mark.parametrize("scope", ["api,web", 'a"b', "a\\b", "äpi"])
def test_a_scope_that_is_none_is_refused(scope: str):
    with pytest.raises(ConfigurationError, match="scope holds characters"):
        grant(scope=scope)


def test_a_subject_token_that_changes_needs_a_name():
    for later in (Path("token"), lambda: "token"):
        with pytest.raises(ConfigurationError, match="username is missing"):
            grant(subject_token=later)
        assert grant(subject_token=later, username="ann@acme.com").unattended


def test_a_client_with_a_secret_can_prove_itself_elsewhere_and_one_without_cannot():
    assert grant().client_authentication(ORG, audience=ORG.introspect_url, now=0, jti="a") is None
    proof = grant(client_secret="s").client_authentication(ORG, audience=ORG.introspect_url, now=0, jti="a")
    assert proof is not None
    assert proof.form == {"client_id": "3MVG9", "client_secret": "s"}


def test_two_subject_tokens_are_two_identities():
    ann, bob = grant(), grant(subject_token="other-token")
    assert store_key(ann, ORG) != store_key(bob, ORG)
    assert "idp-token" not in str(ann.subject)


def test_a_given_subject_token_goes_on_with_the_refresh_token_and_else_tries_itself():
    made = grant(client_secret="s3cret")
    assert made.renewed(WITH_REFRESH) == RefreshTokenGrant(
        client_id="3MVG9", refresh_token="5Aep861", client_secret="s3cret"
    )
    assert made.renewed(Token(access_token="00D!a")) is made


async def test_a_manager_exchanges_a_new_subject_token_each_time_without_anybodys_help():
    tokens = iter(["first-idp-token", "second-idp-token"])

    async def from_the_idp() -> str:
        await anyio.lowlevel.checkpoint()
        return next(tokens)

    # Each reply has a refresh token, which is not what this grant goes on with.
    endpoint = Endpoint(reply(1, refresh_token="5Aep861a"), reply(2, refresh_token="5Aep861b"))
    async with TokenManager(transport=endpoint, introspect=False) as manager:
        manager.add("acme", grant(subject_token=from_the_idp, username="ann@acme.com"), org=ORG)
        await manager.token("acme")
        await manager.refresh("acme")
    assert [held.form["subject_token"] for held in endpoint.requests] == ["first-idp-token", "second-idp-token"]


async def test_an_exchange_is_never_sent_again_by_itself():
    endpoint = Endpoint(httpx.ReadTimeout("too slow"))
    async with TokenManager(transport=endpoint, introspect=False) as manager:
        manager.add("acme", grant(), org=ORG)
        with pytest.raises(Exception, match="No answer"):
            await manager.token("acme")
    assert len(endpoint) == 1
