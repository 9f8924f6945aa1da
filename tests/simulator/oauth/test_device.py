"""The device flow at the token endpoint: codes, pace, end."""

from __future__ import annotations

import re

import pytest


async def begin(world, *, at=None, **changed):
    form = {"response_type": "device_code", "client_id": world.org.app.client_id, **changed}
    return await world.post(form, at=at)


async def poll(world, device_code, *, at=None, **changed):
    form = {"grant_type": "device", "client_id": world.org.app.client_id, "code": device_code, **changed}
    return await world.post(form, at=at)


async def test_it_begins_with_two_codes_and_no_expiry(world):
    answer = await begin(world)
    fields = answer.json()
    assert fields.keys() == {"device_code", "user_code", "verification_uri", "interval"}
    assert re.fullmatch(r"[A-Z0-9]{8}", fields["user_code"])
    assert fields["interval"] == 5
    assert "no-store" in answer.headers["cache-control"]
    assert world.counts.token_requests["device_code", "issued"] == 1


async def test_the_device_waits_until_the_user_has_answered(world, refused):
    begun = (await begin(world)).json()
    refused(await poll(world, begun["device_code"]), "authorization_pending", "end user has not approved yet")
    world.time += 5
    refused(await poll(world, begun["device_code"]), "authorization_pending")
    world.org.answer_device(begun["user_code"])
    world.time += 5
    answer = (await poll(world, begun["device_code"])).json()
    assert await world.alive(answer["access_token"])
    assert (await world.refresh(answer["refresh_token"])).status_code == 200
    assert world.counts.token_requests["device", "authorization_pending"] == 2


async def test_who_asks_too_often_is_slowed_down_each_time(world, refused):
    code = (await begin(world)).json()["device_code"]
    refused(await poll(world, code), "authorization_pending")
    world.time += 4
    refused(await poll(world, code), "slow_down")
    world.time += 9
    refused(await poll(world, code), "slow_down")  # it is ten now
    world.time += 15
    refused(await poll(world, code), "authorization_pending")


async def test_a_denial_is_final(world, refused):
    begun = (await begin(world)).json()
    world.org.answer_device(begun["user_code"], allow=False)
    for _ in range(2):
        refused(await poll(world, begun["device_code"]), "access_denied", "end-user denied authorization")
        world.time += 5


async def test_after_ten_minutes_the_grant_is_invalid_and_not_an_expired_token(world, refused):
    begun = (await begin(world)).json()
    world.time += 599
    refused(await poll(world, begun["device_code"]), "authorization_pending")
    world.time += 1
    refused(await poll(world, begun["device_code"]), "invalid_grant")
    with pytest.raises(ValueError, match="no device"):
        world.org.answer_device(begun["user_code"])


async def test_a_device_code_is_good_once(world, refused):
    begun = (await begin(world)).json()
    world.org.answer_device(begun["user_code"])
    assert (await poll(world, begun["device_code"])).status_code == 200
    world.time += 5
    refused(await poll(world, begun["device_code"]), "invalid_grant")


@pytest.mark.parametrize(
    ("changed", "error", "description"),
    [
        ({"code": ""}, "invalid_request", "missing required parameter: code"),
        ({"code": "nothing"}, "invalid_request", "invalid device code"),
        ({"client_id": "nobody"}, "invalid_client_id", "client identifier invalid"),
        ({"client_secret": "wrong"}, "invalid_client", "invalid client credentials"),
    ],
)
async def test_polls_that_make_no_sense(world, refused, changed, error, description):
    code = (await begin(world)).json()["device_code"]
    refused(await poll(world, code, **changed), error, description)


async def test_another_app_can_not_use_it(world, refused):
    code = (await begin(world)).json()["device_code"]
    refused(await poll(world, code, client_id=world.org.add_app().client_id), "invalid_request", "invalid device code")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": ""}, "invalid_client_id"),
        ({"client_id": "nobody"}, "invalid_client_id"),
        ({"scope": "nonsense"}, "invalid_scope"),
    ],
)
async def test_beginnings_that_make_no_sense(world, refused, changed, error):
    refused(await begin(world, **changed), error)
    assert world.counts.token_requests["device_code", error] == 1


async def test_the_flow_may_be_off(world, refused):
    code = (await begin(world)).json()["device_code"]
    world.org.app.grant_types.discard("device")
    refused(await begin(world), "unsupported_grant_type")
    refused(await poll(world, code), "unsupported_grant_type")
    refused(await begin(world, at="https://acme.lightning.force.com"), "unsupported_grant_type")


async def test_uninstalled_apps_are_refused(world, refused):
    world.org.app.installed = False
    refused(await begin(world), "invalid_client", "app must be installed into org")


async def test_a_secret_may_be_asked_for(world, refused):
    world.org.app.secret_required_for_device = True
    refused(await begin(world), "invalid_client")
    begun = (await begin(world, **world.credentials())).json()
    refused(await poll(world, begun["device_code"]), "invalid_client")
    refused(await poll(world, begun["device_code"], **world.credentials()), "authorization_pending")


async def test_scope_is_a_subset(world):
    begun = (await begin(world, scope="api")).json()
    world.org.answer_device(begun["user_code"])
    answer = (await poll(world, begun["device_code"])).json()
    assert answer["scope"] == "api id"
    assert "refresh_token" not in answer


async def test_the_interval_may_be_a_fraction(world):
    world.org.device_interval = 0.25
    assert (await begin(world)).json()["interval"] == 0.25


async def test_a_user_who_was_deactivated_meanwhile_gets_nothing(world, refused):
    begun = (await begin(world)).json()
    world.org.answer_device(begun["user_code"])
    world.org.user.active = False
    refused(await poll(world, begun["device_code"]), "inactive_user")


async def test_another_orgs_administrator_can_not_answer(bare):
    bare.simulator.add_org("acme")
    other = bare.simulator.add_org("other")
    begun = (await begin(bare)).json()
    with pytest.raises(ValueError, match="no device of 'other'"):
        other.answer_device(begun["user_code"])
