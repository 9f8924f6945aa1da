"""The metadata types of apps as a table (Metadata API Developer Guide), and the names that scopes have there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "CONNECTED_APP",
    "EXTERNAL_CLIENT_APP",
    "GLOBAL_OAUTH_SETTINGS",
    "NAMESPACE",
    "OAUTH_POLICIES",
    "OAUTH_SETTINGS",
    "POLICIES",
    "SCOPES",
    "MetadataType",
]

NAMESPACE: Final = "http://soap.sforce.com/2006/04/metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataType:
    """One type.

    Attributes:
        name: Root element.
        folder: Below a package directory such as ``force-app/main/default``.
        suffix: Of the file, before ``-meta.xml``.
        since: API version that has it first.
        secret: Its files hold consumer key and secret, so they never go into version control.
    """

    name: str
    folder: str
    suffix: str
    since: int
    secret: bool = False

    def path(self, member: str) -> str:
        """Of the file of a member, in source format."""
        return f"{self.folder}/{member}.{self.suffix}-meta.xml"


EXTERNAL_CLIENT_APP: Final = MetadataType(
    name="ExternalClientApplication", folder="externalClientApps", suffix="eca", since=59
)
OAUTH_SETTINGS: Final = MetadataType(
    name="ExtlClntAppOauthSettings", folder="extlClntAppOauthSettings", suffix="ecaOauth", since=59
)
GLOBAL_OAUTH_SETTINGS: Final = MetadataType(
    name="ExtlClntAppGlobalOauthSettings",
    folder="extlClntAppGlobalOauthSets",
    suffix="ecaGlblOauth",
    since=59,  # `certificate`: 60
    secret=True,
)
OAUTH_POLICIES: Final = MetadataType(
    name="ExtlClntAppOauthConfigurablePolicies", folder="extlClntAppOauthPolicies", suffix="ecaOauthPlcy", since=59
)
POLICIES: Final = MetadataType(
    name="ExtlClntAppConfigurablePolicies", folder="extlClntAppPolicies", suffix="ecaPlcy", since=60
)
CONNECTED_APP: Final = MetadataType(
    name="ConnectedApp",
    folder="connectedApps",
    suffix="connectedApp",
    since=29,
    secret=True,
)

SCOPES: Final = {
    "api": "Api",
    "refresh_token": "RefreshToken",
    "offline_access": "RefreshToken",  # OpenID Connect's word for the same
    "id": "Basic",
    "full": "Full",
    "web": "Web",
    "openid": "OpenID",
    "sfap_api": "SFApiPlatform",
    "cdp_query_api": "CDPQuery",
    "lightning": "Lightning",
    "content": "Content",
    "user_registration_api": "UserRegistration",
    "forgot_password": "ForgotPassword",
    "pwdless_login_api": "PwdlessLogin",
    "mcp_api": "MCP",
}
"""Scope in a token response -> the same in metadata. That the last four belong together is unconfirmed."""
