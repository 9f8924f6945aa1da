"""The application as a whole: clock, log, determinism, and what it may not say."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from random import Random

import pytest

from sfauth.simulator import Simulator


async def test_the_date_header_shows_the_simulators_clock(world):
    world.time = 1_900_000_000.7
    for answer in (await world.client_credentials(), await world.get("/services/data"), await world.get("/nothing")):
        assert parsedate_to_datetime(answer.headers["date"]).timestamp() == 1_900_000_000
        assert len(answer.headers.get_list("date")) == 1


async def test_the_log_tells_what_was_asked(world):
    await world.client_credentials(client_secret="wrong")
    await world.get("/services/data/v66.0/limits", "00Dx!unknown")
    first, second = world.simulator.log
    assert (first.org, first.method, first.path, first.status, first.error) == (
        "acme",
        "POST",
        "/services/oauth2/token",
        400,
        "invalid_client",
    )
    assert (second.time, second.status, second.error) == (world.time, 401, "unknown_token")


async def test_the_log_is_bounded(keys):
    simulator = Simulator(log_size=2)
    assert simulator.log.maxlen == 2


async def test_no_secret_is_in_any_repr_log_or_count(world):
    refresh_token = world.org.issue_refresh_token()
    token = (await world.refresh(refresh_token)).json()["access_token"]
    await world.get(f"/id/{world.org.org_id}/{world.org.user.user_id}?oauth_token={token}")
    session = world.simulator.sessions.get(token)
    approval = world.simulator.approvals.find(refresh_token)
    said = " ".join(
        [
            repr(world.org),
            repr(world.org.app),
            repr(world.org.user),
            repr(session),
            repr(approval),
            repr(list(world.simulator.log)),
            str(world.simulator.counts.as_dict()),
        ]
    )
    user, app = world.org.user, world.org.app
    for secret in (token, refresh_token, user.password, user.security_token, app.client_secret, "PRIVATE KEY"):
        assert secret not in said


def test_the_same_seed_makes_the_same_orgs(keys):
    def made():
        simulator = Simulator(random=Random(7))
        simulator.keys = keys
        org = simulator.add_org("acme")
        return org.org_id, org.app.client_id, org.app.client_secret, org.issue_refresh_token()

    assert made() == made()


async def test_it_speaks_the_lifespan_protocol(bare):
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    said = []

    async def receive():
        return next(incoming)

    async def send(message):
        said.append(message["type"])

    await bare.simulator({"type": "lifespan"}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_it_speaks_no_websockets(bare):
    with pytest.raises(RuntimeError, match="HTTP only"):
        await bare.simulator({"type": "websocket"}, None, None)


async def test_a_client_that_hangs_up_while_sending_is_let_go(world):
    async def receive():
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/services/oauth2/token", "headers": []}
    await world.simulator(scope, receive, None)
    assert not world.simulator.log


async def test_counts_can_start_again_from_zero(world):
    await world.client_credentials()
    world.simulator.counts.reset()
    assert world.simulator.counts.as_dict()["orgs"] == {}
    assert world.counts.token_requests_total == 0
