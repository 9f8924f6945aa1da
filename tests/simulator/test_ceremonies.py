"""What is under way is kept for as long as it can be of use."""

from __future__ import annotations

from sfauth.simulator.ceremonies import FrontdoorPass, Shelf


def test_expired_things_make_room(world):
    session = world.simulator.start_browser_session(world.org, world.org.user, world.org.my_domain)
    shelf: Shelf[FrontdoorPass] = Shelf()
    for number in range(1000):
        shelf.put(str(number), FrontdoorPass(session, "/", float(number)), 0)
    shelf.put("new", FrontdoorPass(session, "/", 2000.0), 900)
    assert len(shelf.values()) == 1000 - 901 + 1
    assert shelf.get("900") is None


def test_taking_is_for_once_and_for_the_living(world):
    session = world.simulator.start_browser_session(world.org, world.org.user, world.org.my_domain)
    shelf: Shelf[FrontdoorPass] = Shelf()
    shelf.put("one", FrontdoorPass(session, "/", 10.0), 0)
    assert shelf.living("one", 9.9) is not None
    assert shelf.living("one", 10.0) is None
    assert shelf.take("one", 9.9) is not None
    assert shelf.take("one", 9.9) is None


def test_secrets_are_in_no_repr(world):
    code = world.org.issue_code(nonce="the nonce")
    kept = world.simulator.ceremonies.codes.get(code)
    session = world.simulator.start_browser_session(world.org, world.org.user, world.org.my_domain)
    passed = FrontdoorPass(session, "/", 10.0)
    told = f"{kept!r} {passed!r} {session!r}"
    assert session.token not in told
    assert "the nonce" not in told
    assert world.org.app.client_secret not in told
