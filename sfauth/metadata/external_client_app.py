"""An app as an External Client App: five metadata types that refer to each other by the app's name."""

from __future__ import annotations

from .apps import App
from .files import Elements, MetadataFile, document
from .types import EXTERNAL_CLIENT_APP, GLOBAL_OAUTH_SETTINGS, OAUTH_POLICIES, OAUTH_SETTINGS, POLICIES

__all__ = ["external_client_app"]


def external_client_app(app: App) -> tuple[MetadataFile, ...]:
    """The files of an External Client App (API 60 and later).

    One of them, the global OAuth settings, says ``commit=False``: it has the consumer key and secret, if you gave
    them, and has them in any case once somebody retrieves it from the org.
    """
    # Salesforce calls the policies that it makes by itself so; deploying the same ones changes them.
    policy = f"{app.name}_defaultPolicy"
    return (
        document(
            EXTERNAL_CLIENT_APP,
            app.name,
            {
                "contactEmail": app.contact_email,
                "description": app.description,
                "distributionState": "Local",
                "isProtected": False,
                "label": app.label,
            },
        ),
        document(
            OAUTH_SETTINGS,
            f"{app.name}_oauth",
            {
                "commaSeparatedOauthScopes": ", ".join(app.metadata_scopes),
                "externalClientApplication": app.name,
                "label": f"{app.name}_oauth",
            },
        ),
        document(GLOBAL_OAUTH_SETTINGS, f"{app.name}_glbloauth", _global_settings(app)),
        document(OAUTH_POLICIES, policy, _oauth_policies(app, policy)),
        document(
            POLICIES,
            policy,
            {
                "externalClientApplication": app.name,
                "isEnabled": True,
                "isOauthPluginEnabled": True,
                "label": policy,
            },
        ),
    )


def _global_settings(app: App) -> Elements:
    return {
        "callbackUrl": "\n".join(app.callback_urls),
        # Its presence is what switches the JWT bearer flow on.
        "certificate": app.certificate,
        "consumerKey": app.consumer_key,
        "consumerSecret": app.consumer_secret,
        "externalClientApplication": app.name,
        "isClientCredentialsFlowEnabled": app.run_as is not None,
        "isCodeCredFlowEnabled": False,
        "isConsumerSecretOptional": not app.requires_secret,
        "isDeviceFlowEnabled": False,
        "isIntrospectAllTokens": False,
        "isNamedUserJwtEnabled": app.issues_jwt,
        "isPkceRequired": True,
        "isRefreshTokenRotationEnabled": app.rotates_refresh_tokens,
        "isSecretRequiredForRefreshToken": app.requires_secret,
        "isTokenExchangeEnabled": False,
        "label": f"{app.name}_glbloauth",
        # A deployment that rotated them would lock out every program that has the old ones.
        "shouldRotateConsumerKey": False,
        "shouldRotateConsumerSecret": False,
    }


def _oauth_policies(app: App, label: str) -> Elements:
    period, unit = app.refresh_token_inactivity or (None, None)
    return {
        "clientCredentialsFlowUser": app.run_as,
        "commaSeparatedPermissionSet": ", ".join(app.permission_sets) or None,
        "commaSeparatedProfile": ", ".join(app.profiles) or None,
        "externalClientApplication": app.name,
        "ipRelaxationPolicyType": "Enforce",
        # Both this and the global setting have to be on.
        "isClientCredentialsFlowEnabled": app.run_as is not None,
        "label": label,
        "permittedUsersPolicyType": "AdminApprovedPreAuthorized" if app.is_pre_authorized else "AllSelfAuthorized",
        "refreshTokenPolicyType": "Infinite" if period is None else "SpecificInactivity",
        "refreshTokenValidityPeriod": period,
        "refreshTokenValidityUnit": unit,
    }
