"""`SalesforceAuth` as what it is, a generator of requests: driven by hand, with no network in between."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from sfauth import ConfigurationError, SalesforceAuth, TokenRejectedError, UntrustedHostError
from sfauth.expiry import BODY_LIMIT
from tests.clients.apis import EXPIRED, Acme, Body, Flow, an_org, answer, bearer, ended, flow
from tests.support import outcomes

LIMITS = "https://acme.my.salesforce.com/services/data/v66.0/limits"
SOAP = "https://acme.my.salesforce.com/services/Soap/u/64.0"
BULK = "https://acme.my.salesforce.com/services/async/66.0/job"
USERINFO = "https://acme.my.salesforce.com/services/oauth2/userinfo"

XML = b"<Errors><Error><errorCode>INVALID_SESSION_ID</errorCode></Error></Errors>"
NO_API_SCOPE = EXPIRED.replace(b"Session expired or invalid", b"This session is not valid for use with the REST API")
NO_AGENT = EXPIRED.replace(b"Session expired or invalid", b"Connected app is not attached to Agent")
BAD_HEADER = b'[{"errorCode":"INVALID_AUTH_HEADER","message":"INVALID_HEADER_TYPE"}]'
FAULT = b"<soapenv:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode></soapenv:Fault>"


@pytest.fixture
async def acme(request: pytest.FixtureRequest) -> AsyncIterator[Acme]:
    async with an_org(request.node.nodeid) as acme:
        yield acme


@pytest.fixture
def auth(acme: Acme) -> SalesforceAuth:
    return SalesforceAuth(acme.source)


def get(url: str = LIMITS) -> httpx.Request:
    return httpx.Request("GET", url)


# ── signing ──


async def test_a_request_is_signed_with_the_orgs_token(acme: Acme, auth: SalesforceAuth) -> None:
    async with flow(auth, get()) as requests:
        signed = await anext(requests)

        assert bearer(signed) == await acme.access_token()
        assert str(signed.url) == LIMITS
        assert await ended(requests, answer(200))


async def test_a_token_request_is_never_yielded(acme: Acme, auth: SalesforceAuth) -> None:
    """It would land in ``response.history``, with the access token in it."""
    yielded = []
    async with flow(auth, get()) as requests:
        yielded.append(await anext(requests))
        yielded.append(await requests.asend(answer(401, EXPIRED)))

    assert [str(request.url) for request in yielded] == [LIMITS, LIMITS]
    assert acme.apis.logins == 2


async def test_bulk_1_gets_a_header_of_its_own_and_no_bearer(acme: Acme, auth: SalesforceAuth) -> None:
    async with flow(auth, get(BULK)) as requests:
        signed = await anext(requests)

    assert signed.headers["x-sfdc-session"] == await acme.access_token()
    assert "authorization" not in signed.headers


async def test_a_warm_request_makes_no_token_request(acme: Acme, auth: SalesforceAuth) -> None:
    for _ in range(3):
        async with flow(auth, get()) as requests:
            await anext(requests)
            await ended(requests, answer(200))

    assert acme.apis.logins == 1


async def test_a_sync_client_gets_one_clear_sentence(auth: SalesforceAuth) -> None:
    with httpx.Client(auth=auth) as client, pytest.raises(RuntimeError, match=r"use it with httpx\.AsyncClient"):
        client.get(LIMITS)  # noqa: ASYNC212 - it raises before anything could block


# ── JWT access tokens ──


async def test_soap_refuses_a_jwt_before_anything_is_sent(request: pytest.FixtureRequest) -> None:
    """Salesforce answers it with the fault of an expired session, to each new token again."""
    async with an_org(request.node.nodeid, token_format="jwt") as acme:
        auth = SalesforceAuth(acme.source)
        async with flow(auth, httpx.Request("POST", SOAP, content=b"<x/>")) as requests:
            with pytest.raises(ConfigurationError, match="JWT") as raised:
                await anext(requests)
        assert raised.value.org == "acme"
        assert raised.value.hint
        async with flow(auth, get()) as requests:
            assert bearer(await anext(requests)).startswith("eyJ")


# ── replays ──


@pytest.mark.parametrize(
    ("method", "url", "status", "body", "headers"),
    [
        pytest.param("GET", LIMITS, 401, EXPIRED, {}, id="REST"),
        pytest.param("HEAD", LIMITS, 401, b"", {}, id="HEAD"),
        pytest.param("GET", LIMITS, 401, XML, {}, id="XML"),
        pytest.param("GET", LIMITS, 401, gzip.compress(EXPIRED), {"content_encoding": "gzip"}, id="gzip"),
        pytest.param("GET", LIMITS, 401, zlib.compress(EXPIRED), {"content_encoding": "deflate"}, id="deflate"),
        pytest.param("GET", LIMITS, 401, EXPIRED[:-3], {"content_length": "999"}, id="cut off"),
        pytest.param("POST", SOAP, 500, FAULT, {}, id="SOAP"),
        pytest.param("POST", SOAP, 500, gzip.compress(FAULT), {"content_encoding": "gzip"}, id="SOAP, gzip"),
        pytest.param("GET", BULK, 400, b'{"exceptionCode":"InvalidSessionId"}', {}, id="Bulk 1.0"),
        pytest.param("GET", USERINFO, 403, b"Bad_OAuth_Token", {}, id="userinfo"),
        pytest.param("GET", "https://acme.my.salesforce.com/id/00D/005", 403, b"Bad_OAuth_Token", {}, id="identity"),
        pytest.param("GET", "https://acme.my.salesforce.com/services/apexrest/x", 401, EXPIRED, {}, id="Apex REST"),
    ],
)  # fmt: skip
async def test_an_expired_session_is_replaced_and_the_request_sent_again(
    acme: Acme, auth: SalesforceAuth, method: str, url: str, status: int, body: bytes, headers: dict[str, str]
) -> None:
    async with flow(auth, httpx.Request(method, url, headers={"x-mine": "kept"})) as requests:
        await anext(requests)
        old = await acme.access_token()
        again = await requests.asend(answer(status, body, **headers))

        new = await acme.access_token()
        assert new != old
        assert again.headers.get("x-sfdc-session" if url == BULK else "authorization", "").endswith(new)
        assert (again.method, str(again.url), again.headers["x-mine"]) == (method, url, "kept")
        assert await ended(requests, answer(200))
    assert acme.apis.logins == 2


@pytest.mark.parametrize(
    ("url", "status", "body"),
    [
        pytest.param(LIMITS, 401, NO_API_SCOPE, id="no api scope"),
        pytest.param(LIMITS, 401, NO_AGENT, id="no agent"),
        pytest.param(LIMITS, 401, BAD_HEADER, id="bad header"),
        pytest.param(LIMITS, 401, b"<html>proxy</html>", id="a proxy's page"),
        pytest.param(LIMITS, 403, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]', id="limit"),
        pytest.param(LIMITS, 403, b"Bad_OAuth_Token", id="userinfo's text from REST"),
        pytest.param(LIMITS, 500, FAULT, id="SOAP's fault from REST"),
        pytest.param("https://acme.my.salesforce.com/services/apexrest/x", 401, b'{"mine":true}', id="Apex's own 401"),
        pytest.param(SOAP, 500, b"<faultcode>sf:INVALID_LOGIN</faultcode>", id="another fault"),
        pytest.param(BULK, 400, b'{"exceptionCode":"InvalidBatch"}', id="another Bulk error"),
        pytest.param(LIMITS, 200, EXPIRED, id="a record that quotes it"),
    ],
)  # fmt: skip
async def test_what_a_new_token_does_not_cure_costs_none(
    acme: Acme, auth: SalesforceAuth, url: str, status: int, body: bytes
) -> None:
    response = answer(status, body)
    async with flow(auth, get(url)) as requests:
        await anext(requests)
        token = await acme.access_token()

        assert await ended(requests, response)
    assert acme.apis.logins == 1
    assert acme.source.current is not None
    assert acme.source.current.access_token == token
    assert await response.aread() == body


async def test_a_second_rejection_is_returned(acme: Acme, auth: SalesforceAuth) -> None:
    async with flow(auth, get()) as requests:
        await anext(requests)
        await requests.asend(answer(401, EXPIRED))

        assert await ended(requests, answer(401, EXPIRED))
    assert acme.apis.logins == 2


async def test_a_rejection_that_never_ends_is_an_error_with_a_pause_and_not_a_loop(
    acme: Acme, auth: SalesforceAuth
) -> None:
    async with flow(auth, get()) as requests:
        await anext(requests)
        await requests.asend(answer(401, EXPIRED))
        await ended(requests, answer(401, EXPIRED))
    for _ in range(100):
        with pytest.raises(TokenRejectedError) as raised:
            await anext(auth.async_auth_flow(get()))
        assert raised.value.org == "acme"
    assert acme.apis.logins == 2

    await acme.world.clock.advance(1.1)
    async with flow(auth, get()) as requests:
        await anext(requests)
        with pytest.raises(TokenRejectedError):
            await requests.asend(answer(401, EXPIRED))
    for _ in range(100):
        with pytest.raises(TokenRejectedError):
            await anext(auth.async_auth_flow(get()))
    assert acme.apis.logins == 3


async def test_the_same_token_again_is_an_error_and_not_a_loop(request: pytest.FixtureRequest) -> None:
    """Salesforce hands out a living session's token again to client credentials and JWT bearer."""
    async with an_org(request.node.nodeid, grant="credentials") as acme:
        async with flow(SalesforceAuth(acme.source), get()) as requests:
            await anext(requests)
            with pytest.raises(TokenRejectedError, match="the same"):
                await requests.asend(answer(401, EXPIRED))
        assert acme.apis.logins == 2


