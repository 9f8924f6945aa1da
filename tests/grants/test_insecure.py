"""The policy of insecure flows: all blocked, each with a way out and a safer way."""

from __future__ import annotations

import dataclasses

import pytest

from sfauth.errors import ConfigurationError
from sfauth.grants import InsecureFlowError, InsecureFlows
from sfauth.grants.insecure import SAFER

FLOWS = [each.name for each in dataclasses.fields(InsecureFlows)]


def test_every_insecure_flow_has_a_safer_one():
    assert sorted(SAFER) == sorted(FLOWS)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_is_blocked_until_exactly_it_is_let_through(flow: str):
    with pytest.raises(InsecureFlowError, match="is blocked") as caught:
        InsecureFlows(**{name: name != flow for name in FLOWS}).check(flow)
    assert f"TokenManager(..., insecure_flows=InsecureFlows({flow}=True))" in str(caught.value)
    assert SAFER[flow][2] in str(caught.value)
    assert isinstance(caught.value, ConfigurationError)
    InsecureFlows(**{flow: True}).check(flow)


def test_other_grants_need_no_leave():
    InsecureFlows().check(None)
