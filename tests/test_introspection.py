"""The answer of the introspection endpoint (RFC 7662 section 2.2), whatever is in it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth import Introspection

REPLY: dict[str, Any] = {
    "active": True,
    "scope": "api refresh_token openid",
    "client_id": "3MVG9",
    "username": "etl@acme.com",
    "sub": "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA",
    "token_type": "access_token",
    "exp": 1610509606,
    "iat": 1610502406,
    "nbf": 1610502406,
    "uvid": "0f0f",
}

NAMES = st.sampled_from(sorted(REPLY)) | st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=3)


def test_every_documented_field_is_read() -> None:
    introspection = Introspection.from_response(REPLY)

    assert introspection == Introspection(
        active=True,
        expires_at=1610509606.0,
        issued_at=1610502406.0,
        not_before=1610502406.0,
        scopes=frozenset({"api", "refresh_token", "openid"}),
        client_id="3MVG9",
        username="etl@acme.com",
        subject="https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA",
        token_type="access_token",
        extra={"uvid": "0f0f"},
    )


def test_an_inactive_token_has_nothing_else() -> None:
    assert Introspection.from_response({"active": False}) == Introspection(active=False)


@pytest.mark.parametrize("active", [None, "true", 1, [True], {}])
def test_only_a_true_true_is_active(active: Any) -> None:
    assert not Introspection.from_response({"active": active}).active


@pytest.mark.parametrize("exp", [1610509606, 1610509606.0, "1610509606"])
def test_times_may_be_numbers_or_text(exp: Any) -> None:
    assert Introspection.from_response({"active": True, "exp": exp}).expires_at == 1610509606.0


@pytest.mark.parametrize(
    "exp",
    [None, True, "soon", [], {}, "", "nan", "inf", float("nan"), pytest.param(10**400, id="400 digits")],
)
def test_a_time_that_is_none_counts_as_missing(exp: Any) -> None:
    assert Introspection.from_response({"active": True, "exp": exp}).expires_at is None


@given(st.dictionaries(NAMES, VALUES))
def test_no_json_object_breaks_it(reply: dict[str, Any]) -> None:
    introspection = Introspection.from_response(reply)

    times = (introspection.expires_at, introspection.issued_at, introspection.not_before)
    assert all(each is None or math.isfinite(each) for each in times)


def test_it_does_not_show_unknown_fields() -> None:
    assert "0f0f" not in repr(Introspection.from_response(REPLY))
