"""Scheduled faults, and whom they meet."""

from __future__ import annotations

import httpx
import pytest

from sfauth.simulator import Fault

TOKEN = "/services/oauth2/token"
LIMITS = "/services/data/v66.0/limits"


async def test_by_default_the_next_request_gets_a_503_page(world):
    world.simulator.fail_next()
    answer = await world.client_credentials()
    assert answer.status_code == 503
    assert "maintenance" in answer.text
    assert (await world.client_credentials()).status_code == 200


async def test_retry_after_is_told(world):
    world.simulator.fail_next(status=429, retry_after=2, body="empty")
    answer = await world.client_credentials()
    assert (answer.status_code, answer.headers["retry-after"], answer.content) == (429, "2", b"")
    world.simulator.fail_next(status=503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    assert (await world.client_credentials()).headers["retry-after"] == "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize("body", ["html", "garbage", "truncated", "empty", b"[]"])
async def test_bodies_may_be_wrong_with_a_200(world, body):
    world.simulator.fail_next(body=body)
    answer = await world.client_credentials()
    assert answer.status_code == 200
    assert body == b"[]" or "access_token" not in answer.headers
    if body != b"[]":
        with pytest.raises(ValueError):  # noqa: PT011 - whatever a JSON parser says
            answer.json()


async def test_what_could_never_happen_is_refused_at_once(world):
    with pytest.raises(ValueError, match="unknown body"):
        world.simulator.fail_next(body="nonsense")
    with pytest.raises(ValueError, match="no org 'amce'"):
        world.simulator.fail_next(org="amce")
    with pytest.raises(ValueError, match="at least once"):
        world.simulator.fail_next(times=0)


async def test_a_fault_may_redirect(world):
    world.simulator.fail_next(status=302, headers={"Location": "https://evil.example/"})
    answer = await world.client_credentials()
    assert (answer.status_code, answer.headers["location"]) == (302, "https://evil.example/")


async def test_a_fault_meets_its_path_only(world):
    world.simulator.fail_next(path=TOKEN)
    assert (await world.get("/services/data")).status_code == 200
    assert (await world.client_credentials()).status_code == 503
    world.simulator.fail_next(path="/services/data/*")
    assert (await world.client_credentials()).status_code == 200
    assert (await world.get(LIMITS, await world.token())).status_code == 503


async def test_a_fault_happens_as_often_as_it_says(world):
    world.simulator.fail_next(times=2)
    assert [(await world.client_credentials()).status_code for _ in range(3)] == [503, 503, 200]


async def test_faults_come_in_the_order_of_their_scheduling(world):
    world.simulator.fail_next(status=500)
    world.simulator.fail_next(status=502)
    assert [(await world.client_credentials()).status_code for _ in range(3)] == [500, 502, 200]


@pytest.mark.parametrize("at", [None, "http://127.0.0.1:8000"], ids=["My Domain", "loopback"])
async def test_a_fault_meets_one_org_whatever_it_is_asked(bare, at):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    token = (await bare.client_credentials(two, at=at)).json()["access_token"]
    refresh_token = two.issue_refresh_token()

    async def requests_of_two():
        host = at or two.my_domain
        pair = tuple(bare.credentials(two).values())
        return [
            await bare.client_credentials(two, at=host),
            await bare.http.post(host + TOKEN, data={"grant_type": "client_credentials"}, auth=pair),
            await bare.jwt_bearer(two, at=host, aud="https://login.salesforce.com"),
            await bare.refresh(refresh_token, two, at=host),
            await bare.password(two, at=host),
            await bare.get(LIMITS, token, at=host),
        ]

    bare.simulator.fail_next(org="one", times=100)
    assert {answer.status_code for answer in await requests_of_two()} == {200}
    assert (await bare.client_credentials(one, at=at)).status_code == 503
    bare.simulator.faults.clear()
    bare.simulator.fail_next(org="two", times=100)
    assert {answer.status_code for answer in await requests_of_two()} == {503}
    assert bare.simulator.counts["two"].faults == 6


async def test_a_delay_alone_ends_in_a_true_answer(world):
    world.simulator.fail_next(delay=3)
    assert (await world.client_credentials()).status_code == 200
    assert world.slept == [3]


async def test_a_cut_connection_is_a_protocol_error_and_nothing_happened(world):
    world.simulator.fail_next(cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await world.client_credentials()
    assert world.counts.tokens_issued == 0


async def test_an_answer_may_be_lost_after_the_request_took_effect(world, refused):
    world.org.app.rotate_refresh_tokens = True
    refresh_token = world.org.issue_refresh_token()
    world.simulator.fail_next(path=TOKEN, cut=True, after=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await world.refresh(refresh_token)
    assert world.counts.tokens_issued == 1
    refused(await world.refresh(refresh_token), "invalid_grant", "expired access/refresh token")


async def test_a_late_answer_after_the_effect_is_the_true_one(world):
    world.simulator.fail_next(delay=3, after=True)
    assert (await world.client_credentials()).status_code == 200
    world.simulator.fail_next(status=502, after=True)
    assert (await world.client_credentials()).status_code == 502
    assert world.counts.token_requests["client_credentials", "reissued"] == 1


async def test_faults_are_counted_as_what_they_met(world):
    world.simulator.fail_next(times=2)
    await world.client_credentials()
    await world.get(LIMITS, "00D!x")
    assert world.counts.token_requests == {("client_credentials", "fault"): 1}
    assert (world.counts.api_requests, world.counts.faults) == (1, 2)
    assert world.simulator.log[-1].error == "fault"


def test_a_fault_is_a_value():
    assert Fault(status=503) == Fault(status=503)


async def test_an_authorization_request_names_its_org_in_the_query(bare):
    one, two = bare.simulator.add_org("one"), bare.simulator.add_org("two")
    bare.simulator.fail_next(org="two", path="/services/oauth2/authorize")
    statuses = []
    for org in (one, two):
        asked = {"response_type": "code", "client_id": org.app.client_id, "redirect_uri": org.app.callback_urls[0]}
        answer = await bare.get("/services/oauth2/authorize", at="https://login.salesforce.com", params=asked)
        statuses.append(answer.status_code)
    assert statuses == [302, 503]
