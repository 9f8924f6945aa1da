"""`sfauth.demo.promises`: each promise can be broken, by evidence that says so, and is then named."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sfauth.demo.cast import FEWEST_ORGS, Fate, Role, roles
from sfauth.demo.crawl import Score
from sfauth.demo.promises import Evidence, judge

Counts = dict[str, Any]

REVOKED, MOVED, ROTATING, WRONG_SECRET = ORGS = ("revoked", "moved", "rotating", "wrong-secret")


def counted(api: int, issued: int, reissued: int = 0, failed: int = 0, **rejected: int) -> Counts:
    return {
        "api_requests": api,
        "tokens_issued": issued,
        "reissued": reissued,
        "token_requests_total": issued + reissued + failed,
        "rejected": rejected,
    }


def evidence(spoil: Callable[[dict[str, Counts], dict[str, Score]], None] | None = None) -> Evidence:
    """A performance in which every promise was kept, or what `spoil` makes of it."""
    orgs = {
        REVOKED: counted(102, 2, reissued=3, revoked=2),
        MOVED: counted(105, 2, migrated=5),
        ROTATING: counted(100, 4),
        WRONG_SECRET: counted(0, 0, failed=1),
    }
    scores = {org: Score(asked=100, answered=100) for org in ORGS[:3]}
    scores[WRONG_SECRET] = Score(asked=7, refused=7, error="[wrong-secret] Salesforce refused the secret.")
    if spoil is not None:
        spoil(orgs, scores)
    total: Counts = {name: sum(org[name] for org in orgs.values()) for name in counted(0, 0) if name != "rejected"}
    total["rejected"] = {f"{org}/{reason}": n for org in orgs for reason, n in orgs[org]["rejected"].items()}
    return Evidence(
        roles=dict(zip(ORGS, roles(4, Random(0)), strict=True)),
        tasks=dict.fromkeys(ORGS, 5),
        scores=scores,
        generations={REVOKED: 2, MOVED: 2, ROTATING: 4, WRONG_SECRET: 0},
        counts={"total": total, "orgs": orgs},
    )


def test_kept_promises_are_a_verdict_without_a_flaw():
    verdict = judge(evidence())
    assert verdict.broken == []
    assert {figure.name.strip(): figure.value for figure in verdict.figures} == {
        "API requests": "307",
        "token requests": "12",
        "token requests per generation": "1.00",
        "requests with a dead token": "0",
        "after the admin's revoke": "2",
        "after the move": "5",
        "lost requests": "0",
        "token requests, wrong secret": "1",
    }
    assert verdict.report == "[wrong-secret] Salesforce refused the secret."


def stampede(orgs, scores):
    orgs[ROTATING]["tokens_issued"] += 1
    orgs[ROTATING]["token_requests_total"] += 1


def failed_token_request(orgs, scores):
    orgs[MOVED]["token_requests_total"] += 1


def token_that_was_never_fetched(orgs, scores):
    orgs[MOVED] = counted(105, 0, migrated=5)


def expired_token(orgs, scores):
    orgs[ROTATING]["rejected"]["expired"] = 1
    orgs[ROTATING]["api_requests"] += 1


def revoked_where_no_admin_was(orgs, scores):
    orgs[ROTATING]["rejected"]["revoked"] = 1
    orgs[ROTATING]["api_requests"] += 1


def wrong_instance(orgs, scores):
    orgs[MOVED]["rejected"]["wrong_host"] = 1
    orgs[MOVED]["api_requests"] += 1


def second_try_with_the_revoked_token(orgs, scores):
    orgs[REVOKED]["rejected"]["revoked"] = 6
    orgs[REVOKED]["api_requests"] += 4


def failed_request(orgs, scores):
    scores[MOVED].lost = 1
    scores[MOVED].error = "ReadTimeout: too slow"


def answer_that_nobody_got(orgs, scores):
    scores[MOVED].answered -= 1


def second_try_with_the_wrong_secret(orgs, scores):
    orgs[WRONG_SECRET]["token_requests_total"] += 1


def nothing_at_all(orgs, scores):
    for org in ORGS:
        orgs[org]["api_requests"] = 0
        orgs[org]["rejected"].clear()
        scores[org].answered = 0


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (stampede, "One token request per org and generation, but there were other numbers (rotating: 5 for 4)."),
        (
            failed_token_request,
            "One token request per org and generation, but there were other numbers (moved: 3 for 2).",
        ),
        (token_that_was_never_fetched, "One token request per org and generation, "),
        (expired_token, "No request goes out with a token that is known to be dead or not to fit (expired: 1)."),
        (revoked_where_no_admin_was, "No request goes out with a token that is known to be dead "),
        (wrong_instance, "No request goes out with a token that is known to be dead or not to fit (wrong_host: 1)."),
        (second_try_with_the_revoked_token, "At most one replay for each request under way (6 after the admin's "),
        (failed_request, "No request is lost: 300 answers for 300 that the server gave. The latest: ReadTimeout"),
        (answer_that_nobody_got, "No request is lost: 299 answers for 300 that the server gave."),
        (second_try_with_the_wrong_secret, "A refusal is remembered, so that it costs one token request, not 2."),
        (nothing_at_all, "Nothing was crawled at all."),
    ],
)
def test_a_broken_promise_is_named(spoil, promise):
    broken = judge(evidence(spoil)).broken
    assert len(broken) == 1
    assert broken[0].startswith(promise)


@pytest.mark.parametrize("number", range(FEWEST_ORGS, 25))
def test_everything_happens_to_one_org_each_however_few_there_are(number):
    cast = roles(number, Random(number))
    assert len(cast) == number
    for fate in set(Fate) - {Fate.QUIET}:
        assert sum(role.fate is fate for role in cast) == 1


def test_lifetimes_are_known_in_every_way_or_said():
    cast = roles(20, Random(0))
    assert {role.kind for role in cast} == {"JWT", "opaque"}
    assert any(role.assumed_lifetime is not None for role in cast)
    assert all(5 <= role.lifetime <= 15 for role in cast)


def test_what_the_program_assumes_is_never_more_than_the_truth():
    for role in roles(20, Random(0)):
        assert isinstance(role, Role)
        assert role.assumed_lifetime is None or role.assumed_lifetime < role.lifetime
