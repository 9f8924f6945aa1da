"""What clients in wide use send is accepted, however odd it looks. Each row: who sends it, and what.

Versions as of 2026: simple-salesforce 1.12, aiosalesforce 0.6, jsforce 3.10, @salesforce/core 8.32 (the CLI's library).
The Python ones are also run for real, in test_python_clients.py.
"""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlencode

import pytest

from tests.simulator.browsing import Browser

LOGIN = "https://login.salesforce.com"
HERE = "http://127.0.0.1:8000"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FORM = {"content-type": "application/x-www-form-urlencoded"}


ORGANIZATION = (
    "SELECT Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix, OrganizationType FROM Organization"
)


async def chunked(form):
    """Node's fetch sends a form without a content-length."""
    body = urlencode(form).encode()
    yield body[:7]
    yield body[7:]


@pytest.mark.parametrize(
    ("at", "claims"),
    [
        pytest.param(LOGIN, lambda now: {"exp": str(now + 180)}, id="simple-salesforce writes exp as a string"),
        pytest.param(HERE, lambda now: {"exp": now * 1000 + 300, "iat": now, "aud": HERE}, id="the CLI: milliseconds"),
        pytest.param(LOGIN, lambda now: {"exp": now * 1000 + 300, "aud": LOGIN + "/"}, id="the CLI: a slash after aud"),
        pytest.param(None, lambda now: {"exp": now + 180, "aud": LOGIN}, id="aiosalesforce posts to My Domain"),
        pytest.param(None, lambda now: {"aud": "https://acme.my.salesforce.com"}, id="aud is My Domain"),
        pytest.param(LOGIN, lambda now: {"exp": now}, id="CumulusCI: exp is now"),
    ],
)
async def test_jwt_bearer(world, at, claims):
    assert (await world.jwt_bearer(at=at, **claims(int(world.time)))).status_code == 200


async def test_jsforces_jwt_has_no_type_and_its_body_is_chunked(world):
    assertion = world.assertion(headers={"typ": None}, aud=HERE)
    form = {"grant_type": JWT_BEARER, "assertion": assertion}
    answer = await world.http.post(HERE + "/services/oauth2/token", content=chunked(form), headers=FORM)
    assert answer.status_code == 200


async def test_jsforce_sends_a_redirect_uri_with_client_credentials(world):
    form = {
        "grant_type": "client_credentials",
        **world.credentials(),
        "redirect_uri": "http://localhost:1717/OauthRedirect",
    }
    answer = await world.http.post(HERE + "/services/oauth2/token", content=chunked(form), headers=FORM)
    assert answer.status_code == 200


async def test_jsforce_takes_user_and_org_from_the_end_of_the_identity_url(world):
    answer = (await world.client_credentials(at=HERE)).json()
    org_id, user_id = answer["id"].split("/")[-2:]
    token = answer["access_token"]
    identity = await world.get(
        f"/id/{org_id}/{user_id}", token, at=HERE, params={"format": "json", "oauth_token": token}
    )
    assert identity.json()["user_id"] == user_id
    assert (await world.get("/services/data/v50.0", token, at=HERE)).status_code == 200


async def test_jsforce_revokes_without_authentication_and_reads_a_form(world):
    refresh_token = world.org.issue_refresh_token()
    answer = await world.http.post(
        HERE + "/services/oauth2/revoke", content=chunked({"token": refresh_token}), headers=FORM
    )
    assert answer.status_code == 200


async def test_the_cli_refreshes_without_a_secret_where_the_app_allows_it(world):
    world.org.app.secret_required_for_refresh = False
    form = {
        "grant_type": "refresh_token",
        "refresh_token": world.org.issue_refresh_token(),
        "client_id": world.org.app.client_id,
    }
    assert (await world.post(form)).status_code == 200


async def test_the_cli_asks_for_these_right_after_logging_in(world):
    token = await world.token()
    user_id = world.org.user.user_id
    for path in (
        "/services/oauth2/userinfo",
        f"/services/data/v51.0/sobjects/User/{user_id}",
        "/services/data/v51.0/query?q=SELECT Id FROM ScratchOrgInfo limit 1",
        "/services/data",
        "/services/data/v66.0/query?q=" + ORGANIZATION,
    ):
        headers = {"content-type": "application/json", "sforce-call-options": "client=sfdx toolbelt:"}
        assert (await world.get(path, token, headers=headers)).status_code == 200