async def test_a_stragglers_rejection_leaves_the_newer_token_alone(acme: Acme, auth: SalesforceAuth) -> None:
    async with flow(auth, get()) as first, flow(auth, get()) as late:
        old = bearer(await anext(first))
        assert bearer(await anext(late)) == old
        new = bearer(await first.asend(answer(401, EXPIRED)))
        assert bearer(await late.asend(answer(401, EXPIRED))) == new
        assert await ended(first, answer(200))
        assert await ended(late, answer(200))

    assert acme.apis.logins == 2


async def test_fifty_requests_that_find_their_session_dead_at_once_cost_one_refresh(
    acme: Acme, auth: SalesforceAuth
) -> None:
    flows = [auth.async_auth_flow(get()) for _ in range(50)]
    for each in flows:
        await anext(each)

    async def rejected(each: Flow) -> str:
        again = await each.asend(answer(401, EXPIRED))
        await each.aclose()
        return bearer(again)

    waiting = iter(flows)
    tokens = await outcomes(lambda: rejected(next(waiting)), times=50)

    assert set(tokens) == {await acme.access_token()}
    assert acme.apis.logins == 2


async def test_a_late_answer_of_an_older_token_does_not_blame_the_newer_one(acme: Acme, auth: SalesforceAuth) -> None:
    """A slow answer may be the last one before the newer token ends: twice in a row, and "new tokens don't help"."""
    slow = [auth.async_auth_flow(get())]
    await anext(slow[0])
    for _ in range(3):
        await acme.source.refresh()
        slow.append(auth.async_auth_flow(get()))
        await anext(slow[-1])
        async with flow(auth, get()) as requests:
            await anext(requests)
            await ended(requests, answer(200))
        assert await ended(slow.pop(0), answer(200))
        acme.source.reject(acme.source.generation)
        await acme.source.acquire()
    await slow[0].aclose()


