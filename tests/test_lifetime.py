"""How long a token lives, and how we know."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sfauth import Lifetime, LifetimeSource, Token
from sfauth.lifetime import (
    AGREEMENT,
    ASSUMED_LIFETIME,
    SHORTEST_SESSION,
    Observed,
    due_after,
    lifetime_of,
    slid,
)

NOW = 1_800_000_000.0
SHARES = st.floats(0, 1, exclude_max=True)
SECONDS = st.floats(0, 1e7)


def jwt(**claims: Any) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.c2lnbmF0dXJl"


def lifetime(token: Token, observed: Observed | None = None, *, now: float = NOW) -> Lifetime:
    return lifetime_of(token, observed or Observed(), server_now=now, assumed=ASSUMED_LIFETIME)


def test_nothing_known_means_salesforces_default_session_timeout() -> None:
    assert lifetime(Token(access_token="00D!A")) == Lifetime(7200.0, LifetimeSource.ASSUMED)


def test_expires_in_wins_over_everything() -> None:
    token = Token.from_response({"access_token": jwt(exp=NOW + 60, iat=NOW), "expires_in": 7191}, now=NOW)
    opaque = Token.from_response({"access_token": "00D!A", "expires_in": "60"}, now=NOW)

    assert lifetime(token).seconds == 7191
    assert lifetime(opaque, Observed(introspected=5.0, learned=6.0)) == Lifetime(60.0, LifetimeSource.SERVER)


def test_the_exp_of_a_jwt_comes_next() -> None:
    token = Token.from_response({"access_token": jwt(exp=NOW + 1800, iat=NOW)}, now=NOW)

    assert lifetime(token, Observed(introspected=5.0)) == Lifetime(1800.0, LifetimeSource.JWT)


def test_then_what_rejections_taught_then_introspection() -> None:
    token = Token(access_token="00D!A")

    assert lifetime(token, Observed(introspected=900.0)) == Lifetime(900.0, LifetimeSource.INTROSPECTION)
    assert lifetime(token, Observed(introspected=900.0, learned=600.0)) == Lifetime(600.0, LifetimeSource.LEARNED)


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_is_off_bends_a_jwts_lifetime_no_further_than_the_jwt_says(hours: float) -> None:
    token = Token.from_response({"access_token": jwt(exp=NOW + 1800, iat=NOW)}, now=NOW)

    assert lifetime(token, now=NOW + hours * 3600).seconds == 1800


def test_a_jwt_handed_out_again_has_the_rest_of_its_life() -> None:
    token = Token.from_response({"access_token": jwt(exp=NOW + 1800, iat=NOW)}, now=NOW)

    assert lifetime(token, now=NOW + 1500).seconds == 300


@pytest.mark.parametrize("iat", [None, "soon", [], NOW + 9999, pytest.param(-(10**400), id="400 digits")])
def test_a_jwt_without_a_usable_iat_lives_until_exp(iat: Any) -> None:
    token = Token.from_response({"access_token": jwt(exp=NOW + 1800, iat=iat)}, now=NOW)

    assert lifetime(token) == Lifetime(1800.0, LifetimeSource.JWT)


@pytest.mark.parametrize(
    ("source", "certain"),
    [
        (LifetimeSource.SERVER, True),
        (LifetimeSource.JWT, True),
        (LifetimeSource.INTROSPECTION, False),
        (LifetimeSource.LEARNED, False),
        (LifetimeSource.ASSUMED, False),
    ],
)
def test_only_what_the_token_itself_says_is_certain(source: LifetimeSource, certain: bool) -> None:
    assert Lifetime(1.0, source).certain is certain


@given(
    expires_in=st.one_of(st.none(), st.integers(0, 10**9)),
    claims=st.dictionaries(
        st.sampled_from(["exp", "iat"]), st.integers() | st.floats() | st.text(max_size=4) | st.none()
    ),
    now=st.floats(0, 4e9),
)
def test_a_lifetime_is_never_negative_and_never_an_error(
    expires_in: int | None, claims: dict[str, Any], now: float
) -> None:
    token = Token.from_response({"access_token": jwt(**claims), "expires_in": expires_in}, now=now)

    assert lifetime(token, now=now).seconds >= 0


@given(seconds=SECONDS, fraction=SHARES, jitter=SHARES, chance=SHARES)
def test_a_refresh_is_due_at_the_fraction_or_up_to_the_jitter_earlier(
    seconds: float, fraction: float, jitter: float, chance: float
) -> None:
    due = due_after(seconds, fraction=fraction, jitter=jitter, chance=chance)

    assert 0 <= due <= seconds * fraction
    assert due >= seconds * fraction * (1 - jitter) * (1 - 1e-12)


def test_without_chance_it_is_due_at_three_quarters() -> None:
    assert due_after(7200, fraction=0.75, jitter=0.1, chance=0.0) == 5400


def test_chance_spreads_tokens_that_were_minted_together() -> None:
    moments = {due_after(7200, fraction=0.75, jitter=0.1, chance=each / 10) for each in range(10)}
    assert len(moments) == 10


# ── the half-time rule ──


def test_use_in_the_second_half_moves_the_sessions_end() -> None:
    assert slid(0, 3601, 5000, 7200) == 3601


def test_use_in_the_first_half_moves_nothing() -> None:
    assert slid(0, 600, 5000, 7200) == 0


def test_a_session_alive_beyond_its_thought_end_begins_anew() -> None:
    assert slid(0, 600, 7300, 7200) == 7300


@given(window=SECONDS, used=SECONDS, since=SECONDS, lifetime=st.floats(60, 86400))
def test_a_window_only_ever_moves_forward_and_never_into_the_future(
    window: float, used: float, since: float, lifetime: float
) -> None:
    now = window + used + since
    moved = slid(window, window + used, now, lifetime)

    assert window <= moved <= now


@given(window=SECONDS, used=SECONDS, since=SECONDS, lifetime=st.floats(60, 86400))
def test_a_session_that_salesforce_handed_out_again_is_not_thought_dead(
    window: float, used: float, since: float, lifetime: float
) -> None:
    """It's alive, for it was handed out; to think it dead at once would fetch it in a loop."""
    last_used = window + used
    now = last_used + since
    assume(since < lifetime)

    assert slid(window, last_used, now, lifetime) + lifetime > now


