"""The monitoring queries that come with Maquette: ``sql/monitoring``, one file each, which psql reads as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from maquette.db.connection import connect
from maquette.db.migrate import PACKAGE
from maquette.errors import BadInputError

FOLDER = PACKAGE / "sql" / "monitoring"

# psql's own syntax for a variable that becomes a quoted text.
_VARIABLE = re.compile(r":'([a-z_]+)'")


class BadQueryError(BadInputError):
    """The database would not run a query."""

    code = "bad_query"


class QueryValueError(BadInputError):
    """A query needs a value that was not given, or was given one it does not know."""

    code = "query_value"


@dataclass(frozen=True)
class Query:
    """A named query. ``about`` is the comment at its head; ``variables`` are the values it needs."""

    name: str
    text: str
    about: str
    variables: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The first sentence of ``about``."""
        first, _, _ = self.about.replace("\n", " ").partition(". ")
        return first.rstrip(".") + "."


def monitoring_queries() -> dict[str, Query]:
    """All of them by name."""
    return {path.stem: _read(path.stem, path.read_text()) for path in sorted(FOLDER.glob("*.sql"))}


def _read(name: str, text: str) -> Query:
    lines = text.splitlines()
    head = next(index for index, line in enumerate(lines) if not line.startswith("--"))
    about = "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[:head])
    body = "\n".join(lines[head:])
    return Query(name, body, about, tuple(dict.fromkeys(_VARIABLE.findall(body))))


def fill(query: Query, values: Mapping[str, str]) -> sql.Composed:
    """The query with its variables as quoted texts, as psql does it."""
    missing = [name for name in query.variables if name not in values]
    unknown = [name for name in values if name not in query.variables]
    if missing or unknown:
        raise QueryValueError(
            f"The query {query.name} needs {_list(query.variables)}; "
            + (f"{_list(missing)} was not given." if missing else f"it does not know {_list(unknown)}."),
            suggestion=" ".join([f"maquette db query {query.name}", *(f"--set {name}=…" for name in query.variables)]),
        )
    parts = _VARIABLE.split(query.text)
    # Texts and names of variables alternate.
    return sql.Composed(
        [
            sql.Literal(values[part]) if index % 2 else sql.SQL(part)  # our own files
            for index, part in enumerate(parts)
        ]
    )


def _list(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join(names) or "nothing"


def ask(database_url: str, statement: str | sql.Composed) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of one statement, in a transaction that cannot write. ``bad_query`` where refused."""
    with connect(database_url, "maquette-query") as connection:
        connection.read_only = True
        try:
            # As bytes: what users type is their own text.
            text = statement.encode() if isinstance(statement, str) else statement
            with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
                cursor.execute(text)
                columns = [column.name for column in cursor.description or ()]
                return columns, cursor.fetchall() if columns else []
        except psycopg.Error as error:
            message = (error.diag.message_primary or str(error)).strip()
            suggestion = "Correct it; only reading is allowed here."
            if isinstance(error, psycopg.errors.UndefinedTable):
                suggestion += " Where it is a table of Maquette's that is missing, run `maquette db migrate`."
            raise BadQueryError(f"The database refused the query: {message}.", suggestion=suggestion) from None
