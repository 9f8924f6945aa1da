"""An app as a connected app, External Client Apps' predecessor, which new orgs no longer let you create."""

from __future__ import annotations

from .apps import App
from .files import MetadataFile, document
from .types import CONNECTED_APP

__all__ = ["connected_app"]

# As in the guide's samples: specific_inactivity:7:DAYS.
_UNITS = {"Days": "DAYS", "Hours": "HOURS", "Months": "MONTHS"}


def connected_app(app: App) -> tuple[MetadataFile, ...]:
    """The file of a connected app. Since Spring '26 Salesforce restricts creating them: prefer `external_client_app`.

    It says ``commit=False``: it has the consumer secret, if you gave it.
    """
    policy = "infinite"
    if app.refresh_token_inactivity is not None:
        number, unit = app.refresh_token_inactivity
        policy = f"specific_inactivity:{number}:{_UNITS[unit]}"
    return (
        document(
            CONNECTED_APP,
            app.name,
            {
                "contactEmail": app.contact_email,
                "description": app.description,
                "label": app.label,
                "oauthConfig": {
                    "callbackUrl": "\n".join(app.callback_urls),
                    "certificate": app.certificate,
                    "consumerKey": app.consumer_key,
                    "consumerSecret": app.consumer_secret,
                    "isAdminApproved": app.is_pre_authorized,
                    "isClientCredentialEnabled": app.run_as is not None,
                    "isConsumerSecretOptional": not app.requires_secret,
                    "isIntrospectAllTokens": False,
                    "isNamedUserJwtEnabled": app.issues_jwt,
                    "isPkceRequired": True,
                    "isRefreshTokenRotationEnabled": app.rotates_refresh_tokens,
                    "isSecretRequiredForRefreshToken": app.requires_secret,
                    "oauthClientCredentialUser": app.run_as,
                    "scopes": app.metadata_scopes,
                },
                "oauthPolicy": {"ipRelaxation": "ENFORCE", "refreshTokenPolicy": policy},
                "permissionSetName": list(app.permission_sets),
                "profileName": list(app.profiles),
            },
        ),
    )