# ── learning from rejections ──


def rejections(*ages: float, expected: float = 7200.0) -> float | None:
    observed = Observed()
    for age in ages:
        observed.rejected(age, expected)
    return observed.learned


def test_one_early_rejection_teaches_nothing_for_it_may_be_an_admins() -> None:
    assert rejections(900) is None


def test_two_that_agree_teach_the_shorter_of_them() -> None:
    assert rejections(900, 950) == 900
    assert rejections(950, 900) == 900


def test_two_that_disagree_teach_nothing_and_the_later_one_is_kept_for_comparison() -> None:
    assert rejections(900, 3000) is None
    assert rejections(900, 3000, 3100) == 3000


@pytest.mark.parametrize("age", [0.0, 1.0, SHORTEST_SESSION - 0.1])
def test_a_token_younger_than_any_session_did_not_expire(age: float) -> None:
    assert rejections(age, age) is None


@pytest.mark.parametrize("age", [7200.0, 9000.0])
def test_a_rejection_at_the_thought_end_teaches_nothing_new(age: float) -> None:
    assert rejections(age, age) is None


@given(st.lists(st.floats(0, 1e5), max_size=8), st.floats(60, 1e5))
def test_what_is_learned_is_always_some_rejections_age_below_what_was_expected(
    ages: list[float], expected: float
) -> None:
    learned = rejections(*ages, expected=expected)

    assert learned is None or (learned in ages and SHORTEST_SESSION <= learned < expected)


def test_agreement_means_a_factor() -> None:
    assert rejections(1000, 1000 * AGREEMENT) == 1000
    assert rejections(1000, 1000 * AGREEMENT + 1) is None
