"""What a person sees in a browser: login, consent, device and logout pages. Plain HTML without a script.

Each works with the keyboard alone, and says what went wrong in words that a screen reader announces.
"""

from __future__ import annotations

from starlette.routing import BaseRoute

from . import authorize, consent, device, frontdoor, login, logout
from .frontdoor import lightning

__all__ = ["lightning", "routes"]


def routes() -> list[BaseRoute]:
    """The authorize endpoint and all pages."""
    parts = (authorize, login, consent, device, frontdoor, logout)
    return [route for part in parts for route in part.routes()]
