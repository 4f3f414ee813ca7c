"""Filters of a subscription: ``column=operator.value``, several with commas between, all of which must hold.

The operators of Supabase Realtime as of its release of August 2026, except the pattern matches (like, ilike, match,
imatch): a client's pattern could keep this process busy for as long as it likes. They are refused in words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

COMPARISONS = ("eq", "neq", "lt", "lte", "gt", "gte", "in", "is", "isdistinct")
MOST_VALUES = 100
"""Values of one ``in``, as the real service allows."""

_NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric", "oid"}
_TIMES = {"date", "timestamp", "timestamptz"}
# The embedded database compares text by code points, as Python does; a UUID's text orders as its bytes do.
_TEXTS = {"text", "varchar", "name", "uuid", "time"}
_IS = {"null": None, "true": True, "false": False, "unknown": None}


class BadFilter(Exception):  # noqa: N818 - the client's mistake, told in a system message
    """A filter that cannot be read, or does not fit its column."""


@dataclass(frozen=True)
class RawFilter:
    """One condition as it was written."""

    column: str
    operator: str
    value: str
    negated: bool

    def __str__(self) -> str:
        return f'{{"{self.column}", "{self.operator}", "{self.value}"}}'


@dataclass(frozen=True)
class Condition:
    """A condition with its value as Postgres reads it for that column's type."""

    column: str
    operator: str
    operand: Any
    """What the column's value is compared with: a key of :func:`comparable`, for ``in`` a set of them."""

    type_name: str
    negated: bool = False

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row passes. As in SQL, a comparison with null neither holds nor fails: the row does not pass."""
        value = row.get(self.column)
        if self.operator == "is":
            return (value is self.operand) != self.negated
        if self.operator == "isdistinct":
            distinct = bool((None if value is None else comparable(self.type_name, value)) != self.operand)
            return distinct != self.negated
        if value is None:
            return False
        return self._compare(comparable(self.type_name, value)) != self.negated

    def _compare(self, value: Any) -> bool:
        match self.operator:
            case "eq":
                return bool(value == self.operand)
            case "neq":
                return bool(value != self.operand)
            case "lt":
                return bool(value < self.operand)
            case "lte":
                return bool(value <= self.operand)
            case "gt":
                return bool(value > self.operand)
            case "gte":
                return bool(value >= self.operand)
            case _:
                return value in self.operand


def parse_row(text: str) -> Any:
    """JSON of Postgres with its numbers kept exact."""
    return json.loads(text, parse_float=Decimal)


def takes(operator: str, type_name: str, is_enum: bool) -> bool:
    """Whether a column of this type can be compared so."""
    if operator == "is":
        return True
    if is_enum:  # ordered as declared, which its text does not show
        return operator in ("eq", "neq", "in", "isdistinct")
    return type_name in _NUMBERS | _TIMES | _TEXTS | {"bool"}


def comparable(type_name: str, value: Any) -> Any:
    """A JSON value of a row as something that orders as Postgres orders that type."""
    if type_name in _NUMBERS:
        # NaN is above all numbers in Postgres, and equal to itself.
        return (1, Decimal(0)) if value == "NaN" else (0, Decimal(value))
    if type_name in _TIMES:
        return _moment(value)
    return value


def _moment(value: str) -> tuple[int, Any]:
    if value in ("infinity", "-infinity"):
        return (2 if value == "infinity" else -2, ())
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        # Beyond Python's calendar: before the year 1, or after 9999.
        year, _, rest = value.partition("-")
        return (-1, (-int(year), rest)) if rest.endswith("BC") else (1, (int(year), rest))
    return (0, moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def parse_filters(text: str) -> list[RawFilter]:
    """A subscription's ``filter`` as conditions; empty text is no condition."""
    return [_parse(part.strip()) for part in _split(text.strip())] if text.strip() else []


def _split(text: str) -> list[str]:
    """At commas outside of quotes and parentheses. Quotes open only where a value begins."""
    parts, current, depth, quoted, escaped = [], "", 0, False, False
    for char in text:
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"' and current[-1:] in (".", "(", ","):
            quoted = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif char == "," and depth == 0:
            parts.append(current)
            current = ""
            continue
        current += char
    return [*parts, current]


def _parse(part: str) -> RawFilter:
    if not part:
        raise BadFilter("filter must not contain empty segments (check for extra commas)")
    column, equals, rest = part.partition("=")
    negated = rest.startswith("not.")
    operator, dot, value = rest.removeprefix("not.").partition(".")
    if not equals or not dot:
        raise BadFilter(f'["{part}"]')
    if operator not in COMPARISONS:
        raise BadFilter(f'["{operator}", "{value}"]')
    if operator == "in":
        if not (value.startswith("(") and value.endswith(")")):
            raise BadFilter("`in` filter value must be wrapped by parentheses")
        value = f"{{{value[1:-1]}}}"
    elif operator == "is":
        if value not in _IS:
            raise BadFilter("invalid value for is filter: must be null, true, false, or unknown")
    elif len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return RawFilter(column, operator, value, negated)


def condition(raw: RawFilter, type_name: str, read: Any) -> Condition:
    """A condition whose value is ``read``: JSON as Postgres reads it; for ``is``, nothing was to be read."""
    operand: Any
    if raw.operator == "is":
        operand = _IS[raw.value]
    elif raw.operator == "in":
        if len(read) > MOST_VALUES:
            raise BadFilter(f"too many values for `in` filter. Maximum {MOST_VALUES}")
        operand = frozenset(comparable(type_name, value) for value in read if value is not None)
    else:
        operand = comparable(type_name, read)
    return Condition(raw.column, raw.operator, operand, type_name, raw.negated)
