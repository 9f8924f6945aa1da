"""Which scopes a request is granted."""

from __future__ import annotations

import pytest

from sfauth.simulator.oauth.scopes import granted_scope
from sfauth.simulator.problems import OAuthError


@pytest.mark.parametrize(
    ("of_the_app", "wanted", "granted"),
    [
        ("api web id", None, "api web id"),
        ("api", None, "api id"),
        ("api web", "web", "web id"),
        ("api web", "web web id", "web id"),
        ("full", "api lightning", "api lightning id"),
        ("full refresh_token", "offline_access api", "offline_access api id"),
        ("api offline_access", "refresh_token", "refresh_token id"),
        ("api", "web", None),
        ("full", "refresh_token", None),
        ("api", "refresh_token", None),
    ],
)
def test_a_subset_of_the_apps_scopes_is_granted(world, of_the_app, wanted, granted):
    app = world.org.add_app(scopes=tuple(of_the_app.split()))
    if granted is not None:
        assert granted_scope(app, wanted) == granted
        return
    with pytest.raises(OAuthError, match="invalid_scope"):
        granted_scope(app, wanted)