# ── bodies ──


async def test_a_body_of_bytes_is_sent_again(acme: Acme, auth: SalesforceAuth) -> None:
    async with flow(auth, httpx.Request("POST", LIMITS, json={"Name": "Acme"})) as requests:
        await anext(requests)
        again = await requests.asend(answer(401, EXPIRED))

    assert again.content == b'{"Name":"Acme"}'
    assert again.headers["content-length"] == "15"


async def test_a_stream_is_not_sent_again_and_the_next_request_works(acme: Acme, auth: SalesforceAuth) -> None:
    async def rows() -> AsyncIterator[bytes]:
        yield b"Id,Name\n"

    async with flow(auth, httpx.Request("PUT", LIMITS, content=rows())) as requests:
        old = bearer(await anext(requests))
        response = answer(401, EXPIRED)
        assert await ended(requests, response)
    assert await response.aread() == EXPIRED
    assert acme.apis.logins == 1
    async with flow(auth, get()) as requests:
        assert bearer(await anext(requests)) != old
    assert acme.apis.logins == 2


async def test_a_form_with_files_in_memory_is_sent_again(acme: Acme, auth: SalesforceAuth) -> None:
    """httpx makes such a body anew each time it is asked for: this is no stream that is gone."""
    upload = httpx.Request("POST", LIMITS, files={"file": ("a.txt", b"content")}, data={"Title": "a"})
    async with flow(auth, upload) as requests:
        await anext(requests)
        assert isinstance(upload.stream, httpx.AsyncByteStream)
        first = b"".join([chunk async for chunk in upload.stream])
        again = await requests.asend(answer(401, EXPIRED))

    assert isinstance(again.stream, httpx.AsyncByteStream)
    assert b"".join([chunk async for chunk in again.stream]) == first


def envelope(session: str) -> bytes:
    return f"<Envelope><sessionId>{session}</sessionId><queryString>SELECT Id</queryString></Envelope>".encode()


async def test_soap_carries_its_session_in_the_body_and_gets_the_new_one_there(
    acme: Acme, auth: SalesforceAuth
) -> None:
    old = await acme.access_token()
    call = httpx.Request("POST", SOAP, content=envelope(old), headers={"SOAPAction": '""'}, extensions={"mine": 1})
    async with flow(auth, call) as requests:
        assert (await anext(requests)).content == envelope(old)
        again = await requests.asend(answer(500, FAULT))

    new = await acme.access_token()
    assert new != old
    assert again.content == envelope(new)
    assert again.headers["content-length"] == str(len(envelope(new)))
    assert again.headers.get_list("content-length") == [str(len(envelope(new)))]
    assert again.headers["soapaction"] == '""'
    assert again.extensions["mine"] == 1


