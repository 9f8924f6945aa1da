"""The authorization server over HTTP: exact requests, hostile answers, broken networks, wrong clocks."""

from __future__ import annotations

import base64
import gc
import gzip
import json
import warnings
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from random import Random
from typing import Any

import httpx
import pytest
import respx

from sfauth import (
    ClientCredentialsGrant,
    ConfigurationError,
    Introspection,
    JWTBearerGrant,
    LoginRequiredError,
    Org,
    ProtocolError,
    RefreshTokenGrant,
    SfauthError,
    TokenEndpoint,
    TryLaterError,
    UntrustedHostError,
    UsernamePasswordGrant,
)
from sfauth.endpoint import MAX_ANSWER
from sfauth.grants import username_password
from sfauth.simulator import Simulator
from sfauth.simulator.keys import KeyRing
from sfauth.testing import VirtualClock

ACME = Org("https://acme.my.salesforce.com")
CLIENT_SECRET = "E2A8F1C0ffee+5ecret/=="
REFRESH_TOKEN = "5Aep861topsecretrefreshtoken"
PASSWORD = "p&w+topsecret!<>%"
REPLY = {"access_token": "00D5g000004XYZa!AQ.abc", "instance_url": "https://acme.my.salesforce.com", "issued_at": "1"}

CLIENT = ClientCredentialsGrant(client_id="3MVG9key", client_secret=CLIENT_SECRET)
BASIC = ClientCredentialsGrant(client_id="3MVG9key", client_secret=CLIENT_SECRET, client_auth="basic")
REFRESH = RefreshTokenGrant(client_id="3MVG9key", client_secret=CLIENT_SECRET, refresh_token=REFRESH_TOKEN)


@pytest.fixture
def router() -> respx.MockRouter:
    return respx.MockRouter(assert_all_called=False)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def http(router: respx.MockRouter) -> AsyncIterator[httpx.AsyncClient]:
    # Redirects on and a hook-free client: what the endpoint must not rely on.
    async with httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler), follow_redirects=True) as client:
        yield client


@pytest.fixture
def endpoint(http: httpx.AsyncClient, clock: VirtualClock) -> TokenEndpoint:
    return TokenEndpoint(http, clock=clock, random=Random(1))


@pytest.fixture
def token_route(router: respx.MockRouter) -> respx.Route:
    return router.post(ACME.token_url)


@pytest.fixture(scope="module")
def keys() -> KeyRing:
    return KeyRing()


async def refused(endpoint: TokenEndpoint, grant: Any = CLIENT, org: Org = ACME) -> SfauthError:
    with pytest.raises(SfauthError) as raised:
        await endpoint.fetch(grant, org)
    return raised.value


def everything_in(error: BaseException) -> str:
    """What a crash reporter could get hold of by way of an exception: texts, attributes, causes, contexts, requests."""
    return "\n".join(_texts(error, set()))


