"""REST: authentication, formats and headers around `resources`."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..bearer import Refused, credentials_of
from ..exchange import Exchange, exchange_of
from .admission import REFUSALS, SESSION_INVALID, admit_to_api, limit_info
from .resources import LATEST_VERSION, OLDEST_VERSION, Answer, Call, answer, problem

_METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]
_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


def routes() -> list[BaseRoute]:
    """/services/data, and whatever else an authorised client may ask for below /services."""
    return [
        Route("/services/data", versions, methods=["GET"]),
        Route("/services/data/{version}", resource, methods=_METHODS),
        Route("/services/data/{version}/{rest:path}", resource, methods=_METHODS),
        Route("/services/apexrest/{rest:path}", unknown, methods=_METHODS),
    ]


async def versions(request: Request) -> Response:
    """The versions in service. It needs no token, and looks at none."""
    return _json(200, [_version(number) for number in range(OLDEST_VERSION, LATEST_VERSION + 1)], {})


async def resource(request: Request) -> Response:
    """Any REST resource."""
    exchange = exchange_of(request)
    try:
        session = admit_to_api(exchange, _token(exchange, request))
    except Refused as refusal:
        return refused(request, refusal.reason)
    body: Any = None
    if request.method in ("POST", "PATCH", "PUT"):
        try:
            body = json.loads(await request.body() or b"null")
        except ValueError:
            return _answer(exchange, problem(400, "JSON_PARSER_ERROR", "Unexpected character or end of input"))
    rest = request.path_params.get("rest", "")
    options = _BATCH_SIZE.search(request.headers.get("sforce-query-options", ""))
    call = Call(
        session=session,
        method=request.method,
        version=request.path_params["version"],
        segments=tuple(rest.split("/")) if rest else (),
        params=dict(request.query_params),
        body=body,
        batch_size=int(options[1]) if options else None,
    )
    return _answer(exchange, answer(call))


async def unknown(request: Request) -> Response:
    """A resource that this org does not have; without a good token it is a 401 all the same."""
    exchange = exchange_of(request)
    try:
        admit_to_api(exchange, _token(exchange, request))
    except Refused as refusal:
        return refused(request, refusal.reason)
    return _answer(exchange, problem(404, "NOT_FOUND", "Could not find a match for URL"))


def refused(request: Request, reason: str) -> Response:
    """An error in JSON, or in XML for those who ask for it."""
    status, code, message = REFUSALS.get(reason, SESSION_INVALID)
    headers = {"www-authenticate": "Token"} if status == 401 else {}
    if "xml" in request.headers.get("accept", ""):
        content = (
            '<?xml version="1.0" encoding="UTF-8"?><Errors><Error>'
            f"<errorCode>{escape(code)}</errorCode><message>{escape(message)}</message></Error></Errors>"
        )
        return Response(content, status, {**headers, "content-type": "application/xml;charset=UTF-8"})
    return _json(status, [{"message": message, "errorCode": code}], headers)


def _token(exchange: Exchange, request: Request) -> str | None:
    try:
        return credentials_of(request.headers.get("authorization"))
    except Refused:
        # No bearer header at all. Hand on something that can't be a token, so that it is counted with the rest.
        return "malformed"


def _answer(exchange: Exchange, given: Answer) -> Response:
    if given.status >= 400 and isinstance(given.content, list):
        exchange.error = given.content[0]["errorCode"]
    if given.content is None:
        return Response(status_code=given.status, headers=limit_info(exchange))
    return _json(given.status, given.content, limit_info(exchange))


def _json(status: int, content: Any, headers: dict[str, str]) -> Response:
    text = json.dumps(content, separators=(",", ":"))
    return Response(text, status, {**headers, "content-type": "application/json;charset=UTF-8"})


def _version(number: int) -> dict[str, str]:
    # Three releases a year: 58 was Summer '23, 59 Winter '24, 60 Spring '24.
    since, season = divmod(number - 58, 3)
    name = ("Summer", "Winter", "Spring")[season]
    year = 23 + since + (1 if season else 0)
    return {"label": f"{name} '{year:02d}", "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