async def test_a_soap_call_that_is_streamed_goes_as_it_is(acme: Acme, auth: SalesforceAuth) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield envelope("00D!older")

    call = httpx.Request("POST", SOAP, content=body())
    async with flow(auth, call) as requests:
        assert (await anext(requests)).stream is call.stream
        assert await ended(requests, answer(500, FAULT))


async def test_a_soap_call_with_files_is_sent_again_as_it_is(acme: Acme, auth: SalesforceAuth) -> None:
    call = httpx.Request("POST", SOAP, files={"envelope": ("a.xml", envelope("00D!older"))})
    async with flow(auth, call) as requests:
        await anext(requests)
        again = await requests.asend(answer(500, FAULT))
        assert again.stream is call.stream


async def test_a_soap_call_that_still_names_an_older_session_does_not_cost_the_living_one(
    acme: Acme, auth: SalesforceAuth
) -> None:
    """Envelopes are built first and sent later. The fault is about the session in the body, not in the header."""
    old = await acme.access_token()
    acme.org.expire_sessions()
    living = (await acme.source.refresh()).access_token
    async with flow(auth, httpx.Request("POST", SOAP, content=envelope(old))) as requests:
        first = await anext(requests)
        if first.content == envelope(old):  # sent as it was: then the answer will be the fault
            again = await requests.asend(answer(500, FAULT))
            assert again.content == envelope(living)
        else:
            assert first.content == envelope(living)

    assert await acme.access_token() == living
    assert acme.apis.logins == 2


# ── reading ahead ──


async def test_a_huge_error_body_is_read_no_further_than_needed(acme: Acme, auth: SalesforceAuth) -> None:
    chunks = [b"x" * 1000] * 5000
    body = Body(chunks)
    response = answer(401, body)
    async with flow(auth, get("https://acme.my.salesforce.com/services/apexrest/x")) as requests:
        await anext(requests)
        assert await ended(requests, response)

    assert body.read <= BODY_LIMIT + 1000
    assert not body.closed
    assert not response.is_closed
    assert await response.aread() == b"".join(chunks)


@pytest.mark.parametrize("status", [200, 403, 404, 500])
async def test_an_ordinary_answer_is_not_read_at_all(auth: SalesforceAuth, status: int) -> None:
    body = Body([b"x"])
    async with flow(auth, get()) as requests:
        await anext(requests)
        assert await ended(requests, answer(status, body))

    assert body.read == 0


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, deflate", "identity", "unheard-of"])
async def test_a_body_that_is_not_coded_as_it_says_is_no_error_of_ours(
    acme: Acme, auth: SalesforceAuth, coding: str
) -> None:
    async with flow(auth, get()) as requests:
        await anext(requests)
        again = await requests.asend(answer(401, EXPIRED, content_encoding=coding))

    assert again.headers["authorization"]
    assert acme.apis.logins == 2


async def test_a_compressed_body_cut_off_by_the_limit_is_still_understood(acme: Acme, auth: SalesforceAuth) -> None:
    noise = bytes((i * i * 7919 >> 3) & 0xFF for i in range(80_000))
    body = Body([gzip.compress(EXPIRED + noise, 1)])
    async with flow(auth, get()) as requests:
        await anext(requests)
        await requests.asend(answer(401, body, content_encoding="gzip"))

    assert acme.apis.logins == 2


async def test_a_body_that_somebody_has_read_already_is_taken_from_there(acme: Acme, auth: SalesforceAuth) -> None:
    response = answer(401, EXPIRED)
    async with flow(auth, get()) as requests:
        await anext(requests)
        await response.aread()
        await requests.asend(response)

    assert acme.apis.logins == 2


# ── secrets ──


@pytest.mark.parametrize("url", [LIMITS, BULK])
async def test_the_token_is_in_no_part_of_a_request_but_its_header(acme: Acme, auth: SalesforceAuth, url: str) -> None:
    """Extensions are handed to transports and traces, and copied into the request that follows a redirect."""
    token = await acme.access_token()
    async with flow(auth, get(url)) as requests:
        signed = await anext(requests)

    assert token not in f"{signed.extensions} {signed.url} {signed!r}"


async def test_neither_auth_nor_its_errors_show_the_token(acme: Acme, auth: SalesforceAuth) -> None:
    token = await acme.access_token()
    with pytest.raises(UntrustedHostError) as raised:
        await anext(auth.async_auth_flow(get("https://evil.example")))

    assert token not in f"{auth!r} {auth!s} {raised.value!s} {raised.value!r} {raised.value.__dict__}"
