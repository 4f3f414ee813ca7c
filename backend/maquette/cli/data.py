"""``maquette db``: the schema, on the embedded Postgres or on a Supabase project."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from maquette.errors import BadInputError

if TYPE_CHECKING:
    from maquette.settings import Connections

app = typer.Typer(no_args_is_help=True, help="The database: apply the schema, check it, ask it.")


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
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as a JSON list, for scripts.")] = False,
) -> None:
    """Check connection, schema, row security, grants, buckets, keys and sign-in, and say how to mend each.

    Exit code 1 where something is wrong; a warning is no failure.
    """
    import asyncio
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from maquette.db.check import check as examine
    from maquette.settings import read_settings, resolve_connections

    findings = asyncio.run(examine(resolve_connections(read_settings())))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        marks = {"ok": "[green]ok[/]", "warning": "[yellow]look[/]", "failure": "[red]no[/]"}
        table = Table("", "what", "found", "what to do", show_edge=False)
        for finding in findings:
            table.add_row(marks[finding.level], finding.what, escape(finding.found), escape(finding.advice))
        Console().print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def sql() -> None:
    """Print what `migrate` does as one text, for the SQL editor of a Supabase project. Nothing is connected to.

    Example: maquette db sql > maquette.sql
    """
    from maquette.db.script import script

    typer.echo(script(), nl=False)


@app.command()
def url() -> None:
    """Print the database's address, password included, for psql and other programs. Keep it to yourself."""
    from maquette.settings import read_settings, resolve_connections

    typer.echo(resolve_connections(read_settings()).database_url)


@app.command()
def query(
    what: Annotated[
        str, typer.Argument(help="The name of a monitoring query, or one SQL statement that only reads.")
    ] = "",
    values: Annotated[
        list[str] | None, typer.Option("--set", help="A value that the named query needs, as name=value.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as a JSON list, for scripts.")] = False,
) -> None:
    """Ask the database. Without an argument: the list of monitoring queries, and what each tells.

    Nothing can be changed this way.

    Examples: maquette db query queue_depth · maquette db query refinement_progress --set project_id=… ·
    maquette db query "select name, status from projects" --json
    """
    from maquette.db.queries import ask, fill, monitoring_queries

    known = monitoring_queries()
    if not what:
        rows = [(one.name, one.summary, ", ".join(one.variables)) for one in known.values()]
        _print(["query", "tells", "needs"], rows, as_json)
        return
    given = dict(_pair(value) for value in values or ())
    if what in known:
        statement: Any = fill(known[what], given)
    elif re.fullmatch(r"\w+", what):
        raise UnknownQueryError(
            f"There is no monitoring query {what}.", suggestion="`maquette db query` alone lists them."
        )
    elif given:
        raise BadInputError("--set is for named queries.", suggestion="Write the value into the SQL statement.")
    else:
        statement = what
    with running() as connections:
        columns, found = ask(connections.database_url, statement)
    _print(columns, found, as_json)


class UnknownQueryError(BadInputError):
    """No monitoring query has this name."""

    code = "unknown_query"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInputError(f"--set {text} has no value.", suggestion="Write --set name=value.")
    return name, value


def _print(columns: list[str], rows: Sequence[Sequence[Any]], as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    if as_json:
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        typer.echo(json.dumps(found, indent=2, default=_plain, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console.width = 240  # a file or a pipe has no edge to break lines at
    table = Table(show_edge=False)
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    console.print(table)
    if not rows:
        typer.echo("no rows")


def _plain(value: object) -> object:
    """Numbers as numbers, everything else (times, ids) as text."""
    return float(value) if isinstance(value, Decimal) else str(value)


@contextmanager
def running() -> Iterator[Connections]:
    """The database that is configured or runs; the embedded one is started for the moment where it does not."""
    from maquette.embedded.stack import run_stack
    from maquette.settings import StackNotRunningError, read_settings, resolve_connections

    settings = read_settings()
    try:
        connections = resolve_connections(settings)
    except StackNotRunningError as error:
        # Said, because the server whose data were meant may run on another home.
        typer.echo(f"{error.message} Its database is started for this command alone.", err=True)
        with run_stack(settings) as stack:
            yield stack.connections
    else:
        yield connections
