"""REST: who gets in, what refusal looks like, and enough resources to crawl."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

V = "/services/data/v66.0"
LIMITS = V + "/limits"
EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


# ── refusals ──


async def test_an_expired_session_is_a_401_with_a_list_of_one(world):
    token = await world.token()
    world.org.expire_sessions()
    response = await world.get(LIMITS, token)
    assert (response.status_code, response.json()) == (401, EXPIRED)
    assert response.headers["www-authenticate"] == "Token"


async def test_it_is_xml_for_those_who_ask_for_xml(world):
    response = await world.get(LIMITS, "00Dx!y", headers={"accept": "application/xml"})
    assert response.status_code == 401
    assert ET.fromstring(response.text).findtext("Error/errorCode") == "INVALID_SESSION_ID"


async def test_head_has_no_body(world):
    response = await world.http.head(world.org.instance_url + LIMITS, headers={"authorization": "Bearer 00Dx!y"})
    assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "INVALID_SESSION_ID"),
        ("Bearer 00Dxx0000000000!unknown", "INVALID_SESSION_ID"),
        ("Bearer 00D!X", "INVALID_SESSION_ID"),
        ("Bearer [REDACTED] use another command", "INVALID_AUTH_HEADER"),
        ("Bearer", "INVALID_AUTH_HEADER"),
        ("Basic dXNlcjpwYXNz", "INVALID_AUTH_HEADER"),
        ("nonsense", "INVALID_AUTH_HEADER"),
    ],
)
async def test_what_is_no_token_at_all_is_a_bad_header(world, header, code):
    response = await world.get(LIMITS, headers={"authorization": header} if header else {})
    assert response.status_code == 401
    assert response.json()[0]["errorCode"] == code


async def test_the_scheme_may_be_written_in_any_case_and_as_oauth(world):
    token = await world.token()
    for scheme in ("bearer", "BEARER", "OAuth"):
        assert (await world.get(LIMITS, headers={"authorization": f"{scheme} {token}"})).status_code == 200


async def test_a_token_without_api_scope_is_a_401_that_no_new_token_cures(world):
    world.org.app.scopes = ("id", "openid")
    response = await world.get(LIMITS, await world.token())
    assert response.status_code == 401
    assert response.json()[0]["message"] == "This session is not valid for use with the REST API"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda org: setattr(org.user, "api_enabled", False), "API_CURRENTLY_DISABLED"),
        (lambda org: setattr(org, "api_enabled", False), "API_DISABLED_FOR_ORG"),
        (lambda org: setattr(org, "daily_api_requests", 0), "REQUEST_LIMIT_EXCEEDED"),
    ],
)
async def test_403s_are_not_about_the_session(world, change, code):
    change(world.org)
    response = await world.get(LIMITS, await world.token())
    assert (response.status_code, response.json()[0]["errorCode"]) == (403, code)


async def test_the_daily_limit_is_told_and_ends_at_midnight(world):
    world.org.daily_api_requests = 2
    token = await world.token()
    response = await world.get(LIMITS, token)
    assert response.headers["sforce-limit-info"] == "api-usage=1/2"
    assert response.json()["DailyApiRequests"] == {"Max": 2, "Remaining": 1}
    await world.get(LIMITS, token)
    assert (await world.get(LIMITS, token)).status_code == 403
    world.time += 86_400
    assert (await world.get(LIMITS, await world.token())).status_code == 200


async def test_an_inactive_org_serves_nobody(world):
    token = await world.token()
    world.org.active = False
    assert (await world.get(LIMITS, token)).status_code == 401


# ── resources ──


async def test_versions_need_no_token(world):
    versions = (await world.get("/services/data")).json()
    assert versions[-1]["version"] == "67.0"
    assert {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"} in versions


async def test_paths_may_end_in_a_slash(world):
    token = await world.token()
    for path in ("", "/", "/limits/", "/query/?q=SELECT Id FROM Account LIMIT 1", "/sobjects/Account/describe/"):
        assert (await world.get(V + path, token)).status_code == 200


@pytest.mark.parametrize(
    "path", ["/services/data/v99.0/limits", "/services/data/x", V + "/nothing", V + "/sobjects/Nothing"]
)
async def test_unknown_resources_are_not_found(world, path):
    response = await world.get(path, await world.token())
    assert (response.status_code, response.json()[0]["errorCode"]) == (404, "NOT_FOUND")


async def test_apex_rest_asks_for_the_token_first(world):
    assert (await world.get("/services/apexrest/mine")).status_code == 401
    assert (await world.get("/services/apexrest/mine", await world.token())).status_code == 404


async def test_a_query_gives_records_with_attributes(world):
    answer = (
        await world.get(V + "/query", await world.token(), params={"q": "SELECT Id, Name FROM Account LIMIT 1"})
    ).json()
    (record,) = answer["records"]
    assert (answer["totalSize"], answer["done"]) == (1, True)
    assert record["attributes"]["url"] == f"{V}/sobjects/Account/{record['Id']}"
    assert set(record) == {"attributes", "Id", "Name"}


async def test_a_long_query_comes_in_pages(world):
    token, seen, path, pages = await world.token(), [], V + "/query?q=SELECT Id FROM Account", 0
    while path:
        page = (await world.get(path, token, headers={"Sforce-Query-Options": "batchSize=200"})).json()
        assert page["totalSize"] == 500
        seen += [record["Id"] for record in page["records"]]
        path, pages = page.get("nextRecordsUrl"), pages + 1
        assert page["done"] == (path is None)
    assert (pages, len(set(seen))) == (3, 500)


async def test_batch_sizes_are_held_between_200_and_2000(world):
    token = await world.token()
    for asked, got in (("1", 200), ("250", 250), ("9999", 500)):
        headers = {"Sforce-Query-Options": f"batchSize={asked}"}
        page = (await world.get(V + "/query?q=SELECT Id FROM Contact", token, headers=headers)).json()
        assert len(page["records"]) == got


async def test_the_orgs_own_batch_size_may_be_smaller(world):
    world.org.query_batch_size = 10
    page = (await world.get(V + "/query?q=SELECT Id FROM Account", await world.token())).json()
    assert len(page["records"]) == 10


async def test_old_locators_are_forgotten(world):
    world.org.query_batch_size = 100
    token = await world.token()
    first, *_, last = [(await world.get(V + "/query?q=SELECT Id FROM Account", token)).json() for _ in range(201)]
    assert (await world.get(first["nextRecordsUrl"], token)).status_code == 400
    assert (await world.get(last["nextRecordsUrl"], token)).status_code == 200


async def test_a_count_has_a_size_and_no_records(world):
    answer = (await world.get(V + "/query?q=SELECT COUNT() FROM Account", await world.token())).json()
    assert answer == {"totalSize": 500, "done": True, "records": []}


async def test_locators_belong_to_their_org_and_end_somewhere(bare):
    one, two = bare.simulator.add_org("one", query_batch_size=100), bare.simulator.add_org("two")
    page = (await bare.get(V + "/query?q=SELECT Id FROM Account", await bare.token(one), at=one.instance_url)).json()
    answer = await bare.get(page["nextRecordsUrl"], await bare.token(two), at=two.instance_url)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


async def test_every_org_has_data_of_its_own_the_same_every_time(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    names = []
    for org in (one, two, one):
        answer = await bare.get(
            V + "/query?q=SELECT Name FROM Account LIMIT 1", await bare.token(org), at=org.instance_url
        )
        names.append(answer.json()["records"][0]["Name"])
    assert names[0] == names[2] != names[1]


async def test_a_query_is_needed_and_must_be_sound(world):
    token = await world.token()
    for q, code in (
        ("", "MALFORMED_QUERY"),
        ("SELECT", "MALFORMED_QUERY"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Nothing FROM Account", "INVALID_FIELD"),
    ):
        response = await world.get(V + "/query", token, params={"q": q})
        assert (response.status_code, response.json()[0]["errorCode"]) == (400, code)


async def test_tooling_queries_too(world):
    token = await world.token()
    assert (await world.get(V + "/tooling/query?q=SELECT Id FROM User", token)).json()["totalSize"] == 1
    assert (await world.get(V + "/tooling/sobjects", token)).status_code == 404


async def test_records_are_created_read_changed_and_deleted(world):
    headers = {"authorization": f"Bearer {await world.token()}"}
    base = world.org.instance_url + V + "/sobjects/Account"
    created = await world.http.post(base, json={"Name": "New"}, headers=headers)
    assert (created.status_code, created.json()["success"]) == (201, True)
    one = f"{base}/{created.json()['id']}"
    assert (await world.http.get(one, headers=headers)).json()["Name"] == "New"
    assert (await world.http.patch(one, json={"Name": "Newer"}, headers=headers)).status_code == 204
    assert (await world.http.get(one + "?fields=Name", headers=headers)).json()["Name"] == "Newer"
    assert (await world.http.put(one, json={}, headers=headers)).status_code == 405
    assert (await world.http.delete(one, headers=headers)).status_code == 204
    assert (await world.http.get(one, headers=headers)).status_code == 404


async def test_bad_bodies_are_refused(world):
    headers = {"authorization": f"Bearer {await world.token()}"}
    base = world.org.instance_url + V + "/sobjects"
    for path, content, status in (
        ("/Account", b"{", 400),
        ("/Account", b"[]", 400),
        ("/Account", b'{"Nothing": 1}', 400),
        ("/User", b'{"Name": "x"}', 405),
    ):
        assert (await world.http.post(base + path, content=content, headers=headers)).status_code == status


async def test_objects_are_listed_and_described(world):
    token = await world.token()
    listed = (await world.get(V + "/sobjects", token)).json()["sobjects"]
    assert {"Account", "Contact", "User", "Organization", "ScratchOrgInfo"} == {one["name"] for one in listed}
    described = (await world.get(V + "/sobjects/Account/describe", token)).json()
    assert "Name" in {field["name"] for field in described["fields"]}
    assert (await world.get(V + "/sobjects/Account", token)).json()["objectDescribe"]["keyPrefix"] == "001"
    assert (await world.get(V + "/sobjects/Account/1/2", token)).status_code == 404
    for path in ("/limits", "/query"):
        posted = await world.http.post(world.org.instance_url + V + path, headers={"authorization": f"Bearer {token}"})
        assert posted.status_code == 405


async def test_a_composite_answers_each_part(world):
    body = {
        "compositeRequest": [
            {"method": "GET", "url": V + "/query?q=SELECT+Id+FROM+Account+LIMIT+1", "referenceId": "a"},
            {"method": "GET", "url": V + "/sobjects/Account/001000000000000", "referenceId": "b"},
            {"method": "POST", "url": V + "/sobjects/Account", "body": {"Name": "x"}, "referenceId": "c"},
            {"method": "GET", "url": "/elsewhere", "referenceId": "d"},
        ]
    }
    headers = {"authorization": f"Bearer {await world.token()}"}
    url = world.org.instance_url + V + "/composite"
    answer = (await world.http.post(url, json=body, headers=headers)).json()["compositeResponse"]
    assert [(part["referenceId"], part["httpStatusCode"]) for part in answer] == [
        ("a", 200),
        ("b", 404),
        ("c", 201),
        ("d", 404),
    ]
    assert (await world.http.post(url, json={}, headers=headers)).status_code == 400
    assert world.counts.api_requests == 2


async def test_users_show_the_orgs_present_state(world):
    user = world.org.add_user(active=False)
    q = f"SELECT Username, IsActive FROM User WHERE Id = '{user.user_id}'"
    (row,) = (await world.get(V + "/query", await world.token(), params={"q": q})).json()["records"]
    assert (row["Username"], row["IsActive"]) == (user.username, False)
