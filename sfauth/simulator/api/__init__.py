"""The resource APIs: enough of REST, SOAP and Bulk to crawl an org, and to say "session expired" as each does."""

from __future__ import annotations

from starlette.routing import BaseRoute

from . import bulk, rest, soap


def routes() -> list[BaseRoute]:
    """REST first: it is what a crawl asks for."""
    return [*rest.routes(), *soap.routes(), *bulk.routes()]
