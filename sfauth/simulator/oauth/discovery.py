"""OpenID Connect discovery and the key set (JWKS) that verifies what an org signed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ..exchange import exchange_of
from . import id_tokens
from .access_tokens import jwk, public_jwk
from .scopes import KNOWN


def routes() -> list[BaseRoute]:
    """Discovery document and keys."""
    return [
        Route("/.well-known/openid-configuration", configuration, methods=["GET"]),
        Route("/id/keys", keys, methods=["GET"]),
    ]


async def configuration(request: Request) -> Response:
    """The endpoints that exist here; endpoints of flows that the simulator does not have yet are left out."""
    place = exchange_of(request).place
    if place.kind in ("ui", "gateway"):
        return PlainTextResponse("Not Found\n", 404)
    base = place.origin
    return JSONResponse(
        {
            "issuer": base,
            "authorization_endpoint": f"{base}/services/oauth2/authorize",
            "token_endpoint": f"{base}/services/oauth2/token",
            "revocation_endpoint": f"{base}/services/oauth2/revoke",
            "introspection_endpoint": f"{base}/services/oauth2/introspect",
            "userinfo_endpoint": f"{base}/services/oauth2/userinfo",
            "end_session_endpoint": f"{base}/services/auth/idp/oidc/logout",
            "jwks_uri": f"{base}/id/keys",
            "scopes_supported": sorted(KNOWN),
            "response_types_supported": ["code", "token", "token id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "display_values_supported": ["page", "popup", "touch"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


async def keys(request: Request) -> Response:
    """The keys of all orgs that sign access tokens here, and the one for ID tokens: to be chosen by ``kid``."""
    exchange = exchange_of(request)
    orgs = [org for org in exchange.simulator.orgs.values() if exchange.place.logs_in(org)]
    signing = [public_jwk(exchange.simulator, org) for org in orgs]
    return JSONResponse({"keys": [*signing, jwk(exchange.simulator, id_tokens.KEY_ID)]})
