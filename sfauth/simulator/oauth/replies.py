"""How the OAuth endpoints write their answers: JSON, XML or form-encoded, by ``format`` or ``Accept``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from json import dumps
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from starlette.responses import Response

from ..identities import App
from ..problems import Problem

_NO_STORE = {"cache-control": "no-cache, no-store", "pragma": "no-cache"}


def render(fields: Mapping[str, Any], status: int = 200, *, wanted: str | None = None, accept: str = "*/*") -> Response:
    """An answer in the format that was asked for; JSON is the default. What XML looks like is unconfirmed."""
    if wanted is None:
        if "application/json" in accept:
            wanted = "json"
        elif "xml" in accept:
            wanted = "xml"
        elif "application/x-www-form-urlencoded" in accept:
            wanted = "urlencoded"
    if wanted == "xml":
        inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
        content = f'<?xml version="1.0" encoding="UTF-8"?><OAuth>{inner}</OAuth>'
        media_type = "application/xml;charset=UTF-8"
    elif wanted == "urlencoded":
        content, media_type = urlencode(fields), "application/x-www-form-urlencoded;charset=UTF-8"
    else:
        content, media_type = dumps(fields), "application/json;charset=UTF-8"
    return Response(content, status, {**_NO_STORE, "content-type": media_type})


def problem_fields(problem: Problem) -> dict[str, str]:
    """RFC 6749 section 5.2."""
    fields = {"error": problem.error}
    if problem.description is not None:
        fields["error_description"] = problem.description
    return fields


def sign(app: App, identity_url: str, issued_at: str) -> str:
    """``signature``: Base64 of HMAC-SHA256 over id and issued_at, keyed with the consumer secret."""
    digest = hmac.new(app.client_secret.encode(), (identity_url + issued_at).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
