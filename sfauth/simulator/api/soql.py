"""As much SOQL as a crawl needs: SELECT … FROM … [WHERE … AND …] [ORDER BY …] [LIMIT n] [OFFSET n]."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..data import OBJECT_TYPES, ObjectType, Row

_QUERY = re.compile(
    r"\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<object>\w+)"
    r"(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+(?P<order>\w+)(?:\s+(?P<direction>ASC|DESC))?(?:\s+NULLS\s+\w+)?)?"
    r"(?:\s+LIMIT\s+(?P<limit>\d+))?(?:\s+OFFSET\s+(?P<offset>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\s*(\w+)\s*(=|!=|<=|>=|<|>)\s*('(?:[^'\\]|\\.)*'|[^\s']+)\s*", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}


class QueryError(Exception):
    """The query is refused; `code` is Salesforce's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. No `fields` means ``COUNT()``."""

    type: ObjectType
    fields: tuple[str, ...]
    conditions: tuple[tuple[str, str, Any], ...]
    order: str | None
    descending: bool
    limit: int | None
    offset: int

    def select(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that match, in order, unprojected."""
        for field, sign, value in self.conditions:
            compare = _OPERATORS[sign]
            rows = [row for row in rows if _holds(compare, row.get(field), value)]
        if self.order is not None:
            field = self.order
            rows = sorted(rows, key=lambda row: (row[field] is not None, row[field]), reverse=self.descending)
        stop = None if self.limit is None else self.offset + self.limit
        return list(rows)[self.offset : stop]


@lru_cache(maxsize=1024)
def parse(soql: str) -> Query:
    """The query of a text, or `QueryError`."""
    match = _QUERY.fullmatch(soql)
    if match is None:
        raise QueryError("MALFORMED_QUERY", "unexpected token in the query")
    type_ = OBJECT_TYPES.get(match["object"].lower())
    if type_ is None:
        raise QueryError("INVALID_TYPE", f"sObject type '{match['object']}' is not supported.")
    names = [name.strip() for name in match["fields"].split(",")]
    if [name.lower() for name in names] == ["count()"]:
        fields: tuple[str, ...] = ()
    elif len(names) == 1 and re.fullmatch(r"FIELDS\((ALL|STANDARD)\)", names[0], re.IGNORECASE):
        fields = tuple(type_.fields)
    else:
        fields = tuple(_field(type_, name) for name in names)
    return Query(
        type=type_,
        fields=fields,
        conditions=_conditions(type_, match["where"]),
        order=_field(type_, match["order"]) if match["order"] else None,
        descending=(match["direction"] or "").upper() == "DESC",
        limit=int(match["limit"]) if match["limit"] else None,
        offset=int(match["offset"] or 0),
    )


def _conditions(type_: ObjectType, text: str | None) -> tuple[tuple[str, str, Any], ...]:
    found = []
    while text:
        match = _CONDITION.match(text)
        if match is None:
            raise QueryError("MALFORMED_QUERY", "this simulator knows only comparisons joined by AND")
        found.append((_field(type_, match[1]), match[2], _value(match[3])))
        text = text[match.end() :]
        if text:
            joined = re.match(r"AND\s+", text, re.IGNORECASE)
            if joined is None:
                raise QueryError("MALFORMED_QUERY", "this simulator knows only comparisons joined by AND")
            text = text[joined.end() :]
    return tuple(found)


def _field(type_: ObjectType, name: str) -> str:
    for known in type_.fields:
        if known.lower() == name.lower():
            return known
    raise QueryError("INVALID_FIELD", f"No such column '{name}' on entity '{type_.name}'.")


def _value(text: str) -> Any:
    if text.startswith("'"):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text  # a date or a date literal, compared as text


def _holds(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str) and compare in (operator.eq, operator.ne):
        return bool(compare(left.lower(), right.lower()))
    try:
        return bool(compare(left, right))
    except TypeError:
        return False
