"""Which answers mean "this session is over": Salesforce's own, per API, and all the look-alikes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth.expiry import BODY_LIMIT, Api, api_of, is_session_expired, worth_reading

JSON_401 = b'[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'
XML_401 = (
    b'<?xml version="1.0" encoding="UTF-8"?><Errors><Error><errorCode>INVALID_SESSION_ID</errorCode>'
    b"<message>Session expired or invalid</message></Error></Errors>"
)
BULK_XML = (
    b'<?xml version="1.0" encoding="UTF-8"?><error xmlns="http://www.force.com/2009/06/asyncapi/dataload">'
    b"<exceptionCode>InvalidSessionId</exceptionCode><exceptionMessage>Invalid session id</exceptionMessage></error>"
)
BULK_JSON = b'{"exceptionCode":"InvalidSessionId","exceptionMessage":"Invalid session id"}'


def soap_fault(code: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/'
        f'envelope/"><soapenv:Body><soapenv:Fault><faultcode>{code}</faultcode><faultstring>INVALID_SESSION_ID: Invalid'
        " Session ID found in SessionHeader: Illegal Session</faultstring></soapenv:Fault></soapenv:Body>"
        "</soapenv:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/services/data/v66.0/limits", Api.REST),
        ("/services/data/v66.0/jobs/query", Api.REST),
        ("/services/data/v66.0/graphql", Api.REST),
        ("/services/data/v66.0/composite", Api.REST),
        ("/services/data/v66.0/tooling/query", Api.REST),
        ("/services/apexrest/acme/orders", Api.APEX_REST),
        ("/customers/services/apexrest/orders", Api.APEX_REST),
        ("/services/async/66.0/job", Api.BULK),
        ("/services/Soap/u/64.0", Api.SOAP),
        ("/services/Soap/m/66.0/00D000000000001", Api.SOAP),
        ("/services/Soap/T/66.0", Api.SOAP),
        ("/services/Soap/s/66.0", Api.SOAP),
        ("/services/Soap/class/AcmeService", Api.SOAP),
        ("/services/oauth2/userinfo", Api.IDENTITY),
        ("/customers/services/oauth2/userinfo", Api.IDENTITY),
        ("/id/00D000000000001AAA/005000000000001AAA", Api.IDENTITY),
        ("/", Api.REST),
        ("", Api.REST),
    ],
)
def test_the_path_tells_the_api(path: str, api: Api) -> None:
    assert api_of(path) is api


@pytest.mark.parametrize(
    ("api", "status", "body"),
    [
        pytest.param(Api.REST, 401, JSON_401, id="REST, JSON"),
        pytest.param(Api.REST, 401, XML_401, id="REST, XML"),
        pytest.param(Api.REST, 401, b"", id="REST, HEAD: no body"),
        pytest.param(Api.REST, 401, b" \r\n", id="REST, blanks"),
        pytest.param(Api.REST, 401, JSON_401[:-2], id="REST, cut off"),
        pytest.param(Api.REST, 401, b"Bad_OAuth_Token", id="REST, text"),
        pytest.param(Api.APEX_REST, 401, JSON_401, id="Apex REST, Salesforce's own"),
        pytest.param(Api.BULK, 400, BULK_XML, id="Bulk 1.0, XML"),
        pytest.param(Api.BULK, 400, BULK_JSON, id="Bulk 1.0, JSON"),
        pytest.param(Api.SOAP, 500, soap_fault("sf:INVALID_SESSION_ID"), id="SOAP partner"),
        pytest.param(Api.SOAP, 500, soap_fault("ns1:INVALID_SESSION_ID"), id="SOAP, another prefix"),
        pytest.param(Api.SOAP, 500, soap_fault("INVALID_SESSION_ID"), id="SOAP, no prefix"),
        pytest.param(Api.SOAP, 500, soap_fault("\n  sf:INVALID_SESSION_ID\n"), id="SOAP, indented"),
        pytest.param(Api.IDENTITY, 403, b"Bad_OAuth_Token", id="userinfo"),
        pytest.param(Api.IDENTITY, 403, b"Bad_OAuth_Token\n", id="userinfo, with a newline"),
        pytest.param(Api.IDENTITY, 401, b"", id="userinfo, HEAD"),
    ],
)
def test_these_mean_that_the_session_is_over(api: Api, status: int, body: bytes) -> None:
    assert worth_reading(api, status)
    assert is_session_expired(api, status, body)


@pytest.mark.parametrize(
    ("api", "status", "body"),
    [
        pytest.param(Api.REST, 200, JSON_401, id="a record that quotes the code"),
        pytest.param(Api.REST, 400, BULK_JSON, id="Bulk's code from REST"),
        pytest.param(Api.REST, 403, b"Bad_OAuth_Token", id="userinfo's text from REST"),
        pytest.param(Api.REST, 500, soap_fault("sf:INVALID_SESSION_ID"), id="SOAP's fault from REST"),
        pytest.param(
            Api.REST,
            401,
            b'[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]',
            id="no api scope",
        ),
        pytest.param(
            Api.REST,
            401,
            b'[{"message":"Connected app is not attached to Agent","errorCode":"INVALID_SESSION_ID"}]',
            id="app not attached to an agent",
        ),
        pytest.param(
            Api.REST, 401, b'[{"message":"INVALID_HEADER_TYPE","errorCode":"INVALID_AUTH_HEADER"}]', id="no token"
        ),
        pytest.param(
            Api.REST, 401, b'[{"message":"INVALID_ISS","errorCode":"INVALID_AUTH_HEADER"}]', id="another host's JWT"
        ),
        pytest.param(
            Api.REST, 401, b'[{"errorCode":"INSUFFICIENT_ACCESS","message":"guest"}]', id="browsing switched off"
        ),
        pytest.param(Api.REST, 401, b"  <html><body>401</body></html>", id="a proxy's page"),
        pytest.param(Api.APEX_REST, 401, b'{"error":"wrong basket"}', id="an Apex class's own 401"),
        pytest.param(Api.APEX_REST, 401, b"no", id="an Apex class's own text"),
        pytest.param(Api.BULK, 400, b"<exceptionCode>InvalidBatch</exceptionCode>", id="Bulk, another code"),
        pytest.param(Api.BULK, 500, BULK_XML, id="Bulk, 500"),
        pytest.param(Api.SOAP, 500, soap_fault("sf:INVALID_LOGIN"), id="SOAP, only the text mentions it"),
        pytest.param(Api.SOAP, 500, b"", id="SOAP, empty"),
        pytest.param(Api.SOAP, 400, soap_fault("sf:INVALID_SESSION_ID"), id="SOAP, 400"),
        pytest.param(Api.IDENTITY, 403, b"Missing_OAuth_Token", id="userinfo without a token"),
        pytest.param(Api.IDENTITY, 403, b"Wrong_Org", id="identity of another org"),
        pytest.param(Api.IDENTITY, 404, b"Bad_Id", id="no such identity"),
        *(
            pytest.param(Api.REST, 403, f'[{{"errorCode":"{code}","message":""}}]'.encode(), id=code)
            for code in (
                "REQUEST_LIMIT_EXCEEDED",
                "API_DISABLED_FOR_ORG",
                "API_CURRENTLY_DISABLED",
                "INSUFFICIENT_ACCESS_OR_READONLY",
                "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
                "FUNCTIONALITY_NOT_ENABLED",
            )
        ),
    ],
)
def test_these_look_like_it_and_never_mean_it(api: Api, status: int, body: bytes) -> None:
    assert not is_session_expired(api, status, body)


def test_an_apex_class_that_answers_a_bare_401_is_not_taken_for_the_platform() -> None:
    """Salesforce's own 401 has a body here, too, but for HEAD: to believe a bare one costs the org its living token."""
    assert not is_session_expired(Api.APEX_REST, 401, b"")


@pytest.mark.parametrize("api", Api)
@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_what_is_not_worth_reading_is_never_believed(api: Api, status: int, body: bytes) -> None:
    expired = is_session_expired(api, status, body)
    assert isinstance(expired, bool)
    assert worth_reading(api, status) or not expired


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize("status", [200, 201, 204, 301, 404, 429, 502, 503])
def test_the_body_of_an_ordinary_answer_is_never_looked_at(api: Api, status: int) -> None:
    assert not worth_reading(api, status)


def test_salesforces_own_bodies_fit_many_times_into_what_is_read() -> None:
    assert max(map(len, (JSON_401, XML_401, BULK_XML, soap_fault("sf:INVALID_SESSION_ID")))) * 10 < BODY_LIMIT
