"""What the token endpoint gives an access token for: one file per grant, all of them frozen values without I/O."""

from __future__ import annotations

from .base import Credential, Grant, TokenRequest
from .client_auth import ClientAuthMethod
from .client_credentials import ClientCredentialsGrant
from .jwt_bearer import JWTBearerGrant
from .refresh_token import RefreshTokenGrant
from .username_password import LegacyFlowWarning, UsernamePasswordGrant

__all__ = [
    "ClientAuthMethod",
    "ClientCredentialsGrant",
    "Credential",
    "Grant",
    "JWTBearerGrant",
    "LegacyFlowWarning",
    "RefreshTokenGrant",
    "TokenRequest",
    "UsernamePasswordGrant",
]
