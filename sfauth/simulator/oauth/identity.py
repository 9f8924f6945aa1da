"""Userinfo (OpenID Connect Core section 5.3) and Salesforce's identity URL.

What is wrong with a token is said in a 403 with a bare word as text, not in JSON and not in a 401.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..bearer import Refused, admit, credentials_of
from ..exchange import exchange_of
from ..identifiers import to_18
from ..sessions import Session
from .replies import render
from .requests import read_form

_API_VERSION = "{version}"


def routes() -> list[BaseRoute]:
    """Userinfo and identity URL."""
    return [
        Route("/services/oauth2/userinfo", userinfo, methods=["GET", "POST"]),
        Route("/id/{org_id}/{user_id}", identity, methods=["GET", "POST"]),
        Route("/id/{rest:path}", bad_id, methods=["GET", "POST"]),
    ]


async def userinfo(request: Request) -> Response:
    """The user behind a token, in OpenID Connect's words."""
    session = await _session(request)
    if isinstance(session, Response):
        return session
    user, org = session.user, session.org
    urls = _urls(session)
    return render(
        {
            "sub": org.identity_url_at(exchange_of(request).place, user),
            "user_id": user.user_id,
            "organization_id": org.org_id,
            "preferred_username": user.username,
            "nickname": user.username.partition("@")[0],
            "name": f"{user.first_name} {user.last_name}",
            "email": user.username,
            "email_verified": True,
            "given_name": user.first_name,
            "family_name": user.last_name,
            "zoneinfo": "America/Los_Angeles",
            "photos": {"picture": f"{org.instance_url}/profilephoto/005/F", "thumbnail": None},
            "profile": urls["profile"],
            "picture": f"{org.instance_url}/profilephoto/005/F",
            "address": {"country": "US"},
            "urls": urls,
            "active": user.active,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": -28800000,
            "updated_at": _timestamp(session),
            "is_app_installed": True,
        },
        accept=request.headers.get("accept", "*/*").replace("xml", ""),
    )


async def identity(request: Request) -> Response:
    """The identity URL; on a login host it sends the caller to the org's instance."""
    exchange = exchange_of(request)
    org_id, user_id = to_18(request.path_params["org_id"]), to_18(request.path_params["user_id"])
    if exchange.place.kind == "login" or (exchange.place.kind == "loopback"):
        org = next((org for org in exchange.simulator.orgs.values() if org.org_id == org_id), None)
        if org is None or not exchange.place.logs_in(org):
            return _plain(request, 404, "Bad_Id")
        if exchange.place.kind == "login" or not org.serves_apis_at(exchange.place):
            exchange.org = org
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(org.instance_url_at(exchange.place) + request.url.path + query, 302)
    session = await _session(request)
    if isinstance(session, Response):
        return session
    org, user = session.org, session.user
    if org.org_id != org_id:
        return _plain(request, 403, "Wrong_Org")
    if user.user_id != user_id:
        return _plain(request, 404, "Bad_Id")
    version = request.query_params.get("version")
    urls = _urls(session)
    if version is not None:
        number = "67.0" if version == "latest" else version
        urls = {name: url.replace(_API_VERSION, number) for name, url in urls.items()}
    fields: dict[str, Any] = {
        "id": org.identity_url_at(exchange.place, user),
        "asserted_user": True,
        "user_id": user.user_id,
        "organization_id": org.org_id,
        "username": user.username,
        "nick_name": user.username.partition("@")[0],
        "display_name": f"{user.first_name} {user.last_name}",
        "email": user.username,
        "email_verified": True,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "timezone": "America/Los_Angeles",
        "photos": {"picture": f"{org.instance_url}/profilephoto/005/F", "thumbnail": None},
        "addr_country": "US",
        "mobile_phone": None,
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": urls,
        "active": user.active,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": -28800000,
        "last_modified_date": _timestamp(session),
    }
    return render(fields, wanted="xml" if request.query_params.get("format") == "xml" else "json")


async def bad_id(request: Request) -> Response:
    """An identity URL that names no org and user."""
    return _plain(request, 404, "Bad_Id")


async def _session(request: Request) -> Session | Response:
    exchange = exchange_of(request)
    try:
        token = credentials_of(request.headers.get("authorization"))
        if token is None:
            form = await read_form(request)
            token = form.get("oauth_token") or form.get("access_token")
        session = admit(exchange, token, "identity")
    except Refused as refusal:
        _count(request)
        return _plain(request, 403, "Missing_OAuth_Token" if refusal.reason == "missing_token" else "Bad_OAuth_Token")
    _count(request)
    return session


def _plain(request: Request, status: int, word: str) -> Response:
    exchange_of(request).error = word
    return PlainTextResponse(word, status)


def _count(request: Request) -> None:
    exchange = exchange_of(request)
    for tally in exchange.simulator.counts.of(exchange.org_key):
        tally.identity_requests += 1


def _timestamp(session: Session) -> str:
    return datetime.fromtimestamp(session.started, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _urls(session: Session) -> dict[str, str]:
    org = session.org
    base, org_id = org.instance_url, org.org_id[:15]
    rest = f"{base}/services/data/v{_API_VERSION}"
    return {
        "enterprise": f"{base}/services/Soap/c/{_API_VERSION}/{org_id}",
        "metadata": f"{base}/services/Soap/m/{_API_VERSION}/{org_id}",
        "partner": f"{base}/services/Soap/u/{_API_VERSION}/{org_id}",
        "rest": f"{rest}/",
        "sobjects": f"{rest}/sobjects/",
        "search": f"{rest}/search/",
        "query": f"{rest}/query/",
        "recent": f"{rest}/recent/",
        "tooling_soap": f"{base}/services/Soap/T/{_API_VERSION}/{org_id}",
        "tooling_rest": f"{rest}/tooling/",
        "profile": f"{base}/{session.user.user_id}",
        "feeds": f"{rest}/chatter/feeds",
        "groups": f"{rest}/chatter/groups",
        "users": f"{rest}/chatter/users",
        "feed_items": f"{rest}/chatter/feed-items",
        "custom_domain": org.my_domain,
    }
