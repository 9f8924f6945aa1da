"""Userinfo and identity answers as values, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfauth.identity import Identity, UserInfo

URL = "https://login.salesforce.com/id/00D5g000004XYZaEAM/0055g00000ABCdeAAG"
USERINFO: dict[str, Any] = {
    "sub": URL,
    "user_id": "0055g00000ABCdeAAG",
    "organization_id": "00D5g000004XYZaEAM",
    "preferred_username": "ann@acme.com",
    "nickname": "ann",
    "name": "Ann Smith",
    "email": "ann.smith@acme.com",
    "email_verified": True,
    "given_name": "Ann",
    "family_name": "Smith",
    "zoneinfo": "Europe/Berlin",
    "photos": {"picture": "https://acme.my.salesforce.com/photo", "thumbnail": None},
    "urls": {"rest": "https://acme.my.salesforce.com/services/data/v{version}/"},
    "active": True,
    "user_type": "STANDARD",
    "language": "en_US",
    "locale": "de_DE",
    "utcOffset": 3600000,
    "updated_at": "2026-01-01T00:00:00.000+0000",
    "is_app_installed": True,
    "custom_attributes": {"team": "blue"},
    "address": {"country": "DE"},
}
IDENTITY: dict[str, Any] = {
    "id": URL,
    "asserted_user": True,
    "user_id": "0055g00000ABCdeAAG",
    "organization_id": "00D5g000004XYZaEAM",
    "username": "ann@acme.com",
    "display_name": "Ann Smith",
    "email": "ann.smith@acme.com",
    "urls": USERINFO["urls"],
    "active": True,
    "mobile_policy": {"screen_lock": "10"},
    "addr_city": "Berlin",
}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=2)


def test_every_documented_field_of_userinfo_is_read() -> None:
    found = UserInfo.from_response(USERINFO)

    assert (found.subject, found.user_id, found.org_id) == (URL, "0055g00000ABCdeAAG", "00D5g000004XYZaEAM")
    assert (found.username, found.name, found.email, found.email_verified) == (
        "ann@acme.com",
        "Ann Smith",
        "ann.smith@acme.com",
        True,
    )
    assert (found.utc_offset, found.locale, found.active, found.is_app_installed) == (3600000, "de_DE", True, True)
    assert found.photos == {"picture": "https://acme.my.salesforce.com/photo"}
    assert found.custom_attributes == {"team": "blue"}
    assert found.extra == {"address": {"country": "DE"}}


def test_every_documented_field_of_the_identity_is_read() -> None:
    found = Identity.from_response(IDENTITY)

    assert (found.url, found.asserted_user, found.display_name) == (URL, True, "Ann Smith")
    assert found.mobile_policy == {"screen_lock": "10"}
    assert found.extra == {"addr_city": "Berlin"}


def test_urls_are_filled_in_with_a_version() -> None:
    assert UserInfo.from_response(USERINFO).url("rest", "66.0") == "https://acme.my.salesforce.com/services/data/v66.0/"
    assert Identity.from_response(IDENTITY).api_url("bulk", "66.0") is None


def test_personal_data_is_not_shown() -> None:
    shown = f"{UserInfo.from_response(USERINFO)!r}{Identity.from_response(IDENTITY)!r}"
    assert not any(each in shown for each in ("Ann", "ann@", "Berlin", "blue"))
    assert "0055g00000ABCdeAAG" in shown


@pytest.mark.parametrize("sub", [None, "", 7, [URL]])
def test_userinfo_about_nobody_is_no_userinfo(sub: Any) -> None:
    with pytest.raises(ValueError, match="nobody"):
        UserInfo.from_response({**USERINFO, "sub": sub})


@pytest.mark.parametrize("name", ["id", "user_id", "organization_id"])
def test_an_identity_says_which_user_of_which_org(name: str) -> None:
    with pytest.raises(ValueError, match="which user"):
        Identity.from_response({**IDENTITY, name: None})


@given(st.dictionaries(st.sampled_from(sorted({*USERINFO, *IDENTITY})), VALUES))
def test_no_json_object_breaks_them(reply: dict[str, Any]) -> None:
    hash(UserInfo.from_response({**reply, "sub": "x"}))
    hash(Identity.from_response({**reply, "id": "x", "user_id": "x", "organization_id": "x"}))
