"""SOQL, as far as a crawl goes."""

from __future__ import annotations

import pytest

from sfauth.simulator.api.soql import QueryError, parse

ROWS = [
    {"Id": "1", "Name": "Ada", "AnnualRevenue": 5, "Industry": None},
    {"Id": "2", "Name": "bob", "AnnualRevenue": 7, "Industry": "Energy"},
    {"Id": "3", "Name": "O'Neil", "AnnualRevenue": 9, "Industry": "Banking"},
]


@pytest.mark.parametrize(
    ("rest", "ids"),
    [
        ("", "123"),
        ("LIMIT 2", "12"),
        ("limit 2 offset 1", "23"),
        ("WHERE Name = 'ADA'", "1"),
        ("WHERE Name != 'ada'", "23"),
        (r"WHERE Name = 'O\'Neil'", "3"),
        ("WHERE AnnualRevenue > 5", "23"),
        ("WHERE AnnualRevenue >= 5 AND AnnualRevenue < 9", "12"),
        ("WHERE AnnualRevenue<=5", "1"),
        ("WHERE Industry = null", "1"),
        ("WHERE Industry > 'A'", "23"),
        ("ORDER BY AnnualRevenue DESC", "321"),
        ("ORDER BY Industry ASC NULLS FIRST LIMIT 2", "13"),
        ("WHERE AnnualRevenue > 5\n ORDER BY Name\n LIMIT 1", "3"),
        ("WHERE CreatedDate < 2026-01-01T00:00:00Z", ""),
    ],
)
def test_rows_are_chosen_and_ordered(rest, ids):
    assert "".join(row["Id"] for row in parse(f"SELECT Id FROM Account {rest}").select(ROWS)) == ids


def test_fields_are_named_in_any_case_and_all_at_once():
    assert parse("select id, NAME from account").fields == ("Id", "Name")
    assert "AnnualRevenue" in parse("SELECT FIELDS(ALL) FROM Account LIMIT 200").fields
    assert parse("SELECT COUNT() FROM Account").fields == ()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("DELETE FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name LIKE 'A%'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Nothing = 1", "INVALID_FIELD"),
        ("SELECT Id FROM Account ORDER BY Nothing", "INVALID_FIELD"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
    ],
)
def test_what_it_does_not_know_it_refuses(query, code):
    with pytest.raises(QueryError) as refused:
        parse(query)
    assert refused.value.code == code
