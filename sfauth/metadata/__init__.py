"""Writes an app as deployable files: an External Client App, or a connected app, in Salesforce's source format.

::

    app = metadata.jwt_bearer_app("Acme_ETL", contact_email=…, certificate=Path("server.crt").read_text(),
                                  permission_sets=["Acme_ETL"])
    metadata.write(metadata.external_client_app(app), "force-app/main/default")

Then ``sf project deploy start --source-dir force-app``. The types are those of the Metadata API Developer Guide; see
`sfauth.metadata.types`.
"""

from __future__ import annotations

from .apps import App, client_credentials_app, jwt_bearer_app, web_server_app
from .connected_app import connected_app
from .external_client_app import external_client_app
from .files import MetadataFile, write

__all__ = [
    "App",
    "MetadataFile",
    "client_credentials_app",
    "connected_app",
    "external_client_app",
    "jwt_bearer_app",
    "web_server_app",
    "write",
]
