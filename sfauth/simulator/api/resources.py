"""REST resources as functions: a call that was let in, to status and JSON. Composite calls them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..data import OBJECT_TYPES, Found, ObjectType, Row
from ..identifiers import random_id, to_18
from ..sessions import Session
from .soql import QueryError, parse

OLDEST_VERSION, LATEST_VERSION = 31, 67
MIN_BATCH, MAX_BATCH = 200, 2000
_MAX_LOCATORS = 200
_MAX_SUBREQUESTS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An API call below ``/services/data/vNN.0``.

    Attributes:
        version: ``v66.0``.
        segments: The rest of the path.
        body: Parsed JSON, or None.
        batch_size: Rows per page that the ``Sforce-Query-Options`` header asks for.
    """

    session: Session
    method: str
    version: str
    segments: tuple[str, ...]
    params: dict[str, str] = field(default_factory=dict)
    body: Any = None
    batch_size: int | None = None

    @property
    def base(self) -> str:
        """The path that URLs in answers start with."""
        return f"/services/data/{self.version}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON (None: no body)."""

    status: int
    content: Any = None


def problem(status: int, code: str, message: str) -> Answer:
    """REST's error: a list of one."""
    return Answer(status, [{"message": message, "errorCode": code}])


NOT_FOUND = problem(404, "NOT_FOUND", "The requested resource does not exist")
METHOD_NOT_ALLOWED = problem(405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed for this resource")


def known_version(version: str) -> bool:
    """Whether ``v66.0`` names a version in service."""
    number = version.removeprefix("v").removesuffix(".0")
    return number.isdigit() and OLDEST_VERSION <= int(number) <= LATEST_VERSION and version == f"v{number}.0"


def answer(call: Call) -> Answer:
    """The answer of the resource that the path names."""
    if not known_version(call.version):
        return NOT_FOUND
    if not call.segments:
        return _root(call)
    resource = RESOURCES.get(call.segments[0])
    return NOT_FOUND if resource is None else resource(call)


def _root(call: Call) -> Answer:
    return Answer(200, {name: f"{call.base}/{name}" for name in RESOURCES})


def _limits(call: Call) -> Answer:
    if call.method not in ("GET", "HEAD"):
        return METHOD_NOT_ALLOWED
    org = call.session.org
    limit = {"Max": org.daily_api_requests, "Remaining": org.daily_api_requests - org.api_usage[1]}
    return Answer(200, {"DailyApiRequests": limit, "DailyBulkApiBatches": {"Max": 15000, "Remaining": 15000}})


def _query(call: Call) -> Answer:
    if call.method not in ("GET", "HEAD"):
        return METHOD_NOT_ALLOWED
    if len(call.segments) > 1:
        return _next_page(call, call.segments[1])
    soql = call.params.get("q")
    if not soql:
        return problem(400, "MALFORMED_QUERY", "missing required parameter: q")
    try:
        query = parse(soql)
    except QueryError as error:
        return problem(400, error.code, str(error))
    org = call.session.org
    rows = query.select(org.data.table(org, query.type).values())
    if not query.fields:
        return Answer(200, {"totalSize": len(rows), "done": True, "records": []})
    found = Found(query.type, query.fields, rows)
    size = min(max(call.batch_size, MIN_BATCH), MAX_BATCH) if call.batch_size else org.query_batch_size
    if len(rows) <= size:
        return _page(call, found, "", 0, size)
    locators = org.data.locators
    if len(locators) >= _MAX_LOCATORS:
        del locators[next(iter(locators))]
    locator = random_id("0r8", org.simulator.random)
    locators[locator] = found
    return _page(call, found, locator, 0, size)


def _next_page(call: Call, name: str) -> Answer:
    locator, _, place = name.partition("-")
    start, _, size = place.partition("-")
    found = call.session.org.data.locators.get(locator)
    if found is None or not start.isdigit() or not size.isdigit():
        return problem(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(call, found, locator, int(start), int(size))


def _page(call: Call, found: Found, locator: str, start: int, size: int) -> Answer:
    stop, total = start + size, len(found.rows)
    records = [_record(call, found.type, row, found.fields) for row in found.rows[start:stop]]
    page: dict[str, Any] = {"totalSize": total, "done": stop >= total, "records": records}
    if stop < total:
        page["nextRecordsUrl"] = f"{call.base}/query/{locator}-{stop}-{size}"
    return Answer(200, page)


def _sobjects(call: Call) -> Answer:
    if len(call.segments) == 1:
        listed = [_summary(call, type_) for type_ in OBJECT_TYPES.values()]
        return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})
    type_ = OBJECT_TYPES.get(call.segments[1].lower())
    if type_ is None:
        return NOT_FOUND
    match call.segments[2:]:
        case () if call.method == "POST":
            return _create(call, type_)
        case ():
            return Answer(200, {"objectDescribe": _summary(call, type_), "recentItems": []})
        case ("describe",):
            fields = [{"name": name, "type": kind, "label": name} for name, kind in type_.fields.items()]
            return Answer(200, {**_summary(call, type_), "fields": fields})
        case (record,):
            return _row(call, type_, to_18(record))
        case _:
            return NOT_FOUND


