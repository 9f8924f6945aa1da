"""Client credentials: never at a login host."""

from __future__ import annotations

import pytest

from sfauth.errors import ConfigurationError
from sfauth.grants import ClientCredentialsGrant
from sfauth.org import Org

GRANT = ClientCredentialsGrant(client_id="3MVG9", client_secret="s3cret")


def test_the_form_holds_the_client_and_nothing_else():
    request = GRANT.request(Org("acme"), now=1_750_000_000.0, jti="a")
    assert request.form == {"grant_type": "client_credentials", "client_id": "3MVG9", "client_secret": "s3cret"}


@pytest.mark.parametrize("where", ["login", "test", "https://login.salesforce.com/", "https://test.salesforce.com"])
def test_login_hosts_are_refused_before_the_secret_is_in_any_request(where: str):
    org = Org(where)
    with pytest.raises(ConfigurationError, match=org.host) as caught:
        GRANT.check(org)
    assert "My Domain" in str(caught.value.hint)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=org.host):
        GRANT.request(org, now=1_750_000_000.0, jti="a")


@pytest.mark.parametrize(
    "where",
    [
        "https://acme.my.salesforce.com",
        "https://acme--uat.sandbox.my.salesforce.com",
        "https://acme.my.site.com/customers",
        "http://127.0.0.1:8000",
    ],
)
def test_my_domain_site_and_loopback_are_fine(where: str):
    GRANT.check(Org(where))


def test_a_client_without_secret_and_key_is_refused():
    with pytest.raises(ConfigurationError, match="client_secret is missing, and so is private_key"):
        ClientCredentialsGrant(client_id="3MVG9")


def test_nobody_knows_the_run_as_user_beforehand():
    assert GRANT.subject is None
