"""OpenID Connect discovery."""

from __future__ import annotations

import pytest

PATH = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.salesforce.com",
        "https://test.salesforce.com",
        "https://acme.my.salesforce.com",
        "https://acme.my.site.com/customers",
        "http://127.0.0.1:8000",
    ],
)
async def test_endpoints_are_below_the_issuer(bare, issuer):
    bare.simulator.add_org("acme", site_url="https://acme.my.site.com/customers")
    answer = (await bare.get(PATH, at=issuer)).json()
    assert answer["issuer"] == issuer
    assert answer["token_endpoint"] == issuer + "/services/oauth2/token"
    assert answer["jwks_uri"] == issuer + "/id/keys"
    assert answer["token_endpoint_auth_methods_supported"] == [
        "client_secret_post",
        "client_secret_basic",
        "private_key_jwt",
    ]
    for name, url in answer.items():
        if name.endswith("_endpoint") and name != "end_session_endpoint":  # which lets everybody go
            response = await bare.http.post(url)
            assert response.status_code in (400, 401, 403), name  # there, and not content with nothing


async def test_the_gateway_issues_nothing(bare):
    assert (await bare.get(PATH, at="https://api.salesforce.com")).status_code == 404