def _texts(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield from (str(error), repr(error), repr(error.args), repr(getattr(error, "__dict__", {})))
    request = getattr(error, "_request", None)
    if isinstance(request, httpx.Request):
        yield repr(request.content)
        yield repr(request.headers.raw)
    yield from _texts(error.__cause__, seen)
    yield from _texts(error.__context__, seen)


def chain_of(error: BaseException) -> list[BaseException]:
    chain, todo = [], [error]
    while todo:
        each = todo.pop()
        if each not in chain:
            chain.append(each)
            todo += [link for link in (each.__cause__, each.__context__) if link is not None]
    return chain


# ── what is sent ──


async def test_a_grant_is_one_post_with_a_form(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    token_route.respond(json=REPLY)

    token = await endpoint.fetch(CLIENT, ACME)

    assert token.access_token == REPLY["access_token"]
    assert token_route.call_count == 1
    request = token_route.calls.last.request
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["accept"] == "application/json"
    assert "authorization" not in request.headers
    assert dict(httpx.QueryParams(request.content.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "3MVG9key",
        "client_secret": CLIENT_SECRET,
    }


async def test_a_basic_header_keeps_the_secret_out_of_the_form(
    endpoint: TokenEndpoint, token_route: respx.Route
) -> None:
    token_route.respond(json=REPLY)

    await endpoint.fetch(BASIC, ACME)

    request = token_route.calls.last.request
    assert request.content == b"grant_type=client_credentials"
    assert request.headers["authorization"] == (
        "Basic " + base64.b64encode(f"3MVG9key:{CLIENT_SECRET}".encode()).decode()
    )


async def test_a_site_is_asked_under_its_path(endpoint: TokenEndpoint, router: respx.MockRouter) -> None:
    route = router.post("https://acme.my.site.com/customers/services/oauth2/token").respond(json=REPLY)

    await endpoint.fetch(CLIENT, Org("https://acme.my.site.com/customers"))

    assert route.called


@pytest.mark.parametrize("where", ["login", "test"])
async def test_client_credentials_are_refused_on_login_hosts_before_the_secret_is_sent(
    endpoint: TokenEndpoint, router: respx.MockRouter, where: str
) -> None:
    everything = router.route().respond(json=REPLY)

    error = await refused(endpoint, CLIENT, Org(where))

    assert type(error) is ConfigurationError
    assert not everything.called


async def test_cookies_of_one_org_are_not_sent_along_for_another(
    endpoint: TokenEndpoint, router: respx.MockRouter
) -> None:
    """Thousands of orgs log in at one host: nothing may tie them together, nor grow with each answer."""
    route = router.post("https://login.salesforce.com/services/oauth2/token").respond(
        json=REPLY, headers={"set-cookie": "BrowserId=of-the-first-org; Path=/; Secure"}
    )

    await endpoint.fetch(REFRESH, Org("login"))
    await endpoint.fetch(REFRESH, Org("login"))

    assert "cookie" not in route.calls.last.request.headers


# ── what is kept ──


async def test_a_reply_without_a_refresh_token_keeps_the_old_one(
    endpoint: TokenEndpoint, token_route: respx.Route
) -> None:
    token_route.respond(json=REPLY)

    assert (await endpoint.fetch(REFRESH, ACME)).refresh_token == REFRESH_TOKEN


async def test_a_new_refresh_token_replaces_the_old_one(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    token_route.respond(json={**REPLY, "refresh_token": "5AepNewOne"})

    assert (await endpoint.fetch(REFRESH, ACME)).refresh_token == "5AepNewOne"


async def test_other_grants_have_no_refresh_token(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    token_route.respond(json=REPLY)

    assert (await endpoint.fetch(CLIENT, ACME)).refresh_token is None


async def test_expires_in_counts_on_the_servers_clock(
    endpoint: TokenEndpoint, token_route: respx.Route, clock: VirtualClock
) -> None:
    token_route.respond(
        json={**REPLY, "expires_in": 60}, headers={"date": formatdate(clock.wall() + 3600, usegmt=True)}
    )

    token = await endpoint.fetch(CLIENT, ACME)

    assert token.expires_at == pytest.approx(clock.wall() + 3660, abs=1)


# ── hostile and broken answers ──


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_the_secret_not_sent_again(
    endpoint: TokenEndpoint, router: respx.MockRouter, token_route: respx.Route, status: int
) -> None:
    token_route.respond(status, headers={"location": "https://evil.example/token"})
    evil = router.route(host="evil.example").respond(json=REPLY)

    error = await refused(endpoint, REFRESH)

    assert type(error) is ProtocolError
    assert "evil.example" in error.message
    assert not evil.called
    assert token_route.call_count == 1


@pytest.mark.parametrize(
    ("status", "content", "content_type", "kind"),
    [
        pytest.param(200, b"<html>We are down for maintenance</html>", "text/html", TryLaterError, id="maintenance"),
        pytest.param(503, b"<html>", "text/html", TryLaterError, id="503 page"),
        pytest.param(420, b"", "text/plain", TryLaterError, id="420"),
        pytest.param(429, b"", "text/plain", TryLaterError, id="429"),
        pytest.param(200, b"", "application/json", ProtocolError, id="empty"),
        pytest.param(200, b'{"access_token": "00D', "application/json", ProtocolError, id="truncated"),
        pytest.param(200, b'{"access_token": 5}', "application/json", ProtocolError, id="number"),
        pytest.param(200, b'{"access_token": null}', "application/json", ProtocolError, id="null"),
        pytest.param(200, b'{"access_token": ["00D!A"]}', "application/json", ProtocolError, id="list"),
        pytest.param(200, b'["access_token"]', "application/json", ProtocolError, id="array"),
        pytest.param(200, b"\x1f\x8b\x00garbage", "application/json", ProtocolError, id="garbage"),
    ],
)
async def test_what_is_no_token_reply_is_one_of_our_errors(
    endpoint: TokenEndpoint,
    token_route: respx.Route,
    status: int,
    content: bytes,
    content_type: str,
    kind: type[SfauthError],
) -> None:
    token_route.respond(status, content=content, headers={"content-type": content_type})

    error = await refused(endpoint, REFRESH)

    assert type(error) is kind
    assert REFRESH_TOKEN not in everything_in(error)
    assert CLIENT_SECRET not in everything_in(error)


@pytest.mark.parametrize("status", [420, 429, 503])
async def test_retry_after_is_honoured_as_seconds_and_as_a_date(
    endpoint: TokenEndpoint, token_route: respx.Route, clock: VirtualClock, status: int
) -> None:
    token_route.respond(status, headers={"retry-after": "30"})
    assert (await refused(endpoint)).retry_after == 30

    token_route.respond(status, headers={"retry-after": formatdate(clock.wall() + 90, usegmt=True)})
    assert (await refused(endpoint)).retry_after == 90


async def test_a_retry_after_date_counts_on_the_servers_clock(
    endpoint: TokenEndpoint, token_route: respx.Route, clock: VirtualClock
) -> None:
    server = clock.wall() + 7200
    token_route.respond(
        503, headers={"date": formatdate(server, usegmt=True), "retry-after": formatdate(server + 90, usegmt=True)}
    )

    assert (await refused(endpoint)).retry_after == 90


class Endless(httpx.AsyncByteStream):
    """Counts what is taken from it."""

    def __init__(self) -> None:
        self.sent = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 65_536
            yield b"x" * 65_536

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def untidy() -> Iterator[None]:
    """httpx leaves its inner generators hanging when an answer is given up half-way, of which trio warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("untidy")
async def test_an_endless_answer_is_given_up(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    body = Endless()
    token_route.side_effect = lambda request: httpx.Response(200, stream=body)

    error = await refused(endpoint)

    assert type(error) is ProtocolError
    assert body.sent <= MAX_ANSWER + 65_536
    assert body.closed


@pytest.mark.usefixtures("untidy")
async def test_a_compressed_bomb_is_given_up(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    bomb = gzip.compress(b"[" * (MAX_ANSWER * 4))
    token_route.side_effect = lambda request: httpx.Response(
        200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(bomb)
    )

    assert type(await refused(endpoint)) is ProtocolError


@pytest.mark.usefixtures("untidy")
async def test_an_answer_that_is_not_compressed_as_it_says_is_no_traceback(
    endpoint: TokenEndpoint, token_route: respx.Route
) -> None:
    token_route.side_effect = lambda request: httpx.Response(
        200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"plain")
    )

    assert isinstance(await refused(endpoint), (TryLaterError, ProtocolError))


@pytest.mark.parametrize("field", ["instance_url", "api_instance_url"])
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "https://evilsalesforce.com",
        "https://acme.my.salesforce.com.evil.example",
        "https://acme.my.salesforce.com@evil.example",
        "http://acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://acme.my.salesforce.com:99999",
        "https://acme my.salesforce.com",
        "https://\u2100.salesforce.com",
        "https://xn--a.my.salesforce.com",
        "https://127.0.0.1",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:8080",
        "https://[",
        "https://acme.my.salesforce.com\\@evil.example",
        "https://acme.my.salesforce.com/\x01",
        "javascript:alert(1)",
    ],
    ids=ascii,
)
async def test_a_reply_that_sends_the_bearer_elsewhere_is_refused(
    endpoint: TokenEndpoint, token_route: respx.Route, field: str, url: str
) -> None:
    token_route.respond(json={**REPLY, field: url})

    error = await refused(endpoint, REFRESH)

    assert type(error) is ProtocolError
    assert REPLY["access_token"] not in everything_in(error)
    assert REFRESH_TOKEN not in everything_in(error)


@pytest.mark.parametrize(
    "url",
    [
        "https://acme-1.my.salesforce.com",
        "https://na99.salesforce.com",
        "https://acme.my.site.com/customers",
        "acme.my.salesforce.com",
    ],
)
async def test_any_salesforce_host_may_be_the_instance(
    endpoint: TokenEndpoint, token_route: respx.Route, url: str
) -> None:
    token_route.respond(json={**REPLY, "instance_url": url})

    assert (await endpoint.fetch(CLIENT, ACME)).instance_url in (url, f"https://{url}")


async def test_an_org_on_loopback_may_live_on_another_port(endpoint: TokenEndpoint, router: respx.MockRouter) -> None:
    router.post("http://127.0.0.1:8080/services/oauth2/token").respond(
        json={**REPLY, "instance_url": "http://127.0.0.1:8081"}
    )

    token = await endpoint.fetch(CLIENT, Org("http://127.0.0.1:8080"))

    assert token.instance_url == "http://127.0.0.1:8081"


# ── echoes ──


@pytest.mark.parametrize(
    ("grant", "secret"),
    [
        pytest.param(CLIENT, CLIENT_SECRET, id="client secret"),
        pytest.param(BASIC, CLIENT_SECRET, id="client secret in a Basic header"),
        pytest.param(REFRESH, REFRESH_TOKEN, id="refresh token"),
        pytest.param(None, PASSWORD, id="password without the security token"),
    ],
)
@pytest.mark.parametrize("where", ["error", "error_description"])
async def test_an_error_that_echoes_a_secret_is_scrubbed(
    endpoint: TokenEndpoint,
    token_route: respx.Route,
    grant: Any,
    secret: str,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(username_password, "_warn_once", lambda: None)
    grant = grant or UsernamePasswordGrant(
        client_id="3MVG9key",
        client_secret=CLIENT_SECRET,
        username="etl@acme.com",
        password=PASSWORD,
        security_token="t0ken",
    )
    token_route.respond(400, json={"error": "invalid_grant", where: f"the value {secret} is wrong"})

    error = await refused(endpoint, grant)

    assert secret not in everything_in(error)


async def test_an_echo_of_the_basic_header_is_scrubbed(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    pair = base64.b64encode(f"3MVG9key:{CLIENT_SECRET}".encode()).decode()
    token_route.respond(
        400, json={"error": "invalid_basic_auth_header", "error_description": f"can't read Basic {pair} here"}
    )

    assert pair not in everything_in(await refused(endpoint, BASIC))


async def test_an_echo_of_the_url_encoded_secret_is_scrubbed(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    encoded = str(httpx.QueryParams({"client_secret": CLIENT_SECRET})).removeprefix("client_secret=")
    token_route.respond(400, json={"error": "invalid_request", "error_description": f"body was {encoded}"})

    assert encoded not in everything_in(await refused(endpoint))


async def test_an_echo_of_the_assertion_is_scrubbed(
    endpoint: TokenEndpoint, token_route: respx.Route, keys: KeyRing
) -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        sent.append(dict(httpx.QueryParams(request.content.decode()))["assertion"])
        return httpx.Response(400, json={"error": "invalid_grant", "error_description": f"bad {sent[-1]}"})

    sent: list[str] = []
    token_route.side_effect = echo
    grant = JWTBearerGrant(client_id="3MVG9key", username="etl@acme.com", private_key=keys.app.private_key_pem)

    error = everything_in(await refused(endpoint, grant))

    assert sent[0].rpartition(".")[2] not in error
    assert keys.app.private_key_pem.splitlines()[3] not in error


# ── networks ──


@pytest.mark.parametrize(
    "problem",
    [
        httpx.ConnectError("[Errno -2] Name or service not known"),
        httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"),
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout(""),
        httpx.WriteTimeout(""),
        httpx.PoolTimeout(""),
        httpx.ReadError(""),
        httpx.WriteError(""),
        httpx.CloseError(""),
        httpx.ProxyError("407 Proxy Authentication Required"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.LocalProtocolError(f"Illegal header value b'{CLIENT_SECRET}'"),
        httpx.DecodingError(""),
    ],
    ids=lambda problem: f"{type(problem).__name__} {problem}"[:50],
)
async def test_a_broken_network_means_later_with_a_hint(
    endpoint: TokenEndpoint, token_route: respx.Route, problem: httpx.RequestError
) -> None:
    token_route.side_effect = problem

    error = await refused(endpoint, REFRESH)

    assert type(error) is TryLaterError
    assert "acme.my.salesforce.com" in error.message
    assert error.hint
    own = f"{error} {error!r} {error.__dict__}"
    assert REFRESH_TOKEN not in own
    assert CLIENT_SECRET not in own


async def test_no_httpx_error_is_in_the_chain_for_it_holds_the_request_and_so_the_secrets(
    endpoint: TokenEndpoint, token_route: respx.Route
) -> None:
    """``from None`` only hides the context from tracebacks: crash reporters walk ``__context__`` all the same."""
    token_route.side_effect = httpx.ReadTimeout("")

    error = await refused(endpoint, REFRESH)

    assert [type(each) for each in chain_of(error)] == [TryLaterError]
    assert REFRESH_TOKEN not in everything_in(error)


async def test_a_host_that_looks_international_and_is_not_is_no_traceback_either(clock: VirtualClock) -> None:
    """httpx decodes a host's punycode when it's asked for the host: here that fails, and not with httpx's own error."""

    def unknown(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno -2] Name or service not known")

    async with httpx.AsyncClient(transport=httpx.MockTransport(unknown)) as http:
        endpoint = TokenEndpoint(http, clock=clock, random=Random(1))
        error = await refused(endpoint, CLIENT, Org("https://xn--a.my.salesforce.com"))

    assert "xn--a.my.salesforce.com" in str(error)


async def test_an_answer_that_breaks_off_means_later(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    async def torn() -> AsyncIterator[bytes]:
        yield b'{"access_token": "00D'
        raise httpx.ReadError("connection reset")

    token_route.side_effect = lambda request: httpx.Response(200, content=torn())

    assert type(await refused(endpoint)) is TryLaterError


# ── clocks ──


def skewed(world: Simulator, seconds: float, clock: VirtualClock) -> tuple[TokenEndpoint, httpx.AsyncClient]:
    clock.step_wall(-seconds)  # this machine's clock; the simulator's is read from elapsed()
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=world))
    return TokenEndpoint(http, clock=clock, random=Random(1)), http


@pytest.fixture
def world(clock: VirtualClock, keys: KeyRing) -> Simulator:
    ahead = clock.wall() - clock.elapsed()
    simulator = Simulator(now=lambda: clock.elapsed() + ahead, random=Random(0), sleep=clock.sleep)
    simulator.keys = keys
    simulator.add_org("acme")
    return simulator


@pytest.mark.parametrize("behind", [-7200, -600, 600, 7200], ids=lambda seconds: f"{seconds} s behind")
async def test_a_machine_whose_clock_is_wrong_logs_in_all_the_same(
    world: Simulator, clock: VirtualClock, behind: float
) -> None:
    org = world.orgs["acme"]
    endpoint, http = skewed(world, behind, clock)
    grant = JWTBearerGrant(client_id=org.app.client_id, username=org.user.username, private_key=org.app.private_key_pem)
    async with http:
        assert (await endpoint.fetch(grant, Org(org.my_domain))).access_token
        requests = world.counts.total.token_requests_total
        assert endpoint.skew == pytest.approx(behind, abs=1.5)
        assert requests == (2 if behind > 180 else 1)
        await endpoint.fetch(grant, Org(org.my_domain))
        assert world.counts.total.token_requests_total == requests + 1, "from then on assertions are dated right"


async def test_a_client_assertion_of_a_machine_whose_clock_is_wrong_is_signed_again_too(
    world: Simulator, clock: VirtualClock
) -> None:
    """A refused client assertion is an ``invalid_client`` (RFC 7523 section 3.2), not an ``invalid_grant``."""
    org = world.orgs["acme"]
    endpoint, http = skewed(world, 7200, clock)
    grant = ClientCredentialsGrant(client_id=org.app.client_id, private_key=org.app.private_key_pem)
    async with http:
        assert (await endpoint.fetch(grant, Org(org.my_domain))).access_token
    assert world.counts.total.token_requests_total == 2


async def test_a_bad_assertion_on_a_good_clock_is_sent_once(world: Simulator, clock: VirtualClock) -> None:
    org = world.orgs["acme"]
    org.user.ip_restricted = True
    endpoint, http = skewed(world, 0, clock)
    grant = JWTBearerGrant(client_id=org.app.client_id, username=org.user.username, private_key=org.app.private_key_pem)
    async with http:
        error = await refused(endpoint, grant, Org(org.my_domain))

    assert world.counts.total.token_requests_total == 1
    assert "clock" not in (error.hint or "")


@pytest.mark.parametrize(("behind", "words"), [(7200, "7200 s behind"), (-7200, "7200 s ahead of")])
async def test_where_the_clock_is_known_to_be_off_a_refusal_says_by_how_much(
    world: Simulator, clock: VirtualClock, behind: float, words: str
) -> None:
    org = world.orgs["acme"]
    endpoint, http = skewed(world, behind, clock)
    grant = JWTBearerGrant(client_id=org.app.client_id, username=org.user.username, private_key=org.app.private_key_pem)
    async with http:
        await endpoint.fetch(grant, Org(org.my_domain))
        org.user.ip_restricted = True
        error = await refused(endpoint, grant, Org(org.my_domain))

    assert error.hint is not None
    assert words in error.hint


async def test_a_refusal_that_has_another_cause_than_the_clock_is_still_a_refusal_of_the_second_try(
    world: Simulator, clock: VirtualClock
) -> None:
    org = world.orgs["acme"]
    org.user.ip_restricted = True
    endpoint, http = skewed(world, 7200, clock)
    grant = JWTBearerGrant(client_id=org.app.client_id, username=org.user.username, private_key=org.app.private_key_pem)
    async with http:
        error = await refused(endpoint, grant, Org(org.my_domain))

    assert world.counts.total.token_requests_total == 2
    assert error.error_description is not None
    assert "ip restricted" in error.error_description
    assert error.hint is not None
    assert "7200 s behind" in error.hint


async def test_whole_seconds_and_slow_answers_are_no_skew(
    endpoint: TokenEndpoint, token_route: respx.Route, clock: VirtualClock
) -> None:
    sent_at = clock.wall()

    async def slow(request: httpx.Request) -> httpx.Response:
        clock.suspend(25)
        return httpx.Response(200, json=REPLY, headers={"date": formatdate(sent_at + 1, usegmt=True)})

    token_route.side_effect = slow
    await endpoint.fetch(CLIENT, ACME)

    assert endpoint.skew == 0.0
    assert endpoint.server_now() == clock.wall()


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Oct 2099 07:28:00 GMT"])
async def test_a_date_that_is_none_changes_nothing(
    endpoint: TokenEndpoint, token_route: respx.Route, date: str
) -> None:
    endpoint.skew = 90.0
    token_route.respond(json=REPLY, headers={"date": date})

    await endpoint.fetch(CLIENT, ACME)

    assert endpoint.skew == 90.0


# ── introspection and revocation ──


async def test_introspection_asks_the_tokens_own_instance(endpoint: TokenEndpoint, router: respx.MockRouter) -> None:
    route = router.post("https://acme-1.my.salesforce.com/services/oauth2/introspect").respond(
        json={"active": True, "exp": 5}
    )

    answer = await endpoint.introspect("00D!A", CLIENT, ACME, host="https://acme-1.my.salesforce.com")

    assert answer == Introspection(active=True, expires_at=5.0)
    form = dict(httpx.QueryParams(route.calls.last.request.content.decode()))
    assert form == {"token": "00D!A", "client_id": "3MVG9key", "client_secret": CLIENT_SECRET}


async def test_without_a_host_introspection_asks_the_org(endpoint: TokenEndpoint, router: respx.MockRouter) -> None:
    route = router.post(ACME.introspect_url).respond(json={"active": False})

    assert await endpoint.introspect("00D!A", CLIENT, ACME) == Introspection(active=False)
    assert route.called


async def test_a_client_that_cannot_prove_itself_does_not_ask(
    endpoint: TokenEndpoint, router: respx.MockRouter
) -> None:
    everything = router.route().respond(json={"active": False})
    grant = RefreshTokenGrant(client_id="3MVG9key", refresh_token=REFRESH_TOKEN)

    assert await endpoint.introspect("00D!A", grant, ACME) is None
    assert not everything.called


async def test_no_secret_goes_to_a_foreign_host_for_introspection(
    endpoint: TokenEndpoint, router: respx.MockRouter
) -> None:
    everything = router.route().respond(json={"active": False})

    with pytest.raises(UntrustedHostError):
        await endpoint.introspect("00D!A", CLIENT, ACME, host="https://evil.example")
    assert not everything.called


@pytest.mark.parametrize("grant", [CLIENT, BASIC], ids=["post", "basic"])
async def test_an_introspection_error_that_echoes_a_secret_is_scrubbed(
    endpoint: TokenEndpoint, router: respx.MockRouter, grant: ClientCredentialsGrant
) -> None:
    router.post(ACME.introspect_url).respond(
        401, json={"error": "invalid_client", "error_description": f"{CLIENT_SECRET} is wrong for opaque-token-xyz"}
    )

    with pytest.raises(ConfigurationError) as raised:
        await endpoint.introspect("opaque-token-xyz", grant, ACME)
    assert CLIENT_SECRET not in everything_in(raised.value)
    assert "opaque-token-xyz" not in everything_in(raised.value)


async def test_revocation_posts_the_token_and_nothing_else(endpoint: TokenEndpoint, router: respx.MockRouter) -> None:
    route = router.post(ACME.revoke_url).respond(200)

    await endpoint.revoke(REFRESH_TOKEN, ACME)

    assert route.calls.last.request.content == f"token={REFRESH_TOKEN}".encode()
    assert route.calls.last.request.url.query == b""


async def test_revoking_a_dead_token_is_fine(endpoint: TokenEndpoint, router: respx.MockRouter) -> None:
    router.post(ACME.revoke_url).respond(400, json={"error": "invalid_token"})

    await endpoint.revoke(REFRESH_TOKEN, ACME)


async def test_a_revocation_that_failed_says_so_without_the_token(
    endpoint: TokenEndpoint, router: respx.MockRouter
) -> None:
    router.post(ACME.revoke_url).respond(
        400, json={"error": "unsupported_token_type", "error_description": f"{REFRESH_TOKEN} is no token"}
    )

    with pytest.raises(ConfigurationError) as raised:
        await endpoint.revoke(REFRESH_TOKEN, ACME)
    assert REFRESH_TOKEN not in everything_in(raised.value)


async def test_a_dead_refresh_token_means_logging_in_again(endpoint: TokenEndpoint, token_route: respx.Route) -> None:
    token_route.respond(400, content=json.dumps({"error": "invalid_grant"}).encode())

    assert type(await refused(endpoint, REFRESH)) is LoginRequiredError
