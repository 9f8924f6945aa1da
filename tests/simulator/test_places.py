"""Which host answers for which org."""

from __future__ import annotations

import pytest

LIMITS = "/services/data/v66.0/limits"


async def test_a_token_is_good_only_on_its_own_orgs_hosts(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    token = await bare.token(one)
    response = await bare.get(LIMITS, token, at=two.instance_url)
    assert response.status_code == 401
    assert response.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert bare.simulator.counts["two"].rejected == {"wrong_host": 1}


async def test_a_login_host_serves_no_api(world):
    response = await world.get(LIMITS, await world.token(), at="https://login.salesforce.com")
    assert response.status_code == 404
    assert response.json()[0]["errorCode"] == "URL_NOT_RESET"


async def test_a_site_serves_below_its_path_only(bare):
    org = bare.simulator.add_org("acme", site_url="https://acme.my.site.com/customers")
    bare.simulator.add_org("other", site_url="https://acme.my.site.com/partners/")
    token = (await bare.client_credentials(at=org.site_url)).json()["access_token"]
    assert (await bare.get(LIMITS, token, at=org.site_url)).status_code == 200
    assert (await bare.get(LIMITS, token, at="https://acme.my.site.com/partners")).status_code == 401
    assert (await bare.get(LIMITS, token, at="https://acme.my.site.com")).status_code == 421


async def test_hosts_are_case_insensitive_and_a_port_does_not_matter(world):
    token = await world.token()
    assert (await world.get(LIMITS, token, at="https://ACME.my.salesforce.com:8443")).status_code == 200


async def test_an_unknown_host_says_so(world):
    response = await world.get("/", at="https://example.com")
    assert (response.status_code, response.text) == (421, "this simulator has no host example.com\n")


async def test_lightning_answers_with_a_page(world):
    response = await world.get(LIMITS, await world.token(), at="https://acme.lightning.force.com")
    assert response.headers["content-type"].startswith("text/html")


async def test_the_gateway_wants_a_jwt_with_its_scope(bare):
    org = bare.simulator.add_org("acme", token_format="jwt")
    gateway = "https://api.salesforce.com"
    assert (await bare.get(LIMITS, await bare.token(), at=gateway)).status_code == 401
    org.app.scopes = ("api", "sfap_api")
    assert (await bare.get(LIMITS, await bare.token(), at=gateway)).status_code == 200


async def test_on_loopback_any_org_logs_in_and_is_served(bare):
    here = "http://127.0.0.1:8000"
    for kind in ("production", "sandbox"):
        org = bare.simulator.add_org(kind, kind)
        for aud in (here, here + "/", "http://localhost:8000", "https://login.salesforce.com"):
            answer = (await bare.jwt_bearer(org, at=here, aud=aud)).json()
            assert answer["instance_url"] == here
            assert answer["id"].startswith(here + "/id/")
            response = await bare.get(LIMITS, answer["access_token"], at="http://localhost:8000")
            assert response.status_code == 200


async def test_a_strange_audience_is_refused_on_loopback_too(world, refused):
    answer = await world.jwt_bearer(at="http://127.0.0.1:8000", aud="http://127.0.0.1:9000")
    refused(answer, "invalid_grant", "audience is invalid")


def test_orgs_need_names_and_hosts_of_their_own(bare):
    bare.simulator.add_org("acme")
    with pytest.raises(ValueError, match="already an org"):
        bare.simulator.add_org("acme")
    with pytest.raises(ValueError, match="already belongs to another org"):
        bare.simulator.add_org("other", my_domain="https://acme.my.salesforce.com")
    with pytest.raises(ValueError, match="host name"):
        bare.simulator.add_org("Acme Inc.")


@pytest.mark.parametrize(
    ("kind", "my_domain", "login_url"),
    [
        ("production", "https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("sandbox", "https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("scratch", "https://acme-dev-ed.scratch.my.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_hosts_are_named_as_salesforce_names_them(bare, kind, my_domain, login_url):
    org = bare.simulator.add_org("acme", kind)
    assert (org.my_domain, org.instance_url, org.login_url) == (my_domain, my_domain, login_url)
    assert len(org.org_id) == len(org.user.user_id) == 18
