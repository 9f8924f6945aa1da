"""The hybrid app flows (Salesforce Help, "OAuth 2.0 Hybrid App Token Flow"): web sessions beside the access token.

The names of the fields are those that Salesforce's Mobile SDKs read. Each sid belongs into the cookie ``sid`` of its
domain, and dies with the access token.
"""

from __future__ import annotations

from ..exchange import Exchange
from ..identifiers import random_token
from ..sessions import Session


def hybrid_fields(exchange: Exchange, session: Session) -> dict[str, str]:
    """What the scopes ``lightning``, ``visualforce``, ``content`` and ``web`` add to a token response."""
    simulator, org = exchange.simulator, session.org
    scopes = set(session.scope.split())
    if "full" in scopes:
        scopes |= {"web", "lightning", "visualforce", "content"}

    def web_session(scope: str) -> str:
        return simulator.start_browser_session(org, session.user, session.issuer, scope=scope, parent=session).token

    fields: dict[str, str] = {}
    for name, domain in org.web_domains.items():
        if name in scopes:
            fields[f"{name}_domain"] = domain
            fields[f"{name}_sid"] = web_session(name)
    if fields or "web" in scopes:
        fields["sidCookieName"] = "sid"
        fields["csrf_token"] = random_token(simulator.random, 40)
        fields["cookie-clientSrc"] = "127.0.0.1"
        fields["cookie-sid_Client"] = random_token(simulator.random, 20)
        if session.jwt_based:
            fields["parent_sid"] = web_session("web")
    return fields
