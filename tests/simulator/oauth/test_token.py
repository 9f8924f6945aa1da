"""The token endpoint itself: methods, formats, hosts, client authentication."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, quote_plus
from xml.etree import ElementTree as ET

import jwt
import pytest

LOGIN = "https://login.salesforce.com"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def test_only_post_asks_for_tokens(world, refused):
    refused(await world.get("/services/oauth2/token"), "invalid_request", "must use HTTP POST")


@pytest.mark.parametrize("form", [{}, {"grant_type": "urn:no-such-thing"}, {"grant_type": "code"}])
async def test_an_unknown_grant_type_is_refused(world, refused, form):
    refused(await world.post(form), "unsupported_grant_type", "grant type not supported")


async def test_json_bodies_are_not_forms(world, refused):
    response = await world.http.post(
        world.org.my_domain + "/services/oauth2/token", json={"grant_type": "client_credentials"}
    )
    refused(response, "unsupported_grant_type")


async def test_lightning_hosts_refuse_every_grant(world, refused):
    response = await world.client_credentials(at="https://acme.lightning.force.com")
    refused(response, "unsupported_grant_type", "grant type not supported")


async def test_doubled_and_trailing_slashes_are_tolerated(world):
    for path in ("//services/oauth2/token", "/services/oauth2/token/", "/services//oauth2/token"):
        form = {"grant_type": "client_credentials", **world.credentials()}
        assert (await world.post(form, path=path)).status_code == 200


async def test_multipart_forms_are_taken_as_well(world):
    fields = {"grant_type": "client_credentials", **world.credentials()}
    response = await world.http.post(
        world.org.my_domain + "/services/oauth2/token", files={name: (None, value) for name, value in fields.items()}
    )
    assert response.status_code == 200


async def test_a_chunked_body_is_taken(world):
    async def body():
        yield b"grant_type=client_credentials&client_id="
        yield quote_plus(world.org.app.client_id).encode()
        yield b"&client_secret=" + world.org.app.client_secret.encode()

    response = await world.http.post(
        world.org.my_domain + "/services/oauth2/token",
        content=body(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 200


async def test_answers_are_not_to_be_cached(world):
    response = await world.client_credentials()
    assert "no-store" in response.headers["cache-control"]
    assert response.headers["content-type"].startswith("application/json")


async def test_answers_come_in_the_format_asked_for(world):
    xml = await world.client_credentials(format="xml")
    assert ET.fromstring(xml.text).findtext("token_type") == "Bearer"
    form = await world.client_credentials(format="urlencoded")
    assert dict(parse_qsl(form.text))["instance_url"] == world.org.instance_url
    asked = {"grant_type": "client_credentials", **world.credentials()}
    accepted = await world.post(asked, headers={"accept": "application/xml"})
    assert accepted.headers["content-type"].startswith("application/xml")
    wrong = await world.client_credentials(client_secret="wrong", format="xml")
    assert ET.fromstring(wrong.text).findtext("error") == "invalid_client"


async def test_no_answer_ever_has_expires_in(world):
    answers = [
        await world.client_credentials(),
        await world.jwt_bearer(),
        await world.password(),
        await world.refresh(world.org.issue_refresh_token()),
    ]
    assert not any("expires_in" in answer.json() for answer in answers)


# ── client authentication ──


async def test_a_wrong_secret_is_refused(world, refused):
    refused(await world.client_credentials(client_secret="wrong"), "invalid_client", "invalid client credentials")


async def test_an_unknown_client_is_refused(world, refused):
    refused(await world.client_credentials(client_id="3MVG9nobody"), "invalid_client_id", "client identifier invalid")


@pytest.mark.parametrize("encode", [str, quote_plus], ids=["as it is", "form-encoded"])
async def test_basic_authentication_is_taken_raw_and_encoded(world, encode):
    world.org.app.client_secret = "CS&+ ü%41"
    pair = ":".join(encode(value) for value in world.credentials().values())
    header = "Basic " + base64.b64encode(pair.encode()).decode()
    response = await world.post({"grant_type": "client_credentials"}, headers={"authorization": header})
    assert response.status_code == 200


@pytest.mark.parametrize("header", ["Basic !!!", "Basic " + base64.b64encode(b"no colon").decode()])
async def test_a_malformed_basic_header_is_refused(world, refused, header):
    response = await world.post({"grant_type": "client_credentials"}, headers={"authorization": header})
    refused(response, "invalid_basic_auth_header")


async def test_basic_and_body_must_name_the_same_client(world, refused):
    response = await world.post(
        {"grant_type": "client_credentials", "client_id": "another"}, auth=tuple(world.credentials().values())
    )
    refused(response, "invalid_basic_auth_header")


def client_assertion(world, **changed):
    app = world.org.app
    claims = {
        "iss": app.client_id,
        "sub": app.client_id,
        "aud": world.org.my_domain + "/services/oauth2/token",
        "exp": int(world.time) + 60,
        "jti": "1",
        **changed,
    }
    assertion = jwt.encode(claims, app.private_key_pem, algorithm="RS256")
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


async def asserted(world, **changed):
    return await world.post({"grant_type": "client_credentials", **client_assertion(world, **changed)})


async def test_a_client_assertion_stands_for_the_secret(world):
    assert (await asserted(world)).status_code == 200


async def test_a_client_assertion_is_good_once(world, refused):
    assert (await asserted(world)).status_code == 200
    refused(await asserted(world), "bad_jti_claim")
    assert (await asserted(world, jti="2")).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "someone else"},
        {"aud": "https://login.salesforce.com"},
        {"aud": ["https://other.my.salesforce.com/services/oauth2/token"]},
        {"exp": 0},
        {"exp": None},
    ],
    ids=repr,
)
async def test_a_client_assertion_must_fit(world, refused, changed):
    refused(await asserted(world, **changed), "invalid_client", "invalid client credentials")


async def test_a_client_assertion_needs_its_type(world, refused):
    form = {"grant_type": "client_credentials", **client_assertion(world), "client_assertion_type": "urn:else"}
    refused(await world.post(form), "invalid_assertion_type")


async def test_a_client_assertion_is_verified(world, refused, keys):
    form = client_assertion(world)
    head, claims, signature = form["client_assertion"].split(".")
    form["client_assertion"] = f"{head}.{claims}.{signature[::-1]}"
    refused(await world.post({"grant_type": "client_credentials", **form}), "invalid_client")


# ── what an administrator can do to everybody ──


@pytest.mark.parametrize(
    ("change", "error", "description"),
    [
        (lambda org: setattr(org, "active", False), "inactive_org", "organization is inactive"),
        (lambda org: setattr(org.user, "active", False), "inactive_user", "user is inactive"),
        (lambda org: setattr(org, "ip_restricted", True), "invalid_grant", "ip restricted"),
        (
            lambda org: setattr(org.user, "ip_restricted", True),
            "invalid_grant",
            "ip restricted or invalid login hours",
        ),
        (
            lambda org: setattr(org.user, "outside_login_hours", True),
            "invalid_grant",
            "ip restricted or invalid login hours",
        ),
        (lambda org: setattr(org.app, "installed", False), "invalid_client", "app must be installed into org"),
        (lambda org: setattr(org.app, "blocked", True), "app_blocked", ...),
        (lambda org: setattr(org.app, "high_assurance", True), "invalid_session_level", ...),
        (lambda org: org.app.grant_types.clear(), "unsupported_grant_type", "grant type not supported"),
        (lambda org: org.disabled_grant_types.update(org.app.grant_types), "oauth_flow_disabled", ...),
    ],
)
async def test_policies_refuse_logins_of_every_flow(world, refused, change, error, description):
    refresh_token = world.org.issue_refresh_token()
    change(world.org)
    for answer in (
        await world.client_credentials(),
        await world.jwt_bearer(),
        await world.refresh(refresh_token),
        await world.password(),
    ):
        refused(answer, error, description)


async def test_too_many_logins_in_an_hour_block_the_user_for_an_hour(world, refused):
    world.org.logins_per_hour = 3
    for _ in range(3):
        assert (await world.client_credentials()).status_code == 200
    world.time += 1800
    refused(await world.client_credentials(), "rate_limit_exceeded", "login rate exceeded")
    world.time += 3599
    refused(await world.jwt_bearer(), "rate_limit_exceeded")
    world.time += 1
    assert (await world.client_credentials()).status_code == 200


async def test_latency_holds_the_answer_and_not_the_effect(world):
    world.org.token_latency = 2.5
    await world.client_credentials()
    await world.client_credentials(client_secret="wrong")
    assert world.slept == [2.5, 2.5]


async def test_requests_are_counted_by_grant_type_and_outcome(world):
    await world.client_credentials()
    await world.client_credentials()
    await world.client_credentials(client_secret="wrong")
    await world.post({"grant_type": "magic"})
    counts = world.simulator.counts["acme"].as_dict()
    assert counts["token_requests"]["client_credentials"] == {"invalid_client": 1, "issued": 1, "reissued": 1}
    assert (counts["tokens_issued"], counts["reissued"]) == (1, 1)
    assert world.counts.token_requests["unknown", "unsupported_grant_type"] == 1
    assert world.counts.token_requests_total == 4