async def test_simple_salesforce_sends_raw_base64_and_slashes_at_the_end(world):
    world.org.app.client_secret = "CS&+ ü"
    pair = f"{world.org.app.client_id}:{world.org.app.client_secret}"
    basic = {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    answer = await world.post({"grant_type": "client_credentials"}, headers=basic)
    token = answer.json()["access_token"]
    for path in ("/services/data/v59.0/query/?q=SELECT Id, Name FROM Account LIMIT 1", "/services/data/v59.0/limits/"):
        headers = {"content-type": "application/json", "x-prettyprint": "1"}
        assert (await world.get(path, token, headers=headers)).status_code == 200


async def multipart(world, **fields):
    return await world.http.post(
        HERE + "/services/oauth2/token", files={name: (None, value) for name, value in fields.items()}
    )


async def test_the_clis_device_login_is_multipart_and_asks_at_once(world, refused):
    client_id = world.org.app.client_id
    world.org.app.secret_required_for_refresh = False
    begun = (
        await multipart(world, client_id=client_id, response_type="device_code", scope="refresh_token web api")
    ).json()
    question = {"client_id": client_id, "grant_type": "device", "code": begun["device_code"]}
    refused(await multipart(world, **question), "authorization_pending")
    world.org.answer_device(begun["user_code"])
    world.time += begun["interval"]
    token = (await multipart(world, **question)).json()
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], "client_id": client_id}
    answer = await world.http.post(HERE + "/services/oauth2/token", content=chunked(form), headers=FORM)
    assert answer.status_code == 200


REDIRECT = "http://localhost:1717/OauthRedirect"


def sdk_pkce():
    """Salesforce's JavaScript libraries: 128 random bytes make 171 characters, and no method is named."""
    verifier = base64.urlsafe_b64encode(bytes(range(128))).rstrip(b"=")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=")
    return verifier.decode(), challenge.decode()


@pytest.mark.parametrize("pkce", [False, True])
async def test_jsforces_web_server_flow(world, pkce):
    verifier, challenge = sdk_pkce()
    asked = {"scope": "api id web refresh_token", "state": "mystate"}
    if pkce:
        asked["code_challenge"] = challenge
    asked |= {"response_type": "code", "client_id": world.org.app.client_id, "redirect_uri": REDIRECT}
    callback = await Browser(world, HERE).authorize(asked)
    assert callback["state"] == "mystate"
    form = {"grant_type": "authorization_code", "code": callback["code"], **world.credentials()}
    form["redirect_uri"] = REDIRECT
    if pkce:
        form["code_verifier"] = verifier
    answer = await world.http.post(HERE + "/services/oauth2/token", content=chunked(form), headers=FORM)
    token = answer.json()
    assert await world.get("/services/data/v50.0/query?q=SELECT Id, Name FROM Account LIMIT 1", token["access_token"])
    revoked = await world.http.post(
        HERE + "/services/oauth2/revoke", content=chunked({"token": token["refresh_token"]}), headers=FORM
    )
    assert revoked.status_code == 200
    assert not await world.alive(token["access_token"])


async def test_the_clis_web_login_has_pkce_and_no_secret(world):
    world.org.app.secret_required_for_web_server = False
    world.org.app.pkce_required = True
    verifier, challenge = sdk_pkce()
    asked = {
        "state": "4720d6f76b64",
        "prompt": "login",
        "scope": "refresh_token api web",
        "code_challenge": challenge,
        "response_type": "code",
        "client_id": world.org.app.client_id,
        "redirect_uri": REDIRECT,
    }
    callback = await Browser(world, HERE).authorize(asked)
    form = {"grant_type": "authorization_code", "code": callback["code"], "client_id": asked["client_id"]}
    form |= {"redirect_uri": REDIRECT, "code_verifier": verifier}
    answer = await world.http.post(HERE + "/services/oauth2/token", content=chunked(form), headers=FORM)
    assert answer.json()["refresh_token"].startswith("5Aep861")


SOAP_BODIES = {
    "jsforce": """<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Header/><se:Body>
        <login xmlns="urn:partner.soap.sforce.com"><username>{user}</username><password>{password}</password></login>
        </se:Body></se:Envelope>""",
    "simple-salesforce": """<?xml version="1.0" encoding="utf-8" ?>
        <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
        xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Header><urn:CallOptions><urn:client>simple-salesforce
        </urn:client><urn:defaultNamespace>sf</urn:defaultNamespace></urn:CallOptions><urn:LoginScopeHeader>
        <urn:organizationId>{org}</urn:organizationId></urn:LoginScopeHeader></soapenv:Header><soapenv:Body><urn:login>
        <urn:username>{user}</urn:username><urn:password>{password}</urn:password></urn:login></soapenv:Body>
        </soapenv:Envelope>""",
}


@pytest.mark.parametrize("client", SOAP_BODIES)
async def test_soap_logins(world, client):
    world.org.user.password = "p&wTOK"
    content = SOAP_BODIES[client].format(user=world.org.user.username, password="p&amp;wTOK", org=world.org.org_id)
    answer = await world.http.post(
        HERE + "/services/Soap/u/59.0", content=content, headers={"content-type": "text/xml", "soapaction": "login"}
    )
    assert answer.status_code == 200, answer.text
    assert "<sessionId>00D" in answer.text


async def test_aiosalesforce_does_not_escape_passwords_in_soap_so_salesforce_can_not_read_them(world):
    content = SOAP_BODIES["jsforce"].format(user=world.org.user.username, password="p&w")
    answer = await world.http.post(
        HERE + "/services/Soap/u/60.0", content=content, headers={"content-type": "text/xml"}
    )
    assert answer.status_code == 500
