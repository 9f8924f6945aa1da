"""The OAuth endpoints: one file per endpoint family, one per grant. The one for browsers is in `..browser`."""

from __future__ import annotations

from starlette.routing import BaseRoute

from . import discovery, identity, introspection, revocation, single_access, token


def routes() -> list[BaseRoute]:
    """Everything under /services/oauth2, /id and /.well-known."""
    return [
        *token.routes(),
        *introspection.routes(),
        *revocation.routes(),
        *discovery.routes(),
        *identity.routes(),
        *single_access.routes(),
    ]
