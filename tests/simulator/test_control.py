"""Control over HTTP: what tests in other languages use."""

from __future__ import annotations

import httpx
import pytest

HERE = "http://127.0.0.1:8000"


async def act(world, name, **arguments):
    return await world.http.post(f"{HERE}/_simulator/{name}", json=arguments)


async def look(world, name):
    return (await world.http.get(f"{HERE}/_simulator/{name}")).json()


async def test_counts_and_log_can_be_looked_at(world):
    await world.client_credentials()
    assert await look(world, "counts") == world.simulator.counts.as_dict()
    assert (await look(world, "log"))["log"][0]["path"] == "/services/oauth2/token"


async def test_orgs_tell_all_that_a_client_needs(world):
    (org,) = (await look(world, "orgs"))["orgs"]
    refresh_token = (await act(world, "issue_refresh_token", org="acme")).json()["refresh_token"]
    answer = await world.post(
        {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": org["client_id"],
            "client_secret": org["client_secret"],
        }
    )
    assert answer.status_code == 200
    assert org["private_key"].startswith("-----BEGIN PRIVATE KEY-----")


async def test_sessions_are_ended(world):
    for name in ("expire", "revoke", "migrate"):
        token = await world.token()
        assert (await act(world, name, org="acme")).status_code == 200
        assert not await world.alive(token)


async def test_secrets_refresh_tokens_and_signing_keys_are_ended(world):
    refresh_token = world.org.issue_refresh_token()
    assert (await act(world, "revoke_refresh_tokens", org="acme")).json() == {"revoked": 1}
    assert (await world.refresh(refresh_token)).status_code == 400
    secret = (await act(world, "rotate_secret", org="acme")).json()["client_secret"]
    assert secret == world.org.app.client_secret
    assert (await act(world, "rotate_signing_key", org="acme")).json() == {"ended": 0}


async def test_faults_are_scheduled(world):
    answer = await act(
        world, "fail_next", status=503, retry_after=2, org="acme", path="/services/oauth2/token", times=2
    )
    assert answer.json() == {"pending": 2}
    assert (await world.client_credentials()).status_code == 503


async def test_flags_are_set(world, refused):
    await act(world, "set", org="acme", user={"active": False})
    refused(await world.client_credentials(), "inactive_user")
    await act(world, "set", org="acme", user={"active": True}, app={"blocked": True}, settings={"session_timeout": 60})
    refused(await world.client_credentials(), "app_blocked")
    assert world.org.session_timeout == 60


async def test_counts_start_again(world):
    await world.client_credentials()
    await act(world, "reset_counts")
    assert world.counts.token_requests_total == 0


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("expire", {}),
        ("expire", {"org": "nobody"}),
        ("explode", {"org": "acme"}),
        ("fail_next", {"nonsense": 1}),
        ("fail_next", {"body": "nonsense"}),
        ("set", {"org": "acme", "user": {"nothing": 1}}),
        ("set", {"org": "acme", "settings": {"apps": []}}),
    ],
)
async def test_what_makes_no_sense_is_a_400(world, name, arguments):
    answer = await act(world, name, **arguments)
    assert answer.status_code == 400
    assert "error" in answer.json()


async def test_no_fault_meets_the_control(world):
    world.simulator.fail_next()
    assert await look(world, "counts")


async def test_salesforces_hosts_have_no_control(world):
    for host in ("https://login.salesforce.com", world.org.my_domain, "https://acme.lightning.force.com"):
        answer = await world.http.get(host + "/_simulator/orgs")
        assert world.org.app.client_secret not in answer.text
        assert (await world.http.post(host + "/_simulator/expire", json={"org": "acme"})).status_code != 400


async def test_strangers_have_no_control(world):
    transport = httpx.ASGITransport(app=world.simulator, client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as stranger:
        assert (await stranger.get("/_simulator/orgs")).status_code == 404
        assert (await stranger.post("/_simulator/expire", json={"org": "acme"})).status_code == 404


async def test_a_web_page_can_not_post_a_form_to_it(world):
    token = await world.token()
    assert (await world.http.post(HERE + "/_simulator/expire", data={"org": "acme"})).status_code == 404
    assert await world.alive(token)


async def test_people_can_be_spared(world):
    code = (await act(world, "issue_code", org="acme", scope="api")).json()["code"]
    callback = (await look(world, "orgs"))["orgs"][0]["callback_urls"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, **world.credentials()}
    assert (await world.post(form)).json()["scope"] == "api"
    begun = (await world.post({"response_type": "device_code", "client_id": world.org.app.client_id})).json()
    await act(world, "answer_device", org="acme", user_code=begun["user_code"], allow=False)
    polled = {"grant_type": "device", "client_id": world.org.app.client_id, "code": begun["device_code"]}
    assert (await world.post(polled)).json()["error"] == "access_denied"
    await act(world, "accept_subject_token", org="acme", subject_token="of the user")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "of the user"}
    form |= {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", **world.credentials()}
    assert (await world.post(form)).status_code == 200


async def test_callback_urls_and_flags_of_flows_are_set(world):
    app = {"callback_urls": ["http://127.0.0.1:9/x"], "pkce_required": True, "permitted_users": "self"}
    answer = await act(world, "set", org="acme", app=app, settings={"code_lifetime": 5, "device_interval": 1})
    assert answer.json()["callback_urls"] == ["http://127.0.0.1:9/x"]
    assert world.org.app.callback_urls == ("http://127.0.0.1:9/x",)
    assert (world.org.code_lifetime, world.org.device_interval) == (5, 1)
    assert (await act(world, "set", org="acme", app={"callback_urls": [1]})).status_code == 400
    assert (await act(world, "answer_device", org="acme", user_code="nothing")).status_code == 400


async def test_new_counts_are_there_to_be_looked_at(world):
    total = (await look(world, "counts"))["total"]
    assert {"authorizations", "browser_logins", "single_accesses", "logouts"} <= set(total)
