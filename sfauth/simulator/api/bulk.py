"""Bulk API 1.0: jobs enough to see how it takes its token (``X-SFDC-Session``) and how it says that one has expired."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..bearer import Refused
from ..exchange import exchange_of
from ..identifiers import random_id
from .admission import admit_to_api, limit_info

_NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"


def routes() -> list[BaseRoute]:
    """/services/async."""
    return [
        Route("/services/async/{version}/job", job, methods=["POST"]),
        Route("/services/async/{version}/job/{job_id}", job, methods=["GET", "POST"]),
    ]


async def job(request: Request) -> Response:
    """Open, look at, or close a job. Every problem with the session is a 400 ``InvalidSessionId``."""
    exchange = exchange_of(request)
    try:
        session = admit_to_api(exchange, request.headers.get("x-sfdc-session"))
    except Refused as refusal:
        if refusal.reason == "over_limit":
            return _problem(request, 400, "ExceededQuota", "TotalRequests Limit exceeded.")
        return _problem(request, 400, "InvalidSessionId", "Invalid session id")
    job_id = request.path_params.get("job_id") or random_id("750", exchange.simulator.random)
    info = {
        "id": job_id,
        "operation": "query",
        "object": "Account",
        "createdById": session.user.user_id,
        "state": "Closed" if request.method == "POST" and "job_id" in request.path_params else "Open",
        "concurrencyMode": "Parallel",
        "contentType": "JSON" if _wants_json(request) else "XML",
        "apiVersion": request.path_params["version"],
    }
    created = request.method == "POST" and "job_id" not in request.path_params
    return _render(request, 201 if created else 200, "jobInfo", info, limit_info(exchange))


def _problem(request: Request, status: int, code: str, message: str) -> Response:
    return _render(request, status, "error", {"exceptionCode": code, "exceptionMessage": message}, {})


def _render(request: Request, status: int, name: str, fields: dict[str, Any], headers: dict[str, str]) -> Response:
    if _wants_json(request):
        return Response(json.dumps(fields), status, {**headers, "content-type": "application/json;charset=UTF-8"})
    inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in fields.items())
    content = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{_NAMESPACE}">{inner}</{name}>'
    return Response(content, status, {**headers, "content-type": "application/xml;charset=UTF-8"})


def _wants_json(request: Request) -> bool:
    return "json" in request.headers.get("accept", "") or "json" in request.headers.get("content-type", "")