def _create(call: Call, type_: ObjectType) -> Answer:
    refused = _check_values(call, type_)
    if refused is not None:
        return refused
    org = call.session.org
    return Answer(201, {"id": org.data.create(org, type_, call.body), "success": True, "errors": []})


def _row(call: Call, type_: ObjectType, record: str) -> Answer:
    table = call.session.org.data.table(call.session.org, type_)
    row = table.get(record)
    if row is None:
        return NOT_FOUND
    match call.method:
        case "GET" | "HEAD":
            asked = call.params.get("fields")
            return Answer(200, _record(call, type_, row, asked.split(",") if asked else type_.fields))
        case "PATCH":
            refused = _check_values(call, type_)
            if refused is None:
                row.update(call.body)
            return refused or Answer(204)
        case "DELETE" if type_.writable:
            del table[record]
            return Answer(204)
        case _:
            return METHOD_NOT_ALLOWED


def _check_values(call: Call, type_: ObjectType) -> Answer | None:
    if not type_.writable:
        return METHOD_NOT_ALLOWED
    if not isinstance(call.body, dict):
        return problem(400, "JSON_PARSER_ERROR", "Unexpected character or end of input")
    unknown = [name for name in call.body if name not in type_.fields and name != "attributes"]
    if unknown:
        return problem(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on sobject of type {type_.name}")
    return None


def _composite(call: Call) -> Answer:
    subrequests = call.body.get("compositeRequest") if isinstance(call.body, dict) else None
    if call.method != "POST" or not isinstance(subrequests, list) or len(subrequests) > _MAX_SUBREQUESTS:
        return problem(400, "INVALID_INPUT", f"compositeRequest must be a list of up to {_MAX_SUBREQUESTS} requests")
    return Answer(200, {"compositeResponse": [_subanswer(call, subrequest) for subrequest in subrequests]})


def _subanswer(call: Call, subrequest: Any) -> dict[str, Any]:
    url = urlsplit(str(subrequest.get("url", "")))
    path = [segment for segment in url.path.split("/") if segment]
    result = NOT_FOUND
    if path[:2] == ["services", "data"] and len(path) > 2 and path[3:4] != ["composite"]:
        result = answer(
            Call(
                session=call.session,
                method=str(subrequest.get("method", "GET")),
                version=path[2],
                segments=tuple(path[3:]),
                params=dict(parse_qsl(url.query)),
                body=subrequest.get("body"),
            )
        )
    return {
        "body": result.content,
        "httpHeaders": {},
        "httpStatusCode": result.status,
        "referenceId": subrequest.get("referenceId"),
    }


def _tooling(call: Call) -> Answer:
    if call.segments[1:2] != ("query",):
        return NOT_FOUND
    return _query(
        Call(
            session=call.session,
            method=call.method,
            version=call.version,
            segments=call.segments[1:],
            params=call.params,
        )
    )


def _summary(call: Call, type_: ObjectType) -> dict[str, Any]:
    url = f"{call.base}/sobjects/{type_.name}"
    return {
        "name": type_.name,
        "label": type_.name,
        "keyPrefix": type_.prefix,
        "custom": False,
        "queryable": True,
        "createable": type_.writable,
        "updateable": type_.writable,
        "deletable": type_.writable,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": url + "/{ID}"},
    }


def _record(call: Call, type_: ObjectType, row: Row, fields: Any) -> Row:
    url = f"{call.base}/sobjects/{type_.name}/{row['Id']}"
    return {"attributes": {"type": type_.name, "url": url}, **{name: row.get(name) for name in fields}}


RESOURCES: dict[str, Callable[[Call], Answer]] = {
    "limits": _limits,
    "query": _query,
    "queryAll": _query,
    "sobjects": _sobjects,
    "composite": _composite,
    "tooling": _tooling,
}
