"""SOAP, partner and enterprise: login() (API 64.0 and older), getUserInfo(), query(), logout().

Faults are HTTP 500. JWT access tokens are no session ids: a fresh one helps nobody here.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..bearer import Refused
from ..exchange import Exchange, exchange_of
from ..identifiers import to_18
from ..identities import User
from ..oauth.password import password_accepted
from ..org import SimulatedOrg
from ..sessions import Session
from .admission import admit_to_api
from .soql import QueryError, parse

LAST_LOGIN_VERSION = 64  # login() was removed from the versions after this one
MAX_LOGIN_BYTES = 10 * 1024

_NAMESPACES = {"u": "urn:partner.soap.sforce.com", "c": "urn:enterprise.soap.sforce.com"}
_INVALID_SESSION = "Invalid Session ID found in SessionHeader: Illegal Session"


class SoapFault(Exception):
    """Answered with HTTP 500."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def routes() -> list[BaseRoute]:
    """/services/Soap/u and /c, with or without the org id that URLs from login() end in."""
    return [
        Route("/services/Soap/{flavour}/{version}", soap, methods=["POST"]),
        Route("/services/Soap/{flavour}/{version}/{org_id}", soap, methods=["POST"]),
    ]


async def soap(request: Request) -> Response:
    """One operation."""
    exchange = exchange_of(request)
    namespace = _NAMESPACES.get(request.path_params["flavour"], _NAMESPACES["u"])
    try:
        operation, fields = _operation(await request.body())
        login = operation == "login"
        content = _login(exchange, request, fields) if login else _call(exchange, operation, fields)
    except SoapFault as fault:
        exchange.error = exchange.error or fault.code
        return _envelope(_fault(fault), namespace, 500)
    return _envelope(f"<{operation}Response>{content}</{operation}Response>", namespace)


# ── login ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _login(exchange: Exchange, request: Request, fields: dict[str, str]) -> str:
    outcome = "issued"
    try:
        return _logged_in(exchange, request, fields)
    except SoapFault as fault:
        outcome = fault.code
        raise
    finally:
        for tally in exchange.simulator.counts.of(exchange.org_key):
            tally.soap_logins[outcome] += 1


def _logged_in(exchange: Exchange, request: Request, fields: dict[str, str]) -> str:
    version = request.path_params["version"]
    number = version.partition(".")[0]
    if not number.isdigit() or int(number) > LAST_LOGIN_VERSION:
        raise SoapFault("UNSUPPORTED_API_VERSION", "login() is not available in this API version")
    if int(request.headers.get("content-length", "0")) > MAX_LOGIN_BYTES:
        raise SoapFault("INVALID_LOGIN", "request too large")
    org, user = _user(exchange, fields)
    _check(exchange, org, user, fields.get("password", ""))
    exchange.org = org
    issuer = org.issuer_at(exchange.place)
    session = exchange.simulator.start_session(org, None, user, "full", issuer)
    base, short = org.instance_url_at(exchange.place), org.org_id[:15]
    return (
        "<result>"
        f"<metadataServerUrl>{base}/services/Soap/m/{version}/{short}</metadataServerUrl>"
        "<passwordExpired>false</passwordExpired>"
        f"<sandbox>{str(org.kind != 'production').lower()}</sandbox>"
        f"<serverUrl>{base}/services/Soap/{request.path_params['flavour']}/{version}/{short}</serverUrl>"
        f"<sessionId>{session.token}</sessionId>"
        f"<userId>{user.user_id}</userId>"
        f"<userInfo>{_user_info(session)}</userInfo>"
        "</result>"
    )


def _user(exchange: Exchange, fields: dict[str, str]) -> tuple[SimulatedOrg, User]:
    wanted = to_18(fields.get("organizationId", ""))
    for org in exchange.simulator.orgs.values():
        if exchange.place.logs_in(org) and wanted in ("", org.org_id):
            for user in org.users:
                if user.username == fields.get("username"):
                    exchange.org = org
                    return org, user
    raise _invalid_login()


