"""Identifiers in Salesforce's shapes."""

from __future__ import annotations

from random import Random

from sfauth.simulator.identifiers import random_id, record_id, to_18


def test_the_checksum_tells_upper_case_from_lower():
    assert to_18("00D000000000062") == "00D000000000062EAA"
    assert to_18("0015000000abcDE") == "0015000000abcDEAAY"
    assert to_18("00D000000000062EAA") == "00D000000000062EAA"


def test_record_ids_count_up():
    ids = [record_id("001", number) for number in range(1000)]
    assert len(set(ids)) == 1000
    assert {len(one) for one in ids} == {18}


def test_the_same_seed_gives_the_same_ids():
    assert random_id("00D", Random(1)) == random_id("00D", Random(1))
