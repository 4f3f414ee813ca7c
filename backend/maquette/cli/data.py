"""``maquette db``: the schema, on the embedded Postgres or on a Supabase project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from maquette.errors import BadInputError

if TYPE_CHECKING:
    from maquette.settings import Connections

app = typer.Typer(no_args_is_help=True, help="The database schema: apply it, check it.")


@app.command()
def migrate() -> None:
    """Apply what is missing of the schema, functions, policies and buckets. Safe to repeat."""
    with running() as connections:
        from maquette.db.migrate import migrate as apply

        report = apply(connections.database_url)
    for name in report.applied:
        typer.echo(f"applied {name}")
    typer.echo(f"{len(report.applied)} new, {len(report.redeclared)} declared again: the schema is up to date.")


@app.command()
def check() -> None:
    """Check connection, tables, row security, grants, buckets and keys, and say how to mend each."""
    import asyncio

    from rich.console import Console
    from rich.table import Table

    from maquette.db.check import check as examine
    from maquette.settings import read_settings, resolve_connections

    findings = asyncio.run(examine(resolve_connections(read_settings())))
    table = Table("", "what", "found", "what to do", show_edge=False)
    for finding in findings:
        table.add_row("[green]ok[/]" if finding.ok else "[red]no[/]", finding.what, finding.found, finding.advice)
    Console().print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def url() -> None:
    """Print the database's address, password included, for psql and other programs. Keep it to yourself."""
    from maquette.settings import read_settings, resolve_connections

    typer.echo(resolve_connections(read_settings()).database_url)


@app.command()
def query(sql: Annotated[str, typer.Argument(help="One SQL statement that only reads.")]) -> None:
    """Ask the database in SQL and print the rows as a table; nothing can be changed this way."""
    from rich.console import Console
    from rich.table import Table

    with running() as connections:
        names, rows = _read(connections.database_url, sql)
    table = Table(*names, show_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    Console().print(table)


class BadQueryError(BadInputError):
    """The database would not run a query."""

    code = "bad_query"


def _read(database_url: str, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    import psycopg

    with psycopg.connect(database_url) as connection:
        connection.read_only = True
        try:
            # As bytes: it is the user's own text, and the transaction cannot write.
            cursor = connection.execute(sql.encode())
            return [column.name for column in cursor.description or ()], cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            message = (error.diag.message_primary or str(error)).strip()
            raise BadQueryError(
                f"The database refused the query: {message}.", suggestion="Correct it; only reading is allowed here."
            ) from None


@contextmanager
def running() -> Iterator[Connections]:
    """The database that is configured or runs; the embedded one is started for the moment where it does not."""
    from maquette.embedded.stack import run_stack
    from maquette.settings import StackNotRunningError, read_settings, resolve_connections

    settings = read_settings()
    try:
        connections = resolve_connections(settings)
    except StackNotRunningError:
        with run_stack(settings) as stack:
            yield stack.connections
    else:
        yield connections
