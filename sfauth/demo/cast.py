"""Who plays: each org's grant, its kind of tokens, how long they live, and what happens to it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ..grants.base import Grant
from ..grants.client_credentials import ClientCredentialsGrant
from ..grants.jwt_bearer import JWTBearerGrant
from ..grants.refresh_token import RefreshTokenGrant

__all__ = ["FEWEST_ORGS", "Fate", "Role", "grant_for", "roles", "settings_for"]

LIFETIMES = (5, 15)
"""Seconds that a token lives: from, to."""

ASSUMED_SHARE = 0.8
"""Where nothing tells the lifetime: what the crawler's author assumes, as a share of the truth."""


class Fate(enum.Enum):
    """What happens to an org."""

    REVOKED = "an admin ends its sessions"
    MOVED = "moves to another instance"
    ROTATING = "each refresh token works once"
    WRONG_SECRET = "its secret is wrong"
    QUIET = ""


class Login(enum.Enum):
    """How a program logs in."""

    JWT_BEARER = "JWT bearer"
    CLIENT_CREDENTIALS = "client credentials"
    REFRESH_TOKEN = "refresh token"
    PUBLIC_CLIENT = "refresh, no secret"


@dataclass(frozen=True, slots=True)
class Role:
    """One org's part.

    Attributes:
        login: Which grant.
        jwt: Whether access tokens are JWTs; else they are opaque, and name a session.
        fate: What happens to it.
        lifetime: Seconds that a token lives, or a session that nobody uses.
    """

    login: Login
    jwt: bool
    fate: Fate = Fate.QUIET
    lifetime: int = LIFETIMES[1]

    @property
    def assumed_lifetime(self) -> float | None:
        """What the program assumes where nothing tells: a client without a secret may not introspect opaque tokens."""
        return self.lifetime * ASSUMED_SHARE if self.login is Login.PUBLIC_CLIENT and not self.jwt else None

    @property
    def kind(self) -> str:
        """Of its tokens."""
        return "JWT" if self.jwt else "opaque"


_LEADS = (
    Role(Login.JWT_BEARER, jwt=False, fate=Fate.REVOKED),
    Role(Login.CLIENT_CREDENTIALS, jwt=False, fate=Fate.MOVED),
    Role(Login.REFRESH_TOKEN, jwt=False, fate=Fate.ROTATING),
    Role(Login.CLIENT_CREDENTIALS, jwt=False, fate=Fate.WRONG_SECRET),
)
# Opaque tokens of JWT bearer and client credentials are left to the leads: their session slides on as long as it is
# used, and a repeated grant gives the same token. All the others come to their end again and again.
_EXTRAS = (
    Role(Login.JWT_BEARER, jwt=True),
    Role(Login.CLIENT_CREDENTIALS, jwt=True),
    Role(Login.REFRESH_TOKEN, jwt=False),
    Role(Login.REFRESH_TOKEN, jwt=True),
    Role(Login.PUBLIC_CLIENT, jwt=False),
)

FEWEST_ORGS = len(_LEADS)


def roles(number: int, random: Random) -> list[Role]:
    """So many roles; every incident happens to one of them."""
    parts = [*_LEADS[:-1], *(_EXTRAS[i % len(_EXTRAS)] for i in range(number - len(_LEADS))), _LEADS[-1]]
    return [Role(part.login, part.jwt, part.fate, random.randint(*LIFETIMES)) for part in parts]


def grant_for(role: Role, credentials: Mapping[str, Any]) -> Grant:
    """What the program knows of an org; ``credentials`` as ``sfauth simulate --json`` tells them."""
    client_id, secret = credentials["client_id"], credentials["client_secret"]
    if role.fate is Fate.WRONG_SECRET:
        secret = "the-one-from-last-year"
    match role.login:
        case Login.JWT_BEARER:
            key = Path(credentials["private_key_file"])
            return JWTBearerGrant(client_id=client_id, username=credentials["username"], private_key=key)
        case Login.CLIENT_CREDENTIALS:
            return ClientCredentialsGrant(client_id=client_id, client_secret=secret)
        case Login.REFRESH_TOKEN:
            token = credentials["refresh_token"]
            return RefreshTokenGrant(client_id=client_id, client_secret=secret, refresh_token=token)
        case Login.PUBLIC_CLIENT:
            return RefreshTokenGrant(client_id=client_id, refresh_token=credentials["refresh_token"])


def settings_for(role: Role, *, page_size: int) -> dict[str, Any]:
    """What Setup says in that org, as the simulator's control endpoint ``set`` takes it."""
    return {
        "settings": {"session_timeout": role.lifetime, "query_batch_size": page_size, "records": 5 * page_size},
        "app": {
            "token_format": "jwt" if role.jwt else "opaque",
            "jwt_lifetime": role.lifetime,
            "rotate_refresh_tokens": role.fate is Fate.ROTATING,
            "secret_required_for_refresh": role.login is not Login.PUBLIC_CLIENT,
        },
    }