def _check(exchange: Exchange, org: SimulatedOrg, user: User, password: str) -> None:
    if not org.active:
        raise SoapFault("ORG_LOCKED", "organization locked")
    if not org.soap_login_enabled:
        raise SoapFault("INVALID_OPERATION", "SOAP API login() is disabled by default in this org.")  # text unconfirmed
    if user.locked_out:
        raise SoapFault("PASSWORD_LOCKOUT", "user is locked out")
    if user.password_expired:
        raise SoapFault("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "The users password has expired")
    if not password_accepted(org, user, password):
        if not org.trusted_network and password == user.password:
            raise SoapFault("LOGIN_MUST_USE_SECURITY_TOKEN", "use a security token with the password")
        raise _invalid_login()
    if not user.active:
        raise _invalid_login()
    if org.ip_restricted or user.ip_restricted:
        raise SoapFault("LOGIN_DURING_RESTRICTED_DOMAIN", "cannot log in from current domain")
    if user.outside_login_hours:
        raise SoapFault("LOGIN_DURING_RESTRICTED_TIME", "cannot log in during this time period")
    if not org.api_enabled:
        raise SoapFault("API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
    if exchange.simulator.logins.exceeded(org, user, exchange.now):
        raise SoapFault("REQUEST_LIMIT_EXCEEDED", "Login Rate Exceeded")


def _invalid_login() -> SoapFault:
    return SoapFault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")


# ── calls with a session ─────────────────────────────────────────────────────────────────────────────────────────────


def _call(exchange: Exchange, operation: str, fields: dict[str, str]) -> str:
    session_id = fields.get("sessionId")
    known = exchange.simulator.sessions.get(session_id or "")
    if known is not None and known.jwt_based:
        exchange.org = known.org
        exchange.error = "jwt_on_soap"
        for tally in exchange.simulator.counts.of(exchange.org_key):
            tally.api_requests += 1
        exchange.simulator.counts.reject(exchange.org_key, "jwt_on_soap")
        raise SoapFault("INVALID_SESSION_ID", _INVALID_SESSION)
    try:
        session = admit_to_api(exchange, session_id)
    except Refused as refusal:
        raise _refused(refusal.reason) from None
    match operation:
        case "getUserInfo":
            return f"<result>{_user_info(session)}</result>"
        case "logout":
            session.ending = "logged_out"
            return ""
        case "query":
            return _query(session, fields.get("queryString", ""))
        case _:
            raise SoapFault("UNKNOWN_EXCEPTION", "this simulator does not know the operation")


def _refused(reason: str) -> SoapFault:
    match reason:
        case "over_limit":
            return SoapFault("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        case "user_without_api" | "org_without_api":
            return SoapFault("API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
        case _:
            return SoapFault("INVALID_SESSION_ID", _INVALID_SESSION)


def _query(session: Session, soql: str) -> str:
    try:
        query = parse(soql)
    except QueryError as error:
        raise SoapFault(error.code, str(error)) from None
    rows = query.select(session.org.data.table(session.org, query.type).values())
    records = "".join(
        f'<records xsi:type="sf:sObject"><sf:type>{query.type.name}</sf:type><sf:Id>{row["Id"]}</sf:Id>'
        + "".join(f"<sf:{name}>{_text(row[name])}</sf:{name}>" for name in query.fields if name != "Id")
        + "</records>"
        for row in (rows if query.fields else ())
    )
    return f'<result><done>true</done><queryLocator xsi:nil="true"/>{records}<size>{len(rows)}</size></result>'


def _user_info(session: Session) -> str:
    user, org = session.user, session.org
    return (
        f"<organizationId>{org.org_id}</organizationId><organizationName>{escape(org.key)}</organizationName>"
        f"<sessionSecondsValid>{int(session.timeout)}</sessionSecondsValid>"
        f"<userEmail>{escape(user.username)}</userEmail>"
        f"<userFullName>{escape(user.first_name)} {escape(user.last_name)}</userFullName>"
        f"<userId>{user.user_id}</userId><userLanguage>en_US</userLanguage><userLocale>en_US</userLocale>"
        f"<userName>{escape(user.username)}</userName><userTimeZone>America/Los_Angeles</userTimeZone>"
        "<userType>Standard</userType>"
    )


# ── XML ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _operation(body: bytes) -> tuple[str, dict[str, str]]:
    try:
        if b"<!DOCTYPE" in body:  # SOAP forbids it, and it is how XML parsers are attacked
            raise SoapFault("INVALID_FIELD", "a document type declaration is not allowed")
        root = ET.fromstring(body)  # noqa: S314 - no document type, no entities
        fields = {_local(node): node.text or "" for node in root.iter()}
        operation = next(node for node in root if _local(node) == "Body")[0]
        return _local(operation), fields
    except (ET.ParseError, StopIteration, IndexError):
        raise SoapFault("INVALID_FIELD", "the request is no SOAP envelope") from None


def _local(node: ET.Element) -> str:
    return str(node.tag).rpartition("}")[2]


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else escape(str(value))


def _fault(fault: SoapFault) -> str:
    code, message = fault.code, escape(str(fault))
    return (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring>"
        '<detail><sf:UnexpectedErrorFault xsi:type="sf:UnexpectedErrorFault">'
        f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>"
        "</sf:UnexpectedErrorFault></detail></soapenv:Fault>"
    )


def _envelope(content: str, namespace: str, status: int = 200) -> Response:
    fault = status >= 400
    sf = "urn:fault." + namespace.removeprefix("urn:") if fault else "urn:sobject." + namespace.removeprefix("urn:")
    return Response(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        + ("" if fault else f'xmlns="{namespace}" ')
        + f'xmlns:sf="{sf}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>",
        status,
        media_type="text/xml; charset=utf-8",
    )
