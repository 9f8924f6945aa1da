"""Which answers of Salesforce's APIs mean "this session is over", and which look like it but never do.

Each API says it in its own way (Salesforce developer guides: REST API "Status Codes and Error Responses", SOAP API
"Core Data Types - API Fault Element", Bulk API "Handle Session Expiration"):

========================= ====== ============================================================
REST, Tooling, Bulk 2.0,  401    ``INVALID_SESSION_ID``, or no body at all (HEAD)
Composite, GraphQL
Bulk 1.0 (/services/async) 400   ``InvalidSessionId``; the session travels in ``X-SFDC-Session``
SOAP, Metadata SOAP       500    fault code ``sf:INVALID_SESSION_ID`` (the prefix varies)
/services/oauth2/*, /id/* 403    the text ``Bad_OAuth_Token``
========================= ====== ============================================================

A driver asks `worth_reading` first, with nothing but the head of the answer, and only then reads a body.
"""

from __future__ import annotations

import enum
import re

__all__ = ["Api", "api_of", "is_session_expired", "worth_reading"]

BODY_LIMIT = 16 * 1024
"""Bytes of an error body that are looked at; Salesforce's own are far below."""

_MARKERS = (b"INVALID_SESSION_ID", b"InvalidSessionId", b"Bad_OAuth_Token")


class Api(enum.Enum):
    """The families that differ in how they carry a session and how they reject it."""

    REST = "rest"
    APEX_REST = "apex rest"
    BULK = "bulk 1.0"
    SOAP = "soap"
    IDENTITY = "identity"


_STATUS = {Api.REST: 401, Api.APEX_REST: 401, Api.BULK: 400, Api.SOAP: 500, Api.IDENTITY: 403}
_SOAP_FAULT = re.compile(rb"<faultcode>\s*(?:[A-Za-z][\w.-]*:)?INVALID_SESSION_ID\s*</faultcode>")
_INCURABLE = (
    # A new token would be rejected in just the same way.
    b"Connected app is not attached to Agent",
    b"This session is not valid for use with the REST API",
)


def api_of(path: str) -> Api:
    """Which family a request belongs to, by its URL path."""
    if path.startswith("/services/async/"):
        return Api.BULK
    if "/services/Soap/" in path:
        return Api.SOAP
    if "/services/apexrest/" in path:
        return Api.APEX_REST
    if "/services/oauth2/" in path or path.startswith("/id/"):
        return Api.IDENTITY
    return Api.REST


def worth_reading(api: Api, status: int) -> bool:
    """Whether an answer with this status may mean the end of the session, so that its body must be looked at."""
    return status == 401 or status == _STATUS[api]


def is_session_expired(api: Api, status: int, body: bytes) -> bool:
    """Whether a new token may cure this answer. ``body`` is its beginning, decoded from any content coding."""
    if not worth_reading(api, status):
        return False
    if status == 401:
        return _unauthorized(api, body)
    if api is Api.BULK:
        return b"InvalidSessionId" in body
    if api is Api.SOAP:
        return _SOAP_FAULT.search(body) is not None
    return body.strip() == b"Bad_OAuth_Token"


def _unauthorized(api: Api, body: bytes) -> bool:
    if any(text in body for text in _INCURABLE):
        return False
    if any(marker in body for marker in _MARKERS) or (not body.strip() and api is not Api.APEX_REST):
        return True
    # An errorCode other than the markers (INVALID_AUTH_HEADER: no token at all; INVALID_ISS: another host's JWT), an
    # HTML page and the 401 that a custom Apex class made up are all nothing that a new token cures.
    return api is not Api.APEX_REST and b"errorCode" not in body and not body.lstrip().startswith(b"<")
