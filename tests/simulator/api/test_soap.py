"""SOAP: login() and the calls that need its session."""

from __future__ import annotations

from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest

ENV = "{http://schemas.xmlsoap.org/soap/envelope/}"
PARTNER = "{urn:partner.soap.sforce.com}"
LOGIN, TEST = "https://login.salesforce.com", "https://test.salesforce.com"


def envelope(body, header=""):
    return (
        '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com">'
        f"<se:Header>{header}</se:Header><se:Body>{body}</se:Body></se:Envelope>"
    )


async def soap(world, content, *, at=None, path="/services/Soap/u/60.0"):
    headers = {"content-type": "text/xml", "soapaction": '""'}
    return await world.http.post((at or world.org.my_domain) + path, content=content, headers=headers)


async def login(world, username=None, password=None, *, header="", **where):
    user = world.org.user
    body = (
        f"<login><username>{escape(username or user.username)}</username>"
        f"<password>{escape(password or user.password)}</password></login>"
    )
    return await soap(world, envelope(body, header), **where)


async def call(world, session_id, body, **where):
    header = f"<SessionHeader><sessionId>{session_id}</sessionId></SessionHeader>"
    return await soap(world, envelope(body, header), at=world.org.instance_url, **where)


def text(response, name):
    return ET.fromstring(response.text).findtext(f".//{PARTNER}{name}")


def fault(response):
    assert response.status_code == 500
    (node,) = ET.fromstring(response.text).iter(f"{ENV}Fault")
    prefix, _, code = node.findtext("faultcode", "").partition(":")
    assert prefix == "sf"
    assert node.findtext("faultstring", "").startswith(f"{code}: ")
    return code


@pytest.mark.parametrize("at", [None, LOGIN])
async def test_login_gives_a_session_for_rest_too(world, at):
    answer = await login(world, at=at)
    session_id = text(answer, "sessionId")
    assert text(answer, "serverUrl") == f"{world.org.instance_url}/services/Soap/u/60.0/{world.org.org_id[:15]}"
    assert text(answer, "userId") == world.org.user.user_id
    assert text(answer, "organizationId") == world.org.org_id
    assert text(answer, "sessionSecondsValid") == "7200"
    assert text(answer, "sandbox") == "false"
    assert await world.alive(session_id)
    assert world.counts.soap_logins == {"issued": 1}
    assert world.counts.tokens_issued == 1


async def test_a_sandbox_says_so(bare):
    bare.simulator.add_org("dev", "sandbox")
    assert text(await login(bare, at=TEST), "sandbox") == "true"
    assert fault(await login(bare, at=LOGIN)) == "INVALID_LOGIN"


async def test_the_org_may_be_named(world):
    named = "<LoginScopeHeader><organizationId>{}</organizationId></LoginScopeHeader>"
    assert (await login(world, header=named.format(world.org.org_id[:15]))).status_code == 200
    assert fault(await login(world, header=named.format("00D000000000062"))) == "INVALID_LOGIN"


async def test_the_enterprise_endpoint_logs_in_too(world):
    answer = await login(world, path="/services/Soap/c/60.0/" + world.org.org_id[:15])
    assert "urn:enterprise.soap.sforce.com" in answer.text
    assert "<sessionId>00D" in answer.text


async def test_login_ends_with_version_64(world):
    assert (await login(world, path="/services/Soap/u/64.0")).status_code == 200
    assert fault(await login(world, path="/services/Soap/u/65.0")) == "UNSUPPORTED_API_VERSION"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda org: setattr(org, "active", False), "ORG_LOCKED"),
        (lambda org: setattr(org, "soap_login_enabled", False), "INVALID_OPERATION"),
        (lambda org: setattr(org.user, "locked_out", True), "PASSWORD_LOCKOUT"),
        (lambda org: setattr(org.user, "password_expired", True), "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"),
        (lambda org: setattr(org.user, "active", False), "INVALID_LOGIN"),
        (lambda org: setattr(org.user, "password", "another"), "INVALID_LOGIN"),
        (lambda org: setattr(org.user, "ip_restricted", True), "LOGIN_DURING_RESTRICTED_DOMAIN"),
        (lambda org: setattr(org.user, "outside_login_hours", True), "LOGIN_DURING_RESTRICTED_TIME"),
        (lambda org: setattr(org, "api_enabled", False), "API_DISABLED_FOR_ORG"),
        (lambda org: setattr(org, "trusted_network", False), "LOGIN_MUST_USE_SECURITY_TOKEN"),
        (lambda org: setattr(org, "logins_per_hour", 0), "REQUEST_LIMIT_EXCEEDED"),
    ],
)
async def test_refusals_are_faults(world, change, code):
    password = world.org.user.password
    change(world.org)
    assert fault(await login(world, password=password)) == code
    assert world.counts.soap_logins == {code: 1}


async def test_the_security_token_is_appended(world):
    world.org.trusted_network = False
    user = world.org.user
    assert (await login(world, password=user.password + user.security_token)).status_code == 200


async def test_a_huge_login_is_refused(world):
    assert fault(await login(world, password="x" * 11_000)) == "INVALID_LOGIN"


@pytest.mark.parametrize(
    "content",
    ["", "<a/>", envelope(""), "nonsense", '<!DOCTYPE x [<!ENTITY a "b">]>' + envelope("<login/>")],
)
async def test_what_is_no_envelope_is_a_fault(world, content):
    assert fault(await soap(world, content)) == "INVALID_FIELD"


async def test_calls_work_with_any_opaque_token(world):
    token = await world.token()
    info = await call(world, token, "<getUserInfo/>")
    assert text(info, "userName") == world.org.user.username
    query = await call(world, token, "<query><queryString>SELECT Id, Name FROM Account LIMIT 3</queryString></query>")
    assert text(query, "size") == "3"
    assert query.text.count("<records") == 3
    bad = await call(world, token, "<query><queryString>SELECT Nothing FROM Account</queryString></query>")
    assert fault(bad) == "INVALID_FIELD"
    assert fault(await call(world, token, "<merge/>")) == "UNKNOWN_EXCEPTION"
    assert world.counts.api_requests == 4


async def test_an_expired_session_is_a_500(world):
    token = await world.token()
    world.org.expire_sessions()
    assert fault(await call(world, token, "<getUserInfo/>")) == "INVALID_SESSION_ID"
    assert fault(await soap(world, envelope("<getUserInfo/>"))) == "INVALID_SESSION_ID"
    assert world.counts.dead_token_requests == 1


async def test_limits_are_faults_of_their_own(world):
    token = await world.token()
    world.org.daily_api_requests = 0
    assert fault(await call(world, token, "<getUserInfo/>")) == "REQUEST_LIMIT_EXCEEDED"
    world.org.user.api_enabled = False
    assert fault(await call(world, token, "<getUserInfo/>")) == "API_DISABLED_FOR_ORG"


async def test_logout_ends_the_session(world):
    session_id = text(await login(world), "sessionId")
    assert (await call(world, session_id, "<logout/>")).status_code == 200
    assert not await world.alive(session_id)


async def test_a_jwt_is_no_session_id_and_never_will_be(bare):
    bare.simulator.add_org("acme", token_format="jwt")
    for _ in range(2):
        assert fault(await call(bare, await bare.token(), "<getUserInfo/>")) == "INVALID_SESSION_ID"
    assert bare.counts.rejected == {"jwt_on_soap": 2}
    assert bare.counts.dead_token_requests == 0
