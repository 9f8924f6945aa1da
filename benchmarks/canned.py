"""A Salesforce that costs nothing: always the same two answers, from memory."""

from __future__ import annotations

import json

import httpx

from sfauth import ClientCredentialsGrant

__all__ = ["GRANT", "ORG", "CannedTransport", "limits_reply", "token_reply"]

ORG = "https://acme.my.salesforce.com"
GRANT = ClientCredentialsGrant(client_id="3MVG9benchmark", client_secret="secret")

_JSON = {"content-type": "application/json"}
_LIMITS = json.dumps({"DailyApiRequests": {"Max": 100_000, "Remaining": 99_999}}).encode()


def token_reply(instance_url: str) -> bytes:
    """A token response whose lifetime is known, so that no introspection follows."""
    reply = {
        "access_token": "00D000000000001!" + "A" * 96,
        "token_type": "Bearer",
        "instance_url": instance_url,
        "id": "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA",
        "scope": "api",
        "issued_at": "1800000000000",
        "expires_in": 86_400,
    }
    return json.dumps(reply).encode()


def limits_reply() -> bytes:
    """What ``GET /services/data/vXX.X/limits`` gives, shortened."""
    return _LIMITS


class CannedTransport(httpx.AsyncBaseTransport):
    """A null transport. ``token_requests`` counts what a server would have seen."""

    def __init__(self) -> None:
        self.token_requests = 0
        self._token = token_reply(ORG)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.token_requests += 1
            return httpx.Response(200, headers=_JSON, content=self._token)
        return httpx.Response(200, headers=_JSON, content=_LIMITS)
