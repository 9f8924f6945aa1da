"""What the server's counts say about the client's promises. Pure: evidence in, verdict out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .cast import Fate, Role
from .crawl import Score

__all__ = ["Evidence", "Figure", "Verdict", "judge"]

_ENDINGS = {Fate.REVOKED: "revoked", Fate.MOVED: "migrated"}
"""How the simulator calls the end of the sessions to which this happens."""

_REISSUED = (
    "Salesforce answers a repeated JWT bearer or client credentials request with the token of the session that is"
    " alive. So a look at whether it is alive costs a request, and makes no new generation."
)
_UNAVOIDABLE = (
    "Nobody can know of these before the first 401. Each task has at most one request under way, which is sent once"
    " more with the new token, to the new instance."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known at the end; mappings are by org.

    Attributes:
        roles: Who played what.
        tasks: How many tasks crawled it.
        scores: What the tasks noted.
        generations: How many tokens the manager had, one after the other.
        counts: What the server counted, as its ``counts`` endpoint tells it.
    """

    roles: Mapping[str, Role]
    tasks: Mapping[str, int]
    scores: Mapping[str, Score]
    generations: Mapping[str, int]
    counts: Mapping[str, Any]

    def of(self, org: str) -> Mapping[str, Any]:
        """The server's counts for one org; of an org that it never heard of, none."""
        found: Mapping[str, Any] = self.counts["orgs"].get(org, {})
        return found

    def with_fate(self, fate: Fate) -> list[str]:
        """The orgs that it happened to."""
        return [org for org, role in self.roles.items() if role.fate is fate]


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the summary.

    Attributes:
        name: What is counted.
        value: The figure.
        remark: What goes with it.
        broken: Which promise it breaks; empty when it is kept.
    """

    name: str
    value: str
    remark: str = ""
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The summary.

    Attributes:
        figures: Its lines.
        notes: What they leave unsaid.
        report: What the person on call reads about the org whose secret is wrong.
    """

    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    report: str

    @property
    def broken(self) -> list[str]:
        """The promises that were broken."""
        return [figure.broken for figure in self.figures if figure.broken]


def judge(evidence: Evidence) -> Verdict:
    """Compare what was counted with what was promised."""
    refused = evidence.with_fate(Fate.WRONG_SECRET)
    return Verdict(
        figures=(
            _api_requests(evidence),
            _token_requests(evidence),
            _per_generation(evidence),
            _dead_tokens(evidence),
            *(_after(evidence, fate) for fate in _ENDINGS),
            _lost(evidence),
            *(_wrong_secret(evidence, org) for org in refused),
        ),
        notes=(_REISSUED, _UNAVOIDABLE),
        report="\n".join(evidence.scores[org].error for org in refused),
    )


def _api_requests(evidence: Evidence) -> Figure:
    tasks, orgs = sum(evidence.tasks.values()), len(evidence.roles)
    number = evidence.counts["total"]["api_requests"]
    broken = "" if number else "Nothing was crawled at all."
    return Figure("API requests", f"{number:,}", f"by {tasks:,} tasks in {orgs:,} orgs", broken)


def _token_requests(evidence: Evidence) -> Figure:
    total = evidence.counts["total"]
    all_of_them, new, again = total["token_requests_total"], total["tokens_issued"], total["reissued"]
    remark = f"{new:,} new, {again:,} reissued ¹, {all_of_them - new - again:,} refused"
    return Figure("token requests", f"{all_of_them:,}", remark)


def _per_generation(evidence: Evidence) -> Figure:
    served = [org for org, role in evidence.roles.items() if role.fate is not Fate.WRONG_SECRET]
    requests = {org: _requests_for_new_tokens(evidence, org) for org in served}
    generations = {org: evidence.generations.get(org, 0) for org in served}
    wrong = [org for org in served if not requests[org] == generations[org] >= 1]
    whole = sum(generations.values())
    ratio = sum(requests.values()) / whole if whole else 0.0
    details = ", ".join(f"{org}: {requests[org]} for {generations[org]}" for org in wrong)
    broken = f"One token request per org and generation, but there were other numbers ({details})." if wrong else ""
    remark = f"{whole:,} generations, {'not ' if wrong else ''}in each org 1.00"
    return Figure("token requests per generation", f"{ratio:.2f}", remark, broken)


def _requests_for_new_tokens(evidence: Evidence, org: str) -> int:
    counts = evidence.of(org)
    number: int = counts.get("token_requests_total", 0) - counts.get("reissued", 0)
    return number


def _dead_tokens(evidence: Evidence) -> Figure:
    reasons: dict[str, int] = {}
    for org, role in evidence.roles.items():
        for reason, number in evidence.of(org).get("rejected", {}).items():
            if reason != _ENDINGS.get(role.fate):
                reasons[reason] = reasons.get(reason, 0) + number
    number = sum(reasons.values())
    details = ", ".join(f"{reason}: {times}" for reason, times in sorted(reasons.items()))
    broken = f"No request goes out with a token that is known to be dead or not to fit ({details})." if number else ""
    return Figure("requests with a dead token", f"{number:,}", "", broken)


def _after(evidence: Evidence, fate: Fate) -> Figure:
    name = {Fate.REVOKED: "after the admin's revoke", Fate.MOVED: "after the move"}[fate]
    number = unavoidable = 0
    for org in evidence.with_fate(fate):
        number += evidence.of(org).get("rejected", {}).get(_ENDINGS[fate], 0)
        unavoidable += evidence.tasks[org]
    broken = f"At most one replay for each request under way ({number} {name}, of {unavoidable} tasks)."
    remark = f"of {unavoidable} tasks there ²"
    return Figure(f"  {name}", f"{number:,}", remark, broken if number > unavoidable else "")


def _lost(evidence: Evidence) -> Figure:
    total = evidence.counts["total"]
    accepted = total["api_requests"] - sum(total["rejected"].values())
    answered = sum(score.answered for score in evidence.scores.values())
    failed = sum(score.lost for score in evidence.scores.values())
    # What no task complains about, and yet never came back to one.
    number = max(failed, abs(accepted - answered))
    error = next((f" The latest: {score.error}" for score in evidence.scores.values() if score.lost), "")
    broken = f"No request is lost: {answered:,} answers for {accepted:,} that the server gave.{error}" if number else ""
    return Figure("lost requests", f"{number:,}", "", broken)


def _wrong_secret(evidence: Evidence, org: str) -> Figure:
    requests, refused = evidence.of(org).get("token_requests_total", 0), evidence.scores[org].refused
    broken = f"A refusal is remembered, so that it costs one token request, not {requests}." if requests != 1 else ""
    remark = f"{org}: {evidence.tasks[org]} tasks asked {refused:,} times"
    return Figure("token requests, wrong secret", f"{requests:,}", remark, broken)
