"""Control over HTTP, for tests in other languages and for a simulator in another process: /_simulator/...

Only on loopback, and only for callers on loopback. The answers hold the simulated orgs' credentials: they are made up.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .exchange import exchange_of

if TYPE_CHECKING:
    from .org import SimulatedOrg
    from .simulator import Simulator

PREFIX = "/_simulator"

_LOCAL_CALLERS = frozenset({"127.0.0.1", "::1", "testclient"})
_FAULT_FIELDS = frozenset({"status", "retry_after", "org", "path", "times", "body", "delay", "cut", "after", "headers"})


def routes() -> list[BaseRoute]:
    """The control endpoints."""
    return [
        Route(PREFIX + "/{name}", look, methods=["GET"]),
        Route(PREFIX + "/{name}", act, methods=["POST"]),
    ]


async def look(request: Request) -> Response:
    """GET /_simulator/counts, /orgs, /log."""
    view = VIEWS.get(request.path_params["name"])
    if view is None or not _local(request):
        return PlainTextResponse("Not Found\n", 404)
    return JSONResponse(view(exchange_of(request).simulator))


async def act(request: Request) -> Response:
    """POST /_simulator/expire with ``{"org": "acme"}``, and so on: see `ACTIONS`."""
    simulator = exchange_of(request).simulator
    name = request.path_params["name"]
    # JSON only: a web page can't post it across origins without asking first, and nobody here would answer.
    if not _local(request) or "json" not in request.headers.get("content-type", ""):
        return PlainTextResponse("Not Found\n", 404)
    try:
        arguments = json.loads(await request.body() or b"{}")
        if name == "fail_next":
            unknown = set(arguments) - _FAULT_FIELDS
            if unknown:
                raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
            simulator.fail_next(**arguments)
            return JSONResponse({"pending": len(simulator.faults)})
        if name == "reset_counts":
            simulator.counts.reset()
            return JSONResponse({})
        action = ACTIONS[name]
        org = simulator.orgs[arguments.pop("org")]
        return JSONResponse(action(org, arguments))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)


def describe(org: SimulatedOrg) -> dict[str, Any]:
    """All that a client needs to log in to an org, apart from a refresh token, which is made when it is asked for."""
    return {
        "key": org.key,
        "kind": org.kind,
        "org_id": org.org_id,
        "client_id": org.app.client_id,
        "client_secret": org.app.client_secret,
        "username": org.user.username,
        "password": org.user.password,
        "user_id": org.user.user_id,
        "scopes": list(org.app.scopes),
        "callback_urls": list(org.app.callback_urls),
        "any_loopback_callback": org.app.any_loopback_callback,
        "pkce_required": org.app.pkce_required,
        "login_url": org.login_url,
        "my_domain": org.login_url if org.simulator.origins else org.my_domain,
        "site_url": org.site_login_url,
        "instance_url": org.instance_url,
        "token_format": org.app.token_format,
        "session_timeout": org.session_timeout,
        "rotate_refresh_tokens": org.app.rotate_refresh_tokens,
    }


def _orgs(simulator: Simulator) -> dict[str, Any]:
    return {"orgs": [{**describe(org), "private_key": org.app.private_key_pem} for org in simulator.orgs.values()]}


def _log(simulator: Simulator) -> dict[str, Any]:
    names = ("time", "org", "method", "path", "status", "error")
    return {"log": [{name: getattr(record, name) for name in names} for record in simulator.log]}


VIEWS: dict[str, Callable[[Simulator], dict[str, Any]]] = {
    "counts": lambda simulator: simulator.counts.as_dict(),
    "orgs": _orgs,
    "log": _log,
}


def _set(org: SimulatedOrg, arguments: dict[str, Any]) -> dict[str, Any]:
    for name, holder in (("user", org.user), ("app", org.app), ("settings", org)):
        for attribute, value in arguments.get(name, {}).items():
            before = getattr(holder, attribute)
            if isinstance(before, tuple) and isinstance(value, list) and all(isinstance(one, str) for one in value):
                value = tuple(value)
            elif not isinstance(before, (bool, int, float, str, type(None))):
                raise TypeError(f"{name}.{attribute} can't be set over HTTP")
            setattr(holder, attribute, value)
    return describe(org)


def _answer_device(org: SimulatedOrg, arguments: dict[str, Any]) -> dict[str, Any]:
    org.answer_device(arguments["user_code"], allow=bool(arguments.get("allow", True)))
    return {}


def _accept_subject_token(org: SimulatedOrg, arguments: dict[str, Any]) -> dict[str, Any]:
    org.accept_subject_token(arguments["subject_token"])
    return {}


ACTIONS: dict[str, Callable[[SimulatedOrg, dict[str, Any]], dict[str, Any]]] = {
    "expire": lambda org, _: {"ended": org.expire_sessions()},
    "revoke": lambda org, _: {"ended": org.revoke_sessions()},
    "revoke_refresh_tokens": lambda org, _: {"revoked": org.revoke_refresh_tokens()},
    "migrate": lambda org, arguments: {"instance_url": org.migrate(arguments.get("instance_url"))},
    "rotate_secret": lambda org, _: {"client_secret": org.rotate_secret()},
    "rotate_signing_key": lambda org, _: {"ended": org.rotate_signing_key()},
    "issue_refresh_token": lambda org, _: {"refresh_token": org.issue_refresh_token()},
    "issue_code": lambda org, arguments: {"code": org.issue_code(**arguments)},
    "answer_device": _answer_device,
    "accept_subject_token": _accept_subject_token,
    "set": _set,
}


def _local(request: Request) -> bool:
    caller = request.client.host if request.client else ""
    return exchange_of(request).place.kind == "loopback" and caller in _LOCAL_CALLERS
