"""What the token endpoint gives an access token for: one file per grant, all of them frozen values without I/O."""

from __future__ import annotations

from .authorization_code import AuthorizationCodeGrant
from .base import Credential, Grant, TokenRequest
from .client_auth import ClientAuthMethod
from .client_credentials import ClientCredentialsGrant
from .device import DeviceGrant
from .insecure import InsecureFlowError, InsecureFlows
from .jwt_bearer import JWTBearerGrant
from .refresh_token import RefreshTokenGrant
from .token_exchange import TokenExchangeGrant
from .unrenewable import UnrenewableGrant, renewing_grant
from .username_password import LegacyFlowWarning, UsernamePasswordGrant

__all__ = [
    "AuthorizationCodeGrant",
    "ClientAuthMethod",
    "ClientCredentialsGrant",
    "Credential",
    "DeviceGrant",
    "Grant",
    "InsecureFlowError",
    "InsecureFlows",
    "JWTBearerGrant",
    "LegacyFlowWarning",
    "RefreshTokenGrant",
    "TokenExchangeGrant",
    "TokenRequest",
    "UnrenewableGrant",
    "UsernamePasswordGrant",
    "renewing_grant",
]
