"""A user who is asked for consent, and a browser."""

from __future__ import annotations

import pytest

from tests.simulator.browsing import Browser

SITE = "https://acme.my.site.com/customers"


@pytest.fixture
def browser(world):
    """At the org's My Domain; the app asks users for consent."""
    world.org.app.permitted_users = "self"
    return Browser(world)


@pytest.fixture
def site(bare):
    """A site below a path, with a user who has no other place to log in."""
    org = bare.simulator.add_org("acme", site_url=SITE)
    org.app.permitted_users = "self"
    org.add_user("customer@example.com", external=True)
    return bare
