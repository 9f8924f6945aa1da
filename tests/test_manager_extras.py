"""What a manager does with a token besides handing it out, and what it says of a grant's certificate."""

from __future__ import annotations

import pytest

from sfauth import CertificateExpiring, ConfigurationError, InsecureFlowError, InsecureFlows, UsernamePasswordGrant
from sfauth.certificates import new_key_pair
from sfauth.grants import username_password
from tests.support import ACME, World

DAY = 86_400.0


@pytest.fixture
def world():
    return World()


async def test_userinfo_tells_who_the_token_acts_for(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org="login")
        assert (await manager.userinfo("acme")).user_id == org.user.user_id


async def test_the_identity_url_is_asked_at_the_instance_and_not_at_the_login_host(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org="login")
        assert (await manager.identity("acme")).username == org.user.username


async def test_a_session_that_ended_does_not_keep_userinfo_from_answering(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.jwt(org), org="login")
        await manager.token("acme")
        org.revoke_sessions()
        assert (await manager.userinfo("acme")).user_id == org.user.user_id


async def test_introspection_by_key(world):
    org = world.org()
    async with world.manager(introspect=False) as manager:
        manager.add("acme", world.credentials(org), org=org.my_domain)
        answer = await manager.introspect("acme")
        assert answer is not None
        assert answer.active
        assert answer.client_id == org.app.client_id


async def test_single_access_gives_a_url_that_works_once(world):
    org = world.org()
    async with world.manager() as manager:
        manager.add("acme", world.refresh(org), org=org.my_domain)
        frontdoor = await manager.single_access("acme", path="/lightning/page/home")
        assert frontdoor.url.startswith(org.instance_url)


def test_an_insecure_flow_is_refused_with_the_name_of_the_safer_one(world, monkeypatch):
    monkeypatch.setattr(username_password, "_warn_once", lambda: None)
    grant = UsernamePasswordGrant(client_id="3MVG9key", client_secret="secret", username="a@b.c", password="password")
    with pytest.raises(InsecureFlowError, match="JWTBearerGrant") as refused:
        world.manager().add("acme", grant, org=ACME)
    assert refused.value.org == "acme"
    world.manager(insecure_flows=InsecureFlows(username_password=True)).add("acme", grant, org=ACME)


class TestACertificate:
    @pytest.fixture
    def pair(self, world):
        return new_key_pair("acme", days=20, now=world.clock.wall())

    async def test_that_expires_soon_is_mentioned_once_for_each_threshold(self, world, pair):
        org = world.org()
        async with world.manager() as manager:
            manager.add("acme", world.jwt(org, certificate=pair.certificate), org="login")
            for _ in range(3):
                await manager.refresh("acme")
            assert [event.days_left for event in said(world)] == [pytest.approx(20, abs=0.1)]
            world.clock.suspend(14 * DAY)
            await manager.refresh("acme")
            assert [round(event.days_left) for event in said(world)] == [20, 6]
            assert manager.status()["acme"].certificate_days_left == pytest.approx(6, abs=0.1)

    async def test_may_be_a_file(self, world, pair, tmp_path):
        path = tmp_path / "server.crt"
        path.write_text(pair.certificate)
        org = world.org()
        async with world.manager() as manager:
            manager.add("acme", world.jwt(org, certificate=path), org="login")
            await manager.token("acme")
            assert manager.status()["acme"].certificate_days_left == pytest.approx(20, abs=0.1)

    async def test_that_is_none_is_told_before_anything_is_sent(self, world):
        org = world.org()
        async with world.manager() as manager:
            manager.add("acme", world.jwt(org, certificate="no certificate"), org="login")
            with pytest.raises(ConfigurationError, match="certificate"):
                await manager.token("acme")
        assert world.token_requests() == 0

    async def test_that_nobody_gave_is_not_spoken_of(self, world):
        org = world.org()
        async with world.manager() as manager:
            manager.add("acme", world.jwt(org), org="login")
            await manager.token("acme")
            assert manager.status()["acme"].certificate_days_left is None
        assert said(world) == []


def said(world):
    return [event for event in world.events if isinstance(event, CertificateExpiring)]
