"""Bearer tokens of API and identity requests: found, checked, counted, and kept alive by their use."""

from __future__ import annotations

import re
from typing import Literal

from .exchange import Exchange
from .sessions import Session

_OPAQUE = re.compile(r"00D\w{0,15}!\S+")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")

Audience = Literal["api", "identity"]


class Refused(Exception):
    """The token is not good here; `reason` is a key of `Tally.rejected`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def credentials_of(authorization: str | None) -> str | None:
    """The token of an Authorization header; None without one. `Refused` when it is no bearer header at all."""
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() not in ("bearer", "oauth") or not token.strip():
        raise Refused("malformed")
    return token.strip()


def admit(exchange: Exchange, token: str | None, audience: Audience = "api") -> Session:
    """The live session of a token that is good at this place, which this use keeps alive; or `Refused`, counted."""
    try:
        session = _admit(exchange, token, audience)
    except Refused as refusal:
        exchange.error = refusal.reason
        exchange.simulator.counts.reject(exchange.org_key, refusal.reason)
        raise
    session.touch(exchange.now)
    exchange.session = session
    return session


def _admit(exchange: Exchange, token: str | None, audience: Audience) -> Session:
    place = exchange.place
    if exchange.org is None:
        exchange.org = place.org
    if not token:
        raise Refused("missing_token")
    session = exchange.simulator.sessions.get(token)
    if session is None:
        if _JWT.fullmatch(token):
            # Only the table makes a token known: one that is not in it was signed by somebody else, or is forged.
            raise Refused("foreign_jwt")
        raise Refused("unknown_token" if _OPAQUE.fullmatch(token) else "malformed")
    org = session.org
    if place.org is not None and place.org is not org:
        raise Refused("foreign_jwt" if session.jwt_based else "wrong_host")
    exchange.org = org
    if (reason := session.ended(exchange.now)) is not None:
        raise Refused(reason)
    if not org.active:
        raise Refused("org_inactive")
    if place.kind == "gateway" and session.jwt_based and "sfap_api" in session.scope.split():
        return session
    if not org.serves_apis_at(place) and not (audience == "identity" and place.logs_in(org)):
        raise Refused("wrong_host")
    return session
