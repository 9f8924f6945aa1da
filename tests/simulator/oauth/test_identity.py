"""Userinfo and identity URL."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

USERINFO = "/services/oauth2/userinfo"


def identity_path(org):
    return f"/id/{org.org_id}/{org.user.user_id}"


async def test_userinfo_names_user_and_org(world):
    answer = (await world.get(USERINFO, await world.token())).json()
    assert answer["user_id"] == world.org.user.user_id
    assert answer["organization_id"] == world.org.org_id
    assert answer["preferred_username"] == world.org.user.username
    assert answer["sub"].endswith(identity_path(world.org))
    assert "{version}" in answer["urls"]["rest"]


async def test_userinfo_can_be_posted_to(world):
    answer = await world.post({"access_token": await world.token()}, path=USERINFO)
    assert answer.status_code == 200


async def test_the_identity_url_of_an_answer_leads_to_the_user(world):
    answer = (await world.client_credentials()).json()
    headers = {"authorization": f"Bearer {answer['access_token']}"}
    first = await world.http.get(answer["id"], headers=headers)
    assert first.status_code == 302
    assert first.headers["location"] == world.org.instance_url + identity_path(world.org)
    second = (await world.http.get(first.headers["location"], headers=headers)).json()
    assert second["username"] == world.org.user.username
    assert second["organization_id"] == world.org.org_id


async def test_a_redirect_goes_to_where_the_org_is_now(world):
    identity = (await world.client_credentials()).json()["id"]
    world.org.migrate()
    location = (await world.http.get(identity + "?version=latest")).headers["location"]
    assert location == world.org.instance_url + identity_path(world.org) + "?version=latest"


async def test_versions_formats_and_tokens_in_the_query(world):
    params = {"oauth_token": await world.token(), "version": "66.0", "format": "xml"}
    answer = await world.get(identity_path(world.org), params=params)
    assert ET.fromstring(answer.text).findtext("username") == world.org.user.username
    params = {"oauth_token": params["oauth_token"], "version": "latest"}
    urls = (await world.get(identity_path(world.org), params=params)).json()["urls"]
    assert urls["rest"] == world.org.instance_url + "/services/data/v67.0/"


async def test_ids_of_15_characters_are_good_too(world):
    path = f"/id/{world.org.org_id[:15]}/{world.org.user.user_id[:15]}"
    assert (await world.get(path, await world.token())).status_code == 200


@pytest.mark.parametrize("path", [USERINFO, None], ids=["userinfo", "identity"])
async def test_a_bad_token_is_a_403_with_a_word(world, path):
    path = path or identity_path(world.org)
    token = await world.token()
    world.org.expire_sessions()
    for bad in (token, "00Dx!unknown", "rubbish"):
        answer = await world.get(path, bad)
        assert (answer.status_code, answer.text) == (403, "Bad_OAuth_Token")
    answer = await world.get(path, headers={"authorization": "Digest x"})
    assert (answer.status_code, answer.text) == (403, "Bad_OAuth_Token")
    answer = await world.get(path)
    assert (answer.status_code, answer.text) == (403, "Missing_OAuth_Token")
    assert (world.counts.identity_requests, world.counts.dead_token_requests) == (5, 1)


async def test_wrong_orgs_and_users_have_words_of_their_own(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    token = await bare.token(one)
    wrong_org = await bare.get(identity_path(two), token, at=one.instance_url)
    assert (wrong_org.status_code, wrong_org.text) == (403, "Wrong_Org")
    wrong_user = await bare.get(f"/id/{one.org_id}/005000000000000", token, at=one.instance_url)
    assert (wrong_user.status_code, wrong_user.text) == (404, "Bad_Id")
    for path in ("/id/nonsense", "/id/a/b/c"):
        assert (await bare.get(path, token, at=one.instance_url)).status_code == 404
    unknown = await bare.get("/id/00D000000000000/005000000000000", token, at="https://login.salesforce.com")
    assert (unknown.status_code, unknown.text) == (404, "Bad_Id")


async def test_my_domain_knows_the_user_even_after_a_migration(world):
    world.org.migrate()
    token = await world.token()
    assert (await world.get(USERINFO, token, at=world.org.my_domain)).status_code == 200


async def test_use_keeps_the_session_alive(world):
    token = await world.token()
    world.time += 4000
    await world.get(USERINFO, token)
    world.time += 4000
    assert await world.alive(token)
