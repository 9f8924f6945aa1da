"""Faults at work: finding out whom a request is for, and spoiling its answer."""

from __future__ import annotations

import base64
import binascii
import json
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .exchange import Exchange, replay
from .faults import Fault

TOKEN_PATH = "/services/oauth2/token"


async def suffer(
    fault: Fault, exchange: Exchange, scope: Scope, body: bytes, app: ASGIApp, receive: Receive, send: Send
) -> None:
    """Let one request, whose body was read from `receive` already, meet one fault."""
    simulator = exchange.simulator
    if fault.delay and not fault.after:
        await simulator.sleep(fault.delay)
    if fault.only_delays and not fault.after:
        _count(exchange, scope, body, processed=True)
        await app(scope, replay(body), send)
        return
    if fault.after:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await app(scope, replay(body), keep)
        if fault.delay:
            await simulator.sleep(fault.delay)
        if fault.only_delays:
            _count(exchange, scope, body, processed=True)
            for message in answer:
                await send(message)
            return
    _count(exchange, scope, body, processed=fault.after)
    exchange.error = "fault"
    if fault.cut:
        await _cut(scope, receive)
        return
    status, headers, content = fault.answer()
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


def identify(exchange: Exchange, scope: Scope, body: bytes) -> str | None:
    """Set the exchange's org as far as host, bearer or form fields tell it; returns the grant type, if there is one."""
    simulator = exchange.simulator
    sent = body + b"&" + scope.get("query_string", b"")
    form = {name: values[0] for name, values in parse_qs(sent.decode("utf-8", "replace")).items()}
    if exchange.org is None:
        exchange.org = exchange.place.org
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    scheme, _, credentials = headers.get(b"authorization", "").partition(" ")
    if exchange.org is None:
        token = credentials if scheme.lower() in ("bearer", "oauth") else headers.get(b"x-sfdc-session", "")
        token = token or form.get("token", "")
        session = simulator.sessions.get(token)
        approval = simulator.approvals.find(form.get("refresh_token", token))
        exchange.org = session.org if session else approval.org if approval else None
    if exchange.org is None:
        names = {form.get("client_id"), form.get("username"), *_asserted(form.get("assertion", ""))}
        if scheme.lower() == "basic":
            names.add(_decoded(credentials).partition(":")[0])
        for org in simulator.orgs.values():
            known = {app.client_id for app in org.apps} | {user.username for user in org.users}
            if exchange.place.logs_in(org) and names & known:
                exchange.org = org
                break
    return form.get("grant_type")


def _asserted(assertion: str) -> set[str]:
    try:
        claims = json.loads(_decoded(assertion.split(".")[1].replace("-", "+").replace("_", "/")))
        return {str(claims.get("iss")), str(claims.get("sub"))}
    except (IndexError, ValueError, AttributeError):
        return set()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _count(exchange: Exchange, scope: Scope, body: bytes, *, processed: bool) -> None:
    grant_type = identify(exchange, scope, body) if not processed else None
    for tally in exchange.simulator.counts.of(exchange.org_key):
        tally.faults += 1
        if processed:
            continue  # the endpoint has counted it, or will
        if scope["path"] == TOKEN_PATH:
            tally.token_requests[grant_type or "none", "fault"] += 1
        elif scope["path"].startswith("/services/") and not scope["path"].startswith("/services/oauth2"):
            tally.api_requests += 1


async def _cut(scope: Scope, receive: Receive) -> None:
    cut = scope.get("extensions", {}).get("sfauth.simulator.cut")
    if cut is not None:  # over TCP: our own server tells how
        cut()
        # Only once it has seen the disconnect does the server not miss an answer.
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    import httpx

    # In process there is no connection to cut. This is what httpx raises when the other side of a real one goes away.
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
