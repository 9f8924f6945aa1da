"""The web sessions beside a hybrid token."""

from __future__ import annotations

from sfauth.flows import HybridSessions, WebSession
from sfauth.token import Token

REPLY = {
    "access_token": "00D!a",
    "lightning_domain": "acme.lightning.force.com",
    "lightning_sid": "secret-lightning",
    "visualforce_domain": "acme--c.vf.force.com",
    "visualforce_sid": "secret-visualforce",
    "content_domain": "acme.file.force.com",
    "content_sid": "secret-content",
    "csrf_token": "secret-csrf",
    "cookie-clientSrc": "192.0.2.1",
    "cookie-sid_Client": "secret-client",
    "sidCookieName": "sid2",
    "parent_sid": "secret-parent",
}


def test_every_field_is_read_and_none_is_shown():
    sessions = HybridSessions.of(Token.from_response(REPLY, now=0))
    assert sessions.web_sessions == (
        WebSession("acme.lightning.force.com", "secret-lightning"),
        WebSession("acme--c.vf.force.com", "secret-visualforce"),
        WebSession("acme.file.force.com", "secret-content"),
    )
    assert (sessions.cookie_name, sessions.csrf_token, sessions.parent_sid) == ("sid2", "secret-csrf", "secret-parent")
    assert (sessions.client_src, sessions.sid_client) == ("192.0.2.1", "secret-client")
    assert "secret" not in repr(sessions)


def test_any_field_may_be_missing_or_of_another_type():
    partial = {"access_token": "00D!a", "lightning_domain": "x.lightning.force.com", "content_sid": 7, "parent_sid": ""}
    assert HybridSessions.of(Token.from_response(partial, now=0)) == HybridSessions()
