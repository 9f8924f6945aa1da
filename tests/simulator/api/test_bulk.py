"""Bulk API 1.0 takes its token in a header of its own, and says 400 where others say 401."""

from __future__ import annotations

from xml.etree import ElementTree as ET

JOB = "/services/async/66.0/job"
NS = "{http://www.force.com/2009/06/asyncapi/dataload}"


async def post(world, token, path=JOB, **headers):
    headers = {"X-SFDC-Session": token, **headers} if token else headers
    return await world.http.post(world.org.instance_url + path, content=b"", headers=headers)


async def test_a_job_is_opened_and_closed(world):
    token = await world.token()
    opened = await post(world, token, **{"content-type": "application/json"})
    assert (opened.status_code, opened.json()["state"]) == (201, "Open")
    one = f"{JOB}/{opened.json()['id']}"
    assert (await post(world, token, one, accept="application/json")).json()["state"] == "Closed"
    looked = await world.get(one, headers={"x-sfdc-session": token})
    assert ET.fromstring(looked.text).findtext(NS + "id") == opened.json()["id"]


async def test_an_expired_session_is_a_400_in_xml_or_json(world):
    token = await world.token()
    world.org.expire_sessions()
    xml = await post(world, token)
    assert xml.status_code == 400
    assert ET.fromstring(xml.text).findtext(NS + "exceptionCode") == "InvalidSessionId"
    json = await post(world, token, accept="application/json")
    assert (json.status_code, json.json()["exceptionCode"]) == (400, "InvalidSessionId")


async def test_an_authorization_header_is_not_looked_at(world):
    response = await post(world, None, authorization=f"Bearer {await world.token()}", accept="application/json")
    assert (response.status_code, response.json()["exceptionCode"]) == (400, "InvalidSessionId")


async def test_a_spent_quota_is_another_exception(world):
    token = await world.token()
    world.org.daily_api_requests = 0
    assert (await post(world, token, accept="application/json")).json()["exceptionCode"] == "ExceededQuota"
