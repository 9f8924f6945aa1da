"""Redirects: the bearer, however it travels, stays with the org, and what strangers answer is not held against it."""

from __future__ import annotations

import httpx
import pytest

from sfauth import SalesforceAuth, UntrustedHostError
from tests.clients.apis import EXPIRED, Acme, expired
from tests.support import reply

LIMITS = "/services/data/v66.0/limits"
JOB = "/services/async/66.0/job"
SOAP = "/services/Soap/u/64.0"
EVIL = "https://evil.example/"
SEE_OTHER = [301, 302, 303, 307, 308]


def to(location: str, status: int = 307) -> httpx.Response:
    return httpx.Response(status, headers={"location": location})


def leaked(acme: Acme, token: str, host: str = "evil.example") -> list[str]:
    """Requests to the host that carry the token anywhere."""
    found = []
    for sent in acme.sent:
        everything = b"".join([*map(b": ".join, sent.headers.raw), sent.body, sent.url.encode()])
        if httpx.URL(sent.url).host == host and token.encode() in everything:
            found.append(f"{sent.method} {sent.url}")
    return found


def asked(acme: Acme) -> list[str]:
    return [httpx.URL(sent.url).host for sent in acme.sent]


async def test_redirects_are_not_followed_unless_asked_for(acme: Acme) -> None:
    acme.apis.answers.append(to(EVIL))
    async with acme.client() as client:
        assert (await client.get(LIMITS)).status_code == 307

    assert asked(acme) == ["acme.my.salesforce.com"]


@pytest.mark.parametrize("status", SEE_OTHER)
@pytest.mark.parametrize(
    "location",
    [
        EVIL,
        "//evil.example/services/data",
        "https://evil.example:443/",
        "http://acme.my.salesforce.com/services/data",
        "https://acme.my.salesforce.com:8443/services/data",
        "https://acme.my.salesforce.com.evil.example/",
        "https://acme.my.salesforce.com@evil.example/",
        "https://globex.my.salesforce.com/services/data",
    ],
)
async def test_the_bearer_does_not_go_along_to_another_host(acme: Acme, status: int, location: str) -> None:
    acme.apis.answers += [to(location, status), httpx.Response(200)]
    async with acme.client(follow_redirects=True) as client:
        response = await client.get(LIMITS)

    assert response.status_code == 200
    first, second = acme.sent
    assert first.bearer == await acme.access_token()
    assert second.bearer is None
    assert second.bearer not in (str(second.headers), second.url)


@pytest.mark.parametrize("other_origins", ["refuse", "anonymous"])
async def test_bulk_1_redirects_are_not_followed_for_its_header_would_go_along(acme: Acme, other_origins: str) -> None:
    acme.apis.always = lambda request: to(EVIL)
    async with acme.client(follow_redirects=True, other_origins=other_origins) as client:
        responses = [
            await client.get(JOB),
            await client.get(JOB, follow_redirects=True),
            await client.send(client.build_request("GET", JOB), follow_redirects=True),
        ]

    assert {response.status_code for response in responses} == {307}
    assert set(asked(acme)) == {"acme.my.salesforce.com"}


@pytest.mark.parametrize("status", [307, 308])
async def test_a_soap_session_in_a_body_does_not_go_along_to_another_host(acme: Acme, status: int) -> None:
    """307 and 308 send the body again, and a SOAP body holds the session."""
    acme.apis.answers += [to(EVIL, status), httpx.Response(200)]
    token = await acme.access_token()
    async with acme.client(follow_redirects=True) as client:
        await client.post(SOAP, content=f"<sessionId>{token}</sessionId>")

    assert leaked(acme, token) == []


async def test_following_a_redirect_by_hand_is_a_request_like_any_other(acme: Acme) -> None:
    acme.apis.answers.append(to(EVIL))
    async with acme.client() as client:
        response = await client.get(LIMITS)
        assert response.next_request is not None
        with pytest.raises(UntrustedHostError):
            await client.send(response.next_request)

    assert asked(acme) == ["acme.my.salesforce.com"]


@pytest.mark.parametrize("path", [LIMITS, JOB])
async def test_following_a_redirect_by_hand_anonymously_takes_no_token_along(acme: Acme, path: str) -> None:
    acme.apis.answers += [to(EVIL.rstrip("/") + path), httpx.Response(200)]
    async with acme.client(other_origins="anonymous") as client:
        response = await client.get(path)
        assert response.next_request is not None
        await client.send(response.next_request)

    assert asked(acme) == ["acme.my.salesforce.com", "evil.example"]
    assert leaked(acme, await acme.access_token()) == []


async def test_a_redirect_within_the_instance_keeps_the_bearer(acme: Acme) -> None:
    acme.apis.answers += [to("/services/data/v67.0/limits"), httpx.Response(200)]
    async with acme.client(follow_redirects=True) as client:
        await client.get(LIMITS)

    token = await acme.access_token()
    assert [sent.bearer for sent in acme.sent] == [token, token]


@pytest.mark.parametrize("body", [EXPIRED, b""])
async def test_a_401_of_a_stranger_says_nothing_about_our_session(acme: Acme, body: bytes) -> None:
    """It got no token. To believe it would cost the org a living one, and with JWT bearer all its callers a pause."""
    acme.apis.answers += [to(EVIL), httpx.Response(401, content=body)]
    async with acme.client(follow_redirects=True) as client:
        response = await client.get(LIMITS)

    assert response.status_code == 401
    assert acme.apis.logins == 1
    assert asked(acme) == ["acme.my.salesforce.com", "evil.example"]


async def test_a_redirect_to_another_address_of_the_org_does_not_cost_the_session(acme: Acme) -> None:
    """httpx takes the bearer off on the way there, so that the 401 is about a token that was never sent."""
    moved = "https://acme-7.my.salesforce.com"
    async with acme.world.scripted() as scripted:
        await scripted.first(instance_url=moved)
        scripted.endpoint.answers.append(reply(2, instance_url=moved))
        auth = SalesforceAuth(scripted.source)
        acme.apis.always = lambda request: (
            to(moved + LIMITS)
            if request.url.host == "acme.my.salesforce.com"
            else httpx.Response(200)
            if "authorization" in request.headers
            else expired()
        )
        async with httpx.AsyncClient(auth=auth, transport=acme.apis, follow_redirects=True) as client:
            await client.get("https://acme.my.salesforce.com" + LIMITS)

        assert scripted.source.current is not None
        assert len(scripted.endpoint) == 1


async def test_the_history_of_a_redirect_holds_no_token_response(acme: Acme) -> None:
    other = to("/services/data/v67.0/limits")
    acme.apis.answers += [other, expired, other, httpx.Response(200)]
    async with acme.client(follow_redirects=True) as client:
        response = await client.get(LIMITS)

    assert response.status_code == 200
    assert [each.status_code for each in response.history] == [401, 307]
    assert {each.request.url.path for each in response.history} == {LIMITS, "/services/data/v67.0/limits"}
