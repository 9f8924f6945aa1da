"""Which flow is mine: every set of facts has an answer, every answer is reachable, and the page says the same."""

from __future__ import annotations

import importlib
import inspect
import itertools
from pathlib import Path

import pytest

from sfauth.flows import Choice, choose_flow
from sfauth.flows.choice import FACTS, ROWS, as_markdown

PAGES = Path(__file__).parent.parent.parent / "docs" / "how-to"


def every_choice() -> list[Choice]:
    return [
        choose_flow(**dict(zip(FACTS, facts, strict=True)))
        for facts in itertools.product((False, True), repeat=len(FACTS))
    ]


def test_every_set_of_facts_has_an_answer_and_every_answer_is_reachable():
    assert {choice.flow for choice in every_choice()} == {row.flow for row in ROWS}


def test_the_facts_are_the_parameters():
    assert list(inspect.signature(choose_flow).parameters) == list(FACTS)
    assert all(row.facts.keys() <= FACTS.keys() for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.flow)
def test_what_is_named_exists(row: Choice):
    if row.use is not None:
        module, _, name = row.use.rpartition(".")
        assert inspect.isclass(getattr(importlib.import_module(module), name))
    if row.page is not None:
        assert (PAGES / row.page).exists()
    assert row.setup
    assert row.reason.endswith(".")


@pytest.mark.parametrize(
    ("facts", "flow"),
    [
        ({"user_present": True}, "Web server flow"),
        ({"user_present": True, "keeps_secret": False}, "Web server flow without a secret"),
        ({"user_present": True, "browser": False}, "Device flow"),
        ({"user_present": True, "salesforce_pages": True}, "Hybrid app web server flow"),
        ({"user_present": False}, "Client credentials flow"),
        ({"user_present": False, "certificate": True}, "JWT bearer flow"),
        (
            {"user_present": False, "certificate": True, "site_users": True},
            "JWT bearer flow for Experience Cloud users",
        ),
        ({"user_present": False, "keeps_secret": False}, "JWT bearer flow, with a key to be made"),
        ({"user_present": True, "idp_token": True}, "Token exchange"),
        ({"user_present": False, "idp_token": True, "certificate": True}, "Token exchange"),
        ({"user_present": False, "guest": True}, "Headless guest flow"),
    ],
)
def test_common_cases(facts: dict[str, bool], flow: str):
    assert choose_flow(**facts).flow == flow


def test_no_answer_is_an_insecure_flow():
    assert {choice.use for choice in every_choice()}.isdisjoint(
        {"sfauth.flows.UserAgentFlow", "sfauth.grants.UsernamePasswordGrant"}
    )


def test_the_page_shows_this_very_table():
    page = (PAGES / "choose-a-flow.md").read_text()
    start, end = "<!-- table: sfauth.flows.choice.as_markdown() -->\n", "<!-- end of table -->"
    assert page.partition(start)[2].partition(end)[0] == as_markdown(), "write as_markdown() between the two comments"
